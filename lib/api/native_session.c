/* Sessions and restores beyond what the Windows functions offer. */
#include <backupapi/backupapi.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "api/argument.h"
#include "api/bcli.h"
#include "api/native.h"
#include "base/handle.h"
#include "engine/engine.h"
#include "session/backup.h"
#include "session/recover.h"
#include "session/restore.h"
#include "session/staging.h"

int32_t backupapi_backup_abandon(void *handle)
{
	const unsigned kinds =
		HANDLE_MASK(HANDLE_CERTSRV_BACKUP) | HANDLE_MASK(HANDLE_DS_BACKUP);
	struct bcli_backup *backup;

	status_begin();
	backup = handle_retire(kinds, handle, NULL);
	if (!backup)
		return status_publish(status_fail(STATUS_WIN32(ERROR_INVALID_HANDLE),
			"handle %p: not a live backup handle of this process", handle));
	return status_publish(bcli_end(backup, false));
}

static int32_t with_server(const char *name, status (*call)(const struct server *))
{
	struct server *server;
	status rc;

	status_begin();
	rc = server_find(FAMILY_ANY, name, &server);
	if (!failed(rc)) {
		rc = call(server);
		server_free(server);
	}
	return status_publish(rc);
}

int32_t backupapi_recover(const char *server)
{
	return with_server(server, recover_store);
}

int32_t backupapi_cancel_restore(const char *server)
{
	return with_server(server, restore_cancel);
}

static bool names_a_file(const char *path)
{
	const char *name = strrchr(path, '/');

	return path[0] == '/' && name[1] != '\0' && strcmp(name, "/.") != 0 &&
	       strcmp(name, "/..") != 0;
}

char *backupapi_restore_staging_path(const char *path)
{
	char *block = NULL;
	status rc;

	status_begin();
	if (!path)
		rc = argument_invalid(__func__, "path is NULL");
	else if (!names_a_file(path))
		rc = status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
			"%s: not the absolute path of a file", path);
	else
		rc = native_string(staging_path(path), &block);
	(void)status_publish(rc);
	return block;
}

static status verify(const char *name, const char *path)
{
	const struct engine *engine;
	status rc;

	if (access(path, R_OK) < 0)
		return status_errno(errno, "%s", path);
	rc = engine_for_file(name, path, &engine);
	if (failed(rc))
		return rc;
	return engine->verify ? engine->verify(engine, path) : S_FALSE;
}

int32_t backupapi_verify_file(const char *engine, const char *path)
{
	status_begin();
	return status_publish(
		path ? verify(engine, path) : argument_invalid(__func__, "path is NULL"));
}
