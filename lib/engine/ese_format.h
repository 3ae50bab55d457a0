/*
 * ese_format.h - what the files of an ESE (JET Blue) store have in common
 *
 * Databases, transaction logs and checkpoints are little-endian and packed. The layouts
 * were written down from the engine's published source and tried on real files.
 */
#ifndef ENGINE_ESE_FORMAT_H
#define ENGINE_ESE_FORMAT_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/status.h"

/* The engine's error -N, where ntdsbmsg.h has no name for it. */
#define ESE_STATUS(n)           ((status)(0xC8000000u | (uint32_t)(n)))

#define ESE_WRONG_GENERATION    ESE_STATUS(513) /* a log's name and header differ */
#define ESE_WRONG_LOG_SIZE      ESE_STATUS(541) /* not what its header says */
#define ESE_NO_CHECKPOINT       ESE_STATUS(542)
#define ESE_LOGS_END_EARLY      ESE_STATUS(543) /* below the required range's end */
#define ESE_COMMITTED_LOGS_LOST ESE_STATUS(582) /* recovers, but not to the last commit */
#define ESE_LOG_SUM_DIFFERS     ESE_STATUS(590) /* the next log remembers other segments */
#define ESE_WRONG_PAGE          ESE_STATUS(1118) /* a good page of another place */
#define ESE_BAD_VERSION         ESE_STATUS(1209)
#define ESE_WRONG_PAGE_SIZE     ESE_STATUS(1213)

/* In every kind of file, at offset 667. */
enum ese_file_type {
	ESE_TYPE_OLD = 0, /* made before there were types */
	ESE_TYPE_DATABASE = 1,
	ESE_TYPE_STREAMING = 2,
	ESE_TYPE_LOG = 3,
	ESE_TYPE_CHECKPOINT = 4,
	ESE_TYPE_TEMPORARY = 5,
	ESE_TYPE_FLUSH_MAP = 7,
};

enum {
	ESE_PAGE_MIN = 2048,
	ESE_PAGE_MAX = 32768,
	ESE_PAGE_DEFAULT = 4096, /* where a header says 0 */
	ESE_LOG_HEADER_SIZE = 4096,
	ESE_SEGMENT_SIZE = 4096,
	ESE_CHECKPOINT_SIZE = 4096, /* of each of its copies */
	ESE_AT_FILE_TYPE = 667,
};

#define ESE_MAGIC 0x89abcdefu

/* Where in the logs: in the order of time. */
struct ese_position {
	uint32_t generation;
	uint16_t sector;
	uint16_t offset; /* in the sector */
};

/* As it lies in the file; all zero: never. */
struct ese_time {
	uint8_t bytes[8];
};

/* Of a database, or of a sequence of logs: unique by its random number and time. */
struct ese_signature {
	uint32_t random;
	struct ese_time created;
	char computer[16]; /* not always NUL-terminated */
};

struct ese_backup_mark {
	struct ese_position position;
	struct ese_time time;
	uint32_t low, high; /* generations */
};

static inline uint16_t ese_u16(const uint8_t *p)
{
	uint16_t value;

	memcpy(&value, p, sizeof(value));
	return le16toh(value);
}

static inline uint32_t ese_u32(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return le32toh(value);
}

static inline uint64_t ese_u64(const uint8_t *p)
{
	uint64_t value;

	memcpy(&value, p, sizeof(value));
	return le64toh(value);
}

struct ese_position ese_read_position(const uint8_t *p);
struct ese_time ese_read_time(const uint8_t *p);
struct ese_signature ese_read_signature(const uint8_t *p);
struct ese_backup_mark ese_read_backup_mark(const uint8_t *p);

/* All zero: there is none. */
bool ese_signature_set(const struct ese_signature *s);
bool ese_signature_equal(const struct ese_signature *a, const struct ese_signature *b);
bool ese_time_equal(struct ese_time a, struct ese_time b);

/* Seconds since 1970, 0 for never or for what is no date. *UTC (may be NULL): else it is
 * the local time of the machine that wrote it. */
int64_t ese_time_seconds(struct ese_time t, bool *utc);

/* Is the whole range zero? */
bool ese_all_zero(const uint8_t *data, size_t size);

/* The regular file NAME in DIRFD for reading, its last component never followed; what is
 * none is ERROR_INVALID_DATA. *FD is -1 on failure. */
status ese_open_at(int dirfd, const char *name, const char *path_for_messages, int *fd,
	uint64_t *size);

#endif
