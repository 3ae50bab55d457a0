/*
 * The checksum line is compared as text, so that no second spelling of it passes. Lines
 * are cut and unescaped in place as they are read.
 */
#include "server/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"

#define SEPARATOR       " = "
#define CHECKSUM_FORMAT "checksum = %016" PRIx64 "\n"
#define CHECKSUM_LENGTH 28

void record_begin(struct buffer *b, const char *format)
{
	buffer_clear(b);
	record_add_text(b, "format", format);
}

void record_add_text(struct buffer *b, const char *key, const char *text)
{
	char *escaped = text_escape(text);

	if (!escaped) {
		b->short_of_memory = true;
		return;
	}
	buffer_text(b, key);
	buffer_text(b, SEPARATOR);
	buffer_text(b, escaped);
	buffer_text(b, "\n");
	free(escaped);
}

void record_add_number(struct buffer *b, const char *key, int64_t number)
{
	buffer_printf(b, "%s" SEPARATOR "%" PRId64 "\n", key, number);
}

status record_save(struct buffer *b, int dirfd, const char *name)
{
	if (!buffer_failed(b))
		buffer_printf(b, CHECKSUM_FORMAT, hash_bytes(b->data, b->size));
	if (buffer_failed(b))
		return status_no_memory();
	return file_replace_at(dirfd, name, b->data, b->size, S_IRUSR | S_IWUSR);
}

void record_refuse(struct record *r, const char *reason)
{
	if (!failed(r->rc))
		r->rc = status_fail(
			STATUS_WIN32(ERROR_INVALID_DATA), "%s: %s", r->file, reason);
}

/* The end of what the checksum covers, or NULL. */
static char *find_checksum(char *data, size_t size)
{
	char expected[CHECKSUM_LENGTH + 1];
	size_t covered;

	if (size <= CHECKSUM_LENGTH || memchr(data, '\0', size))
		return NULL;
	covered = size - CHECKSUM_LENGTH;
	(void)snprintf(
		expected, sizeof(expected), CHECKSUM_FORMAT, hash_bytes(data, covered));
	if (data[covered - 1] != '\n' ||
		memcmp(data + covered, expected, CHECKSUM_LENGTH) != 0)
		return NULL;
	return data + covered;
}

static status check_content(struct record *r, size_t size, const char *format)
{
	r->end = find_checksum(r->data, size);
	if (!r->end) {
		r->end = r->data;
		record_refuse(r, "damaged: the checksum does not fit the content");
		return r->rc;
	}
	if (format && strcmp(record_text(r, "format"), format) != 0)
		record_refuse(r, "not a record of the format that this version reads");
	return r->rc;
}

static void release(struct record *r)
{
	free(r->file);
	free(r->data);
	r->file = r->data = r->next = r->end = NULL;
}

/* Too large is damage, too; all else stays what it is. */
static status read_file(struct record *r, int dirfd, const char *name, size_t limit,
	size_t *size, struct stat *st)
{
	status rc = file_read_at(dirfd, name, limit, &r->data, size, st);

	if (!failed(rc))
		return rc;
	r->data = NULL;
	if (rc == STATUS_WIN32(ERROR_FILE_TOO_LARGE))
		record_refuse(r, "damaged: larger than any record");
	return failed(r->rc) ? r->rc : rc;
}

status record_load(struct record *r, int dirfd, const char *dir, const char *name,
	size_t limit, const char *format, struct stat *st)
{
	size_t size = 0;
	status rc;

	*r = (struct record){0};
	if (asprintf(&r->file, "%s/%s", dir, name) < 0) {
		r->file = NULL;
		return status_no_memory();
	}
	rc = read_file(r, dirfd, name, limit, &size, st);
	r->next = r->data;
	if (!failed(rc))
		rc = check_content(r, size, format);
	if (failed(rc))
		release(r);
	return rc;
}

/* The value in the next line if it has this KEY, else NULL. */
static char *peek(const struct record *r, const char *key)
{
	size_t length = strlen(key);
	size_t left = (size_t)(r->end - r->next);

	if (failed(r->rc) || left < length + strlen(SEPARATOR))
		return NULL;
	if (memcmp(r->next, key, length) != 0 ||
		memcmp(r->next + length, SEPARATOR, strlen(SEPARATOR)) != 0)
		return NULL;
	return r->next + length + strlen(SEPARATOR);
}

bool record_next_is(const struct record *r, const char *key)
{
	return peek(r, key) != NULL;
}

const char *record_text(struct record *r, const char *key)
{
	char *value = peek(r, key);
	char *end = value ? memchr(value, '\n', (size_t)(r->end - value)) : NULL;

	if (failed(r->rc))
		return "";
	if (!end) {
		r->rc = status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
			"%s: damaged: no line \"%s\" where it belongs", r->file, key);
		return "";
	}
	*end = '\0';
	r->next = end + 1;
	if (text_unescape(value))
		return value;
	record_refuse(r, "damaged: a malformed escape");
	return "";
}

int64_t record_number(struct record *r, const char *key, int64_t lowest, int64_t highest)
{
	const char *text = record_text(r, key);
	char written[32];
	long long number;

	if (failed(r->rc))
		return 0;
	errno = 0;
	number = strtoll(text, NULL, 10);
	(void)snprintf(written, sizeof(written), "%lld", number);
	if (errno == 0 && strcmp(text, written) == 0 && number >= lowest &&
		number <= highest)
		return number;
	r->rc = status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
		"%s: damaged: a bad number in \"%s\"", r->file, key);
	return 0;
}

bool record_flag(struct record *r, const char *key)
{
	return record_number(r, key, 0, 1) == 1;
}

status record_close(struct record *r)
{
	status rc;

	if (r->next != r->end)
		record_refuse(r, "damaged: lines that do not belong there");
	rc = r->rc;
	release(r);
	return rc;
}
