/*
 * win32/wide16.h - the wide functions that tchar.h names, for a WCHAR of 16 bits
 *
 * Included by tchar.h only: the C library's own read 32 bits. They do what the functions of
 * these names do, and count units.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef BACKUPAPI_WIN32_WIDE16_H
#define BACKUPAPI_WIN32_WIDE16_H

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "print.h"

/* ---- copying ---- */

static inline size_t backupapi_wcslen(const WCHAR *s)
{
	size_t length = 0;

	while (s[length])
		length++;
	return length;
}

static inline size_t backupapi_wcsnlen(const WCHAR *s, size_t limit)
{
	size_t length = 0;

	while (length < limit && s[length])
		length++;
	return length;
}

static inline WCHAR *backupapi_wcscpy(WCHAR *to, const WCHAR *from)
{
	return (WCHAR *)memcpy(to, from, (backupapi_wcslen(from) + 1) * sizeof(WCHAR));
}

static inline WCHAR *backupapi_wcsncpy(WCHAR *to, const WCHAR *from, size_t count)
{
	size_t length = backupapi_wcsnlen(from, count);

	(void)memcpy(to, from, length * sizeof(WCHAR));
	(void)memset(to + length, 0, (count - length) * sizeof(WCHAR));
	return to;
}

static inline WCHAR *backupapi_wcscat(WCHAR *to, const WCHAR *from)
{
	(void)backupapi_wcscpy(to + backupapi_wcslen(to), from);
	return to;
}

static inline WCHAR *backupapi_wcsncat(WCHAR *to, const WCHAR *from, size_t count)
{
	size_t length = backupapi_wcsnlen(from, count);
	WCHAR *end = to + backupapi_wcslen(to);

	(void)memcpy(end, from, length * sizeof(WCHAR));
	end[length] = 0;
	return to;
}

/* ---- comparing and searching ---- */

static inline int backupapi_wcsncmp(const WCHAR *a, const WCHAR *b, size_t limit)
{
	size_t i = 0;

	while (i < limit && a[i] && a[i] == b[i])
		i++;
	return i == limit ? 0 : (int)a[i] - (int)b[i];
}

static inline int backupapi_wcscmp(const WCHAR *a, const WCHAR *b)
{
	return backupapi_wcsncmp(a, b, (size_t)-1);
}

/* As in C, what is found may be written to if S may. */
static inline WCHAR *backupapi_wide_at(const WCHAR *s, size_t i)
{
	return (WCHAR *)(uintptr_t)(s + i);
}

static inline WCHAR *backupapi_wcschr(const WCHAR *s, WCHAR c)
{
	size_t i = 0;

	while (s[i] && s[i] != c)
		i++;
	return s[i] == c ? backupapi_wide_at(s, i) : NULL;
}

static inline WCHAR *backupapi_wcsrchr(const WCHAR *s, WCHAR c)
{
	for (size_t i = backupapi_wcslen(s) + 1; i-- > 0;)
		if (s[i] == c)
			return backupapi_wide_at(s, i);
	return NULL;
}

static inline WCHAR *backupapi_wcsstr(const WCHAR *s, const WCHAR *part)
{
	size_t length = backupapi_wcslen(part), i = 0;

	while (s[i] && backupapi_wcsncmp(s + i, part, length) != 0)
		i++;
	return s[i] || !length ? backupapi_wide_at(s, i) : NULL;
}

/* ---- numbers ---- */

/* The value of C as a digit of BASE; BASE where it is none. */
static inline unsigned backupapi_wide_digit(WCHAR c, unsigned base)
{
	unsigned value = base;

	if (c >= '0' && c <= '9')
		value = (unsigned)c - '0';
	else if (c >= 'a' && c <= 'z')
		value = (unsigned)c - 'a' + 10;
	else if (c >= 'A' && c <= 'Z')
		value = (unsigned)c - 'A' + 10;
	return value < base ? value : base;
}

/* The base that the number at *S has, BASE being what the caller said; *S goes on behind
 * its "0x". */
static inline unsigned backupapi_wide_base(const WCHAR **s, int base)
{
	const WCHAR *p = *s;
	int hexadecimal = p[0] == '0' && (p[1] == 'x' || p[1] == 'X') &&
			  backupapi_wide_digit(p[2], 16) < 16;

	if (hexadecimal && (base == 0 || base == 16)) {
		*s += 2;
		return 16;
	}
	return base ? (unsigned)base : p[0] == '0' ? 8 : 10;
}

/* Digits at *S, which goes on behind them; ULONG_MAX and *TOO_LARGE where they are more. */
static inline unsigned long backupapi_wide_digits(
	const WCHAR **s, unsigned base, int *too_large)
{
	unsigned long number = 0;

	for (; backupapi_wide_digit(**s, base) < base; ++*s) {
		unsigned digit = backupapi_wide_digit(**s, base);

		if (number > (ULONG_MAX - digit) / base)
			*too_large = 1;
		number = *too_large ? ULONG_MAX : number * base + digit;
	}
	return number;
}

/* The number at S without its sign; *END (may be NULL) is S where there is none. */
static inline unsigned long backupapi_wide_number(
	const WCHAR *s, WCHAR **end, int base, int *negative, int *too_large)
{
	const WCHAR *at = s, *digits;
	unsigned long number;
	unsigned real_base;

	*negative = *too_large = 0;
	if (end)
		*end = backupapi_wide_at(s, 0);
	if (base < 0 || base == 1 || base > 36) {
		errno = EINVAL;
		return 0;
	}
	while (*at == ' ' || (*at >= '\t' && *at <= '\r'))
		at++;
	*negative = *at == '-';
	if (*at == '-' || *at == '+')
		at++;
	real_base = backupapi_wide_base(&at, base);
	digits = at;
	number = backupapi_wide_digits(&at, real_base, too_large);
	if (end && at != digits)
		*end = backupapi_wide_at(at, 0);
	return number;
}

static inline unsigned long backupapi_wcstoul(const WCHAR *s, WCHAR **end, int base)
{
	int negative, too_large;
	unsigned long number = backupapi_wide_number(s, end, base, &negative, &too_large);

	if (too_large) {
		errno = ERANGE;
		return ULONG_MAX;
	}
	return negative ? 0 - number : number;
}

static inline long backupapi_wcstol(const WCHAR *s, WCHAR **end, int base)
{
	int negative, too_large;
	unsigned long number = backupapi_wide_number(s, end, base, &negative, &too_large);
	unsigned long limit = (unsigned long)LONG_MAX + (negative ? 1 : 0);

	if (too_large || number > limit)
		errno = ERANGE;
	if (too_large || number >= limit)
		return negative ? LONG_MIN : LONG_MAX;
	return negative ? -(long)number : (long)number;
}

#endif
