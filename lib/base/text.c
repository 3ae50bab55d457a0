/*
 * wchar_t may have 32 bits (Linux) or 16 (surrogate pairs); which one is decided by
 * sizeof, so that the compiler sees both.
 */
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define HIGH_SURROGATE 0xd800u
#define LOW_SURROGATE  0xdc00u
#define LAST_SURROGATE 0xdfffu
#define LAST_CHARACTER 0x10ffffu

/* Bad bytes 0x80..0xff become this + byte. */
#define BYTE_SURROGATE LOW_SURROGATE

static const bool wide_is_utf16 = sizeof(wchar_t) == 2;

/* The LENGTH bytes at S put together, or UINT32_MAX where one is no continuation byte: a
 * NUL ends the search. */
static uint32_t join(const unsigned char *s, size_t length, uint32_t code)
{
	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return UINT32_MAX;
		code = code << 6 | (s[i] & 0x3fu);
	}
	return code;
}

size_t text_decode(const char *s, uint32_t *code)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t length;
	uint32_t lowest;

	if (u[0] < 0x80) {
		*code = u[0];
		return u[0] != 0;
	}
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;
	length = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	lowest = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
	*code = join(u, length, u[0] & (0xffu >> (length + 1)));
	if (*code < lowest || *code > LAST_CHARACTER)
		return 0;
	if (*code >= HIGH_SURROGATE && *code <= LAST_SURROGATE)
		return 0;
	return length;
}

size_t text_decode_surrogate(const char *s, uint32_t *code)
{
	const unsigned char *u = (const unsigned char *)s;

	if (u[0] != 0xed || u[1] < 0xa0 || u[1] > 0xbf || (u[2] & 0xc0) != 0x80)
		return 0;
	*code = 0xd000u | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
	return 3;
}

size_t text_encode(uint32_t code, char *out)
{
	unsigned char *u = (unsigned char *)out;

	if (code < 0x80) {
		u[0] = (unsigned char)code;
		return 1;
	}
	if (code < 0x800) {
		u[0] = (unsigned char)(0xc0 | code >> 6);
		u[1] = (unsigned char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		u[0] = (unsigned char)(0xe0 | code >> 12);
		u[1] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
		u[2] = (unsigned char)(0x80 | (code & 0x3f));
		return 3;
	}
	u[0] = (unsigned char)(0xf0 | (code >> 18 & 0x7));
	u[1] = (unsigned char)(0x80 | (code >> 12 & 0x3f));
	u[2] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
	u[3] = (unsigned char)(0x80 | (code & 0x3f));
	return 4;
}

/* Whatever is at S, which is not its end, as one code: a character, an encoded surrogate,
 * or a bad byte's stand-in. Returns the number of bytes, 1 to 4. */
static size_t next_code(const char *s, uint32_t *code)
{
	size_t length = text_decode(s, code);

	if (!length)
		length = text_decode_surrogate(s, code);
	if (!length) {
		*code = BYTE_SURROGATE + (unsigned char)*s;
		length = 1;
	}
	return length;
}

size_t text_wide_length(const char *s)
{
	size_t count = 0;
	uint32_t code;

	for (; *s; s += next_code(s, &code), count++)
		if (wide_is_utf16 && text_decode(s, &code) == 4)
			count++;
	return count;
}

wchar_t *text_to_wide(const char *s, wchar_t *out)
{
	while (*s) {
		uint32_t code;

		s += next_code(s, &code);
		if (wide_is_utf16 && code > 0xffff) {
			*out++ = (wchar_t)(HIGH_SURROGATE + ((code - 0x10000) >> 10));
			code = LOW_SURROGATE + (code & 0x3ff);
		}
		*out++ = (wchar_t)code;
	}
	*out = L'\0';
	return out;
}

/* The character at WIDE, which is not the end; *UNITS is 2 for a surrogate pair. */
static uint32_t wide_code(const wchar_t *wide, size_t *units)
{
	uint32_t code = wide_is_utf16 ? (uint16_t)wide[0] : (uint32_t)wide[0];

	*units = 1;
	if (wide_is_utf16 && code >= HIGH_SURROGATE && code < LOW_SURROGATE) {
		uint32_t low = (uint16_t)wide[1];

		if (low >= LOW_SURROGATE && low <= LAST_SURROGATE) {
			*units = 2;
			code = 0x10000 + ((code - HIGH_SURROGATE) << 10) +
			       (low - LOW_SURROGATE);
		}
	}
	return code;
}

/* The bytes that WIDE takes in UTF-8; false where it holds what is no character. */
static bool utf8_size(const wchar_t *wide, size_t *size)
{
	char scratch[4];
	size_t units;

	*size = 0;
	for (; *wide; wide += units) {
		uint32_t code = wide_code(wide, &units);

		if (code > LAST_CHARACTER)
			return false;
		*size += text_encode(code, scratch);
	}
	return true;
}

status text_from_wide(const wchar_t *wide, char **text)
{
	size_t size, units;
	char *out;

	*text = NULL;
	if (!utf8_size(wide, &size))
		return status_fail(STATUS_WIN32(ERROR_NO_UNICODE_TRANSLATION),
			"the text contains a code above U+10FFFF");
	out = malloc(size + 1);
	if (!out)
		return status_no_memory();
	*text = out;
	for (; *wide; wide += units)
		out += text_encode(wide_code(wide, &units), out);
	*out = '\0';
	return STATUS_OK;
}

char text_fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int text_compare_nocase(const char *a, const char *b)
{
	while (*a && text_fold(*a) == text_fold(*b)) {
		a++;
		b++;
	}
	return (unsigned char)text_fold(*a) - (unsigned char)text_fold(*b);
}

void text_keep_to_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

/* The number of bytes at S that can stand as they are; 0: the first one is escaped. */
static size_t plain_length(const char *s)
{
	uint32_t code;
	size_t length = text_decode(s, &code);

	if (!length || code < 0x20 || code == '%' || (code >= 0x7f && code < 0xa0))
		return 0;
	return length;
}

char *text_escape(const char *s)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t size = strlen(s);
	char *escaped, *out;

	if (size > (SIZE_MAX - 1) / 3)
		return NULL;
	escaped = out = malloc(3 * size + 1);
	if (!escaped)
		return NULL;
	while (*s) {
		size_t length = plain_length(s);

		if (length) {
			memcpy(out, s, length);
			out += length;
			s += length;
		} else {
			*out++ = '%';
			*out++ = digits[(unsigned char)*s >> 4];
			*out++ = digits[(unsigned char)*s++ & 0xf];
		}
	}
	*out = '\0';
	return escaped;
}

int text_digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = text_fold(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool text_unescape(char *s)
{
	char *out = s;

	while (*s) {
		if (*s == '%') {
			int high = text_digit_value(s[1]);
			int low = high < 0 ? -1 : text_digit_value(s[2]);

			if (low < 0 || (high | low) == 0)
				return false;
			*out++ = (char)(high << 4 | low);
			s += 3;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
	return true;
}
