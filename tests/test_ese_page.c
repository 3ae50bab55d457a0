#include "engine/ese_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ese_store.h"
#include "support.h"

#define NUMBER 77u
#define LAST   100u /* of the file */

static uint8_t page[32768];

static struct ese_page check(uint32_t size, uint32_t number)
{
	return ese_page_check(page, size, number);
}

static void flip(uint32_t bit)
{
	page[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

#define FOR_EACH_SIZE(size) for (uint32_t size = 2048; size <= 32768; size *= 2)

START_TEST(good_pages_of_every_size)
{
	FOR_EACH_SIZE(size)
	for (int legacy = 0; legacy < 2; legacy++) {
		struct ese_page found;

		ese_store_page(page, size, NUMBER, legacy, size);
		found = check(size, NUMBER);
		ck_assert_uint_eq(found.verdict, ESE_PAGE_GOOD);
		ck_assert_uint_eq(found.rule, legacy ? ESE_RULE_XOR : ESE_RULE_ECC);
		ck_assert_uint_eq(found.number, NUMBER);
		ck_assert_int_eq(ese_page_status(&found, size, "/db"), STATUS_OK);
	}
}
END_TEST

START_TEST(unused_pages_of_every_size)
{
	memset(page, 0, sizeof(page));
	FOR_EACH_SIZE(size)
	ck_assert_uint_eq(check(size, NUMBER).verdict, ESE_PAGE_UNUSED);
}
END_TEST

START_TEST(one_bit_in_an_unused_page_is_damage)
{
	memset(page, 0, sizeof(page));
	FOR_EACH_SIZE(size)
	for (uint32_t bit = 0; bit < 8 * size; bit += bit < 700 ? 1 : 1009) {
		flip(bit);
		ck_assert_uint_ne(check(size, NUMBER).verdict, ESE_PAGE_UNUSED);
		ck_assert_uint_ne(check(size, NUMBER).verdict, ESE_PAGE_GOOD);
		flip(bit);
	}
}
END_TEST

/* In small pages, a bit of the lower half of the checksum may be that of another number. */
static void assert_located(uint32_t size, uint32_t bit)
{
	const uint32_t other = NUMBER ^ UINT32_C(1) << bit % 32;
	struct ese_page found = check(size, NUMBER);

	ese_page_judge(&found, LAST);
	if (bit < 32 && size <= 8192 && other <= LAST) {
		ck_assert_uint_eq(found.verdict, ESE_PAGE_MISPLACED);
		ck_assert_uint_eq(found.belongs, other);
		ck_assert(found.doubtful && !found.single_bit);
		return;
	}
	ck_assert(!found.doubtful);
	ck_assert_uint_eq(found.belongs, NUMBER);
	ck_assert_uint_eq(found.verdict, ESE_PAGE_DAMAGED);
	if (bit == 301) {
		ck_assert(!found.single_bit);
		return;
	}
	ck_assert_msg(found.single_bit, "bit %u of %u", bit, size);
	ck_assert_uint_eq(found.bit, bit);
}

START_TEST(each_single_bit_is_found_and_located)
{
	FOR_EACH_SIZE(size)
	{
		ese_store_page(page, size, NUMBER, false, size);
		for (uint32_t bit = 0; bit < 8 * size; bit += bit < 700 ? 1 : 211) {
			flip(bit);
			assert_located(size, bit);
			flip(bit);
		}
	}
}
END_TEST

START_TEST(each_single_bit_in_an_old_page_is_found)
{
	FOR_EACH_SIZE(size)
	{
		ese_store_page(page, size, NUMBER, true, size);
		for (uint32_t bit = 0; bit < 8 * size; bit += bit < 700 ? 1 : 211) {
			struct ese_page found;

			flip(bit);
			found = check(size, NUMBER);
			flip(bit);
			ck_assert_uint_eq(found.verdict, ESE_PAGE_DAMAGED);
			ck_assert(!found.single_bit);
		}
	}
}
END_TEST

START_TEST(two_bits_are_damage_without_a_place)
{
	FOR_EACH_SIZE(size)
	{
		ese_store_page(page, size, NUMBER, false, size);
		for (uint32_t bit = 600; bit < 8 * size; bit += 997)
			for (uint32_t other = 601; other < 8 * size; other += 7919) {
				struct ese_page found;

				if (bit == other)
					continue;
				flip(bit);
				flip(other);
				found = check(size, NUMBER);
				flip(bit);
				flip(other);
				ck_assert_uint_eq(found.verdict, ESE_PAGE_DAMAGED);
				ck_assert(!found.single_bit);
			}
	}
}
END_TEST

/* A wrong bit of data, and two of the checksum that hide it and show another. */
START_TEST(bits_that_do_not_agree_are_not_taken_for_one)
{
	struct ese_page found;

	ese_store_page(page, 4096, NUMBER, false, 6);
	flip(8 * 1000 + 3);
	flip(3);
	flip(9);
	found = check(4096, NUMBER);
	ck_assert_uint_eq(found.verdict, ESE_PAGE_DAMAGED);
	ck_assert(!found.single_bit);
}
END_TEST

/* The code of blocks below 8 KiB does not use all bits of its field. */
START_TEST(a_bit_that_the_code_does_not_use_counts_too)
{
	struct ese_page found;

	ese_store_page(page, 2048, NUMBER, false, 6);
	flip(8 * 1000 + 3);
	flip(32 + 14);
	found = check(2048, NUMBER);
	ck_assert_uint_eq(found.verdict, ESE_PAGE_DAMAGED);
	ck_assert(!found.single_bit);
}
END_TEST

/* Together they look like one in the checksum itself, which its code does not cover. */
START_TEST(three_bits_that_point_into_the_checksum)
{
	struct ese_page found;

	ese_store_page(page, 4096, NUMBER, false, 6);
	flip(1024);
	flip(2048);
	flip(1024 ^ 2048 ^ 40);
	found = check(4096, NUMBER);
	ck_assert_uint_eq(found.verdict, ESE_PAGE_DAMAGED);
	ck_assert(!found.single_bit);
}
END_TEST

START_TEST(a_page_of_another_place_says_where_it_belongs)
{
	FOR_EACH_SIZE(size)
	for (int legacy = 0; legacy < 2; legacy++) {
		struct ese_page found;

		ese_store_page(page, size, 4000, legacy, size);
		found = check(size, NUMBER);
		ck_assert_uint_eq(found.verdict, ESE_PAGE_MISPLACED);
		ck_assert_uint_eq(found.belongs, 4000);
		ck_assert_int_eq(ese_page_status(&found, size, "/db"), ESE_WRONG_PAGE);
		ck_assert_ptr_nonnull(strstr(status_pending(), "/db: page 77 at offset"));
		ck_assert_ptr_nonnull(strstr(status_pending(), "page 4000"));
	}
}
END_TEST

/* Page 0 is none, nor is one beyond the end of the file. */
START_TEST(a_number_that_no_page_has_is_damage)
{
	static const struct {
		uint32_t difference;
		uint64_t last;
		bool damaged, single_bit;
	} cases[] = {
		{UINT32_C(1) << 31, LAST, true, true},
		{UINT32_C(3) << 30, LAST, true, false},
		{NUMBER, LAST, true, false},
		{NUMBER ^ LAST, LAST, false, false},
		{NUMBER ^ LAST, LAST - 1, true, false},
		{NUMBER ^ 1, 1, false, false},
		{2, 1, true, true},
		{UINT32_C(1) << 31, UINT32_MAX - 1, false, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (uint32_t size = 2048; size <= 8192; size *= 2) {
			struct ese_page found;

			ese_store_page(page, size, NUMBER, false, size);
			for (unsigned byte = 0; byte < 4; byte++)
				page[byte] ^= (uint8_t)(cases[i].difference >> 8 * byte);
			found = check(size, NUMBER);
			ese_page_judge(&found, cases[i].last);
			ck_assert_int_eq(
				found.verdict == ESE_PAGE_DAMAGED, cases[i].damaged);
			ck_assert_int_eq(found.single_bit, cases[i].single_bit);
			ck_assert_int_eq(ese_page_status(&found, size, "/db"),
				cases[i].damaged ? hrReadVerifyFailure : ESE_WRONG_PAGE);
		}
}
END_TEST

/* Two numbers and several sums agree: that is no damage. */
START_TEST(a_large_page_of_another_file_is_of_another_place)
{
	FOR_EACH_SIZE(size)
	for (int legacy = 0; legacy < 2; legacy++) {
		struct ese_page found;

		if (size <= 8192 && !legacy)
			continue;
		ese_store_page(page, size, 4000, legacy, size);
		found = check(size, NUMBER);
		ese_page_judge(&found, LAST);
		ck_assert_uint_eq(found.verdict, ESE_PAGE_MISPLACED);
		ck_assert_uint_eq(found.belongs, 4000);
		ck_assert(!found.doubtful);
	}
}
END_TEST

/* Right sums for page 77, but another number inside: large pages have it twice. */
START_TEST(a_large_page_with_another_number_inside_is_of_another_place)
{
	for (uint32_t size = 16384; size <= 32768; size *= 2) {
		struct ese_page found;

		ese_store_page(page, size, NUMBER, false, size);
		ese_store_put32(page + 64, 5);
		ese_store_put64(page, ese_store_checksum(page, size / 4, NUMBER, true));
		found = check(size, NUMBER);
		ck_assert_uint_eq(found.verdict, ESE_PAGE_MISPLACED);
		ck_assert_uint_eq(found.belongs, 5);
	}
}
END_TEST

START_TEST(messages_name_file_page_offset_and_bit)
{
	struct ese_page found;

	ese_store_page(page, 4096, NUMBER, false, 1);
	flip(8 * 1000 + 3);
	found = check(4096, NUMBER);
	ck_assert_int_eq(ese_page_status(&found, 4096, "/a/db"), hrReadVerifyFailure);
	ck_assert_str_eq(status_pending(), "/a/db: page 77 at offset 319488: its "
					   "checksum is wrong, as it is when one "
					   "bit is: bit 3 of byte 1000");
	flip(8 * 2000 + 3);
	found = check(4096, NUMBER);
	ck_assert_int_eq(ese_page_status(&found, 4096, "/a/db"), hrReadVerifyFailure);
	ck_assert_str_eq(status_pending(),
		"/a/db: page 77 at offset 319488: its checksum is wrong");
	ese_store_page(page, 4096, NUMBER, false, 1);
	flip(1);
	found = check(4096, NUMBER);
	ese_page_judge(&found, LAST);
	ck_assert_int_eq(ese_page_status(&found, 4096, "/a/db"), ESE_WRONG_PAGE);
	ck_assert_str_eq(status_pending(),
		"/a/db: page 77 at offset 319488: this is page 79, in the wrong place, "
		"or its checksum is damaged");
}
END_TEST

START_TEST(the_page_that_a_streamed_backup_ends_with)
{
	FOR_EACH_SIZE(size)
	{
		ese_store_fill(page, size, 3);
		ese_store_seal(page, size);
		ck_assert_uint_eq(ese_page_check_trailer(page, size, NUMBER).verdict,
			ESE_PAGE_GOOD);
		flip(8 * size - 1);
		ck_assert_uint_eq(ese_page_check_trailer(page, size, NUMBER).verdict,
			ESE_PAGE_DAMAGED);
	}
}
END_TEST

START_TEST(page_sizes)
{
	uint32_t valid = 0;

	for (uint32_t size = 0; size < 70000; size++)
		valid += ese_page_size_valid(size);
	ck_assert_uint_eq(valid, 5);
	FOR_EACH_SIZE(size)
	ck_assert(ese_page_size_valid(size));
	ck_assert_uint_eq(ese_page_offset(1, 4096), 8192);
	ck_assert_uint_eq(
		ese_page_offset(UINT32_MAX, 32768), (UINT64_C(1) << 32) * 32768);
}
END_TEST

START_TEST(renumbering_in_the_generator_gives_what_making_does)
{
	uint8_t other[32768];

	FOR_EACH_SIZE(size)
	for (int legacy = 0; legacy < 2; legacy++) {
		ese_store_page(page, size, 1, legacy, 9);
		ese_store_renumber(page, size, 1, 123456);
		ese_store_page(other, size, 123456, legacy, 9);
		ck_assert_mem_eq(page, other, size);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ese_page");
	TCase *tcase = tcase_create("ese_page");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, good_pages_of_every_size);
	tcase_add_test(tcase, unused_pages_of_every_size);
	tcase_add_test(tcase, one_bit_in_an_unused_page_is_damage);
	tcase_add_test(tcase, each_single_bit_is_found_and_located);
	tcase_add_test(tcase, each_single_bit_in_an_old_page_is_found);
	tcase_add_test(tcase, two_bits_are_damage_without_a_place);
	tcase_add_test(tcase, bits_that_do_not_agree_are_not_taken_for_one);
	tcase_add_test(tcase, a_bit_that_the_code_does_not_use_counts_too);
	tcase_add_test(tcase, three_bits_that_point_into_the_checksum);
	tcase_add_test(tcase, a_page_of_another_place_says_where_it_belongs);
	tcase_add_test(
		tcase, a_large_page_with_another_number_inside_is_of_another_place);
	tcase_add_test(tcase, a_number_that_no_page_has_is_damage);
	tcase_add_test(tcase, a_large_page_of_another_file_is_of_another_place);
	tcase_add_test(tcase, messages_name_file_page_offset_and_bit);
	tcase_add_test(tcase, the_page_that_a_streamed_backup_ends_with);
	tcase_add_test(tcase, page_sizes);
	tcase_add_test(tcase, renumbering_in_the_generator_gives_what_making_does);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
