#include "base/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

START_TEST(items_stay_in_the_order_they_came)
{
	struct names list = {0};

	ck_assert_int_eq(names_add(&list, "b"), STATUS_OK);
	ck_assert_int_eq(names_take(&list, strdup("a")), STATUS_OK);
	ck_assert_int_eq(names_add(&list, ""), STATUS_OK);
	ck_assert_uint_eq(list.count, 3);
	ck_assert_str_eq(list.items[0], "b");
	ck_assert_str_eq(list.items[1], "a");
	ck_assert_str_eq(list.items[2], "");
	names_free(&list);
	ck_assert_uint_eq(list.count, 0);
	ck_assert_ptr_null(list.items);
	names_free(&list);
}
END_TEST

START_TEST(what_is_added_is_a_copy)
{
	struct names list = {0};
	char text[] = "text";

	ck_assert_int_eq(names_add(&list, text), STATUS_OK);
	text[0] = 'n';
	ck_assert_str_eq(list.items[0], "text");
	names_free(&list);
}
END_TEST

START_TEST(taking_null_is_lack_of_memory)
{
	struct names list = {0};

	ck_assert_int_eq(names_take(&list, NULL), STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY));
	ck_assert_uint_eq(list.count, 0);
	names_free(&list);
}
END_TEST

START_TEST(sorting_is_by_bytes_and_drops_equal_items)
{
	static const char *const given[] = {
		"b", "\xc3\xa9", "a", "B", "b", "", "a", "b", "ab"};
	static const char *const sorted[] = {"", "B", "a", "ab", "b", "\xc3\xa9"};
	struct names list = {0};

	names_sort(&list);
	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		ck_assert_int_eq(names_add(&list, given[i]), STATUS_OK);
	names_sort(&list);
	ck_assert_uint_eq(list.count, sizeof(sorted) / sizeof(sorted[0]));
	for (size_t i = 0; i < list.count; i++)
		ck_assert_str_eq(list.items[i], sorted[i]);
	names_free(&list);
}
END_TEST

START_TEST(a_sorted_list_is_searched)
{
	struct names list = {0};
	char item[16];

	ck_assert(!names_contains(&list, "x"));
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(item, sizeof(item), "%d", 2 * i);
		ck_assert_int_eq(names_add(&list, item), STATUS_OK);
	}
	names_sort(&list);
	for (int i = 0; i < 2000; i++) {
		(void)snprintf(item, sizeof(item), "%d", i);
		ck_assert(names_contains(&list, item) == (i % 2 == 0));
	}
	ck_assert(!names_contains(&list, ""));
	names_free(&list);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("names");
	TCase *tcase = tcase_create("names");

	tcase_add_test(tcase, items_stay_in_the_order_they_came);
	tcase_add_test(tcase, what_is_added_is_a_copy);
	tcase_add_test(tcase, taking_null_is_lack_of_memory);
	tcase_add_test(tcase, sorting_is_by_bytes_and_drops_equal_items);
	tcase_add_test(tcase, a_sorted_list_is_searched);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
