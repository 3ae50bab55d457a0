/*
 * win32/base.h - last error, modules, messages, this computer and process
 *
 * Included by windows.h only. Text is converted by backupapi_text_from_wide() and
 * backupapi_text_to_wide() and nowhere else.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef BACKUPAPI_WIN32_BASE_H
#define BACKUPAPI_WIN32_BASE_H

#include <stdarg.h>
#include <stdlib.h>

#include <backupapi/backupapi.h>

/* ---- last error ---- */

#ifndef GetLastError
#define GetLastError backupapi_get_last_error
#endif
#ifndef SetLastError
#define SetLastError backupapi_set_last_error
#endif

/* ---- modules ---- */

static inline HMODULE backupapi_LoadLibraryA(LPCSTR name)
{
	return backupapi_module_open(name);
}

static inline HMODULE backupapi_LoadLibraryW(LPCWSTR name)
{
	char *text = backupapi_text_from_wide(name);
	HMODULE module = text ? backupapi_module_open(text) : NULL;

	backupapi_free(text);
	return module;
}

/* No flag makes a difference, since no file is searched. */
static inline HMODULE backupapi_LoadLibraryExA(LPCSTR name, HANDLE file, DWORD flags)
{
	(void)file;
	(void)flags;
	return backupapi_LoadLibraryA(name);
}

static inline HMODULE backupapi_LoadLibraryExW(LPCWSTR name, HANDLE file, DWORD flags)
{
	(void)file;
	(void)flags;
	return backupapi_LoadLibraryW(name);
}

static inline FARPROC backupapi_GetProcAddress(HMODULE module, LPCSTR name)
{
	return backupapi_module_function(module, name, sizeof(WCHAR));
}

#ifndef LoadLibraryA
#define LoadLibraryA backupapi_LoadLibraryA
#endif
#ifndef LoadLibraryW
#define LoadLibraryW backupapi_LoadLibraryW
#endif
#ifndef LoadLibrary
#define LoadLibrary BACKUPAPI_NAME_AW(LoadLibrary)
#endif
#ifndef LoadLibraryExA
#define LoadLibraryExA backupapi_LoadLibraryExA
#endif
#ifndef LoadLibraryExW
#define LoadLibraryExW backupapi_LoadLibraryExW
#endif
#ifndef LoadLibraryEx
#define LoadLibraryEx BACKUPAPI_NAME_AW(LoadLibraryEx)
#endif
#ifndef LOAD_LIBRARY_SEARCH_SYSTEM32
#define LOAD_LIBRARY_SEARCH_SYSTEM32 0x00000800
#endif
#ifndef GetProcAddress
#define GetProcAddress backupapi_GetProcAddress
#endif
#ifndef FreeLibrary
#define FreeLibrary backupapi_module_close
#endif

/* ---- messages ---- */

#ifndef FORMAT_MESSAGE_ALLOCATE_BUFFER
#define FORMAT_MESSAGE_ALLOCATE_BUFFER 0x00000100
#endif
#ifndef FORMAT_MESSAGE_IGNORE_INSERTS
#define FORMAT_MESSAGE_IGNORE_INSERTS 0x00000200
#endif
#ifndef FORMAT_MESSAGE_FROM_STRING
#define FORMAT_MESSAGE_FROM_STRING 0x00000400
#endif
#ifndef FORMAT_MESSAGE_FROM_HMODULE
#define FORMAT_MESSAGE_FROM_HMODULE 0x00000800
#endif
#ifndef FORMAT_MESSAGE_FROM_SYSTEM
#define FORMAT_MESSAGE_FROM_SYSTEM 0x00001000
#endif
#ifndef FORMAT_MESSAGE_ARGUMENT_ARRAY
#define FORMAT_MESSAGE_ARGUMENT_ARRAY 0x00002000
#endif
#ifndef FORMAT_MESSAGE_MAX_WIDTH_MASK
#define FORMAT_MESSAGE_MAX_WIDTH_MASK 0x000000FF
#endif

#ifndef LANG_NEUTRAL
#define LANG_NEUTRAL 0x00
#endif
#ifndef LANG_ENGLISH
#define LANG_ENGLISH 0x09
#endif
#ifndef SUBLANG_NEUTRAL
#define SUBLANG_NEUTRAL 0x00
#endif
#ifndef SUBLANG_DEFAULT
#define SUBLANG_DEFAULT 0x01
#endif
#ifndef SUBLANG_ENGLISH_US
#define SUBLANG_ENGLISH_US 0x01
#endif
#ifndef MAKELANGID
#define MAKELANGID(primary, sub) ((WORD)((WORD)((sub) << 10) | (WORD)(primary)))
#endif

#ifndef LMEM_FIXED
#define LMEM_FIXED 0x0000
#endif
#ifndef LMEM_ZEROINIT
#define LMEM_ZEROINIT 0x0040
#endif
#ifndef LPTR
#define LPTR 0x0040
#endif

/* Memory that moves is not offered. */
static inline HLOCAL backupapi_LocalAlloc(UINT flags, SIZE_T size)
{
	void *block;

	if (flags & ~(UINT)LMEM_ZEROINIT) {
		backupapi_set_last_error(ERROR_INVALID_PARAMETER);
		return NULL;
	}
	block = backupapi_allocate(size);
	if (block && flags)
		(void)memset(block, 0, size);
	return block;
}

/* Blocks from LocalAlloc and ALLOCATE_BUFFER. Other memory stays as it is. */
static inline HLOCAL backupapi_LocalFree(HLOCAL block)
{
	return backupapi_release(block) ? NULL : block;
}

/* As many characters as a message may be asked to have room for at the least: there, 64 KiB
 * are the limit. */
#define BACKUPAPI_MESSAGE_LIMIT 0x10000u

/* Of ROOM characters of WIDTH bytes. With ALLOCATE_BUFFER a caller's LPTSTR stands where
 * the buffer would be. */
static inline void *backupapi_message_buffer(
	DWORD flags, void *buffer, size_t room, size_t width)
{
	void *block;

	if (!(flags & FORMAT_MESSAGE_ALLOCATE_BUFFER))
		return buffer;
	if (room > BACKUPAPI_MESSAGE_LIMIT) {
		backupapi_set_last_error(ERROR_NOT_ENOUGH_MEMORY);
		return NULL;
	}
	block = backupapi_allocate(room * width);
	if (block)
		memcpy(buffer, &block, sizeof(block));
	return block;
}

/* Messages have no inserts, so that there is nothing to take from ARGUMENTS. */
static inline char *backupapi_find_message(
	DWORD flags, LPCVOID source, DWORD code, const void *buffer)
{
	if (flags & FORMAT_MESSAGE_ALLOCATE_BUFFER && buffer)
		memset((void *)(uintptr_t)buffer, 0, sizeof(void *));
	if (!buffer || flags & FORMAT_MESSAGE_FROM_STRING) {
		backupapi_set_last_error(ERROR_INVALID_PARAMETER);
		return NULL;
	}
	return backupapi_message(code, flags, (void *)(uintptr_t)source);
}

static inline DWORD backupapi_FormatMessageA(DWORD flags, LPCVOID source, DWORD code,
	DWORD language, LPSTR buffer, DWORD size, va_list *arguments)
{
	char *message = backupapi_find_message(flags, source, code, buffer), *out;
	size_t length = message ? strlen(message) : 0, room = size;

	(void)language;
	(void)arguments;
	if (!message)
		return 0;
	if (flags & FORMAT_MESSAGE_ALLOCATE_BUFFER && room <= length)
		room = length + 1;
	if (room <= length) {
		backupapi_set_last_error(ERROR_INSUFFICIENT_BUFFER);
		length = 0;
	} else {
		out = (char *)backupapi_message_buffer(flags, buffer, room, sizeof(char));
		if (out)
			memcpy(out, message, length + 1);
		else
			length = 0;
	}
	backupapi_free(message);
	return (DWORD)length;
}

static inline DWORD backupapi_FormatMessageW(DWORD flags, LPCVOID source, DWORD code,
	DWORD language, LPWSTR buffer, DWORD size, va_list *arguments)
{
	char *message = backupapi_find_message(flags, source, code, buffer);
	size_t length = message ? backupapi_text_to_wide(message, NULL, 0) : 0,
	       room = size;
	WCHAR *out;

	(void)language;
	(void)arguments;
	if (!message)
		return 0;
	if (flags & FORMAT_MESSAGE_ALLOCATE_BUFFER && room <= length)
		room = length + 1;
	if (room <= length) {
		backupapi_set_last_error(ERROR_INSUFFICIENT_BUFFER);
		length = 0;
	} else {
		out = (WCHAR *)backupapi_message_buffer(
			flags, buffer, room, sizeof(WCHAR));
		if (out)
			(void)backupapi_text_to_wide(message, out, room);
		else
			length = 0;
	}
	backupapi_free(message);
	return (DWORD)length;
}

#ifndef LocalAlloc
#define LocalAlloc backupapi_LocalAlloc
#endif
#ifndef LocalFree
#define LocalFree backupapi_LocalFree
#endif
#ifndef FormatMessageA
#define FormatMessageA backupapi_FormatMessageA
#endif
#ifndef FormatMessageW
#define FormatMessageW backupapi_FormatMessageW
#endif
#ifndef FormatMessage
#define FormatMessage BACKUPAPI_NAME_AW(FormatMessage)
#endif

/* ---- this computer ---- */

#ifndef MAX_COMPUTERNAME_LENGTH
#define MAX_COMPUTERNAME_LENGTH 15
#endif

/* A host's name may be longer here than it is there: the size that is needed is told. */
static inline BOOL backupapi_told_size(LPDWORD size, size_t length)
{
	BOOL fits = length < *size;

	*size = (DWORD)(fits ? length : length + 1);
	if (!fits)
		backupapi_set_last_error(ERROR_BUFFER_OVERFLOW);
	return fits;
}

static inline char *backupapi_find_computer_name(const void *buffer, LPDWORD size)
{
	if (!size || (!buffer && *size)) {
		backupapi_set_last_error(ERROR_INVALID_PARAMETER);
		return NULL;
	}
	return backupapi_computer_name();
}

static inline BOOL backupapi_GetComputerNameA(LPSTR buffer, LPDWORD size)
{
	char *name = backupapi_find_computer_name(buffer, size);
	size_t length = name ? strlen(name) : 0;
	BOOL fits = name && backupapi_told_size(size, length);

	if (fits && buffer)
		memcpy(buffer, name, length + 1);
	backupapi_free(name);
	return fits;
}

static inline BOOL backupapi_GetComputerNameW(LPWSTR buffer, LPDWORD size)
{
	char *name = backupapi_find_computer_name(buffer, size);
	BOOL fits =
		name && backupapi_told_size(size, backupapi_text_to_wide(name, NULL, 0));

	if (fits)
		(void)backupapi_text_to_wide(name, buffer, (size_t)*size + 1);
	backupapi_free(name);
	return fits;
}

#ifndef GetComputerNameA
#define GetComputerNameA backupapi_GetComputerNameA
#endif
#ifndef GetComputerNameW
#define GetComputerNameW backupapi_GetComputerNameW
#endif
#ifndef GetComputerName
#define GetComputerName BACKUPAPI_NAME_AW(GetComputerName)
#endif

#if defined(__GNUC__)
#define BACKUPAPI_NORETURN __attribute__((__noreturn__))
#elif defined(__cplusplus)
#define BACKUPAPI_NORETURN [[noreturn]]
#else
#define BACKUPAPI_NORETURN _Noreturn
#endif

BACKUPAPI_NORETURN static inline void backupapi_ExitProcess(UINT code)
{
	exit((int)code);
}

#ifndef ExitProcess
#define ExitProcess backupapi_ExitProcess
#endif

#endif
