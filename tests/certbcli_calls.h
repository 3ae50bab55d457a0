/*
 * certbcli_calls.h - what the tests of the CertSrv functions share
 *
 * WORKS and FAILS check the promises that every function makes about the last error: a
 * failure sets it, with a detail; a success leaves it alone.
 */
#ifndef TESTS_CERTBCLI_CALLS_H
#define TESTS_CERTBCLI_CALLS_H

#include <backupapi/backupapi.h>
#include <certbcli.h>
#include <ntdsbmsg.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store.h"
#include "support.h"

#define WIN32(code) HRESULT_FROM_WIN32(code)

/* What out parameters hold before a call: nobody may read it. */
#define POISON      ((void *)(uintptr_t)0x5a5a5a51)
#define POISON_SIZE 0x5a5a5a5au
#define OTHER_ERROR 0x1234u

#define WORKS(call)                                                                      \
	do {                                                                             \
		HRESULT hr_;                                                             \
                                                                                         \
		backupapi_set_last_error(OTHER_ERROR);                                   \
		hr_ = (call);                                                            \
		ck_assert_msg(hr_ == S_OK, "%s: %s: %s", #call,                          \
			backupapi_error_name(hr_), backupapi_error_detail());            \
		ck_assert_uint_eq(backupapi_get_last_error(), OTHER_ERROR);              \
		ck_assert_str_eq(backupapi_error_detail(), "");                          \
	} while (0)

#define FAILS(call, code)                                                                \
	do {                                                                             \
		HRESULT hr_, expected_ = (code);                                         \
                                                                                         \
		backupapi_set_last_error(OTHER_ERROR);                                   \
		hr_ = (call);                                                            \
		ck_assert_msg(hr_ == expected_, "%s: %s, not %s: %s", #call,             \
			backupapi_error_name(hr_), backupapi_error_name(expected_),      \
			backupapi_error_detail());                                       \
		ck_assert_uint_eq(backupapi_get_last_error(), (uint32_t)expected_);      \
		ck_assert_str_ne(backupapi_error_detail(), "");                          \
	} while (0)

/* Gives STORE's server a service that is a script with a state: it can be stopped,
 * started, suspended and resumed, says what it does, and serves at first. */
static inline void use_service(const struct store *store)
{
	char *script = support_path(store->dir, "service");
	char *state = support_path(store->dir, "service-is");
	char text[16384];

	(void)snprintf(text, sizeof(text),
		"#!/bin/sh\n"
		"case $1 in\n"
		"status) exit \"$(cat %s)\";;\n"
		"start|resume) echo 0 > %s;;\n"
		"stop) echo 3 > %s;;\n"
		"suspend) echo 4 > %s;;\n"
		"esac\n"
		"echo \"said $1\"\n",
		state, state, state, state);
	support_write(script, text);
	ck_assert_int_eq(chmod(script, 0755), 0);
	support_write(state, "0\n");
	(void)snprintf(text, sizeof(text),
		"[service]\nstart = %s start\nstop = %s stop\nsuspend = %s suspend\n"
		"resume = %s resume\nstatus = %s status\n",
		script, script, script, script, script);
	store_configure(store, text);
	free(script);
	free(state);
}

/* For functions that return a pointer. */
#define GIVES(pointer, call)                                                             \
	do {                                                                             \
		backupapi_set_last_error(OTHER_ERROR);                                   \
		(pointer) = (call);                                                      \
		ck_assert_msg(                                                           \
			(pointer) != NULL, "%s: %s", #call, backupapi_error_detail());   \
		ck_assert_uint_eq(backupapi_get_last_error(), OTHER_ERROR);              \
	} while (0)

#define GIVES_NULL(call, code)                                                           \
	do {                                                                             \
		backupapi_set_last_error(OTHER_ERROR);                                   \
		ck_assert_msg((call) == NULL, "%s", #call);                              \
		ck_assert_msg(backupapi_get_last_error() == (uint32_t)(code),            \
			"%s: %s: %s", #call,                                             \
			backupapi_error_name((int32_t)backupapi_get_last_error()),       \
			backupapi_error_detail());                                       \
		ck_assert_str_ne(backupapi_error_detail(), "");                          \
	} while (0)

/* A full backup of the only server. */
static inline HCSBC begin_backup(void)
{
	HCSBC hbc = POISON;

	WORKS(CertSrvBackupPrepareW(NULL, 0, CSBACKUP_TYPE_FULL, &hbc));
	ck_assert_ptr_nonnull(hbc);
	return hbc;
}

/* A restore of the only server, which is stopped for it. */
static inline HCSBC begin_restore(void)
{
	HCSBC hbc = POISON;

	WORKS(CertSrvServerControlW(NULL, CSCONTROL_SHUTDOWN, NULL, NULL));
	WORKS(CertSrvRestorePrepareW(NULL, CSRESTORE_TYPE_FULL, &hbc));
	ck_assert_ptr_nonnull(hbc);
	return hbc;
}

/* Checks that LIST has the shape that SIZE says; the number of its names. */
static inline size_t list_count(const WCHAR *list, DWORD size)
{
	const WCHAR *p = list;
	size_t count = 0;

	ck_assert_ptr_nonnull(list);
	while (*p) {
		count++;
		p += wcslen(p) + 1;
	}
	if (count == 0)
		p++;
	ck_assert(*p == L'\0');
	ck_assert_uint_eq(size, (size_t)(p + 1 - list) * sizeof(WCHAR));
	return count;
}

/* Does LIST have NAME, its tag (where TAG is not 0) in front? */
static inline bool list_has(const WCHAR *list, WCHAR tag, const WCHAR *name)
{
	for (const WCHAR *p = list; *p; p += wcslen(p) + 1) {
		if (tag && *p != tag)
			continue;
		if (wcscmp(p + (tag ? 1 : 0), name) == 0)
			return true;
	}
	return false;
}

/* Reads NAME to its end in pieces of SIZE, checks it against the file PATH. */
static inline void deliver(HCSBC hbc, const WCHAR *name, const char *path, DWORD size)
{
	char *expected = support_read(path), *content;
	LARGE_INTEGER length = {.QuadPart = -1};
	DWORD got = POISON_SIZE;
	size_t used = 0;

	WORKS(CertSrvBackupOpenFileW(hbc, name, 0, &length));
	ck_assert_int_eq(length.QuadPart, (LONGLONG)strlen(expected));
	content = malloc(strlen(expected) + size + 1);
	ck_assert_ptr_nonnull(content);
	do {
		got = POISON_SIZE;
		WORKS(CertSrvBackupRead(hbc, content + used, size, &got));
		used += got;
		ck_assert_uint_le(used, strlen(expected));
	} while (got > 0);
	content[used] = '\0';
	ck_assert_str_eq(content, expected);
	WORKS(CertSrvBackupClose(hbc));
	free(content);
	free(expected);
}

/* Delivers everything that a full backup lists. */
static inline void deliver_all(HCSBC hbc)
{
	WCHAR *list = NULL;
	DWORD size = 0;

	WORKS(CertSrvBackupGetDatabaseNamesW(hbc, &list, &size));
	for (const WCHAR *p = list; *p; p += wcslen(p) + 1) {
		char *path = backupapi_path_from_name(p);

		ck_assert_ptr_nonnull(path);
		deliver(hbc, p, path, 4096);
		backupapi_free(path);
	}
	CertSrvBackupFree(list);
	WORKS(CertSrvBackupGetBackupLogsW(hbc, &list, &size));
	ck_assert_uint_eq(list_count(list, size), 0);
	CertSrvBackupFree(list);
}

#endif
