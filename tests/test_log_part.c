#include <stdlib.h>
#include <string.h>

#include "engine/log_part.h"
#include "support.h"

START_TEST(a_name_comes_apart_as_it_was_made)
{
	static const uint64_t lengths[] = {0, 1, 10, 10485760, UINT64_MAX};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char *name = log_part_name("/srv/db/log.0000000007", lengths[i]);
		uint64_t length = 77;
		size_t stem;

		ck_assert_ptr_nonnull(name);
		ck_assert(log_part_split(name, &stem, &length));
		ck_assert_uint_eq(stem, strlen("/srv/db/log.0000000007"));
		ck_assert_uint_eq(length, lengths[i]);
		ck_assert(log_part_split(name, &stem, NULL));
		free(name);
	}
}
END_TEST

START_TEST(the_length_stands_in_the_name)
{
	char *name = log_part_name("log.1", 42);

	ck_assert_str_eq(name, "log.1.part-42");
	free(name);
}
END_TEST

START_TEST(other_names_have_no_suffix)
{
	static const char *const others[] = {"", "log.0000000001", "log.1.part-",
		"log.1.part-x", "log.1.part-1x", "log.1.part--1", "log.1.part-+1",
		"log.1.part- 1", "log.1.part-01", "log.1.part-18446744073709551616",
		"log.1.part-99999999999999999999", ".part-5", "log.1part-5",
		"log.1.PART-5", "log.1.part-5.old", "5"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		uint64_t length = 77;
		size_t stem = 99;

		ck_assert_msg(
			!log_part_split(others[i], &stem, &length), "%s", others[i]);
		ck_assert_uint_eq(stem, strlen(others[i]));
		ck_assert_uint_eq(length, 77);
	}
}
END_TEST

START_TEST(only_the_last_suffix_is_split_off)
{
	uint64_t length;
	size_t stem;

	ck_assert(log_part_split("log.1.part-5.part-6", &stem, &length));
	ck_assert_uint_eq(stem, strlen("log.1.part-5"));
	ck_assert_uint_eq(length, 6);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log_part");
	TCase *tc = tcase_create("log_part");

	tcase_add_test(tc, a_name_comes_apart_as_it_was_made);
	tcase_add_test(tc, the_length_stands_in_the_name);
	tcase_add_test(tc, other_names_have_no_suffix);
	tcase_add_test(tc, only_the_last_suffix_is_split_off);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
