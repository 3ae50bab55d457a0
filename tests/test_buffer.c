#include "base/buffer.h"

#include <stdlib.h>
#include <string.h>

#include "support.h"

START_TEST(empty_buffer_is_all_zero)
{
	struct buffer b = {0};

	ck_assert(!buffer_failed(&b));
	buffer_clear(&b);
	ck_assert_uint_eq(b.size, 0);
	buffer_free(&b);
	buffer_free(&b);
}
END_TEST

START_TEST(what_is_added_follows_and_ends_in_a_nul)
{
	struct buffer b = {0};

	buffer_text(&b, "name");
	buffer_add(&b, " = \0", 4);
	buffer_printf(&b, "%s-%u", "ca", 7u);
	buffer_add(&b, NULL, 0);
	ck_assert(!buffer_failed(&b));
	ck_assert_uint_eq(b.size, 12);
	ck_assert_mem_eq(b.data, "name = \0ca-7", 13);
	buffer_clear(&b);
	ck_assert_uint_eq(b.size, 0);
	ck_assert_str_eq(b.data, "");
	buffer_text(&b, "again");
	ck_assert_str_eq(b.data, "again");
	buffer_free(&b);
	ck_assert_ptr_null(b.data);
	ck_assert_uint_eq(b.capacity, 0);
}
END_TEST

START_TEST(numbers_are_little_endian)
{
	struct buffer b = {0};

	buffer_u32(&b, 0x01020304);
	buffer_u64(&b, UINT64_C(0x1122334455667788));
	ck_assert_uint_eq(b.size, 12);
	ck_assert_mem_eq(b.data, "\x04\x03\x02\x01\x88\x77\x66\x55\x44\x33\x22\x11", 12);
	buffer_free(&b);
}
END_TEST

START_TEST(it_grows_byte_by_byte_and_in_one_go)
{
	struct buffer b = {0};
	size_t large = 1 << 20;
	char *text = malloc(large + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, 'y', large);
	text[large] = '\0';
	for (size_t i = 0; i < 100000; i++)
		buffer_add(&b, "x", 1);
	buffer_printf(&b, "%s", text);
	ck_assert(!buffer_failed(&b));
	ck_assert_uint_eq(b.size, 100000 + large);
	ck_assert_uint_eq(strspn(b.data, "x"), 100000);
	ck_assert_str_eq(b.data + 100000, text);
	free(text);
	buffer_free(&b);
}
END_TEST

START_TEST(failure_is_sticky_until_cleared)
{
	struct buffer b = {0};

	buffer_text(&b, "before");
	buffer_add(&b, "", SIZE_MAX); /* more than there can be */
	ck_assert(buffer_failed(&b));
	buffer_text(&b, "after");
	buffer_printf(&b, "%d", 1);
	ck_assert(buffer_failed(&b));
	ck_assert_uint_eq(b.size, 6);
	ck_assert_str_eq(b.data, "before");
	buffer_clear(&b);
	ck_assert(!buffer_failed(&b));
	buffer_text(&b, "new");
	ck_assert_str_eq(b.data, "new");
	buffer_free(&b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("buffer");
	TCase *tcase = tcase_create("buffer");

	tcase_add_test(tcase, empty_buffer_is_all_zero);
	tcase_add_test(tcase, what_is_added_follows_and_ends_in_a_nul);
	tcase_add_test(tcase, numbers_are_little_endian);
	tcase_add_test(tcase, it_grows_byte_by_byte_and_in_one_go);
	tcase_add_test(tcase, failure_is_sticky_until_cleared);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
