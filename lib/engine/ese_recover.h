/*
 * ese_recover.h - what engine_ese does with restored files
 */
#ifndef ENGINE_ESE_RECOVER_H
#define ENGINE_ESE_RECOVER_H

#include "engine/engine.h"

/* Logs cannot be replayed here. STATUS_OK: the databases and logs that were put in place
 * are undamaged, belong together, and are all that the Windows machine that will replay
 * them needs. With `verify = report` damaged pages are only told of.
 *	hrDatabaseCorrupted, hrLogFileCorrupt, ...	one is damaged
 *	hrMissingRestoreLogFiles	a log is missing that a database needs
 *	hrBadLogSignature		they are of different stores */
status ese_recover(const struct engine *engine, const struct store_config *store,
	const struct engine_recovery *recovery);

/* A database, a log or a checkpoint, by its content: hrDatabaseCorrupted, hrLogFileCorrupt,
 * hrCheckpointCorrupt, naming the page and its offset. S_FALSE: it has no checksums. */
status ese_verify(const struct engine *engine, const char *path);

#endif
