/* Each allocation of flows through the Ds functions fails in turn, in both forms: the call
 * says so, gives nothing out, leaks nothing, and the handle still works. Texts are
 * constant here: what the test itself allocates would fail, too. */
#include <backupapi/backupapi.h>
#include <ntdsbcli.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "../sanitized.h"
#include "../store.h"
#include "../support.h"
#include "sweep.h"

static struct store *store;
static void *token;
static DWORD token_size;

static void setup(void)
{
	HBC hbc;

	if (!getenv("TMPDIR") && access("/dev/shm", W_OK) == 0)
		ck_assert_int_eq(setenv("TMPDIR", "/dev/shm", 1), 0);
	store = store_make(STORE_FLAT, support_tmpdir());
	ck_assert_int_eq(
		DsBackupPrepareA(NULL, 0, BACKUP_TYPE_FULL, &token, &token_size, &hbc),
		S_OK);
	ck_assert_int_eq(DsBackupEnd(hbc), S_OK);
}

static void teardown(void)
{
	DsBackupFree(token);
	store_free(store);
}

static void nothing_left(void)
{
}

/* ---- a backup ---- */

/* After the call that opened it. */
static HRESULT read_open_file(HBC hbc)
{
	static char buffer[24576];
	HRESULT hr;
	DWORD got;

	while ((hr = DsBackupRead(hbc, buffer, sizeof(buffer), &got)) == S_OK)
		continue;
	return hr == ERROR_HANDLE_EOF ? DsBackupClose(hbc) : hr;
}

static HRESULT read_narrow(HBC hbc, const char *list)
{
	HRESULT hr = S_OK;
	LARGE_INTEGER size;

	for (const char *p = list; *p && SUCCEEDED(hr); p += strlen(p) + 1) {
		hr = DsBackupOpenFileA(hbc, p, 24576, &size);
		if (SUCCEEDED(hr))
			hr = read_open_file(hbc);
	}
	return hr;
}

static HRESULT read_wide(HBC hbc, const WCHAR *list)
{
	HRESULT hr = S_OK;
	LARGE_INTEGER size;

	for (const WCHAR *p = list; *p && SUCCEEDED(hr); p += wcslen(p) + 1) {
		hr = DsBackupOpenFileW(hbc, p, 24576, &size);
		if (SUCCEEDED(hr))
			hr = read_open_file(hbc);
	}
	return hr;
}

static HRESULT databases_narrow(HBC hbc)
{
	LPSTR list = NULL;
	DWORD size;
	HRESULT hr = DsBackupGetDatabaseNamesA(hbc, &list, &size);

	if (SUCCEEDED(hr))
		hr = read_narrow(hbc, list);
	DsBackupFree(list);
	return hr;
}

static HRESULT databases_wide(HBC hbc)
{
	LPWSTR list = NULL;
	DWORD size;
	HRESULT hr = DsBackupGetDatabaseNamesW(hbc, &list, &size);

	if (SUCCEEDED(hr))
		hr = read_wide(hbc, list);
	DsBackupFree(list);
	return hr;
}

static HRESULT logs_narrow(HBC hbc)
{
	LPSTR list = NULL;
	DWORD size;
	HRESULT hr = DsBackupGetBackupLogsA(hbc, &list, &size);

	DsBackupFree(list);
	return hr;
}

static HRESULT logs_wide(HBC hbc)
{
	LPWSTR list = NULL;
	DWORD size;
	HRESULT hr = DsBackupGetBackupLogsW(hbc, &list, &size);

	DsBackupFree(list);
	return hr;
}

/* What failed for lack of memory works at the second try, on the same handle. */
static HRESULT twice(HBC hbc, HRESULT (*part)(HBC hbc))
{
	HRESULT hr = part(hbc), again;

	if (SUCCEEDED(hr))
		return hr;
	(void)DsBackupClose(hbc);
	again = part(hbc);
	ck_assert_msg(SUCCEEDED(again), "%s: %s", backupapi_error_name(again),
		backupapi_error_detail());
	return hr;
}

/* All of it, whatever fails once; the first failure. */
static HRESULT stream(HBC hbc, HRESULT (*databases)(HBC hbc), HRESULT (*logs)(HBC hbc))
{
	HRESULT of_databases = twice(hbc, databases), of_logs = twice(hbc, logs);
	HRESULT truncated = DsBackupTruncateLogs(hbc), ended = DsBackupEnd(hbc);
	const HRESULT all[] = {of_databases, of_logs, truncated, ended};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (FAILED(all[i]))
			return all[i];
	return S_OK;
}

static void check_nothing_given(HBC hbc, const void *own_token)
{
	ck_assert_ptr_null(hbc);
	ck_assert_ptr_null(own_token);
}

static status back_up_narrow(void)
{
	void *own_token = &store;
	DWORD size;
	BOOL online;
	HBC hbc = &store;
	HRESULT hr = DsIsNTDSOnlineA("ca01", &online);

	if (FAILED(hr))
		return hr;
	hr = DsBackupPrepareA("\\\\ca01", 0, BACKUP_TYPE_FULL, &own_token, &size, &hbc);
	if (FAILED(hr)) {
		check_nothing_given(hbc, own_token);
		return hr;
	}
	DsBackupFree(own_token);
	return stream(hbc, databases_narrow, logs_narrow);
}

static status back_up_wide(void)
{
	void *own_token = &store;
	DWORD size;
	BOOL online;
	HBC hbc = &store;
	HRESULT hr = DsIsNTDSOnlineW(L"ca01", &online);

	if (FAILED(hr))
		return hr;
	hr = DsBackupPrepareW(L"\\\\ca01", 0, BACKUP_TYPE_FULL, &own_token, &size, &hbc);
	if (FAILED(hr)) {
		check_nothing_given(hbc, own_token);
		return hr;
	}
	DsBackupFree(own_token);
	return stream(hbc, databases_wide, logs_wide);
}

static status (*const backups[])(void) = {back_up_narrow, back_up_wide};

START_TEST(a_backup_runs_out_of_memory_anywhere)
{
	sweep(backups[_i], nothing_left);
}
END_TEST

/* ---- a restore ---- */

static void start_service(void)
{
	int32_t hr = backupapi_cancel_restore("ca01");

	ck_assert(hr == S_OK || hr == hrInvalidHandle);
	ck_assert_int_eq(
		backupapi_server_control("ca01", BACKUPAPI_CONTROL_START, NULL), S_OK);
}

static HRESULT use_narrow(HBC hbc)
{
	static char name[] = "D\\\\ca01\\certs\\serial";
	EDB_RSTMAPA map = {name, name};
	LPSTR list = NULL;
	DWORD size;
	HRESULT hr = DsRestoreGetDatabaseLocationsA(hbc, &list, &size);

	DsBackupFree(list);
	if (SUCCEEDED(hr))
		hr = DsRestoreRegisterA(hbc, "/a", "/b", &map, 1, "/c", 0, 0);
	return FAILED(hr) ? hr : DsRestoreRegisterComplete(hbc, hrReadVerifyFailure);
}

static HRESULT use_wide(HBC hbc)
{
	static WCHAR name[] = L"D\\\\ca01\\certs\\serial";
	EDB_RSTMAPW map = {name, name};
	LPWSTR list = NULL;
	DWORD size;
	HRESULT hr = DsRestoreGetDatabaseLocationsW(hbc, &list, &size);

	DsBackupFree(list);
	if (SUCCEEDED(hr))
		hr = DsRestoreRegisterW(hbc, L"/a", L"/b", &map, 1, L"/c", 0, 0);
	return FAILED(hr) ? hr : DsRestoreRegisterComplete(hbc, hrReadVerifyFailure);
}

static status restore(bool wide)
{
	HBC hbc = &store;
	HRESULT hr = backupapi_server_control("ca01", BACKUPAPI_CONTROL_STOP, NULL);
	HRESULT ended;

	if (FAILED(hr))
		return hr;
	hr = wide ? DsRestorePrepareW(L"ca01", 0, token, token_size, &hbc)
		  : DsRestorePrepareA("ca01", 0, token, token_size, &hbc);
	if (FAILED(hr)) {
		ck_assert_ptr_null(hbc);
		return hr;
	}
	hr = wide ? use_wide(hbc) : use_narrow(hbc);
	ended = DsRestoreEnd(hbc);
	if (SUCCEEDED(hr))
		hr = ended;
	if (SUCCEEDED(hr))
		hr = backupapi_cancel_restore("ca01");
	return hr;
}

static status restore_narrow(void)
{
	return restore(false);
}

static status restore_wide(void)
{
	return restore(true);
}

static status (*const restores[])(void) = {restore_narrow, restore_wide};

START_TEST(a_restore_runs_out_of_memory_anywhere)
{
	sweep(restores[_i], start_service);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("memory_ds");
	TCase *tests = tcase_create("memory");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 600);
	tcase_add_loop_test(tests, a_backup_runs_out_of_memory_anywhere, 0, 2);
	tcase_add_loop_test(tests, a_restore_runs_out_of_memory_anywhere, 0, 2);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	if (SANITIZED) { /* each address is new there, and so are table entries */
		printf("skipped: the sanitizers' malloc never gives an address twice\n");
		return 77;
	}
	return support_run(make_suite());
}
