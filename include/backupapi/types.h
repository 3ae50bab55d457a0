/*
 * backupapi/types.h - the Windows types that the headers of this library use
 *
 * The integer types have the sizes that they have on Windows. Nothing is defined here
 * that the headers do not need, and all of it yields to a windows.h (Winelib's, WinPR's,
 * yours) that was included before.
 *
 * WCHAR is the platform's wchar_t, 32 bits wide, so that L"..." and wcslen work on it. It
 * has 16 bits, as on Windows,
 *	with -fshort-wchar		wchar_t: L"..."
 *	with BACKUPAPI_UTF16 defined	char16_t: u"..."
 *	behind Winelib's or WinPR's windows.h		theirs
 * and then all that takes or gives WCHAR text is UTF-16: the declarations lead to second
 * entry points of the library, NAME_utf16 for the function NAME. Nothing else differs, and
 * files of both kinds may be linked into one program.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef BACKUPAPI_TYPES_H
#define BACKUPAPI_TYPES_H

#include <stdint.h>
#include <wchar.h>

#if defined(BACKUPAPI_UTF16) || defined(__WINE__) || defined(WINPR_WTYPES_H) ||          \
	(defined(__SIZEOF_WCHAR_T__) && __SIZEOF_WCHAR_T__ == 2)
#define BACKUPAPI_WCHAR_SIZE 2
#else
#define BACKUPAPI_WCHAR_SIZE 4
#endif

/* A keyword of C++, but a type of this header's in C. */
#if defined(BACKUPAPI_UTF16) && !defined(__cplusplus)
#include <uchar.h>
#endif

#if !defined(_WINDEF_) && !defined(_WINDEF_H) && !defined(WINPR_WTYPES_H)

typedef char CHAR;
#ifdef BACKUPAPI_UTF16
typedef char16_t WCHAR;
#else
typedef wchar_t WCHAR;
#endif
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

/* The wrong entry points would misread every string: better an error here than that, for
 * who has a windows.h of his own with 16 bits and must define BACKUPAPI_UTF16. */
#if defined(__cplusplus) && __cplusplus >= 201103L
static_assert(sizeof(WCHAR) == BACKUPAPI_WCHAR_SIZE, "WCHAR has another width");
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(WCHAR) == BACKUPAPI_WCHAR_SIZE, "WCHAR has another width");
#endif

/* Behind the declaration of a function with WCHAR text: which of its two symbols it is. */
#if BACKUPAPI_WCHAR_SIZE == 2
#ifndef __GNUC__
#error "a WCHAR of 16 bits needs the asm labels of gcc or clang"
#endif
#define BACKUPAPI_TEXT(name) __asm__(#name "_utf16")
#else
#define BACKUPAPI_TEXT(name)
#endif

/* A literal of WCHAR. */
#if defined(BACKUPAPI_UTF16) || (BACKUPAPI_WCHAR_SIZE == 2 && __SIZEOF_WCHAR_T__ != 2)
#define BACKUPAPI_WIDE(quote) u##quote
#else
#define BACKUPAPI_WIDE(quote) L##quote
#endif

#ifndef TEXT
#ifdef UNICODE
#define BACKUPAPI_EXPANDED_WIDE(quote) BACKUPAPI_WIDE(quote)
#define TEXT(quote)                    BACKUPAPI_EXPANDED_WIDE(quote)
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

/*
 * The calling convention of the library's functions, in declarations and in pointers to
 * them: the platform's own for C. It is not WINAPI, which is what the windows.h at hand says
 * about its own functions (Winelib's: ms_abi on x86-64, stdcall on i386).
 */
#define BACKUPAPI_CALL

/* In front of every function that the library exports. */
#ifndef BACKUPAPI_EXPORT
#ifdef __GNUC__
#define BACKUPAPI_EXPORT __attribute__((visibility("default")))
#else
#define BACKUPAPI_EXPORT
#endif
#endif

#endif
