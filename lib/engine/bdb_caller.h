/*
 * bdb_caller.h - what the calling process itself does for Berkeley DB stores, without libdb
 *
 * The operations of struct engine of these names; bdb_replay_name is log_name.
 */
#ifndef ENGINE_BDB_CALLER_H
#define ENGINE_BDB_CALLER_H

#include "engine/engine.h"

status bdb_survey(const struct store_config *store, struct names *databases,
	struct names *leftovers);
status bdb_generation(const char *path, uint32_t *generation);
status bdb_find_logs(
	const struct store_config *store, const char *dir, struct engine_logs *logs);
status bdb_log_continues(const struct engine_log *shorter,
	const struct engine_log *longer, bool *continues);
status bdb_check_logs(
	const struct store_config *store, const struct engine_log *logs, size_t count);
status bdb_replay_name(const struct store_config *store, const struct engine_log *log,
	bool newest, char **name);

#endif
