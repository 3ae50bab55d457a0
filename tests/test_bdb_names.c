/* Names, and what a directory holds. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/bdb_caller.h"
#include "engine/bdb_names.h"
#include "support.h"

START_TEST(logs_are_known_by_ten_digits)
{
	static const char *const good[] = {"log.0000000001", "log.0000000007.old",
		"log.4294967295", "log.0000000012.part-345"};
	static const char *const bad[] = {"log.1", "log.00000000001", "log.0000000000",
		"log.4294967296", "log.0000000001.", "log.0000000001.bak",
		"log.000000000x", "log.0000000001.part-", "log.0000000001.part-01",
		"log.0000000001.old.old", "log.0000000001.old.part-5", "xlog.0000000001",
		"log", ""};
	static const uint32_t numbers[] = {1, 7, UINT32_MAX, 12};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint32_t generation = 0;
		bool part, old;

		ck_assert(bdb_log_generation(good[i], &generation, &part, &old));
		ck_assert_uint_eq(generation, numbers[i]);
		ck_assert_int_eq(old, i == 1);
		ck_assert_int_eq(part, i == 3);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint32_t generation;

		ck_assert_msg(!bdb_log_generation(bad[i], &generation, NULL, NULL), "%s",
			bad[i]);
		ck_assert_int_eq(bdb_generation(bad[i], &generation),
			STATUS_WIN32(ERROR_INVALID_NAME));
	}
}
END_TEST

START_TEST(names_of_logs_come_back)
{
	uint32_t generation;
	char *name = bdb_log_name(1234567890);

	ck_assert_str_eq(name, "log.1234567890");
	ck_assert_int_eq(
		bdb_generation("/some/where/log.0000000042.old", &generation), STATUS_OK);
	ck_assert_uint_eq(generation, 42);
	free(name);
}
END_TEST

/* ---- directories ---- */

static char *home;

static void setup(void)
{
	home = support_tmpdir();
}

static void put(const char *name, const void *content, size_t size)
{
	char *path = support_path(home, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, content, size), (ssize_t)size);
	ck_assert_int_eq(close(fd), 0);
	free(path);
}

static void make(const char *name)
{
	char *path = support_path(home, name);

	ck_assert_int_eq(mkdir(path, 0700), 0);
	free(path);
}

static const unsigned char btree[16] = {[12] = 0x62, 0x31, 0x05};
static const unsigned char swapped_hash[16] = {[12] = 0x00, 0x06, 0x15, 0x61};

static void assert_items(const struct names *names, const char *const *expected)
{
	size_t i = 0;

	for (; expected[i]; i++) {
		char *path = support_path(home, expected[i]);

		ck_assert_uint_lt(i, names->count);
		ck_assert_str_eq(names->items[i], path);
		free(path);
	}
	ck_assert_uint_eq(names->count, i);
}

START_TEST(survey_finds_databases_in_subdirectories_and_leftovers)
{
	static const char *const databases[] = {"DBVERSION", "DB_CONFIG", "a.db",
		"sub/DBVERSION", "sub/__dbq.q.db.0", "sub/b", "sub/deadbeef.db", NULL};
	static const char *const leftovers[] = {
		"__db.001", "__db.register", "guardian", "sub/80000015.a35098f9", NULL};
	struct names found = {0}, left = {0};
	struct store_config store = {0};
	char *link = NULL;

	make("sub");
	make(".backupapi-restore");
	put("a.db", btree, sizeof(btree));
	put(".backupapi-restore/a.db", btree, sizeof(btree));
	put("sub/b", swapped_hash, sizeof(swapped_hash));
	put("sub/deadbeef.db", btree, sizeof(btree));
	put("sub/short", btree, 14);
	put("sub/text", "nothing of the kind", 19);
	put("sub/__dbq.q.db.0", "", 0);
	put("sub/80000015.a35098f9", btree, sizeof(btree));
	put("DBVERSION", "x", 1);
	put("sub/DBVERSION", "x", 1);
	put("DB_CONFIG", "x", 1);
	put("guardian", "x", 1);
	put("__db.001", "x", 1);
	put("__db.register", "x", 1);
	put("log.0000000001", btree, sizeof(btree));
	link = support_path(home, "link.db");
	ck_assert_int_eq(symlink("a.db", link), 0);
	free(link);
	ck_assert_int_eq(names_add(&store.databases, home), STATUS_OK);
	ck_assert_int_eq(bdb_survey(&store, &found, &left), STATUS_OK);
	assert_items(&found, databases);
	assert_items(&left, leftovers);
	names_free(&found);
	names_free(&left);
	names_free(&store.databases);
}
END_TEST

START_TEST(survey_of_what_is_not_there_is_empty)
{
	struct names found = {0};
	struct store_config store = {0};
	char *gone = support_path(home, "gone");

	ck_assert_int_eq(names_add(&store.databases, gone), STATUS_OK);
	store.region_dir = gone;
	ck_assert_int_eq(bdb_survey(&store, &found, &found), STATUS_OK);
	ck_assert_uint_eq(found.count, 0);
	names_free(&store.databases);
	free(gone);
}
END_TEST

START_TEST(survey_takes_region_files_alone_from_a_region_directory)
{
	struct names found = {0}, left = {0};
	struct store_config store = {0};
	char *data = support_path(home, "data"), *region = support_path(home, "region");
	static const char *const leftovers[] = {"region/__db.001", NULL};

	make("data");
	make("region");
	put("region/__db.001", "x", 1);
	put("region/DBVERSION", "x", 1);
	ck_assert_int_eq(names_add(&store.databases, data), STATUS_OK);
	store.region_dir = region;
	ck_assert_int_eq(bdb_survey(&store, &found, &left), STATUS_OK);
	ck_assert_uint_eq(found.count, 0);
	assert_items(&left, leftovers);
	names_free(&left);
	names_free(&store.databases);
	free(data);
	free(region);
}
END_TEST

START_TEST(logs_are_found_in_order)
{
	static const char *const expected[] = {"log.0000000002.old",
		"log.0000000009.part-3", "log.0000000009.part-5", "log.0000000010"};
	struct engine_logs logs = {0};

	put("log.0000000010", "x", 1);
	put("log.0000000009.part-5", "xxxxx", 5);
	put("log.0000000009.part-3", "xxx", 3);
	put("log.0000000002.old", "x", 1);
	put("log.0000000002.tmp", "x", 1);
	make("log.0000000001");
	ck_assert_int_eq(bdb_find_logs(NULL, home, &logs), STATUS_OK);
	ck_assert_uint_eq(logs.count, 4);
	for (size_t i = 0; i < 4; i++) {
		char *path = support_path(home, expected[i]);

		ck_assert_str_eq(logs.items[i].path, path);
		ck_assert_int_eq(logs.items[i].part, i == 1 || i == 2);
		free(path);
	}
	ck_assert_uint_eq(logs.items[2].size, 5);
	engine_logs_free(&logs);
}
END_TEST

START_TEST(no_directory_has_no_logs)
{
	struct engine_logs logs = {0};
	char *gone = support_path(home, "gone");

	ck_assert_int_eq(bdb_find_logs(NULL, gone, &logs), STATUS_OK);
	ck_assert_uint_eq(logs.count, 0);
	free(gone);
}
END_TEST

START_TEST(replay_looks_for_a_part_under_the_name_of_its_log)
{
	struct engine_log log = {.generation = 7, .part = true};
	char *name;

	ck_assert_int_eq(bdb_replay_name(NULL, &log, true, &name), STATUS_OK);
	ck_assert_str_eq(name, "log.0000000007");
	free(name);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bdb_names");
	TCase *tcase = tcase_create("names");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, logs_are_known_by_ten_digits);
	tcase_add_test(tcase, names_of_logs_come_back);
	tcase_add_test(tcase, survey_finds_databases_in_subdirectories_and_leftovers);
	tcase_add_test(tcase, survey_of_what_is_not_there_is_empty);
	tcase_add_test(tcase, survey_takes_region_files_alone_from_a_region_directory);
	tcase_add_test(tcase, logs_are_found_in_order);
	tcase_add_test(tcase, no_directory_has_no_logs);
	tcase_add_test(tcase, replay_looks_for_a_part_under_the_name_of_its_log);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
