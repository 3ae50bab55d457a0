#include "engine/ese_format.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct ese_position ese_read_position(const uint8_t *p)
{
	return (struct ese_position){
		.generation = ese_u32(p + 4),
		.sector = ese_u16(p + 2),
		.offset = ese_u16(p),
	};
}

struct ese_time ese_read_time(const uint8_t *p)
{
	struct ese_time t;

	memcpy(t.bytes, p, sizeof(t.bytes));
	return t;
}

struct ese_signature ese_read_signature(const uint8_t *p)
{
	struct ese_signature s = {.random = ese_u32(p), .created = ese_read_time(p + 4)};

	memcpy(s.computer, p + 12, sizeof(s.computer));
	return s;
}

struct ese_backup_mark ese_read_backup_mark(const uint8_t *p)
{
	return (struct ese_backup_mark){
		.position = ese_read_position(p),
		.time = ese_read_time(p + 8),
		.low = ese_u32(p + 16),
		.high = ese_u32(p + 20),
	};
}

bool ese_time_equal(struct ese_time a, struct ese_time b)
{
	return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

bool ese_signature_equal(const struct ese_signature *a, const struct ese_signature *b)
{
	return a->random == b->random && ese_time_equal(a->created, b->created) &&
	       memcmp(a->computer, b->computer, sizeof(a->computer)) == 0;
}

bool ese_signature_set(const struct ese_signature *s)
{
	static const struct ese_signature none;

	return !ese_signature_equal(s, &none);
}

int64_t ese_time_seconds(struct ese_time t, bool *utc)
{
	struct tm tm = {
		.tm_sec = t.bytes[0],
		.tm_min = t.bytes[1],
		.tm_hour = t.bytes[2],
		.tm_mday = t.bytes[3],
		.tm_mon = t.bytes[4] - 1,
		.tm_year = t.bytes[5],
	};
	const bool date = tm.tm_sec < 61 && tm.tm_min < 60 && tm.tm_hour < 24 &&
			  tm.tm_mday >= 1 && tm.tm_mday <= 31 && tm.tm_mon >= 0 &&
			  tm.tm_mon < 12;

	if (utc)
		*utc = date && (t.bytes[6] & 1);
	return date ? (int64_t)timegm(&tm) : 0;
}

bool ese_all_zero(const uint8_t *data, size_t size)
{
	/* What is equal to itself, one byte further on, has equal bytes. */
	return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

status ese_open_at(int dirfd, const char *name, const char *path_for_messages, int *fd,
	uint64_t *size)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct stat st;
	status rc;

	*fd = openat(dirfd, name, flags);
	if (*fd < 0)
		return status_errno(errno, "%s", path_for_messages);
	if (fstat(*fd, &st) != 0)
		rc = status_errno(errno, "%s", path_for_messages);
	else if (!S_ISREG(st.st_mode))
		rc = status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
			"%s: is not a regular file", path_for_messages);
	else {
		*size = (uint64_t)st.st_size;
		return STATUS_OK;
	}
	(void)close(*fd);
	*fd = -1;
	return rc;
}
