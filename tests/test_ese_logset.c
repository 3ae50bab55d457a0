#include "engine/ese_logset.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "ese_logs.h"

static status verify(uint32_t low, uint32_t high)
{
	const struct ese_logset_check check = {.low = low, .high = high, .bodies = true};

	return ese_logset_verify(&set, &check);
}

static void rename_log(const char *from, const char *to)
{
	ck_assert_int_eq(renameat(dir_fd, from, dir_fd, to), 0);
}

static void write_file(const char *name, const char *text)
{
	char *path = support_path(dir, name);

	support_write(path, text);
	free(path);
}

/* ---- reading ---- */

START_TEST(an_empty_directory_has_no_logs)
{
	read_good();
	ck_assert_uint_eq(set.count, 0);
	ck_assert_ptr_null(set.checkpoint);
	ck_assert_ptr_null(ese_logset_find(&set, 1));
	ck_assert_uint_eq(ese_logset_end_of_row(&set, 5), 4);
}
END_TEST

START_TEST(logs_are_found_in_the_order_of_their_generations)
{
	write_chain(0x4e, 0x53);
	write_file("edb.chk", "x");
	write_file("edbtmp.log", "x");
	write_file("edbres00001.jrs", "x");
	write_file("res1.log", "x");
	write_file("ntds.dit", "x");
	write_file("sru00051.log", "of others");
	read_good();
	ck_assert_uint_eq(set.count, 6);
	for (size_t i = 0; i < 6; i++) {
		ck_assert_uint_eq(set.items[i].generation, 0x4e + i);
		ck_assert(set.items[i].current == (i == 5));
		ck_assert_uint_eq(set.items[i].size, ESE_STORE_LOG_SIZE);
	}
	ck_assert_str_eq(set.items[5].name, "edb.log");
	ck_assert_str_eq(set.checkpoint, "edb.chk");
	ck_assert_ptr_eq(ese_logset_find(&set, 0x50), &set.items[2]);
	ck_assert_ptr_null(ese_logset_find(&set, 0x54));
	ck_assert_uint_eq(ese_logset_end_of_row(&set, 0x4e), 0x53);
	ck_assert_uint_eq(ese_logset_end_of_row(&set, 0x54), 0x53);
}
END_TEST

START_TEST(capitals_and_new_extensions_are_the_same)
{
	write_chain(0x4e, 0x50);
	rename_log("edb0004E.log", "EDB0004e.LOG");
	rename_log("edb0004F.log", "edb0000004F.jtx");
	rename_log("edb.log", "EDB.JTX");
	read_good();
	ck_assert_uint_eq(set.count, 3);
	ck_assert_int_eq(verify(0x4e, 0x50), STATUS_OK);
}
END_TEST

START_TEST(two_files_of_one_generation_are_refused_by_name)
{
	write_chain(0x4e, 0x50);
	write_file("edb0000004F.log", "x");
	ck_assert_int_eq(read_set(), hrInvalidLogSequence);
	ck_assert_ptr_nonnull(strstr(status_pending(), "edb0000004F.log"));
	ck_assert_ptr_nonnull(strstr(status_pending(), "edb0004F.log"));
}
END_TEST

START_TEST(two_current_logs_are_refused)
{
	const struct ese_store_chain other = {.base = "EDB",
		.extension = ".jtx",
		.low = 0x60,
		.high = 0x60,
		.major = 8,
		.current = true,
		.signature = 22};

	write_chain(0x4e, 0x50);
	ese_store_write_chain(dir, &other);
	ck_assert_int_eq(read_set(), hrInvalidLogSequence);
	ck_assert_ptr_nonnull(strstr(status_pending(), "two current logs"));
}
END_TEST

START_TEST(two_checkpoints_are_refused)
{
	write_file("edb.chk", "x");
	write_file("EDB.CHK", "x");
	ck_assert_int_eq(read_set(), hrInvalidLogSequence);
}
END_TEST

START_TEST(a_current_log_that_cannot_tell_its_generation_is_an_error)
{
	write_chain(0x4e, 0x50);
	write_file("edb.log", "damaged");
	ck_assert_int_eq(read_set(), hrLogFileCorrupt);
	ck_assert_ptr_nonnull(strstr(status_pending(), "/edb.log: "));
}
END_TEST

START_TEST(symbolic_links_and_directories_are_no_logs)
{
	write_chain(0x4e, 0x50);
	rename_log("edb0004F.log", "away");
	ck_assert_int_eq(symlinkat("away", dir_fd, "edb0004F.log"), 0);
	ck_assert_int_eq(read_set(), STATUS_WIN32(ERROR_INVALID_DATA));
	ck_assert_int_eq(unlinkat(dir_fd, "edb0004F.log", 0), 0);
	ck_assert_int_eq(mkdirat(dir_fd, "edb0004F.log", 0700), 0);
	ck_assert_int_eq(read_set(), STATUS_WIN32(ERROR_INVALID_DATA));
	ck_assert_int_eq(unlinkat(dir_fd, "edb0004F.log", AT_REMOVEDIR), 0);
	rename_log("edb.log", "away too");
	ck_assert_int_eq(symlinkat("away too", dir_fd, "edb.log"), 0);
	ck_assert_int_eq(read_set(), STATUS_WIN32(ERROR_ACCESS_DENIED));
}
END_TEST

START_TEST(base_names_have_three_characters)
{
	ck_assert_int_eq(ese_logset_read(dir_fd, dir, "ed", &set),
		STATUS_WIN32(ERROR_INVALID_NAME));
	ese_logset_free(&set);
	ck_assert_int_eq(ese_logset_read(dir_fd, dir, "edbb", &set),
		STATUS_WIN32(ERROR_INVALID_NAME));
}
END_TEST

START_TEST(the_base_name_is_found_where_there_is_one)
{
	char base[4] = "xxx";

	ck_assert_int_eq(ese_logset_find_base(dir_fd, dir, base), STATUS_OK);
	ck_assert_str_eq(base, "");
	write_chain(0x4e, 0x50);
	write_file("EDB.chk", "x");
	write_file("srutmp.log", "x");
	ck_assert_int_eq(ese_logset_find_base(dir_fd, dir, base), STATUS_OK);
	ck_assert(strcmp(base, "edb") == 0 || strcmp(base, "EDB") == 0);
	write_file("sru.chk", "x");
	ck_assert_int_eq(ese_logset_find_base(dir_fd, dir, base), STATUS_OK);
	ck_assert_str_eq(base, "");
}
END_TEST

/* ---- verifying ---- */

START_TEST(sequences_of_both_versions_are_good)
{
	struct ese_store_chain c = chain(0xffffe, 0x100002);

	for (c.major = 7; c.major <= 8; c.major++) {
		ese_store_write_chain(dir, &c);
		read_good();
		ck_assert_uint_eq(set.count, 5);
		ck_assert_int_eq(verify(0xffffe, 0x100002), STATUS_OK);
		ck_assert_int_eq(verify(0x100000, 0x100001), STATUS_OK);
	}
}
END_TEST

START_TEST(a_missing_log_is_named)
{
	write_chain(0x4e, 0x53);
	ck_assert_int_eq(unlinkat(dir_fd, "edb00050.log", 0), 0);
	read_good();
	ck_assert_int_eq(verify(0x4e, 0x53), hrMissingLogFile);
	ck_assert_ptr_nonnull(
		strstr(status_pending(), "edb00050.log: log 0x50 is missing"));
	ck_assert_int_eq(verify(0x51, 0x53), STATUS_OK);
	ck_assert_int_eq(verify(0x51, 0x54), hrMissingLogFile);
}
END_TEST

START_TEST(a_renamed_log_is_named)
{
	write_chain(0x4e, 0x53);
	ck_assert_int_eq(unlinkat(dir_fd, "edb00050.log", 0), 0);
	rename_log("edb0004F.log", "edb00050.log");
	read_good();
	ck_assert_int_eq(verify(0x50, 0x51), ESE_WRONG_GENERATION);
	ck_assert_ptr_nonnull(strstr(status_pending(), "edb00050.log: "));
	ck_assert_ptr_nonnull(strstr(status_pending(), "0x4F"));
}
END_TEST

/* Log 0x50 as another chain has it, beside the others. */
static void replace_log(const struct ese_store_log *log)
{
	char *path = support_path(dir, "edb00050.log");

	(void)ese_store_write_log(path, log);
	free(path);
	read_good();
}

START_TEST(a_log_of_another_set_has_a_code_of_its_own)
{
	struct ese_store_log log = {.generation = 0x50,
		.major = 8,
		.update_minor = 16,
		.signature = 23,
		.created = 1000 + 0x50,
		.previous_created = 1000 + 0x4f,
		.used = 14,
		.seed = 7};

	write_chain(0x4e, 0x53);
	replace_log(&log);
	ck_assert_int_eq(verify(0x4e, 0x53), hrGivenLogFileHasBadSignature);
	ck_assert_ptr_nonnull(strstr(status_pending(), "edb00050.log: "));
	log.signature = 22;
	log.previous_created++;
	replace_log(&log);
	ck_assert_int_eq(verify(0x4e, 0x53), hrGivenLogFileIsNotContiguous);
	log.previous_created--;
	replace_log(&log);
	ck_assert_int_eq(verify(0x4e, 0x53), ESE_LOG_SUM_DIFFERS);
	ck_assert_ptr_nonnull(strstr(status_pending(), "edb00050.log: "));
}
END_TEST

START_TEST(a_damaged_body_is_found_where_bodies_are_read)
{
	const struct ese_logset_check headers = {.low = 0x4e, .high = 0x53};
	char *path = support_path(dir, "edb00050.log");
	size_t size;
	uint8_t *data;

	write_chain(0x4e, 0x53);
	data = ese_store_read(path, &size);
	data[30000] ^= 1;
	ese_store_write(path, data, size);
	read_good();
	ck_assert_int_eq(verify(0x4e, 0x53), hrLogFileCorrupt);
	ck_assert_int_eq(ese_logset_verify(&set, &headers), STATUS_OK);
	data[30] ^= 1;
	ese_store_write(path, data, size);
	ck_assert_int_eq(ese_logset_verify(&set, &headers), hrLogFileCorrupt);
	ck_assert_int_eq(verify(0x51, 0x53), STATUS_OK);
	free(data);
	free(path);
}
END_TEST

START_TEST(a_cut_off_log_is_found)
{
	char *path = support_path(dir, "edb00052.log");

	write_chain(0x4e, 0x53);
	read_good();
	ck_assert_int_eq(truncate(path, ESE_STORE_LOG_SIZE - 4096), 0);
	free(path);
	ck_assert_int_eq(verify(0x4e, 0x53), ESE_WRONG_LOG_SIZE);
	ck_assert_ptr_nonnull(strstr(status_pending(), "edb00052.log: "));
}
END_TEST

START_TEST(logs_must_be_the_databases_where_it_says_so)
{
	struct ese_signature signature;
	struct ese_logset_check check = {
		.low = 0x4e, .high = 0x53, .signature = &signature};
	uint8_t bytes[28];

	write_chain(0x4e, 0x53);
	read_good();
	ese_store_signature(bytes, 22);
	signature = ese_read_signature(bytes);
	ck_assert_int_eq(ese_logset_verify(&set, &check), STATUS_OK);
	signature.random++;
	ck_assert_int_eq(ese_logset_verify(&set, &check), hrBadLogSignature);
}
END_TEST

static status count_bytes(void *context, uint64_t done)
{
	uint64_t *last = context;

	ck_assert_uint_gt(done, *last);
	*last = done;
	return STATUS_OK;
}

START_TEST(progress_counts_the_bytes_of_all_bodies)
{
	uint64_t last = 0;
	const struct ese_tick tick = {count_bytes, &last};
	const struct ese_logset_check check = {
		.low = 0x4e, .high = 0x53, .bodies = true, .tick = &tick};

	write_chain(0x4e, 0x53);
	read_good();
	ck_assert_int_eq(ese_logset_verify(&set, &check), STATUS_OK);
	ck_assert_uint_eq(last, 6 * ESE_STORE_LOG_SIZE);
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, an_empty_directory_has_no_logs);
	tcase_add_test(tcase, logs_are_found_in_the_order_of_their_generations);
	tcase_add_test(tcase, capitals_and_new_extensions_are_the_same);
	tcase_add_test(tcase, two_files_of_one_generation_are_refused_by_name);
	tcase_add_test(tcase, two_current_logs_are_refused);
	tcase_add_test(tcase, two_checkpoints_are_refused);
	tcase_add_test(tcase, a_current_log_that_cannot_tell_its_generation_is_an_error);
	tcase_add_test(tcase, symbolic_links_and_directories_are_no_logs);
	tcase_add_test(tcase, base_names_have_three_characters);
	tcase_add_test(tcase, the_base_name_is_found_where_there_is_one);
	tcase_add_test(tcase, sequences_of_both_versions_are_good);
	tcase_add_test(tcase, a_missing_log_is_named);
	tcase_add_test(tcase, a_renamed_log_is_named);
	tcase_add_test(tcase, a_log_of_another_set_has_a_code_of_its_own);
	tcase_add_test(tcase, a_damaged_body_is_found_where_bodies_are_read);
	tcase_add_test(tcase, a_cut_off_log_is_found);
	tcase_add_test(tcase, logs_must_be_the_databases_where_it_says_so);
	tcase_add_test(tcase, progress_counts_the_bytes_of_all_bodies);
}

int main(void)
{
	Suite *suite = suite_create("ese_logset");
	TCase *tcase = tcase_create("ese_logset");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	add_tests(tcase);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
