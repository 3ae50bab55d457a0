#include "engine/ese_logset.h"

#include <string.h>

#include "ese_logs.h"

static struct ese_header dirty(uint32_t low, uint32_t high, uint32_t committed)
{
	return (struct ese_header){.state = ESE_STATE_DIRTY,
		.min_required = low,
		.max_required = high,
		.committed = committed,
		.log_signature = {.random = 22}};
}

static status need(struct ese_need *n, struct ese_header header)
{
	return ese_need_add(n, &header, "/db");
}

START_TEST(several_databases_need_what_each_needs)
{
	const struct ese_header clean = {.state = ESE_STATE_CLEAN};
	struct ese_need n = {0};

	ck_assert_int_eq(need(&n, clean), STATUS_OK);
	ck_assert_uint_eq(n.low, 0);
	ck_assert_int_eq(need(&n, dirty(0x50, 0x51, 0x51)), STATUS_OK);
	ck_assert_int_eq(need(&n, dirty(0x4e, 0x4f, 0x53)), STATUS_OK);
	ck_assert_int_eq(need(&n, clean), STATUS_OK);
	ck_assert_uint_eq(n.low, 0x4e);
	ck_assert_uint_eq(n.high, 0x51);
	ck_assert_uint_eq(n.committed, 0x53);
	ck_assert_uint_eq(n.signature.random, 22);
}
END_TEST

START_TEST(databases_of_different_logs_do_not_go_together)
{
	struct ese_header other = dirty(0x50, 0x51, 0x51);
	struct ese_need n = {0};

	other.log_signature.random = 23;
	ck_assert_int_eq(need(&n, dirty(0x50, 0x51, 0x51)), STATUS_OK);
	ck_assert_int_eq(need(&n, other), hrBadLogSignature);
}
END_TEST

START_TEST(impossible_ranges_are_damage)
{
	struct ese_need n = {0};

	ck_assert_int_eq(need(&n, dirty(0x51, 0x50, 0)), hrDatabaseCorrupted);
	ck_assert_int_eq(need(&n, dirty(1, 0x80000000, 0)), hrDatabaseCorrupted);
}
END_TEST

START_TEST(nothing_needed_is_there_already)
{
	const struct ese_need n = {0};

	read_good();
	ck_assert_uint_eq(ese_need_supply(&n, &set), ESE_SUPPLY_COMPLETE);
	ck_assert_int_eq(ese_need_check(&n, &set), STATUS_OK);
}
END_TEST

static const struct {
	uint32_t low, high, committed;
	enum ese_supply supply;
	const char *missing;
} supplies[] = {
	/* there are 0x4e to 0x50 and 0x52 to 0x53 */
	{0x4e, 0x50, 0x50, ESE_SUPPLY_COMPLETE, NULL},
	{0x52, 0x53, 0x53, ESE_SUPPLY_COMPLETE, NULL},
	{0x4f, 0x50, 0x51, ESE_SUPPLY_LOSES_COMMITS, NULL},
	{0x52, 0x53, 0x60, ESE_SUPPLY_LOSES_COMMITS, NULL},
	{0x52, 0x54, 0x54, ESE_SUPPLY_ENDS_EARLY, "0x54 to 0x54 are missing"},
	{0x60, 0x7fffffff, 0, ESE_SUPPLY_ENDS_EARLY, "0x60 to 0x7FFFFFFF are missing"},
	{0x4e, 0x53, 0x53, ESE_SUPPLY_HAS_GAPS, "0x51 to 0x51 are missing"},
	{0x40, 0x4f, 0x53, ESE_SUPPLY_HAS_GAPS, "0x40 to 0x4D are missing"},
	{0x51, 0x51, 0x51, ESE_SUPPLY_HAS_GAPS, "0x51 to 0x51 are missing"},
};

START_TEST(the_set_is_compared_with_the_need)
{
	struct ese_need n = {0};

	write_chain(0x4e, 0x53);
	ck_assert_int_eq(unlinkat(dir_fd, "edb00051.log", 0), 0);
	read_good();
	ck_assert_int_eq(need(&n, dirty(supplies[_i].low, supplies[_i].high,
					  supplies[_i].committed)),
		STATUS_OK);
	ck_assert_uint_eq(ese_need_supply(&n, &set), supplies[_i].supply);
	ck_assert_int_eq(ese_need_check(&n, &set),
		supplies[_i].missing ? hrMissingLogFile : STATUS_OK);
	if (supplies[_i].missing)
		ck_assert_msg(strstr(status_pending(), supplies[_i].missing) != NULL,
			"%s", status_pending());
}
END_TEST

START_TEST(an_empty_set_ends_early)
{
	struct ese_need n = {0};

	read_good();
	ck_assert_int_eq(need(&n, dirty(0xe, 0xe, 0xe)), STATUS_OK);
	ck_assert_uint_eq(ese_need_supply(&n, &set), ESE_SUPPLY_ENDS_EARLY);
	ck_assert_int_eq(ese_need_check(&n, &set), hrMissingLogFile);
	ck_assert_ptr_nonnull(strstr(status_pending(), "0xE to 0xE"));
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, several_databases_need_what_each_needs);
	tcase_add_test(tcase, databases_of_different_logs_do_not_go_together);
	tcase_add_test(tcase, impossible_ranges_are_damage);
	tcase_add_test(tcase, nothing_needed_is_there_already);
	tcase_add_loop_test(tcase, the_set_is_compared_with_the_need, 0,
		sizeof(supplies) / sizeof(supplies[0]));
	tcase_add_test(tcase, an_empty_set_ends_early);
}

int main(void)
{
	Suite *suite = suite_create("ese_need");
	TCase *tcase = tcase_create("ese_need");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	add_tests(tcase);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
