/*
 * dsbackup - backup and restore of a directory service, through Ds*
 *
 * All that is particular to this program: which function of ntdsbcli.h does which step.
 * The directory's own expiry token goes into the set, and back to DsRestorePrepareW.
 */
#include <stdlib.h>
#include <string.h>

#include <ntdsbcli.h>

#include "common/digest.h"
#include "common/mem.h"
#include "common/program.h"

/* What DsBackupOpenFile and DsBackupRead take for sizes. */
#define READ_UNIT  8192u
#define READ_LEAST 24576u

_Static_assert(DIGEST_CHUNK % READ_UNIT == 0 && DIGEST_CHUNK >= READ_LEAST,
	"every read of the common code asks for a whole buffer");

/* Never called for an incremental backup: there is none. */
static int32_t prepare(
	const WCHAR *server, bool incremental, struct token *token, void **session)
{
	void *data;
	DWORD size;
	int32_t rc = DsBackupPrepareW(server, 0,
		incremental ? BACKUP_TYPE_LOGS_ONLY : BACKUP_TYPE_FULL, &data, &size,
		session);

	token->data = NULL;
	token->size = 0;
	if (FAILED(rc))
		return rc;
	token->data = xmalloc(size);
	token->size = size;
	memcpy(token->data, data, size);
	DsBackupFree(data);
	return rc;
}

static int32_t get_databases(void *session, WCHAR **list, uint32_t *size)
{
	return DsBackupGetDatabaseNamesW(session, list, size);
}

static int32_t get_logs(void *session, WCHAR **list, uint32_t *size)
{
	return DsBackupGetBackupLogsW(session, list, size);
}

static int32_t open_file(void *session, const WCHAR *name, uint32_t hint, uint64_t *size)
{
	LARGE_INTEGER value = {.QuadPart = 0};
	int32_t rc = DsBackupOpenFileW(session, name, hint, &value);

	*size = (uint64_t)value.QuadPart;
	return rc;
}

/* The end of a file is no failure here, as it is none in CertSrvBackupRead. */
static int32_t read_file(void *session, void *buffer, uint32_t size, uint32_t *got)
{
	int32_t rc = DsBackupRead(session, buffer, size, got);

	if (rc != ERROR_HANDLE_EOF && rc != HRESULT_FROM_WIN32(ERROR_HANDLE_EOF))
		return rc;
	*got = 0;
	return S_OK;
}

static int32_t close_file(void *session)
{
	return DsBackupClose(session);
}

static int32_t truncate_logs(void *session)
{
	return DsBackupTruncateLogs(session);
}

static int32_t end_backup(void *session)
{
	return DsBackupEnd(session);
}

static int32_t get_locations(void *session, WCHAR **list, uint32_t *size)
{
	return DsRestoreGetDatabaseLocationsW(session, list, size);
}

static void free_list(void *list)
{
	DsBackupFree(list);
}

static int32_t prepare_restore(
	const WCHAR *server, const struct token *token, void **session)
{
	return DsRestorePrepareW(server, 0, token->data, (DWORD)token->size, session);
}

/* A set without logs has no directory of them, and no path may be missing. */
static int32_t register_restore(void *session, const struct registration *r)
{
	EDB_RSTMAPW *map = r->map ? xmalloc(r->map_count * sizeof(*map)) : NULL;
	int32_t rc;

	for (size_t i = 0; i < r->map_count; i++) {
		map[i].wszDatabaseName = r->map[i].old_name;
		map[i].wszNewDatabaseName = r->map[i].new_name;
	}
	rc = DsRestoreRegisterW(session, r->checkpoint_path, r->log_path, map,
		(LONG)r->map_count, r->backup_log_path ? r->backup_log_path : r->log_path,
		r->low, r->high);
	free(map);
	return rc;
}

static int32_t complete_restore(void *session, int32_t result)
{
	return DsRestoreRegisterComplete(session, result);
}

static int32_t end_restore(void *session)
{
	return DsRestoreEnd(session);
}

static const struct family ds = {
	.program = "dsbackup",
	.purpose = "Backs up and restores directory servers through the Ds functions.",
	.name = "ds",
	.bit = BACKUPAPI_FAMILY_DS,
	.incremental = false,
	.tokens = true,
	.backup_prepare = prepare,
	.get_databases = get_databases,
	.get_logs = get_logs,
	.get_dynamic = NULL,
	.open = open_file,
	.read = read_file,
	.close = close_file,
	.truncate = truncate_logs,
	.backup_end = end_backup,
	.get_locations = get_locations,
	.free_list = free_list,
	.restore_prepare = prepare_restore,
	.restore_register = register_restore,
	.restore_complete = complete_restore,
	.restore_end = end_restore,
};

int main(int argc, char **argv)
{
	return program_main(&ds, argc, argv);
}
