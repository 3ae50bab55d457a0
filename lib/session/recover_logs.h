/*
 * recover_logs.h - recovery's choice of what it replays
 */
#ifndef SESSION_RECOVER_LOGS_H
#define SESSION_RECOVER_LOGS_H

#include "session/moving.h"

/* Chooses the engine's logs (logs.h) for REG, M's registration, notes the choice in it
 * durably and stages them. Nothing else is touched: called again before anything was
 * moved, it chooses afresh.
 *	hrMissingRestoreLogFiles	logs are registered that the store cannot have, or
 *					none where it cannot do without; and as logs_choose */
status recover_choose(struct moving *m, struct registration *reg);

#endif
