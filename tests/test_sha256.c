/* The standard's own examples, and that pieces make no difference. */
#include "base/sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

static void check(const void *data, size_t size, const char *expected)
{
	uint8_t digest[SHA256_SIZE];
	char text[2 * SHA256_SIZE + 1];

	sha256_bytes(data, size, digest);
	for (size_t i = 0; i < SHA256_SIZE; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
	ck_assert_str_eq(text, expected);
}

START_TEST(known_answers)
{
	const char *two_blocks =
		"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	char *million = malloc(1000000);

	ck_assert_ptr_nonnull(million);
	memset(million, 'a', 1000000);
	check("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	check("abc", 3,
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check(two_blocks, 56,
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	check(million, 1000000,
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(million);
}
END_TEST

START_TEST(pieces_of_any_size_make_no_difference)
{
	uint8_t whole[SHA256_SIZE], pieces[SHA256_SIZE], data[300];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	for (size_t size = 0; size <= sizeof(data); size += 13) {
		sha256_bytes(data, size, whole);
		for (size_t piece = 1; piece <= 130; piece += 3) {
			struct sha256 hash;

			sha256_begin(&hash);
			for (size_t at = 0; at < size; at += piece)
				sha256_add(&hash, data + at,
					size - at < piece ? size - at : piece);
			sha256_end(&hash, pieces);
			ck_assert_mem_eq(pieces, whole, SHA256_SIZE);
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sha256");
	TCase *tcase = tcase_create("sha256");

	tcase_add_test(tcase, known_answers);
	tcase_add_test(tcase, pieces_of_any_size_make_no_difference);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
