/* Several databases as one state, and databases that are locked, or at rest. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
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

static status begin_fails(void)
{
	struct engine_session *session;
	status rc = sqlite_try_session(&store, &session);

	ck_assert_ptr_null(session);
	return rc;
}

static void write_bytes(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	ck_assert_int_eq(close(fd), 0);
}

START_TEST(several_databases_are_one_cut)
{
	char *a = sqlite_store_path(&store, "a.db"),
	     *b = sqlite_store_path(&store, "b.db");
	char *c = sqlite_store_path(&store, "c.db");
	const char *paths[] = {c, a, b}; /* not the order in which they are locked */
	long last = 0;
	pid_t writer;

	for (int i = 0; i < 3; i++)
		sqlite_make_table(paths[i], _i ? "wal" : "delete");
	writer = sqlite_writer(paths, 3);
	/* However long the writer takes to get going. */
	for (int round = 0; round < 10 || last == 0; round++) {
		struct engine_session *session;
		long rows[3];

		sqlite_pause(20);
		session = sqlite_session(&store);
		for (int i = 0; i < 3; i++) {
			char *copy = sqlite_copy(&store, session, paths[i], "copy.db");

			sqlite_assert_sound(copy);
			rows[i] = sqlite_number(copy, "SELECT count(*) FROM t");
			ck_assert_int_eq(
				sqlite_number(copy, "SELECT ifnull(max(n), 0) FROM t"),
				rows[i]);
			ck_assert_int_eq(unlink(copy), 0);
			free(copy);
		}
		worker_spool_end(session);
		/* c is written first, b last: at any moment c >= a >= b >= c - 1. */
		ck_assert_int_ge(rows[0], rows[1]);
		ck_assert_int_ge(rows[1], rows[2]);
		ck_assert_int_ge(rows[2], rows[0] - 1);
		last = rows[2];
	}
	stop_process(writer);
	free(a);
	free(b);
	free(c);
}
END_TEST

START_TEST(list_is_sorted_with_sizes)
{
	static const char *const names[] = {"b.db", "a.db", "c c.db"};
	struct engine_files files = {0};
	struct engine_session *session;

	for (int i = 0; i < 3; i++) {
		char *path = sqlite_store_path(&store, names[i]);

		sqlite_make_table(path, "delete");
		free(path);
	}
	session = sqlite_session(&store);
	ck_assert_int_eq(sqlite_engine.databases(session, &files), STATUS_OK);
	ck_assert_uint_eq(files.count, 3);
	ck_assert_str_eq(strrchr(files.items[0].path, '/'), "/a.db");
	ck_assert_str_eq(strrchr(files.items[1].path, '/'), "/b.db");
	ck_assert_str_eq(strrchr(files.items[2].path, '/'), "/c c.db");
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(files.items[i].size, 8192);
		ck_assert_int_eq(files.items[i].kind, ENGINE_DATABASE);
	}
	engine_files_free(&files);
	ck_assert_int_eq(sqlite_engine.logs(session, &files), STATUS_OK);
	ck_assert_uint_eq(files.count, 0);
	worker_spool_end(session);
}
END_TEST

START_TEST(no_lock_is_held_while_copies_are_read)
{
	char *path = sqlite_store_path(&store, "ca.db"),
	     *other = sqlite_store_path(&store, "d.db");
	struct engine_session *session;

	sqlite_make_table(path, "delete");
	sqlite_make_table(other, "delete");
	session = sqlite_session(&store);
	sqlite_run(path,
		"PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE; INSERT INTO t VALUES(1, 'x');"
		"COMMIT");
	worker_spool_end(session);
	ck_assert_int_eq(sqlite_number(path, "SELECT count(*) FROM t"), 1);
	free(path);
	free(other);
}
END_TEST

/* More than the usual limit of open files lets be open at one moment. */
START_TEST(hundreds_of_databases_are_frozen_together)
{
	enum { COUNT = 800, SIZE = 8192 };
	char *path = sqlite_make(&store, "0.db", "delete", 0);
	struct engine_files files = {0};
	struct engine_session *session;
	struct rlimit limit;
	rlim_t usual;
	char bytes[SIZE];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(read(fd, bytes, SIZE), SIZE);
	ck_assert_int_eq(close(fd), 0);
	for (int i = 1; i < COUNT; i++) {
		char name[20], *another;

		(void)snprintf(name, sizeof(name), "%d.db", i);
		another = sqlite_store_path(&store, name);
		write_bytes(another, bytes, SIZE);
		free(another);
	}
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	usual = limit.rlim_cur;
	limit.rlim_cur = 1024;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	session = sqlite_session(&store);
	ck_assert_int_eq(sqlite_engine.databases(session, &files), STATUS_OK);
	ck_assert_uint_eq(files.count, COUNT);
	engine_files_free(&files);
	worker_spool_end(session);
	limit.rlim_cur = usual;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	free(path);
}
END_TEST

START_TEST(database_locked_for_good_is_busy_in_bounded_time)
{
	char *path = sqlite_store_path(&store, "ca.db"),
	     *other = sqlite_store_path(&store, "a.db");
	time_t start = time(NULL);
	sqlite3 *db;

	sqlite_make_table(path, "delete");
	if (_i)
		sqlite_make_table(other, "wal");
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(
		sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(begin_fails(), STATUS_WIN32(ERROR_BUSY));
	sqlite_assert_detail("ca.db");
	ck_assert_int_le(time(NULL) - start, 80);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
	worker_spool_end(sqlite_session(&store));
	free(path);
	free(other);
}
END_TEST

START_TEST(read_only_file_system_is_backed_up)
{
	static const char *const names[] = {"one.db", "two.db"};
	struct engine_session *session = NULL;
	struct engine_files files = {0};
	status rc;

	if (!sqlite_mount(store.dir, "4m")) {
		(void)puts("read_only_file_system_is_backed_up: skipped, cannot mount");
		return;
	}
	for (int i = 0; i < 2; i++) {
		char *path = sqlite_store_path(&store, names[i]);

		sqlite_make_table(path, _i ? "wal" : "delete");
		sqlite_run(path, "INSERT INTO t VALUES(1, 'x')");
		free(path);
	}
	ck_assert_int_eq(mount("none", store.dir, "none", MS_REMOUNT | MS_RDONLY, ""), 0);
	rc = sqlite_try_session(&store, &session);
	if (session)
		ck_assert_int_eq(sqlite_engine.databases(session, &files), STATUS_OK);
	worker_spool_end(session);
	ck_assert_int_eq(umount(store.dir), 0);
	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
	ck_assert_uint_eq(files.count, 2);
	engine_files_free(&files);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sqlite_freeze");
	TCase *tcase = tcase_create("sqlite_freeze");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 100);
	tcase_add_loop_test(tcase, several_databases_are_one_cut, 0, 2);
	tcase_add_test(tcase, list_is_sorted_with_sizes);
	tcase_add_test(tcase, no_lock_is_held_while_copies_are_read);
	tcase_add_test(tcase, hundreds_of_databases_are_frozen_together);
	tcase_add_loop_test(
		tcase, database_locked_for_good_is_busy_in_bounded_time, 0, 2);
	tcase_add_loop_test(tcase, read_only_file_system_is_backed_up, 0, 2);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
