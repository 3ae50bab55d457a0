/* The Ds functions of a backup; ntdsbcli_restore.c and ntdsbcli_settings.c have the rest,
 * and ntdsbcli_wide.c the W forms. */
#include <ntdsbcli.h>

#include <string.h>

#include "api/bcli.h"
#include "api/ntdsbcli_calls.h"
#include "api/ntdsbcli_server.h"
#include "session/token.h"

#define BACKUP_HANDLE HANDLE_MASK(HANDLE_DS_BACKUP)

/* ---- begin and end ---- */

static void clear_results(const struct ntdsbcli_results *out)
{
	if (out->token)
		*out->token = NULL;
	if (out->token_size)
		*out->token_size = 0;
	if (out->handle)
		*out->handle = NULL;
}

static status check_prepare(
	const char *function, ULONG grbit, ULONG flag, const struct ntdsbcli_results *out)
{
	if (!out->handle)
		return argument_invalid(function, "phbc is NULL");
	if (!out->token || !out->token_size)
		return status_fail(hrInvalidParam, "%s: %s is NULL", function,
			out->token ? "pcbExpiryTokenSize" : "ppvExpiryToken");
	if (grbit != 0)
		return argument_invalid(function, "grbit is not 0");
	if (flag != BACKUP_TYPE_FULL)
		return argument_invalid(function, "btFlag is not BACKUP_TYPE_FULL");
	return STATUS_OK;
}

static status make_token(
	const struct bcli_backup *backup, PVOID *block, LPDWORD block_size)
{
	struct buffer token = {0};
	status rc = token_make(
		backup_server(backup->session), backup_time(backup->session), &token);

	if (!failed(rc)) {
		*block = alloc_secret(ALLOC_DS, token.size);
		if (!*block)
			rc = status_no_memory();
	}
	if (!failed(rc)) {
		memcpy(*block, token.data, token.size);
		*block_size = (DWORD)token.size;
	}
	if (token.data)
		explicit_bzero(token.data, token.size);
	buffer_free(&token);
	return rc;
}

/* Nothing is given to the caller but all of it. */
static status begin(struct bcli_backup *backup, const struct ntdsbcli_results *out)
{
	PVOID token = NULL;
	DWORD size = 0;
	status rc = make_token(backup, &token, &size);

	if (!failed(rc))
		rc = handle_create(HANDLE_DS_BACKUP, backup, out->handle);
	if (failed(rc)) {
		(void)alloc_free(ALLOC_DS, token);
		return rc;
	}
	*out->token = token;
	*out->token_size = size;
	return STATUS_OK;
}

HRESULT ntdsbcli_backup_prepare(const char *function, struct given name, ULONG grbit,
	ULONG flag, const struct ntdsbcli_results *out)
{
	struct server *server;
	struct bcli_backup *backup;
	status rc;

	status_begin();
	clear_results(out);
	rc = check_prepare(function, grbit, flag, out);
	if (!failed(rc))
		rc = ntdsbcli_server(name, &server);
	if (!failed(rc))
		rc = bcli_begin(&bcli_ds, server, BACKUP_FULL, &backup);
	if (failed(rc))
		return status_publish(rc);
	rc = begin(backup, out);
	if (failed(rc))
		(void)bcli_end(backup, false);
	return status_publish(rc);
}

HRESULT NTDSBCLI_API DsBackupPrepareA(LPCSTR szBackupServer, ULONG grbit, ULONG btFlag,
	PVOID *ppvExpiryToken, LPDWORD pcbExpiryTokenSize, HBC *phbc)
{
	const struct ntdsbcli_results out = {ppvExpiryToken, pcbExpiryTokenSize, phbc};

	return ntdsbcli_backup_prepare(
		__func__, given_narrow(szBackupServer), grbit, btFlag, &out);
}

HRESULT NTDSBCLI_API DsBackupEnd(HBC hbc)
{
	return bcli_end_handle(&bcli_ds, hbc);
}

/* ---- lists ---- */

HRESULT NTDSBCLI_API DsBackupGetDatabaseNamesA(
	HBC hbc, LPSTR *pszAttachmentInfo, LPDWORD pcbSize)
{
	static const struct bcli_list call = {
		&bcli_ds, __func__, BACKUP_HANDLE, bcli_databases};

	return bcli_list(&call, hbc, TEXT_NARROW, pszAttachmentInfo, pcbSize);
}

HRESULT NTDSBCLI_API DsBackupGetBackupLogsA(
	HBC hbc, LPSTR *pszBackupLogFiles, LPDWORD pcbSize)
{
	static const struct bcli_list call = {
		&bcli_ds, __func__, BACKUP_HANDLE, bcli_logs};

	return bcli_list(&call, hbc, TEXT_NARROW, pszBackupLogFiles, pcbSize);
}

/* ---- one file ---- */

HRESULT NTDSBCLI_API DsBackupOpenFileA(HBC hbc, LPCSTR szAttachmentName,
	DWORD cbReadHintSize, LARGE_INTEGER *pliFileSize)
{
	return bcli_open(&bcli_ds, __func__, hbc, given_narrow(szAttachmentName),
		cbReadHintSize, pliFileSize);
}

HRESULT NTDSBCLI_API DsBackupRead(HBC hbc, PVOID pvBuffer, DWORD cbBuffer, PDWORD pcbRead)
{
	return bcli_read(&bcli_ds, __func__, hbc, pvBuffer, cbBuffer, pcbRead);
}

HRESULT NTDSBCLI_API DsBackupClose(HBC hbc)
{
	return bcli_plain(&bcli_ds, hbc, backup_close);
}

HRESULT NTDSBCLI_API DsBackupTruncateLogs(HBC hbc)
{
	return bcli_plain(&bcli_ds, hbc, backup_truncate);
}

/* ---- memory ---- */

VOID NTDSBCLI_API DsBackupFree(PVOID pvBuffer)
{
	(void)alloc_free(ALLOC_DS, pvBuffer);
}
