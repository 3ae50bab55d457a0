/*
 * Directories: the two walks, and making them durably.
 */
#include "base/file.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "in_dir.h"

#define NO_ACCESS STATUS_WIN32(ERROR_ACCESS_DENIED)
#define NOT_FOUND STATUS_WIN32(ERROR_FILE_NOT_FOUND)
#define BAD_NAME  STATUS_WIN32(ERROR_INVALID_NAME)

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

/* ---- opening ---- */

START_TEST(open_dir_takes_plain_directories_either_way)
{
	make_dir("a");
	make_dir("a/b");
	assert_opens("a/b", FILE_TRUSTED);
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
	assert_opens("link/b", FILE_TRUSTED);
	assert_opens("a/last", FILE_TRUSTED);
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
	assert_open_fails("missing", FILE_TRUSTED, NOT_FOUND);
	assert_open_fails("missing", FILE_NO_SYMLINK, NOT_FOUND);
	assert_open_fails("file", FILE_TRUSTED, status_from_errno(ENOTDIR));
	assert_open_fails("file", FILE_NO_SYMLINK, status_from_errno(ENOTDIR));
	assert_open_fails("a/../a", FILE_NO_SYMLINK, BAD_NAME);
	assert_open_fails(name, FILE_NO_SYMLINK, status_from_errno(ENAMETOOLONG));
	ck_assert_int_eq(file_open_dir("tmp", FILE_TRUSTED, &fd), BAD_NAME);
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
	ck_assert_int_eq(file_open_parent("/x", FILE_TRUSTED, &fd, &name), STATUS_OK);
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
			file_open_parent(paths[i], FILE_TRUSTED, &fd, &name), BAD_NAME);
}
END_TEST

/* ---- making ---- */

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

static void add_tests(TCase *tc)
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

int main(void)
{
	Suite *suite = suite_create("file_dir");
	TCase *tc = tcase_create("file_dir");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
