/*
 * logs.h - which logs a restore replays, and where they are
 *
 * The registered ranges together must be there without a hole: each generation in the
 * directory that its set was registered with, or in any other of them, or in the log
 * directory. Of several copies of one generation the longest counts that continues the
 * others: in the log directory, those under a part's name. What follows in the log directory without a gap, and belongs to the same sequence,
 * rolls forward; everything else there must not stay beside them.
 */
#ifndef SESSION_LOGS_H
#define SESSION_LOGS_H

#include "base/file.h"
#include "engine/engine.h"
#include "server/registration.h"

struct logs {
	struct engine_logs chosen; /* rising by one; empty: none are registered */
	struct names places;       /* of each, in the same order: its path in log_dir */
};

/* For REG, whose logs go to STORE's log_dir. With the rights of the calling thread, reading
 * only.
 *	hrMissingRestoreLogFiles	a generation of a registered range, or one between
 *					two ranges, is nowhere, or the rest of one that was
 *					unfinished when its set was made
 *	hrGivenLogFileIsNotContiguous	only an unfinished copy is there of one that others
 *					of the same set follow, or they are of different
 *					sequences
 *	hrLogFileCorrupt		and what else the engine says of them */
status logs_choose(const struct engine *engine, const struct store_config *store,
	const struct registration *reg, struct logs *logs);

/* Is the I-th chosen log to be staged? All but those that are in their place; and the
 * newest, to which replay writes, in any case: what it was before must be able to return. */
bool logs_is_staged(const struct logs *logs, size_t i);

/* Copies those into the staging directory of STORE's log_dir (staging.h) under their final
 * names, durably. Copies that are there already are made again. A log directory that is
 * missing is made, for its owner alone. By root with WALK FILE_TRUSTED the directory
 * becomes HOME's owner's (NULL: root's), and the copies the log directory's owner's. */
status logs_stage(const struct logs *logs, const char *log_dir, const char *home,
	enum file_walk walk);

void logs_free(struct logs *logs);

#endif
