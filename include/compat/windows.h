/*
 * windows.h - what backup tools use of the Windows header of this name, and no more
 *
 * For programs that are compiled with `pkg-config --cflags --libs backupapi-compat`. All
 * of it is macros and inline functions over backupapi_... names, so that no symbol clashes
 * with anybody's; each macro yields to one that is already there, but for those of
 * win32/printf.h.
 *
 *	win32/types.h		types, TCHAR, constants
 *	win32/base.h		last error, LoadLibrary, FormatMessage, LocalAlloc,
 *				GetComputerName
 *	win32/text.h		lstrlen
 *	win32/main.h		wmain
 *	win32/privileges.h	OpenProcessToken to CloseHandle
 *	win32/files.h		CreateFile and DeviceIoControl, for reparse points
 *	win32/printf.h		with BACKUPAPI_PRINTF defined: printf and wprintf understand
 *				Windows' formats
 *
 * Where Winelib's or WinPR's windows.h was included before, or the compiler is one for
 * Windows or for Winelib, that one is used and this one defines nothing. docs/porting.md
 * says how the functions differ from Windows' ones.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef BACKUPAPI_COMPAT_WINDOWS_H
#define BACKUPAPI_COMPAT_WINDOWS_H

#if defined(_WIN32) || defined(__WINE__)
#pragma GCC system_header
#include_next <windows.h>
#elif !defined(_WINDEF_) && !defined(_WINDEF_H) && !defined(WINPR_WTYPES_H)

#include "winerror.h"

#include "win32/types.h"

#include "win32/base.h"
#include "win32/files.h"
#include "win32/main.h"
#include "win32/privileges.h"
#include "win32/text.h"
#ifdef BACKUPAPI_PRINTF
#include "win32/printf.h"
#endif

#endif
#endif
