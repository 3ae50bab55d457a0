/*
 * A windows.h as Winelib's is where that differs from ours: characters of 16 bits, and a
 * calling convention of its own for Windows' functions.
 */
#ifndef _WINDEF_
#define _WINDEF_

#include <stdint.h>

#if defined(__x86_64__)
#define WINAPI __attribute__((ms_abi))
#elif defined(__i386__)
#define WINAPI __attribute__((stdcall))
#else
#define WINAPI
#endif

#define VOID  void
#define CONST const

typedef char CHAR, *LPSTR;
typedef const char *LPCSTR;
typedef unsigned short WCHAR, *PWCHAR, *LPWSTR;
typedef const unsigned short *LPCWSTR;
typedef unsigned char BYTE;
typedef int BOOL;
typedef int LONG;
typedef unsigned int ULONG, *PULONG;
typedef unsigned int DWORD, *PDWORD, *LPDWORD;
typedef int64_t LONGLONG;
typedef void *PVOID;
typedef LONG HRESULT;

typedef union _LARGE_INTEGER {
	struct {
		DWORD LowPart;
		LONG HighPart;
	} u;
	LONGLONG QuadPart;
} LARGE_INTEGER;

#define S_OK        ((HRESULT)0)
#define TEXT(quote) quote

#endif
