/*
 * Small files, directories and descriptors; the steps that file_step_hook is shown.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#define NO_ACCESS     STATUS_WIN32(ERROR_ACCESS_DENIED)
#define NOT_FOUND     STATUS_WIN32(ERROR_FILE_NOT_FOUND)
#define BAD_NAME      STATUS_WIN32(ERROR_INVALID_NAME)
#define BAD_DATA      STATUS_WIN32(ERROR_INVALID_DATA)
#define TOO_LARGE     STATUS_WIN32(ERROR_FILE_TOO_LARGE)
#define TEMPORARY     ".state.backupapi-new"
#define DIED          42
#define MAX_STEPS     64
#define SMALL_PATTERN "0123456789abcdef"

static char *dir;
static int dirfd_of_dir;
static mode_t former_umask;

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

/* ---- the hook ---- */

static enum file_step steps[MAX_STEPS];
static int step_count;
static int dies_at = -1; /* counts both events of each step */
static int event_count;

static void note(const struct file_event *event)
{
	if (event_count++ == dies_at)
		_exit(DIED);
	if (event->done && step_count < MAX_STEPS)
		steps[step_count++] = event->step;
}

static void watch_steps(void)
{
	step_count = 0;
	event_count = 0;
	dies_at = -1;
	file_step_hook = note;
}

static void assert_steps(int count, ...)
{
	va_list args;

	ck_assert_int_eq(step_count, count);
	va_start(args, count);
	for (int i = 0; i < count; i++)
		ck_assert_int_eq(steps[i], va_arg(args, int));
	va_end(args);
}

/* ---- fixture and helpers ---- */

static void set_up(void)
{
	dir = support_tmpdir();
	dirfd_of_dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dirfd_of_dir, 0);
	former_umask = umask(022);
	no_tmpfile = false;
	file_step_hook = NULL;
}

static void tear_down(void)
{
	file_step_hook = NULL;
	(void)umask(former_umask);
	ck_assert_int_eq(close(dirfd_of_dir), 0);
}

static char *in_dir(const char *name)
{
	return support_path(dir, name);
}

static void write_in_dir(const char *name, const char *text)
{
	char *path = in_dir(name);

	support_write(path, text);
	free(path);
}

static void assert_text(const char *name, const char *text)
{
	char *path = in_dir(name);
	char *found = support_read(path);

	ck_assert_str_eq(found, text);
	free(found);
	free(path);
}

static bool exists_in_dir(const char *name)
{
	struct stat st;

	return fstatat(dirfd_of_dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	ck_assert_int_eq(fstatat(dirfd_of_dir, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

static void make_dir(const char *name)
{
	ck_assert_int_eq(mkdirat(dirfd_of_dir, name, 0755), 0);
}

static void make_link(const char *target, const char *name)
{
	ck_assert_int_eq(symlinkat(target, dirfd_of_dir, name), 0);
}

static status open_dir(const char *name, enum file_walk walk, int *fd)
{
	char *path = in_dir(name);
	status rc = file_open_dir(path, walk, fd);

	free(path);
	return rc;
}

static void assert_opens(const char *name, enum file_walk walk)
{
	int fd, flags;

	ck_assert_int_eq(open_dir(name, walk, &fd), STATUS_OK);
	flags = fcntl(fd, F_GETFD);
	ck_assert_int_ge(flags, 0);
	ck_assert(flags & FD_CLOEXEC);
	ck_assert_int_eq(fsync(fd), 0);
	ck_assert_int_eq(close(fd), 0);
}

static void assert_open_fails(const char *name, enum file_walk walk, status expected)
{
	int fd = 99;

	ck_assert_int_eq(open_dir(name, walk, &fd), expected);
	ck_assert_int_eq(fd, -1);
}

/* ---- directories ---- */

START_TEST(open_dir_takes_plain_directories_either_way)
{
	make_dir("a");
	make_dir("a/b");
	assert_opens("a/b", FILE_FOLLOW);
	assert_opens("a/b", FILE_NO_SYMLINK);
	assert_opens("a//./b/", FILE_NO_SYMLINK);
}
END_TEST

START_TEST(open_dir_follows_links_only_when_told)
{
	make_dir("a");
	make_dir("a/b");
	make_link("a", "link");
	make_link("b", "a/last");
	assert_opens("link/b", FILE_FOLLOW);
	assert_opens("a/last", FILE_FOLLOW);
	assert_open_fails("link/b", FILE_NO_SYMLINK, NO_ACCESS);
	ck_assert_ptr_nonnull(strstr(status_pending(), "\"link\" is a symbolic link"));
	assert_open_fails("a/last", FILE_NO_SYMLINK, NO_ACCESS);
}
END_TEST

START_TEST(open_dir_refuses_what_is_no_directory_path)
{
	int fd;
	char name[NAME_MAX + 2];

	memset(name, 'n', NAME_MAX + 1);
	name[NAME_MAX + 1] = '\0';
	write_in_dir("file", "");
	make_dir("a");
	assert_open_fails("missing", FILE_FOLLOW, NOT_FOUND);
	assert_open_fails("missing", FILE_NO_SYMLINK, NOT_FOUND);
	assert_open_fails("file", FILE_FOLLOW, status_from_errno(ENOTDIR));
	assert_open_fails("file", FILE_NO_SYMLINK, status_from_errno(ENOTDIR));
	assert_open_fails("a/../a", FILE_NO_SYMLINK, BAD_NAME);
	assert_open_fails(name, FILE_NO_SYMLINK, status_from_errno(ENAMETOOLONG));
	ck_assert_int_eq(file_open_dir("tmp", FILE_FOLLOW, &fd), BAD_NAME);
	ck_assert_int_eq(file_open_dir("", FILE_NO_SYMLINK, &fd), BAD_NAME);
}
END_TEST

START_TEST(open_dir_takes_the_root)
{
	int fd;

	ck_assert_int_eq(file_open_dir("/", FILE_NO_SYMLINK, &fd), STATUS_OK);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(open_parent_gives_directory_and_last_name)
{
	char *path = in_dir("some.db");
	struct stat a, b;
	const char *name;
	int fd;

	ck_assert_int_eq(file_open_parent(path, FILE_NO_SYMLINK, &fd, &name), STATUS_OK);
	ck_assert_str_eq(name, "some.db");
	ck_assert_ptr_eq(name, path + strlen(dir) + 1);
	ck_assert_int_eq(fstat(fd, &a), 0);
	ck_assert_int_eq(fstat(dirfd_of_dir, &b), 0);
	ck_assert(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	ck_assert_int_eq(close(fd), 0);
	free(path);
	ck_assert_int_eq(file_open_parent("/x", FILE_FOLLOW, &fd, &name), STATUS_OK);
	ck_assert_str_eq(name, "x");
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(open_parent_needs_a_last_name)
{
	static const char *const paths[] = {"/", "/tmp/", "/tmp/.", "/tmp/..", "x", ""};
	const char *name;
	int fd;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		ck_assert_int_eq(
			file_open_parent(paths[i], FILE_FOLLOW, &fd, &name), BAD_NAME);
}
END_TEST

START_TEST(make_dirs_gives_the_modes_whatever_the_umask)
{
	char *path = in_dir("a/b/c");

	(void)umask(077);
	ck_assert_int_eq(file_make_dirs(path, 0770), STATUS_OK);
	(void)umask(022);
	ck_assert_uint_eq(mode_of("a"), 0755);
	ck_assert_uint_eq(mode_of("a/b"), 0755);
	ck_assert_uint_eq(mode_of("a/b/c"), 0770);
	free(path);
}
END_TEST

START_TEST(make_dirs_leaves_existing_ones_alone)
{
	char *path = in_dir("a/b");

	make_dir("a");
	ck_assert_int_eq(fchmodat(dirfd_of_dir, "a", 0711, 0), 0);
	ck_assert_int_eq(file_make_dirs(path, 0700), STATUS_OK);
	ck_assert_int_eq(file_make_dirs(path, 0755), STATUS_OK);
	ck_assert_uint_eq(mode_of("a"), 0711);
	ck_assert_uint_eq(mode_of("a/b"), 0700);
	free(path);
}
END_TEST

START_TEST(make_dirs_syncs_the_parent_of_each)
{
	char *path = in_dir("a/b");

	watch_steps();
	ck_assert_int_eq(file_make_dirs(path, 0755), STATUS_OK);
	assert_steps(
		5, FILE_SYNC_DIR, FILE_MKDIR, FILE_SYNC_DIR, FILE_MKDIR, FILE_SYNC_DIR);
	watch_steps();
	ck_assert_int_eq(file_make_dirs(path, 0755), STATUS_OK);
	assert_steps(1, FILE_SYNC_DIR);
	free(path);
}
END_TEST

START_TEST(make_dirs_fails_where_a_file_is_in_the_way)
{
	char *path = in_dir("file/b");

	write_in_dir("file", "");
	ck_assert_int_eq(file_make_dirs(path, 0755), status_from_errno(ENOTDIR));
	free(path);
	ck_assert_int_eq(file_make_dirs("relative", 0755), BAD_NAME);
}
END_TEST

START_TEST(make_dir_at_refuses_all_but_directories)
{
	make_dir("real");
	make_link("real", "link");
	write_in_dir("file", "");
	ck_assert_int_eq(file_make_dir_at(dirfd_of_dir, "new", 0710), STATUS_OK);
	ck_assert_uint_eq(mode_of("new"), 0710);
	ck_assert_int_eq(file_make_dir_at(dirfd_of_dir, "real", 0700), STATUS_OK);
	ck_assert_uint_eq(mode_of("real"), 0755);
	ck_assert_int_eq(file_make_dir_at(dirfd_of_dir, "link", 0700), NO_ACCESS);
	ck_assert_int_eq(file_make_dir_at(dirfd_of_dir, "file", 0700),
		STATUS_WIN32(ERROR_ALREADY_EXISTS));
}
END_TEST

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
	int result = DIED, deaths = 0;

	(void)umask(077); /* one more step: the mode */
	while (result == DIED) {
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

static void add_directory_tests(TCase *tc)
{
	tcase_add_test(tc, open_dir_takes_plain_directories_either_way);
	tcase_add_test(tc, open_dir_follows_links_only_when_told);
	tcase_add_test(tc, open_dir_refuses_what_is_no_directory_path);
	tcase_add_test(tc, open_dir_takes_the_root);
	tcase_add_test(tc, open_parent_gives_directory_and_last_name);
	tcase_add_test(tc, open_parent_needs_a_last_name);
	tcase_add_test(tc, make_dirs_gives_the_modes_whatever_the_umask);
	tcase_add_test(tc, make_dirs_leaves_existing_ones_alone);
	tcase_add_test(tc, make_dirs_syncs_the_parent_of_each);
	tcase_add_test(tc, make_dirs_fails_where_a_file_is_in_the_way);
	tcase_add_test(tc, make_dir_at_refuses_all_but_directories);
}

static void add_file_tests(TCase *tc)
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
	add_directory_tests(tc);
	add_file_tests(tc);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
