#include "session/restore_request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/names.h"
#include "engine/engine.h"
#include "server/path.h"
#include "session/home.h"
#include "session/locations.h"
#include "session/staging.h"

status request_check(const struct server *server, const struct restore_request *q)
{
	if (q->low > q->high || (q->low == 0) != (q->high == 0))
		return status_fail(STATUS_WIN32(ERROR_INVALID_PARAMETER),
			"%s: %u to %u is no range of log generations", server->name,
			q->low, q->high);
	return STATUS_OK;
}

/* NULL stays NULL. */
static status optional_path(const struct server *server, const char *name, char **path)
{
	struct unc_scheme scheme = config_unc_scheme(server);

	return name ? unc_to_path(&scheme, name, path) : STATUS_OK;
}

/* ---- the map ---- */

static bool is_listed_directory(const struct server *server, const char *path)
{
	const struct store_config *store = &server->store;

	if (strcmp(path, store->log_dir) == 0 || strcmp(path, store->system_dir) == 0 ||
		(store->ese_dir && strcmp(path, store->ese_dir) == 0))
		return true;
	for (size_t i = 0; i < store->databases.count; i++)
		if (strcmp(path, store->databases.items[i]) == 0 &&
			config_is_directory(store, path))
			return true;
	return false;
}

/* An ordinary user restores what the configuration calls the store, nothing else. */
static status check_target(const struct server *server, const char *path)
{
	if (geteuid() == 0 || locations_inside(server, path))
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
		"%s: outside the configured directories of %s", path, server->name);
}

static status add_map_entry(const struct server *server, struct registration *reg,
	const char *old_name, const char *new_name)
{
	struct unc_scheme scheme = config_unc_scheme(server);
	char *old_path = NULL, *new_path = NULL;
	status rc;

	if (!old_name || !new_name)
		return status_fail(STATUS_WIN32(ERROR_INVALID_PARAMETER),
			"%s: a restore map entry without a name", server->name);
	rc = unc_to_path(&scheme, old_name, &old_path);
	if (!failed(rc) && is_listed_directory(server, old_path))
		goto out;
	if (!failed(rc))
		rc = unc_to_path(&scheme, new_name, &new_path);
	if (!failed(rc))
		rc = check_target(server, new_path);
	if (!failed(rc))
		rc = registration_add_target(reg, old_path, new_path);
out:
	free(old_path);
	free(new_path);
	return rc;
}

/* Two databases that go to one place would overwrite each other. */
static status check_distinct(const struct server *server, const struct registration *reg)
{
	struct names places = {0};
	status rc = STATUS_OK;

	for (size_t i = 0; i < reg->target_count && !failed(rc); i++)
		rc = names_add(&places, reg->targets[i].new_path);
	if (!failed(rc)) {
		names_sort(&places);
		if (places.count != reg->target_count)
			rc = status_fail(STATUS_WIN32(ERROR_INVALID_PARAMETER),
				"%s: the restore map sends two databases to one place",
				server->name);
	}
	names_free(&places);
	return rc;
}

/* ---- the directories ---- */

static status check_log_path(const struct server *server, const char *log_path)
{
	char *file;
	status rc;

	if (!log_path || geteuid() == 0)
		return STATUS_OK;
	if (asprintf(&file, "%s/log", log_path) < 0)
		return status_no_memory();
	rc = check_target(server, file);
	free(file);
	return rc;
}

static status check_home(const struct server *server, const struct engine *engine,
	const struct registration *reg)
{
	char *home = NULL, *log_dir = NULL;
	status rc = home_find(server, engine, reg, &home);

	if (!failed(rc))
		rc = home_log_dir(server, engine, reg, home, &log_dir);
	free(home);
	free(log_dir);
	return rc;
}

/* What an engine that is configured by name demands of a map. */
static status check_engine(const struct server *server, const struct registration *reg)
{
	const struct engine *engine;
	status rc;

	if (strcmp(server->store.engine, "auto") == 0)
		return STATUS_OK;
	rc = engine_find(&server->store, &engine);
	if (!failed(rc) && (engine->traits & ENGINE_LOGS))
		rc = check_log_path(server, reg->log_path);
	return failed(rc) ? rc : check_home(server, engine, reg);
}

/* ---- the request ---- */

/* One that only repeats the default says nothing: by the time of recovery, what the restore
 * tool puts into the directories may have made another place the default. */
static void forget_default(char **path, bool given, const char *dir)
{
	if (given || !*path || strcmp(*path, dir) != 0)
		return;
	free(*path);
	*path = NULL;
}

static status read_directories(const struct server *server,
	const struct restore_request *q, struct registration *reg)
{
	const struct store_config *store = &server->store;
	status rc = optional_path(server, q->checkpoint_path, &reg->checkpoint_path);

	if (!failed(rc))
		rc = optional_path(server, q->log_path, &reg->log_path);
	if (failed(rc))
		return rc;
	forget_default(&reg->checkpoint_path, store->system_dir_given, store->system_dir);
	forget_default(&reg->log_path, store->log_dir_given, store->log_dir);
	return STATUS_OK;
}

status request_read(const struct server *server, const struct restore_request *q,
	struct registration *reg)
{
	status rc = read_directories(server, q, reg);

	reg->maker = geteuid();
	reg->maker_group = getegid();
	for (size_t i = 0; i < q->map_count && !failed(rc); i++)
		rc = add_map_entry(server, reg, q->old_names[i], q->new_names[i]);
	if (!failed(rc))
		rc = check_distinct(server, reg);
	return failed(rc) ? rc : check_engine(server, reg);
}

status request_check_in_store(const struct server *server)
{
	const struct store_config *store = &server->store;
	const char *database = store->databases.items[0];
	struct stat st;

	if (strcmp(store->engine, "auto") != 0 || path_is_glob(database) ||
		stat(database, &st) == 0)
		return STATUS_OK;
	if (errno != ENOENT && errno != ENOTDIR)
		return status_errno(errno, "%s", database);
	return status_fail(STATUS_WIN32(ERROR_PATH_NOT_FOUND),
		"%s: missing, so that a registration in the store has no certain place: "
		"make the directory or file ahead of registering, or have the "
		"configuration name the engine",
		database);
}

/* Recovery keeps its own copies straight in such a directory. */
static status check_backup_log_path(const char *path)
{
	const char *name = path ? strrchr(path, '/') + 1 : "";

	if (strcmp(name, STAGING_DIR) != 0)
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_INVALID_PARAMETER),
		"%s: logs are to be staged in a directory below this one", path);
}

status request_add_logs(const struct server *server, const struct restore_request *q,
	struct registration *reg)
{
	char *path = NULL;
	status rc = optional_path(server, q->backup_log_path, &path);

	if (!failed(rc))
		rc = check_backup_log_path(path);
	if (!failed(rc))
		rc = registration_add_logs(reg, path, q->low, q->high);
	free(path);
	return rc;
}
