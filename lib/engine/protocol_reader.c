/* Lengths and counts are the other side's word: nothing is allocated or looped over for
 * them before that many bytes are known to be there. */
#include "engine/protocol_reader.h"

#include <stdlib.h>
#include <string.h>

struct reader reader_of(const struct message *message)
{
	return (struct reader){.at = message->data, .left = message->size};
}

static const unsigned char *take(struct reader *r, size_t size)
{
	const unsigned char *bytes = r->at;

	if (r->bad || r->left < size) {
		r->bad = true;
		return NULL;
	}
	r->at += size;
	r->left -= size;
	return bytes;
}

uint32_t reader_u32(struct reader *r)
{
	const unsigned char *b = take(r, 4);

	if (!b)
		return 0;
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
	       (uint32_t)b[3] << 24;
}

uint64_t reader_u64(struct reader *r)
{
	uint64_t low = reader_u32(r);

	return low | (uint64_t)reader_u32(r) << 32;
}

bool reader_bool(struct reader *r)
{
	uint32_t value = reader_u32(r);

	if (value > 1)
		r->bad = true;
	return value == 1;
}

void reader_skip(struct reader *r)
{
	(void)take(r, r->left);
}

char *reader_optional_text(struct reader *r, size_t limit)
{
	uint32_t length = reader_u32(r);
	const unsigned char *bytes;
	char *text;

	if (r->bad || length == PROTOCOL_NO_TEXT)
		return NULL;
	if (length > limit) {
		r->bad = true;
		return NULL;
	}
	bytes = take(r, length);
	if (!bytes)
		return NULL;
	if (memchr(bytes, 0, length)) {
		r->bad = true;
		return NULL;
	}
	text = malloc((size_t)length + 1);
	if (!text) {
		r->bad = r->short_of_memory = true;
		return NULL;
	}
	memcpy(text, bytes, length);
	text[length] = '\0';
	return text;
}

char *reader_text(struct reader *r, size_t limit)
{
	char *text = reader_optional_text(r, limit);

	if (!text)
		r->bad = true;
	return text;
}

char *reader_absolute(struct reader *r)
{
	char *path = reader_text(r, PROTOCOL_TEXT_LIMIT);

	if (path && *path != '/')
		r->bad = true;
	return path;
}

char *reader_path(struct reader *r)
{
	char *path = reader_text(r, PROTOCOL_PATH_LIMIT);

	if (path && !protocol_path_is_sound(path))
		r->bad = true;
	return path;
}

void reader_names(struct reader *r, struct names *names, char *(*get)(struct reader *))
{
	uint32_t count = reader_u32(r);

	for (uint32_t i = 0; i < count && !r->bad; i++) {
		char *item = get(r);

		if (item && failed(names_take(names, item)))
			r->bad = r->short_of_memory = true;
	}
}

status reader_finish(const struct reader *r, const char *what)
{
	if (r->short_of_memory)
		return status_no_memory();
	if (r->bad || r->left)
		return status_fail(
			hrCommunicationError, "store worker: malformed %s", what);
	return STATUS_OK;
}
