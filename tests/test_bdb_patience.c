/* Calls that take long, and calls that do not come back. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bdb_store.h"
#include "engine/bdb_patience.h"

static status come_back(void *context)
{
	if (*(int *)context)
		return status_fail(hrDatabaseInconsistent, "file: reason");
	return STATUS_OK;
}

static status stay_away(void *context)
{
	const struct timespec pause = {.tv_sec = 3};

	(void)nanosleep(&pause, NULL);
	*(int *)context = 1;
	return STATUS_OK;
}

START_TEST(deed_that_comes_back_tells_how_it_went)
{
	int fail = 0;
	bool hung;

	ck_assert_int_eq(bdb_within(5, come_back, &fail, "home", &hung), STATUS_OK);
	ck_assert(!hung);
	fail = 1;
	ck_assert_int_eq(
		bdb_within(5, come_back, &fail, "home", &hung), hrDatabaseInconsistent);
	bdb_assert_detail("file: reason");
	ck_assert(!hung);
}
END_TEST

START_TEST(deed_that_stays_away_is_given_up)
{
	static int came;
	bool hung;

	ck_assert_int_eq(
		bdb_within(1, stay_away, &came, "/srv/home", &hung), hrCouldNotConnect);
	ck_assert(hung);
	bdb_assert_detail("/srv/home");
	ck_assert(bdb_deeds_under_way());
	bdb_sleep(2500); /* it ends by itself, and frees what it has */
	ck_assert_int_eq(came, 1);
	ck_assert(!bdb_deeds_under_way());
}
END_TEST

static status go_on(void *context)
{
	(void)context;
	for (int i = 0; i < 25; i++) {
		bdb_sleep(100);
		bdb_going_on();
	}
	return STATUS_OK;
}

START_TEST(deed_that_goes_on_is_not_given_up)
{
	bool hung;

	ck_assert_int_eq(bdb_within(2, go_on, NULL, "/srv/home", &hung), STATUS_OK);
	ck_assert(!hung);
}
END_TEST

/* ---- a database that libdb does not get at ---- */

static struct bdb_store store;
static struct engine_session *session;
static struct engine_files files;
static DB *locked; /* the server has it to itself */

/* A session whose streaming waits for the server. */
static void setup(void)
{
	bdb_store_make(&store, 0);
	locked = bdb_store_database(&store, "locked.db", DB_BTREE, 0);
	bdb_put(store.env, locked, 1, 100, 100);
	ck_assert_int_eq(locked->close(locked, 0), 0);
	session = bdb_session(&store, 0);
	ck_assert_int_eq(bdb_host.engine.databases(session, &files), STATUS_OK);
	ck_assert_int_eq(db_create(&locked, store.env, 0), 0);
	ck_assert_int_eq(locked->set_lk_exclusive(locked, 0), 0);
	ck_assert_int_eq(locked->open(locked, NULL, "locked.db", NULL, DB_BTREE,
				 DB_AUTO_COMMIT, 0600),
		0);
}

static void teardown(void)
{
	engine_files_free(&files);
	bdb_store_free(&store);
}

static void stream_and_hang(void)
{
	char *copy = support_path(store.base, "copy");

	ck_assert_str_eq(strrchr(files.items[0].path, '/'), "/locked.db");
	ck_assert_int_eq(
		bdb_save_file(session, &files.items[0], copy), hrCouldNotConnect);
	bdb_assert_detail(files.items[0].path);
	bdb_assert_detail("start it again");
	free(copy);
}

static atomic_bool gone;

static void *end_process(void *context)
{
	bdb_streaming.linger();
	gone = true;
	return context;
}

START_TEST(streaming_that_hangs_is_given_up_and_the_server_goes_on)
{
	struct engine_files others = {0};
	uint64_t size;
	pthread_t thread;
	uint32_t pinned = bdb_highest_log(store.data);

	stream_and_hang();
	ck_assert_int_eq(bdb_host.engine.open(session, &files.items[1], 0, &size),
		hrCouldNotConnect);
	bdb_assert_detail("start it again");
	ck_assert_int_eq(bdb_host.engine.databases(session, &others), hrCouldNotConnect);
	bdb_assert_detail(files.items[0].path);
	ck_assert_int_eq(bdb_host.engine.logs(session, &others), hrCouldNotConnect);
	ck_assert_int_eq(bdb_host.engine.truncate(session, 1), hrCouldNotConnect);
	ck_assert_uint_eq(others.count, 0);
	bdb_host.engine.end(session);
	ck_assert_int_eq(pthread_create(&thread, NULL, end_process, NULL), 0);
	bdb_store_fill(&store, 1, 2000);
	bdb_sleep(500);
	ck_assert_msg(!gone, "the process ended under a thread that has locks");
	ck_assert_int_eq(locked->close(locked, 0), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	/* Nothing of the session is left. */
	ck_assert_int_eq(store.env->txn_checkpoint(store.env, 0, 0, DB_FORCE), 0);
	ck_assert_int_eq(store.env->log_archive(store.env, NULL, DB_ARCH_REMOVE), 0);
	ck_assert_uint_gt(bdb_lowest_log(store.data), pinned);
	ck_assert_int_eq(
		store.env->dbremove(store.env, NULL, "locked.db", NULL, DB_AUTO_COMMIT),
		0);
}
END_TEST

START_TEST(restarted_server_needs_nobody_to_linger)
{
	char *region = support_path(store.data, "__db.001");
	char *aside = support_path(store.data, "aside");

	stream_and_hang();
	bdb_host.engine.end(session);
	ck_assert_int_eq(rename(region, aside), 0);
	bdb_streaming.linger();
	ck_assert(bdb_deeds_under_way());
	ck_assert_int_eq(rename(aside, region), 0);
	ck_assert_int_eq(locked->close(locked, 0), 0);
	bdb_streaming.linger();
	ck_assert(!bdb_deeds_under_way());
	free(region);
	free(aside);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bdb_patience");
	TCase *patience = tcase_create("patience"), *hang = tcase_create("hang");

	tcase_set_timeout(patience, 60);
	tcase_add_test(patience, deed_that_comes_back_tells_how_it_went);
	tcase_add_test(patience, deed_that_stays_away_is_given_up);
	tcase_add_test(patience, deed_that_goes_on_is_not_given_up);
	suite_add_tcase(suite, patience);
	tcase_add_checked_fixture(hang, setup, teardown);
	tcase_set_timeout(hang, 60);
	tcase_add_test(hang, streaming_that_hangs_is_given_up_and_the_server_goes_on);
	tcase_add_test(hang, restarted_server_needs_nobody_to_linger);
	suite_add_tcase(suite, hang);
	return support_run(suite);
}
