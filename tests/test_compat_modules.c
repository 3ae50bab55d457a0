/* LoadLibrary, GetProcAddress and FreeLibrary. */
#include "compat_calls.h"

#include <Certsrv.h>
#include <Ntdsbcli.h>
#include <Sisbkup.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "forked.h"

struct named {
	const char *name;
	FARPROC function;
};

#define NAMED(function)                                                                  \
	{                                                                                \
#function, (FARPROC)(function)                                           \
	}

static const struct named certadm[] = {
	NAMED(CertSrvIsServerOnlineW),
	NAMED(CertSrvServerControlW),
	NAMED(CertSrvBackupPrepareW),
	NAMED(CertSrvBackupGetDatabaseNamesW),
	NAMED(CertSrvBackupGetBackupLogsW),
	NAMED(CertSrvBackupGetDynamicFileListW),
	NAMED(CertSrvBackupOpenFileW),
	NAMED(CertSrvBackupRead),
	NAMED(CertSrvBackupClose),
	NAMED(CertSrvBackupTruncateLogs),
	NAMED(CertSrvBackupEnd),
	NAMED(CertSrvBackupFree),
	NAMED(CertSrvRestorePrepareW),
	NAMED(CertSrvRestoreGetDatabaseLocationsW),
	NAMED(CertSrvRestoreRegisterW),
	NAMED(CertSrvRestoreRegisterThroughFile),
	NAMED(CertSrvRestoreRegisterComplete),
	NAMED(CertSrvRestoreEnd),
};

static const struct named ntdsbcli[] = {
	NAMED(DsIsNTDSOnlineA),
	NAMED(DsIsNTDSOnlineW),
	NAMED(DsBackupPrepareA),
	NAMED(DsBackupPrepareW),
	NAMED(DsBackupGetDatabaseNamesA),
	NAMED(DsBackupGetDatabaseNamesW),
	NAMED(DsBackupOpenFileA),
	NAMED(DsBackupOpenFileW),
	NAMED(DsBackupGetBackupLogsA),
	NAMED(DsBackupGetBackupLogsW),
	NAMED(DsRestoreGetDatabaseLocationsA),
	NAMED(DsRestoreGetDatabaseLocationsW),
	NAMED(DsRestorePrepareA),
	NAMED(DsRestorePrepareW),
	NAMED(DsRestoreRegisterA),
	NAMED(DsRestoreRegisterW),
	NAMED(DsSetCurrentBackupLogA),
	NAMED(DsSetCurrentBackupLogW),
	NAMED(DsSetAuthIdentityA),
	NAMED(DsSetAuthIdentityW),
	NAMED(DsBackupRead),
	NAMED(DsBackupClose),
	NAMED(DsBackupTruncateLogs),
	NAMED(DsBackupEnd),
	NAMED(DsBackupFree),
	NAMED(DsRestoreRegisterComplete),
	NAMED(DsRestoreEnd),
};

static const struct named sisbkup[] = {
	NAMED(SisCreateBackupStructure),
	NAMED(SisCSFilesToBackupForLink),
	NAMED(SisFreeBackupStructure),
	NAMED(SisCreateRestoreStructure),
	NAMED(SisRestoredLink),
	NAMED(SisRestoredCommonStoreFile),
	NAMED(SisFreeRestoreStructure),
	NAMED(SisFreeAllocatedMemory),
};

static const struct {
	const char *dll;
	const struct named *names;
	size_t count;
} dlls[] = {
	{"certadm.dll", certadm, ARRAYSIZE(certadm)},
	{"ntdsbcli.dll", ntdsbcli, ARRAYSIZE(ntdsbcli)},
	{"sisbkup.dll", sisbkup, ARRAYSIZE(sisbkup)},
};

START_TEST(each_dll_exports_its_own_functions_and_no_others)
{
	size_t total = 0;

	for (size_t i = 0; i < ARRAYSIZE(dlls); i++) {
		HMODULE dll = LoadLibraryA(dlls[i].dll);

		ck_assert_ptr_nonnull(dll);
		for (size_t k = 0; k < ARRAYSIZE(dlls); k++)
			for (size_t n = 0; n < dlls[k].count; n++) {
				const struct named *named = &dlls[k].names[n];

				if (i == k)
					ck_assert_msg(GetProcAddress(dll, named->name) ==
							      named->function,
						"%s", named->name);
				else
					FAILS(GetProcAddress(dll, named->name),
						ERROR_PROC_NOT_FOUND);
			}
		total += dlls[i].count;
		WORKS(FreeLibrary(dll));
	}
	ck_assert_uint_eq(total, 53);
}
END_TEST

START_TEST(a_fetched_function_works_and_outlives_its_module)
{
	HMODULE dll = LoadLibraryW(W("certadm.dll"));
	FNCERTSRVBACKUPEND *end;

	end = (FNCERTSRVBACKUPEND *)GetProcAddress(dll, "CertSrvBackupEnd");
	ck_assert(end != NULL);
	WORKS(FreeLibrary(dll));
	ck_assert_int_eq(end(NULL), HRESULT_FROM_WIN32(ERROR_INVALID_HANDLE));
}
END_TEST

START_TEST(a_dll_is_found_by_any_spelling)
{
	static const char *const good[] = {"certadm.dll", "certadm", "CERTADM.DLL",
		"CertAdm.Dll", "C:\\Windows\\System32\\certadm.dll",
		"c:/windows/system32/NTDSBCLI", "..\\x/y\\sisbkup.dll", "\\sisbkup",
		"/usr/lib/ntdsbcli.dll"};

	for (size_t i = 0; i < ARRAYSIZE(good); i++) {
		WCHAR wide[64];
		HMODULE narrow_module, wide_module;

		WORKS(narrow_module = LoadLibraryExA(
			      good[i], NULL, LOAD_LIBRARY_SEARCH_SYSTEM32));
		WORKS(FreeLibrary(narrow_module));
		WORKS(narrow_module = LoadLibraryA(good[i]));
		ck_assert_uint_lt(backupapi_text_to_wide(good[i], wide, 64), 64);
		WORKS(wide_module = LoadLibraryW(wide));
		WORKS(FreeLibrary(narrow_module));
		FAILS(FreeLibrary(narrow_module), ERROR_INVALID_HANDLE);
		WORKS(FreeLibrary(wide_module));
	}
}
END_TEST

START_TEST(other_names_are_no_modules)
{
	static const char *const bad[] = {"", "kernel32.dll", "certadm.dll.dll",
		"certadm.exe", "certadm.", "certadm.dl", "xcertadm.dll", "certadm.dll\\",
		"certadm.dll/x", "certadm.dll ", "cert\303\244dm.dll", "libbackupapi.so"};

	for (size_t i = 0; i < ARRAYSIZE(bad); i++)
		FAILS(LoadLibraryA(bad[i]), ERROR_MOD_NOT_FOUND);
	FAILS(LoadLibraryW(W("kernel32.dll")), ERROR_MOD_NOT_FOUND);
	FAILS(LoadLibraryExW(W("kernel32.dll"), NULL, 0), ERROR_MOD_NOT_FOUND);
	FAILS(LoadLibraryW(W("")), ERROR_MOD_NOT_FOUND);
	FAILS(LoadLibraryA(NULL), ERROR_INVALID_PARAMETER);
	FAILS(LoadLibraryW(NULL), ERROR_INVALID_PARAMETER);
}
END_TEST

START_TEST(other_names_are_no_functions)
{
	static const char *const bad[] = {"", "CertSrvBackupPrepare", "certsrvbackupend",
		"CertSrvBackupEnd ", "CertSrvBackupEndX", "CertSrvBackupEn",
		"DsRestoreCheckExpiryToken", "DsBackupPrepare", "backupapi_version",
		"malloc"};
	HMODULE dll = LoadLibrary(TEXT("certadm.dll"));

	for (size_t i = 0; i < ARRAYSIZE(bad); i++)
		FAILS(GetProcAddress(dll, bad[i]), ERROR_PROC_NOT_FOUND);
	/* Ordinals are never read as addresses. */
	FAILS(GetProcAddress(dll, NULL), ERROR_PROC_NOT_FOUND);
	FAILS(GetProcAddress(dll, (LPCSTR)(ULONG_PTR)1), ERROR_PROC_NOT_FOUND);
	FAILS(GetProcAddress(dll, (LPCSTR)(ULONG_PTR)0xffff), ERROR_PROC_NOT_FOUND);
	FAILS(backupapi_module_function(dll, "CertSrvBackupEnd", 3), ERROR_NOT_SUPPORTED);
	FAILS(backupapi_module_function(dll, "CertSrvBackupEnd", 0), ERROR_NOT_SUPPORTED);
	WORKS(FreeLibrary(dll));
}
END_TEST

static int in_child(void *dll)
{
	return GetProcAddress(dll, "CertSrvBackupEnd") == NULL &&
	       GetLastError() == ERROR_INVALID_HANDLE;
}

START_TEST(only_a_live_module_of_this_process_is_one)
{
	HMODULE dll = LoadLibrary(TEXT("certadm.dll"));
	HANDLE token;

	WORKS(OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token));
	FAILS(GetProcAddress(NULL, "CertSrvBackupEnd"), ERROR_INVALID_HANDLE);
	FAILS(GetProcAddress((HMODULE)(ULONG_PTR)0x5a5a5a5a, "CertSrvBackupEnd"),
		ERROR_INVALID_HANDLE);
	FAILS(GetProcAddress(token, "CertSrvBackupEnd"), ERROR_INVALID_HANDLE);
	FAILS(FreeLibrary(token), ERROR_INVALID_HANDLE);
	FAILS(FreeLibrary(NULL), ERROR_INVALID_HANDLE);
	FAILS(CloseHandle(dll), ERROR_INVALID_HANDLE);
	ck_assert_int_eq(forked(fork, in_child, dll), 1);
	WORKS(FreeLibrary(dll));
	FAILS(GetProcAddress(dll, "CertSrvBackupEnd"), ERROR_INVALID_HANDLE);
	WORKS(CloseHandle(token));
}
END_TEST

START_TEST(each_width_has_its_own_functions_where_they_take_text)
{
	HMODULE dll = LoadLibrary(TEXT("ntdsbcli.dll"));

#define OF(name, size) backupapi_module_function(dll, name, size)
	WORKS(OF("DsBackupPrepareW", 2) != OF("DsBackupPrepareW", 4));
	WORKS(OF("DsBackupPrepareA", 2) == OF("DsBackupPrepareA", 4));
	WORKS(OF("DsBackupRead", 2) == OF("DsBackupRead", 4));
	FAILS(OF("DsBackupPrepareW_utf16", 2), ERROR_PROC_NOT_FOUND);
#undef OF
	WORKS(FreeLibrary(dll));
}
END_TEST

START_TEST(invalid_wide_text_is_refused)
{
	const WCHAR beyond[] = {W('c'), NO_CHARACTER, 0};

	FAILS(LoadLibraryW(beyond), ERROR_NO_UNICODE_TRANSLATION);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("compat_modules");
	TCase *tcase = tcase_create("compat_modules");

	tcase_add_test(tcase, each_dll_exports_its_own_functions_and_no_others);
	tcase_add_test(tcase, a_fetched_function_works_and_outlives_its_module);
	tcase_add_test(tcase, a_dll_is_found_by_any_spelling);
	tcase_add_test(tcase, other_names_are_no_modules);
	tcase_add_test(tcase, other_names_are_no_functions);
	tcase_add_test(tcase, only_a_live_module_of_this_process_is_one);
	tcase_add_test(tcase, each_width_has_its_own_functions_where_they_take_text);
	tcase_add_test(tcase, invalid_wide_text_is_refused);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
