#include "engine/ese_checkpoint.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/ese_header.h"
#include "ese_store.h"
#include "support.h"

static char *path;
static uint8_t *data;

static void set_up(void)
{
	size_t size;

	path = support_path(support_tmpdir(), "edb.chk");
	ese_store_write_checkpoint(path, 0x51, 22);
	data = ese_store_read(path, &size);
	ck_assert_uint_eq(size, 8192);
}

static void tear_down(void)
{
	free(path);
	free(data);
}

static status parse(struct ese_checkpoint *checkpoint)
{
	return ese_checkpoint_parse(data, 8192, path, checkpoint);
}

START_TEST(it_is_read_from_its_file)
{
	struct ese_checkpoint checkpoint;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ese_checkpoint_read(fd, path, &checkpoint), STATUS_OK);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_uint_eq(checkpoint.copies, ESE_FIRST_COPY | ESE_SECOND_COPY);
	ck_assert_uint_eq(checkpoint.checkpoint.generation, 0x51);
	ck_assert_uint_eq(checkpoint.checkpoint.sector, 9);
	ck_assert_uint_eq(checkpoint.checkpoint.offset, 0x10);
	ck_assert_uint_eq(checkpoint.log_signature.random, 22);
	ck_assert_uint_eq(checkpoint.file_type, ESE_TYPE_CHECKPOINT);
}
END_TEST

START_TEST(each_bit_counts_and_the_other_copy_stands_in)
{
	struct ese_checkpoint checkpoint;

	for (size_t bit = 0; bit < 8 * 4096; bit += bit < 800 ? 1 : 37) {
		data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(parse(&checkpoint), STATUS_OK);
		ck_assert_uint_eq(checkpoint.copies, ESE_SECOND_COPY);
		ck_assert_uint_eq(checkpoint.checkpoint.generation, 0x51);
		data[4096 + bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(parse(&checkpoint), hrCheckpointCorrupt);
		ck_assert_uint_eq(checkpoint.copies, 0);
		data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(parse(&checkpoint), STATUS_OK);
		ck_assert_uint_eq(checkpoint.copies, ESE_FIRST_COPY);
		data[4096 + bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}
END_TEST

START_TEST(of_two_good_ones_the_first_counts)
{
	struct ese_checkpoint checkpoint;

	ese_store_put32(data + 4096 + 16, 0x50);
	ese_store_seal(data + 4096, 4096);
	ck_assert_int_eq(parse(&checkpoint), STATUS_OK);
	ck_assert_uint_eq(
		checkpoint.copies, ESE_FIRST_COPY | ESE_SECOND_COPY | ESE_COPIES_DIFFER);
	ck_assert_uint_eq(checkpoint.checkpoint.generation, 0x51);
}
END_TEST

START_TEST(cut_off_ones)
{
	struct ese_checkpoint checkpoint;

	for (size_t size = 0; size < 8192; size += 97) {
		uint8_t *exact = malloc(size ? size : 1);

		ck_assert_ptr_nonnull(exact);
		memcpy(exact, data, size);
		ck_assert_int_eq(ese_checkpoint_parse(exact, size, path, &checkpoint),
			size < 4096 ? hrCheckpointCorrupt : STATUS_OK);
		ck_assert_uint_eq(checkpoint.copies, size < 4096 ? 0 : ESE_FIRST_COPY);
		free(exact);
	}
}
END_TEST

START_TEST(a_sound_header_of_another_type_is_no_checkpoint)
{
	struct ese_checkpoint checkpoint;

	for (size_t at = 0; at <= 4096; at += 4096) {
		ese_store_put32(data + at + 667, ESE_TYPE_LOG);
		ese_store_seal(data + at, 4096);
	}
	ck_assert_int_eq(parse(&checkpoint), hrCheckpointCorrupt);
	ck_assert_int_eq(strncmp(status_pending(), path, strlen(path)), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ese_checkpoint");
	TCase *tcase = tcase_create("ese_checkpoint");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, it_is_read_from_its_file);
	tcase_add_test(tcase, each_bit_counts_and_the_other_copy_stands_in);
	tcase_add_test(tcase, of_two_good_ones_the_first_counts);
	tcase_add_test(tcase, cut_off_ones);
	tcase_add_test(tcase, a_sound_header_of_another_type_is_no_checkpoint);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
