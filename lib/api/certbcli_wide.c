/* The CertSrv functions with WCHAR text. Compiled twice, for either width of WCHAR: the
 * labels in certbcli.h give the second set of definitions its own symbols. */
#include <certbcli.h>

#include "api/bcli.h"
#include "api/certbcli_calls.h"

#define BACKUP_HANDLE HANDLE_MASK(HANDLE_CERTSRV_BACKUP)
#define ANY_HANDLE    (HANDLE_MASK(HANDLE_CERTSRV_RESTORE) | BACKUP_HANDLE)

/* ---- backup ---- */

HRESULT CERTBCLI_API CertSrvBackupPrepareW(
	WCHAR const *pwszServerName, ULONG grbitJet, ULONG dwBackupFlags, HCSBC *phbc)
{
	return certbcli_backup_prepare(
		__func__, given_wide(pwszServerName), grbitJet, dwBackupFlags, phbc);
}

HRESULT CERTBCLI_API CertSrvBackupGetDatabaseNamesW(
	HCSBC hbc, WCHAR **ppwszzAttachmentInformation, DWORD *pcbSize)
{
	static const struct bcli_list call = {
		&bcli_certsrv, __func__, BACKUP_HANDLE, bcli_databases};

	return bcli_list(&call, hbc, WCHAR_FORM, ppwszzAttachmentInformation, pcbSize);
}

HRESULT CERTBCLI_API CertSrvBackupGetBackupLogsW(
	HCSBC hbc, WCHAR **ppwszzBackupLogFiles, DWORD *pcbSize)
{
	static const struct bcli_list call = {
		&bcli_certsrv, __func__, BACKUP_HANDLE, bcli_logs};

	return bcli_list(&call, hbc, WCHAR_FORM, ppwszzBackupLogFiles, pcbSize);
}

HRESULT CERTBCLI_API CertSrvBackupGetDynamicFileListW(
	HCSBC hbc, WCHAR **ppwszzFileList, DWORD *pcbSize)
{
	static const struct bcli_list call = {
		&bcli_certsrv, __func__, BACKUP_HANDLE, bcli_dynamic};

	return bcli_list(&call, hbc, WCHAR_FORM, ppwszzFileList, pcbSize);
}

HRESULT CERTBCLI_API CertSrvBackupOpenFileW(HCSBC hbc, WCHAR const *pwszAttachmentName,
	DWORD cbReadHintSize, LARGE_INTEGER *pliFileSize)
{
	return bcli_open(&bcli_certsrv, __func__, hbc, given_wide(pwszAttachmentName),
		cbReadHintSize, pliFileSize);
}

/* ---- restore ---- */

HRESULT CERTBCLI_API CertSrvRestorePrepareW(
	WCHAR const *pwszServerName, ULONG dwRestoreFlags, HCSBC *phbc)
{
	return certbcli_restore_prepare(
		__func__, given_wide(pwszServerName), dwRestoreFlags, phbc);
}

HRESULT CERTBCLI_API CertSrvRestoreGetDatabaseLocationsW(
	HCSBC hbc, WCHAR **ppwszzDatabaseLocationList, DWORD *pcbSize)
{
	static const struct bcli_list call = {
		&bcli_certsrv, __func__, ANY_HANDLE, bcli_locations};

	return bcli_list(&call, hbc, WCHAR_FORM, ppwszzDatabaseLocationList, pcbSize);
}

static void map_entry(
	const void *map, size_t i, struct given *old_name, struct given *new_name)
{
	const CSEDB_RSTMAPW *entries = map;

	*old_name = given_wide(entries[i].pwszDatabaseName);
	*new_name = given_wide(entries[i].pwszNewDatabaseName);
}

HRESULT CERTBCLI_API CertSrvRestoreRegisterW(HCSBC hbc,
	WCHAR const *pwszCheckPointFilePath, WCHAR const *pwszLogPath,
	CSEDB_RSTMAPW rgrstmap[], LONG crstmap, WCHAR const *pwszBackupLogPath,
	ULONG genLow, ULONG genHigh)
{
	const struct bcli_registration registration = {
		.function = __func__,
		.checkpoint_path = given_wide(pwszCheckPointFilePath),
		.log_path = given_wide(pwszLogPath),
		.backup_log_path = given_wide(pwszBackupLogPath),
		.map = rgrstmap,
		.entry = map_entry,
		.map_count = crstmap,
		.low = genLow,
		.high = genHigh,
	};

	return bcli_register(&bcli_certsrv, hbc, &registration);
}

HRESULT CERTBCLI_API CertSrvRestoreRegisterThroughFile(HCSBC hbc,
	WCHAR const *pwszCheckPointFilePath, WCHAR const *pwszLogPath,
	CSEDB_RSTMAPW rgrstmap[], LONG crstmap, WCHAR const *pwszBackupLogPath,
	ULONG genLow, ULONG genHigh)
{
	const struct bcli_registration registration = {
		.function = __func__,
		.checkpoint_path = given_wide(pwszCheckPointFilePath),
		.log_path = given_wide(pwszLogPath),
		.backup_log_path = given_wide(pwszBackupLogPath),
		.map = rgrstmap,
		.entry = map_entry,
		.map_count = crstmap,
		.low = genLow,
		.high = genHigh,
		.through_file = true,
	};

	return bcli_register(&bcli_certsrv, hbc, &registration);
}

/* ---- the service ---- */

HRESULT CERTBCLI_API CertSrvIsServerOnlineW(
	WCHAR const *pwszServerName, BOOL *pfServerOnline)
{
	return certbcli_is_online(__func__, given_wide(pwszServerName), pfServerOnline);
}

HRESULT CERTBCLI_API CertSrvServerControlW(
	WCHAR const *pwszServerName, DWORD dwControlFlags, DWORD *pcbOut, BYTE **ppbOut)
{
	return certbcli_control(
		__func__, given_wide(pwszServerName), dwControlFlags, pcbOut, ppbOut);
}
