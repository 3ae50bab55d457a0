/*
 * service.h - the daemon of a store: is it serving, and stop, start, suspend, resume it
 *
 * Four ways (backupapi.conf(5)): a systemd unit, a pidfile, commands, or, without a
 * [service] section, a state kept in <state_dir>/service-state: online until stopped
 * through this library.
 */
#ifndef SERVER_SERVICE_H
#define SERVER_SERVICE_H

#include "base/buffer.h"
#include "server/config.h"

enum service_state { SERVICE_STOPPED, SERVICE_SERVING, SERVICE_SUSPENDED };

enum service_control { SERVICE_START, SERVICE_STOP, SERVICE_SUSPEND, SERVICE_RESUME };

status service_get_state(const struct server *server, enum service_state *state);

/* ERROR_SERVICE_ALREADY_RUNNING, saying WHY it must not, while the service runs. */
status service_require_stopped(const struct server *server, const char *why);

/* Returns when the state is reached, or ERROR_SERVICE_REQUEST_TIMEOUT after the
 * configured time. Reached already: fine. Suspend or resume where the service offers
 * none: ERROR_INVALID_SERVICE_CONTROL. What the service manager printed is added to
 * OUTPUT (may be NULL), on failure too. Knows nothing of restores: session/control.h is
 * what refuses to start a service that awaits recovery. */
status service_control(const struct server *server, enum service_control control,
	struct buffer *output);

#endif
