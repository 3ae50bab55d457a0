/*
 * Which symbolic links root follows. What needs root passes as a mere check of plain
 * opening where the tests run as somebody else.
 */
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/identity.h"
#include "in_dir.h"

#define NO_ACCESS STATUS_WIN32(ERROR_ACCESS_DENIED)
#define NOT_FOUND STATUS_WIN32(ERROR_FILE_NOT_FOUND)
#define BAD_DATA  STATUS_WIN32(ERROR_INVALID_DATA)
#define USER      65534

static bool is_root(void)
{
	return geteuid() == 0;
}

static void give_away(const char *name)
{
	ck_assert_int_eq(
		fchownat(dirfd_of_dir, name, USER, USER, AT_SYMLINK_NOFOLLOW), 0);
}

static status try_dir(const char *name)
{
	char *path = in_dir(name);
	int fd;
	status rc = file_open_dir(path, FILE_TRUSTED, &fd);

	ck_assert(failed(rc) == (fd < 0));
	if (fd >= 0)
		ck_assert_int_eq(close(fd), 0);
	free(path);
	return rc;
}

/* *TEXT of at most 15 characters. */
static status try_file(const char *name, enum file_walk walk, char text[16])
{
	char *path = in_dir(name);
	struct stat st;
	int fd;
	status rc = file_open_regular(path, walk, &fd, &st);

	free(path);
	ck_assert(failed(rc) == (fd < 0));
	if (failed(rc))
		return rc;
	ck_assert(S_ISREG(st.st_mode));
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	memset(text, 0, 16);
	ck_assert_int_eq(read(fd, text, 15), st.st_size);
	ck_assert_int_eq(close(fd), 0);
	return rc;
}

static void make_tree(void)
{
	make_dir("a");
	make_dir("a/b");
	write_in_dir("a/b/file", "content");
}

/* ---- directories ---- */

START_TEST(own_links_are_followed_wherever_they_lead)
{
	make_tree();
	make_link("a", "relative");
	make_link(dir, "absolute");
	make_link("../a/../a/./b", "a/up");
	make_link("absolute/relative", "chain");
	ck_assert_int_eq(try_dir("relative/b"), STATUS_OK);
	ck_assert_int_eq(try_dir("absolute/a/b"), STATUS_OK);
	ck_assert_int_eq(try_dir("a/up/"), STATUS_OK);
	ck_assert_int_eq(try_dir("chain/b/../../relative/up"), STATUS_OK);
}
END_TEST

START_TEST(root_refuses_another_users_link_wherever_it_is)
{
	if (!is_root())
		return;
	make_tree();
	make_link("a", "theirs");
	give_away("theirs");
	make_link("theirs/b", "through");
	make_link("b", "a/last");
	ck_assert_int_eq(
		fchownat(dirfd_of_dir, "a/last", USER, 0, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert_int_eq(try_dir("theirs/b"), NO_ACCESS);
	ck_assert_ptr_nonnull(
		strstr(status_pending(), "\"theirs\" is a symbolic link of user 65534"));
	ck_assert_int_eq(try_dir("through"), NO_ACCESS);
	ck_assert_int_eq(try_dir("a/last"), NO_ACCESS);
}
END_TEST

START_TEST(the_rule_holds_while_acting_as_the_links_owner)
{
	struct identity former;
	status theirs, plain;

	if (!is_root())
		return;
	make_tree();
	ck_assert_int_eq(fchmod(dirfd_of_dir, 0755), 0);
	make_link("a", "theirs");
	give_away("theirs");
	ck_assert_int_eq(identity_assume(USER, USER, &former), STATUS_OK);
	theirs = try_dir("theirs");
	plain = try_dir("a/b");
	identity_restore(&former);
	ck_assert_int_eq(theirs, NO_ACCESS);
	ck_assert_int_eq(plain, STATUS_OK);
}
END_TEST

START_TEST(acting_as_a_user_has_that_users_rights)
{
	struct identity former;
	status rc;

	if (!is_root())
		return;
	make_tree();
	ck_assert_int_eq(fchmod(dirfd_of_dir, 0755), 0);
	ck_assert_int_eq(fchmodat(dirfd_of_dir, "a", 0700, 0), 0);
	ck_assert_int_eq(identity_assume(USER, USER, &former), STATUS_OK);
	rc = try_dir("a/b");
	identity_restore(&former);
	ck_assert_int_eq(rc, NO_ACCESS);
}
END_TEST

START_TEST(circles_end)
{
	make_link("two", "one");
	make_link("one", "two");
	ck_assert_int_eq(try_dir("one"), status_from_errno(ELOOP));
	ck_assert_int_eq(
		try_file("one", FILE_TRUSTED, (char[16]){0}), status_from_errno(ELOOP));
}
END_TEST

START_TEST(forty_links_are_few_enough)
{
	char name[16], target[16];

	make_dir("0");
	for (int i = 1; i <= 41; i++) {
		(void)snprintf(name, sizeof(name), "%d", i);
		(void)snprintf(target, sizeof(target), "%d", i - 1);
		make_link(target, name);
	}
	ck_assert_int_eq(try_dir("40"), STATUS_OK);
	ck_assert_int_eq(try_dir("41"), status_from_errno(ELOOP));
}
END_TEST

START_TEST(links_to_nothing_and_to_files_are_no_directories)
{
	make_tree();
	make_link("missing", "nothing");
	make_link("a/b/file", "file");
	ck_assert_int_eq(try_dir("nothing"), NOT_FOUND);
	ck_assert_int_eq(try_dir("file"), status_from_errno(ENOTDIR));
}
END_TEST

/* ---- files ---- */

START_TEST(files_open_through_own_links)
{
	char text[16];

	make_tree();
	make_link("a", "dir");
	make_link("b/file", "a/link");
	ck_assert_int_eq(try_file("a/b/file", FILE_NO_SYMLINK, text), STATUS_OK);
	ck_assert_str_eq(text, "content");
	ck_assert_int_eq(try_file("dir/link", FILE_TRUSTED, text), STATUS_OK);
	ck_assert_str_eq(text, "content");
	ck_assert_int_eq(try_file("a/link", FILE_NO_SYMLINK, text), NO_ACCESS);
	ck_assert_int_eq(try_file("dir/b/file", FILE_NO_SYMLINK, text), NO_ACCESS);
}
END_TEST

START_TEST(root_opens_no_file_through_another_users_link)
{
	char text[16];

	if (!is_root())
		return;
	make_tree();
	make_link("a/b/file", "theirs");
	give_away("theirs");
	make_link("a", "their-dir");
	give_away("their-dir");
	make_link("theirs", "mine");
	ck_assert_int_eq(try_file("theirs", FILE_TRUSTED, text), NO_ACCESS);
	ck_assert_ptr_nonnull(strstr(status_pending(), "\"theirs\" is a symbolic link"));
	ck_assert_int_eq(try_file("their-dir/b/file", FILE_TRUSTED, text), NO_ACCESS);
	ck_assert_int_eq(try_file("mine", FILE_TRUSTED, text), NO_ACCESS);
}
END_TEST

START_TEST(only_regular_files_open_and_a_pipe_blocks_nobody)
{
	char text[16];

	make_tree();
	ck_assert_int_eq(mkfifoat(dirfd_of_dir, "pipe", 0600), 0);
	make_link("pipe", "link");
	ck_assert_int_eq(try_file("pipe", FILE_TRUSTED, text), BAD_DATA);
	ck_assert_int_eq(try_file("pipe", FILE_NO_SYMLINK, text), BAD_DATA);
	ck_assert_int_eq(try_file("link", FILE_TRUSTED, text), BAD_DATA);
	ck_assert_int_eq(try_file("a", FILE_TRUSTED, text), BAD_DATA);
	ck_assert_int_eq(try_file("missing", FILE_TRUSTED, text), NOT_FOUND);
	ck_assert_int_eq(
		try_file("a/b/file/x", FILE_TRUSTED, text), status_from_errno(ENOTDIR));
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, own_links_are_followed_wherever_they_lead);
	tcase_add_test(tc, root_refuses_another_users_link_wherever_it_is);
	tcase_add_test(tc, the_rule_holds_while_acting_as_the_links_owner);
	tcase_add_test(tc, acting_as_a_user_has_that_users_rights);
	tcase_add_test(tc, circles_end);
	tcase_add_test(tc, forty_links_are_few_enough);
	tcase_add_test(tc, links_to_nothing_and_to_files_are_no_directories);
	tcase_add_test(tc, files_open_through_own_links);
	tcase_add_test(tc, root_opens_no_file_through_another_users_link);
	tcase_add_test(tc, only_regular_files_open_and_a_pipe_blocks_nobody);
}

int main(void)
{
	Suite *suite = suite_create("file_walk");
	TCase *tc = tcase_create("file_walk");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
