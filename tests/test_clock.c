#include "base/clock.h"

#include <time.h>

#include "support.h"

START_TEST(it_counts_milliseconds_and_never_goes_back)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000000};
	int64_t begin = clock_now_ms(), end, last = begin;

	ck_assert_int_gt(begin, 0);
	ck_assert_int_eq(nanosleep(&pause, NULL), 0);
	end = clock_now_ms();
	ck_assert_int_ge(end - begin, 19);
	ck_assert_int_lt(end - begin, 20000);
	for (int i = 0; i < 1000; i++) {
		int64_t now = clock_now_ms();

		ck_assert_int_ge(now, last);
		last = now;
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clock");
	TCase *tcase = tcase_create("clock");

	tcase_add_test(tcase, it_counts_milliseconds_and_never_goes_back);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
