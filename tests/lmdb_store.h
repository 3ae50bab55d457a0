/*
 * lmdb_store.h - LMDB environments to back up, and someone who writes to them
 */
#ifndef TESTS_LMDB_STORE_H
#define TESTS_LMDB_STORE_H

#include <lmdb.h>

#include "hosted_store.h"

#define LMDB_MAP_SIZE ((size_t)256 << 20)

/* Opens PATH with FLAGS for writing; the test ends where that fails. */
MDB_env *lmdb_open(const char *path, unsigned flags, size_t map_size);

/* Entries FIRST to LAST, in transactions of BATCH: keys are numbers, values of
 * VALUE_SIZE bytes, in the tree NAME (NULL: the main one) with DB_FLAGS. */
void lmdb_put(MDB_env *env, const char *name, unsigned db_flags, long first, long last,
	long batch, size_t value_size);

/* How many entries the tree NAME of the file PATH has; they must be 1 to that number,
 * and each value as lmdb_put wrote it. Leaves no lock file. */
long lmdb_count(const char *path, const char *name);

/* Of readers that are registered in the environment PATH. */
int lmdb_readers(const char *path, unsigned flags);

/* A process that commits entries one by one, from the last one on, and removes and
 * writes again a big one, so that pages are freed and used. */
struct lmdb_writing {
	const char *path;
	unsigned flags;
	long first;
	size_t map_size; /* doubled where it is full */
};
void lmdb_write_on(void *writing);

/* An environment with trees of every kind. */
void lmdb_make_rich(const char *path);

#endif
