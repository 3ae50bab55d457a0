#include "base/hash.h"

#include "support.h"

START_TEST(known_values)
{
	ck_assert_uint_eq(hash_bytes("", 0), UINT64_C(0xcbf29ce484222325));
	ck_assert_uint_eq(hash_bytes("a", 1), UINT64_C(0xaf63dc4c8601ec8c));
	ck_assert_uint_eq(hash_bytes("foobar", 6), UINT64_C(0x85944171f73967e8));
}
END_TEST

START_TEST(every_byte_counts)
{
	unsigned char record[64] = {0};
	uint64_t whole = hash_bytes(record, sizeof(record));

	for (size_t i = 0; i < sizeof(record); i++)
		for (unsigned bit = 1; bit < 256; bit *= 2) {
			record[i] = (unsigned char)bit;
			ck_assert_uint_ne(hash_bytes(record, sizeof(record)), whole);
			record[i] = 0;
		}
	ck_assert_uint_ne(hash_bytes(record, sizeof(record) - 1), whole);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hash");
	TCase *tcase = tcase_create("hash");

	tcase_add_test(tcase, known_values);
	tcase_add_test(tcase, every_byte_counts);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
