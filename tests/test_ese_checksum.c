#include "engine/ese_checksum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ese_store.h"
#include "support.h"

static const size_t sizes[] = {2048, 4096, 8192};

/* Steps through all bits of a block of 2048 bytes, and through some of the larger ones. */
static size_t step(size_t size)
{
	return size == 2048 ? 1 : 23;
}

/* The content that the known answers are for. */
static void fill_known(uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)((i * 7 + 3) ^ (i >> 8));
}

START_TEST(known_answers_of_the_code)
{
	uint8_t data[8192];

	fill_known(data, sizeof(data));
	ck_assert_uint_eq(ese_checksum(data, 4096, 1, true), 0x7fca00352c3c2c1d);
	ck_assert_uint_eq(ese_checksum(data, 4096, 0x1234, true), 0x7fca00352c3c3e28);
	ck_assert_uint_eq(ese_checksum(data, 8192, 1, true), 0xffca00352c3c2c1d);
	ck_assert_uint_eq(ese_checksum(data, 4096, 1, false), 1);
	ck_assert_uint_eq(ese_checksum(data, 8192, 1, false), 1);
	memset(data, 0, sizeof(data));
	data[8] = 1;
	ck_assert_uint_eq(ese_checksum(data, 4096, 1, true), 0x7fbf004000000000);
	data[8] = 0;
	data[4095] = 0x80;
	ck_assert_uint_eq(ese_checksum(data, 4096, 1, true), 0x00007fff80000001);
}
END_TEST

START_TEST(known_answers_of_the_sum)
{
	uint8_t data[8192];

	fill_known(data, sizeof(data));
	ck_assert_uint_eq(ese_xor_checksum(data, 4096), 0x91bac7ec);
	ck_assert_uint_eq(ese_xor_checksum(data, 8192), 0x91bac7ec);
}
END_TEST

START_TEST(the_definition_bit_by_bit_gives_the_same)
{
	uint8_t data[8192];

	for (uint32_t seed = 0; seed < 6; seed++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			ese_store_fill(data, sizeof(data), seed);
			for (int header = 0; header < 2; header++)
				ck_assert_uint_eq(
					ese_checksum(data, sizes[i], seed * 77, header),
					ese_store_checksum(
						data, sizes[i], seed * 77, header));
		}
}
END_TEST

START_TEST(every_single_bit_gives_its_own_checksum)
{
	static uint8_t data[8192];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (size_t bit = 0; bit < 8 * sizes[i]; bit += step(sizes[i])) {
			data[bit / 8] = (uint8_t)(1u << bit % 8);
			ck_assert_uint_eq(ese_checksum(data, sizes[i], 0, false),
				(uint64_t)((~bit & (8 * sizes[i] - 1)) << 16 | bit)
						<< 32 |
					UINT32_C(1) << bit % 32);
			data[bit / 8] = 0;
		}
}
END_TEST

START_TEST(memory_need_not_be_aligned)
{
	uint8_t data[8192 + 64], whole[8192];

	ese_store_fill(whole, sizeof(whole), 5);
	for (size_t shift = 0; shift < 64; shift++) {
		memcpy(data + shift, whole, sizeof(whole));
		ck_assert_uint_eq(ese_checksum(data + shift, 8192, 9, true),
			ese_checksum(whole, 8192, 9, true));
		ck_assert_uint_eq(ese_xor_checksum(data + shift, 8192),
			ese_xor_checksum(whole, 8192));
	}
}
END_TEST

START_TEST(what_every_machine_has_gives_the_same)
{
	uint8_t data[8192];

	for (uint32_t seed = 0; seed < 50; seed++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			struct ese_sums a, b;

			ese_store_fill(data, sizeof(data), seed);
			a = ese_sum(data, sizes[i]);
			b = ese_sum_portable(data, sizes[i]);
			ck_assert_uint_eq(a.columns, b.columns);
			ck_assert_uint_eq(a.rows, b.rows);
		}
}
END_TEST

START_TEST(the_sum_of_pages_of_every_size)
{
	uint8_t data[32768];

	ese_store_fill(data, sizeof(data), 3);
	for (size_t size = 2048; size <= sizeof(data); size *= 2)
		ck_assert_uint_eq(
			ese_xor_checksum(data, size), ese_store_xor(data, size));
}
END_TEST

START_TEST(a_wrong_bit_is_located)
{
	uint8_t data[8192];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t stored;

		ese_store_fill(data, sizeof(data), 11);
		stored = ese_checksum(data, sizes[i], 3, true);
		for (size_t bit = 64; bit < 8 * sizes[i]; bit += step(sizes[i])) {
			uint64_t computed;
			uint32_t found;

			data[bit / 8] ^= (uint8_t)(1u << bit % 8);
			computed = ese_checksum(data, sizes[i], 3, true);
			data[bit / 8] ^= (uint8_t)(1u << bit % 8);
			ck_assert(ese_single_bit(stored, computed, sizes[i], &found));
			ck_assert_uint_eq(found, bit);
		}
	}
}
END_TEST

START_TEST(two_wrong_bits_are_not_taken_for_one)
{
	uint8_t data[4096];
	const uint64_t stored = (ese_store_fill(data, sizeof(data), 12),
		ese_checksum(data, sizeof(data), 3, true));

	for (size_t a = 64; a < 8 * sizeof(data); a += 397)
		for (size_t b = a + 1; b < 8 * sizeof(data); b += 1009) {
			uint32_t found;
			uint64_t computed;

			data[a / 8] ^= (uint8_t)(1u << a % 8);
			data[b / 8] ^= (uint8_t)(1u << b % 8);
			computed = ese_checksum(data, sizeof(data), 3, true);
			data[a / 8] ^= (uint8_t)(1u << a % 8);
			data[b / 8] ^= (uint8_t)(1u << b % 8);
			ck_assert_uint_ne(stored, computed);
			ck_assert(
				!ese_single_bit(stored, computed, sizeof(data), &found));
		}
}
END_TEST

START_TEST(equal_checksums_have_no_wrong_bit)
{
	uint32_t bit;

	ck_assert(!ese_single_bit(77, 77, 4096, &bit));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ese_checksum");
	TCase *tcase = tcase_create("ese_checksum");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, known_answers_of_the_code);
	tcase_add_test(tcase, known_answers_of_the_sum);
	tcase_add_test(tcase, the_definition_bit_by_bit_gives_the_same);
	tcase_add_test(tcase, every_single_bit_gives_its_own_checksum);
	tcase_add_test(tcase, memory_need_not_be_aligned);
	tcase_add_test(tcase, what_every_machine_has_gives_the_same);
	tcase_add_test(tcase, the_sum_of_pages_of_every_size);
	tcase_add_test(tcase, a_wrong_bit_is_located);
	tcase_add_test(tcase, two_wrong_bits_are_not_taken_for_one);
	tcase_add_test(tcase, equal_checksums_have_no_wrong_bit);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
