/*
 * text.h - UTF-8 inside, WCHAR at the boundary, never through the locale
 *
 * Text that is not valid UTF-8 survives the way to wide characters of either width and
 * back: each bad byte 0x80..0xFF becomes U+DC80..U+DCFF, in UTF-16 a low surrogate that
 * no high one goes before.  On the way in these become the three bytes that UTF-8 would
 * give them (ED B2..B3 xx), and unc.h turns those into bytes again where the text is a
 * path.  Any other surrogate without its other half is refused on the way in, and never
 * written on the way out.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <uchar.h>
#include <wchar.h>

#include "base/status.h"

/* Length in bytes of the valid UTF-8 character at S (surrogates count as invalid), its
 * code point in *CODE; 0 where the bytes at S are not one. S is NUL-terminated. */
size_t text_decode(const char *s, uint32_t *code);

/* Length in bytes of an encoded surrogate (ED A0..BF 80..BF) at S, its code in *CODE; else 0. */
size_t text_decode_surrogate(const char *s, uint32_t *code);

/* Writes CODE (up to 0x10FFFF, surrogates too) at OUT (4 bytes), returns the length. */
size_t text_encode(uint32_t code, char *out);

/* ---- forms ---- */

/* What a text is made of, and the size of that in bytes. */
enum text_form {
	TEXT_NARROW = sizeof(char), /* UTF-8 */
	TEXT_UTF16 = sizeof(char16_t),
	TEXT_WIDE = sizeof(wchar_t), /* UTF-32 */
};

/* How many units S has in FORM, without the NUL. */
size_t text_length(const char *s, enum text_form form);

/* Writes S at OUT, which has room for text_length(S) + 1 units of FORM; returns where the
 * NUL was written, so that lists are built by writing on behind it. */
void *text_write(const char *s, enum text_form form, void *out);

/* Writes UNIT as it is; returns what is behind it. */
void *text_write_unit(uint32_t unit, enum text_form form, void *out);

/* UTF-8 in a new string (free()) from TEXT. What is no character is
 * ERROR_NO_UNICODE_TRANSLATION, but in narrow text, which is taken as it is. */
status text_read(const void *text, enum text_form form, char **utf8);

/* The same for wide characters. */
static inline size_t text_wide_length(const char *s)
{
	return text_length(s, TEXT_WIDE);
}

static inline wchar_t *text_to_wide(const char *s, wchar_t *out)
{
	return text_write(s, TEXT_WIDE, out);
}

static inline status text_from_wide(const wchar_t *wide, char **text)
{
	return text_read(wide, TEXT_WIDE, text);
}

/* ---- names and lines ---- */

/* Order and equality of names: only ASCII letters are folded. */
int text_compare_nocase(const char *a, const char *b);

/* An ASCII capital becomes small, any other byte is itself. */
char text_fold(char c);

/* The value of a hexadecimal digit; -1 where C is none. */
int text_digit_value(char c);

/* Control characters become question marks: a file's name may contain line ends and
 * terminal escapes. */
void text_keep_to_one_line(char *text);

/* New string with %XX for control characters, '%' and bytes that are not UTF-8, so that
 * it fits on one line of a file of records; NULL where memory is short. */
char *text_escape(const char *s);

/* Undoes it in place; false where an escape is malformed or gives a NUL. */
bool text_unescape(char *s);

#endif
