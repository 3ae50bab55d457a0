#include "base/file_copy.h"

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/file_step.h"

#define CHUNK_SIZE ((size_t)16 << 10)
#define RANGE_SIZE ((off_t)16 << 20)

/* Copies some bytes at OFFSET, at most SIZE; 0 where IN ends there. */
static ssize_t copy_by_hand(int in, int out, off_t offset, size_t size)
{
	char chunk[CHUNK_SIZE];
	ssize_t got;

	do
		got = pread(
			in, chunk, size < sizeof(chunk) ? size : sizeof(chunk), offset);
	while (got < 0 && errno == EINTR);
	return got <= 0 ? got : step_pwrite(out, chunk, (size_t)got, offset);
}

/* Whatever keeps the kernel from copying, reading and writing shows what it is, or
 * works. */
static int copy_stretch(int in, int out, off_t offset, off_t end)
{
	bool by_hand = false;

	while (offset < end) {
		off_t left = end - offset;
		size_t size = (size_t)(left < RANGE_SIZE ? left : RANGE_SIZE);
		ssize_t copied = -1;

		if (!by_hand)
			copied = step_copy_range(in, out, offset, size);
		if (copied <= 0) {
			by_hand = true;
			copied = copy_by_hand(in, out, offset, size);
		}
		if (copied < 0)
			return errno;
		if (copied == 0)
			return ESTALE; /* it shrank; the caller sees that too */
		offset += copied;
	}
	return 0;
}

/* Holes stay holes: an LMDB file may claim a hundred times what it occupies. */
int file_copy_content(int in, int out, off_t size)
{
	off_t offset = 0;

	while (offset < size) {
		off_t data = lseek(in, offset, SEEK_DATA);
		off_t end = size;
		int err;

		if (data < 0 && errno == ENXIO)
			break;
		if (data >= size)
			break;
		if (data >= 0) {
			offset = data;
			end = lseek(in, data, SEEK_HOLE);
			if (end < 0 || end > size)
				end = size;
		}
		err = copy_stretch(in, out, offset, end);
		if (err)
			return err;
		offset = end;
	}
	return step_truncate(out, size) ? errno : 0;
}
