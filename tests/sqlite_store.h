/*
 * sqlite_store.h - a small SQLite store to back up, and someone who writes to it
 */
#ifndef TESTS_SQLITE_STORE_H
#define TESTS_SQLITE_STORE_H

#include <sqlite3.h>
#include <sys/types.h>

#include "engine/engine.h"
#include "engine/worker.h"
#include "support.h"

/* The worker's operations under the name "sqlite". */
extern const struct engine sqlite_engine;

struct sqlite_store {
	char *dir;   /* of the databases: DIR/store, whose spool is in DIR/spool */
	char *spool; /* a directory of its own */
	struct store_config config;
};

/* Directories and a configuration that names DIR/PATTERN. */
void sqlite_store_make(struct sqlite_store *store, const char *pattern);
void sqlite_store_free(struct sqlite_store *store);
char *sqlite_store_path(const struct sqlite_store *store, const char *name); /* free() */

/* A database NAME in the store: the table t(n, text) with ROWS rows. Its path (free()).
 */
char *sqlite_make(const struct sqlite_store *store, const char *name,
	const char *journal_mode, long rows);

/* The same table, empty, in the new file PATH. */
void sqlite_make_table(const char *path, const char *journal_mode);

/* Runs SQL on the file PATH (created if need be); the test ends where that fails. */
void sqlite_run(const char *path, const char *sql);

/* The one number that SQL gives. */
long sqlite_number(const char *path, const char *sql);

/* begin of a full session; the test ends where it fails. */
struct engine_session *sqlite_session(const struct sqlite_store *store);
status sqlite_try_session(
	const struct sqlite_store *store, struct engine_session **session);

/* The only child of this process: the worker. */
pid_t sqlite_worker(void);

/* Reads the session's copy of PATH into the new file COPY, in uneven portions. */
void sqlite_save(struct engine_session *session, const char *path, const char *copy);

/* The same, as NAME beside the store; its path (free()). */
char *sqlite_copy(const struct sqlite_store *store, struct engine_session *session,
	const char *path, const char *name);

/* integrity_check says ok. */
void sqlite_assert_sound(const char *path);

/* The explanation of the last failure mentions TEXT. */
void sqlite_assert_detail(const char *text);

/* True once DIR is a file system of its own, of SIZE bytes; needs root and its powers. */
bool sqlite_mount(const char *dir, const char *size);

void sqlite_pause(long ms);

/* A process that commits rows 1, 2, 3 ... to the table t(n) of each of the COUNT files,
 * one row to each file in turn, until it is killed. */
pid_t sqlite_writer(const char *const *paths, size_t count);
void stop_process(pid_t pid);

#endif
