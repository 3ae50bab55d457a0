/* Sessions on live environments, in the process that the worker would be. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bdb_store.h"
#include "engine/bdb_names.h"

static struct bdb_store store;

static void teardown(void)
{
	bdb_store_free(&store);
}

static char *new_home(const char *name)
{
	return support_path(store.base, name);
}

/* ---- full ---- */

static const unsigned layouts[] = {
	0, BDB_REGION_APART, BDB_LOGS_APART, BDB_REGION_APART | BDB_LOGS_APART};

START_TEST(full_backup_holds_all_that_was_committed)
{
	char *set, *home;
	const char *sets[1];

	bdb_store_make(&store, layouts[_i]);
	bdb_store_fill(&store, 1, 2000);
	set = bdb_backup(&store, 0, "set");
	home = new_home("restored");
	sets[0] = set;
	if (layouts[_i] & BDB_LOGS_APART && !(layouts[_i] & BDB_REGION_APART)) {
		char *config = support_path(home, "DB_CONFIG");

		/* It was saved, and names the directory of the old logs. */
		ck_assert_int_eq(bdb_restore(sets, 1, home),
			STATUS_WIN32(ERROR_BAD_CONFIGURATION));
		bdb_assert_detail(store.logs);
		bdb_assert_detail(home);
		ck_assert_int_eq(unlink(config), 0);
		free(config);
		config = support_path(set, "DB_CONFIG");
		ck_assert_int_eq(unlink(config), 0);
		free(config);
	}
	ck_assert_msg(bdb_restore(sets, 1, home) == STATUS_OK, "%s", status_pending());
	ck_assert_uint_eq(bdb_records(home), 2000);
	free(home);
	free(set);
}
END_TEST

/* What the trace says meanwhile; the caller's. */
static char *trace_of_backup(void)
{
	char *path = support_path(store.base, "trace"), *text;
	const int saved = dup(STDERR_FILENO);
	const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	free(bdb_backup(&store, 0, "traced"));
	ck_assert_int_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(close(saved), 0);
	text = support_read(path);
	free(path);
	return text;
}

/* It is beside the region files: where that is not the directory that is backed up, the trace
 * says so. */
START_TEST(a_configuration_outside_the_set_is_named_in_the_trace)
{
	char *config, *text;

	bdb_store_make(&store, layouts[_i]);
	config = support_path(store.home, "DB_CONFIG");
	text = trace_of_backup();
	if (layouts[_i] == (BDB_REGION_APART | BDB_LOGS_APART))
		ck_assert_ptr_nonnull(strstr(text, config));
	else
		ck_assert_ptr_null(strstr(text, "DB_CONFIG"));
	free(config);
	free(text);
}
END_TEST

START_TEST(backups_under_load_are_contiguous_prefixes)
{
	struct bdb_writer *writer;

	bdb_store_make(&store, _i ? BDB_SMALL_CACHE : 0);
	writer = bdb_write_on(&store, 1, 300);
	for (int round = 0; round < 6; round++) {
		char name[32], *set, *home;
		const char *sets[1];
		uint32_t before, records;
		struct engine_session *session;

		bdb_sleep(60);
		(void)snprintf(name, sizeof(name), "set%d", round);
		session = bdb_session(&store, 0);
		before = writer->committed;
		set = support_path(store.base, name);
		ck_assert_int_eq(mkdir(set, 0700), 0);
		bdb_save(&store, session, set);
		bdb_host.engine.end(session);
		(void)snprintf(name, sizeof(name), "home%d", round);
		home = new_home(name);
		sets[0] = set;
		ck_assert_msg(
			bdb_restore(sets, 1, home) == STATUS_OK, "%s", status_pending());
		records = bdb_records(home);
		ck_assert_uint_ge(records, before);
		free(set);
		free(home);
	}
	bdb_stop(writer);
}
END_TEST

START_TEST(incrementals_continue_where_the_base_was_incomplete)
{
	char *full, *first, *second, *home;
	const char *sets[3];
	uint32_t next;

	bdb_store_make(&store, 0);
	bdb_store_fill(&store, 1, 1000);
	full = bdb_backup(&store, 0, "full");
	next = bdb_highest_log(store.data);
	bdb_store_fill(&store, 1001, 2000);
	first = bdb_backup(&store, next, "first");
	bdb_store_fill(&store, 2001, 3000);
	second = bdb_backup(&store, next, "second");
	home = new_home("restored");
	sets[0] = full;
	sets[1] =
		second; /* not truncated: the last one has all of the first one's logs */
	ck_assert_msg(bdb_restore(sets, 2, home) == STATUS_OK, "%s", status_pending());
	ck_assert_uint_eq(bdb_records(home), 3000);
	free(full);
	free(first);
	free(second);
	free(home);
}
END_TEST

/* *NEXT: the log with which the next incremental begins. */
static char *backup_and_truncate(uint32_t from, const char *name, uint32_t *next)
{
	struct engine_session *session = bdb_session(&store, from);
	char *set = support_path(store.base, name), *logs = support_path(set, "logs");

	ck_assert_int_eq(mkdir(set, 0700), 0);
	bdb_save(&store, session, set);
	*next = bdb_highest_log(logs);
	ck_assert_msg(bdb_host.engine.truncate(session, *next) == STATUS_OK,
		"truncate: %s", status_pending());
	bdb_host.engine.end(session);
	free(logs);
	return set;
}

START_TEST(truncation_under_load_keeps_what_the_next_incremental_needs)
{
	struct bdb_writer *writer;
	uint32_t next = 0, before;
	const char *sets[4];
	char *home = NULL;

	bdb_store_make(&store, 0);
	writer = bdb_write_on(&store, 1, 300);
	bdb_sleep(100);
	sets[0] = backup_and_truncate(0, "full", &next);
	for (int i = 1; i < 4; i++) {
		char name[16];

		bdb_sleep(80);
		(void)snprintf(name, sizeof(name), "inc%d", i);
		before = writer->committed;
		sets[i] = backup_and_truncate(next, name, &next);
		ck_assert_uint_ge(bdb_lowest_log(store.data), 2);
	}
	home = new_home("restored");
	ck_assert_msg(bdb_restore(sets, 4, home) == STATUS_OK, "%s", status_pending());
	ck_assert_uint_ge(bdb_records(home), before);
	bdb_stop(writer);
	for (int i = 0; i < 4; i++)
		free((char *)(uintptr_t)sets[i]);
	free(home);
}
END_TEST

START_TEST(truncation_keeps_logs_from_the_given_one_on)
{
	struct engine_session *session;

	bdb_store_make(&store, 0);
	bdb_store_fill(&store, 1, 3000);
	ck_assert_uint_gt(bdb_highest_log(store.data), 6);
	session = bdb_session(&store, 0);
	ck_assert_int_eq(bdb_host.engine.truncate(session, 4), STATUS_OK);
	bdb_host.engine.end(session);
	ck_assert_uint_eq(bdb_lowest_log(store.data), 4);
}
END_TEST

START_TEST(truncation_keeps_logs_of_transactions_under_way)
{
	struct engine_session *session;
	DB_TXN *txn;
	DBT key = {.data = (char[]){"x"}, .size = 1}, value = key;
	DB *other;
	uint32_t began;

	bdb_store_make(&store, 0);
	other = bdb_store_database(&store, "other.db", DB_BTREE, 0);
	bdb_store_fill(&store, 1, 1500);
	began = bdb_highest_log(store.data);
	ck_assert_int_eq(store.env->txn_begin(store.env, NULL, &txn, 0), 0);
	ck_assert_int_eq(other->put(other, txn, &key, &value, 0), 0);
	bdb_store_fill(&store, 1501, 3000);
	session = bdb_session(&store, 0);
	ck_assert_int_eq(bdb_host.engine.truncate(session, UINT32_MAX), STATUS_OK);
	bdb_host.engine.end(session);
	ck_assert_uint_le(bdb_lowest_log(store.data), began);
	ck_assert_int_eq(txn->abort(txn), 0);
	ck_assert_int_eq(other->close(other, 0), 0);
}
END_TEST

/* ---- what the server does meanwhile ---- */

START_TEST(logs_stay_while_a_session_lives)
{
	struct engine_session *session;
	uint32_t pinned;

	bdb_store_make(&store, 0);
	bdb_store_fill(&store, 1, 500);
	session = bdb_session(&store, 0);
	pinned = bdb_highest_log(store.data);
	bdb_store_fill(&store, 501, 2000);
	ck_assert_int_eq(store.env->txn_checkpoint(store.env, 0, 0, DB_FORCE), 0);
	ck_assert_int_eq(store.env->log_archive(store.env, NULL, DB_ARCH_REMOVE), 0);
	ck_assert_uint_le(bdb_lowest_log(store.data), pinned);
	bdb_host.engine.end(session);
	ck_assert_int_eq(store.env->txn_checkpoint(store.env, 0, 0, DB_FORCE), 0);
	ck_assert_int_eq(store.env->log_archive(store.env, NULL, DB_ARCH_REMOVE), 0);
	ck_assert_uint_gt(bdb_lowest_log(store.data), pinned);
}
END_TEST

START_TEST(renamed_logs_are_listed_under_their_own_names)
{
	struct engine_session *session;
	struct engine_files logs = {0};
	char *old, *new, *path;

	bdb_store_make(&store, 0);
	bdb_store_fill(&store, 1, 2000);
	ck_assert_int_eq(store.env->txn_checkpoint(store.env, 0, 0, DB_FORCE), 0);
	old = support_path(store.data, "log.0000000003");
	new = support_path(store.data, "log.0000000003.old");
	ck_assert_int_eq(rename(old, new), 0);
	session = bdb_session(&store, 2);
	ck_assert_int_eq(bdb_host.engine.logs(session, &logs), STATUS_OK);
	ck_assert_str_eq(logs.items[1].path, old);
	ck_assert_uint_eq(logs.items[1].generation, 3);
	path = support_path(store.base, "copy");
	/* Removed while the session is open: it is held. */
	ck_assert_int_eq(unlink(new), 0);
	ck_assert_int_eq(bdb_save_file(session, &logs.items[1], path), STATUS_OK);
	engine_files_free(&logs);
	bdb_host.engine.end(session);
	free(old);
	free(new);
	free(path);
}
END_TEST

START_TEST(truncation_removes_renamed_logs_too)
{
	struct engine_session *session;
	char *old, *new;

	bdb_store_make(&store, 0);
	bdb_store_fill(&store, 1, 2000);
	ck_assert_int_eq(store.env->txn_checkpoint(store.env, 0, 0, DB_FORCE), 0);
	old = support_path(store.data, "log.0000000002");
	new = support_path(store.data, "log.0000000002.old");
	ck_assert_int_eq(rename(old, new), 0);
	session = bdb_session(&store, 0);
	ck_assert_int_eq(bdb_host.engine.truncate(session, 4), STATUS_OK);
	bdb_host.engine.end(session);
	ck_assert(!support_exists(new));
	ck_assert_uint_eq(bdb_lowest_log(store.data), 4);
	free(old);
	free(new);
}
END_TEST

START_TEST(missing_log_hands_out_nothing)
{
	struct engine_session *session;
	char *log;

	bdb_store_make(&store, 0);
	bdb_store_fill(&store, 1, 2000);
	ck_assert_int_eq(store.env->txn_checkpoint(store.env, 0, 0, DB_FORCE), 0);
	log = support_path(store.data, "log.0000000002");
	ck_assert_int_eq(unlink(log), 0);
	ck_assert_int_eq(bdb_try_session(&store, 1, &session), hrLogFileNotFound);
	ck_assert_ptr_null(session);
	bdb_assert_detail(log);
	free(log);
}
END_TEST

START_TEST(incremental_from_a_log_that_is_still_to_come_is_refused)
{
	struct engine_session *session;

	bdb_store_make(&store, 0);
	bdb_store_fill(&store, 1, 100);
	ck_assert_int_eq(bdb_try_session(&store, 4000, &session), hrLogFileNotFound);
	bdb_assert_detail("log.0000004000");
}
END_TEST

START_TEST(damaged_log_is_not_handed_out)
{
	struct engine_session *session;
	struct engine_files logs = {0};
	uint64_t size;
	char *log;
	int fd;

	bdb_store_make(&store, 0);
	bdb_store_fill(&store, 1, 2000);
	log = support_path(store.data, "log.0000000003");
	session = bdb_session(&store, 1);
	ck_assert_int_eq(bdb_host.engine.logs(session, &logs), STATUS_OK);
	fd = open(log, O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(pwrite(fd, "damage", 6, 30000), 6);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(bdb_host.engine.open(session, &logs.items[2], 0, &size),
		hrLogFileCorrupt);
	bdb_assert_detail(log);
	ck_assert_int_eq(
		bdb_host.engine.open(session, &logs.items[1], 0, &size), STATUS_OK);
	engine_files_free(&logs);
	bdb_host.engine.end(session);
	free(log);
}
END_TEST

START_TEST(restarted_server_is_left_alone)
{
	struct engine_session *session;
	struct engine_files files = {0};
	char *log;
	struct stat before, after;

	bdb_store_make(&store, 0);
	bdb_store_fill(&store, 1, 500);
	session = bdb_session(&store, 0);
	/* What a server does that starts after a crash. */
	bdb_store_close(&store);
	ck_assert_int_eq(db_env_create(&store.env, 0), 0);
	ck_assert_int_eq(store.env->remove(store.env, store.data, DB_FORCE), 0);
	bdb_store_open(&store, 0);
	bdb_store_fill(&store, 501, 600);
	ck_assert_int_eq(store.env->log_flush(store.env, NULL), 0);
	log = support_path(store.data, "log.0000000002");
	ck_assert_int_eq(stat(log, &before), 0);
	ck_assert_int_eq(bdb_host.engine.databases(session, &files),
		STATUS_WIN32(ERROR_INVALID_STATE));
	bdb_assert_detail("restarted");
	ck_assert_int_eq(bdb_host.engine.truncate(session, UINT32_MAX),
		STATUS_WIN32(ERROR_INVALID_STATE));
	bdb_host.engine.end(session);
	ck_assert_int_eq(stat(log, &after), 0);
	ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	bdb_store_fill(&store, 601, 700);
	engine_files_free(&files);
	free(log);
}
END_TEST

int main(void)
{
	const int kinds = sizeof(layouts) / sizeof(layouts[0]);
	Suite *suite = suite_create("bdb");
	TCase *tcase = tcase_create("session");

	if (setenv("BACKUPAPI_LOG", "error", 1) != 0)
		return EXIT_FAILURE;
	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, full_backup_holds_all_that_was_committed, 0, kinds);
	tcase_add_loop_test(
		tcase, a_configuration_outside_the_set_is_named_in_the_trace, 0, kinds);
	tcase_add_loop_test(tcase, backups_under_load_are_contiguous_prefixes, 0, 2);
	tcase_add_test(tcase, incrementals_continue_where_the_base_was_incomplete);
	tcase_add_test(
		tcase, truncation_under_load_keeps_what_the_next_incremental_needs);
	tcase_add_test(tcase, truncation_keeps_logs_from_the_given_one_on);
	tcase_add_test(tcase, truncation_keeps_logs_of_transactions_under_way);
	tcase_add_test(tcase, logs_stay_while_a_session_lives);
	tcase_add_test(tcase, renamed_logs_are_listed_under_their_own_names);
	tcase_add_test(tcase, truncation_removes_renamed_logs_too);
	tcase_add_test(tcase, missing_log_hands_out_nothing);
	tcase_add_test(tcase, incremental_from_a_log_that_is_still_to_come_is_refused);
	tcase_add_test(tcase, damaged_log_is_not_handed_out);
	tcase_add_test(tcase, restarted_server_is_left_alone);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
