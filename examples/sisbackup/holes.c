/*
 * Asked of the descriptor: what a library call says of a path may be of another file by
 * the time its content is read.
 */
#include "sisbackup/holes.h"

#include <errno.h>
#include <unistd.h>

#include "common/mem.h"

/* The next position of WHENCE's kind, SIZE where there is none; -1: errno. */
static off_t seek(int fd, off_t from, int whence, off_t size)
{
	off_t found = lseek(fd, from, whence);

	if (found < 0)
		return errno == ENXIO ? size : -1;
	return found < size ? found : size;
}

bool holes_ranges(int fd, uint64_t size, struct ranges *ranges)
{
	off_t end = (off_t)size, data, hole = 0;
	size_t count = 0, capacity = 0;

	while ((data = seek(fd, hole, SEEK_DATA, end)) >= 0 && data < end) {
		hole = seek(fd, data, SEEK_HOLE, end);
		if (hole < 0)
			return false;
		array_reserve(&ranges->items, count, &capacity, sizeof(*ranges->items));
		ranges->items[count++] =
			(struct backupapi_range){(uint64_t)data, (uint64_t)(hole - data)};
	}
	ranges->count = (uint32_t)count;
	return data >= 0;
}

bool holes_only(int fd)
{
	return lseek(fd, 0, SEEK_END) > 0 && lseek(fd, 0, SEEK_DATA) < 0 &&
	       errno == ENXIO;
}
