/*
 * sqlite_spool.h - an SQLite file system whose one file is a place in the spool
 *
 * sqlite3_backup writes to a database; this makes a stretch of the spool look like one.
 * No journal, no locks, no syncs: a copy that is not finished is thrown away.
 */
#ifndef ENGINE_SQLITE_SPOOL_H
#define ENGINE_SQLITE_SPOOL_H

#include "engine/sqlite.h"

struct sqlite_spool {
	sqlite3_vfs vfs;
	const struct hosted_engine *host;
	int fd;
	uint64_t start;       /* of the copy, in the spool */
	uint64_t size;        /* of the copy */
	uint64_t gathered_at; /* where in the copy the bytes gathered go */
	size_t gathered;
	unsigned char *bytes;
	int error; /* errno of a write that failed; ECANCELED: the caller is gone */
};

/* An empty database at the end of HOST's spool. Close *DB before sqlite_spool_finish. */
status sqlite_spool_open(
	const struct hosted_engine *host, struct sqlite_spool *target, sqlite3 **db);

/* Writes what is still gathered. STATUS_OK, or what stopped the writes; SPOOL_DIR is for
 * the message. */
status sqlite_spool_finish(struct sqlite_spool *target, const char *spool_dir);
void sqlite_spool_close(struct sqlite_spool *target);

#endif
