#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/engine.h"
#include "heads.h"
#include "support.h"

static char *dir;
static struct store_config store;

static void setup(void)
{
	dir = support_tmpdir();
	store = (struct store_config){0};
}

static void teardown(void)
{
	names_free(&store.databases);
}

/* NAME holds the head of WHAT, and is one of the store's databases. */
static void put_database(const char *name, const char *what)
{
	ck_assert_int_eq(
		names_take(&store.databases, put_head(dir, name, what)), STATUS_OK);
}

static void add_database(const char *name)
{
	ck_assert_int_eq(
		names_take(&store.databases, support_path(dir, name)), STATUS_OK);
}

static void expect_engine(const char *name)
{
	const struct engine *engine;
	status rc;

	status_begin();
	rc = engine_find(&store, &engine);
	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
	ck_assert_str_eq(engine->name, name);
}

static void expect_failure(status code, const char *text)
{
	const struct engine *engine;
	status rc;

	status_begin();
	rc = engine_find(&store, &engine);
	ck_assert_msg(rc == code, "%s: %s", status_name(rc), status_pending());
	ck_assert_ptr_null(engine);
	ck_assert_msg(strstr(status_pending(), text) != NULL, "%s", status_pending());
}

/* Which of the engines are part of this build. */
static bool is_built(const char *name)
{
	static const struct {
		const char *name;
		bool built;
	} engines[] = {{"flat", true}, {"sqlite", EXPECT_SQLITE}, {"bdb", EXPECT_BDB},
		{"lmdb", EXPECT_LMDB}, {"tdb", EXPECT_TDB}, {"ese", EXPECT_ESE}};

	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
		if (strcmp(engines[i].name, name) == 0)
			return engines[i].built;
	ck_abort_msg("no engine %s", name);
}

/* The store's databases are of engine NAME, which is found, or told to be missing. */
static void expect_format(const char *name)
{
	char text[64];

	if (is_built(name)) {
		expect_engine(name);
		return;
	}
	(void)snprintf(text, sizeof(text), "engine %s is not part of this build", name);
	expect_failure(STATUS_WIN32(ERROR_NOT_SUPPORTED), text);
	expect_failure(STATUS_WIN32(ERROR_NOT_SUPPORTED), dir);
}

/* The same of a single file. */
static void expect_format_of_file(const char *name)
{
	bool directory = strcmp(name, "bdb") == 0 || strcmp(name, "lmdb") == 0 ||
			 strcmp(name, "tdb") == 0;

	if (directory && is_built(name))
		expect_failure(STATUS_WIN32(ERROR_BAD_CONFIGURATION), "file: engine ");
	else
		expect_format(name);
}

/* ---- engine_find ---- */

START_TEST(a_configured_engine_is_taken_without_looking)
{
	put_database("file", "tdb");
	store.engine = (char[]){"flat"};
	expect_engine("flat");
}
END_TEST

START_TEST(an_engine_of_another_build_is_named)
{
	static const char *const names[] = {"sqlite", "bdb", "lmdb", "tdb", "ese"};
	char name[8];

	store.engine = name;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[64];

		(void)snprintf(name, sizeof(name), "%s", names[i]);
		(void)snprintf(text, sizeof(text), "engine %s is not part of this build",
			names[i]);
		if (is_built(names[i]))
			expect_engine(names[i]);
		else
			expect_failure(STATUS_WIN32(ERROR_NOT_SUPPORTED), text);
	}
}
END_TEST

START_TEST(an_engine_that_nobody_knows_is_named)
{
	store.engine = (char[]){"oracle"};
	expect_failure(STATUS_WIN32(ERROR_NOT_SUPPORTED), "oracle");
}
END_TEST

START_TEST(auto_finds_flat_files)
{
	put_database("index.txt", "an index");
	put_database("serial", "nothing");
	store.engine = (char[]){"auto"};
	expect_engine("flat");
	store.engine = NULL;
	expect_engine("flat");
}
END_TEST

START_TEST(auto_is_flat_where_nothing_is_there_yet)
{
	add_database("missing");
	add_database("*.pem");
	expect_engine("flat");
}
END_TEST

START_TEST(auto_finds_the_engine_or_says_that_it_is_missing)
{
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		put_database("file", heads[i].what);
		expect_format_of_file(heads[i].engine);
		teardown();
	}
}
END_TEST

START_TEST(auto_passes_over_what_is_missing)
{
	add_database("missing");
	put_database("file", "tdb");
	expect_format_of_file("tdb");
}
END_TEST

START_TEST(auto_refuses_a_live_database_among_flat_files_wherever_it_stands)
{
	put_database("a", "an index");
	put_database("z.db", "btree");
	expect_failure(STATUS_WIN32(ERROR_BAD_CONFIGURATION), "z.db");
	teardown();
	add_database("*");
	expect_failure(STATUS_WIN32(ERROR_BAD_CONFIGURATION), "z.db");
}
END_TEST

START_TEST(auto_looks_into_a_directory)
{
	put_database("DB_CONFIG", "an index");
	put_database("log.0000000001", "log");
	teardown();
	ck_assert_int_eq(names_add(&store.databases, dir), STATUS_OK);
	expect_format("bdb");
}
END_TEST

static const char *const directory_engines[] = {
#if EXPECT_BDB
	"bdb",
#endif
#if EXPECT_LMDB
	"lmdb",
#endif
#if EXPECT_TDB
	"tdb",
#endif
	NULL};

/* The file itself, and what a glob matches; a missing one may become a directory. */
START_TEST(an_engine_of_directories_takes_no_file)
{
	static const char *const names[] = {"x.db", "*", "missing"};

	put_database("x.db", "an index");
	for (size_t i = 0; directory_engines[i]; i++)
		for (int j = 0; j < 3; j++) {
			names_free(&store.databases);
			add_database(names[j]);
			store.engine = strdup(directory_engines[i]);
			if (j < 2)
				expect_failure(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
					"takes the environment's directory");
			else
				expect_engine(directory_engines[i]);
			free(store.engine);
			store.engine = NULL;
		}
}
END_TEST

START_TEST(auto_names_a_file_that_it_cannot_read)
{
	put_database("secret", "an index");
	ck_assert_int_eq(chmod(store.databases.items[0], 0), 0);
	ck_assert_int_eq(chmod(dir, 0755), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	expect_failure(STATUS_WIN32(ERROR_ACCESS_DENIED), "secret");
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(every_engine_has_what_its_traits_promise)
{
	static const char *const names[] = {
		"flat", "sqlite", "bdb", "lmdb", "tdb", "ese"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct engine *e;
		bool logs;

		if (!is_built(names[i]))
			continue;
		ck_assert_int_eq(engine_for_file(names[i], "/nowhere", &e), STATUS_OK);
		ck_assert_str_eq(e->name, names[i]);
		ck_assert(e->begin && e->databases && e->logs && e->open && e->read);
		ck_assert(e->close && e->end && e->recover);
		logs = e->traits & ENGINE_LOGS;
		ck_assert((e->truncate != NULL) == logs);
		ck_assert((e->generation != NULL) == logs);
		ck_assert((e->find_logs != NULL) == logs);
		ck_assert((e->log_continues != NULL) == logs);
		ck_assert((e->check_logs != NULL) == logs);
		ck_assert((e->log_name != NULL) == logs);
		ck_assert(!(e->traits & ENGINE_DIRECTORY) || e->survey);
		e->end(NULL);
	}
}
END_TEST

/* ---- engine_for_file ---- */

START_TEST(a_file_s_engine_is_found_by_name_or_by_its_content)
{
	char *path = put_bytes(dir, "file", BYTES("TDB file\n\0\0\0"));
	const struct engine *engine;

	ck_assert_int_eq(engine_for_file("flat", path, &engine), STATUS_OK);
	ck_assert_str_eq(engine->name, "flat");
	status_begin();
	if (is_built("tdb")) {
		ck_assert_int_eq(engine_for_file(NULL, path, &engine), STATUS_OK);
		ck_assert_str_eq(engine->name, "tdb");
	} else {
		ck_assert_int_eq(engine_for_file(NULL, path, &engine),
			STATUS_WIN32(ERROR_NOT_SUPPORTED));
		ck_assert_ptr_null(engine);
		ck_assert_ptr_nonnull(strstr(status_pending(), "engine tdb"));
		ck_assert_ptr_nonnull(strstr(status_pending(), path));
	}
	free(put_bytes(dir, "file", BYTES("text")));
	ck_assert_int_eq(engine_for_file("auto", path, &engine), STATUS_OK);
	ck_assert_str_eq(engine->name, "flat");
	free(path);
}
END_TEST

/* What engine_for_files says of the store's databases, as they are listed. */
static status find_for_files(const char *name, const struct engine **engine)
{
	status_begin();
	return engine_for_files(name, &store.databases, engine);
}

START_TEST(any_file_with_a_format_decides_for_all)
{
	const struct engine *engine;
	status rc;

	add_database("missing");
	put_database("DBVERSION", "an index");
	ck_assert_int_eq(find_for_files(NULL, &engine), STATUS_OK);
	ck_assert_str_eq(engine->name, "flat");
	put_database("id2entry.db", "btree");
	put_database("notes", "an index");
	rc = find_for_files("auto", &engine);
	if (is_built("bdb")) {
		ck_assert_int_eq(rc, STATUS_OK);
		ck_assert_str_eq(engine->name, "bdb");
	} else {
		ck_assert_int_eq(rc, STATUS_WIN32(ERROR_NOT_SUPPORTED));
		ck_assert_ptr_nonnull(strstr(status_pending(), "id2entry.db"));
	}
	ck_assert_int_eq(find_for_files("flat", &engine), STATUS_OK);
	ck_assert_str_eq(engine->name, "flat");
}
END_TEST

START_TEST(files_that_are_all_missing_have_no_engine)
{
	const struct engine *engine;

	ck_assert_int_eq(
		find_for_files(NULL, &engine), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_ptr_null(engine);
	add_database("a");
	add_database("b");
	ck_assert_int_eq(
		find_for_files(NULL, &engine), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_ptr_null(engine);
	ck_assert_ptr_nonnull(strstr(status_pending(), store.databases.items[0]));
}
END_TEST

START_TEST(a_missing_file_has_no_engine)
{
	char *path = support_path(dir, "missing");
	const struct engine *engine;

	ck_assert_int_eq(
		engine_for_file(NULL, path, &engine), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_ptr_null(engine);
	free(path);
}
END_TEST

START_TEST(sqlite_databases_are_known_with_what_must_not_survive_them)
{
	struct names stale = {0};
	const struct engine *engine;

	put_database("ca.db", "sqlite");
	if (!EXPECT_SQLITE) {
		expect_failure(STATUS_WIN32(ERROR_NOT_SUPPORTED), "engine sqlite");
		return;
	}
	expect_engine("sqlite");
	ck_assert_int_eq(engine_find(&store, &engine), STATUS_OK);
	ck_assert_int_eq(engine->stale_files("/ca/ca.db", &stale), STATUS_OK);
	ck_assert_uint_eq(stale.count, 3);
	names_sort(&stale);
	ck_assert_str_eq(stale.items[0], "/ca/ca.db-journal");
	ck_assert_str_eq(stale.items[1], "/ca/ca.db-shm");
	ck_assert_str_eq(stale.items[2], "/ca/ca.db-wal");
	names_free(&stale);
}
END_TEST

/* ---- lists ---- */

START_TEST(lists_keep_what_was_added)
{
	struct engine_files files = {0};
	char path[32];

	for (uint32_t i = 0; i < 1000; i++) {
		(void)snprintf(path, sizeof(path), "/log.%04u", i);
		ck_assert_int_eq(engine_files_add(&files, path, ENGINE_LOG, i, i * 10ull),
			STATUS_OK);
	}
	ck_assert_uint_eq(files.count, 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		(void)snprintf(path, sizeof(path), "/log.%04u", i);
		ck_assert_str_eq(files.items[i].path, path);
		ck_assert_int_eq(files.items[i].kind, ENGINE_LOG);
		ck_assert_uint_eq(files.items[i].generation, i);
		ck_assert_uint_eq(files.items[i].size, i * 10ull);
	}
	engine_files_free(&files);
	ck_assert_uint_eq(files.count, 0);
	ck_assert_ptr_null(files.items);
	engine_files_free(&files);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("engine");
	TCase *tc = tcase_create("engine");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_configured_engine_is_taken_without_looking);
	tcase_add_test(tc, an_engine_of_another_build_is_named);
	tcase_add_test(tc, an_engine_that_nobody_knows_is_named);
	tcase_add_test(tc, auto_finds_flat_files);
	tcase_add_test(tc, auto_is_flat_where_nothing_is_there_yet);
	tcase_add_test(tc, auto_finds_the_engine_or_says_that_it_is_missing);
	tcase_add_test(tc, auto_passes_over_what_is_missing);
	tcase_add_test(
		tc, auto_refuses_a_live_database_among_flat_files_wherever_it_stands);
	tcase_add_test(tc, auto_looks_into_a_directory);
	tcase_add_test(tc, an_engine_of_directories_takes_no_file);
	tcase_add_test(tc, auto_names_a_file_that_it_cannot_read);
	tcase_add_test(tc, every_engine_has_what_its_traits_promise);
	tcase_add_test(tc, a_file_s_engine_is_found_by_name_or_by_its_content);
	tcase_add_test(tc, any_file_with_a_format_decides_for_all);
	tcase_add_test(tc, files_that_are_all_missing_have_no_engine);
	tcase_add_test(tc, a_missing_file_has_no_engine);
	tcase_add_test(tc, sqlite_databases_are_known_with_what_must_not_survive_them);
	tcase_add_test(tc, lists_keep_what_was_added);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
