/* wmain and _tmain: this program's own, and what it gets. */
#include "compat_calls.h"

#include <tchar.h>

#include <errno.h>

static int own_count;
static _TCHAR **own_arguments;

/* What the last call of take() was given. */
static int taken_count;
static WCHAR taken[40][8];

static int take(int count, WCHAR **arguments, WCHAR **environment)
{
	taken_count = count;
	ck_assert_ptr_null(arguments[count]);
	ck_assert_ptr_null(environment[0]);
	for (int i = 0; i < count; i++) {
		size_t size = (wide_length(arguments[i]) + 1) * sizeof(WCHAR);

		ck_assert_uint_le(size, sizeof(taken[i]));
		memcpy(taken[i], arguments[i], size);
	}
	return 5 + count;
}

static void run(int count, char **arguments)
{
	ck_assert_int_eq(
		backupapi_run_wide_main(count, arguments, (backupapi_function)take),
		5 + count);
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

START_TEST(arguments_of_every_plane_arrive)
{
	char texts[17][16], *arguments[17];
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
	char bytes[] = "a\xff", empty[] = "", *arguments[] = {bytes, empty};
	const WCHAR wanted[] = {'a', 0xdcff, 0}, nothing[] = {0};

	run(2, arguments);
	ck_assert(wide_equal(taken[0], wanted));
	ck_assert(wide_equal(taken[1], nothing));
	run(0, arguments);
}
END_TEST

START_TEST(nothing_stays_allocated)
{
	struct backupapi_memory_stats before, after;
	char text[] = "text", *arguments[] = {text, text, text};

	ck_assert_int_eq(backupapi_get_memory_stats(BACKUPAPI_MEMORY_NATIVE, &before), 0);
	run(3, arguments);
	ck_assert_int_eq(backupapi_get_memory_stats(BACKUPAPI_MEMORY_NATIVE, &after), 0);
	ck_assert_uint_eq(after.live_blocks, before.live_blocks);
}
END_TEST

int _tmain(int argc, _TCHAR *argv[])
{
	Suite *suite = suite_create("compat_main");
	TCase *tcase = tcase_create("compat_main");

	own_count = argc;
	own_arguments = argv;
	tcase_add_test(tcase, the_program_gets_its_own_name);
	tcase_add_test(tcase, arguments_of_every_plane_arrive);
	tcase_add_test(tcase, bytes_that_are_no_text_arrive_as_in_lists);
	tcase_add_test(tcase, nothing_stays_allocated);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
