#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define HIGHEST 0x10ffffu

static bool sampled; /* under valgrind */

/* In a sample are the first and the last of every 128, which is where all ranges and all
 * lengths begin and end, and some in between. */
static bool is_tried(uint32_t code)
{
	return !sampled || code < 0x900 || ((code + 1) & 0x7f) <= 1 || code % 37 == 0;
}

static uint32_t next_tried(uint32_t code)
{
	do
		code++;
	while (!is_tried(code));
	return code;
}

static bool is_surrogate(uint32_t code)
{
	return code >= 0xd800 && code <= 0xdfff;
}

/* Text -> wide, checked against the announced length. */
static wchar_t *to_wide(const char *s)
{
	size_t length = text_wide_length(s);
	wchar_t *wide = malloc((length + 1) * sizeof(wchar_t));

	ck_assert_ptr_nonnull(wide);
	ck_assert_ptr_eq(text_to_wide(s, wide), wide + length);
	ck_assert_uint_eq(wcslen(wide), length);
	return wide;
}

static char *from_wide(const wchar_t *wide)
{
	char *text;

	ck_assert_int_eq(text_from_wide(wide, &text), STATUS_OK);
	ck_assert_ptr_nonnull(text);
	return text;
}

/* Text -> UTF-16, checked likewise. */
static char16_t *to_utf16(const char *s)
{
	size_t length = text_length(s, TEXT_UTF16), i = 0;
	char16_t *out = malloc((length + 1) * sizeof(char16_t));

	ck_assert_ptr_nonnull(out);
	ck_assert_ptr_eq(text_write(s, TEXT_UTF16, out), out + length);
	while (out[i])
		i++;
	ck_assert_uint_eq(i, length);
	return out;
}

static char *from_utf16(const char16_t *wide)
{
	char *text;

	ck_assert_int_eq(text_read(wide, TEXT_UTF16, &text), STATUS_OK);
	ck_assert_ptr_nonnull(text);
	return text;
}

static bool is_byte_code(uint32_t code)
{
	return code >= 0xdc80 && code <= 0xdcff;
}

/* What a text is once its bad bytes have become encoded U+DC80..U+DCFF. */
static char *with_bytes_encoded(const char *s)
{
	char *result = malloc(3 * strlen(s) + 1), *out = result;
	uint32_t code;

	ck_assert_ptr_nonnull(result);
	while (*s) {
		size_t length = text_decode(s, &code);

		if (!length && text_decode_surrogate(s, &code) && is_byte_code(code))
			length = 3;
		if (length) {
			memcpy(out, s, length);
			out += length;
			s += length;
		} else {
			out += text_encode(0xdc00u + (unsigned char)*s++, out);
		}
	}
	*out = '\0';
	return result;
}

static void check_round_trip(const char *s)
{
	char *expected = with_bytes_encoded(s);
	wchar_t *wide = to_wide(s), *again;
	char16_t *utf16 = to_utf16(s);
	char *back = from_wide(wide), *from_16 = from_utf16(utf16);

	ck_assert_str_eq(back, expected);
	ck_assert_str_eq(from_16, expected);
	again = to_wide(back);
	ck_assert(wcscmp(again, wide) == 0);
	free(again);
	free(from_16);
	free(back);
	free(utf16);
	free(wide);
	free(expected);
}

START_TEST(all_code_points_encode_and_decode)
{
	for (uint32_t code = 1; code <= HIGHEST; code = next_tried(code)) {
		char s[8] = {0};
		size_t length = text_encode(code, s), as_surrogate;
		uint32_t decoded = 0;

		as_surrogate = text_decode_surrogate(s, &decoded);
		if (as_surrogate != (is_surrogate(code) ? 3 : 0) ||
			text_decode(s, &decoded) + as_surrogate != length ||
			strlen(s) != length || (as_surrogate && decoded != code))
			ck_abort_msg("U+%04X", code);
		if (!as_surrogate && decoded != code)
			ck_abort_msg("U+%04X", code);
	}
}
END_TEST

START_TEST(every_pair_of_wide_characters_comes_back)
{
	static const wchar_t second[] = {L'a', 0xdc80, 0xdcff, 0x10000, 0x10ffff, 0xffff};

	for (uint32_t code = 1; code <= HIGHEST; code = next_tried(code)) {
		const bool good = !is_surrogate(code) || is_byte_code(code);
		const status wanted =
			good ? STATUS_OK : STATUS_WIN32(ERROR_NO_UNICODE_TRANSLATION);
		wchar_t wide[3] = {(wchar_t)code, second[code % 6], 0}, back[8];
		char *text;

		if (text_from_wide(wide, &text) != wanted)
			ck_abort_msg("U+%04X", code);
		if (!good)
			continue;
		(void)text_to_wide(text, back);
		if (wcscmp(wide, back) != 0)
			ck_abort_msg(
				"U+%04X comes back as U+%04X", code, (unsigned)back[0]);
		free(text);
	}
}
END_TEST

/* What two units of UTF-16, which are no NULs, are worth; 0: nothing. */
static size_t characters_in(char16_t a, char16_t b)
{
	const bool high = a >= 0xd800 && a <= 0xdbff;

	if (high)
		return b >= 0xdc00 && b <= 0xdfff ? 1 : 0;
	if (is_surrogate(a) && !is_byte_code(a))
		return 0;
	return is_surrogate(b) && !is_byte_code(b) ? 0 : 2;
}

static void check_units(char16_t first, char16_t second)
{
	const char16_t units[] = {first, second, 0};
	const size_t characters = characters_in(first, second);
	char16_t back[3];
	char *text;
	status rc = text_read(units, TEXT_UTF16, &text);

	if (!characters) {
		if (rc != STATUS_WIN32(ERROR_NO_UNICODE_TRANSLATION) || text)
			ck_abort_msg("%04x %04x", first, second);
		return;
	}
	if (rc != STATUS_OK || text_wide_length(text) != characters ||
		text_length(text, TEXT_UTF16) != 2)
		ck_abort_msg("%04x %04x", first, second);
	(void)text_write(text, TEXT_UTF16, back);
	ck_assert_mem_eq(back, units, sizeof(units));
	free(text);
}

START_TEST(every_pair_of_utf16_units_comes_back_or_is_refused)
{
	static const char16_t second[] = {u'a', 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdc7f,
		0xdc80, 0xdcff, 0xdd00, 0xdfff, 0xe000, 0xffff};

	for (uint32_t first = 1; first <= 0xffff; first = next_tried(first))
		for (size_t i = 0; i < sizeof(second) / sizeof(second[0]); i++)
			check_units((char16_t)first, second[i]);
}
END_TEST

START_TEST(every_character_is_the_same_in_both_widths)
{
	for (uint32_t code = 1; code <= HIGHEST; code = next_tried(code)) {
		const wchar_t wide[] = {(wchar_t)code, 0};
		char16_t utf16[3];
		char *text, *again;

		if (is_surrogate(code))
			continue;
		ck_assert_int_eq(text_from_wide(wide, &text), STATUS_OK);
		(void)text_write(text, TEXT_UTF16, utf16);
		ck_assert_uint_eq(text_length(text, TEXT_UTF16), code > 0xffff ? 2 : 1);
		ck_assert_int_eq(text_read(utf16, TEXT_UTF16, &again), STATUS_OK);
		if (strcmp(text, again) != 0)
			ck_abort_msg("U+%04X", code);
		free(again);
		free(text);
	}
}
END_TEST

START_TEST(text_never_becomes_half_a_pair)
{
	/* Encoded surrogates that would join each other, or a bad byte. */
	static const char *const texts[] = {"\xed\xa0\xbd\xed\xb8\x80",
		"\xed\xa0\xbd\x80", "\xf0\x9f\x98\x80\x80", "\xed\xa0\x80",
		"\xed\xbf\xbf"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_round_trip(texts[i]);
}
END_TEST

START_TEST(an_unfinished_pair_at_the_end_is_refused)
{
	static const char16_t texts[][4] = {{0xd83d, 0}, {u'a', 0xd83d, 0},
		{0xd83d, 0xde00, 0xd83d, 0}, {0xde00, 0}, {0xde00, 0xd83d, 0}};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *text = (char *)&text;

		ck_assert_int_eq(text_read(texts[i], TEXT_UTF16, &text),
			STATUS_WIN32(ERROR_NO_UNICODE_TRANSLATION));
		ck_assert_ptr_null(text);
		ck_assert_str_ne(status_pending(), "");
	}
}
END_TEST

START_TEST(every_byte_value_comes_back)
{
	for (unsigned a = 1; a < 256; a++) {
		const char one[] = {(char)a, 0};
		wchar_t *wide = to_wide(one);

		ck_assert_uint_eq(wcslen(wide), 1);
		ck_assert_uint_eq((uint32_t)wide[0], a < 0x80 ? a : 0xdc00 + a);
		free(wide);
	}
	for (unsigned a = 1; a < 256; a++)
		for (unsigned b = a % 5 + 1; b < 256; b += sampled ? 35 : 5)
			check_round_trip((const char[]){(char)a, (char)b, 'x', 0});
}
END_TEST

START_TEST(malformed_utf8_is_not_decoded)
{
	static const char *const bad[] = {"\x80", "\xbf", "\xc0\x80", "\xc0\xaf",
		"\xc1\xbf", "\xc2", "\xc2x", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xe2\x82",
		"\xe2\x82x", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80",
		"\xf0\x8f\xbf\xbf", "\xf0\x9f\x98", "\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80", "\xfe", "\xff", ""};
	uint32_t code;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(text_decode(bad[i], &code) == 0, "number %zu", i);
	ck_assert_uint_eq(text_decode_surrogate("\xed\x9f\xbf", &code), 0);
	ck_assert_uint_eq(text_decode_surrogate("\xed\xa0", &code), 0);
	ck_assert_uint_eq(text_decode_surrogate("\xed", &code), 0);
	ck_assert_uint_eq(text_decode_surrogate("", &code), 0);
}
END_TEST

START_TEST(random_bytes_come_back)
{
	/* Bytes that matter are made frequent. */
	static const unsigned char likely[] = {
		0xed, 0xa0, 0xb2, 0x80, 0xbf, 0xf0, 0x9f, 0xc3, 0xa9, 0xf4, 0x8f, 'a'};
	const int rounds = sampled ? 500 : 5000;
	uint64_t random = 42;

	for (int round = 0; round < rounds; round++) {
		char s[33];
		size_t length = (size_t)round % sizeof(s);

		for (size_t i = 0; i < length; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			s[i] = (char)(random >> 63
					      ? likely[(random >> 40) % sizeof(likely)]
					      : 1 + (random >> 40) % 255);
		}
		s[length] = '\0';
		check_round_trip(s);
	}
}
END_TEST

START_TEST(names_of_4096_bytes_come_back)
{
	char s[4097];

	for (size_t i = 0; i < 4096; i++)
		s[i] = (char)(1 + i % 255);
	s[4096] = '\0';
	check_round_trip(s);
	memset(s, '\xff', 4096);
	check_round_trip(s);
	for (size_t i = 0; i < 4096; i += 4)
		memcpy(s + i, "\xf0\x9f\x98\x80", 4);
	check_round_trip(s);
}
END_TEST

START_TEST(lists_are_built_by_converting_at_the_end)
{
	wchar_t list[16], *end = list;

	end = text_to_wide("ab", end) + 1;
	end = text_to_wide("\xc3\xa9", end) + 1;
	*end++ = L'\0';
	ck_assert_int_eq(end - list, 6);
	ck_assert(wmemcmp(list, L"ab\0\x00e9\0\0", 6) == 0);
}
END_TEST

START_TEST(what_is_no_character_is_refused)
{
	static const uint32_t bad[] = {0x110000, 0x7fffffff, 0x80000000, 0xffffffff};
	char *text = (char *)&text;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const wchar_t wide[] = {L'a', (wchar_t)bad[i], 0};

		ck_assert_int_eq(text_from_wide(wide, &text),
			STATUS_WIN32(ERROR_NO_UNICODE_TRANSLATION));
		ck_assert_ptr_null(text);
	}
}
END_TEST

START_TEST(only_ascii_letters_are_folded)
{
	ck_assert_int_eq(text_compare_nocase("Example CA", "eXAMPLE ca"), 0);
	ck_assert_int_eq(text_compare_nocase("", ""), 0);
	ck_assert_int_lt(text_compare_nocase("a", "B"), 0);
	ck_assert_int_gt(text_compare_nocase("b", "A"), 0);
	ck_assert_int_lt(text_compare_nocase("ca", "ca01"), 0);
	ck_assert_int_gt(text_compare_nocase("ca01", "ca"), 0);
	ck_assert_int_ne(text_compare_nocase("\xc3\xa9", "\xc3\x89"), 0);
	ck_assert_int_ne(text_compare_nocase("@[`{", "`{@["), 0);
	ck_assert_int_gt(text_compare_nocase("\xff", "a"), 0);
}
END_TEST

static void check_escape(const char *s, const char *escaped)
{
	char *got = text_escape(s);

	ck_assert_ptr_nonnull(got);
	ck_assert_str_eq(got, escaped);
	ck_assert(text_unescape(got));
	ck_assert_str_eq(got, s);
	free(got);
}

START_TEST(escaped_text_fits_on_a_line)
{
	check_escape("", "");
	check_escape("/srv/ca/index.txt", "/srv/ca/index.txt");
	check_escape("100%\n\t\x7f", "100%25%0A%09%7F");
	check_escape("\xc3\xa9 \xf0\x9f\x98\x80", "\xc3\xa9 \xf0\x9f\x98\x80");
	check_escape("\xff\xc3", "%FF%C3");
	check_escape("\xed\xb2\x80", "%ED%B2%80");
	check_escape("\xc2\x85", "%C2%85");
	for (unsigned a = 1; a < 256; a++) {
		const char s[] = {(char)a, 'x', (char)a, 0};
		char *escaped = text_escape(s);

		ck_assert_ptr_nonnull(escaped);
		ck_assert_ptr_null(strpbrk(escaped, "\n\r"));
		ck_assert(text_unescape(escaped));
		ck_assert_str_eq(escaped, s);
		free(escaped);
	}
}
END_TEST

START_TEST(malformed_escapes_are_refused)
{
	static const char *const bad[] = {
		"%", "a%", "%0", "%g0", "%0g", "%00", "%%41", "% 1", "%-1", "%4"};
	char lower[] = "%c3%A9";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *s = strdup(bad[i]);

		ck_assert_ptr_nonnull(s);
		ck_assert_msg(!text_unescape(s), "%s", bad[i]);
		free(s);
	}
	ck_assert(text_unescape(lower));
	ck_assert_str_eq(lower, "\xc3\xa9");
}
END_TEST

START_TEST(digits_have_their_values_and_other_characters_none)
{
	static const char digits[] = "0123456789abcdef", capitals[] = "ABCDEF";

	for (int i = 0; i < 16; i++)
		ck_assert_int_eq(text_digit_value(digits[i]), i);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(text_digit_value(capitals[i]), 10 + i);
	for (const char *c = "/:@G`g \n\xff"; *c; c++)
		ck_assert_int_eq(text_digit_value(*c), -1);
	ck_assert_int_eq(text_digit_value('\0'), -1);
}
END_TEST

START_TEST(control_characters_do_not_break_a_line)
{
	char text[] = "a\nb\033[31m\x7f\x1f \xc3\xa4";

	text_keep_to_one_line(text);
	ck_assert_str_eq(text, "a?b?[31m?? \xc3\xa4");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("text");
	TCase *tcase = tcase_create("text");

	sampled = support_under_valgrind();
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, all_code_points_encode_and_decode);
	tcase_add_test(tcase, every_pair_of_wide_characters_comes_back);
	tcase_add_test(tcase, every_pair_of_utf16_units_comes_back_or_is_refused);
	tcase_add_test(tcase, every_character_is_the_same_in_both_widths);
	tcase_add_test(tcase, text_never_becomes_half_a_pair);
	tcase_add_test(tcase, an_unfinished_pair_at_the_end_is_refused);
	tcase_add_test(tcase, every_byte_value_comes_back);
	tcase_add_test(tcase, malformed_utf8_is_not_decoded);
	tcase_add_test(tcase, random_bytes_come_back);
	tcase_add_test(tcase, names_of_4096_bytes_come_back);
	tcase_add_test(tcase, lists_are_built_by_converting_at_the_end);
	tcase_add_test(tcase, what_is_no_character_is_refused);
	tcase_add_test(tcase, only_ascii_letters_are_folded);
	tcase_add_test(tcase, escaped_text_fits_on_a_line);
	tcase_add_test(tcase, malformed_escapes_are_refused);
	tcase_add_test(tcase, digits_have_their_values_and_other_characters_none);
	tcase_add_test(tcase, control_characters_do_not_break_a_line);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
