/* The format layer on files that Windows wrote (ese_samples.h). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/ese_checkpoint.h"
#include "engine/ese_inspect.h"
#include "engine/ese_logset.h"
#include "engine/ese_page.h"
#include "ese_samples.h"
#include "ese_store.h"
#include "support.h"

static const struct sample {
	const char *name;
	uint32_t page_size, state, required;
	uint64_t pages, unused, bad;
} samples[] = {
	{"srum-4k-dirty/SRUDB.dat", 4096, ESE_STATE_DIRTY, 0x51, 782, 135, 0},
	{"qmgr-16k-dirty.db", 16384, ESE_STATE_DIRTY, 0xe, 78, 26, 0},
	{"search-32k-clean.edb.gz", 32768, ESE_STATE_CLEAN, 0, 766, 385, 0},
	{"srum-4k-bad-tail.dat", 4096, ESE_STATE_CLEAN, 0, 158, 63, 16},
};

enum { SAMPLES = sizeof(samples) / sizeof(samples[0]) };

static const char *const logs[] = {"SRU0004E.log", "SRU0004F.log", "SRU00050.log",
	"SRU00051.log", "SRU.log", "SRU.chk", "SRUtmp.log", "SRUres00001.jrs"};

/* ---- statistics ---- */

struct bad_pages {
	uint64_t first, count;
};

static int note_page(void *context, const struct backupapi_ese_event *event)
{
	struct bad_pages *bad = context;

	if (event->kind != BACKUPAPI_ESE_DAMAGE)
		return 0;
	ck_assert_int_eq(event->code, hrReadVerifyFailure);
	if (!bad->count)
		bad->first = event->page;
	ck_assert_uint_eq(event->page, bad->first + bad->count++);
	return 0;
}

START_TEST(page_statistics_are_as_they_are_known)
{
	const struct sample *sample = &samples[_i];
	struct backupapi_ese_info info = {.size = sizeof(info)};
	const char *dir = support_tmpdir();
	char *path = support_path(dir, "sample");
	struct bad_pages bad = {0, 0};

	ese_samples_copy(sample->name, dir, "sample");
	ck_assert_int_eq(ese_inspect(path, 0, note_page, &bad, &info), STATUS_OK);
	ck_assert_uint_eq(info.kind, BACKUPAPI_ESE_KIND_DATABASE);
	ck_assert_uint_eq(
		info.copies, BACKUPAPI_ESE_FIRST_COPY | BACKUPAPI_ESE_SECOND_COPY);
	ck_assert_uint_eq(info.database.page_size, sample->page_size);
	ck_assert_uint_eq(info.database.state, sample->state);
	ck_assert_uint_eq(info.database.required_low, sample->required);
	ck_assert_uint_eq(info.database.required_high, sample->required);
	ck_assert_uint_eq(info.database.pages, sample->pages);
	ck_assert_uint_eq(info.database.pages_unused, sample->unused);
	ck_assert_uint_eq(info.database.pages_bad, sample->bad);
	ck_assert_uint_eq(
		info.database.pages_good, sample->pages - sample->unused - sample->bad);
	ck_assert_uint_eq(bad.count, sample->bad);
	if (sample->bad)
		ck_assert_uint_eq(bad.first, 143);
	free(path);
}
END_TEST

/* ---- single bits ---- */

static uint64_t state;

static uint64_t random_below(uint64_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % limit;
}

static bool is_checked(const struct sample *sample, uint64_t page)
{
	return !sample->bad || page < 143;
}

/* Half of a small page's checksum may be another page's: of one that the file has. */
static bool could_be_moved(
	const struct sample *sample, uint32_t number, uint32_t bit, uint32_t *belongs)
{
	if (bit >= 32 || sample->page_size > 8192)
		return false;
	*belongs = number ^ UINT32_C(1) << bit;
	return *belongs > 0 && *belongs <= sample->pages;
}

static void check_flip(const struct sample *sample, uint8_t *data)
{
	const uint64_t checked = sample->bad ? 142 : sample->pages;
	const uint32_t number = 1 + (uint32_t)random_below(checked);
	const uint32_t bit = (uint32_t)random_below(8 * (uint64_t)sample->page_size);
	uint8_t *page = data + ese_page_offset(number, sample->page_size);
	const struct ese_page before = ese_page_check(page, sample->page_size, number);
	struct ese_page after;
	uint32_t belongs;

	ck_assert(is_checked(sample, number));
	ck_assert(before.verdict == ESE_PAGE_GOOD || before.verdict == ESE_PAGE_UNUSED);
	page[bit / 8] ^= (uint8_t)(1u << bit % 8);
	after = ese_page_check(page, sample->page_size, number);
	ese_page_judge(&after, sample->pages);
	page[bit / 8] ^= (uint8_t)(1u << bit % 8);
	ck_assert_msg(
		after.verdict == ESE_PAGE_DAMAGED || after.verdict == ESE_PAGE_MISPLACED,
		"%s: bit %u of page %u was not found", sample->name, bit, number);
	/* What the checksum of an old page, or none, cannot locate; nor the flag that says
	 * which one it is. */
	if (before.verdict == ESE_PAGE_UNUSED || before.rule == ESE_RULE_XOR ||
		bit == 301)
		return;
	if (could_be_moved(sample, number, bit, &belongs)) {
		ck_assert_uint_eq(after.verdict, ESE_PAGE_MISPLACED);
		ck_assert(after.doubtful && after.belongs == belongs);
		return;
	}
	ck_assert_uint_eq(after.verdict, ESE_PAGE_DAMAGED);
	ck_assert_msg(after.single_bit && after.bit == bit,
		"%s: bit %u of page %u was not located", sample->name, bit, number);
}

START_TEST(one_flipped_bit_anywhere_is_found)
{
	const char *seed = getenv("ESE_SEED"), *count = getenv("ESE_FLIPS");
	const unsigned long flips = count ? strtoul(count, NULL, 10) : 10000;

	state = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL) * 2 + 1;
	(void)printf(
		"%lu flips a seed: ESE_SEED=%llu\n", flips, (unsigned long long)state);
	(void)fflush(stdout);
	for (size_t i = 0; i < SAMPLES; i++) {
		size_t size;
		uint8_t *data = ese_samples_read(samples[i].name, &size);

		for (unsigned long n = i; n < flips; n += SAMPLES)
			check_flip(&samples[i], data);
		free(data);
	}
}
END_TEST

START_TEST(swapped_pages_say_where_they_belong)
{
	const struct sample *sample = &samples[_i];
	size_t size;
	uint8_t *data = ese_samples_read(sample->name, &size);
	const uint32_t page_size = sample->page_size;

	for (uint32_t a = 1; a < 40; a++) {
		const uint32_t b = a + 3;
		const struct ese_page original = ese_page_check(
			data + ese_page_offset(a, page_size), page_size, a);
		const struct ese_page moved = ese_page_check(
			data + ese_page_offset(a, page_size), page_size, b);

		if (original.verdict == ESE_PAGE_UNUSED)
			continue;
		ck_assert_uint_eq(moved.verdict, ESE_PAGE_MISPLACED);
		ck_assert_uint_eq(moved.belongs, a);
	}
	free(data);
}
END_TEST

/* ---- logs ---- */

static char *dir;
static struct ese_logset set;
static int dir_fd = -1;

static void copy_logs(void)
{
	dir = support_tmpdir();
	for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "srum-4k-dirty/%s", logs[i]);
		ese_samples_copy(name, dir, logs[i]);
	}
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir_fd, 0);
}

static void forget_logs(void)
{
	ese_logset_free(&set);
	ck_assert_int_eq(close(dir_fd), 0);
}

static void read_logs(void)
{
	ese_logset_free(&set);
	ck_assert_int_eq(ese_logset_read(dir_fd, dir, "sru", &set), STATUS_OK);
}

static status verify(uint32_t low, uint32_t high)
{
	const struct ese_logset_check check = {.low = low, .high = high, .bodies = true};

	return ese_logset_verify(&set, &check);
}

static struct ese_header sample_header(const char *name)
{
	struct ese_header header;
	size_t size;
	uint8_t *data = ese_samples_read(name, &size);

	ck_assert_int_eq(
		ese_header_parse(data, size < ESE_HEADERS_SIZE ? size : ESE_HEADERS_SIZE,
			name, &header),
		STATUS_OK);
	free(data);
	return header;
}

START_TEST(the_logs_are_one_sequence_and_what_the_database_needs)
{
	const struct ese_header header = sample_header(samples[0].name);
	struct ese_need need = {0};

	read_logs();
	ck_assert_uint_eq(set.count, 5);
	ck_assert_uint_eq(set.items[4].generation, 0x52);
	ck_assert(set.items[4].current);
	ck_assert_str_eq(set.checkpoint, "SRU.chk");
	ck_assert_int_eq(verify(0x4e, 0x52), STATUS_OK);
	ck_assert_int_eq(ese_need_add(&need, &header, "SRUDB.dat"), STATUS_OK);
	ck_assert_uint_eq(ese_need_supply(&need, &set), ESE_SUPPLY_COMPLETE);
	ck_assert_int_eq(ese_logset_verify(&set, &(struct ese_logset_check){.low = 0x4e,
							 .high = 0x52,
							 .signature = &need.signature}),
		STATUS_OK);
}
END_TEST

START_TEST(the_checkpoint_is_where_recovery_begins)
{
	struct ese_checkpoint checkpoint;
	char *path = support_path(dir, "SRU.chk");
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ese_checkpoint_read(fd, path, &checkpoint), STATUS_OK);
	ck_assert_uint_eq(checkpoint.copies & ~(unsigned)ESE_COPIES_DIFFER,
		ESE_FIRST_COPY | ESE_SECOND_COPY);
	ck_assert_uint_eq(checkpoint.checkpoint.generation, 0x51);
	ck_assert_int_eq(close(fd), 0);
	free(path);
}
END_TEST

START_TEST(a_missing_log)
{
	const struct ese_header header = sample_header(samples[0].name);
	struct ese_need need = {0};

	ck_assert_int_eq(unlinkat(dir_fd, "SRU00051.log", 0), 0);
	read_logs();
	ck_assert_int_eq(verify(0x4e, 0x52), hrMissingLogFile);
	ck_assert_int_eq(ese_need_add(&need, &header, "SRUDB.dat"), STATUS_OK);
	ck_assert_uint_eq(ese_need_supply(&need, &set), ESE_SUPPLY_HAS_GAPS);
	ck_assert_int_eq(unlinkat(dir_fd, "SRU.log", 0), 0);
	read_logs();
	ck_assert_uint_eq(ese_need_supply(&need, &set), ESE_SUPPLY_ENDS_EARLY);
	ck_assert_int_eq(ese_need_check(&need, &set), hrMissingLogFile);
}
END_TEST

START_TEST(logs_that_are_not_here_at_all)
{
	const struct ese_header header = sample_header("qmgr-16k-dirty.db");
	struct ese_need need = {0};

	read_logs();
	ck_assert_int_eq(ese_need_add(&need, &header, "qmgr.db"), STATUS_OK);
	ck_assert_int_eq(ese_need_check(&need, &set), hrMissingLogFile);
	ck_assert_ptr_nonnull(strstr(status_pending(), "0xE to 0xE"));
}
END_TEST

START_TEST(a_renamed_log)
{
	ck_assert_int_eq(renameat(dir_fd, "SRU0004F.log", dir_fd, "SRU00060.log"), 0);
	read_logs();
	ck_assert_int_eq(verify(0x60, 0x60), ESE_WRONG_GENERATION);
	ck_assert_ptr_nonnull(strstr(status_pending(), "SRU00060.log"));
}
END_TEST

START_TEST(a_log_of_another_sequence)
{
	char *path = support_path(dir, "SRU00050.log");
	size_t size;
	uint8_t *data = ese_store_read(path, &size);

	data[44] ^= 1;
	ese_store_seal(data, 4096);
	ese_store_write(path, data, size);
	read_logs();
	ck_assert_int_eq(verify(0x4e, 0x52), hrGivenLogFileHasBadSignature);
	data[44] ^= 1;
	data[24] ^= 1;
	ese_store_seal(data, 4096);
	ese_store_write(path, data, size);
	ck_assert_int_eq(verify(0x4e, 0x52), hrGivenLogFileIsNotContiguous);
	data[24] ^= 1;
	data[653] ^= 1;
	ese_store_seal(data, 4096);
	ese_store_write(path, data, size);
	ck_assert_int_eq(verify(0x4e, 0x52), ESE_LOG_SUM_DIFFERS);
	free(data);
	free(path);
}
END_TEST

START_TEST(a_cut_off_log)
{
	char *path = support_path(dir, "SRU0004F.log");

	read_logs();
	ck_assert_int_eq(truncate(path, 32768), 0);
	ck_assert_int_eq(verify(0x4e, 0x52), ESE_WRONG_LOG_SIZE);
	free(path);
}
END_TEST

START_TEST(one_flipped_bit_in_a_log_is_found)
{
	char *path = support_path(dir, "SRU00050.log");
	size_t size;
	uint8_t *data = ese_store_read(path, &size);

	state = 4711;
	for (int i = 0; i < 3000; i++) {
		const uint32_t bit = (uint32_t)random_below(8 * (uint64_t)size);
		const uint32_t index = bit / 8 / ESE_SEGMENT_SIZE;
		const uint8_t *segment = data + (size_t)index * ESE_SEGMENT_SIZE;
		struct ese_log_header header;

		data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (index == 0)
			ck_assert_int_eq(ese_log_parse(data, size, path, &header),
				hrLogFileCorrupt);
		else if (bit % (8 * ESE_SEGMENT_SIZE) >= 32)
			ck_assert_uint_eq(
				ese_segment_check(segment, index), ESE_SEGMENT_DAMAGED);
		data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	free(data);
	free(path);
}
END_TEST

int main(void)
{
	const int missing = ese_samples_missing();
	Suite *suite = suite_create("ese_samples");
	TCase *pages = tcase_create("pages"), *sequence = tcase_create("logs");

	if (missing)
		return missing;
	tcase_set_timeout(pages, 120);
	tcase_add_loop_test(pages, page_statistics_are_as_they_are_known, 0, SAMPLES);
	tcase_add_test(pages, one_flipped_bit_anywhere_is_found);
	tcase_add_loop_test(pages, swapped_pages_say_where_they_belong, 0, SAMPLES);
	suite_add_tcase(suite, pages);
	tcase_set_timeout(sequence, 60);
	tcase_add_checked_fixture(sequence, copy_logs, forget_logs);
	tcase_add_test(sequence, the_logs_are_one_sequence_and_what_the_database_needs);
	tcase_add_test(sequence, the_checkpoint_is_where_recovery_begins);
	tcase_add_test(sequence, a_missing_log);
	tcase_add_test(sequence, logs_that_are_not_here_at_all);
	tcase_add_test(sequence, a_renamed_log);
	tcase_add_test(sequence, a_log_of_another_sequence);
	tcase_add_test(sequence, a_cut_off_log);
	tcase_add_test(sequence, one_flipped_bit_in_a_log_is_found);
	suite_add_tcase(suite, sequence);
	return support_run(suite);
}
