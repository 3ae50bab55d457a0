/* The file is read twice only where two keys are equal, to tell a serial number that is
 * there twice from two long ones with the same hash. */
#include "engine/ca_index.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum {
	FIELD_STATUS,
	FIELD_EXPIRY,
	FIELD_REVOCATION,
	FIELD_SERIAL,
	FIELDS_CHECKED, /* file and subject may hold anything */
	FIELDS = 6,
	FIELD_SIZE = 256,
	READ_SIZE = 64 << 10,
	KEY_DIGITS = 15, /* the serial numbers that are keys themselves */
};

typedef status (*record_handler)(void *context, unsigned long line, const char *serial);

struct parser {
	const char *path;
	record_handler handler;
	void *context;
	unsigned long line; /* from 1 */
	unsigned field;
	bool started; /* something of this line was read */
	bool comment;
	bool escaped;
	char status;
	char text[FIELD_SIZE]; /* of the present field, as long as it is checked */
	size_t length;
	char serial[FIELD_SIZE];
};

/* ---- fields: NULL, or what is wrong ---- */

static const char *check_status(struct parser *p)
{
	p->status = p->text[0];
	if (p->length != 1 || !strchr("VRES", p->status))
		return "the status is none of V, R, E, S";
	return NULL;
}

/* The length of the ASN.1 time at S, 0 where there is none. */
static size_t time_length(const char *s)
{
	size_t digits = strspn(s, "0123456789"), length = digits;

	if (digits != 10 && digits != 12 && digits != 14)
		return 0;
	if (s[length] == 'Z')
		return length + 1;
	if ((s[length] == '+' || s[length] == '-') &&
		strspn(s + length + 1, "0123456789") == 4)
		return length + 5;
	return 0;
}

static const char *check_expiry(struct parser *p)
{
	size_t length = time_length(p->text);

	return length && !p->text[length] ? NULL : "the expiry is not a time";
}

static const char *check_revocation(struct parser *p)
{
	size_t length = time_length(p->text);

	if (p->status != 'R')
		return p->length ? "a revocation time, but the status is not R" : NULL;
	if (!length || (p->text[length] && p->text[length] != ','))
		return "status R, but the revocation is not a time";
	return NULL;
}

static const char *check_serial(struct parser *p)
{
	const char *digits = p->text + (p->text[0] == '-');
	size_t count = strlen(digits);

	if (count == 0 || count % 2 || strspn(digits, "0123456789abcdefABCDEF") != count)
		return "the serial number is not an even number of hexadecimal digits";
	memcpy(p->serial, p->text, p->length + 1);
	return NULL;
}

static const char *(*const field_checks[FIELDS_CHECKED])(struct parser *) = {
	[FIELD_STATUS] = check_status,
	[FIELD_EXPIRY] = check_expiry,
	[FIELD_REVOCATION] = check_revocation,
	[FIELD_SERIAL] = check_serial,
};

/* ---- lines ---- */

static status malformed(const struct parser *p, const char *reason)
{
	return status_fail(
		hrDatabaseCorrupted, "%s: line %lu: %s", p->path, p->line, reason);
}

static void begin_line(struct parser *p)
{
	p->line++;
	p->field = 0;
	p->length = 0;
	p->started = p->comment = p->escaped = false;
}

static status end_field(struct parser *p)
{
	const char *reason = NULL;

	p->text[p->length] = '\0';
	if (p->field < FIELDS_CHECKED)
		reason = field_checks[p->field](p);
	p->field++;
	p->length = 0;
	return reason ? malformed(p, reason) : STATUS_OK;
}

static status end_line(struct parser *p)
{
	status rc = STATUS_OK;

	if (!p->comment) {
		rc = end_field(p);
		if (!failed(rc) && p->field != FIELDS)
			rc = malformed(p, "not six fields with tabs between");
		if (!failed(rc))
			rc = p->handler(p->context, p->line, p->serial);
	}
	begin_line(p);
	return rc;
}

static status feed(struct parser *p, char c)
{
	if (c == '\n')
		return end_line(p);
	if (!p->started && c == '#')
		p->comment = true;
	p->started = true;
	if (p->comment)
		return STATUS_OK;
	if (c == '\0')
		return malformed(p, "a NUL byte");
	if (c == '\t' && !p->escaped)
		return end_field(p);
	p->escaped = c == '\\';
	if (p->field >= FIELDS_CHECKED)
		return STATUS_OK;
	if (p->length == FIELD_SIZE - 1)
		return malformed(p, "a field is too long");
	p->text[p->length++] = c;
	return STATUS_OK;
}

static status feed_all(struct parser *p, ca_index_reader read, void *source, char *buffer)
{
	uint64_t offset = 0;
	status rc = STATUS_OK;
	size_t got;

	begin_line(p);
	do {
		rc = read(source, offset, buffer, READ_SIZE, &got);
		for (size_t i = 0; i < got && !failed(rc); i++)
			rc = feed(p, buffer[i]);
		offset += got;
	} while (!failed(rc) && got > 0);
	if (!failed(rc) && p->started && !p->comment)
		rc = malformed(p, "the last line has no end");
	return rc;
}

static status parse(const char *path, ca_index_reader read, void *source,
	record_handler handler, void *context)
{
	struct parser p = {.path = path, .handler = handler, .context = context};
	char *buffer = malloc(READ_SIZE);
	status rc;

	if (!buffer)
		return status_no_memory();
	rc = feed_all(&p, read, source, buffer);
	free(buffer);
	return rc;
}

/* ---- serial numbers ---- */

/* Without leading zeros, in capitals. OUT has room for FIELD_SIZE. */
static void canonical(const char *serial, char *out)
{
	if (*serial == '-')
		*out++ = *serial++;
	while (*serial == '0' && serial[1])
		serial++;
	for (; *serial; serial++)
		*out++ = (char)toupper((unsigned char)*serial);
	*out = '\0';
}

static uint64_t key_of(const char *canonical_serial)
{
	size_t length = strlen(canonical_serial);

	if (length <= KEY_DIGITS && *canonical_serial != '-')
		return strtoull(canonical_serial, NULL, 16);
	return hash_bytes(canonical_serial, length) | (uint64_t)1 << 63;
}

static status add_key(void *context, unsigned long line, const char *serial)
{
	struct ca_index *index = context;
	char digits[FIELD_SIZE];

	(void)line;
	if (index->count == index->capacity) {
		size_t capacity = index->capacity ? index->capacity * 2 : 256;
		uint64_t *keys = reallocarray(index->keys, capacity, sizeof(*keys));

		if (!keys)
			return status_no_memory();
		index->keys = keys;
		index->capacity = capacity;
	}
	canonical(serial, digits);
	index->keys[index->count++] = key_of(digits);
	return STATUS_OK;
}

static int compare_keys(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

/* The first record with a key, while the others are looked for. */
struct twin {
	const char *path;
	uint64_t key;
	unsigned long line; /* 0: not found yet */
	char serial[FIELD_SIZE];
};

static status compare_twin(void *context, unsigned long line, const char *serial)
{
	struct twin *twin = context;
	char digits[FIELD_SIZE];

	canonical(serial, digits);
	if (key_of(digits) != twin->key)
		return STATUS_OK;
	if (!twin->line) {
		twin->line = line;
		memcpy(twin->serial, digits, sizeof(digits));
		return STATUS_OK;
	}
	if (strcmp(twin->serial, digits) != 0)
		return STATUS_OK;
	return status_fail(hrDatabaseCorrupted,
		"%s: line %lu: serial number %s is already in line %lu", twin->path, line,
		serial, twin->line);
}

static status refuse_twins(const char *path, ca_index_reader read, void *source,
	const struct ca_index *index)
{
	status rc = STATUS_OK;

	for (size_t i = 1; i < index->count && !failed(rc); i++)
		if (index->keys[i] == index->keys[i - 1]) {
			struct twin twin = {.path = path, .key = index->keys[i]};

			rc = parse(path, read, source, compare_twin, &twin);
		}
	return rc;
}

status ca_index_load(
	const char *path, ca_index_reader read, void *context, struct ca_index *index)
{
	status rc;

	*index = (struct ca_index){0};
	rc = parse(path, read, context, add_key, index);
	if (!failed(rc) && index->count) {
		qsort(index->keys, index->count, sizeof(*index->keys), compare_keys);
		rc = refuse_twins(path, read, context, index);
	}
	if (failed(rc))
		ca_index_free(index);
	return rc;
}

bool ca_index_contains(const struct ca_index *index, const char *serial)
{
	char digits[FIELD_SIZE];
	uint64_t key;

	if (!index->count || strlen(serial) >= sizeof(digits))
		return false;
	canonical(serial, digits);
	key = key_of(digits);
	return bsearch(&key, index->keys, index->count, sizeof(key), compare_keys) !=
	       NULL;
}

void ca_index_free(struct ca_index *index)
{
	free(index->keys);
	*index = (struct ca_index){0};
}

bool ca_index_begins(const char *head, size_t size)
{
	char expiry[24] = "";
	size_t length;

	if (size < 4 || !strchr("VRES", head[0]) || head[0] == '\0' || head[1] != '\t')
		return false;
	length = size - 2 < sizeof(expiry) - 1 ? size - 2 : sizeof(expiry) - 1;
	memcpy(expiry, head + 2, length);
	length = time_length(expiry);
	return length && expiry[length] == '\t';
}
