/*
 * A program outside the tree, as every build system here builds it: lists the databases of
 * the only certification authority that is configured.
 */
#include <certbcli.h>

#include <stdio.h>
#include <wchar.h>

#include <backupapi/backupapi.h>

static int fail(const char *what, HRESULT hr)
{
	(void)fprintf(
		stderr, "%s: 0x%08x: %s\n", what, (unsigned)hr, backupapi_error_detail());
	return 1;
}

static int list_databases(HCSBC backup)
{
	WCHAR *names;
	DWORD size;
	HRESULT hr = CertSrvBackupGetDatabaseNames(backup, &names, &size);

	if (hr != S_OK)
		return fail("CertSrvBackupGetDatabaseNames", hr);
	for (const WCHAR *name = names; *name; name += wcslen(name) + 1) {
		char *path = backupapi_path_from_name(name);

		if (!path)
			return fail(
				"backupapi_path_from_name", backupapi_get_last_error());
		(void)printf("%s\n", path);
		backupapi_free(path);
	}
	CertSrvBackupFree(names);
	return 0;
}

int main(void)
{
	HCSBC backup;
	HRESULT hr = CertSrvBackupPrepare(NULL, 0, CSBACKUP_TYPE_FULL, &backup);
	int rc;

	if (hr != S_OK)
		return fail("CertSrvBackupPrepare", hr);
	rc = list_databases(backup);
	hr = CertSrvBackupEnd(backup);
	return hr == S_OK ? rc : fail("CertSrvBackupEnd", hr);
}
