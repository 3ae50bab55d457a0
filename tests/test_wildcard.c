#include <locale.h>

#include "base/wildcard.h"
#include "support.h"

static const struct {
	const char *pattern, *name;
	bool matches;
} cases[] = {
	{"01.pem", "01.pem", true},
	{"01.pem", "01.pe", false},
	{"01.pem", "01.pem2", false},
	{"*", "01.pem", true},
	{"*.pem", "01.pem", true},
	{"*.pem", ".pem", false},
	{"*.pem", "01.pem.new", false},
	{"*.p*m", "a.p.pxm", true},
	{"a*b*c", "aXbXbXc", true},
	{"a*b*c", "aXbXbX", false},
	{"**", "x", true},
	{"", "x", false},
	{"*", ".hidden", false},
	{"?hidden", ".hidden", false},
	{"[.]hidden", ".hidden", false},
	{".*", ".hidden", true},
	{"\\.h*", ".hidden", true},
	{"?.pem", "1.pem", true},
	{"?.pem", "12.pem", false},
	{"?.pem", "\xc3\xa4.pem", true},
	{"??.pem", "\xc3\xa4.pem", false},
	{"?.pem", "\xe4.pem", true},
	{"*.pem", "\xff\xfe.pem", true},
	{"\xe4*", "\xe4x", true},
	{"[0-9A-F]?.pem", "0A.pem", true},
	{"[0-9A-F]?.pem", "G1.pem", false},
	{"[!0-9]x", "ax", true},
	{"[!0-9]x", "1x", false},
	{"[^0-9]x", "1x", false},
	{"[]a]x", "]x", true},
	{"[!]a]x", "]x", false},
	{"[a-]x", "-x", true},
	{"[\xc3\xa0-\xc3\xbf]", "\xc3\xa4", true},
	{"[\xc3\xa0-\xc3\xbf]", "z", false},
	{"[\\]]x", "]x", true},
	{"[ab", "[ab", true},
	{"[ab", "a", false},
	{"a\\*b", "a*b", true},
	{"a\\*b", "aXb", false},
	{"a\\", "a\\", true},
	{"*[0-9]", "log1", true},
	{"*[0-9]", "log", false},
};

static void check_all(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(wildcard_match(cases[i].pattern, cases[i].name) ==
				      cases[i].matches,
			"%s %s %s", cases[i].pattern,
			cases[i].matches ? "does not match" : "matches", cases[i].name);
}

START_TEST(patterns_match_as_in_the_shell)
{
	check_all();
}
END_TEST

START_TEST(the_locale_plays_no_part)
{
	ck_assert_ptr_nonnull(setlocale(LC_ALL, "C.UTF-8"));
	check_all();
	ck_assert_ptr_nonnull(setlocale(LC_ALL, "C"));
}
END_TEST

START_TEST(many_stars_do_not_explode)
{
	char name[2001];

	memset(name, 'a', 2000);
	name[2000] = '\0';
	ck_assert(!wildcard_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", name));
}
END_TEST

START_TEST(plain_names_are_told_from_patterns)
{
	ck_assert(wildcard_present("*.pem"));
	ck_assert(wildcard_present("0?"));
	ck_assert(wildcard_present("[0-9]"));
	ck_assert(!wildcard_present("index.txt"));
	ck_assert(!wildcard_present("a\\b"));
	ck_assert(!wildcard_present(""));
}
END_TEST

static const struct {
	const char *a, *b;
	bool overlap;
} pairs[] = {
	{"*", "*", true},
	{"*.pem", "*.pem", true},
	{"*.pem", "*.key", false},
	{"a*", "*b", true},
	{"a*", "b*", false},
	{"*", "", true},
	{"?", "", false},
	{"a*c", "ab*", true},
	{"a*c", "*b", false},
	{"*a*b*", "*b*a*", true},
	{"??", "???", false},
	{"?*", "??", true},
	{"[0-7]*", "[8-f]*", false},
	{"[0-8]*", "[8-f]*", true},
	{"[!a]", "a", false},
	{"[!a]", "[!b]", true},
	{"[!a-y]", "[b-z]", true},
	{"[!a-z]", "[b-y]", false},
	{"[\xc3\xa0-\xc3\xbf]x", "\xc3\xa4?", true},
	{"[\xc3\xa0-\xc3\xaf]x", "[\xc3\xb0-\xc3\xbf]?", false},
	{"*", ".*", false},
	{"?a", ".a", false},
	{".*", ".h?", true},
	{".*", "\\.h?", true},
	{"a\\**", "a*b", true},
	{"a\\**", "ab*", false},
	{"[ab", "[a?", true},
	{"[ab", "?b*", false},
};

START_TEST(patterns_overlap_where_a_name_matches_both)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		bool there = !pairs[i].overlap, back = there;

		ck_assert_int_eq(
			wildcard_overlap(pairs[i].a, pairs[i].b, &there), STATUS_OK);
		ck_assert_int_eq(
			wildcard_overlap(pairs[i].b, pairs[i].a, &back), STATUS_OK);
		ck_assert_msg(there == pairs[i].overlap && back == there, "%s and %s",
			pairs[i].a, pairs[i].b);
	}
}
END_TEST

START_TEST(a_pattern_overlaps_with_every_name_that_it_matches_and_no_other)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool overlap;

		if (wildcard_present(cases[i].name) || strchr(cases[i].name, '\\'))
			continue;
		ck_assert_int_eq(
			wildcard_overlap(cases[i].pattern, cases[i].name, &overlap),
			STATUS_OK);
		ck_assert_msg(overlap == cases[i].matches, "%s and %s", cases[i].pattern,
			cases[i].name);
	}
}
END_TEST

START_TEST(overlaps_of_many_stars_do_not_explode)
{
	bool overlap;

	ck_assert_int_eq(wildcard_overlap("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
				 "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*c", &overlap),
		STATUS_OK);
	ck_assert(!overlap);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wildcard");
	TCase *tc = tcase_create("match");

	tcase_add_test(tc, patterns_match_as_in_the_shell);
	tcase_add_test(tc, the_locale_plays_no_part);
	tcase_add_test(tc, many_stars_do_not_explode);
	tcase_add_test(tc, plain_names_are_told_from_patterns);
	tcase_add_test(tc, patterns_overlap_where_a_name_matches_both);
	tcase_add_test(
		tc, a_pattern_overlaps_with_every_name_that_it_matches_and_no_other);
	tcase_add_test(tc, overlaps_of_many_stars_do_not_explode);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
