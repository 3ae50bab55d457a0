/*
 * mdb_env.h - an open environment, between the files that need LMDB
 */
#ifndef ENGINE_MDB_ENV_H
#define ENGINE_MDB_ENV_H

#include <lmdb.h>
#include <stdint.h>

#include "engine/mdb_copy.h"
#include "engine/mdb_format.h"

struct lmdb_frozen {
	char *path;
	MDB_env *env;
	MDB_txn *reader;
	int fd;                /* LMDB's own descriptor of the data file */
	struct lmdb_meta meta; /* of the state that READER sees */
	uint64_t offset, size; /* of its place in the spool, once it has one */
};

/* What LMDB found wrong with PATH. */
status lmdb_failure(int code, const char *path);

/* Copies without free pages to the end of the spool; sets the copy's size.
 * ERROR_NOT_SUPPORTED where LMDB finds that pages are neither used nor free, and will not. */
status lmdb_compact(const struct hosted_engine *host, const char *spool_dir,
	struct lmdb_frozen *frozen);

#endif
