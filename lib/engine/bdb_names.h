/*
 * bdb_names.h - what the files of a Berkeley DB environment are called, and what they are
 *
 * Logs are log.NNNNNNNNNN, ten decimal digits; 389 Directory Server renames those that
 * are no longer needed to log.NNNNNNNNNN.old. Region files are __db.NNN. Database
 * files have any name in any subdirectory and are known by their magic number; beside
 * them, 389-ds keeps DBVERSION in each directory, and libdb reads DB_CONFIG.
 */
#ifndef ENGINE_BDB_NAMES_H
#define ENGINE_BDB_NAMES_H

#include "engine/engine.h"

/* Also with ".old", or as a part (log_part.h). *PART and *OLD may be NULL. */
bool bdb_log_generation(const char *name, uint32_t *generation, bool *part, bool *old);

/* "log.NNNNNNNNNN": a new string; NULL where memory is short. */
char *bdb_log_name(uint32_t generation);

enum bdb_file {
	BDB_OTHER,    /* none of the store's business: guardian, sockets, a tool's own */
	BDB_DATABASE, /* by its magic number */
	BDB_PLAIN,    /* DBVERSION, DB_CONFIG: copied as it stands */
	BDB_LOG,
	BDB_REGION,
	BDB_LINK,     /* a symbolic link to a directory, or to what would be a database */
	BDB_LEFTOVER, /* must not survive a restore, but is no region: guardian */
};

/* What a file is by its NAME alone; BDB_OTHER also where only its content tells. */
enum bdb_file bdb_file_of_name(const char *name);

/* What every file in HOME and its subdirectories is, handed to VISIT with its full
 * path, sorted. Symbolic links are not followed, but handed out; STAGING directories are left out. A
 * missing HOME has nothing in it. Berkeley DB takes no fcntl locks: files may be opened. */
status bdb_walk(const char *home,
	status (*visit)(void *context, enum bdb_file what, const char *path),
	void *context);

#endif
