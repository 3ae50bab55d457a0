/*
 * rollback.h - from a restore that recovery has begun to what was there before
 */
#ifndef SESSION_ROLLBACK_H
#define SESSION_ROLLBACK_H

#include "server/registration.h"

/* For a caller who holds LOCK_RESTORE. What was restored is moved to a directory of its own
 * (replaced.h), what it replaced goes back, what is still staged is removed, and then the
 * registration. Can be killed at any instruction and called again.
 *	ERROR_SERVICE_ALREADY_RUNNING	the service uses what was restored */
status rollback_restore(const struct server *server, struct registration *reg);

#endif
