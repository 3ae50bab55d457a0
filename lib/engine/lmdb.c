/* A session holds nothing of the environment any more once begin returns: the copies are
 * in the spool. */
#include "engine/lmdb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/lmdb_caller.h"
#include "engine/mdb_check.h"
#include "engine/mdb_copy.h"

struct engine_session {
	const struct spool *spool;
};

struct environments {
	const struct store_config *store;
	struct lmdb_frozen **items; /* one for each of the store's databases */
	char **paths;               /* of their data files */
};

/* ---- freezing ---- */

/* `database` is the environment's directory, or its one file. */
static status freeze_one(const char *name, char **path, struct lmdb_frozen **frozen)
{
	struct stat st;

	if (stat(name, &st) < 0)
		return status_errno(errno, "%s", name);
	if (!S_ISDIR(st.st_mode)) {
		*path = strdup(name);
	} else if (asprintf(path, "%s/" LMDB_DATA_NAME, name) < 0) {
		*path = NULL;
	}
	if (!*path)
		return status_no_memory();
	return lmdb_freeze(*path, name, !S_ISDIR(st.st_mode), frozen);
}

static status freeze(struct environments *environments)
{
	const struct names *databases = &environments->store->databases;
	status rc = STATUS_OK;

	environments->items = calloc(databases->count, sizeof(struct lmdb_frozen *));
	environments->paths = calloc(databases->count, sizeof(char *));
	if (!environments->items || !environments->paths)
		return status_no_memory();
	for (size_t i = 0; i < databases->count && !failed(rc); i++)
		rc = freeze_one(databases->items[i], &environments->paths[i],
			&environments->items[i]);
	return rc;
}

static void thaw(struct environments *environments)
{
	size_t count = environments->store->databases.count;

	for (size_t i = 0; i < count && environments->items && environments->paths; i++) {
		lmdb_thaw(environments->items[i]);
		free(environments->paths[i]);
	}
	free(environments->paths);
	free(environments->items);
}

/* ---- copying ---- */

static bool is_info(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && strcmp(slash + 1, LMDB_INFO_NAME) == 0;
}

static status copy_info(const struct hosted_engine *host, const char *path)
{
	struct stat st;
	uint64_t copied;
	int fd;
	status rc = file_open_regular(path, FILE_TRUSTED, &fd, &st);

	if (failed(rc))
		return rc;
	rc = spool_copy(host->spool, path, fd, (uint64_t)st.st_size, &copied);
	(void)close(fd);
	return rc;
}

static status copy_file(const struct hosted_engine *host,
	const struct environments *environments, const char *path)
{
	const struct names *databases = &environments->store->databases;

	for (size_t i = 0; i < databases->count; i++)
		if (strcmp(environments->paths[i], path) == 0)
			return lmdb_copy(host, environments->store->spool_dir,
				environments->items[i], environments->store->compact);
	return copy_info(host, path);
}

/* In the order of the paths, as the spool is to be. */
static status list_files(const struct environments *environments, struct names *files)
{
	const struct names *databases = &environments->store->databases;
	struct names found = {0};
	status rc = lmdb_survey(environments->store, &found, NULL);

	for (size_t i = 0; i < found.count && !failed(rc); i++)
		if (is_info(found.items[i]))
			rc = names_add(files, found.items[i]);
	for (size_t i = 0; i < databases->count && !failed(rc); i++)
		rc = names_add(files, environments->paths[i]);
	names_sort(files);
	names_free(&found);
	return rc;
}

static status copy_all(const struct hosted_engine *host, const struct store_config *store)
{
	struct environments environments = {.store = store};
	struct names files = {0};
	status rc = freeze(&environments);

	if (!failed(rc))
		rc = list_files(&environments, &files);
	for (size_t i = 0; i < files.count && !failed(rc); i++)
		rc = copy_file(host, &environments, files.items[i]);
	names_free(&files);
	thaw(&environments);
	return rc;
}

static status lmdb_begin(const struct engine *engine, const struct store_config *store,
	const struct engine_begin *how, struct engine_session **session)
{
	const struct hosted_engine *host = hosted_engine(engine);
	struct engine_session *s = NULL;
	status rc;

	*session = NULL;
	if (store->databases.count == 0)
		return status_fail(
			STATUS_WIN32(ERROR_FILE_NOT_FOUND), "store: no database");
	if (how->incremental)
		return status_fail(hrCircularLogging,
			"%s: an LMDB database keeps no logs", store->databases.items[0]);
	rc = copy_all(host, store);
	if (failed(rc))
		return rc;
	s = calloc(1, sizeof(*s));
	if (!s)
		return status_no_memory();
	s->spool = host->spool;
	*session = s;
	return STATUS_OK;
}

static status lmdb_databases(struct engine_session *session, struct engine_files *files)
{
	return spool_list(session->spool, files);
}

static void lmdb_end(struct engine_session *session)
{
	free(session);
}

/* ---- what was copied, or restored ---- */

static status lmdb_verify(const struct engine *engine, const char *path)
{
	status rc;

	if (is_info(path))
		return STATUS_OK;
	rc = lmdb_check_file(hosted_engine(engine), path);
	return failed(rc) ? rc : lmdb_open_resting(path);
}

static status lmdb_recover(const struct engine *engine, const struct store_config *store,
	const struct engine_recovery *recovery)
{
	status rc = STATUS_OK;

	(void)store;
	for (size_t i = 0; i < recovery->databases->count && !failed(rc); i++)
		rc = lmdb_verify(engine, recovery->databases->items[i]);
	return rc;
}

const struct engine lmdb_hosted_engine = {
	.name = "lmdb",
	.begin = lmdb_begin,
	.databases = lmdb_databases,
	.end = lmdb_end,
	.recover = lmdb_recover,
	.verify = lmdb_verify,
};
