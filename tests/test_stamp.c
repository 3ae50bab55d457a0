#include "base/stamp.h"

#include <stdlib.h>

#include "support.h"

static struct stat changed_now(const char *path)
{
	struct stat st;

	support_write(path, "changed\n");
	ck_assert_int_eq(stat(path, &st), 0);
	return st;
}

START_TEST(changes_around_it_are_told_apart)
{
	char *path = support_path(support_tmpdir(), "file");

	for (int i = 0; i < 50; i++) {
		struct stat before = changed_now(path), after;
		int64_t stamp = stamp_next();

		ck_assert_int_gt(stamp, 0);
		after = changed_now(path);
		ck_assert(stamp_is_older(&before, stamp));
		ck_assert(!stamp_is_older(&after, stamp));
	}
	free(path);
}
END_TEST

START_TEST(whole_seconds_are_compared_as_such)
{
	const int64_t stamp = INT64_C(1700000000500000000);
	struct stat st = {.st_ctim = {.tv_sec = 1700000000}};

	ck_assert(!stamp_is_older(&st, stamp));
	st.st_ctim.tv_nsec = 499999999;
	ck_assert(stamp_is_older(&st, stamp));
	st.st_ctim.tv_nsec = 500000000;
	ck_assert(!stamp_is_older(&st, stamp));
	st.st_ctim = (struct timespec){.tv_sec = 1699999999};
	ck_assert(stamp_is_older(&st, stamp));
}
END_TEST

START_TEST(without_a_stamp_nothing_is_older)
{
	const struct stat st = {.st_ctim = {.tv_sec = 1, .tv_nsec = 1}};

	ck_assert(!stamp_is_older(&st, 0));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stamp");
	TCase *tcase = tcase_create("stamp");

	tcase_add_test(tcase, changes_around_it_are_told_apart);
	tcase_add_test(tcase, whole_seconds_are_compared_as_such);
	tcase_add_test(tcase, without_a_stamp_nothing_is_older);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
