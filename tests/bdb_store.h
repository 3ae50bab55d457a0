/*
 * bdb_store.h - a small Berkeley DB environment to back up, and someone who writes to it
 */
#ifndef TESTS_BDB_STORE_H
#define TESTS_BDB_STORE_H

#include <sys/types.h>

#include "engine/bdb.h"
#include "support.h"

enum bdb_layout {
	BDB_REGION_APART = 1, /* region files outside the data directory, as 389-ds may */
	BDB_LOGS_APART = 2,   /* log_dir configured, and DB_CONFIG says so too */
	BDB_SMALL_CACHE = 4,
};

struct bdb_store {
	char *base; /* a directory with all that follows in it */
	char *data; /* the data directory */
	char *home; /* of the region files */
	char *logs;
	DB_ENV *env; /* the "server" */
	DB *db;      /* sub/records.db */
	struct store_config config;
};

/* Logs of 64 KiB, so that there are many. */
void bdb_store_make(struct bdb_store *store, unsigned layout);
void bdb_store_open(
	struct bdb_store *store, unsigned layout); /* as a server that starts */
void bdb_store_close(struct bdb_store *store);     /* as one that stops */
void bdb_store_free(struct bdb_store *store);

/* Another database in the environment. */
DB *bdb_store_database(
	struct bdb_store *store, const char *name, DBTYPE type, u_int32_t flags);

/* Commits the records FIRST to LAST, each of BYTES bytes, to DB. */
void bdb_put(DB_ENV *env, DB *db, uint32_t first, uint32_t last, size_t bytes);
void bdb_store_fill(struct bdb_store *store, uint32_t first, uint32_t last);

/* A process that commits FIRST, FIRST + 1, ... until it is killed; *COMMITTED (shared
 * memory) is the last one. It is ended by bdb_stop, not by a signal: that would hang the
 * environment. */
struct bdb_writer {
	volatile uint32_t committed;
	volatile uint32_t longest_us;
	volatile int stop;
	pid_t pid;
};
struct bdb_writer *bdb_write_on(
	const struct bdb_store *store, uint32_t first, size_t bytes);
void bdb_stop(struct bdb_writer *writer);

/* The hosted engine as the worker would call it. */
extern struct hosted_engine bdb_host;
struct engine_session *bdb_session(const struct bdb_store *store, uint32_t from);
status bdb_try_session(
	const struct bdb_store *store, uint32_t from, struct engine_session **session);

/* Reads a whole listed file into PATH, as the caller would: from its descriptor or a
 * pipe. The status of open, or of stream. */
status bdb_save_file(
	struct engine_session *session, const struct engine_file *file, const char *path);

/* Saves all that a session lists below TARGET: databases under their paths below the data
 * directory, logs in TARGET/logs. Databases none in an incremental session. */
void bdb_save(const struct bdb_store *store, struct engine_session *session,
	const char *target);

/* A whole full backup, or an incremental one from FROM on, into a new directory (free()). */
char *bdb_backup(const struct bdb_store *store, uint32_t from, const char *name);

/* Restores the COUNT sets to a new home, as a session would, and recovers it. */
status bdb_restore(const char *const *sets, size_t count, const char *home);

/* The records in sub/records.db of a home at rest: all of 1 to N and no others; N. */
uint32_t bdb_records(const char *home);

/* The logs in DIR by their generations: 0 where there is none. */
uint32_t bdb_lowest_log(const char *dir);
uint32_t bdb_highest_log(const char *dir);

/* BASE/NAME, made if need be (free()). */
char *bdb_make_dir(const char *base, const char *name);

void bdb_assert_detail(const char *text);
void bdb_sleep(long ms);

#endif
