/* Incremental backups of ESE stores, and truncating their logs. */
#include <sys/stat.h>
#include <unistd.h>

#include "ese_site_logs.h"

static void full(bool truncate)
{
	ese_back_up(false, ESE_FULL, truncate, NULL);
}

START_TEST(an_incremental_begins_with_the_log_that_was_current)
{
	ese_site_logs(site, 4, 7);
	full(false);
	remove_file("edb.log");
	ese_site_logs(site, 4, 9);
	ck_assert_str_eq(listed(false, ESE_INCREMENTAL),
		"edb00007.log edb00008.log edb00009.log.part");
	ese_back_up(false, ESE_INCREMENTAL, false, NULL);
	remove_file("edb.log");
	ese_site_logs(site, 4, 10);
	ck_assert_str_eq(listed(false, ESE_INCREMENTAL),
		"edb00007.log edb00008.log edb00009.log edb0000A.log.part");
}
END_TEST

START_TEST(an_incremental_needs_every_log_since_the_base)
{
	ese_site_logs(site, 4, 7);
	full(false);
	remove_file("edb.log");
	ese_site_logs(site, 4, 10);
	rename_file("edb00008.log", "kept");
	refused(ESE_INCREMENTAL, hrLogFileNotFound, "0x8 is gone");
	rename_file("kept", "edb00008.log");
	rename_file("edb00007.log", "kept");
	refused(ESE_INCREMENTAL, hrLogFileNotFound, "0x7 is gone");
	rename_file("kept", "edb00007.log");
	ese_back_up(false, ESE_INCREMENTAL, false, NULL);
}
END_TEST

START_TEST(logs_of_another_store_are_no_increment)
{
	struct ese_store_chain foreign = {.base = "edb",
		.extension = ".log",
		.low = 4,
		.high = 10,
		.major = 8,
		.current = true,
		.signature = 77};

	ese_site_logs(site, 4, 7);
	full(false);
	remove_file("edb.log");
	ese_store_write_chain(site->data, &foreign);
	refused(ESE_INCREMENTAL, hrBadLogSignature, "edb00007.log");
}
END_TEST

static void set_circular(const char *name)
{
	size_t size;
	uint8_t *data = ese_store_read(ese_site_path(site, name), &size);

	data[639] |= 2;
	ese_store_seal(data, 4096);
	ese_store_write(ese_site_path(site, name), data, size);
	free(data);
}

START_TEST(circular_logs_are_for_full_backups_alone)
{
	ese_site_logs(site, 4, 7);
	set_circular("edb.log");
	full(false);
	refused(ESE_INCREMENTAL, hrCircularLogging, "edb.log");
	remove_file("edb.log");
	ese_site_logs(site, 4, 9);
	ese_back_up(false, ESE_INCREMENTAL, false, NULL);
	set_circular("edb00008.log");
	refused(ESE_INCREMENTAL, hrCircularLogging, "edb00008.log");
}
END_TEST

START_TEST(a_base_without_logs_has_no_increment)
{
	ese_site_database(site, "a.edb", 0, 0);
	full(true);
	refused(ESE_INCREMENTAL, hrCircularLogging, "no logs");
	ese_site_logs(site, 1, 3);
	refused(ESE_INCREMENTAL, hrLogFileNotFound,
		"no log that this one could continue");
}
END_TEST

/* ---- truncation ---- */

static HRESULT truncate_after(enum ese_type type)
{
	struct ese_session session;
	HRESULT hr;

	ck_assert_int_eq(ese_begin(false, type, &session), S_OK);
	ese_deliver(&session, type, ese_site_path(site, "edb.log"), NULL);
	hr = CertSrvBackupTruncateLogs(session.handle);
	if (hr != S_OK)
		ck_assert_str_ne(backupapi_error_detail(), "");
	ese_end(&session);
	return hr;
}

static void checkpoint(uint32_t generation, uint32_t signature)
{
	ese_store_write_checkpoint(ese_site_path(site, "edb.chk"), generation, signature);
}

START_TEST(truncation_keeps_what_the_checkpoint_needs)
{
	ese_site_logs(site, 2, 8);
	checkpoint(4, ESE_SITE_SIGNATURE);
	ck_assert_int_eq(truncate_after(ESE_FULL), S_OK);
	ck_assert(!there("edb00002.log") && !there("edb00003.log"));
	ck_assert(there("edb00004.log") && there("edb00005.log") && there("edb.log"));
	checkpoint(8, ESE_SITE_SIGNATURE);
	ck_assert_int_eq(truncate_after(ESE_FULL), S_OK);
	ck_assert(!there("edb00004.log"));
	ck_assert(there("edb00005.log") && there("edb00007.log") && there("edb.log"));
}
END_TEST

START_TEST(truncation_keeps_the_next_incremental_s_first_log)
{
	ese_site_database(site, "a.edb", 0, 0);
	ese_site_consistent_at(site, "a.edb", 4096, 5);
	ese_site_logs(site, 2, 8);
	checkpoint(20, ESE_SITE_SIGNATURE);
	ck_assert_int_eq(truncate_after(ESE_FULL), S_OK);
	ck_assert(!there("edb00007.log") && there("edb.log"));
	remove_file("edb.log");
	ese_site_logs(site, 7, 10);
	remove_file("edb00007.log");
	ck_assert_str_eq(listed(false, ESE_INCREMENTAL),
		"edb00008.log edb00009.log edb0000A.log.part");
	ck_assert_int_eq(truncate_after(ESE_INCREMENTAL), S_OK);
	ck_assert(!there("edb00009.log") && there("edb.log"));
	ck_assert_str_eq(listed(false, ESE_INCREMENTAL), "edb0000A.log.part");
}
END_TEST

START_TEST(without_a_good_checkpoint_nothing_is_deleted)
{
	ese_site_logs(site, 2, 8);
	ck_assert_int_eq(truncate_after(ESE_FULL), (HRESULT)0xC800021E);
	checkpoint(8, 99);
	ck_assert_int_eq(truncate_after(ESE_FULL), hrBadCheckpointSignature);
	checkpoint(8, ESE_SITE_SIGNATURE);
	ese_site_damage(site, "edb.chk", 50, 1);
	ese_site_damage(site, "edb.chk", 4096 + 50, 1);
	ck_assert_int_eq(truncate_after(ESE_FULL), hrCheckpointCorrupt);
	for (char name[] = "edb00002.log"; name[7] <= '7'; name[7]++)
		ck_assert(there(name));
}
END_TEST

START_TEST(the_checkpoint_may_be_in_a_directory_of_its_own)
{
	char lines[4096];

	(void)snprintf(lines, sizeof(lines), "system_dir = %s/system\n", site->dir);
	ese_site_configure(site, lines);
	ese_site_logs(site, 2, 8);
	checkpoint(8, ESE_SITE_SIGNATURE); /* of another time: not looked at */
	ck_assert_int_eq(truncate_after(ESE_FULL), (HRESULT)0xC800021E);
	ck_assert_int_eq(mkdir(ese_site_path(site, "../system"), 0700), 0);
	ck_assert_int_eq(truncate_after(ESE_FULL), (HRESULT)0xC800021E);
	ese_store_write_checkpoint(
		ese_site_path(site, "../system/EDB.CHK"), 4, ESE_SITE_SIGNATURE);
	ck_assert_int_eq(truncate_after(ESE_FULL), S_OK);
	ck_assert(!there("edb00003.log") && there("edb00004.log"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ese_increment");
	TCase *increments = tcase_create("increments");
	TCase *truncation = tcase_create("truncation");

	tcase_add_checked_fixture(increments, set_up, tear_down);
	tcase_add_test(increments, an_incremental_begins_with_the_log_that_was_current);
	tcase_add_test(increments, an_incremental_needs_every_log_since_the_base);
	tcase_add_test(increments, logs_of_another_store_are_no_increment);
	tcase_add_test(increments, circular_logs_are_for_full_backups_alone);
	tcase_add_test(increments, a_base_without_logs_has_no_increment);
	suite_add_tcase(suite, increments);

	tcase_add_checked_fixture(truncation, set_up, tear_down);
	tcase_add_test(truncation, truncation_keeps_what_the_checkpoint_needs);
	tcase_add_test(truncation, truncation_keeps_the_next_incremental_s_first_log);
	tcase_add_test(truncation, without_a_good_checkpoint_nothing_is_deleted);
	tcase_add_test(truncation, the_checkpoint_may_be_in_a_directory_of_its_own);
	suite_add_tcase(suite, truncation);
	return support_run(suite);
}
