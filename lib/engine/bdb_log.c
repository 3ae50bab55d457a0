/* Records of any length are summed up through one buffer. */
#include "engine/bdb_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum {
	HEAD_SIZE = 12,
	FIRST_SIZE = 28,
	MAGIC = 0x040988,
	VERSION = 19,
	WINDOW_SIZE = 256 << 10,
};

struct log_reader {
	int fd;
	const char *path;
	uint64_t size;
	unsigned char *window; /* bytes from window_at on, window_length of them */
	uint64_t window_at;
	size_t window_length;
};

struct log_record {
	uint32_t before, length, sum;
};

static uint32_t get_u32(const unsigned char *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Makes the bytes at AT available, at least WANTED of them (no more than the window, and
 * inside the file). */
static status see(struct log_reader *r, uint64_t at, size_t wanted, size_t *available)
{
	const uint64_t left = r->size - at;
	status rc;

	if (at < r->window_at || at + wanted > r->window_at + r->window_length) {
		rc = file_pread(r->fd, r->window,
			left < WINDOW_SIZE ? (size_t)left : WINDOW_SIZE, at,
			&r->window_length, r->path);
		if (failed(rc))
			return rc;
		r->window_at = at;
		if (r->window_length < wanted)
			return status_fail(hrLogFileCorrupt,
				"%s: it became shorter while it was read", r->path);
	}
	*available = (size_t)(r->window_at + r->window_length - at);
	return STATUS_OK;
}

static const unsigned char *seen(const struct log_reader *r, uint64_t at)
{
	return r->window + (at - r->window_at);
}

/* Four steps of hash * 33 + byte at once: the multiplications do not wait for each other. */
static uint32_t sum_bytes(uint32_t hash, const unsigned char *bytes, size_t size)
{
	while (size >= 4) {
		hash = hash * 1185921u + bytes[0] * 35937u + bytes[1] * 1089u +
		       bytes[2] * 33u + bytes[3];
		bytes += 4;
		size -= 4;
	}
	while (size--)
		hash = hash * 33u + *bytes++;
	return hash;
}

static status sum_range(struct log_reader *r, uint64_t at, uint64_t end, uint32_t *hash)
{
	*hash = 0;
	while (at < end) {
		size_t available;
		status rc = see(r, at, 1, &available);

		if (failed(rc))
			return rc;
		if (available > end - at)
			available = (size_t)(end - at);
		*hash = sum_bytes(*hash, seen(r, at), available);
		at += available;
	}
	return STATUS_OK;
}

/* Is there a whole record at AT? Its head is in RECORD; a length of 0 also says that there
 * is none. */
static status read_record(
	struct log_reader *r, uint64_t at, struct log_record *record, bool *whole)
{
	const unsigned char *head;
	size_t available;
	uint32_t hash;
	status rc;

	*whole = false;
	record->length = 0;
	if (r->size - at < HEAD_SIZE)
		return STATUS_OK;
	rc = see(r, at, HEAD_SIZE, &available);
	if (failed(rc))
		return rc;
	head = seen(r, at);
	*record =
		(struct log_record){get_u32(head), get_u32(head + 4), get_u32(head + 8)};
	if (record->length <= HEAD_SIZE || record->length > r->size - at)
		return STATUS_OK;
	rc = sum_range(r, at + HEAD_SIZE, at + record->length, &hash);
	*whole = !failed(rc) && (hash ^ record->before ^ record->length) == record->sum;
	return rc;
}

static status corrupt(const struct log_reader *r, uint64_t at)
{
	return status_fail(hrLogFileCorrupt, "%s: no whole record at byte %llu", r->path,
		(unsigned long long)at);
}

/* ---- the first record ---- */

static status check_first(struct log_reader *r, struct bdb_log_shape *shape)
{
	struct log_record record;
	const unsigned char *body;
	size_t available;
	bool whole = false;
	status rc = read_record(r, 0, &record, &whole);

	if (failed(rc))
		return rc;
	if (!whole || record.length < FIRST_SIZE)
		return status_fail(hrLogFileCorrupt,
			"%s: the head of the log is damaged, or it is no Berkeley DB log",
			r->path);
	rc = see(r, 0, FIRST_SIZE, &available);
	if (failed(rc))
		return rc;
	body = seen(r, HEAD_SIZE);
	if (get_u32(body) != MAGIC || get_u32(body + 4) != VERSION)
		return status_fail(hrGivenLogFileHasBadSignature,
			"%s: not a log of Berkeley DB 5.3 and this machine's byte order "
			"(magic 0x%lx, version %lu)",
			r->path, (unsigned long)get_u32(body),
			(unsigned long)get_u32(body + 4));
	*shape = (struct bdb_log_shape){record.before, 0, record.length};
	return STATUS_OK;
}

/* ---- what follows the last record ---- */

static status only_zeros(struct log_reader *r, uint64_t at, bool *zeros)
{
	*zeros = true;
	while (at < r->size && *zeros) {
		const unsigned char *bytes;
		size_t available;
		status rc = see(r, at, 1, &available);

		if (failed(rc))
			return rc;
		bytes = seen(r, at);
		*zeros = bytes[0] == 0 && memcmp(bytes, bytes + 1, available - 1) == 0;
		at += available;
	}
	return STATUS_OK;
}

/* A record behind END that says it follows one from there on: what is between was not the
 * last that was written. */
static status find_later(struct log_reader *r, uint64_t end, bool *found)
{
	*found = false;
	for (uint64_t at = end + 1; at + HEAD_SIZE <= r->size && !*found; at++) {
		struct log_record record;
		size_t available;
		uint32_t before;
		status rc = see(r, at, HEAD_SIZE, &available);

		if (failed(rc))
			return rc;
		before = get_u32(seen(r, at));
		if (before < end || before >= at)
			continue;
		rc = read_record(r, at, &record, found);
		if (failed(rc))
			return rc;
	}
	return STATUS_OK;
}

static status check_rest(struct log_reader *r, uint64_t at, enum bdb_log_end end)
{
	bool fine = at == r->size, later;
	status rc = STATUS_OK;

	if (!fine && end != BDB_LOG_PART)
		rc = only_zeros(r, at, &fine);
	if (!failed(rc) && !fine && end == BDB_LOG_CRASHED) {
		rc = find_later(r, at, &later);
		fine = !later;
	}
	if (failed(rc))
		return rc;
	return fine ? STATUS_OK : corrupt(r, at);
}

static status check_records(
	struct log_reader *r, enum bdb_log_end end, struct bdb_log_shape *shape)
{
	status rc = check_first(r, shape);
	bool whole = true;

	while (!failed(rc) && whole) {
		struct log_record record;

		rc = read_record(r, shape->end, &record, &whole);
		if (failed(rc) || !whole)
			break;
		if (record.before != shape->last)
			return status_fail(hrLogFileCorrupt,
				"%s: the record at byte %llu does not follow the one "
				"before",
				r->path, (unsigned long long)shape->end);
		shape->last = (uint32_t)shape->end;
		shape->end += record.length;
	}
	return failed(rc) ? rc : check_rest(r, shape->end, end);
}

status bdb_log_check(int fd, const char *path, uint64_t size, enum bdb_log_end end,
	struct bdb_log_shape *shape)
{
	struct log_reader reader = {.fd = fd, .path = path, .size = size};
	status rc;

	*shape = (struct bdb_log_shape){0};
	reader.window = malloc(WINDOW_SIZE);
	if (!reader.window)
		return status_no_memory();
	rc = check_records(&reader, end, shape);
	free(reader.window);
	return rc;
}
