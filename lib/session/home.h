/*
 * home.h - where a restore puts a store that is one directory
 *
 * An engine that replays by logged names finds databases by their paths below one home. A
 * restore map may move that home; it may not rename files in it.
 */
#ifndef SESSION_HOME_H
#define SESSION_HOME_H

#include "engine/engine.h"
#include "server/registration.h"

/* The new home, as a new string; NULL without ENGINE_DIRECTORY. The old one is the
 * configured directory where all old names are below it; else, where all new names are
 * below the configured directory and the old ones end alike, what stands ahead of that;
 * else the longest directory that all old ones share. Without targets: the configured
 * one. ERROR_INVALID_PARAMETER, naming the entry, for a map that does not keep paths below
 * one home (with ENGINE_DIRECTORY alone: that does not stay below one), and as home_check;
 * ERROR_BAD_CONFIGURATION where the configured one is restored as a file. */
status home_find(const struct server *server, const struct engine *engine,
	const struct registration *reg, char **home);

/* May REG put a store into HOME (NULL: it may)? Never above the configured directory, where
 * others' files are (ERROR_INVALID_PARAMETER); by another maker than root only there
 * or below (ERROR_ACCESS_DENIED). */
status home_check(
	const struct server *server, const struct registration *reg, const char *home);

/* Where the logs of a restore into HOME (NULL: no such engine's) go, as a new string: the
 * registered log path, unless that only repeats the configured one; else that one, which
 * moves with the home that it is in or, configured by nobody, is the home of an engine
 * that keeps logs there. ERROR_INVALID_PARAMETER where the home moves, but not away from
 * the logs of the old one. */
status home_log_dir(const struct server *server, const struct engine *engine,
	const struct registration *reg, const char *home, char **log_dir);

/* STORE as it is after the restore: HOME instead of its databases where the engine's are
 * directories (*HOME NULL: as they are), LOG_DIR. Shallow: valid as long as its parts are. */
struct store_config home_relocate(
	const struct store_config *store, char **home, char *log_dir);

#endif
