/*
 * Small files and descriptors; the steps that file_step_hook is shown.
 */
#include "base/file.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "in_dir.h"

#define NO_ACCESS     STATUS_WIN32(ERROR_ACCESS_DENIED)
#define NOT_FOUND     STATUS_WIN32(ERROR_FILE_NOT_FOUND)
#define BAD_DATA      STATUS_WIN32(ERROR_INVALID_DATA)
#define TOO_LARGE     STATUS_WIN32(ERROR_FILE_TOO_LARGE)
#define TEMPORARY     ".state.backupapi-new"
#define SMALL_PATTERN "0123456789abcdef"

/* A file system without O_TMPFILE, when wanted. */
static bool no_tmpfile;

int openat(int at, const char *path, int flags, ...)
{
	mode_t mode = 0;

	if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) {
		va_list args;

		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	if (no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return (int)syscall(SYS_openat, at, path, flags, mode);
}

/* ---- reading ---- */

static void assert_read_fails(const char *name, status expected)
{
	char *data = (char *)-1;
	size_t size = 99;

	ck_assert_int_eq(
		file_read_at(dirfd_of_dir, name, 100, &data, &size, NULL), expected);
	ck_assert_ptr_null(data);
	ck_assert_uint_eq(size, 0);
}

START_TEST(read_gives_the_whole_file_and_a_nul)
{
	char *data;
	size_t size;
	struct stat st;

	write_in_dir("f", SMALL_PATTERN);
	ck_assert_int_eq(
		file_read_at(dirfd_of_dir, "f", 16, &data, &size, &st), STATUS_OK);
	ck_assert_uint_eq(size, 16);
	ck_assert_str_eq(data, SMALL_PATTERN);
	ck_assert_int_eq(st.st_size, 16);
	free(data);
	write_in_dir("empty", "");
	ck_assert_int_eq(
		file_read_at(dirfd_of_dir, "empty", 0, &data, &size, NULL), STATUS_OK);
	ck_assert_uint_eq(size, 0);
	ck_assert_str_eq(data, "");
	free(data);
}
END_TEST

START_TEST(read_stops_at_the_limit)
{
	char *data;
	size_t size;

	write_in_dir("f", SMALL_PATTERN);
	ck_assert_int_eq(
		file_read_at(dirfd_of_dir, "f", 15, &data, &size, NULL), TOO_LARGE);
	ck_assert_ptr_null(data);
	ck_assert_ptr_nonnull(strstr(status_pending(), dir));
}
END_TEST

START_TEST(read_takes_files_whose_size_is_not_known_ahead)
{
	char *data;
	size_t size;

	ck_assert_int_eq(
		file_read_at(AT_FDCWD, "/proc/self/status", 65536, &data, &size, NULL),
		STATUS_OK);
	ck_assert_uint_gt(size, 100);
	ck_assert_uint_eq(strlen(data), size);
	free(data);
	ck_assert_int_eq(
		file_read_at(AT_FDCWD, "/proc/self/status", 50, &data, &size, NULL),
		TOO_LARGE);
}
END_TEST

START_TEST(read_refuses_all_but_regular_files_and_never_blocks)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	write_in_dir("real", "text");
	make_link("real", "link");
	make_dir("d");
	ck_assert_int_eq(mkfifoat(dirfd_of_dir, "fifo", 0600), 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", dir);
	ck_assert_int_eq(bind(s, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_read_fails("link", NO_ACCESS);
	assert_read_fails("d", BAD_DATA);
	assert_read_fails("fifo", BAD_DATA);
	assert_read_fails("socket", BAD_DATA);
	assert_read_fails("missing", NOT_FOUND);
	ck_assert_int_eq(close(s), 0);
}
END_TEST

START_TEST(pread_is_short_only_at_the_end)
{
	char buffer[32];
	size_t got;
	int fd;

	write_in_dir("f", SMALL_PATTERN);
	fd = openat(dirfd_of_dir, "f", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(file_pread(fd, buffer, 4, 10, &got, "f"), STATUS_OK);
	ck_assert_uint_eq(got, 4);
	ck_assert_mem_eq(buffer, "abcd", 4);
	ck_assert_int_eq(file_pread(fd, buffer, 32, 10, &got, "f"), STATUS_OK);
	ck_assert_uint_eq(got, 6);
	ck_assert_int_eq(file_pread(fd, buffer, 32, 16, &got, "f"), STATUS_OK);
	ck_assert_uint_eq(got, 0);
	ck_assert_int_eq(file_pread(fd, buffer, 32, UINT64_MAX, &got, "f"),
		status_from_errno(EOVERFLOW));
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(
		file_pread(fd, buffer, 32, 0, &got, "f"), status_from_errno(EBADF));
}
END_TEST

/* ---- replacing and removing ---- */

static status replace(const char *name, const char *text, mode_t mode)
{
	return file_replace_at(dirfd_of_dir, name, text, strlen(text), mode);
}

START_TEST(replace_creates_and_replaces_with_the_exact_mode)
{
	(void)umask(077);
	ck_assert_int_eq(replace("state", "one", 0644), STATUS_OK);
	ck_assert_uint_eq(mode_of("state"), 0644);
	assert_text("state", "one");
	(void)umask(0);
	ck_assert_int_eq(replace("state", "two", 0600), STATUS_OK);
	ck_assert_uint_eq(mode_of("state"), 0600);
	assert_text("state", "two");
	ck_assert(!exists_in_dir(TEMPORARY));
}
END_TEST

START_TEST(replace_syncs_content_before_name_and_then_the_name)
{
	watch_steps();
	ck_assert_int_eq(replace("state", "one", 0600), STATUS_OK);
	assert_steps(5, FILE_CREATE, FILE_WRITE, FILE_SYNC, FILE_RENAME, FILE_SYNC_DIR);
}
END_TEST

START_TEST(replace_takes_over_what_a_crash_left)
{
	write_in_dir(TEMPORARY, "half of something");
	ck_assert_int_eq(replace("state", "one", 0600), STATUS_OK);
	assert_text("state", "one");
	ck_assert(!exists_in_dir(TEMPORARY));
}
END_TEST

START_TEST(replace_does_not_write_through_links)
{
	write_in_dir("victim", "untouched");
	make_link("victim", "state");
	make_link("victim", TEMPORARY);
	ck_assert_int_eq(replace("state", "one", 0600), STATUS_OK);
	assert_text("victim", "untouched");
	assert_text("state", "one");
}
END_TEST

START_TEST(replace_works_for_the_longest_names)
{
	char a[NAME_MAX + 1], b[NAME_MAX + 1];

	memset(a, 'x', NAME_MAX);
	a[NAME_MAX] = '\0';
	memcpy(b, a, sizeof(b));
	b[NAME_MAX - 1] = 'y';
	for (size_t cut = 0; cut < 20; cut++) {
		ck_assert_int_eq(replace(a + cut, "long", 0600), STATUS_OK);
		assert_text(a + cut, "long");
	}
	ck_assert_int_eq(replace(b, "other", 0600), STATUS_OK);
	assert_text(b, "other");
	assert_text(a, "long");
}
END_TEST

/* In a child, with files limited to 8 bytes: the second write fails. */
static int replace_on_full_disk(void)
{
	const struct rlimit limit = {.rlim_cur = 8, .rlim_max = 8};

	if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR || setrlimit(RLIMIT_FSIZE, &limit))
		return 1;
	return replace("state", SMALL_PATTERN, 0600) == status_from_errno(EFBIG) ? 0 : 2;
}

static int in_child(int (*deed)(void))
{
	int wait_status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(deed());
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert(WIFEXITED(wait_status));
	return WEXITSTATUS(wait_status);
}

START_TEST(replace_that_fails_leaves_the_old_file_and_nothing_else)
{
	ck_assert_int_eq(replace("state", "old", 0600), STATUS_OK);
	ck_assert_int_eq(in_child(replace_on_full_disk), 0);
	assert_text("state", "old");
	ck_assert(!exists_in_dir(TEMPORARY));
	make_dir("occupied");
	make_dir("occupied/sub");
	ck_assert_int_eq(replace("occupied", "x", 0600), status_from_errno(EISDIR));
	ck_assert(!exists_in_dir(".occupied.backupapi-new"));
}
END_TEST

static int replace_until_death(void)
{
	return failed(replace("state", "new", 0644)) ? 1 : 0;
}

START_TEST(replace_that_dies_at_any_step_leaves_old_or_new)
{
	int result = STEP_DIED, deaths = 0;

	(void)umask(077); /* one more step: the mode */
	while (result == STEP_DIED) {
		char *path = in_dir("state"), *text;

		ck_assert_int_eq(replace("state", "old", 0644), STATUS_OK);
		watch_steps();
		dies_at = deaths++;
		result = in_child(replace_until_death);
		file_step_hook = NULL;
		text = support_read(path);
		ck_assert(strcmp(text, "old") == 0 || strcmp(text, "new") == 0);
		free(text);
		free(path);
	}
	ck_assert_int_eq(result, 0);
	ck_assert_int_eq(deaths, 13);
	assert_text("state", "new");
	ck_assert(!exists_in_dir(TEMPORARY));
}
END_TEST

START_TEST(remove_is_durable_and_content_with_nothing)
{
	write_in_dir("f", "");
	make_dir("d");
	watch_steps();
	ck_assert_int_eq(file_remove_at(dirfd_of_dir, "f"), STATUS_OK);
	assert_steps(2, FILE_UNLINK, FILE_SYNC_DIR);
	ck_assert(!exists_in_dir("f"));
	watch_steps();
	ck_assert_int_eq(file_remove_at(dirfd_of_dir, "f"), STATUS_OK);
	assert_steps(1, FILE_SYNC_DIR);
	ck_assert_int_eq(file_remove_at(dirfd_of_dir, "d"), status_from_errno(EISDIR));
}
END_TEST

/* ---- descriptors ---- */

START_TEST(sync_path_takes_regular_files_only)
{
	char *file = in_dir("f"), *fifo = in_dir("fifo"), *missing = in_dir("missing");

	write_in_dir("f", "text");
	ck_assert_int_eq(mkfifoat(dirfd_of_dir, "fifo", 0600), 0);
	watch_steps();
	ck_assert_int_eq(file_sync_path(file), STATUS_OK);
	assert_steps(1, FILE_SYNC);
	ck_assert_int_eq(file_sync_path(fifo), BAD_DATA);
	ck_assert_int_eq(file_sync_path(missing), NOT_FOUND);
	free(file);
	free(fifo);
	free(missing);
}
END_TEST

static void assert_spool_works(void)
{
	struct stat st;
	char back[4];
	size_t got;
	int fd;

	ck_assert_int_eq(file_open_unlinked(dir, &fd), STATUS_OK);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_uint_eq(st.st_nlink, 0);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(file_write_all(fd, "spool", 5, "spool"), STATUS_OK);
	ck_assert_int_eq(file_pread(fd, back, 4, 1, &got, "spool"), STATUS_OK);
	ck_assert_mem_eq(back, "pool", 4);
	ck_assert_int_eq(close(fd), 0);
	ck_assert(!exists_in_dir(".backupapi-spool"));
}

START_TEST(unlinked_files_have_no_name_and_are_private)
{
	int fd;

	(void)umask(0777);
	assert_spool_works();
	(void)umask(0);
	assert_spool_works();
	ck_assert_int_eq(file_open_unlinked("/nowhere/at/all", &fd), NOT_FOUND);
	ck_assert_int_eq(fd, -1);
}
END_TEST

START_TEST(unlinked_files_work_where_the_file_system_has_none)
{
	no_tmpfile = true;
	(void)umask(0777);
	assert_spool_works();
	(void)umask(0);
	write_in_dir(".backupapi-spool", "left by a crash");
	assert_spool_works();
	no_tmpfile = false;
}
END_TEST

START_TEST(write_all_reports_what_the_system_says)
{
	int ends[2];

	ck_assert(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_int_eq(
		file_write_all(ends[1], "x", 1, "the pipe"), status_from_errno(EPIPE));
	ck_assert_ptr_nonnull(strstr(status_pending(), "the pipe: "));
	ck_assert_int_eq(close(ends[1]), 0);
	ck_assert(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, read_gives_the_whole_file_and_a_nul);
	tcase_add_test(tc, read_stops_at_the_limit);
	tcase_add_test(tc, read_takes_files_whose_size_is_not_known_ahead);
	tcase_add_test(tc, read_refuses_all_but_regular_files_and_never_blocks);
	tcase_add_test(tc, pread_is_short_only_at_the_end);
	tcase_add_test(tc, replace_creates_and_replaces_with_the_exact_mode);
	tcase_add_test(tc, replace_syncs_content_before_name_and_then_the_name);
	tcase_add_test(tc, replace_takes_over_what_a_crash_left);
	tcase_add_test(tc, replace_does_not_write_through_links);
	tcase_add_test(tc, replace_works_for_the_longest_names);
	tcase_add_test(tc, replace_that_fails_leaves_the_old_file_and_nothing_else);
	tcase_add_test(tc, replace_that_dies_at_any_step_leaves_old_or_new);
	tcase_add_test(tc, remove_is_durable_and_content_with_nothing);
	tcase_add_test(tc, sync_path_takes_regular_files_only);
	tcase_add_test(tc, unlinked_files_have_no_name_and_are_private);
	tcase_add_test(tc, unlinked_files_work_where_the_file_system_has_none);
	tcase_add_test(tc, write_all_reports_what_the_system_says);
}

int main(void)
{
	Suite *suite = suite_create("file");
	TCase *tc = tcase_create("file");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
