/* Logs of a restore: is each whole, and does each begin where the one before ended? */
#include "engine/bdb_caller.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/bdb_log.h"
#include "engine/log_part.h"

enum { CHUNK_SIZE = 128 << 10 };

/* ---- one sequence ---- */

/* A part that was copied only halfway. */
static status check_told_length(const struct engine_log *log, uint64_t size)
{
	uint64_t told;
	size_t stem;

	if (log->part && log_part_split(log->path, &stem, &told) && told != size)
		return status_fail(hrLogFileCorrupt,
			"%s: it has %llu bytes, not what its name says", log->path,
			(unsigned long long)size);
	return STATUS_OK;
}

static status check_log(
	const struct engine_log *log, bool last, struct bdb_log_shape *shape)
{
	const enum bdb_log_end end = log->part ? BDB_LOG_PART
				     : last    ? BDB_LOG_CRASHED
					       : BDB_LOG_ZEROS;
	struct stat st;
	int fd;
	status rc = file_open_regular(log->path, FILE_TRUSTED, &fd, &st);

	if (failed(rc))
		return rc;
	rc = check_told_length(log, (uint64_t)st.st_size);
	if (!failed(rc))
		rc = bdb_log_check(fd, log->path, (uint64_t)st.st_size, end, shape);
	(void)close(fd);
	return rc;
}

status bdb_check_logs(
	const struct store_config *store, const struct engine_log *logs, size_t count)
{
	struct bdb_log_shape shape, before = {0};
	status rc = STATUS_OK;

	(void)store;
	for (size_t i = 0; i < count && !failed(rc); i++) {
		rc = check_log(&logs[i], i + 1 == count, &shape);
		if (!failed(rc) && i > 0 && shape.before != before.last)
			rc = status_fail(hrGivenLogFileIsNotContiguous,
				"%s: it does not continue %s", logs[i].path,
				logs[i - 1].path);
		before = shape;
	}
	return rc;
}

/* ---- two copies of one log ---- */

/* Bytes of a log that libdb made at its full size, without the zeros at its end: they are
 * still to be written, and may have been in the other copy. */
static status written_size(const struct engine_log *log, int fd, uint64_t *size)
{
	struct bdb_log_shape shape;
	status rc;

	if (log->part)
		return STATUS_OK;
	rc = bdb_log_check(fd, log->path, *size, BDB_LOG_ZEROS, &shape);
	if (!failed(rc))
		*size = shape.end;
	return rc == hrLogFileCorrupt ? STATUS_OK : rc;
}

static status compare(const struct engine_log *a, int a_fd, const struct engine_log *b,
	int b_fd, uint64_t size, bool *same)
{
	char *bytes = malloc(2 * CHUNK_SIZE);
	status rc = bytes ? STATUS_OK : status_no_memory();

	*same = true;
	for (uint64_t at = 0; at < size && *same && !failed(rc);) {
		const uint64_t left = size - at;
		const size_t n = left < CHUNK_SIZE ? (size_t)left : CHUNK_SIZE;
		size_t a_got = 0, b_got = 0;

		rc = file_pread(a_fd, bytes, n, at, &a_got, a->path);
		if (!failed(rc))
			rc = file_pread(b_fd, bytes + CHUNK_SIZE, n, at, &b_got, b->path);
		*same = a_got == n && b_got == n &&
			memcmp(bytes, bytes + CHUNK_SIZE, n) == 0;
		at += n;
	}
	free(bytes);
	return rc;
}

status bdb_log_continues(const struct engine_log *shorter,
	const struct engine_log *longer, bool *continues)
{
	int short_fd, long_fd;
	struct stat st, long_st;
	uint64_t size;
	status rc = file_open_regular(shorter->path, FILE_TRUSTED, &short_fd, &st);

	*continues = false;
	if (failed(rc))
		return rc;
	rc = file_open_regular(longer->path, FILE_TRUSTED, &long_fd, &long_st);
	if (!failed(rc)) {
		size = (uint64_t)st.st_size;
		rc = written_size(shorter, short_fd, &size);
		if (!failed(rc))
			rc = compare(shorter, short_fd, longer, long_fd, size, continues);
		(void)close(long_fd);
	}
	(void)close(short_fd);
	return rc;
}
