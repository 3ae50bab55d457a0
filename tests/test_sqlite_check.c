/* The check of SQLite databases after a restore, through the worker. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static status recover_one(char *path)
{
	const struct names names = {.items = &path, .count = 1, .capacity = 1};
	const struct engine_recovery recovery = {.databases = &names};

	return sqlite_engine.recover(&sqlite_engine, &store.config, &recovery);
}

static size_t files_in_store(void)
{
	DIR *dir = opendir(store.dir);
	size_t count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		count++;
	ck_assert_int_eq(closedir(dir), 0);
	return count - 2;
}

START_TEST(sound_database_passes_and_leaves_no_file_beside_it)
{
	static const char *const names[] = {
		"ca.db", "100%41.db", "a?b=c.db", "x#y.db", "ü ö.db"};
	char *path = sqlite_store_path(&store, names[_i]);

	sqlite_make_table(path, "wal");
	ck_assert_uint_eq(files_in_store(), 1);
	ck_assert_msg(recover_one(path) == STATUS_OK, "%s", status_pending());
	ck_assert_int_eq(sqlite_engine.verify(&sqlite_engine, path), STATUS_OK);
	ck_assert_uint_eq(files_in_store(), 1);
	free(path);
}
END_TEST

static void damage(const char *path, off_t at)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	char noise[2000];

	memset(noise, 0x5a, sizeof(noise));
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, noise, sizeof(noise), at), (ssize_t)sizeof(noise));
	ck_assert_int_eq(close(fd), 0);
}

START_TEST(damaged_page_is_found)
{
	char *path = sqlite_make(&store, "bad.db", "delete", 0);

	sqlite_run(path,
		"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE "
		"n < 500) INSERT INTO t SELECT n, hex(zeroblob(200)) FROM c");
	damage(path, 2 * 4096);
	ck_assert_int_eq(recover_one(path), hrDatabaseCorrupted);
	sqlite_assert_detail("bad.db");
	ck_assert_int_eq(sqlite_engine.verify(&sqlite_engine, path), hrDatabaseCorrupted);
	free(path);
}
END_TEST

static int reversed(void *context, int a_size, const void *a, int b_size, const void *b)
{
	(void)context;
	return sqlite3_strnicmp(b, a, a_size < b_size ? a_size : b_size);
}

START_TEST(collation_of_the_application_is_no_damage)
{
	char *path = sqlite_store_path(&store, "own.db"), *copy;
	struct engine_session *session;
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_create_collation(db, "OWN", SQLITE_UTF8, NULL, reversed),
		SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db,
				 "CREATE TABLE t(a TEXT COLLATE OWN UNIQUE);"
				 "INSERT INTO t VALUES('a'), ('b'), ('c')",
				 NULL, NULL, NULL),
		SQLITE_OK);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
	session = sqlite_session(&store);
	copy = sqlite_copy(&store, session, path, "copy.db");
	worker_spool_end(session);
	ck_assert_msg(recover_one(path) == STATUS_OK, "%s", status_pending());
	ck_assert_msg(recover_one(copy) == STATUS_OK, "%s", status_pending());
	damage(path, 4096);
	ck_assert_int_eq(recover_one(path), hrDatabaseCorrupted);
	free(copy);
	free(path);
}
END_TEST

START_TEST(missing_database_is_not_recovered)
{
	char *path = sqlite_store_path(&store, "gone.db");

	ck_assert_int_eq(recover_one(path), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	sqlite_assert_detail("gone.db");
	ck_assert_int_eq(sqlite_engine.verify(&sqlite_engine, path),
		STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	free(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sqlite_check");
	TCase *tcase = tcase_create("sqlite_check");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 100);
	tcase_add_loop_test(
		tcase, sound_database_passes_and_leaves_no_file_beside_it, 0, 5);
	tcase_add_test(tcase, damaged_page_is_found);
	tcase_add_test(tcase, collation_of_the_application_is_no_damage);
	tcase_add_test(tcase, missing_database_is_not_recovered);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
