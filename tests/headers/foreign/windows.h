/*
 * A windows.h of somebody else, as porting libraries bring them: all types are there,
 * some spelt in another way, and must not be defined again.
 */
#ifndef _WINDEF_
#define _WINDEF_

#include <wchar.h>

#define VOID void
#define WINAPI
#define CONST const

typedef char CHAR, *LPSTR;
typedef const char *LPCSTR;
typedef wchar_t WCHAR, *PWCHAR, *LPWSTR;
typedef const wchar_t *LPCWSTR;
typedef unsigned char BYTE;
typedef int BOOL;
typedef int LONG;
typedef unsigned int ULONG, *PULONG;
typedef unsigned int DWORD, *PDWORD, *LPDWORD;
typedef long long LONGLONG;
typedef void *PVOID;
typedef int HRESULT;

typedef union _LARGE_INTEGER {
	struct {
		DWORD LowPart;
		LONG HighPart;
	} u;
	LONGLONG QuadPart;
} LARGE_INTEGER;

#define S_OK                 ((HRESULT)0)
#define SUCCEEDED(hr)        ((HRESULT)(hr) >= 0)
#define ERROR_ACCESS_DENIED  5L
#define ERROR_INVALID_HANDLE 6L
#define IO_REPARSE_TAG_SIS   (0x80000007L)
#define TEXT(quote)          quote

#endif
