/* Samba begins every transaction with metadata.tdb's, and prepares it in all its files
 * before it commits it in any. So whoever has the transaction lock of metadata.tdb is
 * alone; and where a long transaction has it, but nobody a write lock on any file, nothing
 * of that transaction is in the files yet. Both are tried in turn, without waiting for any
 * lock, so that there is no order in which to deadlock; what was got is given back before
 * the next try. Files are looked at and closed before any of them is locked, for closing a
 * descriptor drops fcntl locks.
 *
 * Readers of LMDB files are no lock to their writers: where there are such partitions, only
 * the transaction will do. */
#include "engine/tdb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/trace.h"
#include "engine/mdb_copy.h"
#include "engine/tdb_files.h"

/* A directory that stays locked this long is given up. */
#ifndef TDB_BUSY_MS
#define TDB_BUSY_MS 30000
#endif

enum { PAUSE_MIN_US = 20, PAUSE_MAX_US = 500, HOLDING_MS = 200 };

/* ---- which files ---- */

static bool is_at(const struct samba_files *sources, const char *path, const char *below)
{
	size_t length = strlen(sources->home);

	return strncmp(path, sources->home, length) == 0 && path[length] == '/' &&
	       strcmp(path + length + 1, below) == 0;
}

static status require_sam(const struct samba_files *sources)
{
	bool sam = false, metadata = false;

	for (size_t i = 0; i < sources->paths.count; i++) {
		sam |= is_at(sources, sources->paths.items[i], SAMBA_SAM);
		metadata |= is_at(sources, sources->paths.items[i], SAMBA_METADATA);
	}
	if (sam && metadata)
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_FILE_NOT_FOUND),
		"%s/%s: not there: not the private directory of a Samba domain "
		"controller",
		sources->home, sam ? SAMBA_METADATA : SAMBA_SAM);
}

/* Passing things are worth another try. */
static status unless_gone(status rc, const char *path)
{
	if (rc != STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		return rc;
	return status_fail(STATUS_WIN32(ERROR_BUSY),
		"%s: it comes and goes while it is backed up", path);
}

static status list_files(const char *home, struct names *files)
{
	struct names links = {0};
	status rc = samba_find_files(home, files, NULL, &links);

	if (!failed(rc) && links.count)
		rc = status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
			"%s: a symbolic link: move what it leads to here, for it would "
			"be missing from the backup",
			links.items[0]);
	names_free(&links);
	return rc;
}

static status find_files(struct samba_files *sources)
{
	status rc = list_files(sources->home, &sources->paths);

	if (!failed(rc))
		rc = require_sam(sources);
	if (failed(rc))
		return rc;
	sources->items = calloc(sources->paths.count, sizeof(*sources->items));
	if (!sources->items)
		return status_no_memory();
	for (size_t i = 0; i < sources->paths.count && !failed(rc); i++) {
		sources->items[i].path = sources->paths.items[i];
		rc = unless_gone(
			samba_recognise(sources->items[i].path, &sources->items[i].kind),
			sources->items[i].path);
		if (!failed(rc) && sources->items[i].kind == SAMBA_PASSING)
			trace(TRACE_INFO, "%s: locked by mutexes, left out",
				sources->items[i].path);
	}
	return rc;
}

/* Under the locks: a new partition would have come with a change of the others. */
static status compare_files(const struct samba_files *sources)
{
	struct names now = {0};
	status rc = list_files(sources->home, &now);
	bool same = now.count == sources->paths.count;

	for (size_t i = 0; i < now.count && same; i++)
		same = strcmp(now.items[i], sources->paths.items[i]) == 0;
	names_free(&now);
	if (failed(rc) || same)
		return rc;
	return status_fail(STATUS_WIN32(ERROR_BUSY),
		"%s: files come and go in it while it is backed up", sources->home);
}

/* ---- locks ---- */

static bool has_lmdb(const struct samba_files *sources)
{
	for (size_t i = 0; i < sources->paths.count; i++)
		if (sources->items[i].kind == SAMBA_LMDB)
			return true;
	return false;
}

static status open_files(struct samba_files *sources, struct samba_waiting *waiting)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < sources->paths.count && !failed(rc); i++) {
		struct samba_file *source = &sources->items[i];

		if (source->kind != SAMBA_TDB)
			continue;
		rc = samba_wait_for_commit(waiting, source->path);
		if (!failed(rc))
			rc = samba_open(source->path, false, &source->file);
		rc = unless_gone(rc, source->path);
	}
	return rc;
}

static status lock_file(struct samba_file *source, enum samba_lock lock)
{
	int code = lock == SAMBA_LOCK_TRANSACTION
			   ? tdb_transaction_start_nonblock(source->file.tdb)
			   : tdb_lockall_read_nonblock(source->file.tdb);

	if (code == 0) {
		source->lock = lock;
		return STATUS_OK;
	}
	if (errno == EAGAIN || errno == EACCES || errno == EDEADLK || errno == EINTR)
		return status_fail(
			STATUS_WIN32(ERROR_BUSY), "%s: it stays locked", source->path);
	return samba_failure(&source->file, source->path);
}

static void unlock_files(struct samba_files *sources)
{
	for (size_t i = 0; i < sources->paths.count; i++) {
		struct samba_file *source = &sources->items[i];

		if (source->lock == SAMBA_LOCK_TRANSACTION)
			(void)tdb_transaction_cancel(source->file.tdb);
		else if (source->lock == SAMBA_LOCK_READ)
			(void)tdb_unlockall_read(source->file.tdb);
		source->lock = SAMBA_LOCK_NONE;
	}
}

status samba_find_tdb(
	const struct samba_files *sources, const char *below, struct samba_file **file)
{
	for (size_t i = 0; i < sources->paths.count; i++) {
		*file = &sources->items[i];
		if (is_at(sources, (*file)->path, below) && (*file)->kind == SAMBA_TDB)
			return STATUS_OK;
	}
	*file = NULL;
	return status_fail(
		hrDatabaseCorrupted, "%s/%s: not a TDB file", sources->home, below);
}

static status lock_metadata(struct samba_files *sources, enum samba_lock lock)
{
	struct samba_file *metadata;
	status rc = samba_find_tdb(sources, SAMBA_METADATA, &metadata);

	return failed(rc) ? rc : lock_file(metadata, lock);
}

static status lock_others(struct samba_files *sources)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < sources->paths.count && !failed(rc); i++)
		if (sources->items[i].file.tdb && !sources->items[i].lock)
			rc = lock_file(&sources->items[i], SAMBA_LOCK_READ);
	return rc;
}

/* Nobody but Samba's smaller databases' writers are in the way then, for moments. */
static status lock_with_transaction(
	struct samba_files *sources, struct samba_waiting *waiting)
{
	int64_t patience = clock_now_ms() + HOLDING_MS;
	status rc = lock_metadata(sources, SAMBA_LOCK_TRANSACTION);

	if (failed(rc))
		return rc;
	while ((rc = lock_others(sources)) == STATUS_WIN32(ERROR_BUSY) &&
		clock_now_ms() < patience) {
		rc = samba_pause(waiting, rc);
		if (failed(rc))
			break;
	}
	return rc;
}

static status lock_without_transaction(struct samba_files *sources)
{
	status rc = lock_metadata(sources, SAMBA_LOCK_READ);

	return failed(rc) ? rc : lock_others(sources);
}

static status lock_all(struct samba_files *sources, struct samba_waiting *waiting)
{
	bool lmdb = has_lmdb(sources);

	for (;;) {
		status rc = lock_with_transaction(sources, waiting);

		if (rc == STATUS_WIN32(ERROR_BUSY) && !lmdb) {
			unlock_files(sources);
			rc = lock_without_transaction(sources);
		}
		if (!failed(rc))
			return rc;
		unlock_files(sources);
		rc = samba_pause(waiting, rc);
		if (failed(rc))
			return rc;
	}
}

static status keep_states(struct samba_files *sources)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < sources->paths.count && !failed(rc); i++)
		if (sources->items[i].kind == SAMBA_LMDB)
			rc = lmdb_freeze(sources->items[i].path, sources->items[i].path,
				true, &sources->items[i].frozen);
	return rc;
}

/* Closing a file gives its locks back, and cancels a transaction. */
void samba_unlock(struct samba_files *sources)
{
	for (size_t i = 0; i < sources->paths.count && sources->items; i++)
		samba_close(&sources->items[i].file);
}

void samba_thaw(struct samba_files *sources)
{
	for (size_t i = 0; i < sources->paths.count && sources->items; i++)
		lmdb_thaw(sources->items[i].frozen);
	free(sources->items);
	sources->items = NULL;
	names_free(&sources->paths);
}

/* ---- one moment ---- */

/* Random pauses: a writer that commits without pause leaves only small gaps, and a steady
 * rhythm might miss them all. */
status samba_pause(struct samba_waiting *waiting, status rc)
{
	unsigned spread = (unsigned)(waiting->limit - PAUSE_MIN_US);
	long pause_us = PAUSE_MIN_US + (long)((unsigned)rand_r(&waiting->seed) % spread);
	struct timespec pause = {.tv_nsec = pause_us * 1000};

	if (waiting->host->caller_gone(waiting->host->context))
		return status_fail(STATUS_WIN32(ERROR_CANCELLED),
			"%s: the caller is gone", waiting->home);
	if (rc != STATUS_WIN32(ERROR_BUSY) || clock_now_ms() >= waiting->deadline)
		return rc;
	(void)nanosleep(&pause, NULL);
	if (waiting->limit < PAUSE_MAX_US)
		waiting->limit++;
	return STATUS_OK;
}

static status freeze_once(struct samba_files *sources, struct samba_waiting *waiting)
{
	status rc = find_files(sources);

	if (!failed(rc))
		rc = open_files(sources, waiting);
	if (!failed(rc))
		rc = lock_all(sources, waiting);
	if (!failed(rc))
		rc = compare_files(sources);
	if (!failed(rc))
		rc = keep_states(sources);
	return rc;
}

status samba_freeze(const struct hosted_engine *host, struct samba_files *sources)
{
	struct samba_waiting waiting = {.host = host,
		.home = sources->home,
		.deadline = clock_now_ms() + TDB_BUSY_MS,
		.limit = 3 * PAUSE_MIN_US};

	waiting.seed = (unsigned)waiting.deadline;
	for (;;) {
		status rc = freeze_once(sources, &waiting);

		if (!failed(rc))
			return rc;
		samba_unlock(sources);
		samba_thaw(sources);
		rc = samba_pause(&waiting, rc);
		if (failed(rc))
			return rc;
	}
}
