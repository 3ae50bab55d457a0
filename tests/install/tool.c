/*
 * A program outside the tree that is written for Windows and knows of nothing else: finds its
 * functions in certadm.dll and lists the databases of the only certification authority.
 */
#include <windows.h>

#include <stdio.h>

#include <certbcli.h>

static FNCERTSRVBACKUPPREPAREW *prepare;
static FNCERTSRVBACKUPGETDATABASENAMESW *get_names;
static FNCERTSRVBACKUPFREE *release;
static FNCERTSRVBACKUPEND *end;

static int fail(const char *what, HRESULT hr)
{
	char message[256] = "";

	FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL,
		(DWORD)hr, 0, message, sizeof(message), NULL);
	fprintf(stderr, "%s: 0x%08x: %s\n", what, (unsigned)hr, message);
	return 1;
}

/* Of plain characters only. */
static void print_list(const WCHAR *name)
{
	for (; *name; name++) {
		for (; *name; name++)
			putchar((char)*name);
		putchar('\n');
	}
}

static int list_databases(HCSBC backup)
{
	WCHAR *names;
	DWORD size;
	HRESULT hr = get_names(backup, &names, &size);

	if (FAILED(hr))
		return fail("CertSrvBackupGetDatabaseNames", hr);
	print_list(names);
	release(names);
	return 0;
}

static int run(void)
{
	HCSBC backup;
	HRESULT hr = prepare(NULL, 0, CSBACKUP_TYPE_FULL, &backup);
	int rc;

	if (FAILED(hr))
		return fail("CertSrvBackupPrepare", hr);
	rc = list_databases(backup);
	hr = end(backup);
	return FAILED(hr) ? fail("CertSrvBackupEnd", hr) : rc;
}

int main(void)
{
	HMODULE dll = LoadLibrary(TEXT("C:\\Windows\\System32\\certadm.dll"));
	int rc;

	if (!dll)
		return fail("certadm.dll", HRESULT_FROM_WIN32(GetLastError()));
	prepare = (FNCERTSRVBACKUPPREPAREW *)GetProcAddress(dll, "CertSrvBackupPrepareW");
	get_names = (FNCERTSRVBACKUPGETDATABASENAMESW *)GetProcAddress(
		dll, "CertSrvBackupGetDatabaseNamesW");
	release = (FNCERTSRVBACKUPFREE *)GetProcAddress(dll, "CertSrvBackupFree");
	end = (FNCERTSRVBACKUPEND *)GetProcAddress(dll, "CertSrvBackupEnd");
	if (!prepare || !get_names || !release || !end)
		return fail("GetProcAddress", HRESULT_FROM_WIN32(GetLastError()));
	rc = run();
	return FreeLibrary(dll) ? rc : 1;
}
