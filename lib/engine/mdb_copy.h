/*
 * mdb_copy.h - one LMDB environment as it was at one moment
 *
 * Used by the engines lmdb and tdb (Samba keeps partitions in LMDB files too). In a
 * worker that was built without LMDB, lmdb_freeze fails and says so.
 */
#ifndef ENGINE_MDB_COPY_H
#define ENGINE_MDB_COPY_H

#include "engine/hosted.h"

struct lmdb_frozen;

/* The newest committed state of the data file PATH, kept by a reader of ours. NAME is what
 * the environment is opened by: a directory, or with NO_DIRECTORY the data file itself.
 * *FROZEN is NULL on failure. */
status lmdb_freeze(const char *path, const char *name, bool no_directory,
	struct lmdb_frozen **frozen);

/* Copies it to the end of HOST's spool as PATH; COMPACT: without the free pages, after a
 * look at all others. SPOOL_DIR is for messages. */
status lmdb_copy(const struct hosted_engine *host, const char *spool_dir,
	struct lmdb_frozen *frozen, bool compact);

/* The same in two steps, for what must stand between others in the spool but may be copied
 * later: its place, then its pages. */
status lmdb_reserve(const struct hosted_engine *host, struct lmdb_frozen *frozen);
status lmdb_fill(const struct hosted_engine *host, const char *spool_dir,
	const struct lmdb_frozen *frozen);

/* Lets the writers use its pages again; NULL is fine. */
void lmdb_thaw(struct lmdb_frozen *frozen);

/* Opens the file PATH, which nobody writes to and whose pages were checked, without locks:
 * nothing appears beside it. Does LMDB see in it what is there? */
status lmdb_open_resting(const char *path);

#endif
