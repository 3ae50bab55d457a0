/*
 * A full backup of a directory service, in one source for narrow and for wide text: with
 * UNICODE and _UNICODE defined every DsXxx is DsXxxW.
 *
 * usage: dsport SERVER DIRECTORY
 *
 * The expiry token, without which no restore begins, is kept as DIRECTORY/token.
 */
#include "ports.h"

#include <tchar.h>

#include <ntdsbcli.h>

/* Reads come in multiples of 8 KiB, of at least three. */
static BYTE buffer[32 * 8192];

#ifdef UNICODE
#define narrow_copy narrow_text
#define server_text wide_text
#else
#define narrow_copy _strdup
#define server_text _strdup
#ifndef _WIN32
#define _strdup strdup
#endif
#endif

static HRESULT save_bytes(HBC backup, FILE *copy)
{
	DWORD got;
	HRESULT hr;

	for (;;) {
		hr = DsBackupRead(backup, buffer, sizeof(buffer), &got);
		if (hr == ERROR_HANDLE_EOF || hr == HRESULT_FROM_WIN32(ERROR_HANDLE_EOF))
			return S_OK;
		if (FAILED(hr))
			return hr;
		if (fwrite(buffer, 1, got, copy) != got)
			return HRESULT_FROM_WIN32(ERROR_DISK_FULL);
	}
}

/* NAME comes with its tag. */
static HRESULT save_file(HBC backup, const TCHAR *name, const char *directory)
{
	LARGE_INTEGER size;
	char *narrow = narrow_copy(name + 1);
	FILE *copy;
	HRESULT hr;

	if (!narrow)
		return HRESULT_FROM_WIN32(ERROR_NOT_ENOUGH_MEMORY);
	hr = DsBackupOpenFile(backup, name, sizeof(buffer), &size);
	if (SUCCEEDED(hr)) {
		copy = create_copy(directory, narrow);
		hr = copy ? save_bytes(backup, copy)
			  : HRESULT_FROM_WIN32(ERROR_ACCESS_DENIED);
		if (copy && !close_copy(copy) && SUCCEEDED(hr))
			hr = HRESULT_FROM_WIN32(ERROR_DISK_FULL);
		DsBackupClose(backup);
		_tprintf(TEXT("%c %10lu %s\n"),
			(BFT)*name == BFT_NTDS_DATABASE ? 'D' : 'L', size.LowPart,
			name + 1);
	}
	if (FAILED(hr))
		print_failure(narrow, (DWORD)hr);
	free(narrow);
	return hr;
}

static HRESULT save_list(HBC backup, TCHAR *names, const char *directory)
{
	HRESULT hr = S_OK;

	for (TCHAR *name = names; *name && SUCCEEDED(hr); name += _tcslen(name) + 1)
		hr = save_file(backup, name, directory);
	DsBackupFree(names);
	return hr;
}

static HRESULT save_all(HBC backup, const char *directory)
{
	TCHAR *names;
	DWORD size;
	HRESULT hr = DsBackupGetDatabaseNames(backup, &names, &size);

	if (SUCCEEDED(hr))
		hr = save_list(backup, names, directory);
	if (SUCCEEDED(hr))
		hr = DsBackupGetBackupLogs(backup, &names, &size);
	if (SUCCEEDED(hr))
		hr = save_list(backup, names, directory);
	return hr;
}

static HRESULT save_token(const void *token, DWORD size, const char *directory)
{
	FILE *file = create_copy(directory, "token");
	HRESULT hr = S_OK;

	if (!file)
		return HRESULT_FROM_WIN32(ERROR_ACCESS_DENIED);
	if (fwrite(token, 1, size, file) != size)
		hr = HRESULT_FROM_WIN32(ERROR_DISK_FULL);
	if (!close_copy(file))
		hr = HRESULT_FROM_WIN32(ERROR_DISK_FULL);
	return hr;
}

static HRESULT back_up(const TCHAR *server, const char *directory)
{
	PVOID token;
	DWORD token_size;
	HBC backup;
	HRESULT hr = DsBackupPrepare(
		server, 0, BACKUP_TYPE_FULL, &token, &token_size, &backup);

	if (FAILED(hr))
		return hr;
	hr = save_token(token, token_size, directory);
	DsBackupFree(token);
	if (SUCCEEDED(hr))
		hr = save_all(backup, directory);
	if (SUCCEEDED(hr))
		return DsBackupEnd(backup);
	abandon_backup(backup, DsBackupEnd);
	return hr;
}

int main(int argc, char **argv)
{
	TCHAR *server;
	BOOL online = FALSE;
	HRESULT hr;

	if (argc != 3) {
		fprintf(stderr, "usage: dsport SERVER DIRECTORY\n");
		return 2;
	}
	server = server_text(argv[1]);
	if (!server)
		return 1;
	(void)make_directory(argv[2]);
	hr = DsIsNTDSOnline(server, &online);
	if (SUCCEEDED(hr) && !online)
		fprintf(stderr, "%s: not online\n", argv[1]);
	if (SUCCEEDED(hr))
		hr = back_up(server, argv[2]);
	if (FAILED(hr))
		print_failure("backup", (DWORD)hr);
	free(server);
	return SUCCEEDED(hr) ? 0 : 1;
}
