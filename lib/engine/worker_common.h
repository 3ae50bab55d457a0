/*
 * worker_common.h - between the files of the caller's side of the worker
 */
#ifndef ENGINE_WORKER_COMMON_H
#define ENGINE_WORKER_COMMON_H

#include "engine/link.h"

/* Starts a worker as the owner of FILES (paths or patterns). SPOOL_FD goes along unless
 * -1. */
status worker_start(const struct engine *engine, const struct store_config *store,
	const struct names *files, int spool_fd, struct link **link);

/* Root restores what a backup lists: a worker of another user may list only what the
 * configuration names. PATH, which is sound (protocol.h), is one of the configured
 * DATABASES or, for engines of directories, is below one. */
bool worker_may_list(
	const struct engine *engine, const struct names *databases, const char *path);

/* Is the file PATH in the directory DIR itself? Doubled slashes count as one. */
bool worker_path_is_in(const char *dir, const char *path);

#endif
