#include "engine/ese_log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ese_store.h"
#include "support.h"

static uint8_t data[ESE_STORE_LOG_SIZE];
static char *path;

static const struct ese_store_log segments = {
	.generation = 0x51,
	.major = 8,
	.update_minor = 16,
	.signature = 22,
	.created = 1081,
	.previous_created = 1080,
	.used = 11,
	.seed = 4,
};

static const struct ese_store_log records = {
	.generation = 0x51,
	.major = 7,
	.signature = 22,
	.created = 1081,
	.previous_created = 1080,
	.used = 40,
	.seed = 4,
};

static void set_up(void)
{
	path = support_path(support_tmpdir(), "edb00051.log");
}

static void tear_down(void)
{
	free(path);
}

static status verify_size(size_t size, struct ese_log *log)
{
	status rc;
	int fd;

	ese_store_write(path, data, size);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	rc = ese_log_verify(fd, path, NULL, log);
	ck_assert_int_eq(close(fd), 0);
	ck_assert(log->verified == !failed(rc));
	return rc;
}

static status verify(struct ese_log *log)
{
	return verify_size(sizeof(data), log);
}

static void flip(size_t bit)
{
	data[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* ---- headers ---- */

START_TEST(every_field_is_read)
{
	struct ese_log_header header;

	(void)ese_store_log(data, &segments);
	ck_assert_int_eq(ese_log_parse(data, 4096, path, &header), STATUS_OK);
	ck_assert_uint_eq(header.generation, 0x51);
	ck_assert_uint_eq(header.sector_size, 4096);
	ck_assert_uint_eq(header.header_sectors, 1);
	ck_assert_uint_eq(header.file_sectors, 16);
	ck_assert_uint_eq(header.page_size, 8192);
	ck_assert_uint_eq(header.major, 8);
	ck_assert_uint_eq(header.update_minor, 16);
	ck_assert_uint_eq(header.signature.random, 22);
	ck_assert_uint_eq(header.file_type, ESE_TYPE_LOG);
	ck_assert_int_ne(ese_time_seconds(header.created, NULL), 0);
	ck_assert(!ese_time_equal(header.created, header.previous_created));
}
END_TEST

START_TEST(each_bit_of_the_header_counts)
{
	struct ese_log_header header;

	(void)ese_store_log(data, &segments);
	for (size_t bit = 0; bit < 8 * 4096; bit += 3) {
		flip(bit);
		ck_assert_int_eq(
			ese_log_parse(data, 4096, path, &header), hrLogFileCorrupt);
		flip(bit);
	}
}
END_TEST

START_TEST(headers_that_are_too_short)
{
	struct ese_log_header header;

	(void)ese_store_log(data, &segments);
	for (size_t size = 0; size < 4096; size += 63) {
		uint8_t *exact = malloc(size ? size : 1);

		ck_assert_ptr_nonnull(exact);
		memcpy(exact, data, size);
		ck_assert_int_eq(
			ese_log_parse(exact, size, path, &header), hrLogFileCorrupt);
		free(exact);
	}
}
END_TEST

START_TEST(headers_of_something_else)
{
	struct ese_log_header header;

	(void)ese_store_log(data, &segments);
	ese_store_put32(data + 32, 9);
	ese_store_seal(data, 4096);
	ck_assert_int_eq(ese_log_parse(data, 4096, path, &header), hrBadLogVersion);
	ck_assert_ptr_nonnull(strstr(status_pending(), "version is 9"));
	ese_store_put32(data + 32, 8);
	ese_store_put32(data + 667, ESE_TYPE_CHECKPOINT);
	ese_store_seal(data, 4096);
	ck_assert_int_eq(ese_log_parse(data, 4096, path, &header), hrLogFileCorrupt);
	ese_store_put32(data + 667, ESE_TYPE_OLD);
	ese_store_seal(data, 4096);
	ck_assert_int_eq(ese_log_parse(data, 4096, path, &header), STATUS_OK);
	ese_store_put32(data + 4, 0);
	ese_store_seal(data, 4096);
	ck_assert_int_eq(ese_log_parse(data, 4096, path, &header), hrLogFileCorrupt);
}
END_TEST

START_TEST(the_size_must_be_the_headers)
{
	static const struct ese_store_log *const logs[] = {&segments, &records};
	struct ese_log log;

	for (size_t i = 0; i < 2; i++) {
		(void)ese_store_log(data, logs[i]);
		ck_assert_int_eq(
			verify_size(sizeof(data) - 4096, &log), ESE_WRONG_LOG_SIZE);
		ck_assert_int_eq(verify_size(sizeof(data) - 1, &log), ESE_WRONG_LOG_SIZE);
		ck_assert_int_eq(verify_size(4096, &log), ESE_WRONG_LOG_SIZE);
		ck_assert_int_eq(verify_size(4095, &log), hrLogFileCorrupt);
		ck_assert_int_eq(verify_size(0, &log), hrLogFileCorrupt);
		ck_assert_int_eq(strncmp(status_pending(), path, strlen(path)), 0);
	}
}
END_TEST

/* ---- version 8 ---- */

START_TEST(segments_are_verified_and_summed_up)
{
	struct ese_log log;
	const uint64_t sum = ese_store_log(data, &segments);

	ck_assert_int_eq(verify(&log), STATUS_OK);
	ck_assert_uint_eq(log.segments, 15);
	ck_assert_uint_eq(log.unused, 4);
	ck_assert_uint_eq(log.shadows, 0);
	ck_assert_uint_eq(log.sum, sum);
}
END_TEST

START_TEST(a_shadow_is_fine_and_not_summed_up)
{
	struct ese_store_log with_shadow = segments;
	struct ese_log log;
	uint64_t sum;

	with_shadow.shadow = true;
	sum = ese_store_log(data, &with_shadow);
	ck_assert_int_eq(verify(&log), STATUS_OK);
	ck_assert_uint_eq(log.shadows, 1);
	ck_assert_uint_eq(log.unused, 3);
	ck_assert_uint_eq(log.sum, sum);
}
END_TEST

START_TEST(each_bit_of_a_segment_counts)
{
	(void)ese_store_log(data, &segments);
	for (uint32_t index = 1; index < 15; index += 6) {
		uint8_t *segment = data + (size_t)index * 4096;

		for (size_t bit = 0; bit < 8 * 4096; bit += bit < 400 ? 1 : 13) {
			const bool good =
				ese_segment_check(segment, index) ==
				(index > 11 ? ESE_SEGMENT_UNUSED : ESE_SEGMENT_GOOD);

			ck_assert(good);
			segment[bit / 8] ^= (uint8_t)(1u << bit % 8);
			ck_assert_uint_ne(
				ese_segment_check(segment, index), ESE_SEGMENT_GOOD);
			ck_assert_uint_ne(
				ese_segment_check(segment, index), ESE_SEGMENT_UNUSED);
			segment[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}
END_TEST

START_TEST(damaged_segments_are_named)
{
	struct ese_log log;

	(void)ese_store_log(data, &segments);
	flip(8 * (5 * 4096 + 100));
	ck_assert_int_eq(verify(&log), hrLogFileCorrupt);
	ck_assert_ptr_nonnull(strstr(status_pending(), "segment 5 of the log"));
	ck_assert_ptr_nonnull(strstr(status_pending(), "offset 20480"));
	ck_assert_uint_eq(log.segments, 4);
}
END_TEST

START_TEST(swapped_segments_are_damage)
{
	struct ese_log log;
	uint8_t segment[4096];

	(void)ese_store_log(data, &segments);
	memcpy(segment, data + 2 * 4096, 4096);
	memcpy(data + 2 * 4096, data + 4 * 4096, 4096);
	memcpy(data + 4 * 4096, segment, 4096);
	ck_assert_int_eq(verify(&log), hrLogFileCorrupt);
}
END_TEST

/* ---- version 7 ---- */

START_TEST(records_are_verified_and_counted)
{
	struct ese_log log;

	(void)ese_store_log(data, &records);
	ck_assert_int_eq(verify(&log), STATUS_OK);
	ck_assert_uint_eq(log.records, 40);
}
END_TEST

/* The chain covers all bytes from the first record to its last one's range. */
static size_t end_of_chain(void)
{
	size_t at = 4096;

	for (;;) {
		uint32_t forwards = ese_u32(data + at + 5), next = ese_u32(data + at + 9);

		if (next == 0)
			return at + 22 + forwards;
		at += 22 + next;
	}
}

/* But for shortChecksum, which only matters while the log is written to. */
static bool is_covered(size_t byte)
{
	size_t at = 4096;

	for (;;) {
		const uint32_t next = ese_u32(data + at + 9);

		if (byte >= at + 17 && byte < at + 21)
			return false;
		if (next == 0)
			return true;
		at += 22 + next;
	}
}

START_TEST(each_bit_of_records_and_their_ranges_counts)
{
	struct ese_store_log few = records;
	struct ese_log log;
	size_t end;

	few.used = 3;
	(void)ese_store_log(data, &few);
	end = end_of_chain();
	ck_assert_uint_gt(end, 4096 + 2000);
	for (size_t bit = 8 * 4096; bit < 8 * end; bit += 7) {
		const bool covered = is_covered(bit / 8);

		flip(bit);
		ck_assert_int_eq(verify(&log), covered ? hrLogFileCorrupt : STATUS_OK);
		flip(bit);
	}
}
END_TEST

START_TEST(damaged_records_are_named)
{
	struct ese_log log;

	(void)ese_store_log(data, &records);
	data[4096] = 41;
	ck_assert_int_eq(verify(&log), hrLogFileCorrupt);
	ck_assert_ptr_nonnull(strstr(status_pending(), "offset 4096"));
	ck_assert_uint_eq(log.records, 0);
}
END_TEST

START_TEST(ranges_outside_the_log_are_damage)
{
	static const size_t fields[] = {1, 5, 9};
	static const uint32_t values[] = {
		ESE_STORE_LOG_SIZE, ESE_STORE_LOG_SIZE - 4096, 0x7fffffff, 0xffffffff};
	struct ese_log log;

	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < 4; j++) {
			(void)ese_store_log(data, &records);
			ese_store_put32(data + 4096 + fields[i], values[j]);
			ck_assert_int_eq(verify(&log), hrLogFileCorrupt);
		}
}
END_TEST

/* Records right behind each other, each covering all that follows, their sums right: read
 * as they ask for, that would be hundreds of times the file. */
START_TEST(a_forged_chain_does_not_make_the_work_grow_with_its_square)
{
	struct ese_log log;
	uint32_t rest = 0;
	size_t at = sizeof(data) - 24;

	(void)ese_store_log(data, &records);
	memset(data + 4096, 0, sizeof(data) - 4096);
	for (; at >= 4096; at -= 24) {
		const uint32_t forwards = (uint32_t)(sizeof(data) - at - 22);
		const uint32_t next = at == sizeof(data) - 24 ? 0 : 2;

		data[at] = 42;
		data[at + 21] = 0xd1;
		ese_store_put32(data + at + 5, forwards);
		ese_store_put32(data + at + 9, next);
		ese_store_put32(data + at + 13,
			0xfeedbeaf ^ rest ^ forwards ^ next ^ 0xd1 ^ records.generation);
		for (size_t i = at; i < at + 24; i++)
			rest ^= (uint32_t)data[i] << 8 * (i % 4);
	}
	ck_assert_int_eq(verify(&log), hrLogFileCorrupt);
	ck_assert_uint_gt(log.records, 2);
	ck_assert_uint_lt(log.records, 10);
}
END_TEST

/* ---- one after the other ---- */

static struct ese_log follower(const struct ese_log *log)
{
	struct ese_log next = *log;

	next.header.generation++;
	next.header.previous_created = log->header.created;
	next.header.created.bytes[0]++;
	next.header.previous_sum = log->sum;
	return next;
}

static status follows(const struct ese_log *a, const struct ese_log *b)
{
	return ese_log_follows(a, "/a", b, "/b");
}

START_TEST(each_rule_of_a_sequence_has_its_code)
{
	struct ese_log log, next;

	(void)ese_store_log(data, &segments);
	ck_assert_int_eq(verify(&log), STATUS_OK);
	next = follower(&log);
	ck_assert_int_eq(follows(&log, &next), STATUS_OK);
	next.header.generation++;
	ck_assert_int_eq(follows(&log, &next), hrMissingLogFile);
	ck_assert_ptr_nonnull(strstr(status_pending(), "/b: is log 0x53"));
	next = follower(&log);
	next.header.signature.computer[15] = 1;
	ck_assert_int_eq(follows(&log, &next), hrGivenLogFileHasBadSignature);
	next = follower(&log);
	next.header.previous_created.bytes[7] ^= 2;
	ck_assert_int_eq(follows(&log, &next), hrGivenLogFileIsNotContiguous);
	next = follower(&log);
	next.header.previous_sum ^= 1;
	ck_assert_int_eq(follows(&log, &next), ESE_LOG_SUM_DIFFERS);
}
END_TEST

START_TEST(sums_count_where_they_are_known)
{
	struct ese_log log, next;

	(void)ese_store_log(data, &segments);
	ck_assert_int_eq(verify(&log), STATUS_OK);
	next = follower(&log);
	next.header.previous_sum ^= 1;
	next.header.update_minor = 12;
	ck_assert_int_eq(follows(&log, &next), STATUS_OK);
	next.header.update_minor = 13;
	ck_assert_int_eq(follows(&log, &next), ESE_LOG_SUM_DIFFERS);
	log.verified = false;
	ck_assert_int_eq(follows(&log, &next), STATUS_OK);
}
END_TEST

/* ---- progress ---- */

struct ticks {
	unsigned count, give_up_at;
	uint64_t last;
};

static status count_ticks(void *context, uint64_t done)
{
	struct ticks *ticks = context;

	ck_assert_uint_ge(done, ticks->last);
	ticks->last = done;
	return ++ticks->count == ticks->give_up_at
		       ? status_fail(STATUS_WIN32(ERROR_CANCELLED), "enough")
		       : STATUS_OK;
}

START_TEST(progress_is_told_and_may_end_the_work)
{
	static const struct ese_store_log *const logs[] = {&segments, &records};
	struct ese_log log;

	for (size_t i = 0; i < 2; i++) {
		struct ticks ticks = {0, 0, 0};
		const struct ese_tick tick = {count_ticks, &ticks};
		int fd;

		(void)ese_store_write_log(path, logs[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(ese_log_verify(fd, path, &tick, &log), STATUS_OK);
		ck_assert_uint_ge(ticks.count, 1);
		ck_assert_uint_gt(ticks.last, 40000);
		ck_assert_uint_le(ticks.last, ESE_STORE_LOG_SIZE);
		ticks = (struct ticks){0, 1, 0};
		ck_assert_int_eq(ese_log_verify(fd, path, &tick, &log),
			STATUS_WIN32(ERROR_CANCELLED));
		ck_assert(!log.verified);
		ck_assert_int_eq(close(fd), 0);
	}
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, every_field_is_read);
	tcase_add_test(tcase, each_bit_of_the_header_counts);
	tcase_add_test(tcase, headers_that_are_too_short);
	tcase_add_test(tcase, headers_of_something_else);
	tcase_add_test(tcase, the_size_must_be_the_headers);
	tcase_add_test(tcase, segments_are_verified_and_summed_up);
	tcase_add_test(tcase, a_shadow_is_fine_and_not_summed_up);
	tcase_add_test(tcase, each_bit_of_a_segment_counts);
	tcase_add_test(tcase, damaged_segments_are_named);
	tcase_add_test(tcase, swapped_segments_are_damage);
	tcase_add_test(tcase, records_are_verified_and_counted);
	tcase_add_test(tcase, each_bit_of_records_and_their_ranges_counts);
	tcase_add_test(tcase, damaged_records_are_named);
	tcase_add_test(tcase, ranges_outside_the_log_are_damage);
	tcase_add_test(tcase, a_forged_chain_does_not_make_the_work_grow_with_its_square);
	tcase_add_test(tcase, each_rule_of_a_sequence_has_its_code);
	tcase_add_test(tcase, sums_count_where_they_are_known);
	tcase_add_test(tcase, progress_is_told_and_may_end_the_work);
}

int main(void)
{
	Suite *suite = suite_create("ese_log");
	TCase *tcase = tcase_create("ese_log");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	add_tests(tcase);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
