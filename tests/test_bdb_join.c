/* Which environments are joined, and what is listed of them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bdb_store.h"

static struct bdb_store store;

static void teardown(void)
{
	bdb_store_free(&store);
}

/* ---- what cannot be joined ---- */

START_TEST(environment_that_nobody_has_open_is_refused)
{
	struct engine_session *session;
	char *region;

	bdb_store_make(&store, 0);
	bdb_store_close(&store);
	region = support_path(store.data, "__db.001");
	ck_assert_int_eq(unlink(region), 0);
	ck_assert_int_eq(bdb_try_session(&store, 0, &session), hrCouldNotConnect);
	bdb_assert_detail(store.data);
	ck_assert(!support_exists(region));
	free(region);
}
END_TEST

START_TEST(damaged_or_foreign_region_is_refused)
{
	struct engine_session *session;
	char *region;
	uint32_t version = 4;
	int fd;

	bdb_store_make(&store, 0);
	bdb_store_close(&store);
	region = support_path(store.data, "__db.001");
	fd = open(region, O_RDWR | O_CLOEXEC);
	if (_i == 0) /* magic, panic, then the version that made it */
		ck_assert_int_eq(pwrite(fd, &version, 4, 8), 4);
	else
		ck_assert_int_eq(ftruncate(fd, 5), 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(bdb_try_session(&store, 0, &session), hrCouldNotConnect);
	bdb_assert_detail(store.data);
	free(region);
}
END_TEST

START_TEST(wrong_log_dir_is_named_with_the_right_one)
{
	struct engine_session *session;
	char *wrong;

	bdb_store_make(&store, _i ? BDB_REGION_APART : BDB_LOGS_APART);
	bdb_store_fill(&store, 1, 100);
	ck_assert_int_eq(store.env->log_flush(store.env, NULL), 0);
	wrong = support_path(store.base, "wrong");
	ck_assert_int_eq(mkdir(wrong, 0700), 0);
	free(store.config.log_dir);
	store.config.log_dir = wrong;
	ck_assert_int_eq(bdb_try_session(&store, 0, &session),
		STATUS_WIN32(ERROR_BAD_CONFIGURATION));
	bdb_assert_detail(wrong);
	bdb_assert_detail(_i ? store.home : store.logs);
	ck_assert_uint_eq(bdb_lowest_log(wrong), 0);
	bdb_store_fill(&store, 101, 200);
}
END_TEST

START_TEST(only_listed_files_are_opened)
{
	struct engine_session *session;
	struct engine_files files = {0};
	char passwd[] = "/etc/passwd", relative[] = "sub/records.db";
	struct engine_file file = {.path = passwd, .kind = ENGINE_DATABASE};
	uint64_t size;

	bdb_store_make(&store, 0);
	session = bdb_session(&store, 0);
	ck_assert_int_eq(bdb_host.engine.databases(session, &files), STATUS_OK);
	ck_assert_int_eq(bdb_host.engine.open(session, &file, 0, &size),
		STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	file.path = relative;
	ck_assert_int_eq(bdb_host.engine.open(session, &file, 0, &size),
		STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	file.kind = ENGINE_LOG;
	ck_assert_int_eq(bdb_host.engine.open(session, &file, 0, &size),
		STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	engine_files_free(&files);
	bdb_host.engine.end(session);
}
END_TEST

/* ---- lists ---- */

static bool lists(const struct engine_files *files, const char *name)
{
	char *path = support_path(store.data, name);
	bool found = false;

	for (size_t i = 0; i < files->count; i++)
		found = found || strcmp(files->items[i].path, path) == 0;
	free(path);
	return found;
}

START_TEST(databases_are_listed_with_what_belongs_to_them)
{
	struct engine_session *session;
	struct engine_files files = {0};
	char *path;
	DB *db;

	bdb_store_make(&store, 0);
	path = support_path(store.data, "sub/DBVERSION");
	support_write(path, "bdb/5.3\n");
	free(path);
	path = support_path(store.data, "guardian");
	support_write(path, "here\n");
	free(path);
	path = support_path(store.data, "sub/80000001.1fe34");
	support_write(path, "transient\n");
	free(path);
	db = bdb_store_database(&store, "hash.db", DB_HASH, 0);
	session = bdb_session(&store, 0);
	ck_assert_int_eq(bdb_host.engine.databases(session, &files), STATUS_OK);
	ck_assert_uint_eq(files.count, 3);
	ck_assert(lists(&files, "hash.db"));
	ck_assert(lists(&files, "sub/DBVERSION"));
	ck_assert(lists(&files, "sub/records.db"));
	for (size_t i = 1; i < files.count; i++)
		ck_assert_int_lt(strcmp(files.items[i - 1].path, files.items[i].path), 0);
	engine_files_free(&files);
	bdb_host.engine.end(session);
	ck_assert_int_eq(db->close(db, 0), 0);
}
END_TEST

START_TEST(database_without_its_first_page_is_not_left_out)
{
	struct engine_session *session;
	struct engine_files files = {0};
	uint64_t size;
	char *path;
	int fd;

	bdb_store_make(&store, 0);
	bdb_store_fill(&store, 1, 100);
	ck_assert_int_eq(store.env->txn_checkpoint(store.env, 0, 0, DB_FORCE), 0);
	path = support_path(store.data, "sub/records.db");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(pwrite(fd, "damage", 6, 12), 6);
	ck_assert_int_eq(close(fd), 0);
	session = bdb_session(&store, 0);
	ck_assert_int_eq(bdb_host.engine.databases(session, &files), STATUS_OK);
	ck_assert_uint_eq(files.count, 1);
	ck_assert_int_eq(bdb_host.engine.open(session, &files.items[0], 0, &size),
		hrReadVerifyFailure);
	bdb_assert_detail(path);
	engine_files_free(&files);
	bdb_host.engine.end(session);
	free(path);
}
END_TEST

START_TEST(links_to_databases_are_refused_and_named)
{
	static const char *const targets[] = {"records.db", "../sub"};
	struct engine_session *session;
	struct engine_files files = {0};
	char *path;

	bdb_store_make(&store, 0);
	bdb_store_fill(&store, 1, 100);
	ck_assert_int_eq(store.env->txn_checkpoint(store.env, 0, 0, DB_FORCE), 0);
	path = support_path(store.data, "sub/link");
	ck_assert_int_eq(symlink(targets[_i], path), 0);
	session = bdb_session(&store, 0);
	ck_assert_int_eq(bdb_host.engine.databases(session, &files),
		STATUS_WIN32(ERROR_BAD_CONFIGURATION));
	bdb_assert_detail(path);
	engine_files_free(&files);
	bdb_host.engine.end(session);
	free(path);
}
END_TEST

START_TEST(second_data_directory_is_refused_and_named)
{
	struct engine_session *session;
	char *config, *second;

	bdb_store_make(&store, 0);
	config = support_path(store.data, "DB_CONFIG");
	second = support_path(store.base, "second");
	ck_assert_int_eq(mkdir(second, 0700), 0);
	support_write(config, "set_data_dir .\nset_data_dir ../second\n");
	ck_assert_int_eq(bdb_try_session(&store, 0, &session),
		STATUS_WIN32(ERROR_BAD_CONFIGURATION));
	bdb_assert_detail("/../second: ");
	support_write(config, "set_data_dir .\n");
	bdb_host.engine.end(bdb_session(&store, 0));
	free(config);
	free(second);
}
END_TEST

START_TEST(logs_of_another_user_are_left_alone)
{
	struct engine_session *session;
	char *path, *next;

	if (geteuid() != 0)
		return;
	bdb_store_make(&store, 0);
	path = support_path(store.data, "log.0000000001");
	next = support_path(store.data, "log.0000000002");
	ck_assert_int_eq(chown(path, 1234, 1235), 0);
	ck_assert_int_eq(
		bdb_try_session(&store, 0, &session), STATUS_WIN32(ERROR_ACCESS_DENIED));
	bdb_assert_detail(path);
	bdb_assert_detail("1234");
	ck_assert(!support_exists(next));
	ck_assert_int_eq(chown(path, 0, 0), 0);
	bdb_host.engine.end(bdb_session(&store, 0));
	free(path);
	free(next);
}
END_TEST

START_TEST(logs_made_by_a_session_have_the_mode_of_the_others)
{
	struct engine_session *session;
	struct stat st;
	char *path;

	bdb_store_make(&store, 0);
	(void)umask(0);
	for (int i = 0; i < 400; i++) {
		session = bdb_session(&store, 0);
		bdb_host.engine.end(session);
		if (bdb_highest_log(store.data) > 1)
			break;
	}
	path = support_path(store.data, "log.0000000002");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	free(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bdb_join");
	TCase *tcase = tcase_create("join");

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, environment_that_nobody_has_open_is_refused);
	tcase_add_loop_test(tcase, damaged_or_foreign_region_is_refused, 0, 2);
	tcase_add_loop_test(tcase, wrong_log_dir_is_named_with_the_right_one, 0, 2);
	tcase_add_test(tcase, only_listed_files_are_opened);
	tcase_add_test(tcase, databases_are_listed_with_what_belongs_to_them);
	tcase_add_test(tcase, database_without_its_first_page_is_not_left_out);
	tcase_add_loop_test(tcase, links_to_databases_are_refused_and_named, 0, 2);
	tcase_add_test(tcase, second_data_directory_is_refused_and_named);
	tcase_add_test(tcase, logs_of_another_user_are_left_alone);
	tcase_add_test(tcase, logs_made_by_a_session_have_the_mode_of_the_others);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
