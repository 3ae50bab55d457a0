/*
 * recover.h - from a completed registration to a store that serves again
 */
#ifndef SESSION_RECOVER_H
#define SESSION_RECOVER_H

#include "server/server.h"

/* Nothing registered: STATUS_OK at once. Not completed, or completed with a failure:
 * hrRestoreInProgress. Can be killed at any instruction and called again. Only success
 * clears the registration. ERROR_ACCESS_DENIED: without rights on state_dir nobody knows. */
status recover_store(const struct server *server);

/* The same for a caller who holds LOCK_RESTORE. */
status recover_store_locked(const struct server *server);

#endif
