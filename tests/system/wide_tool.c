/*
 * A tool in another style than tests/compat/doc_tool.c, for UNICODE alone: wmain, certadm.dll
 * loaded at run time, wprintf. Nothing in it knows of this library.
 *
 * usage: wide_tool SERVER DIRECTORY
 */
#ifndef UNICODE
#define UNICODE
#define _UNICODE
#endif
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tchar.h>

#include <certsrv.h>

#include <certbcli.h>

#define CHUNK (64 * 1024)

typedef HRESULT(WINAPI *PFNBACKUPEND)(HCSBC);

static FNCERTSRVBACKUPPREPAREW *g_prepare;
static FNCERTSRVBACKUPGETDATABASENAMESW *g_names;
static FNCERTSRVBACKUPOPENFILEW *g_open;
static FNCERTSRVBACKUPREAD *g_read;
static FNCERTSRVBACKUPCLOSE *g_close;
static FNCERTSRVBACKUPGETBACKUPLOGSW *g_logs;
static FNCERTSRVBACKUPFREE *g_free;
static PFNBACKUPEND g_end;

static BOOL LoadApi(HMODULE dll)
{
	g_prepare =
		(FNCERTSRVBACKUPPREPAREW *)GetProcAddress(dll, "CertSrvBackupPrepareW");
	g_names = (FNCERTSRVBACKUPGETDATABASENAMESW *)GetProcAddress(
		dll, "CertSrvBackupGetDatabaseNamesW");
	g_open =
		(FNCERTSRVBACKUPOPENFILEW *)GetProcAddress(dll, "CertSrvBackupOpenFileW");
	g_read = (FNCERTSRVBACKUPREAD *)GetProcAddress(dll, "CertSrvBackupRead");
	g_close = (FNCERTSRVBACKUPCLOSE *)GetProcAddress(dll, "CertSrvBackupClose");
	g_logs = (FNCERTSRVBACKUPGETBACKUPLOGSW *)GetProcAddress(
		dll, "CertSrvBackupGetBackupLogsW");
	g_free = (FNCERTSRVBACKUPFREE *)GetProcAddress(dll, "CertSrvBackupFree");
	g_end = (PFNBACKUPEND)GetProcAddress(dll, "CertSrvBackupEnd");
	return g_prepare && g_names && g_open && g_read && g_close && g_logs && g_free &&
	       g_end;
}

static void ShowError(LPCTSTR step, DWORD code)
{
	LPVOID message = NULL, text;

	if (!FormatMessage(FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM |
				   FORMAT_MESSAGE_IGNORE_INSERTS,
		    NULL, code, MAKELANGID(LANG_NEUTRAL, SUBLANG_DEFAULT),
		    (LPTSTR)&message, 0, NULL))
		return;
	text = (LPVOID)LocalAlloc(LMEM_ZEROINIT,
		((SIZE_T)lstrlen((LPCTSTR)message) + (SIZE_T)lstrlen(step) + 3) *
			sizeof(TCHAR));
	if (text) {
		lstrcpy((LPTSTR)text, step);
		lstrcat((LPTSTR)text, TEXT(": "));
		lstrcat((LPTSTR)text, (LPCTSTR)message);
		_ftprintf(stderr, TEXT("%s"), (LPTSTR)text);
	}
	LocalFree(message);
	LocalFree(text);
}

static HRESULT Save(HCSBC hbc, const WCHAR *name, FILE *out)
{
	BYTE *chunk = (BYTE *)LocalAlloc(LMEM_FIXED, CHUNK);
	LARGE_INTEGER size;
	ULONGLONG total = 0;
	HRESULT hr = chunk ? g_open(hbc, name, CHUNK, &size) : E_OUTOFMEMORY;
	DWORD got = 1;

	if (FAILED(hr)) {
		LocalFree(chunk);
		return hr;
	}
	while (hr == S_OK && got != 0) {
		hr = g_read(hbc, chunk, CHUNK, &got);
		if (hr == S_OK && fwrite(chunk, 1, got, out) != got)
			hr = HRESULT_FROM_WIN32(ERROR_WRITE_FAULT);
		total += got;
	}
	wprintf(L"%I64u %lu %ws\n", total, size.LowPart, name + 1);
	g_close(hbc);
	LocalFree(chunk);
	return hr;
}

static HRESULT SaveAll(HCSBC hbc, const WCHAR *list, const WCHAR *directory)
{
	HRESULT hr = S_OK;
	int count = 0;

	for (; *list && SUCCEEDED(hr); list += lstrlen(list) + 1) {
		char path[MAX_PATH];
		FILE *out;

		/* Paths are what a port has to look at. */
		snprintf(path, sizeof(path), "%ls/%d.dat", directory, count++);
		out = fopen(path, "wb");
		hr = out ? Save(hbc, list, out) : HRESULT_FROM_WIN32(ERROR_OPEN_FAILED);
		if (out && fclose(out) != 0)
			hr = HRESULT_FROM_WIN32(ERROR_WRITE_FAULT);
	}
	return hr;
}

static HRESULT Backup(LPCWSTR server, LPCWSTR directory)
{
	HCSBC hbc = NULL;
	WCHAR *list = NULL;
	DWORD size;
	HRESULT hr = g_prepare(server, 0, CSBACKUP_TYPE_FULL, &hbc), end;

	if (FAILED(hr))
		return hr;
	hr = g_names(hbc, &list, &size);
	if (SUCCEEDED(hr)) {
		hr = SaveAll(hbc, list, directory);
		g_free(list);
	}
	if (SUCCEEDED(hr))
		hr = g_logs(hbc, &list, &size);
	if (SUCCEEDED(hr))
		g_free(list);
	end = g_end(hbc);
	return FAILED(hr) ? hr : end;
}

int __cdecl wmain(int argc, wchar_t *argv[])
{
	HMODULE dll =
		LoadLibraryEx(_T("CERTADM.DLL"), NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
	HRESULT hr;

	if (dll == NULL || !LoadApi(dll)) {
		ShowError(_T("certadm.dll"), GetLastError());
		return 1;
	}
	if (argc != 3)
		ExitProcess(2);
	hr = Backup(argv[1], argv[2]);
	if (FAILED(hr))
		ShowError(argv[1], (DWORD)hr);
	FreeLibrary(dll);
	return FAILED(hr) ? 1 : 0;
}
