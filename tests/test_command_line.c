#include "server/command_line.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define BAD STATUS_WIN32(ERROR_BAD_CONFIGURATION)

static void assert_splits(const char *line, int count, ...)
{
	char **argv;
	va_list expected;

	ck_assert_int_eq(command_line_split(line, &argv), STATUS_OK);
	va_start(expected, count);
	for (int i = 0; i < count; i++) {
		ck_assert_ptr_nonnull(argv[i]);
		ck_assert_str_eq(argv[i], va_arg(expected, const char *));
	}
	va_end(expected);
	ck_assert_ptr_null(argv[count]);
	command_line_free(argv);
}

static void assert_refused(const char *line, const char *reason)
{
	char *sentinel = NULL, **argv = &sentinel;

	ck_assert_int_eq(command_line_split(line, &argv), BAD);
	ck_assert_ptr_null(argv);
	ck_assert_msg(strstr(status_pending(), reason), "%s", status_pending());
	ck_assert_ptr_nonnull(strstr(status_pending(), line));
}

START_TEST(words_are_separated_by_any_blanks)
{
	assert_splits("/bin/true", 1, "/bin/true");
	assert_splits("  /bin/echo\ta \t b  ", 3, "/bin/echo", "a", "b");
	assert_splits("/a b c d e f", 6, "/a", "b", "c", "d", "e", "f");
}
END_TEST

START_TEST(quotes_hold_arguments_together)
{
	assert_splits("/bin/sh -c \"a 'b' c\" 'd \"e\"'", 4, "/bin/sh", "-c", "a 'b' c",
		"d \"e\"");
	assert_splits("\"/opt/my tool\" \"\" ''", 3, "/opt/my tool", "", "");
}
END_TEST

START_TEST(escapes_work_in_quotes_and_outside)
{
	assert_splits("/e a\\sb \"\\\"\" '\\'' \\\\ \\t\\n", 6, "/e", "a b", "\"", "'",
		"\\", "\t\n");
	assert_splits("/e \\x41\\102 \\u00e9 \\U0001F600", 4, "/e", "AB", "\xc3\xa9",
		"\xf0\x9f\x98\x80");
	assert_splits("/e \\a\\b\\f\\r\\v \\xff", 3, "/e", "\a\b\f\r\v", "\xff");
}
END_TEST

START_TEST(nothing_is_expanded)
{
	assert_splits("/e $HOME ${X} %n * ; | > ~", 9, "/e", "$HOME", "${X}", "%n", "*",
		";", "|", ">", "~");
}
END_TEST

START_TEST(bad_quoting_is_refused)
{
	assert_refused("/e \"open", "a quote that is not closed");
	assert_refused("/e 'open\"", "a quote that is not closed");
	assert_refused("/e \"a\"b", "text directly behind a closing quote");
	assert_refused("/e a\"b\"", "a quote inside a word");
	assert_refused("/e it's", "a quote inside a word");
}
END_TEST

START_TEST(bad_escapes_are_refused)
{
	static const char *const lines[] = {"/e \\", "/e \"\\", "/e \\q", "/e \\x4",
		"/e \\xg1", "/e \\x00", "/e \\000", "/e \\18", "/e \\777", "/e \\u12",
		"/e \\ud800", "/e \\U00110000", "/e \\u0000"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_refused(lines[i], "unknown escape");
}
END_TEST

START_TEST(the_program_is_an_absolute_path)
{
	static const char *const lines[] = {"", "  ", "true", "bin/true", "-/bin/true",
		"\"\" /bin/true", "@/bin/true x"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_refused(lines[i], "absolute path");
}
END_TEST

START_TEST(long_lines_are_split_whole)
{
	const size_t count = 50000;
	char *line = malloc(3 + 2 * count);
	char **argv;

	memcpy(line, "/e", 2);
	for (size_t i = 0; i < count; i++)
		memcpy(line + 2 + 2 * i, " a", 2);
	line[2 + 2 * count] = '\0';
	ck_assert_int_eq(command_line_split(line, &argv), STATUS_OK);
	ck_assert_str_eq(argv[count], "a");
	ck_assert_ptr_null(argv[count + 1]);
	command_line_free(argv);
	free(line);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("command_line");
	TCase *tc = tcase_create("command_line");

	tcase_add_test(tc, words_are_separated_by_any_blanks);
	tcase_add_test(tc, quotes_hold_arguments_together);
	tcase_add_test(tc, escapes_work_in_quotes_and_outside);
	tcase_add_test(tc, nothing_is_expanded);
	tcase_add_test(tc, bad_quoting_is_refused);
	tcase_add_test(tc, bad_escapes_are_refused);
	tcase_add_test(tc, the_program_is_an_absolute_path);
	tcase_add_test(tc, long_lines_are_split_whole);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
