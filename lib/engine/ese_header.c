#include "engine/ese_header.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/file.h"
#include "engine/ese_checksum.h"
#include "engine/ese_page.h"

#define VERSION 0x620u

enum {
	AT_CHECKSUM = 0,
	AT_MAGIC = 4,
	AT_VERSION = 8,
	AT_KIND = 12, /* 1: an obsolete streaming file */
	AT_DBTIME = 16,
	AT_SIGNATURE = 24,
	AT_STATE = 52,
	AT_CONSISTENT = 56,
	AT_CONSISTENT_TIME = 64,
	AT_ATTACH_TIME = 72,
	AT_ATTACHED = 80,
	AT_DETACH_TIME = 88,
	AT_DETACHED = 96,
	AT_LOG_SIGNATURE = 108,
	AT_FULL_PREVIOUS = 136,
	AT_INCREMENTAL_PREVIOUS = 160,
	AT_FULL_CURRENT = 184,
	AT_OS = 216,
	AT_REVISION = 232,
	AT_PAGE_SIZE = 236,
	AT_MIN_REQUIRED = 296,
	AT_MAX_REQUIRED = 300,
	AT_SNAPSHOT_CURRENT = 316,
	AT_COMMITTED_CREATED = 348,
	AT_COMMITTED = 416,
	AT_COPY_PREVIOUS = 420,
	AT_DIFFERENTIAL_PREVIOUS = 444,
};

/* ---- finding a copy ---- */

/* A header page, whatever page size it claims. */
static bool is_sound(const uint8_t *data, size_t size, size_t at, uint32_t page_size)
{
	return size >= page_size && at <= size - page_size &&
	       ese_u32(data + at + AT_MAGIC) == ESE_MAGIC &&
	       ese_u32(data + at + AT_CHECKSUM) == ese_xor_checksum(data + at, page_size);
}

static uint32_t claimed_page_size(const uint8_t *copy)
{
	const uint32_t size = ese_u32(copy + AT_PAGE_SIZE);

	return size ? size : ESE_PAGE_DEFAULT;
}

static unsigned find_copies(const uint8_t *data, size_t size, uint32_t page_size)
{
	unsigned copies = 0;

	if (is_sound(data, size, 0, page_size) && claimed_page_size(data) == page_size)
		copies |= ESE_FIRST_COPY;
	if (is_sound(data, size, page_size, page_size) &&
		claimed_page_size(data + page_size) == page_size)
		copies |= ESE_SECOND_COPY;
	if (copies == (ESE_FIRST_COPY | ESE_SECOND_COPY) &&
		memcmp(data, data + page_size, page_size) != 0)
		copies |= ESE_COPIES_DIFFER;
	return copies;
}

/* A first copy of any page size counts more than a second one. */
static const uint8_t *find_copy(
	const uint8_t *data, size_t size, struct ese_header *header)
{
	for (uint32_t page = ESE_PAGE_MIN; page <= ESE_PAGE_MAX; page *= 2) {
		const unsigned copies = find_copies(data, size, page);

		if (!copies || (header->copies && !(copies & ESE_FIRST_COPY)))
			continue;
		header->copies = copies;
		header->page_size = page;
		if (copies & ESE_FIRST_COPY)
			return data;
	}
	return header->copies ? data + header->page_size : NULL;
}

bool ese_header_present(const uint8_t *data, size_t size)
{
	struct ese_header header = {0};

	return find_copy(data, size, &header) != NULL;
}

/* Is the header's own page size wrong, in a header that is sound with PAGE_SIZE bytes? A
 * larger page may just end in zeros, and be damaged there: then no second copy follows. */
static bool contradicts(const uint8_t *data, size_t size, uint32_t page_size)
{
	const uint32_t claimed = claimed_page_size(data);

	return !ese_page_size_valid(claimed) || claimed < page_size ||
	       (size >= page_size + 8 &&
		       ese_u32(data + page_size + AT_MAGIC) == ESE_MAGIC);
}

static status explain_missing(const uint8_t *data, size_t size, const char *path)
{
	for (uint32_t page = ESE_PAGE_MIN; page <= ESE_PAGE_MAX; page *= 2)
		if (is_sound(data, size, 0, page) && contradicts(data, size, page))
			return status_fail(ESE_WRONG_PAGE_SIZE,
				"%s: the header has %" PRIu32
				" bytes, but says that pages have %" PRIu32,
				path, page, claimed_page_size(data));
	return status_fail(hrDatabaseCorrupted,
		"%s: both copies of the database's header are damaged", path);
}

/* ---- its fields ---- */

static void read_backups(const uint8_t *copy, struct ese_header *header)
{
	header->full_previous = ese_read_backup_mark(copy + AT_FULL_PREVIOUS);
	header->incremental_previous =
		ese_read_backup_mark(copy + AT_INCREMENTAL_PREVIOUS);
	header->full_current = ese_read_backup_mark(copy + AT_FULL_CURRENT);
	header->snapshot_current = ese_read_backup_mark(copy + AT_SNAPSHOT_CURRENT);
	header->copy_previous = ese_read_backup_mark(copy + AT_COPY_PREVIOUS);
	header->differential_previous =
		ese_read_backup_mark(copy + AT_DIFFERENTIAL_PREVIOUS);
}

static void read_logs(const uint8_t *copy, struct ese_header *header)
{
	header->log_signature = ese_read_signature(copy + AT_LOG_SIGNATURE);
	header->consistent = ese_read_position(copy + AT_CONSISTENT);
	header->consistent_time = ese_read_time(copy + AT_CONSISTENT_TIME);
	header->attached = ese_read_position(copy + AT_ATTACHED);
	header->attach_time = ese_read_time(copy + AT_ATTACH_TIME);
	header->detached = ese_read_position(copy + AT_DETACHED);
	header->detach_time = ese_read_time(copy + AT_DETACH_TIME);
	header->min_required = ese_u32(copy + AT_MIN_REQUIRED);
	header->max_required = ese_u32(copy + AT_MAX_REQUIRED);
	header->committed = ese_u32(copy + AT_COMMITTED);
	header->committed_created = ese_read_time(copy + AT_COMMITTED_CREATED);
}

static void read_fields(const uint8_t *copy, struct ese_header *header)
{
	header->version = ese_u32(copy + AT_VERSION);
	header->revision = ese_u32(copy + AT_REVISION);
	header->file_type = ese_u32(copy + ESE_AT_FILE_TYPE);
	header->streaming_file =
		ese_u32(copy + AT_KIND) == 1 || header->file_type == ESE_TYPE_STREAMING;
	header->state = ese_u32(copy + AT_STATE);
	header->dbtime = ese_u64(copy + AT_DBTIME);
	header->signature = ese_read_signature(copy + AT_SIGNATURE);
	for (unsigned i = 0; i < 4; i++)
		header->os[i] = ese_u32(copy + AT_OS + 4 * i);
	read_logs(copy, header);
	read_backups(copy, header);
}

status ese_header_parse(
	const uint8_t *data, size_t size, const char *path, struct ese_header *header)
{
	const uint8_t *copy;

	*header = (struct ese_header){0};
	copy = find_copy(data, size, header);
	if (!copy)
		return explain_missing(data, size, path);
	read_fields(copy, header);
	if (header->version != VERSION)
		return status_fail(ESE_BAD_VERSION,
			"%s: its format version is 0x%" PRIx32 "; only 0x%x is known",
			path, header->version, VERSION);
	return STATUS_OK;
}

status ese_header_read(int fd, const char *path, struct ese_header *header)
{
	uint8_t *data = malloc(ESE_HEADERS_SIZE);
	size_t got;
	status rc;

	*header = (struct ese_header){0};
	if (!data)
		return status_no_memory();
	rc = file_pread(fd, data, ESE_HEADERS_SIZE, 0, &got, path);
	if (!failed(rc))
		rc = ese_header_parse(data, got, path, header);
	free(data);
	return rc;
}

/* ---- what follows from them ---- */

status ese_header_page_count(
	const struct ese_header *header, uint64_t size, const char *path, uint64_t *count)
{
	const uint64_t pages = size / header->page_size;

	*count = pages > 2 ? pages - 2 : 0;
	if (*count == 0)
		return status_fail(hrDatabaseInvalidPages,
			"%s: is cut off: it has no page but its header", path);
	if (size % header->page_size)
		return status_fail(hrDatabaseInvalidPages,
			"%s: is cut off: %" PRIu64 " bytes after its last whole page of "
			"%" PRIu32,
			path, size % header->page_size, header->page_size);
	if (*count > UINT32_MAX - 1)
		return status_fail(hrDatabaseInvalidPages,
			"%s: has more pages than there are numbers", path);
	return STATUS_OK;
}

bool ese_header_pages_checked(const struct ese_header *header)
{
	return header->state != ESE_STATE_CREATED &&
	       header->file_type != ESE_TYPE_TEMPORARY;
}

bool ese_header_has_trailer(const struct ese_header *header)
{
	return header->full_current.low != 0 && header->full_current.high == 0;
}
