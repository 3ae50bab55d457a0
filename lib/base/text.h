/*
 * text.h - UTF-8 inside, WCHAR at the boundary, never through the locale
 *
 * Text that is not valid UTF-8 survives the way to wide characters and back: each
 * bad byte 0x80..0xFF becomes U+DC80..U+DCFF.  On the way in these, and any other
 * lone surrogate, become the three bytes that UTF-8 would give them (ED xx xx); unc.h
 * turns U+DC80..U+DCFF into bytes again where the text is a path.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <wchar.h>

#include "base/status.h"

/* Length in bytes of the valid UTF-8 character at S (surrogates count as invalid), its
 * code point in *CODE; 0 where the bytes at S are not one. S is NUL-terminated. */
size_t text_decode(const char *s, uint32_t *code);

/* Length in bytes of an encoded surrogate (ED A0..BF 80..BF) at S, its code in *CODE; else 0. */
size_t text_decode_surrogate(const char *s, uint32_t *code);

/* Writes CODE (up to 0x10FFFF, surrogates too) at OUT (4 bytes), returns the length. */
size_t text_encode(uint32_t code, char *out);

/* Number of wide characters of S without the NUL. */
size_t text_wide_length(const char *s);

/* Converts S to OUT, which has room for text_wide_length(S) + 1 characters; returns
 * where the NUL was written, so that lists are built by calling it again after that. */
wchar_t *text_to_wide(const char *s, wchar_t *out);

/* A new string (free()). A character above U+10FFFF is ERROR_NO_UNICODE_TRANSLATION. */
status text_from_wide(const wchar_t *wide, char **text);

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
