/*
 * str.h - text: for people, for records, for the Windows-like functions
 */
#ifndef COMMON_STR_H
#define COMMON_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <wchar.h>

/* Length in bytes of the valid UTF-8 character at S, its code point in *CODE; 0 where the
 * bytes at S are not one. */
size_t str_decode(const char *s, uint32_t *code);

/* S on one line, harmless to a terminal: control characters and bytes that are not UTF-8
 * as \xNN. A new string. */
char *str_display(const char *s);

/* The same in a form that can be read back: %NN for these, for spaces and for '%'. */
char *str_escape(const char *s);
bool str_unescape(char *s); /* in place; false: malformed, or a NUL */

/* Wide characters, bytes that are not UTF-8 as U+DC80..U+DCFF. */
wchar_t *str_widen(const char *s);

/* Decimal digits alone, up to MAX. */
bool str_number(const char *s, uint64_t max, uint64_t *value);

/* "2026-11-22T04:30:00Z" and back. */
#define STR_TIME_SIZE 32
void str_time(int64_t seconds, char out[STR_TIME_SIZE]);
bool str_parse_time(const char *s, int64_t *seconds);

/* "1.5 GiB" */
#define STR_BYTES_SIZE 24
void str_bytes(double bytes, char out[STR_BYTES_SIZE]);

/* ---- absolute paths ---- */

/* Begins with '/', has no empty, "." or ".." component and no trailing slash. */
bool path_is_clean(const char *path);

/* A new string: without the last component; "/" for those in the root directory. */
char *path_parent(const char *path);
const char *path_base(const char *path);

/* "DIR/NAME", a new string. */
char *path_join(const char *dir, const char *name);

/* Is PATH DIR itself or below it? */
bool path_is_below(const char *path, const char *dir);

#endif
