/*
 * tdb_caller.h - what the calling process itself does for Samba's private directories
 */
#ifndef ENGINE_TDB_CALLER_H
#define ENGINE_TDB_CALLER_H

#include "engine/engine.h"

/* The operation `survey` of struct engine. */
status tdb_survey(const struct store_config *store, struct names *databases,
	struct names *leftovers);

#endif
