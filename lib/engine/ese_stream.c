#include "engine/ese_stream.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/trace.h"
#include "engine/ese_page.h"

enum {
	VERSION_RECORDS = 7, /* of logs without segments */
	VERSION_SEGMENTS = 8,
	/* What is verified right after it was read is still in the processor's cache. */
	AT_ONCE = 32 << 10,
};

_Static_assert(AT_ONCE % ESE_PAGE_MAX == 0, "whole pages of every size");

static bool is_log(const struct ese_stream *s)
{
	return s->member->name != NULL;
}

/* ---- one unit ---- */

static status judge_header_copy(
	const struct ese_stream *s, const uint8_t *data, size_t size, uint64_t number)
{
	struct ese_header header;

	(void)ese_header_parse(data, size, s->member->place, &header);
	if ((header.copies & ESE_FIRST_COPY) && header.page_size == s->unit_size)
		return STATUS_OK;
	return status_fail(hrReadVerifyFailure,
		"%s: the %s copy of the header, at offset %" PRIu64
		": its checksum is wrong",
		s->member->place, number == 0 ? "first" : "second",
		number * s->unit_size);
}

static status judge_page(const struct ese_stream *s, const uint8_t *data, uint64_t number)
{
	const struct ese_header *header = &s->member->database;
	const uint32_t page_number = (uint32_t)(number - 1);
	const bool last = (number + 1) * s->unit_size == s->member->stamp.size;
	struct ese_page page;

	if (header->streaming_file || !ese_header_pages_checked(header))
		return STATUS_OK;
	page = last && ese_header_has_trailer(header)
		       ? ese_page_check_trailer(data, s->unit_size, page_number)
		       : ese_page_check(data, s->unit_size, page_number);
	ese_page_judge(&page, s->member->stamp.size / s->unit_size - 2);
	return ese_page_status(&page, s->unit_size, s->member->place);
}

static status judge_segment(
	struct ese_stream *s, const uint8_t *data, size_t size, uint64_t number)
{
	enum ese_segment_verdict verdict = ESE_SEGMENT_DAMAGED;

	if (size == ESE_SEGMENT_SIZE)
		verdict = ese_segment_check(data, (uint32_t)number);
	else if (ese_all_zero(data, size))
		verdict = ESE_SEGMENT_UNUSED;
	if (verdict == ESE_SEGMENT_GOOD && number >= s->summed) {
		s->sum ^= ese_u64(data);
		s->summed = number + 1;
	}
	if (verdict != ESE_SEGMENT_DAMAGED)
		return STATUS_OK;
	return status_fail(hrLogFileCorrupt,
		"%s: segment %" PRIu64 " of the log, at offset %" PRIu64 ", is damaged",
		s->member->place, number, number * ESE_SEGMENT_SIZE);
}

static status judge(
	struct ese_stream *s, const uint8_t *data, size_t size, uint64_t number)
{
	struct ese_log_header header;

	if (is_log(s) && number == 0)
		return ese_log_parse(data, size, s->member->place, &header);
	if (is_log(s))
		return s->member->log.major == VERSION_SEGMENTS
			       ? judge_segment(s, data, size, number)
			       : STATUS_OK;
	return number < 2 ? judge_header_copy(s, data, size, number)
			  : judge_page(s, data, number);
}

static status shrunk(const struct ese_stream *s)
{
	return status_fail(STATUS_WIN32(ERROR_BUSY),
		"%s: became shorter while it was read", s->member->place);
}

static status pread_all(struct ese_stream *s, uint8_t *data, size_t size, uint64_t offset)
{
	size_t got;
	status rc = file_pread(s->fd, data, size, offset, &got, s->member->place);

	return failed(rc) || got == size ? rc : shrunk(s);
}

static status read_once_more(
	struct ese_stream *s, uint8_t *data, size_t size, uint64_t number)
{
	status rc = pread_all(s, data, size, number * s->unit_size);

	if (!failed(rc))
		rc = judge(s, data, size, number);
	if (!failed(rc))
		return STATUS_OK;
	trace(TRACE_ERROR, "%s", status_pending());
	if (s->report && (rc == hrReadVerifyFailure || rc == ESE_WRONG_PAGE))
		return STATUS_OK;
	return rc;
}

/* ---- several ---- */

/* SIZE bytes from OFFSET, where a unit begins: whole units, and what the file ends with. */
static status read_units(
	struct ese_stream *s, uint8_t *data, size_t size, uint64_t offset)
{
	uint64_t number = offset / s->unit_size;
	status rc = pread_all(s, data, size, offset);

	while (size > 0 && !failed(rc)) {
		const size_t unit = size < s->unit_size ? size : s->unit_size;

		rc = judge(s, data, unit, number);
		if (failed(rc))
			rc = read_once_more(s, data, unit, number);
		data += unit;
		size -= unit;
		number++;
	}
	return rc;
}

static uint64_t left(const struct ese_stream *s)
{
	return s->member->stamp.size - s->offset;
}

/* Bytes from OFFSET to the end of the unit that it is in, or of the file. */
static size_t left_of_unit(const struct ese_stream *s)
{
	const size_t rest = s->unit_size - (size_t)(s->offset % s->unit_size);

	return left(s) < rest ? (size_t)left(s) : rest;
}

/* What of a unit fits, the rest of it being kept. */
static status read_cut(struct ese_stream *s, uint8_t *data, size_t size, size_t *got)
{
	const size_t at = (size_t)(s->offset % s->unit_size), rest = left_of_unit(s);
	status rc = STATUS_OK;

	if (!s->has_cut)
		rc = read_units(s, s->cut, at + rest, s->offset - at);
	if (failed(rc))
		return rc;
	*got = size < rest ? size : rest;
	memcpy(data, s->cut + at, *got);
	s->has_cut = *got < rest;
	return STATUS_OK;
}

static status read_some(struct ese_stream *s, uint8_t *data, size_t size, size_t *got)
{
	size_t whole = size < AT_ONCE ? size : AT_ONCE;

	if (s->offset % s->unit_size || size < left_of_unit(s))
		return read_cut(s, data, size, got);
	if (whole >= left(s))
		whole = (size_t)left(s);
	else
		whole -= whole % s->unit_size;
	*got = whole;
	return read_units(s, data, whole, s->offset);
}

/* ---- the ends ---- */

/* Records are summed up back and forth: such a log is verified as a whole. */
static status begin(struct ese_stream *s)
{
	struct ese_log log;
	status rc;

	if (s->begun)
		return STATUS_OK;
	if (is_log(s) && s->member->log.major == VERSION_RECORDS) {
		rc = ese_log_verify(s->fd, s->member->place, NULL, &log);
		if (failed(rc)) {
			trace(TRACE_ERROR, "%s", status_pending());
			return rc;
		}
	}
	s->begun = true;
	return STATUS_OK;
}

static status check_next(const struct ese_stream *s)
{
	const struct ese_member *next = s->member->next;
	const struct ese_log own = {
		.header = s->member->log, .verified = true, .sum = s->sum};
	struct ese_log following;

	if (!next)
		return STATUS_OK;
	following = (struct ese_log){.header = next->log};
	return ese_log_follows(&own, s->member->place, &following, next->place);
}

/* Before the last bytes are handed out. */
static status finish(const struct ese_stream *s)
{
	status rc = ese_member_unchanged(s->member, s->fd);

	return failed(rc) || !is_log(s) ? rc : check_next(s);
}

status ese_stream_read(struct ese_stream *s, void *buffer, size_t size, size_t *got)
{
	const struct ese_stream before = *s;
	uint8_t *data = buffer;
	status rc = begin(s);

	*got = 0;
	if (size > left(s))
		size = (size_t)left(s);
	while (*got < size && !failed(rc)) {
		size_t some = 0;

		rc = read_some(s, data + *got, size - *got, &some);
		*got += some;
		s->offset += some;
	}
	if (!failed(rc) && *got > 0 && left(s) == 0)
		rc = finish(s);
	if (failed(rc)) {
		*s = before;
		s->has_cut = false; /* its memory may hold another unit by now */
		*got = 0;
	}
	return rc;
}

status ese_stream_open(const struct ese_set *set, const struct ese_member *member,
	bool report, struct ese_stream *s)
{
	status rc;

	*s = (struct ese_stream){
		.fd = -1,
		.member = member,
		.report = report,
		.unit_size = member->name ? ESE_SEGMENT_SIZE : member->database.page_size,
	};
	s->cut = malloc(s->unit_size);
	if (!s->cut)
		return status_no_memory();
	rc = ese_member_open(set, member, &s->fd);
	if (failed(rc)) {
		ese_stream_close(s);
		return rc;
	}
	(void)posix_fadvise(s->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return STATUS_OK;
}

void ese_stream_close(struct ese_stream *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	free(s->cut);
	*s = (struct ese_stream){.fd = -1};
}
