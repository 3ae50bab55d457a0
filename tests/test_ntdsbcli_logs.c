/* The Ds functions on a store with logs (log_engine.h), beside the CertSrv ones. */
#include <stdlib.h>
#include <string.h>

#include "ds_form.h"
#include "log_engine.h"

#define DATABASE "\\\\ca01\\posix$\\store\\db.edb"
#define LOG(n)   "\\\\ca01\\posix$\\store\\logs\\log." #n
#define TAG_LOG  0x21u

static struct store *store;

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
	memset(&log_engine, 0, sizeof(log_engine));
	log_engine.in_use = true;
	log_engine.low = 5;
	log_engine.high = 7;
}

static void teardown(void)
{
	ck_assert_int_eq(log_engine.live, 0);
	ck_assert_int_eq(log_engine.files_open, 0);
	log_engine.in_use = false;
	store_free(store);
}

/* ---- sessions ---- */

static void read_list(const struct ds_form *form, HBC hbc, struct ds_names names)
{
	for (size_t i = 0; i < names.count; i++)
		free(ds_stream(form, hbc, names.items[i].name, NULL));
	ds_names_free(&names);
}

static void deliver_logs(const struct ds_form *form, HBC hbc)
{
	read_list(form, hbc, ds_databases(form, hbc));
	read_list(form, hbc, ds_logs(form, hbc));
}

/* A complete one of Ds. */
static void ds_full(const struct ds_form *form, bool truncate)
{
	HBC hbc = ds_begin(form);

	deliver_logs(form, hbc);
	if (truncate)
		WORKS(DsBackupTruncateLogs(hbc));
	WORKS(DsBackupEnd(hbc));
}

static void read_wide_list(HCSBC hbc, WCHAR *list)
{
	for (const WCHAR *p = list; *p; p += wcslen(p) + 1) {
		LARGE_INTEGER size;
		char buffer[64];
		DWORD got;

		WORKS(CertSrvBackupOpenFileW(hbc, p, 0, &size));
		WORKS(CertSrvBackupRead(hbc, buffer, sizeof(buffer), &got));
		ck_assert_int_eq(got, size.QuadPart);
		WORKS(CertSrvBackupClose(hbc));
	}
	CertSrvBackupFree(list);
}

/* A complete one of CertSrv. */
static void certsrv_backup(ULONG type, bool truncate)
{
	HCSBC hbc = POISON;
	WCHAR *list;
	DWORD size;

	WORKS(CertSrvBackupPrepareW(NULL, 0, type, &hbc));
	if (type == CSBACKUP_TYPE_FULL) {
		WORKS(CertSrvBackupGetDatabaseNamesW(hbc, &list, &size));
		read_wide_list(hbc, list);
	}
	WORKS(CertSrvBackupGetBackupLogsW(hbc, &list, &size));
	read_wide_list(hbc, list);
	if (truncate)
		WORKS(CertSrvBackupTruncateLogs(hbc));
	WORKS(CertSrvBackupEnd(hbc));
}

static void incremental_refused(HRESULT code)
{
	HCSBC hbc = POISON;

	FAILS(CertSrvBackupPrepareW(NULL, 0, CSBACKUP_TYPE_LOGS_ONLY, &hbc), code);
	ck_assert_ptr_null(hbc);
}

/* ---- one backup ---- */

START_TEST(logs_are_listed_with_their_tag_and_read)
{
	const struct ds_form *form = &ds_forms[_i];
	HBC hbc = ds_begin(form);
	struct ds_names names;
	char *content;

	read_list(form, hbc, ds_databases(form, hbc));
	names = ds_logs(form, hbc);
	ck_assert_uint_eq(names.count, 3);
	ck_assert(ds_has(&names, TAG_LOG, LOG(5)));
	ck_assert(ds_has(&names, TAG_LOG, LOG(6)));
	content = ds_stream(form, hbc, "!" LOG(6), NULL);
	ck_assert_str_eq(content, "a log");
	free(content);
	read_list(form, hbc, names);
	WORKS(DsBackupEnd(hbc));
}
END_TEST

START_TEST(in_the_log_phase_logs_alone_open)
{
	const struct ds_form *form = &ds_forms[_i];
	HBC hbc = ds_begin(form);
	LARGE_INTEGER size;
	void *list = POISON;
	DWORD bytes = POISON_SIZE;
	struct ds_names names;

	FAILS(form->open(hbc, LOG(5), DS_READ_SIZE, &size), WIN32(ERROR_FILE_NOT_FOUND));
	names = ds_databases(form, hbc);
	ds_names_free(&names);
	FAILS(form->open(hbc, LOG(5), DS_READ_SIZE, &size), WIN32(ERROR_FILE_NOT_FOUND));
	names = ds_logs(form, hbc);
	ds_names_free(&names);
	FAILS(form->open(hbc, DATABASE, DS_READ_SIZE, &size), hrInvalidBackupSequence);
	WORKS(form->open(hbc, LOG(5), DS_READ_SIZE, &size));
	FAILS(form->open(hbc, LOG(6), DS_READ_SIZE, &size), hrAlreadyOpen);
	FAILS(form->logs(hbc, &list, &bytes), hrInvalidBackupSequence);
	ck_assert_ptr_null(list);
	FAILS(form->names(hbc, &list, &bytes), hrInvalidBackupSequence);
	FAILS(DsBackupTruncateLogs(hbc), hrInvalidBackupSequence);
	WORKS(DsBackupClose(hbc));
	FAILS(DsBackupClose(hbc), hrInvalidHandle);
	FAILS(DsBackupTruncateLogs(hbc), hrInvalidBackupSequence);
	WORKS(DsBackupEnd(hbc));
}
END_TEST

static void read_fails(HBC hbc, HRESULT code)
{
	static char buffer[DS_READ_SIZE];
	DWORD got = POISON_SIZE;

	log_engine.read_result = code;
	FAILS(DsBackupRead(hbc, buffer, sizeof(buffer), &got), code);
	ck_assert_uint_eq(got, 0);
	log_engine.read_result = STATUS_OK;
}

START_TEST(damage_fails_the_read)
{
	const struct ds_form *form = &ds_forms[_i];
	HBC hbc = ds_begin(form);
	LARGE_INTEGER size;
	struct ds_names names = ds_databases(form, hbc);

	WORKS(form->open(hbc, DATABASE, DS_READ_SIZE, &size));
	read_fails(hbc, hrReadVerifyFailure);
	WORKS(DsBackupClose(hbc));
	ds_names_free(&names);
	names = ds_logs(form, hbc);
	WORKS(form->open(hbc, LOG(7), DS_READ_SIZE, &size));
	read_fails(hbc, hrLogFileCorrupt);
	WORKS(DsBackupClose(hbc));
	ds_names_free(&names);
	WORKS(DsBackupEnd(hbc));
	ck_assert(!store_history().ds.full.taken);
}
END_TEST

START_TEST(a_missing_log_hands_nothing_out)
{
	const struct ds_form *form = &ds_forms[_i];
	PVOID token = POISON;
	DWORD size = POISON_SIZE;
	void *list = POISON;
	HBC hbc = POISON;

	log_engine.begin_result = hrLogFileNotFound;
	FAILS(form->prepare(NULL, 0, BACKUP_TYPE_FULL, &token, &size, &hbc),
		hrLogFileNotFound);
	ck_assert_ptr_null(token);
	ck_assert_ptr_null(hbc);
	ck_assert_uint_eq(size, 0);
	log_engine.begin_result = STATUS_OK;
	hbc = ds_begin(form);
	log_engine.list_result = hrLogFileNotFound;
	FAILS(form->logs(hbc, &list, &size), hrLogFileNotFound);
	ck_assert_ptr_null(list);
	ck_assert_uint_eq(size, 0);
	WORKS(DsBackupEnd(hbc));
}
END_TEST

/* ---- two families, one store ---- */

START_TEST(truncation_deletes_all_but_the_newest)
{
	ds_full(&ds_forms[_i], true);
	ck_assert_uint_eq(log_engine.kept_from, 7);
}
END_TEST

START_TEST(truncation_keeps_what_the_other_family_needs)
{
	certsrv_backup(CSBACKUP_TYPE_FULL, false);
	log_engine.high = 9;
	ds_full(&ds_forms[_i], true);
	ck_assert_uint_eq(log_engine.kept_from, 7);
	certsrv_backup(CSBACKUP_TYPE_LOGS_ONLY, true);
	ck_assert_uint_eq(log_engine.how.first_generation, 7);
	ck_assert_uint_eq(log_engine.kept_from, 9);
}
END_TEST

START_TEST(a_full_backup_counts_for_its_own_family)
{
	ds_full(&ds_forms[_i], false);
	incremental_refused(hrMissingFullBackup);
	certsrv_backup(CSBACKUP_TYPE_FULL, false);
	log_engine.high = 8;
	ds_full(&ds_forms[_i], false);
	certsrv_backup(CSBACKUP_TYPE_LOGS_ONLY, false);
	ck_assert_uint_eq(log_engine.how.first_generation, 7);
}
END_TEST

/* ---- the next incremental ---- */

START_TEST(the_next_incremental_begins_where_it_is_told)
{
	const struct ds_form *form = &ds_forms[_i];

	certsrv_backup(CSBACKUP_TYPE_FULL, false);
	WORKS(form->set_current_log("\\\\CA01", 5));
	certsrv_backup(CSBACKUP_TYPE_LOGS_ONLY, false);
	ck_assert_uint_eq(log_engine.how.first_generation, 5);
	certsrv_backup(CSBACKUP_TYPE_LOGS_ONLY, true); /* a base of its own */
	log_engine.high = 8;
	certsrv_backup(CSBACKUP_TYPE_LOGS_ONLY, false);
	ck_assert_uint_eq(log_engine.how.first_generation, 7);
	FAILS(form->set_current_log(NULL, 0), WIN32(ERROR_INVALID_PARAMETER));
	certsrv_backup(CSBACKUP_TYPE_LOGS_ONLY, false);
	ck_assert_uint_eq(log_engine.how.first_generation, 7);
}
END_TEST

START_TEST(incrementals_are_forbidden_until_the_next_full_backup)
{
	const struct ds_form *form = &ds_forms[_i];

	certsrv_backup(CSBACKUP_TYPE_FULL, false);
	WORKS(form->set_current_log(NULL, BACKUP_DISABLE_INCREMENTAL));
	incremental_refused(hrIncrementalBackupDisabled);
	incremental_refused(hrIncrementalBackupDisabled);
	certsrv_backup(CSBACKUP_TYPE_FULL, false);
	certsrv_backup(CSBACKUP_TYPE_LOGS_ONLY, false);
}
END_TEST

START_TEST(a_full_backup_is_needed_first_all_the_same)
{
	const struct ds_form *form = &ds_forms[_i];

	WORKS(form->set_current_log(NULL, 5));
	incremental_refused(hrMissingFullBackup);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ntdsbcli_logs");
	TCase *tc = tcase_create("logs");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, logs_are_listed_with_their_tag_and_read, 0, DS_FORMS);
	tcase_add_loop_test(tc, in_the_log_phase_logs_alone_open, 0, DS_FORMS);
	tcase_add_loop_test(tc, damage_fails_the_read, 0, DS_FORMS);
	tcase_add_loop_test(tc, a_missing_log_hands_nothing_out, 0, DS_FORMS);
	tcase_add_loop_test(tc, truncation_deletes_all_but_the_newest, 0, DS_FORMS);
	tcase_add_loop_test(
		tc, truncation_keeps_what_the_other_family_needs, 0, DS_FORMS);
	tcase_add_loop_test(tc, a_full_backup_counts_for_its_own_family, 0, DS_FORMS);
	tcase_add_loop_test(
		tc, the_next_incremental_begins_where_it_is_told, 0, DS_FORMS);
	tcase_add_loop_test(
		tc, incrementals_are_forbidden_until_the_next_full_backup, 0, DS_FORMS);
	tcase_add_loop_test(tc, a_full_backup_is_needed_first_all_the_same, 0, DS_FORMS);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
