/* Looking at every file finds databases whose first page is undamaged; the cache knows all
 * that are open in some process, whatever their files look like. Both are asked, so that no
 * database is left out of a backup without a word. (DB_ARCH_DATA would not do: it leaves out
 * what no log mentions any more, and reads all logs; measured, 150 MB a second.) */
#include "engine/bdb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/trace.h"
#include "engine/bdb_names.h"

struct collection {
	const struct bdb_env *env;
	struct names *paths;
};

/* What is behind a link would be missing from the backup; but the logs are not. */
static status refuse_link(const struct bdb_env *env, const char *path)
{
	if (bdb_same_directory(path, env->log_dir) || bdb_same_directory(path, env->home))
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
		"%s: a symbolic link among the databases: what is behind it would not be "
		"backed up",
		path);
}

static status keep_file(void *context, enum bdb_file what, const char *path)
{
	const struct collection *collection = context;
	struct names *paths = collection->paths;

	if (what == BDB_LINK)
		return refuse_link(collection->env, path);
	return what == BDB_DATABASE || what == BDB_PLAIN ? names_add(paths, path)
							 : STATUS_OK;
}

/* As bdb_walk sees it. */
static bool is_transient(const char *path)
{
	return bdb_file_of_name(strrchr(path, '/') + 1) == BDB_LEFTOVER ||
	       bdb_file_of_name(strrchr(path, '/') + 1) == BDB_REGION;
}

static bool is_below(const char *path, const char *dir)
{
	const size_t length = strlen(dir);

	return strncmp(path, dir, length) == 0 && path[length] == '/';
}

/* Files without a name on disk, and those that are gone again, are no concern. */
static status keep_open(const struct bdb_env *env, const char *name, struct names *paths)
{
	struct stat st;
	char *path;
	status rc = STATUS_OK;

	if (strncmp(name, "./", 2) == 0) /* a queue's extent */
		name += 2;
	if (asprintf(&path, "%s%s%s", *name == '/' ? "" : env->data,
		    *name == '/' ? "" : "/", name) < 0)
		return status_no_memory();
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && !is_transient(path)) {
		if (is_below(path, env->data))
			return names_take(paths, path);
		rc = status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
			"%s: a database of the environment, but not below %s", path,
			env->data);
	}
	free(path);
	return rc;
}

static status ask_cache(struct bdb_env *env, struct names *paths)
{
	DB_MPOOL_FSTAT **files = NULL;
	status rc = STATUS_OK;
	int code = env->handle->memp_stat(env->handle, NULL, &files, 0);

	if (code)
		return bdb_failure(env, code, env->home, "listing the databases");
	for (DB_MPOOL_FSTAT **file = files; file && *file && !failed(rc); file++)
		if ((*file)->file_name)
			rc = keep_open(env, (*file)->file_name, paths);
	free(files);
	return rc;
}

static status collect(struct bdb_env *env, struct names *paths)
{
	struct collection collection = {env, paths};
	status rc = ask_cache(env, paths);

	if (!failed(rc))
		rc = bdb_walk(env->data, keep_file, &collection);
	names_sort(paths);
	return rc;
}

/* It has no place in a set: what is restored there keeps relative paths below one directory,
 * which this one is outside of. */
static status warn_of_config(const struct bdb_env *env, const struct names *listed)
{
	char *path;

	if (bdb_same_directory(env->home, env->data))
		return STATUS_OK;
	if (asprintf(&path, "%s/DB_CONFIG", env->home) < 0)
		return status_no_memory();
	if (access(path, F_OK) == 0 && !names_contains(listed, path))
		trace(TRACE_ERROR,
			"%s: not part of the backup, unless the configuration names it "
			"as dynamic",
			path);
	free(path);
	return STATUS_OK;
}

status bdb_list_databases(struct bdb_env *env, struct engine_files *files)
{
	struct names paths = {0};
	status rc = collect(env, &paths);

	if (!failed(rc))
		rc = warn_of_config(env, &paths);

	for (size_t i = 0; i < paths.count && !failed(rc); i++) {
		struct stat st;

		if (stat(paths.items[i], &st) < 0)
			rc = errno == ENOENT ? STATUS_OK
					     : status_errno(errno, "%s", paths.items[i]);
		else
			rc = engine_files_add(files, paths.items[i], ENGINE_DATABASE, 0,
				(uint64_t)st.st_size);
	}
	names_free(&paths);
	return rc;
}
