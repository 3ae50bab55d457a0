#include "base/ini.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "support.h"

/* Notes "line section/key=value;" for each entry. */
static const char *note(void *context, const struct ini_entry *entry)
{
	if (*entry->key == '\0')
		return NULL;
	buffer_printf(context, "%u %s/%s=%s;", entry->line, entry->section, entry->key,
		entry->value);
	return NULL;
}

static const char *note_section(void *context, const struct ini_entry *entry)
{
	if (*entry->key == '\0')
		buffer_printf(context, "%u %s%s;", entry->line, entry->section, entry->value);
	return NULL;
}

START_TEST(a_section_is_told_when_it_begins)
{
	char text[] = "[one]\nkey = 1\n\n[two]\n[one]\n";
	struct buffer seen = {0};
	unsigned line;

	ck_assert_ptr_null(ini_parse(text, strlen(text), note_section, &seen, &line));
	ck_assert_str_eq(seen.data, "1 one;4 two;5 one;");
	buffer_free(&seen);
}
END_TEST

/* In memory of exactly the text's size, so that valgrind and ASan see what is read. */
static const char *parse(
	const char *text, size_t size, struct buffer *seen, unsigned *line)
{
	char *copy = malloc(size + 1);
	const char *reason;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, text, size);
	copy[size] = '\0';
	reason = ini_parse(copy, size, note, seen, line);
	free(copy);
	return reason;
}

static void check_read(const char *text, const char *expected)
{
	struct buffer seen = {0};
	unsigned line = 0;
	const char *reason = parse(text, strlen(text), &seen, &line);

	ck_assert_msg(!reason, "line %u: %s", line, reason);
	ck_assert_str_eq(seen.data ? seen.data : "", expected);
	buffer_free(&seen);
}

static void check_refused_bytes(
	const char *text, size_t size, unsigned where, const char *why)
{
	struct buffer seen = {0};
	unsigned line = 0;
	const char *reason = parse(text, size, &seen, &line);

	ck_assert_ptr_nonnull(reason);
	ck_assert_str_eq(reason, why);
	ck_assert_uint_eq(line, where);
	buffer_free(&seen);
}

static void check_refused(const char *text, unsigned where, const char *why)
{
	check_refused_bytes(text, strlen(text), where, why);
}

START_TEST(sections_keys_and_values_are_read)
{
	check_read("", "");
	check_read("\n\n", "");
	check_read("a = 1\n[server]\nname = ca01\nalias=b\n\n[s-2.x_Y]\nk=v",
		"1 /a=1;3 server/name=ca01;4 server/alias=b;7 s-2.x_Y/k=v;");
	check_read("[a]\n[b]\nk = v\n[a]\nk = v\nk = v\n", "3 b/k=v;5 a/k=v;6 a/k=v;");
}
END_TEST

START_TEST(values_are_taken_whole)
{
	check_read("a = x = y ; z # \"q\" \\\n", "1 /a=x = y ; z # \"q\" \\;");
	check_read("a =\t  x\ty \t \nb=[c]\n", "1 /a=x\ty;2 /b=[c];");
	check_read("a = \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\n",
		"1 /a=\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80;");
}
END_TEST

START_TEST(empty_values_are_values)
{
	check_read("a =\nb=\nc = \t\nd =", "1 /a=;2 /b=;3 /c=;4 /d=;");
}
END_TEST

START_TEST(comments_and_blanks_are_skipped)
{
	check_read(
		"; a = 1\n#b = 2\n  ; c\n\t\n  d = 4\n [e] \nf = 6\n", "5 /d=4;7 e/f=6;");
}
END_TEST

START_TEST(line_ends_and_byte_order_mark_of_windows_are_fine)
{
	check_read("\xef\xbb\xbf[s]\r\na = 1\r\n\r\nb =\r\nc = 2\r",
		"2 s/a=1;4 s/b=;5 s/c=2;");
	check_read("\xef\xbb\xbf", "");
}
END_TEST

START_TEST(garbage_gives_reason_and_line)
{
	check_refused("a = 1\n\nb\n", 3, "'=' was expected after the key");
	check_refused("a b = 1\n", 1, "'=' was expected after the key");
	check_refused("= 1\n", 1, "a key was expected");
	check_refused("a\xc3\xa9 = 1\n", 1, "'=' was expected after the key");
	check_refused("\"a\" = 1\n", 1, "a key was expected");
	check_refused("[]\n", 1, "a section's name was expected after '['");
	check_refused("[ a]\n", 1, "a section's name was expected after '['");
	check_refused("[a\n", 1, "']' was expected after the section's name");
	check_refused("[a b]\n", 1, "']' was expected after the section's name");
	check_refused("x = 1\n[a] b = 1\n", 2, "text after ']'");
	check_refused("[a];\n", 1, "text after ']'");
}
END_TEST

START_TEST(only_utf8_text_is_taken)
{
	static const char *const bad[] = {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf",
		"\xe2\x82", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\xaf",
		"\xf0\x9f\x98", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3(",
		"\xe2\x28\xac"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "\na = %s", bad[i]);
		check_refused(text, 2, "not UTF-8 text");
		(void)snprintf(text, sizeof(text), "# %s\n", bad[i]);
		check_refused(text, 1, "not UTF-8 text");
	}
	check_read("a = \xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\n",
		"1 /a=\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf;");
}
END_TEST

START_TEST(control_characters_are_refused)
{
	check_refused_bytes("a = 1\nb = \0\n", 12, 2, "NUL byte");
	check_refused_bytes("\0", 1, 1, "NUL byte");
	check_refused("a = 1\rb = 2\n", 1, "control character");
	check_refused("a = \x1b[2J\n", 1, "control character");
	check_refused("a = \x7f\n", 1, "control character");
	check_refused("# \x01\n", 1, "control character");
}
END_TEST

static const char *refuse_second_line(void *context, const struct ini_entry *entry)
{
	++*(unsigned *)context;
	return entry->line == 2 ? "unknown key" : NULL;
}

START_TEST(handler_ends_the_reading)
{
	char text[] = "a = 1\nb = 2\nc = 3\n";
	unsigned calls = 0, line = 0;

	ck_assert_str_eq(ini_parse(text, strlen(text), refuse_second_line, &calls, &line),
		"unknown key");
	ck_assert_uint_eq(line, 2);
	ck_assert_uint_eq(calls, 2);
}
END_TEST

START_TEST(lines_of_100000_characters_are_read)
{
	enum { LENGTH = 100000 };
	char *text = malloc(LENGTH + 16), *expected = malloc(LENGTH + 16);

	ck_assert(text && expected);
	strcpy(text, "a = ");
	memset(text + 4, 'x', LENGTH);
	strcpy(text + 4 + LENGTH, "\nb = 2");
	strcpy(expected, "1 /a=");
	memset(expected + 5, 'x', LENGTH);
	strcpy(expected + 5 + LENGTH, ";2 /b=2;");
	check_read(text, expected);
	free(expected);
	free(text);
}
END_TEST

START_TEST(ten_megabytes_of_noise_are_refused)
{
	enum { SIZE = 10 << 20 };
	char *noise = malloc(SIZE);
	struct buffer seen = {0};
	uint64_t random = 7;
	unsigned line;

	ck_assert_ptr_nonnull(noise);
	for (size_t i = 0; i < SIZE; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		noise[i] = (char)(random >> 56);
	}
	ck_assert_ptr_nonnull(parse(noise, SIZE, &seen, &line));
	ck_assert_uint_eq(line, 1);
	for (size_t i = 0; i < SIZE; i++)
		noise[i] = (char)(' ' + (unsigned char)noise[i] % 90);
	ck_assert_ptr_nonnull(parse(noise, SIZE, &seen, &line));
	buffer_free(&seen);
	free(noise);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ini");
	TCase *tcase = tcase_create("ini");

	tcase_add_test(tcase, a_section_is_told_when_it_begins);
	tcase_add_test(tcase, sections_keys_and_values_are_read);
	tcase_add_test(tcase, values_are_taken_whole);
	tcase_add_test(tcase, empty_values_are_values);
	tcase_add_test(tcase, comments_and_blanks_are_skipped);
	tcase_add_test(tcase, line_ends_and_byte_order_mark_of_windows_are_fine);
	tcase_add_test(tcase, garbage_gives_reason_and_line);
	tcase_add_test(tcase, only_utf8_text_is_taken);
	tcase_add_test(tcase, control_characters_are_refused);
	tcase_add_test(tcase, handler_ends_the_reading);
	tcase_add_test(tcase, lines_of_100000_characters_are_read);
	tcase_add_test(tcase, ten_megabytes_of_noise_are_refused);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
