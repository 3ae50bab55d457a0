/*
 * certbackup - backup and restore of a certification authority, through CertSrv*
 *
 * All that is particular to this program: which function of certbcli.h does which step.
 */
#include <stdlib.h>

#include <certbcli.h>

#include "common/mem.h"
#include "common/program.h"

static int32_t prepare(
	const WCHAR *server, bool incremental, struct token *token, void **session)
{
	token->data = NULL;
	token->size = 0;
	return CertSrvBackupPrepare(server, 0,
		incremental ? CSBACKUP_TYPE_LOGS_ONLY : CSBACKUP_TYPE_FULL, session);
}

static int32_t get_databases(void *session, WCHAR **list, uint32_t *size)
{
	return CertSrvBackupGetDatabaseNames(session, list, size);
}

static int32_t get_logs(void *session, WCHAR **list, uint32_t *size)
{
	return CertSrvBackupGetBackupLogs(session, list, size);
}

static int32_t get_dynamic(void *session, WCHAR **list, uint32_t *size)
{
	return CertSrvBackupGetDynamicFileList(session, list, size);
}

static int32_t open_file(void *session, const WCHAR *name, uint32_t hint, uint64_t *size)
{
	LARGE_INTEGER value = {.QuadPart = 0};
	int32_t rc = CertSrvBackupOpenFile(session, name, hint, &value);

	*size = (uint64_t)value.QuadPart;
	return rc;
}

static int32_t read_file(void *session, void *buffer, uint32_t size, uint32_t *got)
{
	return CertSrvBackupRead(session, buffer, size, got);
}

static int32_t close_file(void *session)
{
	return CertSrvBackupClose(session);
}

static int32_t truncate_logs(void *session)
{
	return CertSrvBackupTruncateLogs(session);
}

static int32_t end_backup(void *session)
{
	return CertSrvBackupEnd(session);
}

static int32_t get_locations(void *session, WCHAR **list, uint32_t *size)
{
	return CertSrvRestoreGetDatabaseLocations(session, list, size);
}

static void free_list(void *list)
{
	CertSrvBackupFree(list);
}

static int32_t prepare_restore(
	const WCHAR *server, const struct token *token, void **session)
{
	(void)token;
	return CertSrvRestorePrepare(server, CSRESTORE_TYPE_FULL, session);
}

static int32_t register_restore(void *session, const struct registration *r)
{
	CSEDB_RSTMAPW *map = r->map ? xmalloc(r->map_count * sizeof(*map)) : NULL;
	int32_t rc;

	for (size_t i = 0; i < r->map_count; i++) {
		map[i].pwszDatabaseName = r->map[i].old_name;
		map[i].pwszNewDatabaseName = r->map[i].new_name;
	}
	rc = CertSrvRestoreRegister(session, r->checkpoint_path, r->log_path, map,
		(LONG)r->map_count, r->backup_log_path, r->low, r->high);
	free(map);
	return rc;
}

static int32_t complete_restore(void *session, int32_t result)
{
	return CertSrvRestoreRegisterComplete(session, result);
}

static int32_t end_restore(void *session)
{
	return CertSrvRestoreEnd(session);
}

static const struct family certsrv = {
	.program = "certbackup",
	.purpose = "Backs up and restores certification authorities through the CertSrv "
		   "functions.",
	.name = "certsrv",
	.bit = BACKUPAPI_FAMILY_CERTSRV,
	.incremental = true,
	.tokens = false,
	.backup_prepare = prepare,
	.get_databases = get_databases,
	.get_logs = get_logs,
	.get_dynamic = get_dynamic,
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
	return program_main(&certsrv, argc, argv);
}
