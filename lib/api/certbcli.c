/* The CertSrv functions of a backup; certbcli_restore.c and certbcli_server.c have the
 * rest. */
#include <certbcli.h>

#include <stdlib.h>

#include "api/argument.h"
#include "api/certbcli_list.h"
#include "api/listing.h"
#include "base/handle.h"
#include "session/backup.h"

#define BACKUP_HANDLE HANDLE_MASK(HANDLE_CERTSRV_BACKUP)

#define READ_SIZE_MIN (64u * 1024)
#define READ_SIZE_MAX (4u * 1024 * 1024)

static status not_a_backup(HCSBC hbc)
{
	return status_fail(STATUS_WIN32(ERROR_INVALID_HANDLE),
		"handle %p: not a live backup handle of this process", hbc);
}

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

static status prepare(WCHAR const *name, enum backup_type type, HCSBC *handle)
{
	struct server *server;
	struct backup *backup;
	status rc = argument_server(FAMILY_CERTSRV, name, &server);

	if (!failed(rc))
		rc = backup_prepare(server, FAMILY_CERTSRV, type, &backup);
	if (failed(rc))
		return rc;
	rc = handle_create(HANDLE_CERTSRV_BACKUP, backup, handle);
	if (failed(rc))
		(void)backup_end(backup, false);
	return rc;
}

HRESULT CERTBCLI_API CertSrvBackupPrepareW(
	WCHAR const *pwszServerName, ULONG grbitJet, ULONG dwBackupFlags, HCSBC *phbc)
{
	status rc;

	status_begin();
	if (phbc)
		*phbc = NULL;
	rc = check_prepare(__func__, grbitJet, dwBackupFlags, phbc);
	if (!failed(rc))
		rc = prepare(pwszServerName,
			dwBackupFlags == CSBACKUP_TYPE_FULL ? BACKUP_FULL
							    : BACKUP_INCREMENTAL,
			phbc);
	return status_publish(rc);
}

HRESULT CERTBCLI_API CertSrvBackupEnd(HCSBC hbc)
{
	struct backup *backup;

	status_begin();
	backup = handle_retire(BACKUP_HANDLE, hbc, NULL);
	return status_publish(backup ? backup_end(backup, true) : not_a_backup(hbc));
}

/* ---- lists ---- */

static status databases(void *object, enum handle_kind kind, struct list *list)
{
	(void)kind;
	return listing_databases(object, list);
}

static status logs(void *object, enum handle_kind kind, struct list *list)
{
	(void)kind;
	return listing_logs(object, list);
}

static status dynamic(void *object, enum handle_kind kind, struct list *list)
{
	(void)kind;
	return listing_dynamic(object, list);
}

HRESULT CERTBCLI_API CertSrvBackupGetDatabaseNamesW(
	HCSBC hbc, WCHAR **ppwszzAttachmentInformation, DWORD *pcbSize)
{
	return certbcli_list(__func__, BACKUP_HANDLE, hbc, databases,
		ppwszzAttachmentInformation, pcbSize);
}

HRESULT CERTBCLI_API CertSrvBackupGetBackupLogsW(
	HCSBC hbc, WCHAR **ppwszzBackupLogFiles, DWORD *pcbSize)
{
	return certbcli_list(
		__func__, BACKUP_HANDLE, hbc, logs, ppwszzBackupLogFiles, pcbSize);
}

HRESULT CERTBCLI_API CertSrvBackupGetDynamicFileListW(
	HCSBC hbc, WCHAR **ppwszzFileList, DWORD *pcbSize)
{
	return certbcli_list(
		__func__, BACKUP_HANDLE, hbc, dynamic, ppwszzFileList, pcbSize);
}

/* ---- one file ---- */

/* The power of two from HINT on, within bounds; 0 leaves the choice to the engine. */
static size_t read_size(DWORD hint)
{
	size_t size = READ_SIZE_MIN;

	if (hint == 0)
		return 0;
	while (size < hint && size < READ_SIZE_MAX)
		size *= 2;
	return size;
}

static status open_file(HCSBC hbc, const char *name, DWORD hint, uint64_t *size)
{
	struct backup *backup = handle_acquire(BACKUP_HANDLE, hbc, NULL);
	status rc;

	if (!backup)
		return not_a_backup(hbc);
	rc = backup_open(backup, name, read_size(hint), size);
	handle_release(hbc);
	return rc;
}

HRESULT CERTBCLI_API CertSrvBackupOpenFileW(HCSBC hbc, WCHAR const *pwszAttachmentName,
	DWORD cbReadHintSize, LARGE_INTEGER *pliFileSize)
{
	char *name = NULL;
	uint64_t size = 0;
	status rc;

	status_begin();
	if (pliFileSize)
		pliFileSize->QuadPart = 0;
	if (!pliFileSize)
		rc = argument_invalid(__func__, "pliFileSize is NULL");
	else if (!pwszAttachmentName)
		rc = argument_invalid(__func__, "pwszAttachmentName is NULL");
	else
		rc = argument_text(pwszAttachmentName, &name);
	if (!failed(rc))
		rc = open_file(hbc, name, cbReadHintSize, &size);
	if (!failed(rc))
		pliFileSize->QuadPart = (LONGLONG)size;
	free(name);
	return status_publish(rc);
}

static status read_file(HCSBC hbc, void *buffer, DWORD size, DWORD *got)
{
	struct backup *backup = handle_acquire(BACKUP_HANDLE, hbc, NULL);
	size_t bytes = 0;
	status rc;

	if (!backup)
		return not_a_backup(hbc);
	rc = backup_read(backup, buffer, size, &bytes);
	handle_release(hbc);
	if (!failed(rc))
		*got = (DWORD)bytes;
	return rc;
}

HRESULT CERTBCLI_API CertSrvBackupRead(
	HCSBC hbc, VOID *pvBuffer, DWORD cbBuffer, DWORD *pcbRead)
{
	status rc;

	status_begin();
	if (pcbRead)
		*pcbRead = 0;
	if (!pvBuffer)
		rc = argument_invalid(__func__, "pvBuffer is NULL");
	else if (cbBuffer == 0)
		rc = argument_invalid(__func__, "cbBuffer is 0");
	else if (!pcbRead)
		rc = argument_invalid(__func__, "pcbRead is NULL");
	else
		rc = read_file(hbc, pvBuffer, cbBuffer, pcbRead);
	return status_publish(rc);
}

/* A call that takes nothing but the handle. */
static HRESULT plain_call(HCSBC hbc, status (*call)(struct backup *))
{
	struct backup *backup;
	status rc;

	status_begin();
	backup = handle_acquire(BACKUP_HANDLE, hbc, NULL);
	if (!backup)
		return status_publish(not_a_backup(hbc));
	rc = call(backup);
	handle_release(hbc);
	return status_publish(rc);
}

HRESULT CERTBCLI_API CertSrvBackupClose(HCSBC hbc)
{
	return plain_call(hbc, backup_close);
}

HRESULT CERTBCLI_API CertSrvBackupTruncateLogs(HCSBC hbc)
{
	return plain_call(hbc, backup_truncate);
}

/* ---- memory ---- */

VOID CERTBCLI_API CertSrvBackupFree(VOID *pv)
{
	(void)alloc_free(ALLOC_CERTSRV, pv);
}
