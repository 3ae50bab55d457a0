/*
 * probe.h - which kind of database is this file?
 */
#ifndef ENGINE_PROBE_H
#define ENGINE_PROBE_H

#include "base/status.h"

/* *NAME is the engine whose magic number the regular file PATH has (static text), also
 * of one that this build lacks; "flat" where it has none that is known. Opens and closes
 * PATH: a process that holds locks of its own on an SQLite or TDB file would lose them
 * (fcntl), and must name the engine in the configuration. */
status probe_file(const char *path, const char **name);

/* The same for a directory, which is a database of its own for some engines: what the
 * first file in it says, by name, that has a known magic number; else "flat". */
status probe_directory(const char *path, const char **name);

#endif
