/*
 * Works in place: names and values stay where they were read, with a NUL put behind them.
 * That every text ends with a NUL lets the scanning stop without asking for the end.
 */
#include "base/ini.h"

#include <stdbool.h>
#include <string.h>

struct reader {
	char *at;  /* the next line */
	char *end; /* of the text, where a NUL stands */
	const char *section;
	ini_handler handler;
	void *context;
	unsigned line;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

static char *skip_blanks(char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

static char *skip_name(char *s)
{
	while (is_name_character(*s))
		s++;
	return s;
}

static bool is_continuation(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* Length of the UTF-8 character at U, 0 where there is none. What the text ends with is a
 * NUL, never a continuation byte. */
static size_t character_length(const unsigned char *u)
{
	if (u[0] < 0x80)
		return 1;
	if (u[0] < 0xc2 || u[0] > 0xf4 || !is_continuation(u[1]))
		return 0;
	if (u[0] < 0xe0)
		return 2;
	if (!is_continuation(u[2]))
		return 0;
	if (u[0] < 0xf0) {
		bool overlong = u[0] == 0xe0 && u[1] < 0xa0;
		bool surrogate = u[0] == 0xed && u[1] > 0x9f;

		return overlong || surrogate ? 0 : 3;
	}
	if (!is_continuation(u[3]) || (u[0] == 0xf0 && u[1] < 0x90) ||
		(u[0] == 0xf4 && u[1] > 0x8f))
		return 0;
	return 4;
}

/* Why the text from S to END is not allowed in any line; NULL where it is. */
static const char *find_bad_text(const char *s, const char *end)
{
	while (s < end) {
		size_t length = character_length((const unsigned char *)s);

		if (!length)
			return "not UTF-8 text";
		if (*s == '\0')
			return "NUL byte";
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
			return "control character";
		s += length;
	}
	return NULL;
}

static const char *read_section(struct reader *r, char *s)
{
	char *name = s + 1, *end = skip_name(name);

	if (end == name)
		return "a section's name was expected after '['";
	if (*end != ']')
		return "']' was expected after the section's name";
	if (*skip_blanks(end + 1))
		return "text after ']'";
	*end = '\0';
	r->section = name;
	return r->handler(r->context,
		&(struct ini_entry){
			.section = name, .key = "", .value = "", .line = r->line});
}

/* S ends at END, trailing blanks apart. */
static const char *read_entry(struct reader *r, char *s, char *end)
{
	struct ini_entry entry = {.section = r->section, .key = s, .line = r->line};
	char *key_end = skip_name(s), *equals = skip_blanks(key_end);

	if (key_end == s)
		return "a key was expected";
	if (*equals != '=')
		return "'=' was expected after the key";
	s = skip_blanks(equals + 1);
	while (end > s && is_blank(end[-1]))
		end--;
	*end = '\0';
	*key_end = '\0';
	entry.value = s;
	return r->handler(r->context, &entry);
}

static const char *read_line(struct reader *r)
{
	char *s = r->at, *end = memchr(s, '\n', (size_t)(r->end - s));
	const char *reason;

	if (!end)
		end = r->end;
	r->at = end < r->end ? end + 1 : end;
	r->line++;
	if (end > s && end[-1] == '\r')
		end--;
	reason = find_bad_text(s, end);
	if (reason)
		return reason;
	*end = '\0';
	s = skip_blanks(s);
	if (*s == '\0' || *s == ';' || *s == '#')
		return NULL;
	return *s == '[' ? read_section(r, s) : read_entry(r, s, end);
}

const char *ini_parse(
	char *text, size_t size, ini_handler handler, void *context, unsigned *line)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	struct reader r = {.at = text,
		.end = text + size,
		.section = "",
		.handler = handler,
		.context = context};
	const char *reason = NULL;

	if (size >= 3 && memcmp(text, byte_order_mark, 3) == 0)
		r.at += 3;
	while (!reason && r.at < r.end)
		reason = read_line(&r);
	*line = r.line;
	return reason;
}
