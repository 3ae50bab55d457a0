#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/names.h"
#include "support.h"

static char *dir;
static int fd;

static void setup(void)
{
	dir = support_tmpdir();
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	ck_assert_int_ge(fd, 0);
}

static void teardown(void)
{
	ck_assert_int_eq(close(fd), 0);
}

static void make(const char *name)
{
	char *path = support_path(dir, name);

	support_write(path, "");
	free(path);
}

static void expect_listed(const char *const *expected, size_t count)
{
	struct names names = {0};

	ck_assert_int_eq(file_list_dir(fd, dir, &names), STATUS_OK);
	ck_assert_uint_eq(names.count, count);
	for (size_t i = 0; i < count; i++)
		ck_assert_str_eq(names.items[i], expected[i]);
	names_free(&names);
}

START_TEST(all_names_are_listed_in_order)
{
	static const char *const expected[] = {
		"...", ".hidden", "a\nb", "b", "c", "\xff"};

	make("c");
	make("\xff");
	make("a\nb");
	make(".hidden");
	make("...");
	ck_assert_int_eq(mkdirat(fd, "b", 0700), 0);
	expect_listed(expected, 6);
	expect_listed(expected, 6); /* whatever position the descriptor has */
}
END_TEST

START_TEST(what_is_in_the_list_already_stays)
{
	struct names names = {0};

	make("b");
	ck_assert_int_eq(names_add(&names, "a"), STATUS_OK);
	ck_assert_int_eq(file_list_dir(fd, dir, &names), STATUS_OK);
	ck_assert_uint_eq(names.count, 2);
	ck_assert_str_eq(names.items[0], "a");
	ck_assert_str_eq(names.items[1], "b");
	names_free(&names);
}
END_TEST

START_TEST(a_removed_directory_has_no_entries)
{
	int gone;

	ck_assert_int_eq(mkdirat(fd, "gone", 0700), 0);
	gone = openat(fd, "gone", O_RDONLY | O_DIRECTORY);
	ck_assert_int_ge(gone, 0);
	ck_assert_int_eq(unlinkat(fd, "gone", AT_REMOVEDIR), 0);
	ck_assert_int_eq(dup2(gone, fd), fd);
	ck_assert_int_eq(close(gone), 0);
	expect_listed(NULL, 0);
}
END_TEST

START_TEST(a_file_cannot_be_listed)
{
	struct names names = {0};
	int file;

	make("file");
	file = openat(fd, "file", O_RDONLY);
	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(file_list_dir(file, "the file", &names),
		STATUS_WIN32(ERROR_PATH_NOT_FOUND));
	ck_assert_uint_eq(names.count, 0);
	ck_assert_int_eq(close(file), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("file list");
	TCase *tcase = tcase_create("file list");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, all_names_are_listed_in_order);
	tcase_add_test(tcase, what_is_in_the_list_already_stays);
	tcase_add_test(tcase, a_removed_directory_has_no_entries);
	tcase_add_test(tcase, a_file_cannot_be_listed);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
