/* What is joined here is somebody's live environment: it is looked at closely before
 * anything is written to its log, because libdb stops the whole environment when a log is
 * not where it expects it. */
#include "engine/bdb.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/bdb_names.h"

#define FIRST_REGION "__db.001"

/* ---- what libdb says ---- */

static void hear(const DB_ENV *handle, const char *prefix, const char *message)
{
	struct bdb_env *env = handle->app_private;
	const size_t used = strlen(env->said);

	(void)prefix;
	(void)snprintf(env->said + used, sizeof(env->said) - used, "%s%s",
		used ? "; " : "", message);
}

static void ignore_message(const DB_ENV *handle, const char *message)
{
	(void)handle;
	(void)message;
}

void bdb_listen(struct bdb_env *env)
{
	env->handle->app_private = env;
	env->handle->set_errcall(env->handle, hear);
	env->handle->set_msgcall(env->handle, ignore_message);
}

static const struct {
	int code;
	status rc;
} codes[] = {
	{DB_RUNRECOVERY, hrDatabaseInconsistent},
	{DB_VERSION_MISMATCH, hrCouldNotConnect},
	{DB_OLD_VERSION, hrDatabaseCorrupted},
	{DB_VERIFY_BAD, hrDatabaseCorrupted},
	{DB_SECONDARY_BAD, hrDatabaseCorrupted},
	{DB_PAGE_NOTFOUND, hrDatabaseCorrupted},
	{DB_LOG_VERIFY_BAD, hrLogFileCorrupt},
	{DB_LOCK_DEADLOCK, STATUS_WIN32(ERROR_BUSY)},
	{DB_LOCK_NOTGRANTED, STATUS_WIN32(ERROR_BUSY)},
	{DB_LOG_BUFFER_FULL, STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY)},
	{DB_REP_HANDLE_DEAD, STATUS_WIN32(ERROR_BUSY)},
	{DB_REP_LOCKOUT, STATUS_WIN32(ERROR_BUSY)},
	{DB_REP_LEASE_EXPIRED, STATUS_WIN32(ERROR_BUSY)},
	{DB_REP_UNAVAIL, STATUS_WIN32(ERROR_BUSY)},
};

static status status_of(int code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return codes[i].rc;
	return code > 0 ? status_from_errno(code) : STATUS_WIN32(ERROR_GEN_FAILURE);
}

status bdb_failure(struct bdb_env *env, int code, const char *path, const char *what)
{
	status rc = status_fail(status_of(code), "%s: %s: %s%s%s", path, what, env->said,
		*env->said ? "; " : "", db_strerror(code));

	*env->said = '\0';
	return rc;
}

/* ---- where things are ---- */

static status stat_region(const struct bdb_env *env, struct stat *st)
{
	char *path;
	int err;

	if (asprintf(&path, "%s/" FIRST_REGION, env->home) < 0)
		return status_no_memory();
	err = stat(path, st) < 0 ? errno : 0;
	free(path);
	if (err == ENOENT || err == ENOTDIR)
		return status_fail(hrCouldNotConnect,
			"%s: nobody has a Berkeley DB environment open there "
			"(no " FIRST_REGION "); the server must run, and region_dir must "
			"name the directory of "
			"its region files",
			env->home);
	return err ? status_errno(err, "%s/" FIRST_REGION, env->home) : STATUS_OK;
}

status bdb_still_joined(const struct bdb_env *env)
{
	struct stat st;
	status rc = stat_region(env, &st);

	if (!failed(rc) && st.st_dev == env->region_device &&
		st.st_ino == env->region_inode)
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_INVALID_STATE),
		"%s: the server was restarted since the backup began", env->home);
}

/* Its generation; 0: there is none. */
static uint32_t find_newest_log(const char *log_dir, struct stat *newest)
{
	DIR *stream = opendir(log_dir);
	const struct dirent *entry;
	uint32_t found = 0, generation;
	struct stat st;

	while (stream && (entry = readdir(stream)) != NULL) {
		if (!bdb_log_generation(entry->d_name, &generation, NULL, NULL) ||
			generation < found ||
			fstatat(dirfd(stream), entry->d_name, &st, 0) < 0)
			continue;
		found = generation;
		*newest = st;
	}
	if (stream)
		(void)closedir(stream);
	return found;
}

int bdb_file_mode(const char *log_dir)
{
	struct stat st;

	return find_newest_log(log_dir, &st) ? (int)(st.st_mode & 0666) : 0600;
}

bool bdb_same_directory(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static status note_places(const struct store_config *store, struct bdb_env *env)
{
	const char *data = store->databases.count ? store->databases.items[0] : NULL;

	if (store->databases.count != 1)
		return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
			"%s: for engine bdb, `database` names one directory",
			data ? data : "store");
	env->data = strdup(data);
	env->home = strdup(store->region_dir ? store->region_dir : data);
	env->log_dir = strdup(store->log_dir ? store->log_dir : data);
	return env->data && env->home && env->log_dir ? STATUS_OK : status_no_memory();
}

/* ---- is it one to be joined? ---- */

/* A log that this process began would be its user's, and the server could not go on. */
static status check_owner(const struct bdb_env *env, const struct stat *region)
{
	struct stat st = *region;
	char *path = NULL, *name = NULL;
	uint32_t newest = find_newest_log(env->log_dir, &st);
	status rc;

	if (st.st_uid == geteuid())
		return STATUS_OK;
	name = newest ? bdb_log_name(newest) : strdup(FIRST_REGION);
	if (!name ||
		asprintf(&path, "%s/%s", newest ? env->log_dir : env->home, name) < 0)
		rc = status_no_memory();
	else
		rc = status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"%s: it belongs to the user %lu, but the store worker is the "
			"user "
			"%lu: logs made by another user stop the server",
			path, (unsigned long)st.st_uid, (unsigned long)geteuid());
	free(name);
	free(path);
	return rc;
}

/* DB_CONFIG may move the logs, and is stronger than what was set here. */
static status check_log_dir(struct bdb_env *env)
{
	const char *dir = NULL;
	char *path;
	bool same;

	if (env->handle->get_lg_dir(env->handle, &dir) || !dir)
		dir = env->home;
	if (asprintf(&path, "%s%s%s", *dir == '/' ? "" : env->home,
		    *dir == '/' ? "" : "/", dir) < 0)
		return status_no_memory();
	same = bdb_same_directory(path, env->log_dir);
	if (!same)
		(void)status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
			"%s: DB_CONFIG says that the logs are in %s, but the "
			"configuration "
			"says log_dir = %s",
			env->home, path, env->log_dir);
	free(path);
	return same ? STATUS_OK : STATUS_WIN32(ERROR_BAD_CONFIGURATION);
}

/* What DB_CONFIG or the server adds would be left out of the backup. */
static status check_data_dirs(struct bdb_env *env)
{
	const char **dirs = NULL;
	status rc = STATUS_OK;

	if (env->handle->get_data_dirs(env->handle, &dirs))
		return STATUS_OK;
	for (size_t i = 0; dirs && dirs[i] && !failed(rc); i++) {
		char *path;

		if (asprintf(&path, "%s%s%s", *dirs[i] == '/' ? "" : env->home,
			    *dirs[i] == '/' ? "" : "/", dirs[i]) < 0)
			return status_no_memory();
		if (!bdb_same_directory(path, env->data) &&
			!bdb_same_directory(path, env->home))
			rc = status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
				"%s: the environment %s keeps databases in a second "
				"directory, which is not backed up",
				path, env->home);
		free(path);
	}
	return rc;
}

/* Whoever wrote to a log that is somewhere else would make one here, and the server would
 * not find its own any more. */
static status check_log_there(struct bdb_env *env)
{
	DB_LOG_STAT *stat_of_log;
	char *name = NULL, *path = NULL;
	struct stat st;
	uint32_t file, length;
	status rc = STATUS_OK;
	int code = env->handle->log_stat(env->handle, &stat_of_log, 0);

	if (code)
		return bdb_failure(env, code, env->home, "reading the log's state");
	file = stat_of_log->st_disk_file;
	length = stat_of_log->st_disk_offset;
	free(stat_of_log);
	if (file == 0)
		return STATUS_OK; /* no log was written yet */
	name = bdb_log_name(file);
	if (!name || asprintf(&path, "%s/%s", env->log_dir, name) < 0)
		rc = status_no_memory();
	else if (stat(path, &st) < 0 || (uint64_t)st.st_size < length)
		rc = status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
			"%s: the environment %s writes its logs elsewhere; log_dir must "
			"name that directory",
			path, env->home);
	free(name);
	free(path);
	return rc;
}

static status check_kind(struct bdb_env *env)
{
	u_int32_t flags = 0;
	int in_memory = 0;

	if (env->handle->get_open_flags(env->handle, &flags) || !(flags & DB_INIT_TXN) ||
		!(flags & DB_INIT_LOG) || !(flags & DB_INIT_MPOOL))
		return status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
			"%s: an environment without transactions cannot be backed up "
			"while "
			"it is open",
			env->home);
	if (env->handle->log_get_config(env->handle, DB_LOG_IN_MEMORY, &in_memory) == 0 &&
		in_memory)
		return status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
			"%s: its logs are in memory only", env->home);
	return STATUS_OK;
}

/* ---- joining ---- */

static int set_places(struct bdb_env *env)
{
	DB_ENV *handle = env->handle;
	int code = 0;

	if (strcmp(env->home, env->data) != 0)
		code = handle->add_data_dir(handle, env->data);
	if (!code && strcmp(env->home, env->log_dir) != 0)
		code = handle->set_lg_dir(handle, env->log_dir);
	return code;
}

static status open_handle(struct bdb_env *env)
{
	int code = db_env_create(&env->handle, 0);

	if (code) {
		env->handle = NULL;
		return bdb_failure(env, code, env->home, "no handle");
	}
	bdb_listen(env);
	code = set_places(env);
	if (!code)
		code = env->handle->open(
			env->handle, env->home, DB_THREAD, bdb_file_mode(env->log_dir));
	if (!code)
		return STATUS_OK;
	if (code == EAGAIN || code == EINVAL || code == ENOENT) {
		return status_fail(hrCouldNotConnect,
			"%s: the environment cannot be joined: %s%s%s", env->home,
			env->said, *env->said ? "; " : "", db_strerror(code));
	}
	return bdb_failure(env, code, env->home, "joining the environment");
}

status bdb_locate(const struct store_config *store, struct bdb_env *env)
{
	struct stat st;
	status rc;

	*env = (struct bdb_env){0};
	rc = note_places(store, env);
	if (!failed(rc))
		rc = stat_region(env, &st);
	if (failed(rc))
		return rc;
	env->region_device = st.st_dev;
	env->region_inode = st.st_ino;
	return check_owner(env, &st);
}

status bdb_join(struct bdb_env *env)
{
	status rc = open_handle(env);

	if (!failed(rc))
		rc = bdb_still_joined(env);
	if (!failed(rc))
		rc = check_kind(env);
	if (!failed(rc))
		rc = check_log_dir(env);
	if (!failed(rc))
		rc = check_data_dirs(env);
	if (failed(rc))
		return rc;
	rc = check_log_there(env);
	/* The server may have begun another log, and put that one away, between two looks. */
	return rc == STATUS_WIN32(ERROR_BAD_CONFIGURATION) ? check_log_there(env) : rc;
}

/* One session a process, so one at the most; kept where leak checkers see it. */
static DB_ENV *volatile abandoned;

/* Also a handle whose open failed must be closed. One of an environment that is no more is
 * left as it is until the process ends: closing writes. */
void bdb_leave(struct bdb_env *env)
{
	DB_ENV *handle = env->handle;

	env->handle = NULL;
	if (handle && failed(bdb_still_joined(env)))
		abandoned = handle;
	else if (handle)
		(void)handle->close(handle, 0);
}

void bdb_env_free(struct bdb_env *env)
{
	free(env->home);
	free(env->data);
	free(env->log_dir);
	*env = (struct bdb_env){0};
}
