/*
 * restore_request.h - what a caller registers, checked and as paths
 */
#ifndef SESSION_RESTORE_REQUEST_H
#define SESSION_RESTORE_REQUEST_H

#include "session/restore.h"

/* Does the range make sense? */
status request_check(const struct server *server, const struct restore_request *q);

/* The paths and the map of a full set into REG, a fresh one. What cannot be known before
 * the restored files are there (the engine, with `auto`) recovery checks. Failures as
 * restore_register. */
status request_read(const struct server *server, const struct restore_request *q,
	struct registration *reg);

/* Can a registration wait in the store itself? Not while an `auto` database is missing: its
 * place hangs on whether that will be a directory (ERROR_PATH_NOT_FOUND). */
status request_check_in_store(const struct server *server);

/* The logs of any set. */
status request_add_logs(const struct server *server, const struct restore_request *q,
	struct registration *reg);

#endif
