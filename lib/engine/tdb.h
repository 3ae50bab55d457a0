/*
 * tdb.h - Samba's private directory, inside the store worker
 */
#ifndef ENGINE_TDB_H
#define ENGINE_TDB_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <tdb.h>

#include "engine/hosted.h"

extern const struct engine tdb_hosted_engine;

/* ---- between the files of this engine ----
 *
 * Named samba_, for tdb_ is the library's: what is called like one of its functions would
 * be called by it. */

#define SAMBA_SAM      "sam.ldb"
#define SAMBA_METADATA "sam.ldb.d/metadata.tdb"

enum samba_kind {
	SAMBA_PLAIN,
	SAMBA_TDB,
	SAMBA_LMDB,
	SAMBA_PASSING, /* locked by mutexes that only its users share: never saved */
};

/* What PATH is by its content. hrDatabaseCorrupted where its name promises a database. */
status samba_recognise(const char *path, enum samba_kind *kind);

/* Until when to try, and how long to wait between two tries. */
struct samba_waiting {
	const struct hosted_engine *host;
	const char *home;
	int64_t deadline;
	unsigned seed;
	long limit; /* of a pause, in microseconds */
};

/* RC is why there is to be another try: STATUS_OK after a pause, or RC where it is not
 * ERROR_BUSY or time is over, or ERROR_CANCELLED. */
status samba_pause(struct samba_waiting *waiting, status rc);

/* Opening a TDB file waits for whoever is writing a change down, for ever if need be.
 * This waits for no longer than WAITING. Not while this process has locks. */
status samba_wait_for_commit(struct samba_waiting *waiting, const char *path);

/* An open TDB file, and what the library last said about it. */
struct samba_tdb {
	struct tdb_context *tdb; /* NULL: not open */
	char said[200];
};

/* For reading the live file PATH with locks, or RESTING, without. FILE must not move until
 * it is closed. */
status samba_open(const char *path, bool resting, struct samba_tdb *file);
status samba_failure(const struct samba_tdb *file, const char *path);
void samba_close(struct samba_tdb *file); /* an unopened one is fine */

enum samba_lock { SAMBA_LOCK_NONE, SAMBA_LOCK_READ, SAMBA_LOCK_TRANSACTION };

struct samba_file {
	const char *path;
	enum samba_kind kind;
	struct samba_tdb file;
	enum samba_lock lock;
	struct lmdb_frozen *frozen;
};

/* All files of the directory HOME at one moment. */
struct samba_files {
	const char *home;
	struct names paths;
	struct samba_file *items; /* as many as there are paths */
};

/* Locks all TDB files, and keeps the state of the LMDB files among them, without anyone
 * committing in between: gives all back and tries again, for a bounded time. Release with
 * samba_unlock and samba_thaw, in this order, also after a failure. */
status samba_freeze(const struct hosted_engine *host, struct samba_files *sources);
void samba_unlock(struct samba_files *sources); /* the TDB files; LMDB's states stay */
void samba_thaw(struct samba_files *sources);

/* The one of SOURCES whose path is BELOW the directory: hrDatabaseCorrupted where it is no
 * TDB file. */
status samba_find_tdb(
	const struct samba_files *sources, const char *below, struct samba_file **file);

/* The file's own checks. */
status samba_check_file(const struct hosted_engine *host, const char *path);

/* Are sam.ldb, its metadata and all the partitions that sam.ldb names among DATABASES? SAM
 * is the open sam.ldb of HOME, or NULL: it is opened, at rest. */
status samba_check_partitions(
	const char *home, const struct samba_tdb *sam, const struct names *databases);

#endif
