/*
 * bdb_patience.h - no call into libdb is waited for forever
 *
 * A process that died while it held one of the environment's mutexes leaves all others
 * waiting for it, and libdb has no call that gives up.
 */
#ifndef ENGINE_BDB_PATIENCE_H
#define ENGINE_BDB_PATIENCE_H

#include <stdbool.h>

#include "base/status.h"

/* DEED(CONTEXT) in a thread of its own; what it returns, with its explanation. *HUNG: for
 * SECONDS it neither came back nor said that it goes on; it may still be at work, so that
 * what CONTEXT points at must stay. The failure is then hrCouldNotConnect for WHAT. */
status bdb_within(unsigned seconds, status (*deed)(void *context), void *context,
	const char *what, bool *hung);

/* For a deed that takes long: it goes on, and has its time once more. */
void bdb_going_on(void);

/* Are there deeds that were given up and have not come back? */
bool bdb_deeds_under_way(void);

#endif
