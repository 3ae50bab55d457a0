/*
 * argument.h - what the public functions do with their arguments first
 */
#ifndef API_ARGUMENT_H
#define API_ARGUMENT_H

#include <backupapi/types.h>

#include "base/status.h"
#include "server/server.h"

/* ERROR_INVALID_PARAMETER with "FUNCTION: WHY" as its detail. */
status argument_invalid(const char *function, const char *why);

/* UTF-8 in a new string (free()); NULL stays NULL. */
status argument_text(const WCHAR *wide, char **text);

/* server_find() for a name that is wide. */
status argument_server(unsigned families, const WCHAR *name, struct server **server);

#endif
