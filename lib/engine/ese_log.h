/*
 * ese_log.h - transaction logs: header, body, and whether one follows another
 */
#ifndef ENGINE_ESE_LOG_H
#define ENGINE_ESE_LOG_H

#include "engine/ese_format.h"

enum ese_log_flags {
	ESE_LOG_CIRCULAR = 2,
	ESE_LOG_WAS_CIRCULAR = 4,
};

struct ese_log_header {
	uint32_t generation;
	uint32_t sector_size, header_sectors, file_sectors;
	uint32_t page_size; /* of the databases */
	struct ese_time created, previous_created;
	uint32_t major, minor, update, update_minor;
	struct ese_signature signature;
	unsigned flags; /* of enum ese_log_flags */
	uint64_t previous_sum;
	uint32_t file_type;
};

struct ese_log {
	struct ese_log_header header;
	/* After ese_log_verify(): */
	bool verified;
	uint64_t sum; /* XOR of its segments' checksums; version 8 */
	uint64_t segments, unused, shadows; /* version 8; unused: all zero */
	uint64_t records;                   /* version 7: checksum records */
};

/* What is wrong with a segment. */
enum ese_segment_verdict {
	ESE_SEGMENT_GOOD,
	ESE_SEGMENT_UNUSED,
	ESE_SEGMENT_SHADOW, /* an older copy of the one before */
	ESE_SEGMENT_DAMAGED,
};

/* INDEX: its place in the file; 0 is the header's. */
enum ese_segment_verdict ese_segment_check(
	const uint8_t segment[ESE_SEGMENT_SIZE], uint32_t index);

/* The header alone; DATA is the beginning of the file.
 *	hrLogFileCorrupt	its checksum is wrong, or the file too short for it
 *	hrBadLogVersion		neither version 7 nor 8 */
status ese_log_parse(const uint8_t *data, size_t size, const char *path,
	struct ese_log_header *header);
status ese_log_read(int fd, const char *path, struct ese_log_header *header);

/* The header, the size and the whole body, with bounded memory. The first thing that is
 * wrong fails it:
 *	ESE_WRONG_LOG_SIZE	the file is not as long as its header says
 *	hrLogFileCorrupt	a segment or record is damaged; its offset is named
 * TICK (NULL: none) is told how many bytes were read so far, and fails the work by
 * returning a failure. */
struct ese_tick {
	status (*tick)(void *context, uint64_t done);
	void *context;
};
status ese_log_verify(
	int fd, const char *path, const struct ese_tick *tick, struct ese_log *log);

/* Is LATER, the log in LATER_PATH, the one that followed EARLIER?
 *	hrMissingLogFile		its generation is not the next one
 *	hrGivenLogFileHasBadSignature	of another sequence
 *	hrGivenLogFileIsNotContiguous	it followed a log made at another time
 *	ESE_LOG_SUM_DIFFERS		it followed a log with other segments; asked where
 *					EARLIER was verified and LATER remembers them */
status ese_log_follows(const struct ese_log *earlier, const char *earlier_path,
	const struct ese_log *later, const char *later_path);

#endif
