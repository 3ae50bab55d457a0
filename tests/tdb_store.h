/*
 * tdb_store.h - what looks like Samba's private directory, and someone who writes to it
 */
#ifndef TESTS_TDB_STORE_H
#define TESTS_TDB_STORE_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>
#include <tdb.h>

#include "hosted_store.h"

#define TDB_PARTITION_A "sam.ldb.d/DC=A.ldb"
#define TDB_PARTITION_B "sam.ldb.d/DC=B.ldb"

/* sam.ldb with two partitions, of which B is an LMDB file where LMDB; secrets and files
 * that are no databases. */
void tdb_store_make(const char *dir, bool lmdb);

/* The number that the file PATH says it is at. */
long tdb_store_number(const char *path);

/* A process that counts in sam.ldb, its metadata and both partitions, a transaction for
 * each number, as Samba does it: prepared everywhere, then committed. */
struct tdb_writing {
	const char *dir;
	bool lmdb;
	long pause_us;        /* between two transactions */
	atomic_long *commits; /* how many there were, in shared memory; or NULL */
};
void tdb_write_on(void *writing);

/* The same with one transaction that is prepared, and never committed; says so by a byte
 * to the descriptor READY. */
struct tdb_stuck {
	const char *dir;
	bool prepared; /* else it is only begun */
	int ready;
};
void tdb_get_stuck(void *stuck);

#endif
