/* wmain and _tmain: this program's own, and what it gets. */
#include "compat_calls.h"

#include <tchar.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int own_count;
static _TCHAR **own_arguments, **own_environment;
static char **own_variables; /* environ, as it was then */

/* What the last call of a taker was given. */
static int taken_count, taken_variables;
static WCHAR taken[40][8];
static WCHAR taken_test[12]; /* the variable TEST= */

static void take(int count, const WCHAR *const *arguments)
{
	taken_count = count;
	ck_assert_ptr_null(arguments[count]);
	for (int i = 0; i < count; i++) {
		size_t size = (wide_length(arguments[i]) + 1) * sizeof(WCHAR);

		ck_assert_uint_le(size, sizeof(taken[i]));
		memcpy(taken[i], arguments[i], size);
	}
}

static void take_environment(const WCHAR *const *variables)
{
	const WCHAR name[] = {'T', 'E', 'S', 'T', '='};

	for (taken_variables = 0; variables[taken_variables]; taken_variables++) {
		const WCHAR *text = variables[taken_variables];
		size_t size = (wide_length(text) + 1) * sizeof(WCHAR);

		if (size <= sizeof(name) || memcmp(text, name, sizeof(name)) != 0)
			continue;
		ck_assert_uint_le(size, sizeof(taken_test));
		memcpy(taken_test, text, size);
	}
}

static int take_0(void)
{
	taken_count = 0;
	return 40;
}

static int take_2(int count, WCHAR **arguments)
{
	take(count, (const WCHAR *const *)arguments);
	return 42;
}

static int take_2_const(int count, const WCHAR **arguments)
{
	take(count, (const WCHAR *const *)arguments);
	return 52;
}

static int take_3(int count, WCHAR **arguments, WCHAR **environment)
{
	take(count, (const WCHAR *const *)arguments);
	take_environment((const WCHAR *const *)environment);
	return 43;
}

static int take_3_const(int count, const WCHAR **arguments, const WCHAR **environment)
{
	take(count, (const WCHAR *const *)arguments);
	take_environment((const WCHAR *const *)environment);
	return 53;
}

#define RUN(function, count, arguments)                                                  \
	backupapi_run_wide_main(BACKUPAPI_MAIN_FORM(function, "..."),                    \
		(backupapi_function)function, count, arguments, environ)

static void run(int count, char **arguments)
{
	ck_assert_int_eq(RUN(take_2, count, arguments), 42);
	ck_assert_int_eq(taken_count, count);
}

START_TEST(the_program_gets_its_own_name)
{
	size_t length = 0;

	ck_assert_int_eq(own_count, 1);
	ck_assert_ptr_null(own_arguments[1]);
	while (own_arguments[0][length])
		length++;
	ck_assert_uint_eq(length, strlen(program_invocation_name));
	ck_assert(own_arguments[0][length - 1] ==
		  (_TCHAR)program_invocation_name[length - 1]);
}
END_TEST

static void is_text(const _TCHAR *got, const char *text)
{
#ifdef _UNICODE
	size_t size = backupapi_text_to_wide(text, NULL, 0) + 1;
	WCHAR *wanted = (WCHAR *)malloc(size * sizeof(WCHAR));

	ck_assert_ptr_nonnull(wanted);
	(void)backupapi_text_to_wide(text, wanted, size);
	ck_assert(wide_equal(got, wanted));
	free(wanted);
#else
	ck_assert_str_eq(got, text);
#endif
}

START_TEST(the_program_gets_its_environment)
{
	size_t i;

	for (i = 0; own_variables[i]; i++) {
		ck_assert_ptr_nonnull(own_environment[i]);
		is_text(own_environment[i], own_variables[i]);
	}
	ck_assert_ptr_null(own_environment[i]);
}
END_TEST

START_TEST(every_form_of_wmain_is_called)
{
	char text[] = "text", *arguments[] = {text, NULL};

	ck_assert_int_eq(RUN(take_0, 1, arguments), 40);
	ck_assert_int_eq(taken_count, 0);
	ck_assert_int_eq(RUN(take_2, 1, arguments), 42);
	ck_assert_int_eq(taken_count, 1);
	taken_count = 0;
	ck_assert_int_eq(RUN(take_2_const, 1, arguments), 52);
	ck_assert_int_eq(taken_count, 1);
	taken_count = 0;
	ck_assert_int_eq(RUN(take_3, 1, arguments), 43);
	ck_assert_int_eq(taken_count, 1);
	taken_count = 0;
	ck_assert_int_eq(RUN(take_3_const, 1, arguments), 53);
	ck_assert_int_eq(taken_count, 1);
	/* `int wmain()` */
	ck_assert_int_eq(BACKUPAPI_MAIN_FORM(take_2, ""), BACKUPAPI_MAIN_0);
}
END_TEST

START_TEST(variables_arrive_as_arguments_do)
{
	static char set[] = "TEST=\xf0\x9f\x94\x91\xff", empty[] = "TEST=";
	char *none[] = {NULL};
	WCHAR wanted[12] = {'T', 'E', 'S', 'T', '='}, unset[6];
	size_t length = 5, count = 0;

	memcpy(unset, wanted, sizeof(unset));
	length += wide_put(0x1f511, wanted + length);
	wanted[length] = 0xdcff;
	ck_assert_int_eq(putenv(set), 0);
	ck_assert_int_eq(RUN(take_3, 0, none), 43);
	ck_assert(wide_equal(taken_test, wanted));
	while (environ[count])
		count++;
	ck_assert_int_eq(taken_variables, (int)count);
	ck_assert_int_eq(putenv(empty), 0);
	ck_assert_int_eq(RUN(take_3_const, 0, none), 53);
	ck_assert(wide_equal(taken_test, unset));
	ck_assert_int_eq(taken_variables, (int)count);
	ck_assert_int_eq(clearenv(), 0);
	ck_assert_int_eq(RUN(take_3, 0, none), 43);
	ck_assert_int_eq(taken_variables, 0);
}
END_TEST

START_TEST(arguments_of_every_plane_arrive)
{
	char texts[17][16], *arguments[18] = {NULL};
	WCHAR wanted[3];

	for (uint32_t plane = 0; plane <= 16; plane++) {
		char *text;

		memset(wanted, 0, sizeof(wanted));
		(void)wide_put(plane << 16 | 0x4e2d, wanted);
		text = backupapi_text_from_wide(wanted);
		ck_assert_ptr_nonnull(text);
		arguments[plane] = strcpy(texts[plane], text);
		backupapi_free(text);
	}
	run(17, arguments);
	for (uint32_t plane = 0; plane <= 16; plane++) {
		memset(wanted, 0, sizeof(wanted));
		(void)wide_put(plane << 16 | 0x4e2d, wanted);
		ck_assert(wide_equal(taken[plane], wanted));
	}
}
END_TEST

START_TEST(bytes_that_are_no_text_arrive_as_in_lists)
{
	char bytes[] = "a\xff", empty[] = "", *arguments[] = {bytes, empty, NULL};
	const WCHAR wanted[] = {'a', 0xdcff, 0}, nothing[] = {0};

	run(2, arguments);
	ck_assert(wide_equal(taken[0], wanted));
	ck_assert(wide_equal(taken[1], nothing));
	run(0, arguments + 2);
}
END_TEST

START_TEST(nothing_stays_allocated)
{
	struct backupapi_memory_stats before, after;
	char text[] = "text", *arguments[] = {text, text, text, NULL};

	ck_assert_int_eq(backupapi_get_memory_stats(BACKUPAPI_MEMORY_NATIVE, &before), 0);
	run(3, arguments);
	ck_assert_int_eq(RUN(take_3, 3, arguments), 43);
	ck_assert_int_eq(backupapi_get_memory_stats(BACKUPAPI_MEMORY_NATIVE, &after), 0);
	ck_assert_uint_eq(after.live_blocks, before.live_blocks);
}
END_TEST

int _tmain(int argc, _TCHAR *argv[], _TCHAR *environment[])
{
	Suite *suite = suite_create("compat_main");
	TCase *tcase = tcase_create("compat_main");

	own_count = argc;
	own_arguments = argv;
	own_environment = environment;
	own_variables = environ;
	tcase_add_test(tcase, the_program_gets_its_own_name);
	tcase_add_test(tcase, the_program_gets_its_environment);
	tcase_add_test(tcase, every_form_of_wmain_is_called);
	tcase_add_test(tcase, variables_arrive_as_arguments_do);
	tcase_add_test(tcase, arguments_of_every_plane_arrive);
	tcase_add_test(tcase, bytes_that_are_no_text_arrive_as_in_lists);
	tcase_add_test(tcase, nothing_stays_allocated);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
