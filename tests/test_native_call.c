/* Behind a windows.h whose WINAPI is another calling convention than the library's. */
#include <windows.h>

#include <certbcli.h>
#include <ntdsbcli.h>
#include <sisbkup.h>

#include <backupapi/backupapi.h>
#include <backupapi/compat.h>

#include "support.h"

#define POISON         ((void *)(uintptr_t)0x5a5a5a50)
#define NOT_A_HANDLE   ((int32_t)0x80070006)
#define NOT_A_PASS     6u
#define SAME(a, b)     __builtin_types_compatible_p(a, b)
#define DECLARED(f, t) _Static_assert(SAME(__typeof__(f), t), #f)

#if defined(__x86_64__) || defined(__i386__)
/* Else nothing here proves anything. */
_Static_assert(!SAME(HRESULT(WINAPI *)(HCSBC), HRESULT (*)(HCSBC)), "one convention");
#endif

DECLARED(CertSrvIsServerOnlineW, FNCERTSRVISSERVERONLINEW);
DECLARED(CertSrvBackupGetDynamicFileListW, FNCERTSRVBACKUPGETDYNAMICFILELISTW);
DECLARED(CertSrvBackupPrepareW, FNCERTSRVBACKUPPREPAREW);
DECLARED(CertSrvBackupGetDatabaseNamesW, FNCERTSRVBACKUPGETDATABASENAMESW);
DECLARED(CertSrvBackupOpenFileW, FNCERTSRVBACKUPOPENFILEW);
DECLARED(CertSrvBackupRead, FNCERTSRVBACKUPREAD);
DECLARED(CertSrvBackupClose, FNCERTSRVBACKUPCLOSE);
DECLARED(CertSrvBackupGetBackupLogsW, FNCERTSRVBACKUPGETBACKUPLOGSW);
DECLARED(CertSrvBackupTruncateLogs, FNCERTSRVBACKUPTRUNCATELOGS);
DECLARED(CertSrvBackupEnd, FNCERTSRVBACKUPEND);
DECLARED(CertSrvBackupFree, FNCERTSRVBACKUPFREE);
DECLARED(CertSrvRestoreGetDatabaseLocationsW, FNCERTSRVRESTOREGETDATABASELOCATIONSW);
DECLARED(CertSrvRestorePrepareW, FNCERTSRVRESTOREPREPAREW);
DECLARED(CertSrvRestoreRegisterW, FNCERTSRVRESTOREREGISTERW);
DECLARED(CertSrvRestoreRegisterThroughFile, FNCERTSRVRESTOREREGISTERW);
DECLARED(CertSrvRestoreRegisterComplete, FNCERTSRVRESTOREREGISTERCOMPLETE);
DECLARED(CertSrvRestoreEnd, FNCERTSRVRESTOREEND);
DECLARED(CertSrvServerControlW, FNCERTSRVSERVERCONTROLW);

/* None of the platform's own convention is any other's, whatever header declares it. */
DECLARED(DsBackupEnd, HRESULT(HBC));
DECLARED(DsBackupFree, VOID(PVOID));
DECLARED(SisFreeBackupStructure, BOOL(PVOID));
_Static_assert(SAME(__typeof__(&SisFreeBackupStructure), PF_SISFREEBACKUPSTRUCTURE), "");
_Static_assert(SAME(__typeof__(&SisRestoredLink), PF_SISRESTOREDLINK), "");
_Static_assert(SAME(backupapi_function, void (*)(void)), "");

static backupapi_function fetch(const char *dll, const char *name)
{
	void *module = backupapi_module_open(dll);
	backupapi_function function =
		backupapi_module_function(module, name, sizeof(WCHAR));

	ck_assert_msg(function != NULL, "%s: %s", name, backupapi_error_detail());
	ck_assert(backupapi_module_close(module));
	return function;
}

/* Eight arguments: they do not all fit into registers, and each is looked at. */
START_TEST(fetched_certsrv_functions_take_their_arguments)
{
	FNCERTSRVRESTOREREGISTERW *reg = (FNCERTSRVRESTOREREGISTERW *)fetch(
		"certadm.dll", "CertSrvRestoreRegisterW");
	FNCERTSRVBACKUPGETDATABASENAMESW *names =
		(FNCERTSRVBACKUPGETDATABASENAMESW *)fetch(
			"certadm.dll", "CertSrvBackupGetDatabaseNamesW");
	FNCERTSRVBACKUPFREE *release =
		(FNCERTSRVBACKUPFREE *)fetch("certadm.dll", "CertSrvBackupFree");
	static const WCHAR path[] = {'/', 'x', 0}, half[] = {'/', 0xd83d, 0};
	WCHAR *list = POISON;
	DWORD size = 77;

	ck_assert_int_eq(names(NULL, &list, &size), NOT_A_HANDLE);
	ck_assert_ptr_null(list);
	ck_assert_uint_eq(size, 0);
	ck_assert_int_eq(reg(NULL, path, path, NULL, 0, path, 1, 2), NOT_A_HANDLE);
	/* The sixth one; text is looked at before the handle. */
	ck_assert_int_eq(reg(NULL, path, path, NULL, 0, half, 1, 2),
		HRESULT_FROM_WIN32(ERROR_NO_UNICODE_TRANSLATION));
	release(NULL);
}
END_TEST

START_TEST(fetched_ds_functions_take_their_arguments)
{
	typedef HRESULT prepare_type(LPCSTR, ULONG, ULONG, PVOID *, LPDWORD, HBC *);
	prepare_type *prepare = (prepare_type *)fetch("ntdsbcli.dll", "DsBackupPrepareA");
	PVOID token = POISON;
	DWORD size = 77;
	HBC hbc = POISON;

	DECLARED(DsBackupPrepareA, prepare_type);
	ck_assert_int_lt(prepare("nobody", 0, BACKUP_TYPE_FULL, &token, &size, &hbc), 0);
	ck_assert_ptr_null(token);
	ck_assert_uint_eq(size, 0);
	ck_assert_ptr_null(hbc);
}
END_TEST

START_TEST(fetched_sis_functions_take_their_arguments)
{
	PF_SISCSFILESTOBACKUPFORLINK files = (PF_SISCSFILESTOBACKUPFORLINK)fetch(
		"sisbkup.dll", "SisCSFilesToBackupForLink");
	PVOID matching = POISON;
	PWCHAR *list = POISON;
	ULONG count = 77;
	char data[72] = {0};

	ck_assert(!files(POISON, data, sizeof(data), data, &matching, &count, &list));
	ck_assert_uint_eq(backupapi_get_last_error(), NOT_A_PASS);
	ck_assert_ptr_null(matching);
	ck_assert_uint_eq(count, 0);
	ck_assert_ptr_null(list);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("native_call");
	TCase *calls = tcase_create("calls");

	tcase_add_test(calls, fetched_certsrv_functions_take_their_arguments);
	tcase_add_test(calls, fetched_ds_functions_take_their_arguments);
	tcase_add_test(calls, fetched_sis_functions_take_their_arguments);
	suite_add_tcase(suite, calls);
	return support_run(suite);
}
