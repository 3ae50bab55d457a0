/* Which copies of which logs a restore replays. */
#include "session/logs.h"

#include <unistd.h>

#include "log_sets.h"

#define MISSING  hrMissingRestoreLogFiles
#define NO_CHAIN hrGivenLogFileIsNotContiguous

static char *dir, *full, *first, *second, *log_dir;
static struct store_config store;
static struct registration *reg;
static struct logs chosen;

static void set_up(void)
{
	dir = support_tmpdir();
	full = make_set(dir, "full");
	first = make_set(dir, "first");
	second = make_set(dir, "second");
	log_dir = make_set(dir, "logs");
	log_replay = (struct log_replay){0};
	store = (struct store_config){.log_dir = log_dir};
	reg = registration_new();
	ck_assert_ptr_nonnull(reg);
}

static void tear_down(void)
{
	registration_free(reg);
	free(full);
	free(first);
	free(second);
	free(log_dir);
}

static void add_range(const char *backup_dir, uint32_t low, uint32_t high)
{
	ck_assert_int_eq(registration_add_logs(reg, backup_dir, low, high), STATUS_OK);
}

static status choose(void)
{
	return logs_choose(&log_engine_of_files, &store, reg, &chosen);
}

/* "DIR/NAME" of each chosen one, with a blank behind it, a + where it is to be staged. */
static const char *list_chosen(void)
{
	static char text[4096];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < chosen.chosen.count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s ",
			chosen.chosen.items[i].path + strlen(dir) + 1,
			logs_is_staged(&chosen, i) ? "+" : "");
	return text;
}

static bool is_place(const char *path)
{
	for (size_t i = 0; i < chosen.places.count; i++)
		if (strcmp(chosen.places.items[i], path) == 0)
			return true;
	return false;
}

/* What else is in the log directory. */
static const char *list_strays(void)
{
	static char text[4096];
	struct engine_logs found = {0};
	size_t used = 0;

	text[0] = '\0';
	ck_assert_int_eq(
		log_engine_of_files.find_logs(&store, log_dir, &found), STATUS_OK);
	for (size_t i = 0; i < found.count; i++)
		if (!is_place(found.items[i].path))
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s ",
				found.items[i].path + strlen(log_dir) + 1);
	engine_logs_free(&found);
	return text;
}

static void expect(const char *logs, const char *strays)
{
	status rc = choose();

	ck_assert_msg(rc == STATUS_OK, "%s: %s", status_name(rc), status_pending());
	ck_assert_str_eq(list_chosen(), logs);
	ck_assert_str_eq(list_strays(), strays);
	ck_assert_uint_eq(chosen.places.count, chosen.chosen.count);
	for (size_t i = 0; i < chosen.places.count; i++) {
		char place[4096];

		(void)snprintf(place, sizeof(place), "%s/log.%u", log_dir,
			chosen.chosen.items[i].generation);
		if (!log_replay.current || i + 1 < chosen.places.count)
			ck_assert_str_eq(chosen.places.items[i], place);
	}
	logs_free(&chosen);
}

static void expect_failure(status code, const char *detail)
{
	status rc = choose();

	ck_assert_msg(rc == code, "%s: %s", status_name(rc), status_pending());
	ck_assert_msg(
		strstr(status_pending(), detail), "%s: no %s", status_pending(), detail);
	ck_assert_uint_eq(chosen.chosen.count + chosen.places.count, 0);
}

START_TEST(a_full_set_alone_ends_with_its_unfinished_log)
{
	put_log(full, 'A', 3);
	put_part(full, 'A', 4, 2);
	add_range(full, 3, 4);
	expect("full/log.3+ full/log.4.part-18+ ", "");
}
END_TEST

START_TEST(no_registered_logs_leave_only_strays)
{
	put_log(log_dir, 'A', 3);
	put_log(log_dir, 'A', 4);
	expect("", "log.3 log.4 ");
	add_range(full, 0, 0);
	expect("", "log.3 log.4 ");
}
END_TEST

START_TEST(a_missing_log_directory_has_no_logs)
{
	put_log(full, 'A', 3);
	add_range(full, 3, 3);
	ck_assert_int_eq(rmdir(log_dir), 0);
	expect("full/log.3+ ", "");
}
END_TEST

/* The three sets of a chain whose incremental ones truncated. */
static void put_chain(void)
{
	put_log(full, 'A', 3);
	put_part(full, 'A', 4, 1);
	put_log(first, 'A', 4);
	put_part(first, 'A', 5, 1);
	put_log(second, 'A', 5);
	put_part(second, 'A', 6, 2);
}

#define WHOLE_CHAIN "full/log.3+ first/log.4+ second/log.5+ second/log.6.part-18+ "

START_TEST(sets_registered_in_every_order_give_the_same)
{
	static const int orders[6][3] = {
		{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	const char *const dirs[3] = {full, first, second};

	put_chain();
	for (int i = 0; i < 3; i++) {
		int set = orders[_i][i];

		add_range(dirs[set], (uint32_t)set + 3, (uint32_t)set + 4);
	}
	expect(WHOLE_CHAIN, "");
}
END_TEST

START_TEST(sets_copied_to_one_directory_give_the_same)
{
	const char *const where[] = {first, log_dir};

	put_log(where[_i], 'A', 3);
	put_part(where[_i], 'A', 4, 1);
	put_log(where[_i], 'A', 4);
	put_part(where[_i], 'A', 5, 1);
	put_part(where[_i], 'A', 5, 2);
	add_range(_i ? NULL : first, 4, 5);
	add_range(where[_i], 3, 4);
	if (_i)
		expect("logs/log.3 logs/log.4 logs/log.5.part-18+ ",
			"log.4.part-13 log.5.part-13 log.5.part-18 ");
	else
		expect("first/log.3+ first/log.4+ first/log.5.part-18+ ", "");
}
END_TEST

START_TEST(a_missing_middle_set_is_missed)
{
	put_chain();
	add_range(full, 3, 4);
	add_range(second, 5, 6);
	/* what the full one has of 4 is not all of it */
	expect_failure(MISSING, "full/log.4.part-13");
	add_range(first, 4, 5);
	expect(WHOLE_CHAIN, "");
}
END_TEST

START_TEST(an_unfinished_log_within_a_set_is_no_chain)
{
	put_part(full, 'A', 3, 1);
	put_log(full, 'A', 4);
	add_range(full, 3, 4);
	expect_failure(NO_CHAIN, "full/log.3.part-13");
	put_log(second, 'A', 3);
	add_range(second, 4, 4);
	expect("second/log.3+ full/log.4+ ", "");
}
END_TEST

START_TEST(a_hole_between_two_ranges_is_missed)
{
	put_log(full, 'A', 3);
	put_log(second, 'A', 6);
	add_range(full, 3, 3);
	add_range(second, 6, 6);
	expect_failure(MISSING, "log 4");
}
END_TEST

START_TEST(a_hole_within_a_range_is_missed)
{
	put_log(full, 'A', 3);
	put_log(full, 'A', 5);
	add_range(full, 3, 5);
	expect_failure(MISSING, "log 4");
}
END_TEST

START_TEST(a_range_that_begins_before_its_logs_or_ends_behind_them_is_missed)
{
	put_log(full, 'A', 3);
	add_range(full, _i ? 2 : 3, _i ? 3 : 4);
	expect_failure(MISSING, _i ? "log 2" : "log 4");
}
END_TEST

START_TEST(the_largest_range_ends)
{
	put_log(full, 'A', 1);
	add_range(full, 1, UINT32_MAX);
	expect_failure(MISSING, "log 2");
}
END_TEST

START_TEST(the_log_directory_fills_a_hole)
{
	put_log(full, 'A', 3);
	put_log(log_dir, 'A', 4);
	put_log(full, 'A', 5);
	add_range(full, 3, 5);
	expect("full/log.3+ logs/log.4 full/log.5+ ", "");
}
END_TEST

START_TEST(so_does_the_directory_of_another_set)
{
	put_log(second, 'A', 3);
	put_log(full, 'A', 4);
	add_range(full, 3, 3);
	add_range(second, 4, 4);
	expect("second/log.3+ full/log.4+ ", "");
}
END_TEST

START_TEST(the_longest_part_wins)
{
	put_part(full, 'A', 3, 1);
	put_part(first, 'A', 3, 9);
	put_part(second, 'A', 3, 2);
	add_range(full, 3, 3);
	add_range(second, 3, 3);
	add_range(first, 3, 3);
	expect("first/log.3.part-53+ ", "");
}
END_TEST

START_TEST(copies_that_contradict_each_other_are_refused)
{
	put_part(full, 'A', 3, 1);
	put_part(first, 'B', 3, 2);
	add_range(full, 3, 3);
	add_range(first, 3, 3);
	expect_failure(NO_CHAIN, "first/log.3.part-18");
}
END_TEST

START_TEST(sets_of_different_sequences_are_refused)
{
	put_log(full, 'A', 3);
	put_log(first, 'B', 4);
	add_range(full, 3, 3);
	add_range(first, 4, 4);
	expect_failure(NO_CHAIN, "first/log.4");
}
END_TEST

START_TEST(damage_is_named)
{
	write_log(full, "log.3", strdup("log A 3\nX\nend\n"));
	add_range(full, 3, 3);
	expect_failure(hrLogFileCorrupt, "full/log.3");
}
END_TEST

/* ---- what lies in the log directory ---- */

START_TEST(logs_that_follow_roll_forward)
{
	put_log(full, 'A', 3);
	put_part(full, 'A', 4, 1);
	add_range(full, 3, 4);
	put_log(log_dir, 'A', 2);
	put_log(log_dir, 'A', 3);
	put_log(log_dir, 'A', 4);
	put_log(log_dir, 'A', 5);
	put_unfinished(log_dir, 'A', 6, 2);
	put_log(log_dir, 'A', 8);
	expect("logs/log.3 logs/log.4 logs/log.5 logs/log.6+ ", "log.2 log.8 ");
}
END_TEST

START_TEST(nothing_follows_an_unfinished_log)
{
	put_log(full, 'A', 3);
	put_part(full, 'A', 4, 1);
	add_range(full, 3, 4);
	put_log(log_dir, 'A', 5);
	expect("full/log.3+ full/log.4.part-13+ ", "log.5 ");
}
END_TEST

START_TEST(logs_of_another_sequence_do_not_roll_forward)
{
	put_log(full, 'A', 3);
	put_part(full, 'A', 4, 1);
	add_range(full, 3, 4);
	put_log(log_dir, 'B', 3);
	put_log(log_dir, 'B', 4);
	put_log(log_dir, 'B', 5);
	expect("full/log.3+ full/log.4.part-13+ ", "log.5 ");
}
END_TEST

START_TEST(damage_further_on_costs_what_lies_behind_it)
{
	put_log(full, 'A', 3);
	add_range(full, 3, 3);
	put_log(log_dir, 'A', 4);
	write_log(log_dir, "log.5", strdup("log A 5\nX\nend\n"));
	put_log(log_dir, 'A', 6);
	expect("full/log.3+ logs/log.4+ ", "log.5 log.6 ");
}
END_TEST

START_TEST(a_damaged_copy_there_does_not_replace_a_good_one)
{
	put_log(full, 'A', 3);
	put_part(full, 'A', 4, 1);
	add_range(full, 3, 4);
	write_log(log_dir, "log.4", strdup("log A 4\nA4.1\nX\nend\n"));
	put_log(log_dir, 'A', 5);
	expect("full/log.3+ full/log.4.part-13+ ", "log.5 ");
}
END_TEST

/* Sets that were copied straight there, beside the logs of a server that was built anew. */
START_TEST(parts_there_are_the_sets_and_not_what_a_rebuilt_server_wrote)
{
	if (_i)
		put_log(log_dir, 'A', 6);
	put_part(log_dir, 'A', 7, 1);
	put_part(log_dir, 'A', 7, 2);
	put_log(log_dir, 'B', 7);
	add_range(_i ? log_dir : NULL, _i ? 6 : 7, 7);
	expect(_i ? "logs/log.6 logs/log.7.part-18+ " : "logs/log.7.part-18+ ",
		"log.7.part-13 log.7.part-18 ");
}
END_TEST

START_TEST(a_later_copy_there_continues_such_a_part_unless_it_is_damaged)
{
	put_part(log_dir, 'A', 7, 1);
	if (_i)
		write_log(log_dir, "log.7", strdup("log A 7\nA7.1\nX\nend\n"));
	else
		put_log(log_dir, 'A', 7);
	add_range(NULL, 7, 7);
	expect(_i ? "logs/log.7.part-13+ " : "logs/log.7+ ", "log.7.part-13 ");
}
END_TEST

START_TEST(one_that_is_needed_and_damaged_fails)
{
	put_part(full, 'A', 4, 1);
	add_range(full, 3, 4);
	write_log(log_dir, "log.3", strdup("log A 3\nX\nend\n"));
	expect_failure(hrLogFileCorrupt, "logs/log.3");
}
END_TEST

START_TEST(the_newest_may_have_a_name_of_its_own)
{
	log_replay.current = true;
	put_log(full, 'A', 3);
	put_log(full, 'A', 4);
	add_range(full, 3, 4);
	write_log(log_dir, "log.current", log_text('A', 7, 1, false));
	ck_assert_int_eq(choose(), STATUS_OK);
	ck_assert_str_eq(strrchr(chosen.places.items[1], '/'), "/log.current");
	ck_assert_str_eq(list_strays(), ""); /* its place is taken */
	logs_free(&chosen);
	put_log(log_dir, 'A', 5);
	put_log(log_dir, 'A', 6);
	expect("full/log.3+ full/log.4+ logs/log.5 logs/log.6 logs/log.current+ ", "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("logs");
	TCase *t = tcase_create("logs");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_full_set_alone_ends_with_its_unfinished_log);
	tcase_add_test(t, no_registered_logs_leave_only_strays);
	tcase_add_test(t, a_missing_log_directory_has_no_logs);
	tcase_add_loop_test(t, sets_registered_in_every_order_give_the_same, 0, 6);
	tcase_add_loop_test(t, sets_copied_to_one_directory_give_the_same, 0, 2);
	tcase_add_test(t, a_missing_middle_set_is_missed);
	tcase_add_test(t, an_unfinished_log_within_a_set_is_no_chain);
	tcase_add_test(t, a_hole_between_two_ranges_is_missed);
	tcase_add_test(t, a_hole_within_a_range_is_missed);
	tcase_add_loop_test(t,
		a_range_that_begins_before_its_logs_or_ends_behind_them_is_missed, 0, 2);
	tcase_add_test(t, the_largest_range_ends);
	tcase_add_test(t, the_log_directory_fills_a_hole);
	tcase_add_test(t, so_does_the_directory_of_another_set);
	tcase_add_test(t, the_longest_part_wins);
	tcase_add_test(t, copies_that_contradict_each_other_are_refused);
	tcase_add_test(t, sets_of_different_sequences_are_refused);
	tcase_add_test(t, damage_is_named);
	tcase_add_test(t, logs_that_follow_roll_forward);
	tcase_add_test(t, nothing_follows_an_unfinished_log);
	tcase_add_test(t, logs_of_another_sequence_do_not_roll_forward);
	tcase_add_test(t, damage_further_on_costs_what_lies_behind_it);
	tcase_add_test(t, a_damaged_copy_there_does_not_replace_a_good_one);
	tcase_add_loop_test(
		t, parts_there_are_the_sets_and_not_what_a_rebuilt_server_wrote, 0, 2);
	tcase_add_loop_test(
		t, a_later_copy_there_continues_such_a_part_unless_it_is_damaged, 0, 2);
	tcase_add_test(t, one_that_is_needed_and_damaged_fails);
	tcase_add_test(t, the_newest_may_have_a_name_of_its_own);
	suite_add_tcase(suite, t);
	return support_run(suite);
}
