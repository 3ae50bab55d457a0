/* Samba waits for no longer than its files are copied: a few dozen milliseconds. The LMDB
 * files among them are copied after that, from states that readers of ours keep. */
#include "engine/tdb.h"

#include "engine/mdb_copy.h"
#include "engine/spooled.h"

/* ---- copying ---- */

/* What must be copied under the locks; in the order of the paths, as the spool is to be. */
static status copy_locked(const struct hosted_engine *host, struct samba_file *source)
{
	if (host->caller_gone(host->context))
		return status_fail(STATUS_WIN32(ERROR_CANCELLED),
			"%s: the caller is gone", source->path);
	switch (source->kind) {
	case SAMBA_TDB:
		return spool_copy_whole(
			host->spool, source->path, tdb_fd(source->file.tdb));
	case SAMBA_PLAIN:
		return spool_copy_file(host->spool, source->path);
	case SAMBA_LMDB:
		return lmdb_reserve(host, source->frozen);
	case SAMBA_PASSING:
		break;
	}
	return STATUS_OK;
}

/* Recovery refuses what lacks a partition, when it is too late. */
static status check_copies(const struct spool *spool, const struct samba_files *sources)
{
	struct names copies = {0};
	struct samba_file *sam;
	status rc = samba_find_tdb(sources, SAMBA_SAM, &sam);

	for (size_t i = 0; i < spool->count && !failed(rc); i++)
		rc = names_add(&copies, spool->entries[i].path);
	names_sort(&copies);
	if (!failed(rc))
		rc = samba_check_partitions(sources->home, &sam->file, &copies);
	names_free(&copies);
	return rc;
}

static status copy_all(
	const struct hosted_engine *host, const char *spool_dir, const char *home)
{
	struct samba_files sources = {.home = home};
	status rc = samba_freeze(host, &sources);

	for (size_t i = 0; i < sources.paths.count && !failed(rc); i++)
		rc = copy_locked(host, &sources.items[i]);
	if (!failed(rc))
		rc = check_copies(host->spool, &sources);
	samba_unlock(&sources);
	for (size_t i = 0; i < sources.paths.count && !failed(rc); i++)
		if (sources.items[i].kind == SAMBA_LMDB)
			rc = lmdb_fill(host, spool_dir, sources.items[i].frozen);
	samba_thaw(&sources);
	return rc;
}

static status samba_begin(const struct engine *engine, const struct store_config *store,
	const struct engine_begin *how, struct engine_session **session)
{
	const struct hosted_engine *host = hosted_engine(engine);
	status rc;

	*session = NULL;
	if (store->databases.count != 1)
		return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
			"store: engine tdb wants one `database`, Samba's private "
			"directory");
	if (how->incremental)
		return status_fail(hrCircularLogging, "%s: TDB files keep no logs",
			store->databases.items[0]);
	rc = copy_all(host, store->spool_dir, store->databases.items[0]);
	return failed(rc) ? rc : spooled_begin(host, session);
}

/* ---- what was copied, or restored ---- */

static status samba_verify(const struct engine *engine, const char *path)
{
	return samba_check_file(hosted_engine(engine), path);
}

static status samba_recover(const struct engine *engine, const struct store_config *store,
	const struct engine_recovery *recovery)
{
	const char *home = recovery->home;
	struct names sorted = {0};
	status rc = STATUS_OK;

	if (!home)
		home = store->databases.count ? store->databases.items[0] : "/";
	for (size_t i = 0; i < recovery->databases->count && !failed(rc); i++) {
		rc = samba_verify(engine, recovery->databases->items[i]);
		if (!failed(rc))
			rc = names_add(&sorted, recovery->databases->items[i]);
	}
	names_sort(&sorted);
	if (!failed(rc))
		rc = samba_check_partitions(home, NULL, &sorted);
	names_free(&sorted);
	return rc;
}

const struct engine tdb_hosted_engine = {
	.name = "tdb",
	.begin = samba_begin,
	.databases = spooled_databases,
	.end = spooled_end,
	.recover = samba_recover,
	.verify = samba_verify,
};
