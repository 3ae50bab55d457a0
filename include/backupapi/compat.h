/*
 * backupapi/compat.h - what stands behind the compatibility headers
 *
 * The headers of backupapi/compat (windows.h, tchar.h and others) are thin: macros and
 * inline functions over what is declared here. Programs include those; this header is
 * for who writes a windows.h of his own, or binds another language.
 *
 * Text is UTF-8 except in the two functions that convert it. Functions behave as the
 * Windows functions that they stand behind: they return a pointer or a number that is not
 * 0, or NULL or 0, and then the thread's last error is a plain Win32 code and
 * backupapi_error_detail() says more. Calls that succeed leave the last error alone but
 * where a function says otherwise. Out parameters are 0 on failure. Handles are numbers
 * dressed as pointers: never dereferenced, never reused, and of the process that made
 * them; anything else is ERROR_INVALID_HANDLE. Any thread may call any function.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef BACKUPAPI_COMPAT_H
#define BACKUPAPI_COMPAT_H

#include <stdarg.h>
#include <stddef.h>

#include <backupapi/errors.h>
#include <backupapi/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- text ---- */

/* WIDE in UTF-8: backupapi_free(). ERROR_INVALID_PARAMETER for NULL,
 * ERROR_NO_UNICODE_TRANSLATION for what is no character. Bytes that are not UTF-8 come
 * from U+DC80 to U+DCFF where a function takes the text as a path. */
BACKUPAPI_EXPORT char *backupapi_text_from_wide(const WCHAR *wide)
	BACKUPAPI_TEXT(backupapi_text_from_wide);

/* Writes TEXT to WIDE if it fits with its NUL in CAPACITY WCHARs; nothing otherwise
 * (WIDE may be NULL with CAPACITY 0). Returns its length without the NUL. */
BACKUPAPI_EXPORT size_t backupapi_text_to_wide(const char *text, WCHAR *wide,
	size_t capacity) BACKUPAPI_TEXT(backupapi_text_to_wide);

/* A block of SIZE bytes for backupapi_free(), its content undefined. */
BACKUPAPI_EXPORT void *backupapi_allocate(size_t size);

/* backupapi_free() that tells whether it released BLOCK (NULL: yes). */
BACKUPAPI_EXPORT int backupapi_release(void *block);

/* ---- modules: LoadLibrary and GetProcAddress ---- */

typedef void (*backupapi_function)(void);

/*
 * This library in the role of certadm.dll, ntdsbcli.dll or sisbkup.dll: NAME is one of
 * these, in any case, with or without ".dll", with or without directories before it.
 *	ERROR_MOD_NOT_FOUND		another name
 *	ERROR_INVALID_PARAMETER		NULL
 */
BACKUPAPI_EXPORT void *backupapi_module_open(const char *name);

/*
 * The function that the DLL of MODULE exports as NAME, to be called with the platform's own
 * convention (BACKUPAPI_CALL). WIDE_SIZE is the size of the caller's WCHAR in bytes: which
 * of the entry points is given.
 *	ERROR_PROC_NOT_FOUND		that DLL exports no such name; NAME is NULL, or a
 *					number (an ordinal)
 *	ERROR_NOT_SUPPORTED		WIDE_SIZE is neither 2 nor 4
 */
BACKUPAPI_EXPORT backupapi_function backupapi_module_function(
	void *module, const char *name, uint32_t wide_size);

/* Functions that were fetched from it stay good. */
BACKUPAPI_EXPORT int backupapi_module_close(void *module);

/* ---- messages: FormatMessage ---- */

/* For FLAGS, with Windows' values. */
#define BACKUPAPI_MESSAGE_FROM_MODULE 0x0800u
#define BACKUPAPI_MESSAGE_FROM_SYSTEM 0x1000u
#define BACKUPAPI_MESSAGE_ONE_LINE    0x00ffu

/*
 * The sentence for CODE, an HRESULT or a Win32 code, and a line end: backupapi_free().
 * The line end is "\r\n", with ONE_LINE a space. MODULE: an open one or NULL; asked for
 * with FROM_MODULE only. There is one table behind module and system.
 *	ERROR_MR_MID_NOT_FOUND		nobody defined CODE
 *	ERROR_INVALID_PARAMETER		neither FROM_MODULE nor FROM_SYSTEM
 */
BACKUPAPI_EXPORT char *backupapi_message(uint32_t code, uint32_t flags, void *module);

/* This host's name without its domain, as server parameters take it:
 * backupapi_free(). */
BACKUPAPI_EXPORT char *backupapi_computer_name(void);

/* ---- privileges ---- */

/* With the layout of LUID_AND_ATTRIBUTES. */
struct backupapi_privilege {
	uint32_t low;
	int32_t high;
	uint32_t attributes;
};

#define BACKUPAPI_PRIVILEGE_ENABLED 2u
#define BACKUPAPI_PRIVILEGE_REMOVED 4u

#define BACKUPAPI_TOKEN_QUERY       0x0008u
#define BACKUPAPI_TOKEN_ADJUST      0x0020u

/* What GetCurrentProcess() returns there; closing it does nothing. */
#define BACKUPAPI_CURRENT_PROCESS ((void *)-1)

/* The token of PROCESS, which is the current one: backupapi_handle_close(). */
BACKUPAPI_EXPORT int backupapi_token_open(void *process, uint32_t access, void **token);

/*
 * The number of the privilege NAME on SYSTEM (NULL, "" or this host), without case:
 * "SeBackupPrivilege" is 17, "SeRestorePrivilege" 18.
 *	ERROR_NO_SUCH_PRIVILEGE		another name
 *	RPC_S_SERVER_UNAVAILABLE	another host
 */
BACKUPAPI_EXPORT uint32_t backupapi_privilege_number(
	const char *system, const char *name);

/*
 * Notes in TOKEN that privileges are enabled or not: WANTED, or, with DISABLE_ALL, all of
 * them not. What a process may do is not changed by this, but it decides: a privilege
 * that the calling thread does not have (SeBackupPrivilege: CAP_DAC_READ_SEARCH or
 * CAP_DAC_OVERRIDE; SeRestorePrivilege: CAP_DAC_OVERRIDE, CAP_CHOWN and CAP_FOWNER;
 * where there are no capabilities: root) is passed over. Succeeds all the same, and then
 * sets the last error: 0, or ERROR_NOT_ALL_ASSIGNED where any was passed over.
 *
 * FORMER (may be NULL) receives what was changed, as it was before; *COUNT_FORMER (may be
 * NULL without it) how many those are.
 *	ERROR_ACCESS_DENIED		not opened for this
 *	ERROR_INSUFFICIENT_BUFFER	CAPACITY is less than *COUNT_FORMER, which is set;
 *					nothing was changed
 */
BACKUPAPI_EXPORT int backupapi_token_adjust(void *token, int disable_all,
	const struct backupapi_privilege *wanted, uint32_t count,
	struct backupapi_privilege *former, uint32_t capacity, uint32_t *count_former);

/* ---- files: CreateFile and DeviceIoControl ---- */

/*
 * Opens the existing file NAME, a POSIX path (relative ones too) or a UNC name as the lists
 * give it, for backupapi_file_control(). ACCESS, DISPOSITION and FLAGS are those of
 * CreateFile: only OPEN_EXISTING (3) is offered; FILE_FLAG_OPEN_REPARSE_POINT
 * (0x00200000) opens a symbolic link itself, FILE_FLAG_BACKUP_SEMANTICS (0x02000000)
 * directories too. No byte can be read through it: that is what open() is for.
 *	ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND, ERROR_INVALID_NAME
 *	ERROR_ACCESS_DENIED		also: a directory, without the flag for them
 *	ERROR_NOT_SUPPORTED		another DISPOSITION
 */
BACKUPAPI_EXPORT void *backupapi_file_open(
	const char *name, uint32_t access, uint32_t disposition, uint32_t flags);

#define BACKUPAPI_CONTROL_SET_REPARSE_POINT 0x000900a4u
#define BACKUPAPI_CONTROL_GET_REPARSE_POINT 0x000900a8u
#define BACKUPAPI_CONTROL_SET_SPARSE        0x000900c4u
#define BACKUPAPI_CONTROL_QUERY_RANGES      0x000940cfu

/*
 * DeviceIoControl with one of the four codes above; *RETURNED (may be NULL) receives the
 * number of bytes in OUT.
 *	get reparse point	as backupapi_get_reparse_point(); what does not fit is cut
 *				off with ERROR_MORE_DATA (below 8 bytes of room:
 *				ERROR_INSUFFICIENT_BUFFER)
 *	set reparse point	as backupapi_set_reparse_point(); needs a file opened for
 *				writing, or with FILE_WRITE_ATTRIBUTES
 *	set sparse		every file is sparse here: nothing to do. A first byte 0 of
 *				IN asks for a file without holes: ERROR_NOT_SUPPORTED.
 *				Needs a file opened for writing
 *	query ranges		IN is one struct backupapi_range, OUT as many as fit: the
 *				parts of data ranges inside it; none for an intact link.
 *				More: ERROR_MORE_DATA. Needs a file opened for reading
 *	others			ERROR_INVALID_FUNCTION
 */
BACKUPAPI_EXPORT int backupapi_file_control(void *file, uint32_t code, const void *in,
	uint32_t in_size, void *out, uint32_t out_size, uint32_t *returned);

/* A file or a token. */
BACKUPAPI_EXPORT int backupapi_handle_close(void *handle);

/* ---- printf, as Windows' C library understands its formats ---- */

/* For RULES, together with sizeof(WCHAR). */
#define BACKUPAPI_FORMAT_WIDE 0x100u /* a wide function's format: %s is wide, %S narrow */

/*
 * FORMAT (UTF-8) with ARGS filled in, in UTF-8: backupapi_free(). *LENGTH (may be NULL)
 * receives its length in bytes. As in C, but for
 *	%ws %ls, %hs		wide and narrow text, whatever the function; %S is the
 *				other one than %s. Characters (%c) likewise
 *	%ld %li %lu %lx ...	32 bits, as long is there
 *	%I64d %I32d %Id		64 and 32 bits, and those of size_t
 * Width and precision of wide text count characters, but precision counts units where WCHAR
 * has 16 bits, and never cuts a surrogate pair in two. Never through the locale.
 *	ERROR_NO_UNICODE_TRANSLATION	wide text, or a wide character, that is none
 *	ERROR_INVALID_PARAMETER		a conversion that is none of these; %n
 */
BACKUPAPI_EXPORT char *backupapi_format(
	uint32_t rules, const char *format, va_list args, size_t *length);

#ifdef __cplusplus
}
#endif

#endif
