/* Updates of a store that are under way when its copy begins, and end in time or not. */
#include <stdio.h>

#include "flat_store.h"

/* How often another try began; after how many of them the update under way ends. */
static int resets, resets_to_come;

static void begin(void)
{
	resets = resets_to_come = 0;
	setup();
}

status __real_spool_reset(struct spool *into);
status __wrap_spool_reset(struct spool *into);

/* Linked in the place of spool_reset, which comes between two tries. */
status __wrap_spool_reset(struct spool *into)
{
	resets++;
	if (resets_to_come > 0 && --resets_to_come == 0) {
		char *from = support_path(data, "serial.new");
		char *to = support_path(data, "serial");

		ck_assert_int_eq(rename(from, to), 0);
		free(from);
		free(to);
	}
	return __real_spool_reset(into);
}

START_TEST(a_new_file_beside_a_listed_one_is_an_update_under_way)
{
	put("serial", "01\n");
	put("serial.new", "02\n");
	want("serial");
	expect_failure(STATUS_WIN32(ERROR_BUSY), "serial.new");
	ck_assert_int_gt(resets, 0);
	ck_assert_int_lt(resets, 20);
}
END_TEST

START_TEST(a_new_file_whose_old_one_is_just_renamed_is_an_update_too)
{
	put("a", "a");
	put("serial.old", "01\n");
	put("serial.new", "02\n");
	want("*");
	expect_failure(STATUS_WIN32(ERROR_BUSY), "serial.new");
}
END_TEST

START_TEST(a_file_that_is_called_new_and_nothing_else_is_a_file)
{
	put("brand.new", "x");
	want("*");
	let_settle();
	copy_well();
	expect_frozen("brand.new", "x");
}
END_TEST

START_TEST(an_update_that_ends_in_time_is_waited_for)
{
	put("serial", "01\n");
	put("serial.new", "02\n");
	want("serial");
	resets_to_come = 4;
	copy_well();
	expect_frozen("serial", "02\n");
}
END_TEST

START_TEST(a_file_that_is_missing_between_two_renames_is_waited_for)
{
	put("serial.new", "02\n");
	want("serial");
	resets_to_come = 3;
	copy_well();
	expect_frozen("serial", "02\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("flat_update");
	TCase *tc = tcase_create("updates under way");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, begin, teardown);
	tcase_add_test(tc, a_new_file_beside_a_listed_one_is_an_update_under_way);
	tcase_add_test(tc, a_new_file_whose_old_one_is_just_renamed_is_an_update_too);
	tcase_add_test(tc, a_file_that_is_called_new_and_nothing_else_is_a_file);
	tcase_add_test(tc, an_update_that_ends_in_time_is_waited_for);
	tcase_add_test(tc, a_file_that_is_missing_between_two_renames_is_waited_for);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
