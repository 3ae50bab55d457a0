#include "engine/ese_header.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ese_store.h"
#include "support.h"

static uint8_t data[ESE_HEADERS_SIZE];

static struct ese_store_database database = {
	.page_size = 8192,
	.pages = 10,
	.state = ESE_STATE_DIRTY,
	.min_required = 0x51,
	.max_required = 0x53,
	.committed = 0x54,
	.signature = 11,
	.log_signature = 22,
};

/* Both copies. */
static void make(uint32_t page_size)
{
	database.page_size = page_size;
	memset(data, 0, sizeof(data));
	ese_store_header(data, &database);
	ese_store_header(data + page_size, &database);
}

static status parse(struct ese_header *header)
{
	return ese_header_parse(data, sizeof(data), "/db", header);
}

#define FOR_EACH_SIZE(size) for (uint32_t size = 2048; size <= 32768; size *= 2)

START_TEST(every_field_is_read)
{
	struct ese_header header;

	make(8192);
	ck_assert_int_eq(parse(&header), STATUS_OK);
	ck_assert_uint_eq(header.copies, ESE_FIRST_COPY | ESE_SECOND_COPY);
	ck_assert_uint_eq(header.page_size, 8192);
	ck_assert_uint_eq(header.version, 0x620);
	ck_assert_uint_eq(header.revision, 0x14);
	ck_assert_uint_eq(header.state, ESE_STATE_DIRTY);
	ck_assert_uint_eq(header.dbtime, 4711);
	ck_assert_uint_eq(header.file_type, ESE_TYPE_DATABASE);
	ck_assert_uint_eq(header.signature.random, 11);
	ck_assert_uint_eq(header.log_signature.random, 22);
	ck_assert_uint_eq(header.min_required, 0x51);
	ck_assert_uint_eq(header.max_required, 0x53);
	ck_assert_uint_eq(header.committed, 0x54);
	ck_assert_uint_eq(header.os[0], 10);
	ck_assert(!header.streaming_file);
	ck_assert(ese_header_pages_checked(&header));
	ck_assert(!ese_header_has_trailer(&header));
}
END_TEST

START_TEST(places_in_logs_and_backups)
{
	struct ese_header header;

	make(4096);
	ese_store_put16(data + 56, 0x36);
	ese_store_put16(data + 58, 0x67);
	ese_store_put32(data + 60, 0xe);
	ese_store_put32(data + 136 + 4, 7); /* full previous: its position's generation */
	ese_store_put32(data + 136 + 16, 5);
	ese_store_put32(data + 136 + 20, 9);
	ese_store_put32(data + 184 + 16, 3); /* full current: open */
	ese_store_seal(data, 4096);
	ck_assert_int_eq(parse(&header), STATUS_OK);
	ck_assert_uint_eq(header.consistent.generation, 0xe);
	ck_assert_uint_eq(header.consistent.sector, 0x67);
	ck_assert_uint_eq(header.consistent.offset, 0x36);
	ck_assert_uint_eq(header.full_previous.position.generation, 7);
	ck_assert_uint_eq(header.full_previous.low, 5);
	ck_assert_uint_eq(header.full_previous.high, 9);
	ck_assert(ese_header_has_trailer(&header));
}
END_TEST

START_TEST(every_page_size_is_found_in_either_copy)
{
	FOR_EACH_SIZE(size)
	for (unsigned bad = 0; bad < 3; bad++) {
		struct ese_header header;

		make(size);
		if (bad)
			data[(bad - 1) * size + 100] ^= 1;
		ck_assert_int_eq(parse(&header), STATUS_OK);
		ck_assert_uint_eq(header.page_size, size);
		ck_assert_uint_eq(header.max_required, 0x53);
		ck_assert_uint_eq(header.copies, 3u & ~bad);
	}
}
END_TEST

START_TEST(each_bit_of_both_copies_counts)
{
	for (uint32_t bit = 0; bit < 8 * 4096; bit += bit < 2000 ? 1 : 37) {
		struct ese_header header;

		make(4096);
		data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(parse(&header), STATUS_OK);
		ck_assert_uint_eq(header.copies, ESE_SECOND_COPY);
		data[4096 + bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(parse(&header), hrDatabaseCorrupted);
		ck_assert_uint_eq(header.copies, 0);
	}
}
END_TEST

START_TEST(two_good_copies_that_differ)
{
	struct ese_header header;

	make(16384);
	ese_store_put32(data + 16384 + 416, 99);
	ese_store_seal(data + 16384, 16384);
	ck_assert_int_eq(parse(&header), STATUS_OK);
	ck_assert_uint_eq(
		header.copies, ESE_FIRST_COPY | ESE_SECOND_COPY | ESE_COPIES_DIFFER);
	ck_assert_uint_eq(header.committed, 0x54);
}
END_TEST

START_TEST(no_page_size_means_4096)
{
	struct ese_header header;

	make(4096);
	for (size_t at = 0; at <= 4096; at += 4096) {
		ese_store_put32(data + at + 236, 0);
		ese_store_seal(data + at, 4096);
	}
	ck_assert_int_eq(parse(&header), STATUS_OK);
	ck_assert_uint_eq(header.page_size, 4096);
	ck_assert_uint_eq(header.copies, 3);
}
END_TEST

START_TEST(a_header_that_contradicts_its_page_size)
{
	static const uint32_t claims[] = {2048, 4096, 16384, 32768, 1, 8193, 65536};
	struct ese_header header;

	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		make(8192);
		for (uint8_t *copy = data; copy <= data + 8192; copy += 8192) {
			copy[8191] = 1; /* so that no shorter part sums up right */
			ese_store_put32(copy + 236, claims[i]);
			ese_store_seal(copy, 8192);
		}
		ck_assert_int_eq(parse(&header), ESE_WRONG_PAGE_SIZE);
		ck_assert_ptr_nonnull(strstr(status_pending(), "/db: "));
		ck_assert_ptr_nonnull(strstr(status_pending(), "8192 bytes"));
	}
}
END_TEST

START_TEST(an_unknown_version)
{
	struct ese_header header;

	make(4096);
	for (size_t at = 0; at <= 4096; at += 4096) {
		ese_store_put32(data + at + 8, 0x621);
		ese_store_seal(data + at, 4096);
	}
	ck_assert_int_eq(parse(&header), ESE_BAD_VERSION);
	ck_assert_ptr_nonnull(strstr(status_pending(), "0x621"));
}
END_TEST

START_TEST(less_than_a_header)
{
	struct ese_header header;

	make(4096);
	for (size_t size = 0; size < 4096; size += 37) {
		uint8_t *exact = malloc(size ? size : 1);

		ck_assert_ptr_nonnull(exact);
		memcpy(exact, data, size);
		ck_assert_int_eq(ese_header_parse(exact, size, "/db", &header),
			hrDatabaseCorrupted);
		free(exact);
	}
	ck_assert_int_eq(ese_header_parse(data, 4096, "/db", &header), STATUS_OK);
	ck_assert_uint_eq(header.copies, ESE_FIRST_COPY);
}
END_TEST

START_TEST(pages_are_counted_and_cut_off_ones_are_found)
{
	struct ese_header header;
	uint64_t count;

	make(8192);
	ck_assert_int_eq(parse(&header), STATUS_OK);
	ck_assert_int_eq(
		ese_header_page_count(&header, 12 * 8192, "/db", &count), STATUS_OK);
	ck_assert_uint_eq(count, 10);
	ck_assert_int_eq(ese_header_page_count(&header, 12 * 8192 - 1, "/db", &count),
		hrDatabaseInvalidPages);
	ck_assert_uint_eq(count, 9);
	ck_assert_int_eq(ese_header_page_count(&header, 2 * 8192, "/db", &count),
		hrDatabaseInvalidPages);
	ck_assert_uint_eq(count, 0);
	ck_assert_int_eq(
		ese_header_page_count(&header, UINT64_C(8192) << 33, "/db", &count),
		hrDatabaseInvalidPages);
}
END_TEST

START_TEST(databases_without_checksums)
{
	struct ese_header header;

	make(4096);
	ese_store_put32(data + 52, ESE_STATE_CREATED);
	ese_store_seal(data, 4096);
	ck_assert_int_eq(parse(&header), STATUS_OK);
	ck_assert(!ese_header_pages_checked(&header));
	ese_store_put32(data + 52, ESE_STATE_CLEAN);
	ese_store_put32(data + 667, ESE_TYPE_TEMPORARY);
	ese_store_seal(data, 4096);
	ck_assert_int_eq(parse(&header), STATUS_OK);
	ck_assert(!ese_header_pages_checked(&header));
	ese_store_put32(data + 667, ESE_TYPE_OLD);
	ese_store_put32(data + 12, 1);
	ese_store_seal(data, 4096);
	ck_assert_int_eq(parse(&header), STATUS_OK);
	ck_assert(header.streaming_file);
}
END_TEST

START_TEST(headers_are_read_from_files)
{
	char *path = support_path(support_tmpdir(), "x.edb");
	struct ese_header header;
	int fd;

	database.page_size = 32768;
	ese_store_write_database(path, &database);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ese_header_read(fd, path, &header), STATUS_OK);
	ck_assert_uint_eq(header.page_size, 32768);
	ck_assert_uint_eq(header.copies, 3);
	ck_assert_int_eq(close(fd), 0);
	free(path);
}
END_TEST

START_TEST(times_are_dates_or_none)
{
	/* 2021-02-14 02:39:19 UTC, 12 ms */
	const struct ese_time time = {{19, 39, 2, 14, 2, 121, 1 | 12 << 1, 0}};
	const struct ese_time local = {{19, 39, 2, 14, 2, 121, 0, 0}};
	const struct ese_time none = {{0}}, wrong = {{1, 1, 1, 1, 13, 121, 1, 0}};
	bool utc;

	ck_assert_int_eq(ese_time_seconds(time, &utc), 1613270359);
	ck_assert(utc);
	ck_assert_int_eq(ese_time_seconds(local, &utc), 1613270359);
	ck_assert(!utc);
	ck_assert_int_eq(ese_time_seconds(none, NULL), 0);
	ck_assert_int_eq(ese_time_seconds(wrong, &utc), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ese_header");
	TCase *tcase = tcase_create("ese_header");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, every_field_is_read);
	tcase_add_test(tcase, places_in_logs_and_backups);
	tcase_add_test(tcase, every_page_size_is_found_in_either_copy);
	tcase_add_test(tcase, each_bit_of_both_copies_counts);
	tcase_add_test(tcase, two_good_copies_that_differ);
	tcase_add_test(tcase, no_page_size_means_4096);
	tcase_add_test(tcase, a_header_that_contradicts_its_page_size);
	tcase_add_test(tcase, an_unknown_version);
	tcase_add_test(tcase, less_than_a_header);
	tcase_add_test(tcase, pages_are_counted_and_cut_off_ones_are_found);
	tcase_add_test(tcase, databases_without_checksums);
	tcase_add_test(tcase, headers_are_read_from_files);
	tcase_add_test(tcase, times_are_dates_or_none);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
