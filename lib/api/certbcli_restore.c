/* The CertSrv functions of a restore. */
#include <certbcli.h>

#include <stdlib.h>

#include "api/argument.h"
#include "api/certbcli_list.h"
#include "api/listing.h"
#include "base/handle.h"
#include "session/backup.h"
#include "session/restore.h"

#define RESTORE_HANDLE HANDLE_MASK(HANDLE_CERTSRV_RESTORE)
#define ANY_HANDLE     (RESTORE_HANDLE | HANDLE_MASK(HANDLE_CERTSRV_BACKUP))

static status not_a_restore(HCSBC hbc)
{
	return status_fail(STATUS_WIN32(ERROR_INVALID_HANDLE),
		"handle %p: not a live restore handle of this process", hbc);
}

/* ---- begin and end ---- */

static status check_prepare(const char *function, ULONG flags, const HCSBC *handle)
{
	if (!handle)
		return argument_invalid(function, "phbc is NULL");
	if (flags != 0 && flags != CSRESTORE_TYPE_FULL && flags != CSRESTORE_TYPE_CATCHUP)
		return argument_invalid(function,
			"dwRestoreFlags is not 0, CSRESTORE_TYPE_FULL or "
			"CSRESTORE_TYPE_CATCHUP");
	return STATUS_OK;
}

static status prepare(WCHAR const *name, HCSBC *handle)
{
	struct server *server;
	struct restore *restore;
	status rc = argument_server(FAMILY_CERTSRV, name, &server);

	if (!failed(rc))
		rc = restore_prepare(server, FAMILY_CERTSRV, true, &restore);
	if (failed(rc))
		return rc;
	rc = handle_create(HANDLE_CERTSRV_RESTORE, restore, handle);
	if (failed(rc))
		restore_end(restore);
	return rc;
}

HRESULT CERTBCLI_API CertSrvRestorePrepareW(
	WCHAR const *pwszServerName, ULONG dwRestoreFlags, HCSBC *phbc)
{
	status rc;

	status_begin();
	if (phbc)
		*phbc = NULL;
	rc = check_prepare(__func__, dwRestoreFlags, phbc);
	if (!failed(rc))
		rc = prepare(pwszServerName, phbc);
	return status_publish(rc);
}

HRESULT CERTBCLI_API CertSrvRestoreEnd(HCSBC hbc)
{
	struct restore *restore;

	status_begin();
	restore = handle_retire(RESTORE_HANDLE, hbc, NULL);
	if (!restore)
		return status_publish(not_a_restore(hbc));
	restore_end(restore);
	return S_OK;
}

/* ---- locations ---- */

static status locations(void *object, enum handle_kind kind, struct list *list)
{
	return listing_locations(kind == HANDLE_CERTSRV_BACKUP ? backup_server(object)
							       : restore_server(object),
		list);
}

HRESULT CERTBCLI_API CertSrvRestoreGetDatabaseLocationsW(
	HCSBC hbc, WCHAR **ppwszzDatabaseLocationList, DWORD *pcbSize)
{
	return certbcli_list(__func__, ANY_HANDLE, hbc, locations,
		ppwszzDatabaseLocationList, pcbSize);
}

/* ---- register ---- */

/* The arguments of both forms of Register, as they came. */
struct arguments {
	const char *function;
	WCHAR const *checkpoint_path, *log_path, *backup_log_path;
	const CSEDB_RSTMAPW *map;
	LONG map_count;
	ULONG low, high;
	bool through_file;
};

/* The same as UTF-8. */
struct texts {
	char *checkpoint_path, *log_path, *backup_log_path;
	struct names old_names, new_names;
};

static status check_arguments(const struct arguments *a)
{
	if (a->map_count < 0)
		return argument_invalid(a->function, "crstmap is negative");
	if (!a->map && a->map_count > 0)
		return argument_invalid(
			a->function, "crstmap is not 0, but rgrstmap is NULL");
	if (a->low > a->high)
		return argument_invalid(a->function, "genLow is above genHigh");
	for (LONG i = 0; i < a->map_count; i++)
		if (!a->map[i].pwszDatabaseName || !a->map[i].pwszNewDatabaseName)
			return argument_invalid(
				a->function, "a name in rgrstmap is NULL");
	return STATUS_OK;
}

static status add_text(struct names *list, const WCHAR *wide)
{
	char *text;
	status rc = argument_text(wide, &text);

	return failed(rc) ? rc : names_take(list, text);
}

static status convert(const struct arguments *a, struct texts *t)
{
	status rc = argument_text(a->checkpoint_path, &t->checkpoint_path);

	if (!failed(rc))
		rc = argument_text(a->log_path, &t->log_path);
	if (!failed(rc))
		rc = argument_text(a->backup_log_path, &t->backup_log_path);
	for (LONG i = 0; i < a->map_count && !failed(rc); i++) {
		rc = add_text(&t->old_names, a->map[i].pwszDatabaseName);
		if (!failed(rc))
			rc = add_text(&t->new_names, a->map[i].pwszNewDatabaseName);
	}
	return rc;
}

static void texts_free(struct texts *t)
{
	free(t->checkpoint_path);
	free(t->log_path);
	free(t->backup_log_path);
	names_free(&t->old_names);
	names_free(&t->new_names);
}

static status register_texts(HCSBC hbc, const struct arguments *a, const struct texts *t)
{
	const struct restore_request request = {
		.checkpoint_path = t->checkpoint_path,
		.log_path = t->log_path,
		.backup_log_path = t->backup_log_path,
		.old_names = (const char *const *)t->old_names.items,
		.new_names = (const char *const *)t->new_names.items,
		.map_count = t->new_names.count,
		.map_given = a->map != NULL,
		.low = a->low,
		.high = a->high,
		.through_file = a->through_file,
	};
	struct restore *restore = handle_acquire(RESTORE_HANDLE, hbc, NULL);
	status rc;

	if (!restore)
		return not_a_restore(hbc);
	rc = restore_register(restore, &request);
	handle_release(hbc);
	return rc;
}

static HRESULT register_restore(HCSBC hbc, const struct arguments *a)
{
	struct texts texts = {0};
	status rc;

	status_begin();
	rc = check_arguments(a);
	if (!failed(rc))
		rc = convert(a, &texts);
	if (!failed(rc))
		rc = register_texts(hbc, a, &texts);
	texts_free(&texts);
	return status_publish(rc);
}

HRESULT CERTBCLI_API CertSrvRestoreRegisterW(HCSBC hbc,
	WCHAR const *pwszCheckPointFilePath, WCHAR const *pwszLogPath,
	CSEDB_RSTMAPW rgrstmap[], LONG crstmap, WCHAR const *pwszBackupLogPath,
	ULONG genLow, ULONG genHigh)
{
	return register_restore(hbc, &(const struct arguments){
					     .function = __func__,
					     .checkpoint_path = pwszCheckPointFilePath,
					     .log_path = pwszLogPath,
					     .backup_log_path = pwszBackupLogPath,
					     .map = rgrstmap,
					     .map_count = crstmap,
					     .low = genLow,
					     .high = genHigh,
					     .through_file = false,
				     });
}

HRESULT CERTBCLI_API CertSrvRestoreRegisterThroughFile(HCSBC hbc,
	WCHAR const *pwszCheckPointFilePath, WCHAR const *pwszLogPath,
	CSEDB_RSTMAPW rgrstmap[], LONG crstmap, WCHAR const *pwszBackupLogPath,
	ULONG genLow, ULONG genHigh)
{
	return register_restore(hbc, &(const struct arguments){
					     .function = __func__,
					     .checkpoint_path = pwszCheckPointFilePath,
					     .log_path = pwszLogPath,
					     .backup_log_path = pwszBackupLogPath,
					     .map = rgrstmap,
					     .map_count = crstmap,
					     .low = genLow,
					     .high = genHigh,
					     .through_file = true,
				     });
}

HRESULT CERTBCLI_API CertSrvRestoreRegisterComplete(HCSBC hbc, HRESULT hrRestoreState)
{
	struct restore *restore;
	status rc;

	status_begin();
	restore = handle_acquire(RESTORE_HANDLE, hbc, NULL);
	if (!restore)
		return status_publish(not_a_restore(hbc));
	rc = restore_complete(restore, hrRestoreState);
	handle_release(hbc);
	return status_publish(rc);
}
