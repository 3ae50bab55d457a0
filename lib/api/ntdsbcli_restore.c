/* The Ds functions of a restore; ntdsbcli_wide.c has the W forms. */
#include <ntdsbcli.h>

#include <time.h>

#include "api/bcli.h"
#include "api/ntdsbcli_calls.h"
#include "api/ntdsbcli_server.h"
#include "session/token.h"

/* ---- begin and end ---- */

static status check_prepare(const char *function, ULONG flag, const HBC *handle)
{
	if (!handle)
		return argument_invalid(function, "phbc is NULL");
	if (flag != 0 && flag != RESTORE_TYPE_CATCHUP)
		return argument_invalid(
			function, "rtFlag is neither 0 nor RESTORE_TYPE_CATCHUP");
	return STATUS_OK;
}

static status begin(struct given name, struct ntdsbcli_token token, HBC *handle)
{
	struct server *server;
	status rc = ntdsbcli_server(name, &server);

	if (failed(rc))
		return rc;
	if (token.data)
		rc = token_check(server, token.data, token.size, (int64_t)time(NULL));
	if (failed(rc)) {
		server_free(server);
		return rc;
	}
	return bcli_restore_begin(&bcli_ds, server, token.data != NULL, handle);
}

HRESULT ntdsbcli_restore_prepare(const char *function, struct given name, ULONG flag,
	struct ntdsbcli_token token, HBC *handle)
{
	status rc;

	status_begin();
	if (handle)
		*handle = NULL;
	rc = check_prepare(function, flag, handle);
	if (!failed(rc))
		rc = begin(name, token, handle);
	return status_publish(rc);
}

HRESULT NTDSBCLI_API DsRestorePrepareA(LPCSTR szServerName, ULONG rtFlag,
	PVOID pvExpiryToken, DWORD cbExpiryTokenSize, HBC *phbc)
{
	const struct ntdsbcli_token token = {pvExpiryToken, cbExpiryTokenSize};

	return ntdsbcli_restore_prepare(
		__func__, given_narrow(szServerName), rtFlag, token, phbc);
}

HRESULT NTDSBCLI_API DsRestoreEnd(HBC hbc)
{
	return bcli_restore_end(&bcli_ds, hbc);
}

/* ---- locations ---- */

HRESULT NTDSBCLI_API DsRestoreGetDatabaseLocationsA(
	HBC hbc, LPSTR *pszDatabaseLocationList, LPDWORD pcbSize)
{
	static const struct bcli_list call = {
		&bcli_ds, __func__, HANDLE_MASK(HANDLE_DS_RESTORE), bcli_locations};

	return bcli_list(&call, hbc, TEXT_NARROW, pszDatabaseLocationList, pcbSize);
}

/* ---- register ---- */

static void map_entry(
	const void *map, size_t i, struct given *old_name, struct given *new_name)
{
	const EDB_RSTMAPA *entries = map;

	*old_name = given_narrow(entries[i].szDatabaseName);
	*new_name = given_narrow(entries[i].szNewDatabaseName);
}

HRESULT NTDSBCLI_API DsRestoreRegisterA(HBC hbc, LPCSTR szCheckPointFilePath,
	LPCSTR szLogPath, EDB_RSTMAPA rgrstmap[], LONG crstmap, LPCSTR szBackupLogPath,
	ULONG genLow, ULONG genHigh)
{
	const struct bcli_registration registration = {
		.function = __func__,
		.checkpoint_path = given_narrow(szCheckPointFilePath),
		.log_path = given_narrow(szLogPath),
		.backup_log_path = given_narrow(szBackupLogPath),
		.map = rgrstmap,
		.entry = map_entry,
		.map_count = crstmap,
		.low = genLow,
		.high = genHigh,
	};

	return bcli_register(&bcli_ds, hbc, &registration);
}

HRESULT NTDSBCLI_API DsRestoreRegisterComplete(HBC hbc, HRESULT hrRestoreState)
{
	return bcli_restore_complete(&bcli_ds, hbc, hrRestoreState);
}
