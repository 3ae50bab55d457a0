/*
 * compat_calls.h - what the tests of the compatibility headers share
 */
#ifndef TESTS_COMPAT_CALLS_H
#define TESTS_COMPAT_CALLS_H

#include <windows.h>

#include "support.h"

#define OTHER_ERROR 0x1234u

/* A literal of WCHAR, of either width. */
#define W(quote) BACKUPAPI_WIDE(quote)

/* No character in either width. */
#define NO_CHARACTER ((WCHAR)0xd800)

/* CODE in WCHARs at OUT; returns how many. */
static inline size_t wide_put(uint32_t code, WCHAR *out)
{
	if (sizeof(WCHAR) == 4 || code < 0x10000) {
		out[0] = (WCHAR)code;
		return 1;
	}
	out[0] = (WCHAR)(0xd800 + ((code - 0x10000) >> 10));
	out[1] = (WCHAR)(0xdc00 + (code & 0x3ff));
	return 2;
}

/* wcslen, and wcscmp that tells equality, for it. */
static inline size_t wide_length(const WCHAR *s)
{
	size_t length = 0;

	while (s[length])
		length++;
	return length;
}

static inline int wide_equal(const WCHAR *a, const WCHAR *b)
{
	size_t length = wide_length(a);

	return wide_length(b) == length && memcmp(a, b, length * sizeof(WCHAR)) == 0;
}

/* A call that succeeds leaves the last error alone; one that fails sets a plain Win32
 * code, and a detail. */
#define WORKS(call)                                                                      \
	do {                                                                             \
		SetLastError(OTHER_ERROR);                                               \
		ck_assert_msg((call), "%s: %u: %s", #call, (unsigned)GetLastError(),     \
			backupapi_error_detail());                                       \
		ck_assert_uint_eq(GetLastError(), OTHER_ERROR);                          \
	} while (0)

#define FAILS_QUIETLY(call, code)                                                        \
	do {                                                                             \
		SetLastError(OTHER_ERROR);                                               \
		ck_assert_msg(!(call), "%s works", #call);                               \
		ck_assert_msg(GetLastError() == (code), "%s: error %u, not %u", #call,   \
			(unsigned)GetLastError(), (unsigned)(code));                     \
	} while (0)

#define FAILS(call, code)                                                                \
	do {                                                                             \
		FAILS_QUIETLY(call, code);                                               \
		ck_assert_str_ne(backupapi_error_detail(), "");                          \
	} while (0)

#endif
