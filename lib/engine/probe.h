/*
 * probe.h - which kind of database is this file?
 */
#ifndef ENGINE_PROBE_H
#define ENGINE_PROBE_H

#include "base/names.h"
#include "base/status.h"

/* *NAME is the engine whose magic number the regular file PATH has (static text), also
 * of one that this build lacks; "flat" where it has none that is known. Of ESE's header the
 * second copy counts, too, if it is undamaged. Opens and closes
 * PATH: a process that holds locks of its own on an SQLite or TDB file loses them (fcntl),
 * so that this is for the store worker, and for builds that have none. */
status probe_file(const char *path, const char **name);

/* The same for a directory, which is a database of its own for some engines: what the
 * first file in it says, by name, that has a known magic number, or where none has, the
 * first one in its subdirectories; else "flat". */
status probe_directory(const char *path, const char **name);

/* Adds to ENGINES, for each of PATHS, what it is; of one that is not there, "ese" where logs
 * or a checkpoint of ESE are beside its place, else "". */
status probe_all(const struct names *paths, struct names *engines);

#endif
