/*
 * test_host.c - names of hosts
 */
#include "server/host.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

START_TEST(letters_digits_dashes_and_dots_make_a_name)
{
	static const char *const good[] = {"a", "A", "7", "a-b.c", "1.2.3.4", "a.", "a-"};
	static const char *const bad[] = {"", ".", "-", ".a", "-a", "a_b", "a b", "a/b",
		"a\\b", "a$", "a:b", "\xc3\xbc", "a\n", "a\x7f"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(host_name_valid(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!host_name_valid(bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(names_have_at_most_255_characters)
{
	char name[257];

	memset(name, 'x', sizeof(name));
	name[255] = '\0';
	ck_assert(host_name_valid(name));
	name[255] = 'x';
	name[256] = '\0';
	ck_assert(!host_name_valid(name));
}
END_TEST

START_TEST(this_host_has_many_names)
{
	char own[HOST_NAME_MAX + 1], other[HOST_NAME_MAX + 2];

	ck_assert(host_is_this(""));
	ck_assert(host_is_this("."));
	ck_assert(host_is_this("localhost"));
	ck_assert(host_is_this("LOCALhost"));
	ck_assert_int_eq(gethostname(own, sizeof(own)), 0);
	own[sizeof(own) - 1] = '\0';
	ck_assert(host_is_this(own));
	(void)stpcpy(stpcpy(other, own), "x");
	ck_assert(!host_is_this(other));
	own[strcspn(own, ".")] = '\0';
	ck_assert(host_is_this(own));
	ck_assert(!host_is_this(".."));
	ck_assert(!host_is_this("localhost."));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("host");
	TCase *t = tcase_create("host");

	tcase_add_test(t, letters_digits_dashes_and_dots_make_a_name);
	tcase_add_test(t, names_have_at_most_255_characters);
	tcase_add_test(t, this_host_has_many_names);
	suite_add_tcase(suite, t);
	return suite;
}

int main(void)
{
	return support_run(make_suite());
}
