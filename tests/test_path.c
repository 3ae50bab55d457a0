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

static const struct {
	const char *a, *b;
	bool overlap;
} pairs[] = {
	{"/a/b", "/a/b", true},
	{"/a/b", "/a/c", false},
	{"/a/b", "/a/b/c", false},
	{"/a/*", "/a/b", true},
	{"/a/*", "/a/.b", false},
	{"/a/*", "/a", false},
	{"/a/*", "/a/b/c", false},
	{"/a/*/c", "/a/b/*", true},
	{"/a/*.pem", "//a//*.p?m", true},
	{"/a/*.pem", "/b/*.pem", false},
	{"/*/x", "/a/[x]", true},
	{"/a\\b/*", "/a\\b/c", true},
	{"/a\\b/*", "/ab/c", false},
};

START_TEST(paths_overlap_where_one_file_is_meant_by_both)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		bool there = !pairs[i].overlap, back = there;

		ck_assert_int_eq(path_overlap(pairs[i].a, pairs[i].b, &there), STATUS_OK);
		ck_assert_int_eq(path_overlap(pairs[i].b, pairs[i].a, &back), STATUS_OK);
		ck_assert_msg(there == pairs[i].overlap && back == there, "%s and %s",
			pairs[i].a, pairs[i].b);
	}
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
	tcase_add_test(t, paths_overlap_where_one_file_is_meant_by_both);
	suite_add_tcase(suite, t);
	return suite;
}

int main(void)
{
	return support_run(make_suite());
}
