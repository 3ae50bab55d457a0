#include "sis/reparse.h"

#include <stdlib.h>
#include <string.h>

#include "sis_fixture.h"
#include "support.h"

#define INVALID  STATUS_WIN32(ERROR_INVALID_REPARSE_DATA)
#define MISMATCH STATUS_WIN32(ERROR_REPARSE_TAG_MISMATCH)

START_TEST(a_link_that_windows_made_is_read)
{
	struct sis_link link;
	char guid[37];

	ck_assert_int_eq(reparse_parse(sis_real_link, 72, &link), STATUS_OK);
	uuid_unparse_lower(link.store_file, guid);
	ck_assert_str_eq(guid, "0b0e4922-6d34-11ea-9b83-00505688148e");
	ck_assert_uint_eq(link.reserved, 0xb111b010u);
	ck_assert_uint_eq(link.index, 0x02213569);
	ck_assert_uint_eq(link.link_file_id, 0x00010000002e6a3c);
	ck_assert_uint_eq(link.store_file_id, 0x000600000003b930);
	ck_assert_uint_eq(link.content_checksum, 0x89b8854c9745cc10);
}
END_TEST

START_TEST(what_was_read_is_built_again)
{
	struct sis_link link;
	uint8_t built[REPARSE_SIZE];

	ck_assert_int_eq(reparse_parse(sis_real_link, 72, &link), STATUS_OK);
	reparse_build(&link, built);
	ck_assert_mem_eq(built, sis_real_link, 72);
}
END_TEST

START_TEST(every_single_bit_counts)
{
	struct sis_link link;

	for (size_t bit = 0; bit < 72 * 8; bit++) {
		uint8_t changed[72];

		memcpy(changed, sis_real_link, 72);
		changed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(
			reparse_parse(changed, 72, &link), bit < 32 ? MISMATCH : INVALID);
	}
}
END_TEST

/* Exactly as much memory as is said, so that a sanitizer sees every byte too many. */
START_TEST(sizes_from_0_to_20000)
{
	struct sis_link link;

	for (size_t size = 0; size <= 20000; size++) {
		uint8_t *exact = malloc(size ? size : 1);

		ck_assert_ptr_nonnull(exact);
		memset(exact, 0xee, size);
		memcpy(exact, sis_real_link, size < 72 ? size : 72);
		ck_assert_int_eq(reparse_parse(exact, size, &link),
			size < 72 ? INVALID : STATUS_OK);
		if (size >= 8) {
			/* As long as it can be. */
			size_t length = size - 8 < 65535 ? size - 8 : 65535;

			exact[4] = (uint8_t)length;
			exact[5] = (uint8_t)(length >> 8);
			ck_assert_int_eq(reparse_parse(exact, size, &link),
				length == 64 ? STATUS_OK : INVALID);
		}
		free(exact);
	}
}
END_TEST

START_TEST(an_unknown_version_is_named)
{
	struct sis_link link;
	uint8_t changed[72];

	memcpy(changed, sis_real_link, 72);
	changed[8] = 4;
	ck_assert_int_eq(reparse_parse(changed, 72, &link), INVALID);
	ck_assert_ptr_nonnull(strstr(status_pending(), "version is 4"));
	changed[4] = 32; /* an older one is shorter, too */
	ck_assert_int_eq(reparse_parse(changed, 72, &link), INVALID);
	ck_assert_ptr_nonnull(strstr(status_pending(), "version is 4"));
}
END_TEST

START_TEST(the_content_checksum_is_the_polynomial)
{
	struct content_checksum c = {0};
	/* ((1 * 131 + 2) * 131) + 0x000000ff */
	const uint8_t data[] = {1, 0, 0, 0, 2, 0, 0, 0, 0xff};

	ck_assert_uint_eq(content_checksum_end(&c), 0);
	content_checksum_add(&c, data, sizeof(data));
	ck_assert_uint_eq(content_checksum_end(&c), (131 + 2) * 131 + 255);
}
END_TEST

START_TEST(the_checksum_of_the_data_is_the_one_of_content)
{
	struct content_checksum c = {0};
	uint64_t stored = 0;

	content_checksum_add(&c, sis_real_link + 8, 56);
	for (int i = 7; i >= 0; i--)
		stored = stored << 8 | sis_real_link[64 + i];
	ck_assert_uint_eq(content_checksum_end(&c), stored);
	ck_assert_uint_eq(stored, 0xbd4b059e2c223963);
}
END_TEST

START_TEST(the_content_checksum_does_not_depend_on_the_pieces)
{
	char *data = sis_content(1000, 3);

	for (size_t size = 0; size < 1000; size += 37) {
		struct content_checksum whole = {0};

		content_checksum_add(&whole, data, size);
		for (size_t piece = 1; piece < 70; piece++) {
			struct content_checksum c = {0};

			for (size_t at = 0; at < size; at += piece)
				content_checksum_add(&c, data + at,
					size - at < piece ? size - at : piece);
			ck_assert_uint_eq(
				content_checksum_end(&c), content_checksum_end(&whole));
		}
	}
	free(data);
}
END_TEST

START_TEST(holes_count_as_their_zeros)
{
	static const uint8_t zeros[40];

	for (size_t before = 0; before < 6; before++) {
		for (size_t hole = 0; hole < sizeof(zeros); hole++) {
			struct content_checksum written = {0}, skipped = {0};

			content_checksum_add(&written, "before", before);
			content_checksum_add(&skipped, "before", before);
			content_checksum_add(&written, zeros, hole);
			content_checksum_add_zeros(&skipped, hole);
			content_checksum_add(&written, "after", 5);
			content_checksum_add(&skipped, "after", 5);
			ck_assert_uint_eq(content_checksum_end(&skipped),
				content_checksum_end(&written));
		}
	}
}
END_TEST

START_TEST(a_hole_of_many_terabytes_takes_no_time)
{
	struct content_checksum at_once = {0}, in_halves = {0};

	content_checksum_add(&at_once, "before", 6);
	content_checksum_add(&in_halves, "before", 6);
	content_checksum_add_zeros(&at_once, UINT64_C(1) << 62);
	content_checksum_add_zeros(&in_halves, (UINT64_C(1) << 61) + 3);
	content_checksum_add_zeros(&in_halves, (UINT64_C(1) << 61) - 3);
	ck_assert_uint_eq(
		content_checksum_end(&at_once), content_checksum_end(&in_halves));
	ck_assert_uint_ne(content_checksum_end(&at_once), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reparse");
	TCase *tcase = tcase_create("reparse");

	tcase_add_test(tcase, a_link_that_windows_made_is_read);
	tcase_add_test(tcase, what_was_read_is_built_again);
	tcase_add_test(tcase, every_single_bit_counts);
	tcase_add_test(tcase, sizes_from_0_to_20000);
	tcase_add_test(tcase, an_unknown_version_is_named);
	tcase_add_test(tcase, the_content_checksum_is_the_polynomial);
	tcase_add_test(tcase, the_checksum_of_the_data_is_the_one_of_content);
	tcase_add_test(tcase, the_content_checksum_does_not_depend_on_the_pieces);
	tcase_add_test(tcase, holes_count_as_their_zeros);
	tcase_add_test(tcase, a_hole_of_many_terabytes_takes_no_time);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
