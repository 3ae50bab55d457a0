/* The SQLite engine, reached the way a session reaches it: through the worker. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sqlite_store.h"

static struct sqlite_store store;

static void setup(void)
{
	sqlite_store_make(&store, "*.db");
}

static void teardown(void)
{
	sqlite_store_free(&store);
}

/* ---- one database ---- */

static const char *const journal_modes[] = {"delete", "wal", "truncate", "persist"};

START_TEST(copy_has_every_committed_row_while_a_writer_goes_on)
{
	char *path = sqlite_make(&store, "ca.db", journal_modes[_i], 0);
	const char *paths[] = {path};
	pid_t writer;
	long last = 0;

	writer = sqlite_writer(paths, 1);
	for (int round = 0; round < 8; round++) {
		long before, rows;
		struct engine_session *session;
		char *copy;

		do {
			sqlite_pause(40);
			before = sqlite_number(path, "SELECT count(*) FROM t");
		} while (before <= last);
		session = sqlite_session(&store);
		copy = sqlite_copy(&store, session, path, "copy.db");
		worker_spool_end(session);
		sqlite_assert_sound(copy);
		rows = sqlite_number(copy, "SELECT count(*) FROM t");
		ck_assert_int_ge(rows, before);
		ck_assert_int_eq(
			sqlite_number(copy, "SELECT ifnull(max(n), 0) FROM t"), rows);
		ck_assert_int_gt(rows, last);
		last = rows;
		ck_assert_int_eq(unlink(copy), 0);
		free(copy);
	}
	stop_process(writer);
	free(path);
}
END_TEST

static const int page_sizes[] = {512, 1024, 4096, 8192, 65536};

START_TEST(every_page_size_is_copied)
{
	char *path = sqlite_store_path(&store, "pages.db");
	struct engine_session *session;
	char sql[300], *copy;
	struct stat original, copied;

	(void)snprintf(sql, sizeof(sql),
		"PRAGMA page_size = %d; CREATE TABLE t(n INTEGER PRIMARY KEY, text);"
		"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n "
		"< 3000) "
		"INSERT INTO t SELECT n, hex(randomblob(500)) FROM c",
		page_sizes[_i]);
	sqlite_run(path, sql);
	session = sqlite_session(&store);
	copy = sqlite_copy(&store, session, path, "copy.db");
	worker_spool_end(session);
	sqlite_assert_sound(copy);
	ck_assert_int_eq(sqlite_number(copy, "PRAGMA page_size"), page_sizes[_i]);
	ck_assert_int_eq(sqlite_number(copy, "SELECT count(*) FROM t"), 3000);
	ck_assert_int_eq(stat(path, &original), 0);
	ck_assert_int_eq(stat(copy, &copied), 0);
	ck_assert_int_eq(original.st_size, copied.st_size);
	free(copy);
	free(path);
}
END_TEST

START_TEST(empty_file_is_an_empty_database)
{
	char *path = sqlite_store_path(&store, "empty.db");
	struct engine_session *session;
	struct stat st;
	char *copy;

	support_write(path, "");
	session = sqlite_session(&store);
	copy = sqlite_copy(&store, session, path, "copy.db");
	worker_spool_end(session);
	ck_assert_int_eq(stat(copy, &st), 0);
	ck_assert_int_eq(st.st_size, 0);
	ck_assert_int_eq(sqlite_engine.verify(&sqlite_engine, path), STATUS_OK);
	free(copy);
	free(path);
}
END_TEST

START_TEST(rows_that_are_only_in_the_wal_are_copied)
{
	char *path = sqlite_store_path(&store, "wal.db"), *copy;
	struct engine_session *session;
	sqlite3 *db;

	sqlite_make_table(path, "wal");
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db,
				 "PRAGMA wal_autocheckpoint = 0;"
				 "INSERT INTO t VALUES(1, 'in the wal')",
				 NULL, NULL, NULL),
		SQLITE_OK);
	session = sqlite_session(&store);
	copy = sqlite_copy(&store, session, path, "copy.db");
	ck_assert_int_eq(
		sqlite_number(copy, "SELECT count(*) FROM t WHERE text = 'in the wal'"),
		1);
	worker_spool_end(session);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
	free(copy);
	free(path);
}
END_TEST

/* A writer that dies between writing its journal and its commit. */
static void leave_hot_journal(const char *path)
{
	pid_t pid = fork();
	int how;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		sqlite3 *db;

		if (sqlite3_open(path, &db) != SQLITE_OK ||
			sqlite3_exec(db,
				"PRAGMA cache_size = 2; PRAGMA cache_spill = 1; BEGIN;"
				"UPDATE t SET text = 'never committed' || text",
				NULL, NULL, NULL) != SQLITE_OK)
			_exit(1);
		(void)raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &how, 0), pid);
	ck_assert(WIFSIGNALED(how));
}

START_TEST(hot_journal_is_rolled_back_first)
{
	char *path = sqlite_make(&store, "hot.db", "delete", 0);
	char *journal = sqlite_store_path(&store, "hot.db-journal"), *copy;
	struct engine_session *session;
	struct stat st;

	sqlite_run(path,
		"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE "
		"n < 2000) INSERT INTO t SELECT n, hex(zeroblob(200)) FROM c");
	leave_hot_journal(path);
	ck_assert_int_eq(stat(journal, &st), 0);
	ck_assert_int_gt(st.st_size, 512);
	session = sqlite_session(&store);
	copy = sqlite_copy(&store, session, path, "copy.db");
	worker_spool_end(session);
	sqlite_assert_sound(copy);
	ck_assert_int_eq(sqlite_number(copy, "SELECT count(*) FROM t"), 2000);
	ck_assert_int_eq(
		sqlite_number(copy, "SELECT count(*) FROM t WHERE text LIKE 'never%'"),
		0);
	free(copy);
	free(journal);
	free(path);
}
END_TEST

/* ---- what cannot be copied ---- */

static status begin_fails(void)
{
	struct engine_session *session;
	status rc = sqlite_try_session(&store, &session);

	ck_assert_ptr_null(session);
	return rc;
}

START_TEST(file_that_is_no_database_is_named)
{
	char *path = sqlite_store_path(&store, "note.db");

	support_write(path,
		"This is a note about a database, but it is not a database at all. "
		"It is long enough to have a header, had it been one......");
	ck_assert_int_eq(begin_fails(), hrDatabaseCorrupted);
	sqlite_assert_detail("note.db");
	ck_assert_int_eq(sqlite_engine.verify(&sqlite_engine, path), hrDatabaseCorrupted);
	sqlite_assert_detail("note.db");
	free(path);
}
END_TEST

START_TEST(truncated_database_is_named)
{
	char *path = sqlite_make(&store, "cut.db", "delete", 0);

	sqlite_run(path,
		"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE "
		"n < 500) INSERT INTO t SELECT n, hex(zeroblob(200)) FROM c");
	ck_assert_int_eq(truncate(path, 3 * 4096), 0);
	ck_assert_int_eq(begin_fails(), hrDatabaseCorrupted);
	sqlite_assert_detail("cut.db");
	free(path);
}
END_TEST

START_TEST(missing_database_is_named)
{
	struct names *names = &store.config.databases;

	ck_assert_int_eq(begin_fails(), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	sqlite_assert_detail("*.db");
	names_free(names);
	ck_assert_int_eq(
		names_take(names, sqlite_store_path(&store, "absent")), STATUS_OK);
	ck_assert_int_eq(begin_fails(), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	sqlite_assert_detail("store/absent");
}
END_TEST

START_TEST(incremental_session_is_refused)
{
	const struct engine_begin how = {.incremental = true, .first_generation = 7};
	char *path = sqlite_make(&store, "ca.db", "delete", 0);
	struct engine_session *session;

	ck_assert_int_eq(
		sqlite_engine.begin(&sqlite_engine, &store.config, &how, &session),
		hrCircularLogging);
	ck_assert_ptr_null(session);
	free(path);
}
END_TEST

/* ---- unusual places ---- */

START_TEST(full_spool_names_its_directory)
{
	char *path = sqlite_make(&store, "big.db", "delete", 0);
	status rc;

	sqlite_run(path, "INSERT INTO t VALUES(1, zeroblob(4000000))");
	if (!sqlite_mount(store.spool, "1m")) {
		(void)puts("full_spool_names_its_directory: skipped, cannot mount");
		free(path);
		return;
	}
	rc = begin_fails();
	ck_assert_int_eq(umount(store.spool), 0);
	ck_assert_int_eq(rc, STATUS_WIN32(ERROR_DISK_FULL));
	sqlite_assert_detail(store.spool);
	free(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sqlite");
	TCase *tcase = tcase_create("sqlite");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 100);
	tcase_add_loop_test(
		tcase, copy_has_every_committed_row_while_a_writer_goes_on, 0, 4);
	tcase_add_loop_test(tcase, every_page_size_is_copied, 0, 5);
	tcase_add_test(tcase, empty_file_is_an_empty_database);
	tcase_add_test(tcase, rows_that_are_only_in_the_wal_are_copied);
	tcase_add_test(tcase, hot_journal_is_rolled_back_first);
	tcase_add_test(tcase, file_that_is_no_database_is_named);
	tcase_add_test(tcase, truncated_database_is_named);
	tcase_add_test(tcase, missing_database_is_named);
	tcase_add_test(tcase, incremental_session_is_refused);
	tcase_add_test(tcase, full_spool_names_its_directory);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
