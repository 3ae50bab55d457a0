/*
 * sqlite.h - SQLite stores, inside the store worker
 */
#ifndef ENGINE_SQLITE_H
#define ENGINE_SQLITE_H

#include <sqlite3.h>

#include "engine/hosted.h"

extern const struct engine sqlite_hosted_engine;

/* ---- between the files of this engine ---- */

/* One database file and the connections that freeze it. */
struct sqlite_source {
	const char *path;
	sqlite3 *guard;  /* holds the write lock while the readers begin; or NULL */
	sqlite3 *reader; /* in a read transaction: the frozen state */
	bool resting; /* read without locks: on a read-only medium, and nobody has it open
		       */
};

/* What SQLite found wrong with PATH, in words and as a status. DB may be NULL. */
status sqlite_failure(sqlite3 *db, int code, const char *path);

/* Opens PATH without locks, for a file that nobody writes to: nothing appears beside it.
 */
status sqlite_open_resting(const char *path, sqlite3 **db);

/* Opens all COUNT databases and begins a read transaction on each, so that all of them
 * show the state of one moment. Release with sqlite_thaw, also after a failure. */
status sqlite_freeze(
	const struct hosted_engine *host, struct sqlite_source *sources, size_t count);
void sqlite_thaw(struct sqlite_source *sources, size_t count);

/* integrity_check of a file that nobody writes to. */
status sqlite_check(const struct hosted_engine *host, const char *path);

#endif
