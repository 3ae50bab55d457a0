#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/flat.h"
#include "support.h"

static char *dir, *data, *spool_dir;
static struct store_config store;
static struct engine_session *session;

static const struct engine_begin full = {0};

static void setup(void)
{
	dir = support_tmpdir();
	data = support_path(dir, "data");
	spool_dir = support_path(dir, "spool");
	ck_assert_int_eq(mkdir(data, 0755), 0);
	ck_assert_int_eq(mkdir(spool_dir, 0700), 0);
	store = (struct store_config){.spool_dir = spool_dir};
}

static void teardown(void)
{
	engine_flat.end(session);
	session = NULL;
	names_free(&store.databases);
	free(data);
	free(spool_dir);
}

static void put(const char *name, const char *text)
{
	char *path = support_path(data, name);

	support_write(path, text);
	free(path);
}

static void want(const char *pattern)
{
	ck_assert_int_eq(
		names_take(&store.databases, support_path(data, pattern)), STATUS_OK);
}

static status begin(void)
{
	status_begin();
	return engine_flat.begin(&engine_flat, &store, &full, &session);
}

static void begin_well(void)
{
	status rc = begin();

	ck_assert_msg(rc == STATUS_OK, "%s: %s", status_name(rc), status_pending());
	ck_assert_ptr_nonnull(session);
}

static size_t open_descriptors(void)
{
	DIR *stream = opendir("/proc/self/fd");
	size_t count = 0;

	ck_assert_ptr_nonnull(stream);
	while (readdir(stream))
		count++;
	ck_assert_int_eq(closedir(stream), 0);
	return count;
}

static void expect_empty(const char *path)
{
	DIR *stream = opendir(path);
	const struct dirent *entry;

	ck_assert_ptr_nonnull(stream);
	while ((entry = readdir(stream)) != NULL)
		ck_assert_msg(strcmp(entry->d_name, ".") == 0 ||
				      strcmp(entry->d_name, "..") == 0,
			"%s was left in %s", entry->d_name, path);
	ck_assert_int_eq(closedir(stream), 0);
}

/* Fails with CODE, names NAME, and leaves nothing behind. */
static void expect_failure(status code, const char *name)
{
	size_t descriptors = open_descriptors();
	status rc = begin();

	ck_assert_msg(rc == code, "%s: %s", status_name(rc), status_pending());
	ck_assert_msg(strstr(status_pending(), name) != NULL, "%s", status_pending());
	ck_assert_ptr_null(session);
	ck_assert_uint_eq(open_descriptors(), descriptors);
	expect_empty(spool_dir);
}

static struct engine_files databases(void)
{
	struct engine_files files = {0};

	ck_assert_int_eq(engine_flat.databases(session, &files), STATUS_OK);
	return files;
}

/* The frozen content of NAME (free()). */
static char *frozen(const char *name)
{
	struct engine_file file = {.path = support_path(data, name)};
	uint64_t size;
	size_t got;
	char *text;

	ck_assert_int_eq(engine_flat.open(session, &file, 0, &size), STATUS_OK);
	text = malloc((size_t)size + 2);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(engine_flat.read(session, text, (size_t)size + 1, &got), STATUS_OK);
	ck_assert_uint_eq(got, size);
	text[got] = '\0';
	engine_flat.close(session);
	free(file.path);
	return text;
}

static void expect_frozen(const char *name, const char *text)
{
	char *got = frozen(name);

	ck_assert_str_eq(got, text);
	free(got);
}

/* ---- what a session gives ---- */

START_TEST(all_files_are_listed_by_path_and_read_back)
{
	struct engine_files files, logs = {0};

	put("b", "bbb");
	put("a", "");
	put("c", "cc");
	want("b");
	want("*");
	begin_well();
	files = databases();
	ck_assert_uint_eq(files.count, 3);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(files.items[i].kind, ENGINE_DATABASE);
		ck_assert_int_eq(files.items[i].path[strlen(data) + 1], (char)('a' + i));
	}
	ck_assert_uint_eq(files.items[0].size, 0);
	ck_assert_uint_eq(files.items[1].size, 3);
	ck_assert_uint_eq(files.items[2].size, 2);
	engine_files_free(&files);
	ck_assert_int_eq(engine_flat.logs(session, &logs), STATUS_OK);
	ck_assert_uint_eq(logs.count, 0);
	expect_frozen("c", "cc");
	expect_frozen("a", "");
	expect_frozen("b", "bbb");
	expect_empty(spool_dir);
}
END_TEST

START_TEST(later_changes_do_not_reach_the_session)
{
	char *path = support_path(data, "b");

	put("a", "before");
	put("b", "before");
	want("*");
	begin_well();
	put("a", "after!");
	ck_assert_int_eq(unlink(path), 0);
	expect_frozen("a", "before");
	expect_frozen("b", "before");
	free(path);
}
END_TEST

START_TEST(a_file_that_was_not_listed_is_not_opened)
{
	struct engine_file file = {.path = (char[]){"/etc/passwd"}};
	uint64_t size;

	put("a", "a");
	want("a");
	begin_well();
	ck_assert_int_eq(engine_flat.open(session, &file, 0, &size),
		STATUS_WIN32(ERROR_FILE_NOT_FOUND));
}
END_TEST

START_TEST(files_reached_through_links_are_copied_under_the_links_names)
{
	char *link = support_path(data, "link");

	put("real", "content");
	ck_assert_int_eq(symlink("real", link), 0);
	want("link");
	begin_well();
	expect_frozen("link", "content");
	free(link);
}
END_TEST

START_TEST(root_copies_nothing_that_a_user_linked_in)
{
	char *secret = support_path(dir, "secret"), *link = support_path(data, "evil");

	support_write(secret, "root's alone");
	ck_assert_int_eq(chmod(secret, 0600), 0);
	put("index.txt", "");
	ck_assert_int_eq(symlink(secret, link), 0);
	ck_assert_int_eq(lchown(link, 65534, 65534), 0);
	want("*");
	ck_assert_int_eq(begin(), STATUS_WIN32(ERROR_ACCESS_DENIED));
	ck_assert_msg(strstr(status_pending(), link) != NULL, "%s", status_pending());
	free(secret);
	free(link);
}
END_TEST

START_TEST(an_incremental_backup_is_refused)
{
	const struct engine_begin how = {.incremental = true, .first_generation = 1};

	put("a", "a");
	want("a");
	ck_assert_int_eq(engine_flat.begin(&engine_flat, &store, &how, &session),
		hrCircularLogging);
	ck_assert_ptr_null(session);
}
END_TEST

START_TEST(ending_nothing_is_fine)
{
	engine_flat.end(NULL);
}
END_TEST

/* ---- what is refused ---- */

START_TEST(a_missing_file_is_named)
{
	put("serial", "01\n");
	want("serial");
	want("index.txt");
	expect_failure(STATUS_WIN32(ERROR_FILE_NOT_FOUND), "index.txt");
}
END_TEST

START_TEST(a_store_without_any_file_is_refused)
{
	want("*.pem");
	expect_failure(STATUS_WIN32(ERROR_FILE_NOT_FOUND), "*.pem");
}
END_TEST

START_TEST(an_unreadable_file_is_named)
{
	char *path = support_path(data, "secret");

	put("secret", "x");
	want("secret");
	ck_assert_int_eq(chmod(path, 0), 0);
	ck_assert_int_eq(chmod(dir, 0755), 0);
	ck_assert_int_eq(chmod(spool_dir, 0777), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	expect_failure(STATUS_WIN32(ERROR_ACCESS_DENIED), "secret");
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	free(path);
}
END_TEST

START_TEST(pipes_and_directories_are_refused)
{
	char *fifo = support_path(data, "pipe");

	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	want("*");
	expect_failure(STATUS_WIN32(ERROR_INVALID_DATA), "pipe");
	names_free(&store.databases);
	store.databases = (struct names){0};
	ck_assert_int_eq(names_add(&store.databases, data), STATUS_OK);
	expect_failure(STATUS_WIN32(ERROR_INVALID_DATA), data);
	free(fifo);
}
END_TEST

START_TEST(a_spool_directory_that_is_missing_is_named)
{
	put("a", "a");
	want("a");
	ck_assert_int_eq(rmdir(spool_dir), 0);
	ck_assert(failed(begin()));
	ck_assert_ptr_null(session);
	ck_assert_ptr_nonnull(strstr(status_pending(), spool_dir));
	ck_assert_int_eq(mkdir(spool_dir, 0700), 0);
}
END_TEST

/* ---- restored files ---- */

static status recover(void)
{
	struct names paths = {0};
	const struct engine_recovery recovery = {
		.databases = &paths, .log_dir = dir, .system_dir = dir};
	status rc;

	for (size_t i = store.databases.count; i > 0; i--)
		ck_assert_int_eq(
			names_add(&paths, store.databases.items[i - 1]), STATUS_OK);
	status_begin();
	rc = engine_flat.recover(&engine_flat, &store, &recovery);
	names_free(&paths);
	return rc;
}

#define RECORD(serial) "V\t301222043143Z\t\t" serial "\tunknown\t/CN=a\n"

START_TEST(restored_files_that_agree_are_recovered)
{
	put("index.txt", RECORD("01") RECORD("02"));
	put("serial", "03\n");
	want("index.txt");
	want("serial");
	ck_assert_int_eq(recover(), STATUS_OK);
}
END_TEST

START_TEST(a_restored_file_that_is_missing_is_named)
{
	put("index.txt", RECORD("01"));
	want("index.txt");
	want("serial");
	ck_assert_int_eq(recover(), hrDatabaseCorrupted);
	ck_assert_ptr_nonnull(strstr(status_pending(), "serial"));
}
END_TEST

START_TEST(a_restored_file_that_is_no_file_is_named)
{
	char *fifo = support_path(data, "serial");

	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	want("serial");
	ck_assert_int_eq(recover(), hrDatabaseCorrupted);
	ck_assert_ptr_nonnull(strstr(status_pending(), "serial"));
	free(fifo);
}
END_TEST

START_TEST(restored_files_of_different_age_are_refused)
{
	put("index.txt", RECORD("01") RECORD("02"));
	put("serial", "02\n");
	want("index.txt");
	want("serial");
	ck_assert_int_eq(recover(), hrDatabaseCorrupted);
	ck_assert_ptr_nonnull(strstr(status_pending(), "serial"));
}
END_TEST

START_TEST(a_restored_index_that_is_cut_is_named)
{
	put("index.txt", RECORD("01") "V\t3012");
	want("index.txt");
	ck_assert_int_eq(recover(), hrDatabaseCorrupted);
	ck_assert_ptr_nonnull(strstr(status_pending(), "index.txt: line 2"));
}
END_TEST

static status verify(const char *name)
{
	char *path = support_path(data, name);
	status rc;

	status_begin();
	rc = engine_flat.verify(&engine_flat, path);
	free(path);
	return rc;
}

START_TEST(only_an_index_has_a_format_to_verify)
{
	put("index.txt", RECORD("01"));
	put("database", RECORD("01"));
	put("bad", RECORD("01") RECORD("01"));
	put("serial", "not a number");
	put("01.pem", "");
	ck_assert_int_eq(verify("index.txt"), S_OK);
	ck_assert_int_eq(verify("database"), S_OK);
	ck_assert_int_eq(verify("bad"), hrDatabaseCorrupted);
	ck_assert_int_eq(verify("serial"), S_FALSE);
	ck_assert_int_eq(verify("01.pem"), S_FALSE);
	ck_assert_int_eq(verify("missing"), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
}
END_TEST

static TCase *session_tests(void)
{
	TCase *tc = tcase_create("session");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, all_files_are_listed_by_path_and_read_back);
	tcase_add_test(tc, later_changes_do_not_reach_the_session);
	tcase_add_test(tc, a_file_that_was_not_listed_is_not_opened);
	tcase_add_test(tc, files_reached_through_links_are_copied_under_the_links_names);
	if (geteuid() == 0)
		tcase_add_test(tc, root_copies_nothing_that_a_user_linked_in);
	tcase_add_test(tc, an_incremental_backup_is_refused);
	tcase_add_test(tc, ending_nothing_is_fine);
	tcase_add_test(tc, a_missing_file_is_named);
	tcase_add_test(tc, a_store_without_any_file_is_refused);
	tcase_add_test(tc, an_unreadable_file_is_named);
	tcase_add_test(tc, pipes_and_directories_are_refused);
	tcase_add_test(tc, a_spool_directory_that_is_missing_is_named);
	return tc;
}

static TCase *recovery_tests(void)
{
	TCase *tc = tcase_create("recovery");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, restored_files_that_agree_are_recovered);
	tcase_add_test(tc, a_restored_file_that_is_missing_is_named);
	tcase_add_test(tc, a_restored_file_that_is_no_file_is_named);
	tcase_add_test(tc, restored_files_of_different_age_are_refused);
	tcase_add_test(tc, a_restored_index_that_is_cut_is_named);
	tcase_add_test(tc, only_an_index_has_a_format_to_verify);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("flat");

	suite_add_tcase(suite, session_tests());
	suite_add_tcase(suite, recovery_tests());
	return support_run(suite);
}
