#include "base/unc.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "support.h"

static const struct unc_share shares[] = {
	{.name = (char[]){"certs"}, .path = (char[]){"/srv/ca"}},
	{.name = (char[]){"Logs"}, .path = (char[]){"/srv/ca/logs"}},
	{.name = (char[]){"odd"}, .path = (char[]){"/srv/\xff\\x"}},
};

static const struct unc_scheme plain = {.server = "ca01"};
static const struct unc_scheme with_shares = {
	.server = "ca01", .shares = shares, .share_count = 3};
static const struct unc_scheme posix = {.server = "ca01", .posix = true};

static void check_name(
	const struct unc_scheme *scheme, const char *path, const char *name)
{
	char *got = unc_from_path(scheme, path);

	ck_assert_ptr_nonnull(got);
	ck_assert_str_eq(got, name);
	free(got);
}

static void check_path(
	const struct unc_scheme *scheme, const char *name, const char *path)
{
	char *got;

	ck_assert_msg(unc_to_path(scheme, name, &got) == STATUS_OK, "%s", name);
	ck_assert_str_eq(got, path);
	free(got);
}

static void check_refused(const struct unc_scheme *scheme, const char *name)
{
	char *got = (char *)&got;

	ck_assert_msg(unc_to_path(scheme, name, &got) == STATUS_WIN32(ERROR_INVALID_NAME),
		"%s", name);
	ck_assert_ptr_null(got);
	ck_assert_str_ne(status_pending(), "");
}

/* Path -> name -> wide characters -> name -> path. */
static void check_round_trip(const struct unc_scheme *scheme, const char *path)
{
	char *name = unc_from_path(scheme, path), *text, *back;
	wchar_t *wide;

	ck_assert_ptr_nonnull(name);
	wide = malloc((text_wide_length(name) + 1) * sizeof(wchar_t));
	ck_assert_ptr_nonnull(wide);
	(void)text_to_wide(name, wide);
	ck_assert_int_eq(text_from_wide(wide, &text), STATUS_OK);
	ck_assert_int_eq(unc_to_path(scheme, text, &back), STATUS_OK);
	ck_assert_str_eq(back, path);
	free(back);
	free(text);
	ck_assert_int_eq(unc_to_path(scheme, name, &back), STATUS_OK);
	ck_assert_str_eq(back, path);
	free(back);
	free(wide);
	free(name);
}

static void check_all_round_trips(const char *path)
{
	check_round_trip(&plain, path);
	check_round_trip(&with_shares, path);
	check_round_trip(&posix, path);
}

START_TEST(paths_become_unc_names)
{
	check_name(&plain, "/var/lib/ca/ca.db", "\\\\ca01\\posix$\\var\\lib\\ca\\ca.db");
	check_name(&plain, "/", "\\\\ca01\\posix$");
	check_name(&plain, "//a///b/", "\\\\ca01\\posix$\\a\\b");
	check_name(&posix, "/var/lib/ca/ca.db", "/var/lib/ca/ca.db");
	check_name(&posix, "/a\\b\xef\x81\x9c", "/a\\b\xef\x81\x9c");
}
END_TEST

START_TEST(longest_share_wins_at_a_components_border)
{
	check_name(&with_shares, "/srv/ca", "\\\\ca01\\certs");
	check_name(&with_shares, "/srv/ca/index.txt", "\\\\ca01\\certs\\index.txt");
	check_name(&with_shares, "/srv/ca/logs/1", "\\\\ca01\\Logs\\1");
	check_name(&with_shares, "/srv/ca/logs2/1", "\\\\ca01\\certs\\logs2\\1");
	check_name(&with_shares, "/srv/cab/x", "\\\\ca01\\posix$\\srv\\cab\\x");
	check_name(&with_shares, "/srv", "\\\\ca01\\posix$\\srv");
	check_name(&with_shares, "/srv/\xff\\x/y", "\\\\ca01\\odd\\y");
}
END_TEST

START_TEST(order_of_the_shares_does_not_matter)
{
	const struct unc_share in_order[] = {
		{.name = (char[]){"outer"}, .path = (char[]){"/a"}},
		{.name = (char[]){"inner"}, .path = (char[]){"/a/b"}},
		{.name = (char[]){"outer"}, .path = (char[]){"/a"}},
	};

	for (size_t first = 0; first < 2; first++) {
		const struct unc_scheme scheme = {
			.server = "h", .shares = in_order + first, .share_count = 2};

		check_name(&scheme, "/a/b/c", "\\\\h\\inner\\c");
		check_name(&scheme, "/a/c", "\\\\h\\outer\\c");
	}
}
END_TEST

START_TEST(a_share_may_be_the_root)
{
	const struct unc_share root = {.name = (char[]){"all"}, .path = (char[]){"/"}};
	const struct unc_scheme scheme = {
		.server = "h", .shares = &root, .share_count = 1};

	check_name(&scheme, "/a/b", "\\\\h\\all\\a\\b");
	check_path(&scheme, "\\\\h\\all\\a\\b", "/a/b");
	check_path(&scheme, "\\\\h\\all", "/");
	check_path(&scheme, "\\\\h\\posix$\\a", "/a");
	check_round_trip(&scheme, "/a/b");
}
END_TEST

START_TEST(what_would_come_back_as_something_else_is_escaped)
{
	check_name(&plain, "/a\\b",
		"\\\\ca01\\posix$\\a\xef\x81\x9c"
		"b");
	check_name(&plain, "/\xef\x81\x9c",
		"\\\\ca01\\posix$\\\xed\xb3\xaf\xed\xb2\x81\xed\xb2\x9c");
	check_name(&plain, "/\xed\xb2\x80", "\\\\ca01\\posix$\\\xed\xb3\xad\xb2\x80");
	check_name(&posix, "/\xed\xb2\x80", "/\xed\xb3\xad\xb2\x80");
	check_name(&plain, "/\xff\xc3", "\\\\ca01\\posix$\\\xff\xc3");
}
END_TEST

START_TEST(names_become_paths)
{
	check_path(&plain, "\\\\ca01\\posix$\\var\\ca.db", "/var/ca.db");
	check_path(&plain, "\\\\CA01\\POSIX$\\var\\ca.db", "/var/ca.db");
	check_path(&plain, "/var/ca.db", "/var/ca.db");
	check_path(&posix, "\\\\ca01\\posix$\\var\\ca.db", "/var/ca.db");
	check_path(&posix, "/var/ca.db", "/var/ca.db");
	check_path(&with_shares, "\\\\ca01\\CERTS\\index.txt", "/srv/ca/index.txt");
	check_path(&with_shares, "\\\\ca01\\logs", "/srv/ca/logs");
	check_path(&with_shares, "\\\\ca01\\odd\\y", "/srv/\xff\\x/y");
	check_path(&plain, "\\\\ca01\\posix$", "/");
	check_path(&plain, "/", "/");
}
END_TEST

START_TEST(doubled_and_trailing_separators_are_dropped)
{
	check_path(&plain, "\\\\ca01\\posix$\\\\var\\\\\\ca.db\\", "/var/ca.db");
	check_path(&plain, "\\\\ca01\\\\posix$\\var", "/var");
	check_path(&plain, "//var//ca.db//", "/var/ca.db");
	check_path(&plain, "//ca01/posix$/var", "/ca01/posix$/var");
	check_path(&plain, "\\\\ca01/posix$/var/ca.db", "/var/ca.db");
	check_path(&plain, "///", "/");
	check_path(&plain, "\\\\ca01\\posix$\\\\", "/");
}
END_TEST

START_TEST(escapes_are_undone)
{
	check_path(&plain,
		"\\\\ca01\\posix$\\a\xef\x81\x9c"
		"b",
		"/a\\b");
	check_path(&plain, "\\\\ca01\\posix$\\\xed\xb3\xbf", "/\xff");
	check_path(&plain, "/\xed\xb2\x80\xed\xb3\xbf", "/\x80\xff");
	check_path(&plain, "/\xef\x81\x9c\\", "/\xef\x81\x9c\\");
	/* Surrogates that stand for no byte stay what they are. */
	check_path(&plain, "/\xed\xa0\x80\xed\xb1\xbf\xed\xb4\x80",
		"/\xed\xa0\x80\xed\xb1\xbf\xed\xb4\x80");
}
END_TEST

START_TEST(tags_are_skipped)
{
	static const char *const tags[] = {
		"!", "\x82", "\x83", "D", "%", "\x0f", "\xc2\x82", "\xc2\x83"};

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		char name[64];

		strcpy(name, tags[i]);
		strcat(name, "\\\\ca01\\posix$\\x");
		ck_assert_str_eq(unc_skip_tag(name), "\\\\ca01\\posix$\\x");
		check_path(&plain, name, "/x");
		strcpy(name, tags[i]);
		strcat(name, "/x");
		check_path(&plain, name, "/x");
	}
	ck_assert_str_eq(unc_skip_tag("D"), "D");
	ck_assert_str_eq(unc_skip_tag(""), "");
	ck_assert_str_eq(unc_skip_tag("Data/x"), "Data/x");
	ck_assert_str_eq(unc_skip_tag("!D/x"), "!D/x");
	ck_assert_str_eq(unc_skip_tag("\"/x"), "\"/x");
	ck_assert_str_eq(unc_skip_tag("\xc2/x"), "\xc2/x");
	ck_assert_str_eq(unc_skip_tag("\xc2\x81/x"), "\xc2\x81/x");
	ck_assert_str_eq(unc_skip_tag("/x"), "/x");
}
END_TEST

START_TEST(hostile_names_are_refused)
{
	static const char *const bad[] = {"", "!", "D", "x", "\\", "\\\\", "\\\\\\",
		"\\\\\\\\\\\\\\\\", "!\\\\", "\\x", "x/y", "!!/x", "\\\\ca01",
		"\\\\ca01\\", "\\\\ca01\\\\", "\\\\ca02\\posix$\\x", "\\\\ca0\\posix$\\x",
		"\\\\ca011\\posix$\\x", "\\\\\\posix$\\x", "\\\\ca01\\nothere\\x",
		"\\\\ca01\\posix\\x", "\\\\ca01\\posix$x\\x", "\\\\ca01\\.\\x",
		"\\\\ca01\\..\\x", "\\\\..\\posix$\\x", "\\\\ca01\\certs\\..\\x",
		"\\\\ca01\\certs\\..", "\\\\ca01\\certs\\.\\x", "\\\\ca01\\certs/../x",
		"\\\\ca01\\certs\\a\\..\\..\\..\\etc", "/..", "/.", "/a/../b", "/a/./b",
		"/a/..", "/..//", "!/../x", "\xed\xb2\x80/x", "ca01\\posix$\\x",
		"\xef\x81\x9c\xef\x81\x9c\\posix$\\x"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		check_refused(&with_shares, bad[i]);
		check_refused(&posix, bad[i]);
	}
	check_path(&plain, "/...", "/...");
	check_path(&plain, "/..a/.b/c..", "/..a/.b/c..");
}
END_TEST

START_TEST(server_is_taken_off_a_unc_name)
{
	static const char *const none[] = {
		"", "!", "/x", "\\x", "\\", "\\\\", "\\\\\\x", "x", "D"};
	char *server = unc_server("D\\\\CA 01\\posix$\\x");

	ck_assert_str_eq(server, "CA 01");
	free(server);
	server = unc_server("\\\\h");
	ck_assert_str_eq(server, "h");
	free(server);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		ck_assert_msg(unc_server(none[i]) == NULL, "%s", none[i]);
}
END_TEST

/* ---- any path comes back ---- */

START_TEST(every_byte_comes_back_beside_others)
{
	static const unsigned char third[] = {
		0x80, 0x81, 0x9c, 0xa0, 0xb2, 0xbf, 0xed, 0xef, '\\'};

	for (unsigned a = 1; a < 256; a++)
		for (unsigned b = a % 7 + 1; b < 256; b += 7) {
			const char path[] = {'/', 'x', (char)a, (char)b,
				(char)third[(a + b) % sizeof(third)], 'y', 0};

			if (a != '/' && b != '/')
				check_all_round_trips(path);
		}
}
END_TEST

START_TEST(bytes_around_escapes_come_back)
{
	static const char *const pieces[] = {"\xed", "\xa0", "\xb2", "\xb3", "\x80",
		"\xbf", "\xef", "\x81", "\x9c", "\\", "\xf0", "\x9f", "a", "\xed\xb2\x80",
		"\xef\x81\x9c"};
	const size_t count = sizeof(pieces) / sizeof(pieces[0]);

	for (size_t n = 0; n < count * count * count; n++) {
		char path[32] = "/";

		for (size_t i = 0, rest = n; i < 3; i++, rest /= count)
			strcat(path, pieces[rest % count]);
		check_all_round_trips(path);
	}
}
END_TEST

/* "", "." and ".." are no components of a path that a file can have. */
static void make_random_path(uint64_t *random, char *path, size_t size)
{
	static const char *const heads[] = {
		"/", "/srv/ca/", "/srv/ca/logs/", "/srv/\xff\\x/"};
	static const unsigned char likely[] = {0xed, 0xa0, 0xb2, 0xb3, 0x80, 0xbf, 0xef,
		0x81, 0x9c, '\\', 0xf0, 0x9f, '.', '/'};
	size_t length;

	*random = *random * 6364136223846793005u + 1442695040888963407u;
	strcpy(path, heads[*random >> 62]);
	length = strlen(path);
	while (length < size - 1) {
		unsigned pick;

		*random = *random * 6364136223846793005u + 1442695040888963407u;
		pick = (unsigned)(*random >> 40);
		path[length] = (char)(*random >> 63 ? likely[pick % sizeof(likely)]
						    : 1 + pick % 255);
		if (path[length - 1] == '/' &&
			(path[length] == '/' || path[length] == '.'))
			path[length] = 'x';
		length++;
	}
	if (path[length - 1] == '/')
		path[length - 1] = 'x';
	path[length] = '\0';
}

START_TEST(random_paths_come_back)
{
	uint64_t random = 4711;
	char path[64];

	for (size_t round = 0; round < 2000; round++) {
		make_random_path(&random, path, 20 + round % (sizeof(path) - 20));
		check_all_round_trips(path);
	}
}
END_TEST

START_TEST(paths_of_4096_bytes_come_back)
{
	uint64_t random = 815;
	char path[4097];

	for (int i = 0; i < 5; i++) {
		make_random_path(&random, path, sizeof(path));
		check_all_round_trips(path);
	}
	memset(path + 1, '\\', 4095);
	path[4096] = '\0';
	path[0] = '/';
	check_all_round_trips(path);
	memset(path + 1, '\xff', 4095);
	check_all_round_trips(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("unc");
	TCase *tcase = tcase_create("unc");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, paths_become_unc_names);
	tcase_add_test(tcase, longest_share_wins_at_a_components_border);
	tcase_add_test(tcase, order_of_the_shares_does_not_matter);
	tcase_add_test(tcase, a_share_may_be_the_root);
	tcase_add_test(tcase, what_would_come_back_as_something_else_is_escaped);
	tcase_add_test(tcase, names_become_paths);
	tcase_add_test(tcase, doubled_and_trailing_separators_are_dropped);
	tcase_add_test(tcase, escapes_are_undone);
	tcase_add_test(tcase, tags_are_skipped);
	tcase_add_test(tcase, hostile_names_are_refused);
	tcase_add_test(tcase, server_is_taken_off_a_unc_name);
	tcase_add_test(tcase, every_byte_comes_back_beside_others);
	tcase_add_test(tcase, bytes_around_escapes_come_back);
	tcase_add_test(tcase, random_paths_come_back);
	tcase_add_test(tcase, paths_of_4096_bytes_come_back);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
