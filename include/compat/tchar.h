/*
 * tchar.h - text that is narrow, or with _UNICODE wide
 *
 * The names that backup tools use, over the C library's functions; those that this C
 * library lacks are here, and where WCHAR has 16 bits, so are those that read 32
 * (win32/wide16.h). Each yields to one that is already there.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef BACKUPAPI_COMPAT_TCHAR_H
#define BACKUPAPI_COMPAT_TCHAR_H

#if defined(_WIN32) || defined(__WINE__)
#pragma GCC system_header
#include_next <tchar.h>
#else

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <backupapi/types.h>

#ifdef _UNICODE
typedef WCHAR _TCHAR;
#else
typedef char _TCHAR;
#endif
#if !defined(_TCHAR_DEFINED) && !defined(_WINDEF_) && !defined(_WINDEF_H) &&             \
	!defined(WINPR_WTYPES_H)
#define _TCHAR_DEFINED
typedef _TCHAR TCHAR;
#endif

#ifndef _T
#ifdef _UNICODE
#define BACKUPAPI_T(quote) BACKUPAPI_WIDE(quote)
#define _T(quote)          BACKUPAPI_T(quote)
#else
#define _T(quote) quote
#endif
#endif
#ifndef _TEXT
#define _TEXT(quote) _T(quote)
#endif

/* Letters of ASCII alone are folded, which is what options and names of files need. */
static inline uint32_t backupapi_fold(uint32_t c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static inline uint32_t backupapi_wide_fold(WCHAR c)
{
	return backupapi_fold((uint32_t)c);
}

static inline int backupapi_wcsnicmp(const WCHAR *a, const WCHAR *b, size_t limit)
{
	size_t i = 0;

	while (i < limit && a[i] &&
		backupapi_wide_fold(a[i]) == backupapi_wide_fold(b[i]))
		i++;
	if (i == limit)
		return 0;
	return backupapi_wide_fold(a[i]) < backupapi_wide_fold(b[i])
		       ? -1
		       : backupapi_wide_fold(a[i]) > backupapi_wide_fold(b[i]);
}

static inline int backupapi_wcsicmp(const WCHAR *a, const WCHAR *b)
{
	return backupapi_wcsnicmp(a, b, (size_t)-1);
}

static inline int backupapi_strnicmp(const char *a, const char *b, size_t limit)
{
	size_t i = 0;

	while (i < limit && a[i] &&
		backupapi_fold((unsigned char)a[i]) ==
			backupapi_fold((unsigned char)b[i]))
		i++;
	return i == limit ? 0
			  : (int)backupapi_fold((unsigned char)a[i]) -
				    (int)backupapi_fold((unsigned char)b[i]);
}

static inline int backupapi_stricmp(const char *a, const char *b)
{
	return backupapi_strnicmp(a, b, (size_t)-1);
}

#ifndef _stricmp
#define _stricmp backupapi_stricmp
#endif
#ifndef _strnicmp
#define _strnicmp backupapi_strnicmp
#endif
#ifndef _wcsicmp
#define _wcsicmp backupapi_wcsicmp
#endif
#ifndef _wcsnicmp
#define _wcsnicmp backupapi_wcsnicmp
#endif

/* The wide functions of the C library, for this width. */
#if BACKUPAPI_WCHAR_SIZE == 2
#include "win32/wide16.h"
#define BACKUPAPI_LIBC_WIDE(name) backupapi_##name
#else
#define BACKUPAPI_LIBC_WIDE(name) name
#endif

/* wmain brings its main with it. */
#include "win32/main.h"
#ifndef _tmain
#ifdef _UNICODE
#define _tmain wmain
#else
#define _tmain main
#endif
#endif

#ifdef _UNICODE
#define BACKUPAPI_TCHAR(narrow, wide) wide
#else
#define BACKUPAPI_TCHAR(narrow, wide) narrow
#endif

#ifndef _tcslen
#define _tcslen BACKUPAPI_TCHAR(strlen, BACKUPAPI_LIBC_WIDE(wcslen))
#endif
#ifndef _tcscpy
#define _tcscpy BACKUPAPI_TCHAR(strcpy, BACKUPAPI_LIBC_WIDE(wcscpy))
#endif
#ifndef _tcsncpy
#define _tcsncpy BACKUPAPI_TCHAR(strncpy, BACKUPAPI_LIBC_WIDE(wcsncpy))
#endif
#ifndef _tcscat
#define _tcscat BACKUPAPI_TCHAR(strcat, BACKUPAPI_LIBC_WIDE(wcscat))
#endif
#ifndef _tcsncat
#define _tcsncat BACKUPAPI_TCHAR(strncat, BACKUPAPI_LIBC_WIDE(wcsncat))
#endif
#ifndef _tcscmp
#define _tcscmp BACKUPAPI_TCHAR(strcmp, BACKUPAPI_LIBC_WIDE(wcscmp))
#endif
#ifndef _tcsncmp
#define _tcsncmp BACKUPAPI_TCHAR(strncmp, BACKUPAPI_LIBC_WIDE(wcsncmp))
#endif
#ifndef _tcsicmp
#define _tcsicmp BACKUPAPI_TCHAR(backupapi_stricmp, backupapi_wcsicmp)
#endif
#ifndef _tcsnicmp
#define _tcsnicmp BACKUPAPI_TCHAR(backupapi_strnicmp, backupapi_wcsnicmp)
#endif
#ifndef _tcschr
#define _tcschr BACKUPAPI_TCHAR(strchr, BACKUPAPI_LIBC_WIDE(wcschr))
#endif
#ifndef _tcsrchr
#define _tcsrchr BACKUPAPI_TCHAR(strrchr, BACKUPAPI_LIBC_WIDE(wcsrchr))
#endif
#ifndef _tcsstr
#define _tcsstr BACKUPAPI_TCHAR(strstr, BACKUPAPI_LIBC_WIDE(wcsstr))
#endif
#ifndef _tcstol
#define _tcstol BACKUPAPI_TCHAR(strtol, BACKUPAPI_LIBC_WIDE(wcstol))
#endif
#ifndef _tcstoul
#define _tcstoul BACKUPAPI_TCHAR(strtoul, BACKUPAPI_LIBC_WIDE(wcstoul))
#endif
/* With windows.h and BACKUPAPI_PRINTF, or a WCHAR of 16 bits, these read Windows'
 * formats. */
#ifndef _tprintf
#define _tprintf BACKUPAPI_TCHAR(printf, BACKUPAPI_LIBC_WIDE(wprintf))
#endif
#ifndef _ftprintf
#define _ftprintf BACKUPAPI_TCHAR(fprintf, BACKUPAPI_LIBC_WIDE(fwprintf))
#endif

#endif
#endif
