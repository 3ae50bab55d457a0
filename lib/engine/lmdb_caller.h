/*
 * lmdb_caller.h - what the calling process itself does for LMDB stores
 */
#ifndef ENGINE_LMDB_CALLER_H
#define ENGINE_LMDB_CALLER_H

#include "engine/engine.h"

#define LMDB_DATA_NAME "data.mdb"
#define LMDB_LOCK_NAME "lock.mdb"
#define LMDB_INFO_NAME "INFO.mdb" /* 389-ds notes there what is in its environment */

/* The operation `survey` of struct engine. `database` names an environment's directory;
 * where that is missing, so is all in it. */
status lmdb_survey(const struct store_config *store, struct names *databases,
	struct names *leftovers);

#endif
