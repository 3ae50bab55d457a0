/* A session holds nothing of the environment any more once begin returns: the copies are
 * in the spool. */
#include "engine/lmdb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/lmdb_caller.h"
#include "engine/mdb_check.h"
#include "engine/mdb_copy.h"
#include "engine/spooled.h"

/* ---- copying ---- */

static status copy_info(const struct hosted_engine *host, const char *dir)
{
	char *path;
	status rc;

	if (asprintf(&path, "%s/" LMDB_INFO_NAME, dir) < 0)
		return status_no_memory();
	if (access(path, F_OK) < 0)
		rc = errno == ENOENT ? STATUS_OK : status_errno(errno, "%s", path);
	else
		rc = spool_copy_file(host->spool, path);
	free(path);
	return rc;
}

static status copy_environment(const struct hosted_engine *host,
	const struct store_config *store, const char *data)
{
	const char *dir = store->databases.items[0];
	struct lmdb_frozen *frozen;
	status rc = lmdb_freeze(data, dir, false, &frozen);

	if (failed(rc))
		return rc;
	rc = copy_info(host, dir);
	if (!failed(rc))
		rc = lmdb_copy(host, store->spool_dir, frozen, store->compact);
	lmdb_thaw(frozen);
	return rc;
}

static status lmdb_begin(const struct engine *engine, const struct store_config *store,
	const struct engine_begin *how, struct engine_session **session)
{
	const struct hosted_engine *host = hosted_engine(engine);
	char *data;
	status rc;

	*session = NULL;
	if (store->databases.count != 1)
		return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
			"store: engine lmdb wants one `database`, the environment's "
			"directory");
	if (how->incremental)
		return status_fail(hrCircularLogging,
			"%s: an LMDB database keeps no logs", store->databases.items[0]);
	if (asprintf(&data, "%s/" LMDB_DATA_NAME, store->databases.items[0]) < 0)
		return status_no_memory();
	rc = copy_environment(host, store, data);
	free(data);
	return failed(rc) ? rc : spooled_begin(host, session);
}

/* ---- what was copied, or restored ---- */

static bool is_info(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && strcmp(slash + 1, LMDB_INFO_NAME) == 0;
}

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
	.databases = spooled_databases,
	.end = spooled_end,
	.recover = lmdb_recover,
	.verify = lmdb_verify,
};
