#include "sisbackup/stored.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"

#define FILE_SUFFIX   ".sis"
#define RECORD_SUFFIX ".sum"

static void pass_hole(struct stored *stored, uint64_t end)
{
	if (end <= stored->position)
		return;
	content_checksum_add_zeros(&stored->checksum, end - stored->position);
	stored->position = end;
}

void stored_add(struct stored *stored, uint64_t offset, const void *data, size_t size)
{
	pass_hole(stored, offset);
	content_checksum_add(&stored->checksum, data, size);
	stored->position += size;
}

uint64_t stored_end(struct stored *stored, uint64_t size)
{
	pass_hole(stored, size);
	return content_checksum_end(&stored->checksum);
}

static bool read_record(int fd, struct store_sum *sum)
{
	unsigned char record[SUM_RECORD_SIZE + 1]; /* so that more is noticed */
	ssize_t n;

	do
		n = pread(fd, record, sizeof(record), 0);
	while (n < 0 && errno == EINTR);
	return n > 0 && sum_record_decode(record, (size_t)n, sum);
}

bool stored_recorded(int dirfd, const char *name, struct store_sum *sum)
{
	const size_t length = strlen(name), suffix = strlen(FILE_SUFFIX);
	bool known;
	char *record;
	int fd;

	if (length <= suffix || strcmp(name + length - suffix, FILE_SUFFIX) != 0)
		return false;
	record = xasprintf("%.*s" RECORD_SUFFIX, (int)(length - suffix), name);
	fd = openat(dirfd, record, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	free(record);
	if (fd < 0)
		return false;
	known = read_record(fd, sum);
	close(fd);
	return known;
}
