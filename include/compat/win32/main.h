/*
 * win32/main.h - wmain and _tmain
 *
 * Included by windows.h and tchar.h. A source that defines `int wmain(...)` gets a main()
 * with it, which hands the arguments and the environment over as WCHAR; nothing else comes
 * of this header.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef BACKUPAPI_WIN32_MAIN_H
#define BACKUPAPI_WIN32_MAIN_H

#include <stdio.h>

#include <backupapi/backupapi.h>
#include <backupapi/compat.h>

/* Each way in which wmain may be defined. */
typedef int (*backupapi_main_0)(void);
typedef int (*backupapi_main_2)(int, WCHAR **);
typedef int (*backupapi_main_2_const)(int, const WCHAR **);
typedef int (*backupapi_main_3)(int, WCHAR **, WCHAR **);
typedef int (*backupapi_main_3_const)(int, const WCHAR **, const WCHAR **);

enum backupapi_main_form {
	BACKUPAPI_MAIN_0,
	BACKUPAPI_MAIN_2,
	BACKUPAPI_MAIN_2_CONST,
	BACKUPAPI_MAIN_3,
	BACKUPAPI_MAIN_3_CONST
};

/* The form that FUNCTION has by its type, so that no other compiles: text of the other
 * width is an error, too. PARAMETERS are what it is defined with, as a string: in C `()`
 * would be any of the forms. */
#ifdef __cplusplus
extern "C++" {
static inline backupapi_main_form backupapi_form_of(backupapi_main_0)
{
	return BACKUPAPI_MAIN_0;
}

static inline backupapi_main_form backupapi_form_of(backupapi_main_2)
{
	return BACKUPAPI_MAIN_2;
}

static inline backupapi_main_form backupapi_form_of(backupapi_main_2_const)
{
	return BACKUPAPI_MAIN_2_CONST;
}

static inline backupapi_main_form backupapi_form_of(backupapi_main_3)
{
	return BACKUPAPI_MAIN_3;
}

static inline backupapi_main_form backupapi_form_of(backupapi_main_3_const)
{
	return BACKUPAPI_MAIN_3_CONST;
}
}

#define BACKUPAPI_MAIN_FORM(function, parameters) backupapi_form_of(&function)
#else
/* clang-format off */
#define BACKUPAPI_MAIN_TYPED(function, parameters)                                       \
	_Generic((char (*)[sizeof(parameters)])0,                                        \
		char (*)[1]: (backupapi_main_0)0,                                        \
		default: (&function))
#define BACKUPAPI_MAIN_FORM(function, parameters)                                        \
	_Generic(BACKUPAPI_MAIN_TYPED(function, parameters),                             \
		backupapi_main_0: BACKUPAPI_MAIN_0,                                      \
		backupapi_main_2: BACKUPAPI_MAIN_2,                                      \
		backupapi_main_2_const: BACKUPAPI_MAIN_2_CONST,                          \
		backupapi_main_3: BACKUPAPI_MAIN_3,                                      \
		backupapi_main_3_const: BACKUPAPI_MAIN_3_CONST)
/* clang-format on */
#endif

/* TEXTS, up to their NULL and with one, in one block; NULL where memory is short. */
static inline WCHAR **backupapi_wide_list(char **texts)
{
	size_t count = 0, room = 0;
	WCHAR **wide, *at;

	for (; texts && texts[count]; count++)
		room += backupapi_text_to_wide(texts[count], NULL, 0) + 1;
	wide = (WCHAR **)backupapi_allocate(
		(count + 1) * sizeof(WCHAR *) + room * sizeof(WCHAR));
	if (!wide)
		return NULL;
	at = (WCHAR *)(void *)(wide + count + 1);
	for (size_t i = 0; i < count; i++) {
		size_t length = backupapi_text_to_wide(texts[i], at, room) + 1;

		wide[i] = at;
		at += length;
		room -= length;
	}
	wide[count] = NULL;
	return wide;
}

/* FUNCTION is called by the type that it has. */
static inline int backupapi_call_wide_main(enum backupapi_main_form form,
	backupapi_function function, int count, WCHAR **arguments, WCHAR **environment)
{
	const WCHAR **fixed = (const WCHAR **)(void *)arguments;

	switch (form) {
	case BACKUPAPI_MAIN_2:
		return ((backupapi_main_2)function)(count, arguments);
	case BACKUPAPI_MAIN_2_CONST:
		return ((backupapi_main_2_const)function)(count, fixed);
	case BACKUPAPI_MAIN_3:
		return ((backupapi_main_3)function)(count, arguments, environment);
	case BACKUPAPI_MAIN_3_CONST:
		return ((backupapi_main_3_const)function)(
			count, fixed, (const WCHAR **)(void *)environment);
	case BACKUPAPI_MAIN_0:
	default:
		return ((backupapi_main_0)function)();
	}
}

/* FUNCTION is of the type that FORM says. */
static inline int backupapi_run_wide_main(enum backupapi_main_form form,
	backupapi_function function, int count, char **arguments, char **environment)
{
	WCHAR **wide = backupapi_wide_list(arguments);
	WCHAR **variables = backupapi_wide_list(environment);
	int result = 1;

	if (wide && variables)
		result = backupapi_call_wide_main(form, function, count, wide, variables);
	else
		(void)fputs("no memory for the arguments\n", stderr);
	backupapi_free(variables);
	backupapi_free(wide);
	return result;
}

/* Names of parameters that no source has a variable of. Where main() starts, the third is
 * environ. */
#ifndef wmain
#define wmain(...)                                                                       \
	backupapi_wmain(__VA_ARGS__);                                                    \
	int main(int backupapi_argc, char **backupapi_argv, char **backupapi_envp)       \
	{                                                                                \
		return backupapi_run_wide_main(                                          \
			BACKUPAPI_MAIN_FORM(backupapi_wmain, #__VA_ARGS__),              \
			(backupapi_function)backupapi_wmain, backupapi_argc,             \
			backupapi_argv, backupapi_envp);                                 \
	}                                                                                \
	int backupapi_wmain(__VA_ARGS__)
#endif

#endif
