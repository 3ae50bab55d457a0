/* Records of any length are summed up through one buffer. */
#include "engine/bdb_log.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum {
	HEAD_SIZE = 12,
	BODY_HEAD_SIZE = 16,
	ID_SIZE = 20,
	ID_NAME_AT = 4,
	NAME_LIMIT = 64 << 10,
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
	bdb_log_visit *visit; /* NULL: nobody asks for names */
	void *context;
};

struct log_record {
	uint32_t before, length, sum;
};

static uint32_t get_u32(const unsigned char *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return le32toh(value);
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

/* ---- names ---- */

/* Of a database in memory the identity is made of its NAME, or is not made yet. */
static bool is_in_memory(const unsigned char *identity, const char *name)
{
	unsigned char made[ID_SIZE - ID_NAME_AT] = {0};
	static const unsigned char none[ID_SIZE];
	const size_t length = strlen(name);

	memcpy(made, name, length < sizeof(made) ? length : sizeof(made));
	return memcmp(identity + ID_NAME_AT, made, sizeof(made)) == 0 ||
	       memcmp(identity, none, sizeof(none)) == 0;
}

/* The name at *AT in a record that ends at END; goes on behind it. HAS_ID: an identity
 * follows. */
static status tell_name(struct log_reader *r, uint64_t *at, uint64_t end, bool has_id)
{
	const size_t more = has_id ? sizeof(uint32_t) + ID_SIZE : 0;
	const uint64_t begin = *at;
	const unsigned char *bytes;
	size_t available;
	uint32_t length;
	status rc;

	if (end - begin < sizeof(length))
		return corrupt(r, begin);
	rc = see(r, begin, sizeof(length), &available);
	if (failed(rc))
		return rc;
	length = get_u32(seen(r, begin));
	*at += sizeof(length) + length;
	if (length == 0)
		return STATUS_OK;
	if (length > NAME_LIMIT || *at + more > end)
		return corrupt(r, begin);
	rc = see(r, begin, sizeof(length) + length + more, &available);
	if (failed(rc))
		return rc;
	bytes = seen(r, begin) + sizeof(length);
	if (bytes[length - 1] != '\0')
		return corrupt(r, begin);
	if (has_id &&
		is_in_memory(bytes + length + sizeof(uint32_t), (const char *)bytes))
		return STATUS_OK;
	return r->visit(r->context, (const char *)bytes, has_id);
}

static status tell_names(struct log_reader *r, uint64_t at, uint32_t length)
{
	static const struct {
		uint32_t type, count;
		bool is_open;
	} kinds[] = {{2, 1, true}, {143, 1, false}, {144, 1, false}, {145, 1, false},
		{146, 2, false}, {150, 2, false}};
	const uint64_t end = at + length;
	size_t available;
	uint32_t type;
	status rc;

	if (length < HEAD_SIZE + BODY_HEAD_SIZE + sizeof(uint32_t))
		return STATUS_OK;
	rc = see(r, at + HEAD_SIZE, sizeof(type), &available);
	if (failed(rc))
		return rc;
	type = get_u32(seen(r, at + HEAD_SIZE));
	at += HEAD_SIZE + BODY_HEAD_SIZE;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].type != type)
			continue;
		if (kinds[i].is_open)
			at += sizeof(uint32_t);
		for (uint32_t n = 0; n < kinds[i].count && !failed(rc); n++)
			rc = tell_name(r, &at, end, kinds[i].is_open);
	}
	return rc;
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
			"%s: not a log of Berkeley DB 5.3 (magic 0x%lx, version %lu)",
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
		if (r->visit)
			rc = tell_names(r, shape->end, record.length);
		shape->last = (uint32_t)shape->end;
		shape->end += record.length;
	}
	return failed(rc) ? rc : check_rest(r, shape->end, end);
}

static status check_all(
	struct log_reader *reader, enum bdb_log_end end, struct bdb_log_shape *shape)
{
	status rc;

	*shape = (struct bdb_log_shape){0};
	reader->window = malloc(WINDOW_SIZE);
	if (!reader->window)
		return status_no_memory();
	rc = check_records(reader, end, shape);
	free(reader->window);
	return rc;
}

status bdb_log_check(int fd, const char *path, uint64_t size, enum bdb_log_end end,
	struct bdb_log_shape *shape)
{
	struct log_reader reader = {.fd = fd, .path = path, .size = size};

	return check_all(&reader, end, shape);
}

status bdb_log_names(
	int fd, const char *path, uint64_t size, bdb_log_visit *visit, void *context)
{
	struct log_reader reader = {
		.fd = fd, .path = path, .size = size, .visit = visit, .context = context};
	struct bdb_log_shape shape;

	return check_all(&reader, BDB_LOG_CRASHED, &shape);
}
