/* The W forms of the Ds functions. Compiled twice, for either width of WCHAR: the labels in
 * ntdsbcli.h give the second set of definitions its own symbols. */
#include <ntdsbcli.h>

#include "api/bcli.h"
#include "api/ntdsbcli_calls.h"

#define BACKUP_HANDLE  HANDLE_MASK(HANDLE_DS_BACKUP)
#define RESTORE_HANDLE HANDLE_MASK(HANDLE_DS_RESTORE)

/* ---- backup ---- */

HRESULT NTDSBCLI_API DsIsNTDSOnlineW(LPCWSTR szServerName, BOOL *pfNTDSOnline)
{
	return ntdsbcli_is_online(__func__, given_wide(szServerName), pfNTDSOnline);
}

HRESULT NTDSBCLI_API DsBackupPrepareW(LPCWSTR szBackupServer, ULONG grbit, ULONG btFlag,
	PVOID *ppvExpiryToken, LPDWORD pcbExpiryTokenSize, HBC *phbc)
{
	const struct ntdsbcli_results out = {ppvExpiryToken, pcbExpiryTokenSize, phbc};

	return ntdsbcli_backup_prepare(
		__func__, given_wide(szBackupServer), grbit, btFlag, &out);
}

HRESULT NTDSBCLI_API DsBackupGetDatabaseNamesW(
	HBC hbc, LPWSTR *pszAttachmentInfo, LPDWORD pcbSize)
{
	static const struct bcli_list call = {
		&bcli_ds, __func__, BACKUP_HANDLE, bcli_databases};

	return bcli_list(&call, hbc, WCHAR_FORM, pszAttachmentInfo, pcbSize);
}

HRESULT NTDSBCLI_API DsBackupGetBackupLogsW(
	HBC hbc, LPWSTR *pszBackupLogFiles, LPDWORD pcbSize)
{
	static const struct bcli_list call = {
		&bcli_ds, __func__, BACKUP_HANDLE, bcli_logs};

	return bcli_list(&call, hbc, WCHAR_FORM, pszBackupLogFiles, pcbSize);
}

HRESULT NTDSBCLI_API DsBackupOpenFileW(HBC hbc, LPCWSTR szAttachmentName,
	DWORD cbReadHintSize, LARGE_INTEGER *pliFileSize)
{
	return bcli_open(&bcli_ds, __func__, hbc, given_wide(szAttachmentName),
		cbReadHintSize, pliFileSize);
}

/* ---- restore ---- */

HRESULT NTDSBCLI_API DsRestorePrepareW(LPCWSTR szServerName, ULONG rtFlag,
	PVOID pvExpiryToken, DWORD cbExpiryTokenSize, HBC *phbc)
{
	const struct ntdsbcli_token token = {pvExpiryToken, cbExpiryTokenSize};

	return ntdsbcli_restore_prepare(
		__func__, given_wide(szServerName), rtFlag, token, phbc);
}

HRESULT NTDSBCLI_API DsRestoreGetDatabaseLocationsW(
	HBC hbc, LPWSTR *pszDatabaseLocationList, LPDWORD pcbSize)
{
	static const struct bcli_list call = {
		&bcli_ds, __func__, RESTORE_HANDLE, bcli_locations};

	return bcli_list(&call, hbc, WCHAR_FORM, pszDatabaseLocationList, pcbSize);
}

static void map_entry(
	const void *map, size_t i, struct given *old_name, struct given *new_name)
{
	const EDB_RSTMAPW *entries = map;

	*old_name = given_wide(entries[i].wszDatabaseName);
	*new_name = given_wide(entries[i].wszNewDatabaseName);
}

HRESULT NTDSBCLI_API DsRestoreRegisterW(HBC hbc, LPCWSTR szCheckPointFilePath,
	LPCWSTR szLogPath, EDB_RSTMAPW rgrstmap[], LONG crstmap, LPCWSTR szBackupLogPath,
	ULONG genLow, ULONG genHigh)
{
	const struct bcli_registration registration = {
		.function = __func__,
		.checkpoint_path = given_wide(szCheckPointFilePath),
		.log_path = given_wide(szLogPath),
		.backup_log_path = given_wide(szBackupLogPath),
		.map = rgrstmap,
		.entry = map_entry,
		.map_count = crstmap,
		.low = genLow,
		.high = genHigh,
	};

	return bcli_register(&bcli_ds, hbc, &registration);
}

/* ---- settings ---- */

HRESULT NTDSBCLI_API DsSetCurrentBackupLogW(LPCWSTR szServerName, DWORD dwCurrentLog)
{
	return ntdsbcli_set_current_log(given_wide(szServerName), dwCurrentLog);
}

HRESULT NTDSBCLI_API DsSetAuthIdentityW(
	LPCWSTR szUserName, LPCWSTR szDomainName, LPCWSTR szPassword)
{
	return ntdsbcli_set_identity(__func__, given_wide(szUserName),
		given_wide(szDomainName), given_wide(szPassword));
}
