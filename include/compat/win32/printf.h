/*
 * win32/printf.h - printf, fprintf, wprintf and fwprintf that read formats as Windows does
 *
 * Included by windows.h where BACKUPAPI_PRINTF is defined. %ws and %S are text of the
 * other kind, in wprintf %s is wide, %lu and %lx take 32 bits and %I64u 64: what
 * backupapi_format() says. All of them write UTF-8, so that narrow and wide calls mix on
 * one stream and no locale matters.
 *
 * Macros with arguments: attributes of functions and format(printf, 1, 2) stay as they are.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef BACKUPAPI_WIN32_PRINTF_H
#define BACKUPAPI_WIN32_PRINTF_H

#ifdef __cplusplus
#include <cstdio>
#include <cwchar>
#endif
#include <stdio.h>
#include <wchar.h>

#include "print.h"

#undef printf
#undef fprintf
#undef wprintf
#undef fwprintf
#define printf(...)   backupapi_printf(__VA_ARGS__)
#define fprintf(...)  backupapi_fprintf(__VA_ARGS__)
#define wprintf(...)  backupapi_wprintf(__VA_ARGS__)
#define fwprintf(...) backupapi_fwprintf(__VA_ARGS__)

#endif
