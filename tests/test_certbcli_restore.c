#include <string.h>
#include <sys/stat.h>

#include "certbcli_calls.h"

#define SERIAL L"\\\\ca01\\certs\\serial"

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
	static const ULONG bad[] = {
		CSRESTORE_TYPE_ONLINE, 3, CSRESTORE_TYPE_MASK, 8, 0xffffffff};
	HCSBC hbc;

	WORKS(CertSrvServerControlW(NULL, CSCONTROL_SHUTDOWN, NULL, NULL));
	FAILS(CertSrvRestorePrepareW(NULL, 0, NULL), WIN32(ERROR_INVALID_PARAMETER));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		hbc = POISON;
		FAILS(CertSrvRestorePrepareW(NULL, bad[i], &hbc),
			WIN32(ERROR_INVALID_PARAMETER));
		ck_assert_ptr_null(hbc);
	}
	hbc = POISON;
	FAILS(CertSrvRestorePrepareW(L"nobody", 0, &hbc),
		WIN32(RPC_S_SERVER_UNAVAILABLE));
	ck_assert_ptr_null(hbc);
}
END_TEST

START_TEST(prepare_takes_three_kinds_of_flags)
{
	static const ULONG good[] = {0, CSRESTORE_TYPE_FULL, CSRESTORE_TYPE_CATCHUP};
	HCSBC hbc = POISON;

	WORKS(CertSrvServerControlW(NULL, CSCONTROL_SHUTDOWN, NULL, NULL));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		WORKS(CertSrvRestorePrepareW(L"\\\\ca01", good[i], &hbc));
		WORKS(CertSrvRestoreEnd(hbc));
	}
}
END_TEST

START_TEST(a_running_service_bars_a_restore)
{
	HCSBC hbc = POISON;

	FAILS(CertSrvRestorePrepareW(NULL, 0, &hbc),
		WIN32(ERROR_SERVICE_ALREADY_RUNNING));
	ck_assert_ptr_null(hbc);
}
END_TEST

START_TEST(one_restore_handle_at_a_time)
{
	HCSBC first = begin_restore(), second = POISON;

	FAILS(CertSrvRestorePrepareW(NULL, 0, &second), hrRestoreInProgress);
	ck_assert_ptr_null(second);
	WORKS(CertSrvRestoreEnd(first));
	WORKS(CertSrvRestorePrepareW(NULL, 0, &second));
	WORKS(CertSrvRestoreEnd(second));
}
END_TEST

START_TEST(locations_are_listed_when_everything_is_lost)
{
	HCSBC hbc = begin_restore();
	WCHAR *list = POISON;
	DWORD size = POISON_SIZE;

	ck_assert_int_eq(remove(store_path(store, "serial")), 0);
	ck_assert_int_eq(remove(store_path(store, "index.txt")), 0);
	WORKS(CertSrvRestoreGetDatabaseLocationsW(hbc, &list, &size));
	ck_assert_uint_eq(list_count(list, size), 6);
	ck_assert(list_has(list, CSBFT_CERTSERVER_DATABASE, SERIAL));
	CertSrvBackupFree(list);
	list = POISON;
	FAILS(CertSrvRestoreGetDatabaseLocationsW(hbc, &list, NULL),
		WIN32(ERROR_INVALID_PARAMETER));
	ck_assert_ptr_null(list);
	WORKS(CertSrvRestoreEnd(hbc));
}
END_TEST

/* ---- register ---- */

typedef HRESULT (*register_function)(HCSBC, WCHAR const *, WCHAR const *, CSEDB_RSTMAPW *,
	LONG, WCHAR const *, ULONG, ULONG);

static const register_function register_functions[] = {
	CertSrvRestoreRegisterW, CertSrvRestoreRegisterThroughFile};

static uint32_t pending(void)
{
	struct backupapi_server_info *info = POISON;
	uint32_t state;

	WORKS(backupapi_server_status(NULL, &info));
	state = info->restore;
	backupapi_free(info);
	return state;
}

START_TEST(register_refuses_bad_arguments)
{
	register_function reg = register_functions[_i];
	static const WCHAR beyond_unicode[] = {L'/', 0x110000, 0};
	WCHAR serial[] = SERIAL, bad[] = {L'/', 0x110000, 0};
	CSEDB_RSTMAPW map = {serial, serial}, no_old = {NULL, serial},
		      no_new = {serial, NULL};
	CSEDB_RSTMAPW bad_old = {bad, serial}, bad_new = {serial, bad};
	const HRESULT invalid = WIN32(ERROR_INVALID_PARAMETER);
	const HRESULT untranslatable = WIN32(ERROR_NO_UNICODE_TRANSLATION);
	HCSBC hbc = begin_restore();

	FAILS(reg(hbc, NULL, NULL, &map, -1, NULL, 0, 0), invalid);
	FAILS(reg(hbc, NULL, NULL, &map, INT32_MIN, NULL, 0, 0), invalid);
	FAILS(reg(hbc, NULL, NULL, NULL, 1, NULL, 0, 0), invalid);
	FAILS(reg(hbc, NULL, NULL, NULL, -1, NULL, 0, 0), invalid);
	FAILS(reg(hbc, NULL, NULL, &no_old, 1, NULL, 0, 0), invalid);
	FAILS(reg(hbc, NULL, NULL, &no_new, 1, NULL, 0, 0), invalid);
	FAILS(reg(hbc, NULL, NULL, &map, 1, NULL, 5, 4), invalid);
	FAILS(reg(hbc, NULL, NULL, &map, 1, NULL, 0xffffffff, 0), invalid);
	FAILS(reg(hbc, NULL, NULL, &map, 1, NULL, 0, 7), invalid);
	FAILS(reg(hbc, NULL, NULL, &bad_old, 1, NULL, 0, 0), untranslatable);
	FAILS(reg(hbc, NULL, NULL, &bad_new, 1, NULL, 0, 0), untranslatable);
	FAILS(reg(hbc, beyond_unicode, NULL, &map, 1, NULL, 0, 0), untranslatable);
	FAILS(reg(hbc, NULL, beyond_unicode, &map, 1, NULL, 0, 0), untranslatable);
	FAILS(reg(hbc, NULL, NULL, &map, 1, beyond_unicode, 0, 0), untranslatable);
	ck_assert_uint_eq(pending(), BACKUPAPI_RESTORE_NONE);
	WORKS(CertSrvRestoreEnd(hbc));
}
END_TEST

START_TEST(register_refuses_names_that_are_none)
{
	static const WCHAR *const names[] = {L"", L"relative", L"..", L"/..", L"/a/../b",
		L"\\\\other\\certs\\serial", L"\\\\ca01\\nothing\\serial",
		L"\\\\ca01\\certs\\..\\serial", L"\\\\ca01"};
	HCSBC hbc = begin_restore();
	WCHAR serial[] = SERIAL, name[64];
	CSEDB_RSTMAPW good = {serial, serial}, old = {name, serial}, new = {serial, name};
	const HRESULT invalid = WIN32(ERROR_INVALID_NAME);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		wcscpy(name, names[i]);
		FAILS(CertSrvRestoreRegisterW(hbc, NULL, NULL, &old, 1, NULL, 0, 0),
			invalid);
		FAILS(CertSrvRestoreRegisterW(hbc, NULL, NULL, &new, 1, NULL, 0, 0),
			invalid);
		FAILS(CertSrvRestoreRegisterW(hbc, name, NULL, &good, 1, NULL, 0, 0),
			invalid);
		FAILS(CertSrvRestoreRegisterW(hbc, NULL, name, &good, 1, NULL, 0, 0),
			invalid);
		FAILS(CertSrvRestoreRegisterW(hbc, NULL, NULL, &good, 1, name, 0, 0),
			invalid);
	}
	ck_assert_uint_eq(pending(), BACKUPAPI_RESTORE_NONE);
	WORKS(CertSrvRestoreEnd(hbc));
}
END_TEST

START_TEST(the_order_of_registrations_is_kept)
{
	HCSBC hbc = begin_restore();
	WCHAR serial[] = L"D" SERIAL;
	CSEDB_RSTMAPW map = {serial, serial};

	FAILS(CertSrvRestoreRegisterComplete(hbc, S_OK), hrInvalidHandle);
	FAILS(CertSrvRestoreRegisterW(hbc, NULL, NULL, NULL, 0, NULL, 1, 2),
		hrNoFullRestore);
	WORKS(CertSrvRestoreRegisterW(hbc, NULL, NULL, &map, 1, NULL, 0, 0));
	ck_assert_uint_eq(pending(), BACKUPAPI_RESTORE_OPEN);
	FAILS(CertSrvRestoreRegisterW(hbc, NULL, NULL, &map, 1, NULL, 0, 0),
		hrRestoreMapExists);
	WORKS(CertSrvRestoreRegisterComplete(hbc, S_OK));
	ck_assert_uint_eq(pending(), BACKUPAPI_RESTORE_COMPLETE);
	WORKS(CertSrvRestoreRegisterComplete(hbc, hrReadVerifyFailure));
	ck_assert_uint_eq(pending(), BACKUPAPI_RESTORE_FAILED);
	FAILS(CertSrvRestoreRegisterComplete(hbc, S_OK), WIN32(ERROR_INVALID_STATE));
	WORKS(CertSrvRestoreEnd(hbc));
	ck_assert_uint_eq(pending(), BACKUPAPI_RESTORE_FAILED);
}
END_TEST

/* ---- the whole way ---- */

static void copy_to(const char *from, const char *to)
{
	char *content = support_read(from);

	support_write(to, content);
	free(content);
}

/* Puts the file COPY where recovery takes it from, for the database LISTED. */
static void stage(const WCHAR *listed, const char *copy)
{
	char *path = backupapi_path_from_name(listed);
	char *staged = backupapi_restore_staging_path(path), *slash;

	ck_assert_ptr_nonnull(staged);
	slash = strrchr(staged, '/');
	*slash = '\0';
	(void)mkdir(staged, 0700);
	*slash = '/';
	copy_to(copy, staged);
	backupapi_free(staged);
	backupapi_free(path);
}

START_TEST(a_registered_restore_is_recovered)
{
	register_function reg = register_functions[_i];
	WCHAR serial[] = L"D" SERIAL, index[] = L"D\\\\ca01\\certs\\index.txt";
	CSEDB_RSTMAPW map[] = {{serial, serial}, {index, index}};
	char *serial_copy = support_path(store->dir, "serial.copy");
	char *index_copy = support_path(store->dir, "index.copy");
	BOOL online = 0;
	HCSBC hbc;

	copy_to(store_path(store, "serial"), serial_copy);
	copy_to(store_path(store, "index.txt"), index_copy);
	hbc = begin_restore();
	support_write(store_path(store, "serial"), "destroyed");
	ck_assert_int_eq(remove(store_path(store, "index.txt")), 0);
	WORKS(reg(hbc, NULL, NULL, map, 2, NULL, 0, 0));
	FAILS(backupapi_recover(NULL), hrRestoreInProgress);
	stage(serial, serial_copy);
	stage(index, index_copy);
	WORKS(CertSrvRestoreRegisterComplete(hbc, S_OK));
	WORKS(CertSrvRestoreEnd(hbc));
	WORKS(backupapi_recover(NULL));
	ck_assert_uint_eq(pending(), BACKUPAPI_RESTORE_NONE);
	store_expect(store, "serial", "03\n");
	ck_assert(support_exists(store_path(store, "index.txt")));
	WORKS(CertSrvIsServerOnlineW(NULL, &online));
	ck_assert_int_eq(online, 1);
	hbc = begin_backup();
	deliver_all(hbc);
	WORKS(CertSrvBackupEnd(hbc));
	free(serial_copy);
	free(index_copy);
}
END_TEST

START_TEST(a_failed_restore_keeps_the_service_down)
{
	WCHAR serial[] = SERIAL;
	CSEDB_RSTMAPW map = {serial, serial};
	HCSBC hbc = begin_restore();
	BOOL online = 77;

	WORKS(CertSrvRestoreRegisterW(hbc, NULL, NULL, &map, 1, NULL, 0, 0));
	WORKS(CertSrvRestoreRegisterComplete(hbc, WIN32(ERROR_CRC)));
	WORKS(CertSrvRestoreEnd(hbc));
	FAILS(CertSrvServerControlW(NULL, CSCONTROL_RESTART, NULL, NULL),
		hrRestoreInProgress);
	FAILS(CertSrvIsServerOnlineW(NULL, &online), hrCouldNotConnect);
	WORKS(backupapi_cancel_restore(NULL));
	FAILS(backupapi_cancel_restore(NULL), hrInvalidHandle);
	WORKS(CertSrvServerControlW(NULL, CSCONTROL_RESTART, NULL, NULL));
	store_expect(store, "serial", "03\n");
}
END_TEST

START_TEST(another_handle_completes_an_orphaned_registration)
{
	WCHAR serial[] = SERIAL;
	CSEDB_RSTMAPW map = {serial, serial};
	HCSBC hbc = begin_restore();

	WORKS(CertSrvRestoreRegisterW(hbc, NULL, NULL, &map, 1, NULL, 0, 0));
	WORKS(CertSrvRestoreEnd(hbc));
	WORKS(CertSrvRestorePrepareW(NULL, 0, &hbc));
	WORKS(CertSrvRestoreRegisterComplete(hbc, S_OK));
	WORKS(CertSrvRestoreRegisterW(hbc, NULL, NULL, &map, 1, NULL, 0, 0));
	ck_assert_uint_eq(pending(), BACKUPAPI_RESTORE_OPEN);
	WORKS(CertSrvRestoreEnd(hbc));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("certbcli_restore");
	TCase *tc = tcase_create("restore");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, prepare_refuses_bad_arguments);
	tcase_add_test(tc, prepare_takes_three_kinds_of_flags);
	tcase_add_test(tc, a_running_service_bars_a_restore);
	tcase_add_test(tc, one_restore_handle_at_a_time);
	tcase_add_test(tc, locations_are_listed_when_everything_is_lost);
	tcase_add_loop_test(tc, register_refuses_bad_arguments, 0, 2);
	tcase_add_test(tc, register_refuses_names_that_are_none);
	tcase_add_test(tc, the_order_of_registrations_is_kept);
	tcase_add_loop_test(tc, a_registered_restore_is_recovered, 0, 2);
	tcase_add_test(tc, a_failed_restore_keeps_the_service_down);
	tcase_add_test(tc, another_handle_completes_an_orphaned_registration);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
