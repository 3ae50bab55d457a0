/*
 * bdb_confine.h - replaying logs without touching where they come from
 *
 * 389 Directory Server tells libdb its data directory by its full path, and libdb notes it in
 * the log whenever a database is made. Measured with 5.3.28: replaying such a log in another
 * home, while the old directory still exists, makes that database there, beside the files of
 * a server that may be running. So libdb is shown none but the directories of the restore.
 */
#ifndef ENGINE_BDB_CONFINE_H
#define ENGINE_BDB_CONFINE_H

#include <stdbool.h>

#include "base/status.h"

/* Until bdb_release: outside HOME and LOG_DIR nothing exists for libdb, and nothing can be
 * opened for writing, renamed or removed. For the whole process: libdb has one set of such
 * functions. The names must stay. */
status bdb_confine(const char *home, const char *log_dir);
void bdb_release(void);

/* Is PATH in one of them? */
bool bdb_is_confined(const char *path);

#endif
