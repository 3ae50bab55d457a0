/*
 * Wide text is read and written unit by unit; that a unit may be of 16 bits, and a
 * character two of them, is known to read_code and write_code alone.
 */
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define HIGH_SURROGATE 0xd800u
#define LOW_SURROGATE  0xdc00u
#define LAST_SURROGATE 0xdfffu
#define LAST_CHARACTER 0x10ffffu

/* Bad bytes 0x80..0xff become this + byte. */
#define BYTE_SURROGATE       LOW_SURROGATE
#define FIRST_BYTE_SURROGATE (BYTE_SURROGATE + 0x80)
#define LAST_BYTE_SURROGATE  (BYTE_SURROGATE + 0xff)

/* What is no character has this code. */
#define NO_CODE UINT32_MAX

_Static_assert(TEXT_WIDE == sizeof(uint32_t), "the library has its own -fshort-wchar");
_Static_assert(TEXT_UTF16 == sizeof(uint16_t), "UTF-16");

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

/* ---- out: units of a form ---- */

/* Whether CODE stands for a byte that is not UTF-8. */
static bool is_byte_surrogate(uint32_t code)
{
	return code >= FIRST_BYTE_SURROGATE && code <= LAST_BYTE_SURROGATE;
}

/* Whatever is at S, which is not its end, as one code: a character or the stand-in of a
 * bad byte, which may be encoded already. The bytes of another encoded surrogate count as
 * bad, since beside a third it could become half of a pair. Returns the number of bytes,
 * 1 to 4. */
static size_t next_code(const char *s, uint32_t *code)
{
	size_t length = text_decode(s, code);

	if (length)
		return length;
	length = text_decode_surrogate(s, code);
	if (length && is_byte_surrogate(*code))
		return length;
	*code = BYTE_SURROGATE + (unsigned char)*s;
	return 1;
}

size_t text_length(const char *s, enum text_form form)
{
	size_t count = 0;

	if (form == TEXT_NARROW)
		return strlen(s);
	while (*s) {
		uint32_t code;

		s += next_code(s, &code);
		count += form == TEXT_UTF16 && code > 0xffff ? 2 : 1;
	}
	return count;
}

void *text_write_unit(uint32_t unit, enum text_form form, void *out)
{
	if (form == TEXT_NARROW)
		*(char *)out = (char)unit;
	else if (form == TEXT_UTF16)
		*(char16_t *)out = (char16_t)unit;
	else
		*(wchar_t *)out = (wchar_t)unit;
	return (char *)out + form;
}

static void *write_code(uint32_t code, enum text_form form, void *out)
{
	if (form == TEXT_UTF16 && code > 0xffff) {
		code -= 0x10000;
		out = text_write_unit(HIGH_SURROGATE + (code >> 10), form, out);
		code = LOW_SURROGATE + (code & 0x3ff);
	}
	return text_write_unit(code, form, out);
}

void *text_write(const char *s, enum text_form form, void *out)
{
	if (form == TEXT_NARROW)
		return stpcpy(out, s);
	while (*s) {
		uint32_t code;

		s += next_code(s, &code);
		out = write_code(code, form, out);
	}
	(void)text_write_unit(0, form, out);
	return out;
}

/* ---- in: codes from units ---- */

static uint32_t unit_at(const void *text, enum text_form form, size_t i)
{
	return form == TEXT_UTF16 ? ((const char16_t *)text)[i]
				  : (uint32_t)((const wchar_t *)text)[i];
}

/* The character at unit *I of TEXT, which is not its end, or NO_CODE; *I moves behind
 * it. */
static uint32_t read_code(const void *text, enum text_form form, size_t *i)
{
	uint32_t code = unit_at(text, form, (*i)++), low;

	if (code > LAST_CHARACTER)
		return NO_CODE;
	if (code < HIGH_SURROGATE || code > LAST_SURROGATE || is_byte_surrogate(code))
		return code;
	if (form != TEXT_UTF16 || code >= LOW_SURROGATE)
		return NO_CODE;
	low = unit_at(text, form, *i);
	if (low < LOW_SURROGATE || low > LAST_SURROGATE)
		return NO_CODE;
	(*i)++;
	return 0x10000 + ((code - HIGH_SURROGATE) << 10) + (low - LOW_SURROGATE);
}

/* The bytes that TEXT takes in UTF-8. */
static status measure(const void *text, enum text_form form, size_t *size)
{
	char scratch[4];
	size_t i = 0;

	*size = 0;
	while (unit_at(text, form, i)) {
		const size_t place = i + 1;
		uint32_t code = read_code(text, form, &i);

		/* Not what stands there: the text may be a password. */
		if (code == NO_CODE)
			return status_fail(STATUS_WIN32(ERROR_NO_UNICODE_TRANSLATION),
				"character %zu of the text given is no Unicode", place);
		*size += text_encode(code, scratch);
	}
	return STATUS_OK;
}

status text_read(const void *text, enum text_form form, char **utf8)
{
	size_t size, i = 0;
	char *out;
	status rc;

	*utf8 = NULL;
	if (form == TEXT_NARROW) {
		*utf8 = strdup(text);
		return *utf8 ? STATUS_OK : status_no_memory();
	}
	rc = measure(text, form, &size);
	if (failed(rc))
		return rc;
	out = malloc(size + 1);
	if (!out)
		return status_no_memory();
	*utf8 = out;
	while (unit_at(text, form, i))
		out += text_encode(read_code(text, form, &i), out);
	*out = '\0';
	return STATUS_OK;
}

/* ---- names and lines ---- */

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
