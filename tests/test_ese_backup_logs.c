/* Which logs a backup of an ESE store lists, and what is found to be wrong with them. */
#include <unistd.h>

#include <backupapi/ese.h>

#include "ese_site_logs.h"

#define SEGMENT 4096

/* ---- which ones ---- */

START_TEST(required_logs_and_all_later_ones_are_listed)
{
	ese_site_logs(site, 3, 8);
	ck_assert_str_eq(listed(_i, ESE_FULL),
		"edb00005.log edb00006.log edb00007.log edb00008.log.part");
}
END_TEST

START_TEST(the_row_ends_where_one_is_missing)
{
	ese_site_logs(site, 3, 10);
	remove_file("edb00008.log");
	ck_assert_str_eq(listed(_i, ESE_FULL), "edb00005.log edb00006.log edb00007.log");
}
END_TEST

START_TEST(a_clean_database_needs_no_logs)
{
	ese_site_database(site, "a.edb", 0, 0);
	ck_assert_str_eq(listed(_i, ESE_FULL), "");
	ese_site_logs(site, 3, 5);
	ck_assert_str_eq(listed(_i, ESE_FULL), "");
	ese_site_consistent_at(site, "a.edb", 4096, 4);
	ck_assert_str_eq(listed(_i, ESE_FULL), "edb00004.log edb00005.log.part");
	ese_site_consistent_at(site, "a.edb", 4096, 2);
	ck_assert_str_eq(listed(_i, ESE_FULL), "");
}
END_TEST

START_TEST(a_clean_database_beside_a_dirty_one_extends_the_row)
{
	ese_site_logs(site, 2, 6);
	ese_site_database(site, "b.edb", 0, 0);
	ese_site_consistent_at(site, "b.edb", 4096, 3);
	ck_assert_str_eq(listed(_i, ESE_FULL),
		"edb00003.log edb00004.log edb00005.log edb00006.log.part");
	remove_file("edb00004.log");
	ck_assert_str_eq(listed(_i, ESE_FULL), "edb00005.log edb00006.log.part");
}
END_TEST

START_TEST(names_are_written_as_the_others_are)
{
	const struct ese_store_chain chain = {.base = "V01",
		.extension = ".jtx",
		.low = 0xffffe,
		.high = 0x100001,
		.major = 8,
		.current = true,
		.signature = ESE_SITE_SIGNATURE};

	ese_site_database(site, "a.edb", 0xfffff, 0x100000);
	ese_store_write_chain(site->data, &chain);
	ck_assert_str_eq(listed(_i, ESE_FULL),
		"V0100100000.jtx V0100100001.jtx.part V01FFFFF.jtx");
	support_write(ese_site_path(site, "edb.log"), "another store's\n");
	ese_site_configure(site, "log_base = v01\n");
	ck_assert_str_eq(listed(_i, ESE_FULL),
		"V0100100000.jtx V0100100001.jtx.part V01FFFFF.jtx");
}
END_TEST

START_TEST(logs_of_version_7_are_delivered)
{
	const struct ese_store_chain chain = {.base = "edb",
		.extension = ".log",
		.low = 5,
		.high = 7,
		.major = 7,
		.current = true,
		.signature = ESE_SITE_SIGNATURE};

	ese_store_write_chain(site->data, &chain);
	ese_back_up(_i, ESE_FULL, false, NULL);
	ck_assert_str_eq(
		listed(_i, ESE_FULL), "edb00005.log edb00006.log edb00007.log.part");
}
END_TEST

/* The part's name tells how much of the log is written, so that later copies differ. */
START_TEST(a_later_copy_of_the_current_log_has_another_name)
{
	struct ese_store_log log = {.generation = 5,
		.major = 8,
		.signature = ESE_SITE_SIGNATURE,
		.created = 5,
		.previous_created = 4,
		.used = 2,
		.shadow = true,
		.seed = 7};
	struct ese_session session;
	struct names logs;

	ese_site_database(site, "a.edb", 5, 5);
	for (unsigned used = 2; used <= 4; used++) {
		char name[64];

		log.used = used;
		(void)ese_store_write_log(ese_site_path(site, "edb.log"), &log);
		ck_assert_int_eq(ese_begin(false, ESE_FULL, &session), S_OK);
		logs = ese_logs(&session);
		(void)snprintf(
			name, sizeof(name), "edb00005.log.part-%u", (used + 1) * SEGMENT);
		ck_assert_uint_eq(logs.count, 1);
		ck_assert_str_eq(strrchr(logs.items[0], '/') + 1, name);
		names_free(&logs);
		ese_end(&session);
	}
}
END_TEST

/* ---- what is wrong with them: when the backup begins ---- */

START_TEST(missing_logs_are_named)
{
	refused(ESE_FULL, hrMissingLogFile, "0x5 to 0x6");
	ese_site_logs(site, 3, 5);
	refused(ESE_FULL, hrMissingLogFile, "0x6 to 0x6 are missing");
	ese_site_logs(site, 6, 8);
	remove_file("edb.log");
	ese_site_logs(site, 6, 8);
	refused(ESE_FULL, hrMissingLogFile, "0x5 to 0x5 are missing");
}
END_TEST

START_TEST(a_log_of_another_set_is_refused)
{
	const struct ese_store_chain foreign = {.base = "edb",
		.extension = ".log",
		.low = 6,
		.high = 6,
		.major = 8,
		.signature = 99};

	ese_site_logs(site, 5, 8);
	ese_store_write_chain(site->data, &foreign);
	refused(ESE_FULL, hrBadLogSignature, "edb00006.log");
}
END_TEST

START_TEST(a_renamed_log_is_refused)
{
	ese_site_logs(site, 4, 8);
	remove_file("edb00006.log");
	rename_file("edb00004.log", "edb00006.log");
	refused(ESE_FULL, BACKUPAPI_ESE_WRONG_GENERATION, "edb00006.log");
}
END_TEST

START_TEST(a_log_that_is_cut_off_is_refused)
{
	ese_site_logs(site, 5, 8);
	ck_assert_int_eq(truncate(ese_site_path(site, "edb00006.log"), 5 * SEGMENT), 0);
	refused(ESE_FULL, BACKUPAPI_ESE_WRONG_LOG_SIZE, "edb00006.log");
}
END_TEST

START_TEST(a_log_that_followed_another_one_is_refused)
{
	const struct ese_store_log log = {.generation = 6,
		.major = 8,
		.signature = ESE_SITE_SIGNATURE,
		.created = 66,
		.previous_created = 4711,
		.used = 3,
		.seed = 1};

	ese_site_logs(site, 5, 8);
	(void)ese_store_write_log(ese_site_path(site, "edb00006.log"), &log);
	refused(ESE_FULL, hrGivenLogFileIsNotContiguous, "edb00006.log");
}
END_TEST

START_TEST(two_files_of_one_generation_are_refused)
{
	ese_site_logs(site, 5, 8);
	rename_file("edb00007.log", "EDB00006.LOG");
	refused(ESE_FULL, hrInvalidLogSequence, "EDB00006.LOG");
}
END_TEST

/* ---- and while they are read ---- */

static void read_log_fails(const char *name, HRESULT code, const char *part)
{
	struct ese_session session;
	struct names logs;
	uint8_t *data;
	size_t size;

	ck_assert_int_eq(ese_begin(false, ESE_FULL, &session), S_OK);
	logs = ese_logs(&session);
	names_free(&logs);
	for (int again = 0; again < 2; again++) {
		FAILS(ese_fetch(&session, ese_site_path(site, name), 5000, &data, &size),
			code);
		ese_detail_has(part);
		ck_assert_uint_lt(size, ESE_STORE_LOG_SIZE);
		free(data);
	}
	ese_end(&session);
}

START_TEST(a_damaged_segment_fails_the_read)
{
	ese_site_logs(site, 5, 8);
	ese_site_damage(site, "edb00006.log", 2 * SEGMENT + 99, 1);
	read_log_fails("edb00006.log", hrLogFileCorrupt, "segment 2");
}
END_TEST

START_TEST(a_damaged_record_fails_the_read)
{
	const struct ese_store_chain chain = {.base = "edb",
		.extension = ".log",
		.low = 5,
		.high = 7,
		.major = 7,
		.current = true,
		.signature = ESE_SITE_SIGNATURE};

	ese_store_write_chain(site->data, &chain);
	ese_site_damage(site, "edb00006.log", SEGMENT + 99, 1);
	read_log_fails("edb00006.log", hrLogFileCorrupt, "edb00006.log");
}
END_TEST

START_TEST(a_log_that_the_next_one_does_not_remember_fails_the_read)
{
	const struct ese_store_chain chain = {.base = "edb",
		.extension = ".log",
		.low = 5,
		.high = 8,
		.major = 8,
		.current = true,
		.signature = ESE_SITE_SIGNATURE};
	size_t size;
	uint8_t *data;

	ese_store_write_chain(site->data, &chain);
	data = ese_store_read(ese_site_path(site, "edb00006.log"), &size);
	memset(data + SEGMENT, 0, SEGMENT);
	ese_store_write(ese_site_path(site, "edb00006.log"), data, size);
	free(data);
	read_log_fails(
		"edb00006.log", BACKUPAPI_ESE_LOG_SUM_DIFFERS, "followed a log 0x6");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ese_backup_logs");
	TCase *which = tcase_create("which"), *wrong = tcase_create("wrong");

	tcase_add_checked_fixture(which, set_up, tear_down);
	tcase_add_loop_test(which, required_logs_and_all_later_ones_are_listed, 0, 2);
	tcase_add_loop_test(which, the_row_ends_where_one_is_missing, 0, 2);
	tcase_add_loop_test(which, a_clean_database_needs_no_logs, 0, 2);
	tcase_add_loop_test(
		which, a_clean_database_beside_a_dirty_one_extends_the_row, 0, 2);
	tcase_add_loop_test(which, names_are_written_as_the_others_are, 0, 2);
	tcase_add_loop_test(which, logs_of_version_7_are_delivered, 0, 2);
	tcase_add_test(which, a_later_copy_of_the_current_log_has_another_name);
	suite_add_tcase(suite, which);

	tcase_add_checked_fixture(wrong, set_up, tear_down);
	tcase_add_test(wrong, missing_logs_are_named);
	tcase_add_test(wrong, a_log_of_another_set_is_refused);
	tcase_add_test(wrong, a_renamed_log_is_refused);
	tcase_add_test(wrong, a_log_that_is_cut_off_is_refused);
	tcase_add_test(wrong, a_log_that_followed_another_one_is_refused);
	tcase_add_test(wrong, two_files_of_one_generation_are_refused);
	tcase_add_test(wrong, a_damaged_segment_fails_the_read);
	tcase_add_test(wrong, a_damaged_record_fails_the_read);
	tcase_add_test(wrong, a_log_that_the_next_one_does_not_remember_fails_the_read);
	suite_add_tcase(suite, wrong);

	return support_run(suite);
}
