/*
 * win32/text.h - lstrlen, lstrcpy and lstrcat; tchar.h has the others
 *
 * Included by windows.h only. Of either width of WCHAR. As there, NULL has the length 0, and
 * copying to or from it does nothing and returns NULL.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef BACKUPAPI_WIN32_TEXT_H
#define BACKUPAPI_WIN32_TEXT_H

static inline int backupapi_lstrlenA(LPCSTR s)
{
	return s ? (int)strlen(s) : 0;
}

static inline int backupapi_lstrlenW(LPCWSTR s)
{
	int length = 0;

	while (s && s[length])
		length++;
	return length;
}

static inline LPSTR backupapi_lstrcpyA(LPSTR to, LPCSTR from)
{
	return to && from ? strcpy(to, from) : NULL;
}

static inline LPWSTR backupapi_lstrcpyW(LPWSTR to, LPCWSTR from)
{
	size_t size = ((size_t)backupapi_lstrlenW(from) + 1) * sizeof(WCHAR);

	return to && from ? (LPWSTR)memcpy(to, from, size) : NULL;
}

static inline LPSTR backupapi_lstrcatA(LPSTR to, LPCSTR from)
{
	return to && from ? strcat(to, from) : NULL;
}

static inline LPWSTR backupapi_lstrcatW(LPWSTR to, LPCWSTR from)
{
	if (!to || !from)
		return NULL;
	(void)backupapi_lstrcpyW(to + backupapi_lstrlenW(to), from);
	return to;
}

#ifndef lstrlenA
#define lstrlenA backupapi_lstrlenA
#endif
#ifndef lstrlenW
#define lstrlenW backupapi_lstrlenW
#endif
#ifndef lstrlen
#define lstrlen BACKUPAPI_NAME_AW(lstrlen)
#endif
#ifndef lstrcpyA
#define lstrcpyA backupapi_lstrcpyA
#endif
#ifndef lstrcpyW
#define lstrcpyW backupapi_lstrcpyW
#endif
#ifndef lstrcpy
#define lstrcpy BACKUPAPI_NAME_AW(lstrcpy)
#endif
#ifndef lstrcatA
#define lstrcatA backupapi_lstrcatA
#endif
#ifndef lstrcatW
#define lstrcatW backupapi_lstrcatW
#endif
#ifndef lstrcat
#define lstrcat BACKUPAPI_NAME_AW(lstrcat)
#endif

#endif
