/*
 * win32/main.h - wmain and _tmain
 *
 * Included by windows.h and tchar.h. A source that defines `int wmain(...)` gets a main()
 * with it, which hands the arguments over as WCHAR; nothing else comes of this header.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef BACKUPAPI_WIN32_MAIN_H
#define BACKUPAPI_WIN32_MAIN_H

#include <stdio.h>

#include <backupapi/backupapi.h>
#include <backupapi/compat.h>

typedef int (*backupapi_wide_main)(int, WCHAR **, WCHAR **);

/* The arguments with the NULL behind them, in one block; NULL where memory is short. */
static inline WCHAR **backupapi_wide_arguments(int count, char **arguments)
{
	size_t room = 0, head = ((size_t)count + 1) * sizeof(WCHAR *);
	WCHAR **wide, *at;

	for (int i = 0; i < count; i++)
		room += backupapi_text_to_wide(arguments[i], NULL, 0) + 1;
	wide = (WCHAR **)backupapi_allocate(head + room * sizeof(WCHAR));
	if (!wide)
		return NULL;
	at = (WCHAR *)(void *)(wide + count + 1);
	for (int i = 0; i < count; i++) {
		size_t length = backupapi_text_to_wide(arguments[i], at, room) + 1;

		wide[i] = at;
		at += length;
		room -= length;
	}
	wide[count] = NULL;
	return wide;
}

/* FUNCTION takes three arguments, or fewer. */
static inline int backupapi_run_wide_main(
	int count, char **arguments, backupapi_function function)
{
	WCHAR **wide = backupapi_wide_arguments(count, arguments), *nothing = NULL;
	int result;

	if (!wide) {
		(void)fputs("no memory for the arguments\n", stderr);
		return 1;
	}
	result = ((backupapi_wide_main)function)(count, wide, &nothing);
	backupapi_free(wide);
	return result;
}

/* Names of parameters that no source has a variable of. */
#ifndef wmain
#define wmain(...)                                                                       \
	backupapi_wmain(__VA_ARGS__);                                                    \
	int main(int backupapi_argc, char **backupapi_argv)                              \
	{                                                                                \
		return backupapi_run_wide_main(backupapi_argc, backupapi_argv,           \
			(backupapi_function)backupapi_wmain);                            \
	}                                                                                \
	int backupapi_wmain(__VA_ARGS__)
#endif

#endif
