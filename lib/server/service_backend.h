/*
 * service_backend.h - the four ways in which a service can be asked and controlled
 *
 * Private to service*.c.  The front (service.c) asks for the state first, and waits
 * afterwards; a backend's control only sets the change going.
 */
#ifndef SERVER_SERVICE_BACKEND_H
#define SERVER_SERVICE_BACKEND_H

#include <sys/types.h>

#include "server/service.h"

struct service_backend {
	status (*state)(const struct server *server, enum service_state *state);

	/* Is there a way to do it at all? */
	bool (*offers)(const struct server *server, enum service_control control);

	/* Asked only for what is offered, from a state other than the one wanted. STATE
	 * is what was found. May take up to service.timeout_seconds. */
	status (*control)(const struct server *server, enum service_control control,
		enum service_state state, struct buffer *output);
};

extern const struct service_backend service_unit;
extern const struct service_backend service_pidfile;
extern const struct service_backend service_command;
extern const struct service_backend service_statefile;

/* ---- service.c ---- */

const char *service_state_text(enum service_state state);

/* Suspending or resuming what is stopped: ERROR_SERVICE_NOT_ACTIVE. */
status service_check_possible(const struct server *server, enum service_control control,
	enum service_state state);

/* ---- service_command.c ---- */

/* Runs ARGV; a failing exit status is an error that shows the last line of its output.
 * All of it is added to OUTPUT (may be NULL). */
status service_run(
	const struct server *server, char *const argv[], struct buffer *output);

/* The same for a configured command line. */
status service_run_line(
	const struct server *server, const char *line, struct buffer *output);

/* The configured command for CONTROL; NULL where there is none. */
const char *service_command_for(
	const struct server *server, enum service_control control);

/* ---- service_unit.c ---- */

/* What `systemctl show` printed: LoadState, ActiveState, SubState and FreezerState as
 * lines of KEY=VALUE. */
status service_unit_parse(const char *unit, const char *text, enum service_state *state);

/* ---- service_pidfile.c ---- */

/* The process id on the first line of TEXT; false where there is none. */
bool service_pidfile_parse(const char *text, pid_t *pid);

/* The letter of the process's state in what /proc/PID/stat holds; 0 where it is damaged.
 */
char service_pidfile_parse_stat(const char *text);

#endif
