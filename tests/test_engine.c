#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/probe.h"
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

/* ---- beginnings of real files ---- */

#define BYTES(text) (text), sizeof(text) - 1

static const struct {
	const char *engine, *what, *bytes;
	size_t size;
} heads[] = {
	{"sqlite", "sqlite", BYTES("SQLite format 3\0\x10\0\x01\x01\0\x40\x20\x20")},
	{"tdb", "tdb", BYTES("TDB file\n\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")},
	{"lmdb", "lmdb",
		BYTES("\0\0\0\0\0\0\0\0\0\0\x08\0\0\0\0\0\xde\xc0\xef\xbe\x01\0\0\0")},
	{"lmdb", "lmdb, 32 bits",
		BYTES("\0\0\0\0\0\0\x08\0\0\0\0\0\xde\xc0\xef\xbe\x01\0\0\0")},
	{"bdb", "btree",
		BYTES("\0\0\0\0\x01\0\0\0\0\0\0\0\x62\x31\x05\0\x09\0\0\0\0\x10\0\0")},
	{"bdb", "hash",
		BYTES("\0\0\0\0\x01\0\0\0\0\0\0\0\x61\x15\x06\0\x09\0\0\0\0\x10\0\0")},
	{"bdb", "heap",
		BYTES("\0\0\0\0\x01\0\0\0\0\0\0\0\x82\x45\x07\0\x01\0\0\0\0\x10\0\0")},
	{"bdb", "queue",
		BYTES("\0\0\0\0\x01\0\0\0\0\0\0\0\x53\x22\x04\0\x04\0\0\0\0\x10\0\0")},
	{"bdb", "btree of a big-endian machine",
		BYTES("\0\0\0\0\0\0\0\x01\0\0\0\0\0\x05\x31\x62\0\0\0\x09\0\0\x10\0")},
	{"bdb", "log",
		BYTES("\0\0\0\0\x1c\0\0\0\xb4\x34\x09\x3e\x88\x09\x04\0\x13\0\0\0")},
	{"ese", "ese", BYTES("\x86\x19\x97\x41\xef\xcd\xab\x89\x20\x06\0\0\0\0\0\0")},
	{"flat", "an index", BYTES("V\t261222043143Z\t\t01\tunknown\t/CN=a\n")},
	{"flat", "nothing", BYTES("")},
	{"flat", "one byte", BYTES("S")},
	{"flat", "a cut head", BYTES("SQLite format 3")},
	{"flat", "a magic number elsewhere",
		BYTES(".\xef\xcd\xab\x89\xef\xcd\xab\x89 nothing")},
};

static char *put_bytes(const char *name, const char *bytes, size_t size)
{
	char *path = support_path(dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	ck_assert_int_eq(close(fd), 0);
	return path;
}

/* NAME holds the head of WHAT, and is one of the store's databases. */
static void put_database(const char *name, const char *what)
{
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (strcmp(heads[i].what, what) == 0) {
			char *path = put_bytes(name, heads[i].bytes, heads[i].size);

			ck_assert_int_eq(names_take(&store.databases, path), STATUS_OK);
			return;
		}
	ck_abort_msg("no head of %s", what);
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

/* ---- formats ---- */

START_TEST(formats_are_known_by_their_magic_numbers)
{
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		char *path = put_bytes("file", heads[i].bytes, heads[i].size);
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
	static const char *const names[] = {"bdb", "lmdb", "tdb", "ese"};
	char name[8];

	store.engine = name;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[64];

		(void)snprintf(name, sizeof(name), "%s", names[i]);
		(void)snprintf(text, sizeof(text), "engine %s is not part of this build",
			names[i]);
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

START_TEST(auto_refuses_a_database_of_an_engine_of_another_build)
{
	static const char *const whats[] = {
		"tdb", "lmdb", "btree", "queue", "log", "ese"};

	for (size_t i = 0; i < sizeof(whats) / sizeof(whats[0]); i++) {
		put_database("file", whats[i]);
		expect_failure(
			STATUS_WIN32(ERROR_NOT_SUPPORTED), "is not part of this build");
		expect_failure(STATUS_WIN32(ERROR_NOT_SUPPORTED), dir);
		teardown();
	}
}
END_TEST

START_TEST(auto_passes_over_what_is_missing)
{
	add_database("missing");
	put_database("file", "tdb");
	expect_failure(STATUS_WIN32(ERROR_NOT_SUPPORTED), "engine tdb");
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
	char *socket_like;

	put_database("DB_CONFIG", "an index");
	put_database("log.0000000001", "log");
	teardown();
	socket_like = support_path(dir, "pipe");
	ck_assert_int_eq(mkfifo(socket_like, 0600), 0);
	ck_assert_int_eq(names_add(&store.databases, dir), STATUS_OK);
	expect_failure(STATUS_WIN32(ERROR_NOT_SUPPORTED), "engine bdb");
	free(socket_like);
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
	static const char *const names[] = {"flat", "sqlite"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct engine *e;
		status rc = engine_for_file(names[i], "/nowhere", &e);

		if (!EXPECT_SQLITE && strcmp(names[i], "sqlite") == 0) {
			ck_assert_int_eq(rc, STATUS_WIN32(ERROR_NOT_SUPPORTED));
			continue;
		}
		ck_assert_int_eq(rc, STATUS_OK);
		ck_assert_str_eq(e->name, names[i]);
		ck_assert(e->begin && e->databases && e->logs && e->open && e->read);
		ck_assert(e->close && e->end && e->recover);
		ck_assert_uint_eq(e->traits & ENGINE_LOGS, 0);
		ck_assert(e->truncate == NULL);
		ck_assert(e->generation == NULL);
		e->end(NULL);
	}
}
END_TEST

/* ---- engine_for_file ---- */

START_TEST(a_file_s_engine_is_found_by_name_or_by_its_content)
{
	char *path = put_bytes("file", BYTES("TDB file\n\0\0\0"));
	const struct engine *engine;

	ck_assert_int_eq(engine_for_file("flat", path, &engine), STATUS_OK);
	ck_assert_str_eq(engine->name, "flat");
	status_begin();
	ck_assert_int_eq(
		engine_for_file(NULL, path, &engine), STATUS_WIN32(ERROR_NOT_SUPPORTED));
	ck_assert_ptr_null(engine);
	ck_assert_ptr_nonnull(strstr(status_pending(), "engine tdb"));
	ck_assert_ptr_nonnull(strstr(status_pending(), path));
	ck_assert_int_eq(engine_for_file("auto", path, &engine),
		STATUS_WIN32(ERROR_NOT_SUPPORTED));
	free(put_bytes("file", BYTES("text")));
	ck_assert_int_eq(engine_for_file("auto", path, &engine), STATUS_OK);
	ck_assert_str_eq(engine->name, "flat");
	free(path);
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
	tcase_add_test(tc, formats_are_known_by_their_magic_numbers);
	tcase_add_test(tc, only_regular_files_are_probed_and_a_pipe_does_not_block);
	tcase_add_test(tc, a_configured_engine_is_taken_without_looking);
	tcase_add_test(tc, an_engine_of_another_build_is_named);
	tcase_add_test(tc, an_engine_that_nobody_knows_is_named);
	tcase_add_test(tc, auto_finds_flat_files);
	tcase_add_test(tc, auto_is_flat_where_nothing_is_there_yet);
	tcase_add_test(tc, auto_refuses_a_database_of_an_engine_of_another_build);
	tcase_add_test(tc, auto_passes_over_what_is_missing);
	tcase_add_test(
		tc, auto_refuses_a_live_database_among_flat_files_wherever_it_stands);
	tcase_add_test(tc, auto_looks_into_a_directory);
	tcase_add_test(tc, auto_names_a_file_that_it_cannot_read);
	tcase_add_test(tc, every_engine_has_what_its_traits_promise);
	tcase_add_test(tc, a_file_s_engine_is_found_by_name_or_by_its_content);
	tcase_add_test(tc, a_missing_file_has_no_engine);
	tcase_add_test(tc, sqlite_databases_are_known_with_what_must_not_survive_them);
	tcase_add_test(tc, lists_keep_what_was_added);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
