/*
 * win32/print.h - printing in UTF-8 by formats that are read as on Windows
 *
 * Included by win32/printf.h and win32/wide16.h only. backupapi_format() says what the
 * formats mean.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef BACKUPAPI_WIN32_PRINT_H
#define BACKUPAPI_WIN32_PRINT_H

#include <stdarg.h>
#include <stdio.h>

#include <backupapi/backupapi.h>
#include <backupapi/compat.h>

static inline int backupapi_print(
	FILE *stream, uint32_t rules, const char *format, va_list arguments)
{
	size_t length = 0;
	char *text = backupapi_format(
		rules | (uint32_t)sizeof(WCHAR), format, arguments, &length);
	int printed = -1;

	if (text && fwrite(text, 1, length, stream) == length)
		printed = rules & BACKUPAPI_FORMAT_WIDE
				  ? (int)backupapi_text_to_wide(text, NULL, 0)
				  : (int)length;
	backupapi_free(text);
	return printed;
}

static inline int backupapi_print_wide(
	FILE *stream, const WCHAR *format, va_list arguments)
{
	char *text = backupapi_text_from_wide(format);
	int printed = -1;

	if (text)
		printed = backupapi_print(stream, BACKUPAPI_FORMAT_WIDE, text, arguments);
	backupapi_free(text);
	return printed;
}

static inline int backupapi_printf(const char *format, ...)
{
	va_list arguments;
	int printed;

	va_start(arguments, format);
	printed = backupapi_print(stdout, 0, format, arguments);
	va_end(arguments);
	return printed;
}

static inline int backupapi_fprintf(FILE *stream, const char *format, ...)
{
	va_list arguments;
	int printed;

	va_start(arguments, format);
	printed = backupapi_print(stream, 0, format, arguments);
	va_end(arguments);
	return printed;
}

static inline int backupapi_wprintf(const WCHAR *format, ...)
{
	va_list arguments;
	int printed;

	va_start(arguments, format);
	printed = backupapi_print_wide(stdout, format, arguments);
	va_end(arguments);
	return printed;
}

static inline int backupapi_fwprintf(FILE *stream, const WCHAR *format, ...)
{
	va_list arguments;
	int printed;

	va_start(arguments, format);
	printed = backupapi_print_wide(stream, format, arguments);
	va_end(arguments);
	return printed;
}

#endif
