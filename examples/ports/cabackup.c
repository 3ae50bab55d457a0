/*
 * A full backup of a certification authority, by a tool that finds its functions at run
 * time: certadm.dll is there where certificate services are.
 *
 * usage: cabackup SERVER DIRECTORY [-truncate]
 */
#include "ports.h"

#include <certsrv.h>

/* Every entry point of the DLL. */
static struct {
	FNCERTSRVISSERVERONLINEW *is_server_online;
	FNCERTSRVSERVERCONTROLW *server_control;
	FNCERTSRVBACKUPPREPAREW *backup_prepare;
	FNCERTSRVBACKUPGETDATABASENAMESW *get_database_names;
	FNCERTSRVBACKUPGETBACKUPLOGSW *get_backup_logs;
	FNCERTSRVBACKUPGETDYNAMICFILELISTW *get_dynamic_files;
	FNCERTSRVBACKUPOPENFILEW *open_file;
	FNCERTSRVBACKUPREAD *read;
	FNCERTSRVBACKUPCLOSE *close;
	FNCERTSRVBACKUPTRUNCATELOGS *truncate_logs;
	FNCERTSRVBACKUPEND *end;
	FNCERTSRVBACKUPFREE *free;
	FNCERTSRVRESTOREPREPAREW *restore_prepare;
	FNCERTSRVRESTOREGETDATABASELOCATIONSW *get_locations;
	FNCERTSRVRESTOREREGISTERW *restore_register;
	FNCERTSRVRESTOREREGISTERW *restore_register_through_file;
	FNCERTSRVRESTOREREGISTERCOMPLETE *restore_complete;
	FNCERTSRVRESTOREEND *restore_end;
} ca;

static BOOL all_found = TRUE;

static FARPROC fetch(HMODULE dll, const char *name)
{
	FARPROC function = GetProcAddress(dll, name);

	if (!function) {
		print_failure(name, GetLastError());
		all_found = FALSE;
	}
	return function;
}

static void fetch_backup(HMODULE dll)
{
	ca.is_server_online =
		(FNCERTSRVISSERVERONLINEW *)fetch(dll, "CertSrvIsServerOnlineW");
	ca.server_control =
		(FNCERTSRVSERVERCONTROLW *)fetch(dll, "CertSrvServerControlW");
	ca.backup_prepare =
		(FNCERTSRVBACKUPPREPAREW *)fetch(dll, "CertSrvBackupPrepareW");
	ca.get_database_names = (FNCERTSRVBACKUPGETDATABASENAMESW *)fetch(
		dll, "CertSrvBackupGetDatabaseNamesW");
	ca.get_backup_logs = (FNCERTSRVBACKUPGETBACKUPLOGSW *)fetch(
		dll, "CertSrvBackupGetBackupLogsW");
	ca.get_dynamic_files = (FNCERTSRVBACKUPGETDYNAMICFILELISTW *)fetch(
		dll, "CertSrvBackupGetDynamicFileListW");
	ca.open_file = (FNCERTSRVBACKUPOPENFILEW *)fetch(dll, "CertSrvBackupOpenFileW");
	ca.read = (FNCERTSRVBACKUPREAD *)fetch(dll, "CertSrvBackupRead");
	ca.close = (FNCERTSRVBACKUPCLOSE *)fetch(dll, "CertSrvBackupClose");
	ca.truncate_logs =
		(FNCERTSRVBACKUPTRUNCATELOGS *)fetch(dll, "CertSrvBackupTruncateLogs");
	ca.end = (FNCERTSRVBACKUPEND *)fetch(dll, "CertSrvBackupEnd");
	ca.free = (FNCERTSRVBACKUPFREE *)fetch(dll, "CertSrvBackupFree");
}

static void fetch_restore(HMODULE dll)
{
	ca.restore_prepare =
		(FNCERTSRVRESTOREPREPAREW *)fetch(dll, "CertSrvRestorePrepareW");
	ca.get_locations = (FNCERTSRVRESTOREGETDATABASELOCATIONSW *)fetch(
		dll, "CertSrvRestoreGetDatabaseLocationsW");
	ca.restore_register =
		(FNCERTSRVRESTOREREGISTERW *)fetch(dll, "CertSrvRestoreRegisterW");
	ca.restore_register_through_file = (FNCERTSRVRESTOREREGISTERW *)fetch(
		dll, "CertSrvRestoreRegisterThroughFile");
	ca.restore_complete = (FNCERTSRVRESTOREREGISTERCOMPLETE *)fetch(
		dll, "CertSrvRestoreRegisterComplete");
	ca.restore_end = (FNCERTSRVRESTOREEND *)fetch(dll, "CertSrvRestoreEnd");
}

/* ---- privileges ---- */

/* TRUE where the process may back up whatever the permissions of files say. */
static BOOL enable_backup_privilege(void)
{
	TOKEN_PRIVILEGES wanted;
	HANDLE token;
	BOOL enabled = FALSE;

	if (!OpenProcessToken(
		    GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &token))
		return FALSE;
	wanted.PrivilegeCount = 1;
	wanted.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
	if (LookupPrivilegeValue(NULL, SE_BACKUP_NAME, &wanted.Privileges[0].Luid) &&
		AdjustTokenPrivileges(token, FALSE, &wanted, 0, NULL, NULL))
		enabled = GetLastError() == ERROR_SUCCESS;
	CloseHandle(token);
	return enabled;
}

/* ---- one file ---- */

static BYTE buffer[1 << 20];

static HRESULT save_bytes(HCSBC backup, FILE *copy, LONGLONG size)
{
	LONGLONG saved = 0;
	DWORD got;
	HRESULT hr;

	do {
		hr = ca.read(backup, buffer, sizeof(buffer), &got);
		if (SUCCEEDED(hr) && fwrite(buffer, 1, got, copy) != got)
			hr = HRESULT_FROM_WIN32(ERROR_DISK_FULL);
		saved += got;
	} while (SUCCEEDED(hr) && got > 0);
	if (SUCCEEDED(hr) && saved != size)
		hr = HRESULT_FROM_WIN32(ERROR_INVALID_DATA);
	return hr;
}

/* NAME comes with its tag. */
static HRESULT save_file(HCSBC backup, const WCHAR *name, const char *directory)
{
	LARGE_INTEGER size;
	char *narrow = narrow_text(name + 1);
	FILE *copy;
	HRESULT hr;

	if (!narrow)
		return HRESULT_FROM_WIN32(ERROR_NOT_ENOUGH_MEMORY);
	hr = ca.open_file(backup, name, sizeof(buffer), &size);
	if (SUCCEEDED(hr)) {
		copy = create_copy(directory, narrow);
		hr = copy ? save_bytes(backup, copy, size.QuadPart)
			  : HRESULT_FROM_WIN32(ERROR_ACCESS_DENIED);
		if (copy && !close_copy(copy) && SUCCEEDED(hr))
			hr = HRESULT_FROM_WIN32(ERROR_DISK_FULL);
		ca.close(backup);
		printf("%c %10I64d %ws\n", *name == CSBFT_LOG ? 'L' : 'D', size.QuadPart,
			name + 1);
	}
	if (FAILED(hr))
		print_failure(narrow, (DWORD)hr);
	free(narrow);
	return hr;
}

/* ---- lists ---- */

static HRESULT save_list(HCSBC backup, WCHAR *names, const char *directory)
{
	HRESULT hr = S_OK;

	for (WCHAR *name = names; *name && SUCCEEDED(hr); name += wcslen(name) + 1)
		hr = save_file(backup, name, directory);
	ca.free(names);
	return hr;
}

/* Dynamic files are no part of the database: the tool reads them by itself. */
static HRESULT save_dynamic(WCHAR *names, const char *directory)
{
	HRESULT hr = S_OK;

	for (WCHAR *name = names; *name && SUCCEEDED(hr); name += wcslen(name) + 1) {
		char *path = path_of_name(name), *narrow = narrow_text(name);

		if (!path || !narrow || !copy_file(path, directory, narrow))
			hr = HRESULT_FROM_WIN32(ERROR_FILE_NOT_FOUND);
		printf("F            %ws\n", name);
		free(path);
		free(narrow);
	}
	ca.free(names);
	return hr;
}

static HRESULT save_all(HCSBC backup, const char *directory)
{
	WCHAR *names;
	DWORD size;
	HRESULT hr = ca.get_database_names(backup, &names, &size);

	if (SUCCEEDED(hr))
		hr = save_list(backup, names, directory);
	if (SUCCEEDED(hr))
		hr = ca.get_backup_logs(backup, &names, &size);
	if (SUCCEEDED(hr))
		hr = save_list(backup, names, directory);
	if (SUCCEEDED(hr))
		hr = ca.get_dynamic_files(backup, &names, &size);
	if (SUCCEEDED(hr))
		hr = save_dynamic(names, directory);
	return hr;
}

/* ---- the backup ---- */

static HRESULT back_up(const WCHAR *server, const char *directory, BOOL truncate)
{
	BOOL online = FALSE;
	HCSBC backup;
	HRESULT hr = ca.is_server_online(server, &online);

	if (SUCCEEDED(hr) && !online)
		fprintf(stderr, "%ws: suspended\n", server);
	if (SUCCEEDED(hr))
		hr = ca.backup_prepare(server, 0, CSBACKUP_TYPE_FULL, &backup);
	if (FAILED(hr))
		return hr;
	hr = save_all(backup, directory);
	if (SUCCEEDED(hr) && truncate)
		hr = ca.truncate_logs(backup);
	if (SUCCEEDED(hr))
		return ca.end(backup);
	abandon_backup(backup, ca.end);
	return hr;
}

static int run(const char *server_name, const char *directory, BOOL truncate)
{
	WCHAR *server = wide_text(server_name);
	HRESULT hr;

	if (!server)
		return 1;
	(void)make_directory(directory);
	hr = back_up(server, directory, truncate);
	free(server);
	if (FAILED(hr))
		print_failure("backup", (DWORD)hr);
	return SUCCEEDED(hr) ? 0 : 1;
}

int main(int argc, char **argv)
{
	BOOL truncate = argc == 4 && strcmp(argv[3], "-truncate") == 0;
	HMODULE dll;
	int result = 1;

	if (argc != 3 && !truncate) {
		fprintf(stderr, "usage: cabackup SERVER DIRECTORY [-truncate]\n");
		return 2;
	}
	dll = LoadLibrary(TEXT("certadm.dll"));
	if (!dll) {
		print_failure("certadm.dll", GetLastError());
		return 1;
	}
	if (!enable_backup_privilege())
		fprintf(stderr,
			"without SeBackupPrivilege: permissions of files count\n");
	fetch_backup(dll);
	fetch_restore(dll);
	if (all_found)
		result = run(argv[1], argv[2], truncate);
	FreeLibrary(dll);
	return result;
}
