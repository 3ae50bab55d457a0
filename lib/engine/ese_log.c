#include "engine/ese_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "engine/ese_checksum.h"
#include "engine/ese_log_records.h"

#define FLAG_ECC         0x2000u
#define VERSION_RECORDS  7u
#define VERSION_SEGMENTS 8u
#define MINOR_WITH_SUM   13u /* logs from here on remember the one before */
#define SEGMENTS_AT_ONCE 64u

enum {
	AT_CHECKSUM = 0,
	AT_GENERATION = 4,
	AT_SECTOR_SIZE = 8,
	AT_HEADER_SECTORS = 10,
	AT_FILE_SECTORS = 12,
	AT_PAGE_SIZE = 14,
	AT_CREATED = 16,
	AT_PREVIOUS_CREATED = 24,
	AT_MAJOR = 32,
	AT_MINOR = 36,
	AT_UPDATE = 40,
	AT_SIGNATURE = 44,
	AT_FLAGS = 639,
	AT_UPDATE_MINOR = 648,
	AT_PREVIOUS_SUM = 653,

	AT_SEGMENT_FLAGS = 36,
};

/* ---- the header ---- */

static void read_fields(const uint8_t *data, struct ese_log_header *header)
{
	header->generation = ese_u32(data + AT_GENERATION);
	header->sector_size = ese_u16(data + AT_SECTOR_SIZE);
	header->header_sectors = ese_u16(data + AT_HEADER_SECTORS);
	header->file_sectors = ese_u16(data + AT_FILE_SECTORS);
	header->page_size = ese_u16(data + AT_PAGE_SIZE);
	if (!header->page_size)
		header->page_size = ESE_PAGE_DEFAULT;
	header->created = ese_read_time(data + AT_CREATED);
	header->previous_created = ese_read_time(data + AT_PREVIOUS_CREATED);
	header->major = ese_u32(data + AT_MAJOR);
	header->minor = ese_u32(data + AT_MINOR);
	header->update = ese_u32(data + AT_UPDATE);
	header->update_minor = ese_u32(data + AT_UPDATE_MINOR);
	header->signature = ese_read_signature(data + AT_SIGNATURE);
	header->flags = data[AT_FLAGS];
	header->previous_sum = ese_u64(data + AT_PREVIOUS_SUM);
	header->file_type = ese_u32(data + ESE_AT_FILE_TYPE);
}

status ese_log_parse(
	const uint8_t *data, size_t size, const char *path, struct ese_log_header *header)
{
	*header = (struct ese_log_header){0};
	if (size < ESE_LOG_HEADER_SIZE)
		return status_fail(hrLogFileCorrupt,
			"%s: is cut off: too short for a log's header", path);
	if (ese_u32(data + AT_CHECKSUM) != ese_xor_checksum(data, ESE_LOG_HEADER_SIZE))
		return status_fail(
			hrLogFileCorrupt, "%s: the log's header is damaged", path);
	read_fields(data, header);
	if (header->file_type != ESE_TYPE_LOG && header->file_type != ESE_TYPE_OLD)
		return status_fail(hrLogFileCorrupt,
			"%s: by its header it is no log, but a file of type %" PRIu32,
			path, header->file_type);
	if (header->major != VERSION_RECORDS && header->major != VERSION_SEGMENTS)
		return status_fail(hrBadLogVersion,
			"%s: its format version is %" PRIu32 "; only 7 and 8 are known",
			path, header->major);
	if (header->generation < 1 || header->generation > INT32_MAX)
		return status_fail(hrLogFileCorrupt,
			"%s: the log's header has no generation number", path);
	return STATUS_OK;
}

status ese_log_read(int fd, const char *path, struct ese_log_header *header)
{
	uint8_t data[ESE_LOG_HEADER_SIZE];
	size_t got;
	status rc = file_pread(fd, data, sizeof(data), 0, &got, path);

	*header = (struct ese_log_header){0};
	return failed(rc) ? rc : ese_log_parse(data, got, path, header);
}

/* ---- bodies of segments ---- */

enum ese_segment_verdict ese_segment_check(
	const uint8_t segment[ESE_SEGMENT_SIZE], uint32_t index)
{
	const uint64_t stored = ese_u64(segment);
	uint64_t difference;

	if (stored == 0 && ese_all_zero(segment, ESE_SEGMENT_SIZE))
		return ESE_SEGMENT_UNUSED;
	if (!(ese_u32(segment + AT_SEGMENT_FLAGS) & FLAG_ECC))
		return ESE_SEGMENT_DAMAGED;
	difference = stored ^ ese_checksum(segment, ESE_SEGMENT_SIZE, index, true);
	if (difference == 0)
		return ESE_SEGMENT_GOOD;
	/* Its number enters the lower half alone. */
	return difference == (index ^ (index - 1)) ? ESE_SEGMENT_SHADOW
						   : ESE_SEGMENT_DAMAGED;
}

static status check_segment(
	const uint8_t *segment, uint32_t index, const char *path, struct ese_log *log)
{
	switch (ese_segment_check(segment, index)) {
	case ESE_SEGMENT_GOOD:
		log->sum ^= ese_u64(segment);
		break;
	case ESE_SEGMENT_UNUSED:
		log->unused++;
		break;
	case ESE_SEGMENT_SHADOW:
		log->shadows++;
		break;
	default:
		return status_fail(hrLogFileCorrupt,
			"%s: segment %" PRIu32 " of the log, at offset %" PRIu64
			", is damaged",
			path, index, (uint64_t)index * ESE_SEGMENT_SIZE);
	}
	log->segments++;
	return STATUS_OK;
}

/* DATA begins with segment INDEX. A file that ends within a segment has no log in its
 * rest. */
static status check_segments(const uint8_t *data, size_t size, uint32_t index,
	const char *path, struct ese_log *log)
{
	status rc = STATUS_OK;

	for (; size >= ESE_SEGMENT_SIZE && !failed(rc); index++) {
		rc = check_segment(data, index, path, log);
		data += ESE_SEGMENT_SIZE;
		size -= ESE_SEGMENT_SIZE;
	}
	if (!failed(rc) && !ese_all_zero(data, size))
		rc = status_fail(hrLogFileCorrupt,
			"%s: has %zu bytes after its last whole segment", path, size);
	return rc;
}

static status verify_segments(int fd, const char *path, uint64_t size,
	const struct ese_tick *tick, struct ese_log *log)
{
	const size_t room = SEGMENTS_AT_ONCE * ESE_SEGMENT_SIZE;
	uint64_t at = ESE_LOG_HEADER_SIZE;
	uint8_t *data = malloc(room);
	status rc = data ? STATUS_OK : status_no_memory();

	while (!failed(rc) && at < size) {
		size_t got;

		rc = file_pread(fd, data, room, at, &got, path);
		if (!failed(rc) && got == 0)
			rc = status_fail(ESE_WRONG_LOG_SIZE,
				"%s: became shorter while it was read", path);
		if (!failed(rc))
			rc = check_segments(
				data, got, (uint32_t)(at / ESE_SEGMENT_SIZE), path, log);
		at += got;
		if (!failed(rc) && tick)
			rc = tick->tick(tick->context, at);
	}
	free(data);
	return rc;
}

/* ---- whole logs ---- */

static status check_size(
	const struct ese_log_header *header, uint64_t size, const char *path)
{
	const uint64_t wanted = (uint64_t)header->file_sectors * header->sector_size;

	if (size == wanted)
		return STATUS_OK;
	return status_fail(ESE_WRONG_LOG_SIZE,
		"%s: has %" PRIu64 " bytes; by its header the log has %" PRIu64, path,
		size, wanted);
}

status ese_log_verify(
	int fd, const char *path, const struct ese_tick *tick, struct ese_log *log)
{
	struct stat st;
	uint64_t size;
	status rc;

	*log = (struct ese_log){0};
	if (fstat(fd, &st) != 0)
		return status_errno(errno, "%s", path);
	size = (uint64_t)st.st_size;
	rc = ese_log_read(fd, path, &log->header);
	if (!failed(rc))
		rc = check_size(&log->header, size, path);
	if (!failed(rc) && log->header.major == VERSION_SEGMENTS)
		rc = verify_segments(fd, path, size, tick, log);
	else if (!failed(rc))
		rc = ese_log_records_verify(fd, path, size, tick, log);
	log->verified = !failed(rc);
	return rc;
}

/* ---- sequences ---- */

static bool remembers_sum(const struct ese_log *earlier, const struct ese_log *later)
{
	return earlier->verified && earlier->header.major == VERSION_SEGMENTS &&
	       later->header.major == VERSION_SEGMENTS &&
	       later->header.update_minor >= MINOR_WITH_SUM;
}

status ese_log_follows(const struct ese_log *earlier, const char *earlier_path,
	const struct ese_log *later, const char *later_path)
{
	const struct ese_log_header *a = &earlier->header, *b = &later->header;

	if (b->generation != a->generation + 1)
		return status_fail(hrMissingLogFile,
			"%s: is log 0x%" PRIX32 ", which cannot follow log 0x%" PRIX32
			" in %s",
			later_path, b->generation, a->generation, earlier_path);
	if (!ese_signature_equal(&a->signature, &b->signature))
		return status_fail(hrGivenLogFileHasBadSignature,
			"%s: is of another sequence of logs than %s", later_path,
			earlier_path);
	if (!ese_time_equal(a->created, b->previous_created))
		return status_fail(hrGivenLogFileIsNotContiguous,
			"%s: followed another log 0x%" PRIX32 " than %s", later_path,
			a->generation, earlier_path);
	if (remembers_sum(earlier, later) && earlier->sum != b->previous_sum)
		return status_fail(ESE_LOG_SUM_DIFFERS,
			"%s: followed a log 0x%" PRIX32 " of other content than %s",
			later_path, a->generation, earlier_path);
	return STATUS_OK;
}
