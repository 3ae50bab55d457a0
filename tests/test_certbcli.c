/* A backup through the CertSrv functions; certbcli_handles has dead handles and blocks.
 */
#include <stdlib.h>
#include <string.h>

#include "certbcli_calls.h"

#define INDEX_NAME L"\\\\ca01\\certs\\index.txt"

static struct store *store;

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
}

static void teardown(void)
{
	store_free(store);
}

/* ---- prepare ---- */

START_TEST(prepare_refuses_bad_arguments)
{
	static const ULONG bad_flags[] = {0, 3, 4, 0x80000000, 0xffffffff};
	static const WCHAR beyond_unicode[] = {L'c', 0x110000, 0};
	HCSBC hbc;

	FAILS(CertSrvBackupPrepareW(NULL, 0, CSBACKUP_TYPE_FULL, NULL),
		WIN32(ERROR_INVALID_PARAMETER));
	hbc = POISON;
	FAILS(CertSrvBackupPrepareW(NULL, 1, CSBACKUP_TYPE_FULL, &hbc),
		WIN32(ERROR_INVALID_PARAMETER));
	ck_assert_ptr_null(hbc);
	for (size_t i = 0; i < sizeof(bad_flags) / sizeof(bad_flags[0]); i++) {
		hbc = POISON;
		FAILS(CertSrvBackupPrepareW(NULL, 0, bad_flags[i], &hbc),
			WIN32(ERROR_INVALID_PARAMETER));
		ck_assert_ptr_null(hbc);
	}
	hbc = POISON;
	FAILS(CertSrvBackupPrepareW(beyond_unicode, 0, CSBACKUP_TYPE_FULL, &hbc),
		WIN32(ERROR_NO_UNICODE_TRANSLATION));
	ck_assert_ptr_null(hbc);
}
END_TEST

START_TEST(unknown_servers_are_unavailable)
{
	static const WCHAR *const names[] = {L"nobody", L"\\\\nobody", L"ca01x",
		L"ca01\\Another CA", L"nobody\\Test CA"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		HCSBC hbc = POISON;

		FAILS(CertSrvBackupPrepareW(names[i], 0, CSBACKUP_TYPE_FULL, &hbc),
			WIN32(RPC_S_SERVER_UNAVAILABLE));
		ck_assert_ptr_null(hbc);
	}
}
END_TEST

START_TEST(garbage_is_no_server_name)
{
	WCHAR *endless = calloc(100001, sizeof(*endless));
	HCSBC hbc = POISON;

	ck_assert_ptr_nonnull(endless);
	wmemset(endless, L'a', 100000);
	FAILS(CertSrvBackupPrepareW(L"a/b", 0, CSBACKUP_TYPE_FULL, &hbc),
		WIN32(ERROR_INVALID_NAME));
	ck_assert_ptr_null(hbc);
	hbc = POISON;
	ck_assert(FAILED(CertSrvBackupPrepareW(endless, 0, CSBACKUP_TYPE_FULL, &hbc)));
	ck_assert_ptr_null(hbc);
	free(endless);
}
END_TEST

START_TEST(every_name_of_the_server_is_taken)
{
	static const WCHAR *const names[] = {NULL, L"", L".", L"localhost", L"ca01",
		L"CA01", L"\\\\ca01", L"ca01\\Test CA", L"\\\\CA01\\test ca"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		HCSBC hbc = POISON;

		WORKS(CertSrvBackupPrepareW(names[i], 0, CSBACKUP_TYPE_FULL, &hbc));
		WORKS(CertSrvBackupEnd(hbc));
	}
}
END_TEST

START_TEST(one_backup_at_a_time)
{
	HCSBC first = begin_backup(), second = POISON;

	FAILS(CertSrvBackupPrepareW(NULL, 0, CSBACKUP_TYPE_FULL, &second),
		hrBackupInProgress);
	ck_assert_ptr_null(second);
	WORKS(CertSrvBackupEnd(first));
	second = begin_backup();
	WORKS(CertSrvBackupEnd(second));
}
END_TEST

START_TEST(incremental_needs_logs)
{
	HCSBC hbc = POISON;

	FAILS(CertSrvBackupPrepareW(NULL, 0, CSBACKUP_TYPE_LOGS_ONLY, &hbc),
		hrCircularLogging);
	ck_assert_ptr_null(hbc);
}
END_TEST

START_TEST(stopped_service_cannot_be_backed_up)
{
	HCSBC hbc = POISON;

	WORKS(CertSrvServerControlW(NULL, CSCONTROL_SHUTDOWN, NULL, NULL));
	FAILS(CertSrvBackupPrepareW(NULL, 0, CSBACKUP_TYPE_FULL, &hbc),
		hrCouldNotConnect);
	ck_assert_ptr_null(hbc);
}
END_TEST

/* ---- order of calls ---- */

typedef HRESULT (*list_function)(HCSBC, WCHAR **, DWORD *);

static void get_list(list_function function, HCSBC hbc)
{
	WCHAR *list = NULL;
	DWORD size = 0;

	WORKS(function(hbc, &list, &size));
	CertSrvBackupFree(list);
}

static void refuses_list(list_function function, HCSBC hbc, HRESULT code)
{
	WCHAR *list = POISON;
	DWORD size = POISON_SIZE;

	FAILS(function(hbc, &list, &size), code);
	ck_assert_ptr_null(list);
	ck_assert_uint_eq(size, 0);
}

START_TEST(an_open_file_bars_logs_truncation_and_other_files)
{
	HCSBC hbc = begin_backup();
	LARGE_INTEGER length;

	get_list(CertSrvBackupGetDatabaseNamesW, hbc);
	WORKS(CertSrvBackupOpenFileW(hbc, INDEX_NAME, 0, &length));
	refuses_list(CertSrvBackupGetBackupLogsW, hbc, hrInvalidBackupSequence);
	FAILS(CertSrvBackupTruncateLogs(hbc), hrInvalidBackupSequence);
	FAILS(CertSrvBackupOpenFileW(hbc, INDEX_NAME, 0, &length), hrAlreadyOpen);
	get_list(CertSrvBackupGetDatabaseNamesW, hbc);
	get_list(CertSrvBackupGetDynamicFileListW, hbc);
	get_list(CertSrvRestoreGetDatabaseLocationsW, hbc);
	WORKS(CertSrvBackupEnd(hbc));
}
END_TEST

START_TEST(listing_the_logs_ends_the_database_phase)
{
	HCSBC hbc = begin_backup();
	LARGE_INTEGER length = {.QuadPart = -1};

	get_list(CertSrvBackupGetDatabaseNamesW, hbc);
	get_list(CertSrvBackupGetBackupLogsW, hbc);
	refuses_list(CertSrvBackupGetDatabaseNamesW, hbc, hrInvalidBackupSequence);
	FAILS(CertSrvBackupOpenFileW(hbc, INDEX_NAME, 0, &length),
		hrInvalidBackupSequence);
	ck_assert_int_eq(length.QuadPart, 0);
	get_list(CertSrvBackupGetBackupLogsW, hbc);
	get_list(CertSrvBackupGetDynamicFileListW, hbc);
	WORKS(CertSrvBackupEnd(hbc));
}
END_TEST

START_TEST(only_a_complete_backup_truncates)
{
	HCSBC hbc = begin_backup();

	FAILS(CertSrvBackupTruncateLogs(hbc), hrInvalidBackupSequence);
	get_list(CertSrvBackupGetDatabaseNamesW, hbc);
	deliver(hbc, INDEX_NAME, store_path(store, "index.txt"), 100);
	get_list(CertSrvBackupGetBackupLogsW, hbc);
	FAILS(CertSrvBackupTruncateLogs(hbc), hrInvalidBackupSequence);
	WORKS(CertSrvBackupEnd(hbc));

	hbc = begin_backup();
	deliver_all(hbc);
	WORKS(CertSrvBackupTruncateLogs(hbc));
	refuses_list(CertSrvBackupGetDatabaseNamesW, hbc, hrInvalidBackupSequence);
	WORKS(CertSrvBackupEnd(hbc));
}
END_TEST

static int64_t last_full_time(void)
{
	struct backupapi_server_info *info = POISON;
	int64_t time;

	WORKS(backupapi_server_status(NULL, &info));
	time = info->last_full_time;
	backupapi_free(info);
	return time;
}

START_TEST(only_a_complete_backup_is_recorded)
{
	HCSBC hbc = begin_backup();

	WORKS(CertSrvBackupEnd(hbc));
	ck_assert_int_eq(last_full_time(), 0);
	hbc = begin_backup();
	deliver_all(hbc);
	WORKS(backupapi_backup_abandon(hbc));
	ck_assert_int_eq(last_full_time(), 0);
	hbc = begin_backup();
	deliver_all(hbc);
	WORKS(CertSrvBackupEnd(hbc));
	ck_assert_int_gt(last_full_time(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("certbcli");
	TCase *tc = tcase_create("backup");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, prepare_refuses_bad_arguments);
	tcase_add_test(tc, unknown_servers_are_unavailable);
	tcase_add_test(tc, garbage_is_no_server_name);
	tcase_add_test(tc, every_name_of_the_server_is_taken);
	tcase_add_test(tc, one_backup_at_a_time);
	tcase_add_test(tc, incremental_needs_logs);
	tcase_add_test(tc, stopped_service_cannot_be_backed_up);
	tcase_add_test(tc, an_open_file_bars_logs_truncation_and_other_files);
	tcase_add_test(tc, listing_the_logs_ends_the_database_phase);
	tcase_add_test(tc, only_a_complete_backup_truncates);
	tcase_add_test(tc, only_a_complete_backup_is_recorded);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
