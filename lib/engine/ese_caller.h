/*
 * ese_caller.h - the logs of an ESE store by their names, and what is beside them
 *
 * The operations of engine.h with these names.
 */
#ifndef ENGINE_ESE_CALLER_H
#define ENGINE_ESE_CALLER_H

#include "engine/engine.h"

/* Checkpoints, logs that were being prepared, and a current log that cannot be read: what a
 * machine that replays would take for its own. */
status ese_survey(const struct store_config *store, struct names *databases,
	struct names *leftovers);

/* The flush map of a database. */
status ese_stale_files(const char *path, struct names *stale);

/* That of the current log is in its header. */
status ese_generation(const char *path, uint32_t *generation);

/* A current log counts as unfinished, and the size of what is unfinished is that of what
 * is written of it: all logs of a store are equally long files. */
status ese_find_logs(
	const struct store_config *store, const char *dir, struct engine_logs *logs);

status ese_log_continues(const struct engine_log *shorter,
	const struct engine_log *longer, bool *continues);
status ese_check_logs(
	const struct store_config *store, const struct engine_log *logs, size_t count);
status ese_replay_name(const struct store_config *store, const struct engine_log *log,
	bool newest, char **name);

#endif
