#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/engine.h"
#include "support.h"

static char *dir;
static struct names patterns, paths;

static void setup(void)
{
	dir = support_tmpdir();
}

static void teardown(void)
{
	names_free(&patterns);
	names_free(&paths);
	patterns = paths = (struct names){0};
}

static void put(const char *name)
{
	char *path = support_path(dir, name);

	support_write(path, name);
	free(path);
}

static void make_dir(const char *name)
{
	char *path = support_path(dir, name);

	ck_assert_int_eq(mkdir(path, 0700), 0);
	free(path);
}

static void want(const char *pattern)
{
	char *path = support_path(dir, pattern);

	ck_assert_int_eq(names_take(&patterns, path), STATUS_OK);
}

static status expand(void)
{
	status_begin();
	return engine_expand(&patterns, &paths);
}

/* The result is exactly LIST, names below dir with spaces between. */
static void expect(const char *list)
{
	char text[4096] = "";
	size_t prefix = strlen(dir) + 1;

	ck_assert_int_eq(expand(), STATUS_OK);
	for (size_t i = 0; i < paths.count; i++) {
		ck_assert_int_eq(strncmp(paths.items[i], dir, prefix - 1), 0);
		strcat(strcat(text, i ? " " : ""), paths.items[i] + prefix);
	}
	ck_assert_str_eq(text, list);
}

static void expect_failure(status code, const char *name)
{
	status rc = expand();

	ck_assert_msg(rc == code, "%s: %s", status_name(rc), status_pending());
	ck_assert_msg(strstr(status_pending(), name) != NULL, "not named: %s",
		status_pending());
}

START_TEST(files_and_globs_give_a_sorted_list_without_duplicates)
{
	make_dir("newcerts");
	put("newcerts/02.pem");
	put("newcerts/01.pem");
	put("newcerts/10.pem");
	put("newcerts/note.txt");
	put("serial");
	put("index.txt");
	want("serial");
	want("newcerts/*.pem");
	want("newcerts/0?.pem");
	want("index.txt");
	want("serial");
	expect("index.txt newcerts/01.pem newcerts/02.pem newcerts/10.pem serial");
}
END_TEST

START_TEST(a_glob_may_stand_anywhere_in_a_path)
{
	make_dir("a");
	make_dir("b");
	make_dir("c");
	put("a/index.txt");
	put("b/index.txt");
	put("b/serial");
	put("file");
	want("*/index.txt");
	want("[bc]/s*");
	want("file/*");
	expect("a/index.txt b/index.txt b/serial");
}
END_TEST

START_TEST(doubled_slashes_do_not_make_duplicates)
{
	make_dir("a");
	put("a/x");
	want("a/x");
	want("/a//x");
	want("a//*");
	expect("a/x");
}
END_TEST

START_TEST(a_glob_may_match_nothing)
{
	want("*.pem");
	want("missing/*.pem");
	want("miss*/x");
	expect("");
}
END_TEST

START_TEST(paths_that_are_there_already_are_kept)
{
	put("x");
	want("x");
	ck_assert_int_eq(names_add(&paths, "/zzz"), STATUS_OK);
	ck_assert_int_eq(expand(), STATUS_OK);
	ck_assert_uint_eq(paths.count, 2);
	ck_assert_str_eq(paths.items[1], "/zzz");
}
END_TEST

START_TEST(a_missing_plain_path_is_named)
{
	put("serial");
	want("serial");
	want("index.txt");
	expect_failure(STATUS_WIN32(ERROR_FILE_NOT_FOUND), "index.txt");
}
END_TEST

START_TEST(names_are_taken_byte_by_byte)
{
	put("\xff\xfe.pem");
	put("a\\b");
	put("with space");
	want("*.pem");
	want("a\\b");
	want("with*");
	expect("a\\b with space \xff\xfe.pem");
}
END_TEST

START_TEST(hidden_files_are_matched_by_a_dot_only)
{
	put(".hidden");
	put("seen");
	want("*");
	expect("seen");
	names_free(&paths);
	paths = (struct names){0};
	want(".h*");
	expect(".hidden seen");
}
END_TEST

START_TEST(a_link_to_a_file_counts_as_itself)
{
	char *link = support_path(dir, "link");

	put("file");
	ck_assert_int_eq(symlink("file", link), 0);
	want("*");
	expect("file link");
	free(link);
}
END_TEST

START_TEST(a_matched_link_to_nothing_is_an_error)
{
	char *link = support_path(dir, "link");

	ck_assert_int_eq(symlink("nowhere", link), 0);
	want("*");
	expect_failure(STATUS_WIN32(ERROR_FILE_NOT_FOUND), "link");
	free(link);
}
END_TEST

START_TEST(matched_directories_are_left_out)
{
	make_dir("sub.pem");
	put("a.pem");
	want("*.pem");
	expect("a.pem");
}
END_TEST

START_TEST(a_directory_as_a_plain_path_is_an_error)
{
	make_dir("sub");
	want("sub");
	expect_failure(STATUS_WIN32(ERROR_INVALID_DATA), "sub: a directory");
}
END_TEST

START_TEST(a_pipe_is_an_error_however_it_is_found)
{
	char *fifo = support_path(dir, "pipe");

	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	want("pipe");
	expect_failure(STATUS_WIN32(ERROR_INVALID_DATA), "pipe");
	teardown();
	want("*");
	expect_failure(STATUS_WIN32(ERROR_INVALID_DATA), "pipe");
	free(fifo);
}
END_TEST

START_TEST(a_socket_and_a_device_are_errors)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char *device = strdup("/dev/null");

	ck_assert_int_ge(fd, 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/sock", dir);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	want("s*");
	expect_failure(STATUS_WIN32(ERROR_INVALID_DATA), "sock");
	teardown();
	ck_assert_int_eq(names_take(&patterns, device), STATUS_OK);
	expect_failure(STATUS_WIN32(ERROR_INVALID_DATA), "/dev/null");
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(a_directory_that_cannot_be_read_is_an_error_not_an_empty_one)
{
	char *closed = support_path(dir, "closed");

	make_dir("closed");
	put("closed/a.pem");
	ck_assert_int_eq(chmod(dir, 0755), 0);
	ck_assert_int_eq(chmod(closed, 0711), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	else
		ck_assert_int_eq(chmod(closed, 0100), 0);
	want("closed/*.pem");
	expect_failure(STATUS_WIN32(ERROR_ACCESS_DENIED), "closed");
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(chmod(closed, 0700), 0);
	free(closed);
}
END_TEST

static void make_link(const char *target, const char *name, uid_t owner)
{
	char *path = support_path(dir, name);

	ck_assert_int_eq(symlink(target, path), 0);
	ck_assert_int_eq(lchown(path, owner, owner), 0);
	free(path);
}

START_TEST(root_goes_below_its_own_links_only)
{
	make_dir("real");
	put("real/01.pem");
	make_link("real", "mine", 0);
	want("m*/01.pem");
	want("mine/*");
	expect("mine/01.pem");
	names_free(&paths);
	make_link("real", "users", 65534);
	expect("mine/01.pem");
	names_free(&paths);
	for (size_t i = 0; i < 3; i++) {
		static const char *const below[] = {"users/*", "u*/*", "u*/01.pem"};

		names_free(&patterns);
		want(below[i]);
		expect_failure(STATUS_WIN32(ERROR_ACCESS_DENIED), "/users: ");
		ck_assert_uint_eq(paths.count, 0);
	}
}
END_TEST

START_TEST(a_users_link_that_leads_to_no_directory_has_nothing_below_it)
{
	make_dir("a");
	put("a/x");
	put("file");
	make_link("file", "b", 65534);
	make_link("nowhere", "c", 65534);
	want("[abc]/x");
	want("[abc]/*");
	expect("a/x");
}
END_TEST

START_TEST(an_ordinary_user_follows_every_link)
{
	make_dir("real");
	put("real/01.pem");
	make_link("real", "users", 65534);
	want("u*/*.pem");
	ck_assert_int_eq(chmod(dir, 0755), 0);
	{
		char *real = support_path(dir, "real");

		ck_assert_int_eq(chmod(real, 0755), 0);
		free(real);
	}
	ck_assert_int_eq(seteuid(65534), 0);
	expect("users/01.pem");
	ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(a_relative_path_and_the_root_are_refused)
{
	ck_assert_int_eq(names_add(&patterns, "index.txt"), STATUS_OK);
	expect_failure(STATUS_WIN32(ERROR_BAD_CONFIGURATION), "index.txt");
	teardown();
	ck_assert_int_eq(names_add(&patterns, "//"), STATUS_OK);
	expect_failure(STATUS_WIN32(ERROR_BAD_CONFIGURATION), "//");
	teardown();
	ck_assert_int_eq(names_add(&patterns, ""), STATUS_OK);
	expect_failure(STATUS_WIN32(ERROR_BAD_CONFIGURATION), "not the absolute path");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("expand");
	TCase *tc = tcase_create("expand");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, files_and_globs_give_a_sorted_list_without_duplicates);
	tcase_add_test(tc, a_glob_may_stand_anywhere_in_a_path);
	tcase_add_test(tc, doubled_slashes_do_not_make_duplicates);
	tcase_add_test(tc, a_glob_may_match_nothing);
	tcase_add_test(tc, paths_that_are_there_already_are_kept);
	tcase_add_test(tc, a_missing_plain_path_is_named);
	tcase_add_test(tc, names_are_taken_byte_by_byte);
	tcase_add_test(tc, hidden_files_are_matched_by_a_dot_only);
	tcase_add_test(tc, a_link_to_a_file_counts_as_itself);
	tcase_add_test(tc, a_matched_link_to_nothing_is_an_error);
	tcase_add_test(tc, matched_directories_are_left_out);
	tcase_add_test(tc, a_directory_as_a_plain_path_is_an_error);
	tcase_add_test(tc, a_pipe_is_an_error_however_it_is_found);
	tcase_add_test(tc, a_socket_and_a_device_are_errors);
	tcase_add_test(tc, a_directory_that_cannot_be_read_is_an_error_not_an_empty_one);
	tcase_add_test(tc, a_relative_path_and_the_root_are_refused);
	if (geteuid() == 0) {
		tcase_add_test(tc, root_goes_below_its_own_links_only);
		tcase_add_test(
			tc, a_users_link_that_leads_to_no_directory_has_nothing_below_it);
		tcase_add_test(tc, an_ordinary_user_follows_every_link);
	}
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
