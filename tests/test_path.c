/*
 * test_path.c - the shape of paths
 */
#include "server/path.h"

#include <stdlib.h>
#include <string.h>

#include "support.h"

static const struct {
	const char *path;
	const char *tidy;
	const char *parent;
} good[] = {
	{"/", "/", "/"},
	{"//", "/", "/"},
	{"///", "/", "/"},
	{"/a", "/a", "/"},
	{"//a", "/a", "/"},
	{"///a///", "/a", "///a"},
	{"/a/b", "/a/b", "/a"},
	{"/a//b", "/a/b", "/a"},
	{"/a/b/", "/a/b", "/a/b"},
	{"/a/.b", "/a/.b", "/a"},
	{"/a/..b", "/a/..b", "/a"},
	{"/a/...", "/a/...", "/a"},
	{"/a/b*c/d", "/a/b*c/d", "/a"},
	{"/?", "/?", "/"},
	{"/a /\t\xff", "/a /\t\xff", "/a "},
};

START_TEST(good_paths_are_made_tidy)
{
	char *tidy = path_tidy(good[_i].path), *parent = path_parent(good[_i].path);

	ck_assert_ptr_null(path_refused(good[_i].path));
	ck_assert_str_eq(tidy, good[_i].tidy);
	ck_assert_str_eq(parent, good[_i].parent);
	ck_assert_int_eq(path_is_tidy(good[_i].path), strcmp(good[_i].path, tidy) == 0);
	ck_assert(path_is_tidy(tidy));
	free(tidy);
	free(parent);
}
END_TEST

START_TEST(other_paths_are_refused)
{
	static const char *const bad[] = {"", "a", "a/b", "./a", ".", "..", "/.", "/..",
		"/./a", "/a/./b", "/a/..", "/a/../b", "//..//", "/a/.", "/../"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(path_refused(bad[i]) != NULL, "%s", bad[i]);
		ck_assert_msg(!path_is_tidy(bad[i]), "%s", bad[i]);
	}
}
END_TEST

START_TEST(globs_are_told_from_paths)
{
	ck_assert(path_is_glob("/a/*"));
	ck_assert(path_is_glob("/a?/b"));
	ck_assert(path_is_glob("/[a]"));
	ck_assert(!path_is_glob("/a]b/c"));
	ck_assert(!path_is_glob("/"));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("path");
	TCase *t = tcase_create("path");

	tcase_add_loop_test(
		t, good_paths_are_made_tidy, 0, (int)(sizeof(good) / sizeof(good[0])));
	tcase_add_test(t, other_paths_are_refused);
	tcase_add_test(t, globs_are_told_from_paths);
	suite_add_tcase(suite, t);
	return suite;
}

int main(void)
{
	return support_run(make_suite());
}
