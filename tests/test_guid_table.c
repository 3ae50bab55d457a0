/* The table as it is where the compiler has no 128-bit numbers. */
#define GUID_TABLE_PORTABLE
#include "sis/guid_table.c"

#include <stdio.h>

#include "support.h"

#define COUNT 20000u

static void make_guid(uint32_t number, uuid_t guid)
{
	memset(guid, 0x5a, sizeof(uuid_t));
	memcpy(guid, &number, sizeof(number));
}

#ifdef __SIZEOF_INT128__
START_TEST(the_portable_product_is_the_128_bit_one)
{
	uint64_t a = 0x9e3779b97f4a7c15u, b = 0xffffffffffffffffu;

	for (int i = 0; i < 10000; i++) {
		__extension__ const unsigned __int128 product = (unsigned __int128)a * b;

		ck_assert_uint_eq(
			mix(a, b), (uint64_t)product ^ (uint64_t)(product >> 64));
		a = a * 6364136223846793005u + 1442695040888963407u;
		b = (b ^ a) * 0xbf58476d1ce4e5b9u;
	}
	ck_assert_uint_eq(mix(UINT64_MAX, UINT64_MAX), UINT64_MAX);
}
END_TEST
#endif

START_TEST(what_was_added_is_found_and_nothing_else)
{
	struct guid_table table = {0};
	static char pointers[COUNT];
	uuid_t guid;
	size_t i = 0;

	for (uint32_t n = 0; n < COUNT; n++) {
		make_guid(n, guid);
		ck_assert_ptr_null(guid_table_find(&table, guid));
		ck_assert_int_eq(guid_table_add(&table, guid, &pointers[n]), STATUS_OK);
	}
	guid_table_remove_last(&table);
	ck_assert_ptr_null(guid_table_find(&table, guid));
	for (uint32_t n = 0; n < COUNT - 1; n++) {
		void **found;

		make_guid(n, guid);
		found = guid_table_find(&table, guid);
		ck_assert_ptr_nonnull(found);
		ck_assert_ptr_eq(*found, &pointers[n]);
		ck_assert_ptr_eq(guid_table_next(&table, &i), &pointers[n]);
	}
	ck_assert_ptr_null(guid_table_next(&table, &i));
	guid_table_free(&table);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guid_table");
	TCase *tcase = tcase_create("guid_table");

#ifdef __SIZEOF_INT128__
	tcase_add_test(tcase, the_portable_product_is_the_128_bit_one);
#endif
	tcase_add_test(tcase, what_was_added_is_found_and_nothing_else);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
