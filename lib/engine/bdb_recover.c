/* Catastrophic recovery: all logs are replayed, from the first one on, over databases that
 * may be of any age since then. The environment is private to this process, so that no
 * region files are left behind. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/bdb.h"
#include "engine/bdb_confine.h"
#include "engine/bdb_log.h"
#include "engine/bdb_names.h"

enum { CACHE_SIZE = 16 << 20, CONFIG_LIMIT = 1 << 20 };

/* ---- one database ---- */

/* A server may order keys in ways of its own, which are not known here. */
static status verify_with(DB_ENV *handle, struct bdb_env *env, const char *path)
{
	DB *db;
	int code = db_create(&db, handle, 0);

	if (code)
		return bdb_failure(env, code, path, "no handle");
	if (!handle) {
		env->handle = db->get_env(db);
		bdb_listen(env);
		db->set_errcall(db, env->handle->db_errcall);
		code = db->set_cachesize(db, 0, CACHE_SIZE, 1);
	}
	if (code)
		(void)db->close(db, 0);
	else
		code = db->verify(db, path, NULL, NULL, DB_NOORDERCHK); /* closes it */
	if (code == ENOENT || code == EACCES || code == ENOMEM || code == EIO || !code)
		return code ? bdb_failure(env, code, path, "checking it") : STATUS_OK;
	return bdb_failure(env, DB_VERIFY_BAD, path, "checking it");
}

struct check {
	const struct hosted_engine *host;
	struct bdb_env *env;
	struct names checked;
};

static bool is_extent(const char *path)
{
	return bdb_file_of_name(strrchr(path, '/') + 1) == BDB_DATABASE;
}

static status check_database(struct check *check, const char *path)
{
	if (check->host->caller_gone(check->host->context))
		return status_fail(
			STATUS_WIN32(ERROR_CANCELLED), "%s: check given up", path);
	return verify_with(check->env->handle, check->env, path);
}

static status check_file(void *context, enum bdb_file what, const char *path)
{
	struct check *check = context;
	status rc;

	if (what != BDB_DATABASE || is_extent(path))
		return STATUS_OK;
	rc = check_database(check, path);
	return failed(rc) ? rc : names_add(&check->checked, path);
}

/* A database whose first page is damaged does not look like one. */
static status check_restored(struct check *check, const char *path)
{
	struct stat st;

	if (bdb_file_of_name(strrchr(path, '/') + 1) != BDB_OTHER ||
		names_contains(&check->checked, path))
		return STATUS_OK;
	if (lstat(path, &st) < 0) /* replay may remove it */
		return errno == ENOENT ? STATUS_OK : status_errno(errno, "%s", path);
	if (st.st_size == 0)
		return status_fail(hrDatabaseCorrupted, "%s: it is empty", path);
	return check_database(check, path);
}

static status check_all(struct check *check, const struct names *restored)
{
	status rc = bdb_walk(check->env->home, check_file, check);

	names_sort(&check->checked);
	for (size_t i = 0; i < restored->count && !failed(rc); i++)
		rc = check_restored(check, restored->items[i]);
	names_free(&check->checked);
	return rc;
}

/* ---- the environment ---- */

static status set_up(struct bdb_env *env)
{
	int code = db_env_create(&env->handle, 0);

	if (code) {
		env->handle = NULL;
		return bdb_failure(env, code, env->home, "no handle");
	}
	bdb_listen(env);
	code = env->handle->set_cachesize(env->handle, 0, CACHE_SIZE, 1);
	if (!code)
		code = env->handle->set_tmp_dir(env->handle, env->home);
	if (!code && strcmp(env->home, env->log_dir) != 0)
		code = env->handle->set_lg_dir(env->handle, env->log_dir);
	return code ? bdb_failure(env, code, env->home, "recovery") : STATUS_OK;
}

/* What libdb says of broken logs is DB_RUNRECOVERY as well. */
static status replay(struct bdb_env *env)
{
	const int code = env->handle->open(env->handle, env->home,
		DB_CREATE | DB_PRIVATE | DB_INIT_LOCK | DB_INIT_LOG | DB_INIT_MPOOL |
			DB_INIT_TXN | DB_RECOVER_FATAL,
		bdb_file_mode(env->log_dir));

	return code ? bdb_failure(env, code, env->home, "replaying the logs") : STATUS_OK;
}

/* The value of KEY in LINE, a line of a DB_CONFIG, cut out of it; NULL: it is of another. */
static char *value_in(char *line, const char *key)
{
	char *value;

	line += strspn(line, " \t");
	if (strncmp(line, key, strlen(key)) != 0 || !line[strlen(key)] ||
		!strchr(" \t", line[strlen(key)]))
		return NULL;
	value = line + strlen(key);
	value += strspn(value, " \t");
	for (size_t n = strlen(value); n && strchr(" \t\r", value[n - 1]); n--)
		value[n - 1] = '\0';
	return value;
}

/* Is DIR, as DB_CONFIG names it, the one that was restored to? */
static status check_dir(const struct bdb_env *env, const char *dir, const char *restored,
	const char *what)
{
	char *path;
	status rc = STATUS_OK;

	if (asprintf(&path, "%s%s%s", *dir == '/' ? "" : env->home,
		    *dir == '/' ? "" : "/", dir) < 0)
		return status_no_memory();
	if (!bdb_same_directory(path, restored))
		rc = status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
			"%s: its DB_CONFIG says that the %s are in %s, but they were "
			"restored to %s",
			env->home, what, path, restored);
	free(path);
	return rc;
}

/* Of several set_lg_dir the last one counts; each data directory is one more. */
static status check_dirs(const struct bdb_env *env, char *text)
{
	const char *log_dir = NULL;
	char *rest = NULL;
	status rc = STATUS_OK;

	for (char *line = strtok_r(text, "\n", &rest); line && !failed(rc);
		line = strtok_r(NULL, "\n", &rest)) {
		const char *logs = value_in(line, "set_lg_dir");
		const char *data = value_in(line, "set_data_dir");

		if (!data)
			data = value_in(line, "add_data_dir");
		if (logs)
			log_dir = logs;
		if (data)
			rc = check_dir(env, data, env->home, "databases");
	}
	return failed(rc) || !log_dir ? rc
				      : check_dir(env, log_dir, env->log_dir, "logs");
}

/* A DB_CONFIG is stronger than what libdb is told, for the server too: it would not find what
 * was restored. */
static status check_config(const struct bdb_env *env)
{
	char *text;
	size_t size;
	int dirfd;
	status rc = file_open_dir(env->home, FILE_TRUSTED, &dirfd);

	if (failed(rc))
		return rc;
	rc = file_read_at(dirfd, "DB_CONFIG", CONFIG_LIMIT, &text, &size, NULL);
	(void)close(dirfd);
	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		return STATUS_OK;
	if (failed(rc))
		return rc;
	rc = check_dirs(env, text);
	free(text);
	return rc;
}

/* Then what is in the databases does not hang on the logs any more. */
static status settle(struct bdb_env *env)
{
	int code = env->handle->log_set_config(env->handle, DB_LOG_AUTO_REMOVE, 0);

	if (!code)
		code = env->handle->txn_checkpoint(env->handle, 0, 0, DB_FORCE);
	return code ? bdb_failure(env, code, env->home, "checkpoint") : STATUS_OK;
}

/* Is there a file in HOME that may be NAME, of another place: by the end of its path? */
static status find_moved(const char *home, const char *name, bool *found)
{
	*found = false;
	for (; name && !*found; name = strchr(name + 1, '/')) {
		char *path;

		if (asprintf(&path, "%s%s", home, name) < 0)
			return status_no_memory();
		*found = access(path, F_OK) == 0;
		free(path);
	}
	return STATUS_OK;
}

struct opened_log {
	const char *path, *home;
};

/* libdb looks for a database where it was when the server opened it. It opens one that it was
 * told by its full path where the path says, whatever directory is recovered; measured with
 * 5.3.28: where there is none, its changes are passed over, and all that is called
 * recovered. That is right for one that was gone when the backup was taken. */
static status check_name(void *context, const char *name, bool opened)
{
	const struct opened_log *log = context;
	bool moved = true;
	status rc = STATUS_OK;

	if (*name != '/' || bdb_is_confined(name))
		return STATUS_OK;
	if (opened)
		rc = find_moved(log->home, name, &moved);
	if (failed(rc) || !moved)
		return rc;
	return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
		"%s: the server opened a database by its full path, %s: it can be "
		"restored to that place only",
		log->path, name);
}

static status check_opened_log(const struct bdb_env *env, const char *path)
{
	struct opened_log log = {path, env->home};
	struct stat st;
	int fd;
	status rc = file_open_regular(path, FILE_TRUSTED, &fd, &st);

	if (status_is_missing(rc))
		return status_fail(
			hrMissingRestoreLogFiles, "%s: not there to be replayed", path);
	if (failed(rc))
		return rc;
	rc = bdb_log_names(fd, path, (uint64_t)st.st_size, check_name, &log);
	(void)close(fd);
	return rc;
}

static status check_log(const struct bdb_env *env, uint32_t generation)
{
	char *name = bdb_log_name(generation), *path = NULL;
	status rc;

	if (!name || asprintf(&path, "%s/%s", env->log_dir, name) < 0) {
		free(name);
		return status_no_memory();
	}
	rc = check_opened_log(env, path);
	free(path);
	free(name);
	return rc;
}

/* Where there is none, libdb begins a new log and calls that recovered. */
static status check_logs(const struct bdb_env *env, uint32_t low, uint32_t high)
{
	uint32_t generation = low;
	status rc;

	do
		rc = check_log(env, generation);
	while (!failed(rc) && generation++ < high);
	return rc;
}

static status recover_env(const struct hosted_engine *host, struct bdb_env *env,
	const struct engine_recovery *recovery)
{
	struct check check = {.host = host, .env = env};
	status rc = check_config(env);
	int code;

	if (!failed(rc))
		rc = check_logs(env, recovery->low, recovery->high);
	if (!failed(rc))
		rc = set_up(env);
	if (!failed(rc))
		rc = replay(env);
	if (!failed(rc))
		rc = settle(env);
	if (!failed(rc))
		rc = check_all(&check, recovery->databases);
	if (!env->handle)
		return rc;
	code = env->handle->close(env->handle, 0);
	return code && !failed(rc) ? bdb_failure(env, code, env->home, "closing it") : rc;
}

status bdb_recover(const struct engine *engine, const struct store_config *store,
	const struct engine_recovery *recovery)
{
	const char *home = recovery->home ? recovery->home : store->databases.items[0];
	struct bdb_env env = {0};
	status rc;

	if (recovery->low == 0)
		return status_fail(hrMissingRestoreLogFiles,
			"%s: a backup of Berkeley DB can be used with its logs only",
			home);
	env.home = strdup(home);
	env.log_dir = strdup(recovery->log_dir ? recovery->log_dir : home);
	rc = env.home && env.log_dir ? bdb_confine(env.home, env.log_dir)
				     : status_no_memory();
	if (!failed(rc))
		rc = recover_env(hosted_engine(engine), &env, recovery);
	bdb_release();
	free(env.home);
	free(env.log_dir);
	return rc;
}

/* ---- a file by itself ---- */

static status verify_log(const char *path, bool part)
{
	struct bdb_log_shape shape;
	struct stat st;
	int fd;
	status rc = file_open_regular(path, FILE_TRUSTED, &fd, &st);

	if (failed(rc))
		return rc;
	rc = bdb_log_check(fd, path, (uint64_t)st.st_size,
		part ? BDB_LOG_PART : BDB_LOG_ZEROS, &shape);
	(void)close(fd);
	return rc;
}

status bdb_verify(const struct engine *engine, const char *path)
{
	const char *name = strrchr(path, '/');
	struct bdb_env env = {0};
	uint32_t generation;
	bool part;

	(void)engine;
	name = name ? name + 1 : path;
	if (bdb_log_generation(name, &generation, &part, NULL))
		return verify_log(path, part);
	if (bdb_file_of_name(name) != BDB_OTHER)
		return STATUS_OK; /* an extent of a queue, or text */
	return verify_with(NULL, &env, path);
}
