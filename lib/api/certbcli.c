/* The CertSrv functions of a backup; certbcli_restore.c and certbcli_server.c have the
 * rest, and certbcli_wide.c those with text. */
#include <certbcli.h>

#include "api/bcli.h"
#include "api/certbcli_calls.h"

/* ---- begin and end ---- */

static status check_prepare(
	const char *function, ULONG grbit, ULONG flags, const HCSBC *handle)
{
	if (!handle)
		return argument_invalid(function, "phbc is NULL");
	if (grbit != 0)
		return argument_invalid(function, "grbitJet is not 0");
	if (flags != CSBACKUP_TYPE_FULL && flags != CSBACKUP_TYPE_LOGS_ONLY)
		return argument_invalid(function,
			"dwBackupFlags is neither CSBACKUP_TYPE_FULL nor "
			"CSBACKUP_TYPE_LOGS_ONLY");
	return STATUS_OK;
}

static status prepare(struct given name, enum backup_type type, HCSBC *handle)
{
	struct server *server;
	struct bcli_backup *backup;
	status rc = argument_server(FAMILY_CERTSRV, name, &server);

	if (!failed(rc))
		rc = bcli_begin(&bcli_certsrv, server, type, &backup);
	if (failed(rc))
		return rc;
	rc = handle_create(HANDLE_CERTSRV_BACKUP, backup, handle);
	if (failed(rc))
		(void)bcli_end(backup, false);
	return rc;
}

HRESULT certbcli_backup_prepare(
	const char *function, struct given name, ULONG grbit, ULONG flags, HCSBC *handle)
{
	status rc;

	status_begin();
	if (handle)
		*handle = NULL;
	rc = check_prepare(function, grbit, flags, handle);
	if (!failed(rc))
		rc = prepare(name,
			flags == CSBACKUP_TYPE_FULL ? BACKUP_FULL : BACKUP_INCREMENTAL,
			handle);
	return status_publish(rc);
}

HRESULT CERTBCLI_API CertSrvBackupEnd(HCSBC hbc)
{
	return bcli_end_handle(&bcli_certsrv, hbc);
}

/* ---- one file ---- */

HRESULT CERTBCLI_API CertSrvBackupRead(
	HCSBC hbc, VOID *pvBuffer, DWORD cbBuffer, DWORD *pcbRead)
{
	return bcli_read(&bcli_certsrv, __func__, hbc, pvBuffer, cbBuffer, pcbRead);
}

HRESULT CERTBCLI_API CertSrvBackupClose(HCSBC hbc)
{
	return bcli_plain(&bcli_certsrv, hbc, backup_close);
}

HRESULT CERTBCLI_API CertSrvBackupTruncateLogs(HCSBC hbc)
{
	return bcli_plain(&bcli_certsrv, hbc, backup_truncate);
}

/* ---- memory ---- */

VOID CERTBCLI_API CertSrvBackupFree(VOID *pv)
{
	(void)alloc_free(ALLOC_CERTSRV, pv);
}
