/*
 * backupapi/types.h - the Windows types that the headers of this library use
 *
 * WCHAR is the platform's wchar_t, so that L"..." and wcslen work on it; the integer
 * types have the sizes that they have on Windows. Nothing is defined here that the
 * headers do not need, and all of it yields to a windows.h (Winelib's, WinPR's, yours)
 * that was included before.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef BACKUPAPI_TYPES_H
#define BACKUPAPI_TYPES_H

#include <stdint.h>
#include <wchar.h>

#if !defined(_WINDEF_) && !defined(_WINDEF_H) && !defined(WINPR_WTYPES_H)

typedef char CHAR;
typedef wchar_t WCHAR;
typedef uint8_t BYTE;
typedef int WINBOOL;
typedef int BOOL;
typedef int32_t LONG;
typedef uint32_t ULONG;
typedef uint32_t DWORD;
typedef int64_t LONGLONG;
typedef void *PVOID;
#ifndef _HRESULT_DEFINED
#define _HRESULT_DEFINED
typedef int32_t HRESULT;
#endif

typedef WCHAR *PWCHAR, *LPWSTR;
typedef const WCHAR *LPCWSTR;
typedef char *LPSTR;
typedef const char *LPCSTR;
typedef ULONG *PULONG;
typedef DWORD *PDWORD, *LPDWORD;

#ifdef __GNUC__
#define BACKUPAPI_EXTENSION __extension__
#else
#define BACKUPAPI_EXTENSION
#endif

/* A 64-bit number; the parts are where the machine's byte order puts them. */
typedef union _LARGE_INTEGER {
	BACKUPAPI_EXTENSION struct {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		LONG HighPart;
		DWORD LowPart;
#else
		DWORD LowPart;
		LONG HighPart;
#endif
	};
	struct {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		LONG HighPart;
		DWORD LowPart;
#else
		DWORD LowPart;
		LONG HighPart;
#endif
	} u;
	LONGLONG QuadPart;
} LARGE_INTEGER;

#ifndef VOID
#define VOID void
#endif
#ifndef WINAPI
#define WINAPI
#endif

#endif

/* With a 16-bit WCHAR every string would be misread: better an error here than that. */
#if defined(__cplusplus) && __cplusplus >= 201103L
static_assert(sizeof(WCHAR) == sizeof(wchar_t), "libbackupapi needs WCHAR as wchar_t");
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(WCHAR) == sizeof(wchar_t), "libbackupapi needs WCHAR as wchar_t");
#endif

#ifndef TEXT
#ifdef UNICODE
#define BACKUPAPI_WIDE(quote) L##quote
#define TEXT(quote)           BACKUPAPI_WIDE(quote)
#else
#define TEXT(quote) quote
#endif
#endif

/* NAME with the suffix that the UNICODE switch asks for. */
#ifdef UNICODE
#define BACKUPAPI_NAME_AW(name) name##W
#else
#define BACKUPAPI_NAME_AW(name) name##A
#endif

/* In front of every function that the library exports. */
#ifndef BACKUPAPI_EXPORT
#ifdef __GNUC__
#define BACKUPAPI_EXPORT __attribute__((visibility("default")))
#else
#define BACKUPAPI_EXPORT
#endif
#endif

#endif
