/*
 * A backup tool written from the reference pages alone, and the same file compiles for
 * Windows: of this library it knows what ends a backup whose copy failed, and nothing else.
 * The copies are numbered, so that listed names need not become paths; DIRECTORY/index.txt
 * has the names.
 *
 * usage: doc_tool SERVER DIRECTORY
 */
#ifndef _WIN32
#define _POSIX_C_SOURCE 200809L /* fileno */
#endif

#include <windows.h>

#include <stdio.h>

#include <Certsrv.h>

#ifdef _WIN32
#include <io.h>
#define FlushCopy(file)   _commit(_fileno(file))
#define AbandonBackup(hb) CertSrvBackupEnd(hb)
#else
#include <unistd.h>
#define FlushCopy(file)   fsync(fileno(file))
#define AbandonBackup(hb) backupapi_backup_abandon(hb)
#endif

static BYTE g_buffer[256 * 1024];
static char g_directory[MAX_PATH];
static int g_count;
static FILE *g_index;

static void PrintError(const char *step, HRESULT hr)
{
	LPSTR message = NULL;

	if (!FormatMessageA(FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM |
				    FORMAT_MESSAGE_IGNORE_INSERTS,
		    NULL, (DWORD)hr, MAKELANGID(LANG_NEUTRAL, SUBLANG_DEFAULT),
		    (LPSTR)&message, 0, NULL))
		message = NULL;
	fprintf(stderr, "%s failed: 0x%08x %s", step, (unsigned)hr,
		message ? message : "\r\n");
	LocalFree(message);
}

static BOOL EnablePrivilege(LPCTSTR name)
{
	TOKEN_PRIVILEGES tp;
	HANDLE token;
	BOOL result;

	if (!OpenProcessToken(
		    GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &token))
		return FALSE;
	ZeroMemory(&tp, sizeof(tp));
	tp.PrivilegeCount = 1;
	tp.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
	if (!LookupPrivilegeValue(NULL, name, &tp.Privileges[0].Luid)) {
		CloseHandle(token);
		return FALSE;
	}
	result = AdjustTokenPrivileges(token, FALSE, &tp, sizeof(tp), NULL, NULL) &&
		 GetLastError() != ERROR_NOT_ALL_ASSIGNED;
	CloseHandle(token);
	return result;
}

static HRESULT CopyOpenFile(HCSBC hbc, FILE *copy, LARGE_INTEGER *size)
{
	LONGLONG left = size->QuadPart;
	DWORD cbRead;
	HRESULT hr = S_OK;

	while (SUCCEEDED(hr) && left > 0) {
		hr = CertSrvBackupRead(hbc, g_buffer, sizeof(g_buffer), &cbRead);
		if (SUCCEEDED(hr) && cbRead == 0)
			return HRESULT_FROM_WIN32(ERROR_HANDLE_EOF);
		if (SUCCEEDED(hr) && fwrite(g_buffer, 1, cbRead, copy) != cbRead)
			return HRESULT_FROM_WIN32(ERROR_DISK_FULL);
		left -= cbRead;
	}
	return hr;
}

static HRESULT CloseCopy(FILE *copy)
{
	BOOL written = fflush(copy) == 0 && FlushCopy(copy) == 0;

	return fclose(copy) == 0 && written ? S_OK : HRESULT_FROM_WIN32(ERROR_DISK_FULL);
}

static HRESULT BackupFile(HCSBC hbc, const WCHAR *name)
{
	char path[2 * MAX_PATH];
	LARGE_INTEGER size;
	FILE *copy;
	HRESULT hr = CertSrvBackupOpenFile(hbc, name, sizeof(g_buffer), &size);

	if (FAILED(hr)) {
		PrintError("CertSrvBackupOpenFile", hr);
		return hr;
	}
	sprintf(path, "%s/%04d.dat", g_directory, ++g_count);
	copy = fopen(path, "wb");
	hr = copy ? CopyOpenFile(hbc, copy, &size)
		  : HRESULT_FROM_WIN32(ERROR_ACCESS_DENIED);
	if (copy) {
		HRESULT hrClose = CloseCopy(copy);

		if (SUCCEEDED(hr))
			hr = hrClose;
	}
	CertSrvBackupClose(hbc);
	fprintf(g_index, "%04d %02x %ls\n", g_count, (unsigned)name[0], name + 1);
	return hr;
}

static HRESULT BackupList(HCSBC hbc, WCHAR *pwszzList)
{
	HRESULT hr = S_OK;
	WCHAR *name;

	for (name = pwszzList; *name != L'\0' && SUCCEEDED(hr); name += wcslen(name) + 1)
		hr = BackupFile(hbc, name);
	CertSrvBackupFree(pwszzList);
	return hr;
}

static HRESULT Backup(HCSBC hbc)
{
	WCHAR *pwszzList = NULL;
	DWORD cb = 0;
	HRESULT hr = CertSrvBackupGetDatabaseNames(hbc, &pwszzList, &cb);

	if (SUCCEEDED(hr))
		hr = BackupList(hbc, pwszzList);
	if (SUCCEEDED(hr))
		hr = CertSrvBackupGetBackupLogs(hbc, &pwszzList, &cb);
	if (SUCCEEDED(hr))
		hr = BackupList(hbc, pwszzList);
	if (SUCCEEDED(hr))
		hr = CloseCopy(g_index);
	else
		fclose(g_index);
	g_index = NULL;
	if (SUCCEEDED(hr))
		hr = CertSrvBackupTruncateLogs(hbc);
	return hr;
}

int __cdecl main(int argc, char *argv[])
{
	WCHAR server[MAX_PATH];
	HCSBC hbc = NULL;
	BOOL online = FALSE;
	HRESULT hr;
	int i;

	if (argc != 3 || strlen(argv[1]) >= MAX_PATH || strlen(argv[2]) >= MAX_PATH - 16)
		return 2;
	for (i = 0; argv[1][i]; i++)
		server[i] = (WCHAR)argv[1][i];
	server[i] = L'\0';
	sprintf(g_directory, "%s/index.txt", argv[2]);
	g_index = fopen(g_directory, "w");
	if (!g_index)
		return 1;
	strcpy(g_directory, argv[2]);
	if (!EnablePrivilege(SE_BACKUP_NAME))
		fprintf(stderr, "SeBackupPrivilege is not held\n");
	hr = CertSrvIsServerOnline(server, &online);
	if (SUCCEEDED(hr) && !online)
		hr = HRESULT_FROM_WIN32(ERROR_SERVICE_NOT_ACTIVE);
	if (SUCCEEDED(hr))
		hr = CertSrvBackupPrepare(server, 0, CSBACKUP_TYPE_FULL, &hbc);
	if (SUCCEEDED(hr))
		hr = Backup(hbc);
	if (hbc && SUCCEEDED(hr))
		hr = CertSrvBackupEnd(hbc);
	else if (hbc)
		AbandonBackup(hbc);
	if (g_index)
		fclose(g_index);
	if (FAILED(hr))
		PrintError("The backup", hr);
	return FAILED(hr) ? 1 : 0;
}
