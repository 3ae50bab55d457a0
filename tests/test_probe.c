/* What a file, or a directory, is. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/probe.h"
#include "heads.h"
#include "support.h"

static char *dir;

static void setup(void)
{
	dir = support_tmpdir();
}

/* ---- files ---- */

START_TEST(formats_are_known_by_their_magic_numbers)
{
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		char *path = put_bytes(dir, "file", heads[i].bytes, heads[i].size);
		const char *name = NULL;

		ck_assert_int_eq(probe_file(path, &name), STATUS_OK);
		ck_assert_msg(strcmp(name, heads[i].engine) == 0, "%s: %s", heads[i].what,
			name);
		free(path);
	}
}
END_TEST

START_TEST(only_regular_files_are_probed_and_a_pipe_does_not_block)
{
	char *fifo = support_path(dir, "pipe"), *missing = support_path(dir, "missing");
	const char *name;

	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	ck_assert_int_eq(probe_file(fifo, &name), STATUS_WIN32(ERROR_INVALID_DATA));
	ck_assert_int_eq(probe_file(dir, &name), STATUS_WIN32(ERROR_INVALID_DATA));
	ck_assert_int_eq(probe_file(missing, &name), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	free(fifo);
	free(missing);
}
END_TEST

/* ---- directories ---- */

/* NAME, in directories of its own if need be, holds the head of WHAT. */
static void put(const char *name, const char *what)
{
	char *path = support_path(dir, name);

	for (char *slash = path + strlen(dir) + 1; (slash = strchr(slash, '/'));
		slash++) {
		*slash = '\0';
		if (!support_exists(path))
			ck_assert_int_eq(mkdir(path, 0700), 0);
		*slash = '/';
	}
	free(path);
	free(put_head(dir, name, what));
}

static void expect_directory_of(const char *engine)
{
	const char *name = NULL;
	status rc = probe_directory(dir, &name);

	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
	ck_assert_str_eq(name, engine);
}

START_TEST(an_environment_is_known_by_its_logs)
{
	char *fifo = support_path(dir, "pipe");

	put("DB_CONFIG", "an index");
	put("__db.001", "nothing");
	put("log.0000000001", "log");
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	expect_directory_of("bdb");
	free(fifo);
}
END_TEST

START_TEST(an_environment_is_known_by_databases_in_a_subdirectory)
{
	put("DBVERSION", "an index");
	put("__db.001", "nothing");
	put("changelog/DBVERSION", "an index");
	put("userroot/DBVERSION", "an index");
	put("userroot/id2entry.db", "btree");
	expect_directory_of("bdb");
}
END_TEST

START_TEST(an_lmdb_directory_is_known_by_its_data)
{
	put("INFO.mdb", "an index");
	put("data.mdb", "lmdb");
	put("lock.mdb", "nothing");
	expect_directory_of("lmdb");
}
END_TEST

START_TEST(a_samba_directory_is_known_by_its_databases)
{
	put("dns_update_list", "an index");
	put("krb5.conf", "an index");
	put("ldap_priv/nothing", "nothing");
	put("sam.ldb", "tdb");
	put("sam.ldb.d/DC=EXAMPLE.ldb", "lmdb");
	put("tls/ca.pem", "an index");
	expect_directory_of("tdb");
}
END_TEST

START_TEST(a_directory_without_databases_is_flat)
{
	char *loop = support_path(dir, "loop");

	put("index.txt", "an index");
	put(".backupapi-restore/data.mdb", "lmdb");
	ck_assert_int_eq(symlink(dir, loop), 0);
	expect_directory_of("flat");
	free(loop);
}
END_TEST

START_TEST(files_are_asked_ahead_of_subdirectories)
{
	put("a/data.mdb", "lmdb");
	put("z.tdb", "tdb");
	expect_directory_of("tdb");
}
END_TEST

START_TEST(what_is_too_deep_says_nothing)
{
	put("1/index.txt", "an index");
	put("1/2/index.txt", "an index");
	put("1/2/3/4/data.mdb", "lmdb");
	expect_directory_of("flat");
	put("1/2/3/data.mdb", "lmdb");
	expect_directory_of("lmdb");
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_an_error)
{
	char *path = support_path(dir, "missing");
	const char *name;

	ck_assert_int_eq(
		probe_directory(path, &name), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	free(path);
}
END_TEST

START_TEST(each_of_many_is_told_and_what_is_missing_is_nothing)
{
	struct names paths = {0}, engines = {0};

	ck_assert_int_eq(names_take(&paths, put_head(dir, "a", "sqlite")), STATUS_OK);
	ck_assert_int_eq(names_take(&paths, support_path(dir, "missing")), STATUS_OK);
	ck_assert_int_eq(names_add(&paths, dir), STATUS_OK);
	ck_assert_int_eq(probe_all(&paths, &engines), STATUS_OK);
	ck_assert_uint_eq(engines.count, 3);
	ck_assert_str_eq(engines.items[0], "sqlite");
	ck_assert_str_eq(engines.items[1], "");
	ck_assert_str_eq(engines.items[2], "sqlite");
	names_free(&engines);
	names_free(&paths);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("probe");
	TCase *tc = tcase_create("probe");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, formats_are_known_by_their_magic_numbers);
	tcase_add_test(tc, only_regular_files_are_probed_and_a_pipe_does_not_block);
	tcase_add_test(tc, an_environment_is_known_by_its_logs);
	tcase_add_test(tc, an_environment_is_known_by_databases_in_a_subdirectory);
	tcase_add_test(tc, an_lmdb_directory_is_known_by_its_data);
	tcase_add_test(tc, a_samba_directory_is_known_by_its_databases);
	tcase_add_test(tc, a_directory_without_databases_is_flat);
	tcase_add_test(tc, files_are_asked_ahead_of_subdirectories);
	tcase_add_test(tc, what_is_too_deep_says_nothing);
	tcase_add_test(tc, a_directory_that_is_not_there_is_an_error);
	tcase_add_test(tc, each_of_many_is_told_and_what_is_missing_is_nothing);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
