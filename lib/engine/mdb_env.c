/* The reader is registered in LMDB's lock file, so that no writer reuses a page that its
 * state needs; what it sees is then read from the data file, whose descriptor LMDB has
 * open anyway. The file is mapped by LMDB, but no more than its first pages are touched
 * there: damage is found by reading, not by a signal. */
#include "engine/mdb_env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/trace.h"

enum { BEGIN_TRIES = 100, MAIN_TREE = 1, LOCK_FILE_MODE = 0600 };

status lmdb_failure(int code, const char *path)
{
	const char *text = mdb_strerror(code);

	switch (code) {
	case MDB_INVALID:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_BAD_TXN:
		return status_fail(hrDatabaseCorrupted, "%s: %s", path, text);
	case MDB_VERSION_MISMATCH:
		return status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
			"%s: its lock file is of another version of LMDB", path);
	case MDB_READERS_FULL:
		return status_fail(STATUS_WIN32(ERROR_BUSY),
			"%s: all places for readers are taken", path);
	case MDB_INCOMPATIBLE:
		return status_fail(
			STATUS_WIN32(ERROR_NOT_SUPPORTED), "%s: %s", path, text);
	case MDB_MAP_RESIZED:
		return status_fail(STATUS_WIN32(ERROR_BUSY),
			"%s: it keeps growing beyond its map", path);
	default:
		if (code > 0)
			return status_errno(code, "%s", path);
		return status_fail(STATUS_WIN32(ERROR_GEN_FAILURE), "%s: %s", path, text);
	}
}

/* LMDB divides by the page size before it has looked at it. */
static status look_first(const char *path)
{
	struct lmdb_meta metas[LMDB_METAS];
	struct stat st;
	int fd;
	status rc = file_open_regular(path, FILE_TRUSTED, &fd, &st);

	if (failed(rc))
		return rc;
	/* A page that is being written is one of the two, and says nothing yet. */
	for (int tries = 0; tries < BEGIN_TRIES; tries++) {
		rc = lmdb_read_metas(fd, path, metas);
		if (rc != hrDatabaseCorrupted)
			break;
	}
	(void)close(fd);
	return rc;
}

static status open_env(const char *name, unsigned flags, MDB_env **env)
{
	int code = mdb_env_create(env);

	if (code) {
		*env = NULL;
		return lmdb_failure(code, name);
	}
	code = mdb_env_open(*env, name, MDB_RDONLY | MDB_NOTLS | flags, LOCK_FILE_MODE);
	return code ? lmdb_failure(code, name) : STATUS_OK;
}

/* A reader that was killed keeps pages from being used again, until someone looks. */
static status clear_dead_readers(MDB_env *env, const char *path)
{
	int dead = 0, code = mdb_reader_check(env, &dead);

	if (code)
		return lmdb_failure(code, path);
	if (dead)
		trace(TRACE_INFO, "%s: %d dead readers cleared", path, dead);
	return STATUS_OK;
}

/* A writer may have enlarged the map since this process made its own, and go on. */
static int begin_reading(MDB_env *env, MDB_txn **reader)
{
	int code = mdb_txn_begin(env, NULL, MDB_RDONLY, reader);

	for (int tries = 0; code == MDB_MAP_RESIZED && tries < BEGIN_TRIES; tries++) {
		code = mdb_env_set_mapsize(env, 0);
		if (!code)
			code = mdb_txn_begin(env, NULL, MDB_RDONLY, reader);
	}
	if (code)
		*reader = NULL;
	return code;
}

/* The meta page of the reader's state, unless it is written over just now: two commits
 * after ours reuse it. */
static bool find_meta(struct lmdb_frozen *frozen)
{
	size_t txnid = mdb_txn_id(frozen->reader);
	struct lmdb_meta first[LMDB_METAS], second[LMDB_METAS];
	const struct lmdb_meta *meta = &first[txnid % LMDB_METAS];
	MDB_stat stat;

	if (failed(lmdb_read_metas(frozen->fd, frozen->path, first)) ||
		failed(lmdb_read_metas(frozen->fd, frozen->path, second)) ||
		mdb_stat(frozen->reader, MAIN_TREE, &stat) != 0)
		return false;
	frozen->meta = *meta;
	return meta->txnid == txnid &&
	       memcmp(meta, &second[txnid % LMDB_METAS], sizeof(*meta)) == 0 &&
	       meta->main.entries == stat.ms_entries &&
	       meta->main.depth == stat.ms_depth &&
	       meta->main.leaf_pages == stat.ms_leaf_pages &&
	       meta->main.branch_pages == stat.ms_branch_pages &&
	       meta->main.overflow_pages == stat.ms_overflow_pages;
}

static status begin(struct lmdb_frozen *frozen)
{
	int code = mdb_env_get_fd(frozen->env, &frozen->fd);

	for (int tries = 0; !code && tries < BEGIN_TRIES; tries++) {
		code = begin_reading(frozen->env, &frozen->reader);
		if (!code && find_meta(frozen))
			return STATUS_OK;
		mdb_txn_abort(frozen->reader);
		frozen->reader = NULL;
	}
	if (code)
		return lmdb_failure(code, frozen->path);
	return status_fail(hrDatabaseCorrupted,
		"%s: its first two pages do not show what LMDB says", frozen->path);
}

status lmdb_freeze(const char *path, const char *name, bool no_directory,
	struct lmdb_frozen **frozen)
{
	struct lmdb_frozen *f = NULL;
	status rc = look_first(path);

	*frozen = NULL;
	if (!failed(rc)) {
		f = calloc(1, sizeof(*f));
		rc = f && (f->path = strdup(path)) ? STATUS_OK : status_no_memory();
	}
	if (!failed(rc))
		rc = open_env(name, no_directory ? MDB_NOSUBDIR : 0, &f->env);
	if (!failed(rc))
		rc = clear_dead_readers(f->env, path);
	if (!failed(rc))
		rc = begin(f);
	if (failed(rc))
		lmdb_thaw(f);
	else
		*frozen = f;
	return rc;
}

void lmdb_thaw(struct lmdb_frozen *frozen)
{
	if (!frozen)
		return;
	mdb_txn_abort(frozen->reader);
	mdb_env_close(frozen->env);
	free(frozen->path);
	free(frozen);
}

/* ---- at rest ---- */

static status compare_with_file(MDB_env *env, const char *path)
{
	struct lmdb_frozen seen = {.env = env};
	int code = mdb_env_get_fd(env, &seen.fd);
	status rc = STATUS_OK;

	if (!code)
		code = begin_reading(env, &seen.reader);
	if (code)
		return lmdb_failure(code, path);
	seen.path = strdup(path);
	if (!seen.path)
		rc = status_no_memory();
	else if (!find_meta(&seen))
		rc = status_fail(hrDatabaseCorrupted,
			"%s: LMDB does not see its newest state", path);
	free(seen.path);
	mdb_txn_abort(seen.reader);
	return rc;
}

status lmdb_open_resting(const char *path)
{
	MDB_env *env;
	status rc = look_first(path);

	if (failed(rc))
		return rc;
	rc = open_env(path, MDB_NOSUBDIR | MDB_NOLOCK, &env);
	if (!failed(rc))
		rc = compare_with_file(env, path);
	mdb_env_close(env);
	return rc;
}
