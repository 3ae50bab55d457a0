/* The TDB engine with little patience (TDB_BUSY_MS). */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/tdb.h"
#include "tdb_store.h"

static struct hosted_store store;
static struct tdb_stuck stuck;
static pid_t holder;

/* A writer that is about to commit for ever. */
static void setup(void)
{
	int ends[2];
	char byte;

	hosted_make(&store, &tdb_hosted_engine, "");
	tdb_store_make(store.dir, false);
	ck_assert_int_eq(pipe(ends), 0);
	stuck = (struct tdb_stuck){.dir = store.dir, .prepared = true, .ready = ends[1]};
	holder = hosted_start(tdb_get_stuck, &stuck);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_int_eq(close(ends[1]), 0);
}

static void teardown(void)
{
	hosted_stop(holder);
	hosted_free(&store);
}

START_TEST(directory_that_stays_locked_is_given_up)
{
	const int64_t begun = clock_now_ms();

	ck_assert_int_eq(hosted_begin_fails(&store), STATUS_WIN32(ERROR_BUSY));
	ck_assert_int_ge(clock_now_ms() - begun, TDB_BUSY_MS);
	hosted_assert_detail("stays locked");
}
END_TEST

START_TEST(whoever_asked_for_it_need_not_wait_that_long)
{
	store.looks_left = 3;
	ck_assert_int_eq(hosted_begin_fails(&store), STATUS_WIN32(ERROR_CANCELLED));
	hosted_assert_detail("the caller is gone");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tdb_busy");
	TCase *tcase = tcase_create("tdb_busy");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, directory_that_stays_locked_is_given_up);
	tcase_add_test(tcase, whoever_asked_for_it_need_not_wait_that_long);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
