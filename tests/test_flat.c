#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/flat.h"
#include "engine/spool.h"
#include "support.h"

static char *dir, *data, *spool_dir;
static struct store_config store;
static struct engine_session *session;

static const struct engine_begin full = {0};

/* What happens ahead of the copy, or behind it, of the file WHEN; a limited number of
 * TIMES. */
static struct {
	const char *when;
	bool ahead;
	int times;
	void (*what)(void);
} change;

/* The engine takes a file that changed a moment ago for one that may change unseen. */
static void let_settle(void)
{
	const struct timespec while_ms = {.tv_nsec = 30 * 1000000};

	ck_assert_int_eq(nanosleep(&while_ms, NULL), 0);
}

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
	change.when = NULL;
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
	text = malloc(size + 2);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(engine_flat.read(session, text, size + 1, &got), STATUS_OK);
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

/* ---- updates under way ---- */

START_TEST(a_new_file_beside_a_listed_one_is_an_update_under_way)
{
	struct timespec before, after;

	put("serial", "01\n");
	put("serial.new", "02\n");
	want("serial");
	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &before), 0);
	expect_failure(STATUS_WIN32(ERROR_BUSY), "serial.new");
	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &after), 0);
	ck_assert_int_lt(after.tv_sec - before.tv_sec, 10);
}
END_TEST

START_TEST(a_new_file_whose_old_one_is_just_renamed_is_an_update_too)
{
	put("a", "a");
	put("serial.old", "01\n");
	put("serial.new", "02\n");
	want("*");
	expect_failure(STATUS_WIN32(ERROR_BUSY), "serial.new");
}
END_TEST

START_TEST(a_file_that_is_called_new_and_nothing_else_is_a_file)
{
	put("brand.new", "x");
	want("*");
	let_settle();
	begin_well();
	expect_frozen("brand.new", "x");
}
END_TEST

/* Runs in a thread while begin tries. */
static void *finish_update(void *context)
{
	const struct timespec while_ms = {.tv_nsec = 150 * 1000000};
	char *from = support_path(data, "serial.new"), *to = support_path(data, "serial");

	(void)context;
	(void)nanosleep(&while_ms, NULL);
	ck_assert_int_eq(rename(from, to), 0);
	free(from);
	free(to);
	return NULL;
}

START_TEST(an_update_that_ends_in_time_is_waited_for)
{
	pthread_t thread;

	put("serial", "01\n");
	put("serial.new", "02\n");
	want("serial");
	ck_assert_int_eq(pthread_create(&thread, NULL, finish_update, NULL), 0);
	begin_well();
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	expect_frozen("serial", "02\n");
}
END_TEST

START_TEST(a_file_that_is_missing_between_two_renames_is_waited_for)
{
	pthread_t thread;

	put("serial.new", "02\n");
	want("serial");
	ck_assert_int_eq(pthread_create(&thread, NULL, finish_update, NULL), 0);
	begin_well();
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	expect_frozen("serial", "02\n");
}
END_TEST

/* ---- changes in the middle of the copying ---- */

status __real_spool_copy(
	struct spool *spool, const char *path, int fd, uint64_t size, uint64_t *copied);
status __wrap_spool_copy(
	struct spool *spool, const char *path, int fd, uint64_t size, uint64_t *copied);

/* Linked in the place of spool_copy. */
status __wrap_spool_copy(
	struct spool *spool, const char *path, int fd, uint64_t size, uint64_t *copied)
{
	bool now = change.when && strcmp(strrchr(path, '/') + 1, change.when) == 0 &&
		   change.times > 0;
	status rc;

	change.times -= now;
	if (now && change.ahead)
		change.what();
	rc = __real_spool_copy(spool, path, fd, size, copied);
	if (now && !change.ahead)
		change.what();
	return rc;
}

static void replace_a(void)
{
	char *to = support_path(data, "a"), *from = support_path(dir, "spare");

	support_write(from, "after!");
	ck_assert_int_eq(rename(from, to), 0);
	free(from);
	free(to);
}

static void write_to_a(void)
{
	let_settle();
	put("a", "after!");
}

static void add_m(void)
{
	put("m", "appeared");
}

static void remove_file(const char *name)
{
	char *path = support_path(data, name);

	(void)unlink(path);
	free(path);
}

static void remove_a(void)
{
	remove_file("a");
}

static void remove_z(void)
{
	remove_file("z");
}

static void cut_z(void)
{
	char *path = support_path(data, "z");

	ck_assert_int_eq(truncate(path, 2), 0);
	free(path);
}

static void prepare_change(const char *when, bool ahead, int times, void (*what)(void))
{
	put("a", "before");
	put("z", "steady");
	want("*");
	let_settle();
	change.when = when;
	change.ahead = ahead;
	change.times = times;
	change.what = what;
}

START_TEST(a_file_that_is_replaced_after_its_copy_is_copied_again)
{
	prepare_change("z", false, 1, replace_a);
	begin_well();
	expect_frozen("a", "after!");
	expect_frozen("z", "steady");
}
END_TEST

START_TEST(a_file_that_is_written_after_its_copy_is_copied_again)
{
	prepare_change("z", false, 1, write_to_a);
	begin_well();
	expect_frozen("a", "after!");
}
END_TEST

START_TEST(a_file_that_appears_during_the_copying_is_copied_too)
{
	prepare_change("a", false, 1, add_m);
	begin_well();
	expect_frozen("m", "appeared");
}
END_TEST

START_TEST(a_file_that_vanishes_after_its_copy_is_left_out)
{
	struct engine_files files;

	prepare_change("z", false, 1, remove_a);
	begin_well();
	files = databases();
	ck_assert_uint_eq(files.count, 1);
	engine_files_free(&files);
	expect_frozen("z", "steady");
}
END_TEST

START_TEST(a_file_that_vanishes_ahead_of_its_copy_is_left_out)
{
	struct engine_files files;

	prepare_change("a", false, 1, remove_z);
	begin_well();
	files = databases();
	ck_assert_uint_eq(files.count, 1);
	engine_files_free(&files);
	expect_frozen("a", "before");
}
END_TEST

START_TEST(a_file_that_shrinks_while_it_is_copied_is_copied_again)
{
	prepare_change("z", true, 1, cut_z);
	begin_well();
	expect_frozen("z", "st");
}
END_TEST

START_TEST(a_file_that_keeps_changing_is_named)
{
	prepare_change("z", false, 1000, replace_a);
	expect_failure(STATUS_WIN32(ERROR_BUSY), "/a: changed");
}
END_TEST

START_TEST(a_store_whose_files_keep_going_away_is_refused)
{
	prepare_change("a", false, 1000, remove_z);
	want("z");
	expect_failure(STATUS_WIN32(ERROR_FILE_NOT_FOUND), "/z");
}
END_TEST

/* ---- never a mixture ---- */

static void replace(const char *name, const char *text)
{
	char path[4096], new_path[4200];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", data, name);
	(void)snprintf(new_path, sizeof(new_path), "%s.new", path);
	fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) < 0 || close(fd) < 0)
		_exit(1);
}

static void rename_new(const char *name)
{
	char path[4096], new_path[4200];

	(void)snprintf(path, sizeof(path), "%s/%s", data, name);
	(void)snprintf(new_path, sizeof(new_path), "%s.new", path);
	if (rename(new_path, path) < 0)
		_exit(1);
}

/* As openssl ca does it: all new files first, then the renames. PAUSE_US in between. */
static void update_both(unsigned generation, unsigned pause_us)
{
	const struct timespec pause = {.tv_nsec = (long)pause_us * 1000};
	char text[32];

	(void)snprintf(text, sizeof(text), "%u", generation);
	replace("one", text);
	replace("two", text);
	rename_new("one");
	(void)nanosleep(&pause, NULL);
	rename_new("two");
}

static void write_forever(void)
{
	const struct timespec rest = {.tv_nsec = 60 * 1000000};

	for (unsigned generation = 1;; generation++) {
		update_both(generation, generation % 3 * 1000);
		if (generation % 4 == 0)
			(void)nanosleep(&rest, NULL);
	}
}

START_TEST(both_files_are_of_one_generation_whatever_the_writer_does)
{
	int good = 0;
	pid_t writer;

	put("one", "0");
	put("two", "0");
	want("one");
	want("two");
	ck_assert_int_ge(writer = fork(), 0);
	if (writer == 0)
		write_forever();
	for (int i = 0; i < 25; i++) {
		status rc = begin();

		ck_assert_msg(rc == STATUS_OK || rc == STATUS_WIN32(ERROR_BUSY), "%s",
			status_pending());
		if (rc == STATUS_OK) {
			char *one = frozen("one"), *two = frozen("two");

			ck_assert_str_eq(one, two);
			free(one);
			free(two);
			good++;
		}
		engine_flat.end(session);
		session = NULL;
	}
	ck_assert_int_eq(kill(writer, SIGKILL), 0);
	ck_assert_int_eq(waitpid(writer, NULL, 0), writer);
	ck_assert_int_gt(good, 0);
}
END_TEST

static void write_to_a_at_once(void)
{
	put("a", "after!");
}

START_TEST(a_change_within_one_tick_of_the_clock_does_not_slip_through)
{
	for (int i = 0; i < 8; i++) {
		prepare_change("z", false, 1, write_to_a_at_once);
		put("a", "before");
		begin_well();
		expect_frozen("a", "after!");
		engine_flat.end(session);
		session = NULL;
	}
}
END_TEST

/* What the test before this one shows, also on a kernel whose clock has finer ticks. */
START_TEST(a_change_a_moment_ago_is_given_the_time_to_be_the_last)
{
	struct timespec before, after;

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &before), 0);
	put("a", "a");
	want("a");
	begin_well();
	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &after), 0);
	ck_assert_int_ge((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec -
				 before.tv_nsec,
		10 * 1000000);
}
END_TEST

START_TEST(a_file_system_that_keeps_whole_seconds_is_given_two)
{
	struct timespec times[2] = {0};
	char *path = support_path(data, "a");

	put("a", "a");
	want("a");
	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &times[0]), 0);
	times[0].tv_nsec = 0;
	times[1] = times[0];
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
	let_settle();
	begin_well();
	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &times[0]), 0);
	ck_assert_int_ge(times[0].tv_sec - times[1].tv_sec, 2);
	free(path);
}
END_TEST

START_TEST(a_time_in_the_future_does_not_block_for_ever)
{
	struct timespec times[2] = {0};
	char *path = support_path(data, "a");

	put("a", "a");
	want("a");
	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &times[0]), 0);
	times[0].tv_sec += 86400;
	times[1] = times[0];
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
	begin_well();
	free(path);
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
	tcase_add_test(tc, an_incremental_backup_is_refused);
	tcase_add_test(tc, ending_nothing_is_fine);
	tcase_add_test(tc, a_missing_file_is_named);
	tcase_add_test(tc, a_store_without_any_file_is_refused);
	tcase_add_test(tc, an_unreadable_file_is_named);
	tcase_add_test(tc, pipes_and_directories_are_refused);
	tcase_add_test(tc, a_spool_directory_that_is_missing_is_named);
	return tc;
}

static TCase *update_tests(void)
{
	TCase *tc = tcase_create("updates");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_new_file_beside_a_listed_one_is_an_update_under_way);
	tcase_add_test(tc, a_new_file_whose_old_one_is_just_renamed_is_an_update_too);
	tcase_add_test(tc, a_file_that_is_called_new_and_nothing_else_is_a_file);
	tcase_add_test(tc, an_update_that_ends_in_time_is_waited_for);
	tcase_add_test(tc, a_file_that_is_missing_between_two_renames_is_waited_for);
	tcase_add_test(tc, a_file_that_is_replaced_after_its_copy_is_copied_again);
	tcase_add_test(tc, a_file_that_is_written_after_its_copy_is_copied_again);
	tcase_add_test(tc, a_file_that_appears_during_the_copying_is_copied_too);
	tcase_add_test(tc, a_file_that_vanishes_after_its_copy_is_left_out);
	tcase_add_test(tc, a_file_that_vanishes_ahead_of_its_copy_is_left_out);
	tcase_add_test(tc, a_file_that_shrinks_while_it_is_copied_is_copied_again);
	tcase_add_test(tc, a_file_that_keeps_changing_is_named);
	tcase_add_test(tc, a_store_whose_files_keep_going_away_is_refused);
	tcase_add_test(tc, both_files_are_of_one_generation_whatever_the_writer_does);
	tcase_add_test(tc, a_change_within_one_tick_of_the_clock_does_not_slip_through);
	tcase_add_test(tc, a_change_a_moment_ago_is_given_the_time_to_be_the_last);
	tcase_add_test(tc, a_file_system_that_keeps_whole_seconds_is_given_two);
	tcase_add_test(tc, a_time_in_the_future_does_not_block_for_ever);
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
	suite_add_tcase(suite, update_tests());
	suite_add_tcase(suite, recovery_tests());
	return support_run(suite);
}
