/*
 * recover.h - from a completed registration to a store that serves again
 */
#ifndef SESSION_RECOVER_H
#define SESSION_RECOVER_H

#include "server/server.h"

/* Nothing registered: STATUS_OK at once. Not completed, or completed with a failure:
 * hrRestoreInProgress. Can be killed at any instruction and called again. Only success
 * clears the registration. */
status recover_store(const struct server *server);

#endif
