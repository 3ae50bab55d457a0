/*
 * tdb_files.h - which files of a Samba private directory are saved
 */
#ifndef ENGINE_TDB_FILES_H
#define ENGINE_TDB_FILES_H

#include <stdbool.h>

#include "base/names.h"
#include "base/status.h"

/* Does the name of the file PATH say that it is a database? */
bool samba_promises_database(const char *path);

/* Adds the full paths of the regular files below the directory HOME that make up the
 * store to FILES, those that must not survive a restore to LEFTOVERS, and the symbolic
 * links to LINKS without whose targets the store is not whole: what stands in for a
 * database, whether its target is there or not, for the key of the secrets, or for a
 * directory. Each may be NULL. No file is opened, no link followed. A missing HOME has
 * none.
 *
 * Left out are sockets and pid files, what Samba keeps only while it runs, and the
 * temporary copies of samba-tool. Of several hard links to one file the first by name
 * counts, those in dns/ last: BIND's links to the partitions. The other names are
 * leftovers, for they would go on showing what was replaced. */
status samba_find_files(const char *home, struct names *files, struct names *leftovers,
	struct names *links);

#endif
