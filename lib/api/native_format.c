/*
 * printf's formats as Windows' C library reads them, with long of 32 bits and wide text
 * that does not go through the locale. Each conversion is read by itself: numbers are then
 * printed by snprintf with the widest type, text is copied.
 */
#include <backupapi/compat.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/argument.h"
#include "api/native.h"
#include "base/alloc.h"
#include "base/buffer.h"
#include "base/text.h"

enum size { SIZE_NONE, SIZE_HH, SIZE_H, SIZE_L, SIZE_64, SIZE_POINTER, SIZE_LONG_DOUBLE };

/* va_list in a structure, so that functions can take it further. */
struct formatter {
	uint32_t rules;
	const char *at; /* in the format */
	struct buffer out;
	va_list args;
};

struct conversion {
	char flags[8];
	int width;
	int precision; /* -1: none */
	enum size size;
	char kind;
};

static status bad_format(const char *what)
{
	return status_fail(STATUS_WIN32(ERROR_INVALID_PARAMETER), "format: %s", what);
}

/* ---- reading a conversion ---- */

static void read_flags(struct formatter *f, struct conversion *c)
{
	size_t count = 0;

	while (*f->at && strchr("-+ #0", *f->at)) {
		if (!strchr(c->flags, *f->at) && count < sizeof(c->flags) - 1)
			c->flags[count++] = *f->at;
		f->at++;
	}
}

/* Digits, or an argument for '*'. */
static status read_number(struct formatter *f, int *number)
{
	*number = 0;
	if (*f->at == '*') {
		f->at++;
		*number = va_arg(f->args, int);
		return STATUS_OK;
	}
	for (; *f->at >= '0' && *f->at <= '9'; f->at++) {
		if (*number > (INT_MAX - 9) / 10)
			return bad_format("a width or precision is too large");
		*number = *number * 10 + (*f->at - '0');
	}
	return STATUS_OK;
}

static status read_width(struct formatter *f, struct conversion *c)
{
	status rc = read_number(f, &c->width);

	if (failed(rc))
		return rc;
	if (c->width < 0) {
		if (c->width == INT_MIN)
			return bad_format("a width is too large");
		c->width = -c->width;
		if (!strchr(c->flags, '-'))
			c->flags[strlen(c->flags)] = '-';
	}
	c->precision = -1;
	if (*f->at != '.')
		return STATUS_OK;
	f->at++;
	rc = read_number(f, &c->precision);
	if (c->precision < 0)
		c->precision = -1;
	return rc;
}

static const struct {
	const char *text;
	enum size size;
} sizes[] = {
	{"hh", SIZE_HH},
	{"h", SIZE_H},
	{"ll", SIZE_64},
	{"l", SIZE_L},
	{"w", SIZE_L},
	{"I64", SIZE_64},
	{"I32", SIZE_NONE},
	{"I", SIZE_POINTER},
	{"j", SIZE_64},
	{"z", SIZE_POINTER},
	{"t", SIZE_POINTER},
	{"L", SIZE_LONG_DOUBLE},
};

static enum size read_size(struct formatter *f)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t length = strlen(sizes[i].text);

		if (strncmp(f->at, sizes[i].text, length) == 0) {
			f->at += length;
			return sizes[i].size;
		}
	}
	return SIZE_NONE;
}

/* ---- numbers ---- */

static long long signed_argument(struct formatter *f, enum size size)
{
	switch (size) {
	case SIZE_64:
	case SIZE_LONG_DOUBLE:
		return va_arg(f->args, long long);
	case SIZE_POINTER:
		return va_arg(f->args, ptrdiff_t);
	case SIZE_H:
		return (short)va_arg(f->args, int);
	case SIZE_HH:
		return (signed char)va_arg(f->args, int);
	default:
		return va_arg(f->args, int);
	}
}

static unsigned long long unsigned_argument(struct formatter *f, enum size size)
{
	switch (size) {
	case SIZE_64:
	case SIZE_LONG_DOUBLE:
		return va_arg(f->args, unsigned long long);
	case SIZE_POINTER:
		return va_arg(f->args, size_t);
	case SIZE_H:
		return (unsigned short)va_arg(f->args, unsigned);
	case SIZE_HH:
		return (unsigned char)va_arg(f->args, unsigned);
	default:
		return va_arg(f->args, unsigned);
	}
}

/* "%FLAGS*.*LENGTHKIND". */
static void make_spec(const struct conversion *c, const char *length, char spec[24])
{
	(void)snprintf(spec, 24, "%%%s*.*%s%c", c->flags, length, c->kind);
}

static status add_printed(struct formatter *f, int length, char *text)
{
	if (length < 0)
		return status_no_memory();
	buffer_add(&f->out, text, (size_t)length);
	free(text);
	return STATUS_OK;
}

/* The formats are made above, of parts that were checked. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static status add_integer(struct formatter *f, const struct conversion *c)
{
	char spec[24], *text = NULL;
	int length;

	make_spec(c, "ll", spec);
	if (c->kind == 'd' || c->kind == 'i')
		length = asprintf(
			&text, spec, c->width, c->precision, signed_argument(f, c->size));
	else
		length = asprintf(&text, spec, c->width, c->precision,
			unsigned_argument(f, c->size));
	return add_printed(f, length, text);
}

static status add_floating(struct formatter *f, const struct conversion *c)
{
	char spec[24], *text = NULL;
	int length;

	make_spec(c, c->size == SIZE_LONG_DOUBLE ? "L" : "", spec);
	if (c->size == SIZE_LONG_DOUBLE)
		length = asprintf(&text, spec, c->width, c->precision,
			va_arg(f->args, long double));
	else
		length = asprintf(
			&text, spec, c->width, c->precision, va_arg(f->args, double));
	return add_printed(f, length, text);
}

#pragma GCC diagnostic pop

static status add_pointer(struct formatter *f, const struct conversion *c)
{
	char *text = NULL;
	int width = strchr(c->flags, '-') ? -c->width : c->width;
	int length = asprintf(&text, "%*p", width, va_arg(f->args, void *));

	return add_printed(f, length, text);
}

/* ---- text ---- */

static void add_blanks(struct formatter *f, size_t count)
{
	for (; count && !f->out.short_of_memory; count--)
		buffer_text(&f->out, " ");
}

/* TEXT is SIZE bytes long, and CHARACTERS wide. */
static status add_padded(struct formatter *f, const struct conversion *c,
	const char *text, size_t size, size_t characters)
{
	size_t width = (size_t)c->width;
	size_t blanks = width > characters ? width - characters : 0;
	bool left = strchr(c->flags, '-') != NULL;

	if (!left)
		add_blanks(f, blanks);
	buffer_add(&f->out, text, size);
	if (left)
		add_blanks(f, blanks);
	return STATUS_OK;
}

static size_t characters_of(const char *text, size_t size)
{
	size_t count = 0;

	for (size_t i = 0; i < size; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

static uint32_t unit_at(const void *wide, enum text_form form, size_t i)
{
	return form == TEXT_UTF16 ? ((const char16_t *)wide)[i]
				  : (uint32_t)((const wchar_t *)wide)[i];
}

/* How many of the first LIMIT units at WIDE to take: nothing is read behind them, and a
 * pair that they would cut in two is left out. */
static size_t units_within(const void *wide, enum text_form form, size_t limit)
{
	size_t length = 0;

	while (length < limit && unit_at(wide, form, length))
		length++;
	if (form == TEXT_UTF16 && length && length == limit &&
		(unit_at(wide, form, length - 1) & 0xfc00) == 0xd800)
		length--;
	return length;
}

/* Up to LIMIT units at WIDE, of the size that the rules say. */
static status narrow(
	const struct formatter *f, const void *wide, size_t limit, char **text)
{
	uint32_t size = f->rules & 0xff;
	enum text_form form = size == TEXT_UTF16 ? TEXT_UTF16 : TEXT_WIDE;
	size_t length;
	void *copy;
	status rc;

	*text = NULL;
	if (size != form)
		return status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
			"format: no WCHAR of %u bytes", (unsigned)size);
	length = units_within(wide, form, limit);
	copy = calloc(length + 1, form);
	if (!copy)
		return status_no_memory();
	memcpy(copy, wide, length * form);
	rc = argument_copy((struct given){copy, form}, text);
	free(copy);
	return rc;
}

static bool is_wide(const struct formatter *f, const struct conversion *c)
{
	bool capital = c->kind == 'S' || c->kind == 'C';

	if (c->size == SIZE_L || c->size == SIZE_64)
		return true;
	if (c->size == SIZE_H || c->size == SIZE_HH)
		return false;
	return capital != ((f->rules & BACKUPAPI_FORMAT_WIDE) != 0);
}

static status add_narrow_string(
	struct formatter *f, const struct conversion *c, const char *text)
{
	size_t size =
		c->precision < 0 ? strlen(text) : strnlen(text, (size_t)c->precision);

	return add_padded(f, c, text, size, characters_of(text, size));
}

static status add_wide(
	struct formatter *f, const struct conversion *c, const void *wide, size_t limit)
{
	char *text;
	size_t size;
	status rc = narrow(f, wide, limit, &text);

	if (failed(rc))
		return rc;
	size = strlen(text);
	rc = add_padded(f, c, text, size, characters_of(text, size));
	free(text);
	return rc;
}

static status add_string(struct formatter *f, const struct conversion *c)
{
	const void *text = va_arg(f->args, const void *);

	if (!text)
		return add_narrow_string(f, c, "(null)");
	if (!is_wide(f, c))
		return add_narrow_string(f, c, text);
	return add_wide(f, c, text, c->precision < 0 ? SIZE_MAX : (size_t)c->precision);
}

/* A whole character, since an int may hold one whatever the size of WCHAR is. */
static status add_character(struct formatter *f, const struct conversion *c)
{
	unsigned value = va_arg(f->args, unsigned);
	const wchar_t wide[] = {(wchar_t)value, 0};
	char byte = (char)value, *text;
	status rc;

	if (!is_wide(f, c) || !value)
		return add_padded(f, c, &byte, 1, 1);
	rc = argument_copy((struct given){wide, TEXT_WIDE}, &text);
	if (!failed(rc))
		rc = add_padded(f, c, text, strlen(text), 1);
	free(text);
	return rc;
}

/* ---- all of it ---- */

static status add_conversion(struct formatter *f)
{
	struct conversion c = {0};
	status rc;

	read_flags(f, &c);
	rc = read_width(f, &c);
	if (failed(rc))
		return rc;
	c.size = read_size(f);
	c.kind = *f->at;
	if (!c.kind)
		return bad_format("it ends in the middle of a conversion");
	f->at++;
	if (strchr("diouxX", c.kind))
		return add_integer(f, &c);
	if (strchr("aAeEfFgG", c.kind))
		return add_floating(f, &c);
	if (strchr("sS", c.kind))
		return add_string(f, &c);
	if (strchr("cC", c.kind))
		return add_character(f, &c);
	if (c.kind == 'p')
		return add_pointer(f, &c);
	return bad_format("a conversion that is none");
}

static status add_all(struct formatter *f)
{
	status rc = STATUS_OK;

	while (*f->at && !failed(rc)) {
		size_t plain = strcspn(f->at, "%");

		buffer_add(&f->out, f->at, plain);
		f->at += plain;
		if (f->at[0] == '%' && f->at[1] == '%') {
			buffer_text(&f->out, "%");
			f->at += 2;
		} else if (f->at[0] == '%') {
			f->at++;
			rc = add_conversion(f);
		}
	}
	return !failed(rc) && buffer_failed(&f->out) ? status_no_memory() : rc;
}

/* Text may hold NULs, from %c. */
static status give(const struct buffer *out, char **block, size_t *length)
{
	*block = alloc_block(ALLOC_NATIVE, out->size + 1);
	if (!*block)
		return status_no_memory();
	if (out->size)
		memcpy(*block, out->data, out->size);
	(*block)[out->size] = '\0';
	if (length)
		*length = out->size;
	return STATUS_OK;
}

char *backupapi_format(uint32_t rules, const char *format, va_list args, size_t *length)
{
	struct formatter f = {.rules = rules, .at = format};
	char *block = NULL;
	status rc;

	status_begin();
	if (length)
		*length = 0;
	if (!format) {
		(void)status_publish_win32(argument_invalid(__func__, "format is NULL"));
		return NULL;
	}
	va_copy(f.args, args);
	rc = add_all(&f);
	va_end(f.args);
	if (!failed(rc))
		rc = give(&f.out, &block, length);
	buffer_free(&f.out);
	(void)status_publish_win32(rc);
	return block;
}
