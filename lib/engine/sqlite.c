/* A session is over with the database files once begin returns: what it froze is in the
 * spool, and no lock or -wal page is held at the pace of whoever reads it. The files are
 * never opened but through SQLite, for closing a descriptor would drop its fcntl locks.
 */
#include "engine/sqlite.h"

#include <stdlib.h>

#include "engine/spooled.h"
#include "engine/sqlite_spool.h"

/* ---- copying ---- */

/* An empty file is a valid, empty database; the backup would make a page of it. */
static status copy_pages(struct sqlite_source *source, struct sqlite_spool *target,
	sqlite3 *copy, bool *empty)
{
	sqlite3_backup *backup =
		sqlite3_backup_init(copy, "main", source->reader, "main");
	int code, finished;

	if (!backup)
		return sqlite_failure(copy, sqlite3_errcode(copy), source->path);
	code = sqlite3_backup_step(backup, -1);
	*empty = sqlite3_backup_pagecount(backup) == 0;
	finished = sqlite3_backup_finish(backup);
	if (code == SQLITE_DONE && finished == SQLITE_OK)
		return STATUS_OK;
	if (target->error)
		return STATUS_OK; /* sqlite_spool_finish knows why */
	if (code == SQLITE_DONE)
		code = finished;
	return sqlite_failure(NULL, code, source->path);
}

static status copy_database(const struct hosted_engine *host, const char *spool_dir,
	struct sqlite_source *source)
{
	struct sqlite_spool target;
	bool empty = false;
	sqlite3 *copy;
	status rc = sqlite_spool_open(host, &target, &copy);

	if (!failed(rc))
		rc = copy_pages(source, &target, copy, &empty);
	(void)sqlite3_close(copy);
	if (!failed(rc))
		rc = sqlite_spool_finish(&target, spool_dir);
	if (!failed(rc))
		rc = spool_note(host->spool, source->path, empty ? 0 : target.size);
	sqlite_spool_close(&target);
	return rc;
}

static status copy_all(const struct hosted_engine *host, const char *spool_dir,
	const struct names *paths)
{
	struct sqlite_source *sources = calloc(paths->count, sizeof(*sources));
	status rc;

	if (!sources)
		return status_no_memory();
	for (size_t i = 0; i < paths->count; i++)
		sources[i].path = paths->items[i];
	rc = sqlite_freeze(host, sources, paths->count);
	for (size_t i = 0; i < paths->count && !failed(rc); i++)
		rc = copy_database(host, spool_dir, &sources[i]);
	sqlite_thaw(sources, paths->count);
	free(sources);
	return rc;
}

static status sqlite_begin(const struct engine *engine, const struct store_config *store,
	const struct engine_begin *how, struct engine_session **session)
{
	const struct hosted_engine *host = hosted_engine(engine);
	const char *first = store->databases.count ? store->databases.items[0] : "store";
	struct names paths = {0};
	status rc;

	*session = NULL;
	if (how->incremental)
		return status_fail(
			hrCircularLogging, "%s: an SQLite database keeps no logs", first);
	rc = engine_expand(&store->databases, &paths);
	if (!failed(rc) && paths.count == 0)
		rc = status_fail(STATUS_WIN32(ERROR_FILE_NOT_FOUND),
			"%s: no such database", first);
	if (!failed(rc))
		rc = copy_all(host, store->spool_dir, &paths);
	if (!failed(rc))
		rc = spooled_begin(host, session);
	names_free(&paths);
	return rc;
}

static status sqlite_recover(const struct engine *engine,
	const struct store_config *store, const struct engine_recovery *recovery)
{
	status rc = STATUS_OK;

	(void)store;
	for (size_t i = 0; i < recovery->databases->count && !failed(rc); i++)
		rc = sqlite_check(hosted_engine(engine), recovery->databases->items[i]);
	return rc;
}

static status sqlite_verify(const struct engine *engine, const char *path)
{
	return sqlite_check(hosted_engine(engine), path);
}

const struct engine sqlite_hosted_engine = {
	.name = "sqlite",
	.begin = sqlite_begin,
	.databases = spooled_databases,
	.end = spooled_end,
	.recover = sqlite_recover,
	.verify = sqlite_verify,
};
