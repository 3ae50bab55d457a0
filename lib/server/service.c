/*
 * The front: what is the state, is a change needed and possible, and the waiting until it
 * has come about.  While a service changes its state, asking for it may fail for a
 * moment; only a failure that lasts to the end of the wait counts.
 */
#include "server/service.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "server/service_backend.h"

#define FIRST_PAUSE_MS   10
#define LONGEST_PAUSE_MS 500

static const struct service_backend *backend_of(const struct server *server)
{
	if (!server->has_service)
		return &service_statefile;
	if (server->service.unit)
		return &service_unit;
	if (server->service.pidfile)
		return &service_pidfile;
	return &service_command;
}

const char *service_state_text(enum service_state state)
{
	switch (state) {
	case SERVICE_STOPPED:
		return "stopped";
	case SERVICE_SERVING:
		return "serving";
	case SERVICE_SUSPENDED:
		return "suspended";
	}
	return "unknown";
}

static const char *control_text(enum service_control control)
{
	switch (control) {
	case SERVICE_START:
		return "started";
	case SERVICE_STOP:
		return "stopped";
	case SERVICE_SUSPEND:
		return "suspended";
	case SERVICE_RESUME:
		return "resumed";
	}
	return "controlled";
}

static enum service_state state_wanted(enum service_control control)
{
	switch (control) {
	case SERVICE_STOP:
		return SERVICE_STOPPED;
	case SERVICE_SUSPEND:
		return SERVICE_SUSPENDED;
	case SERVICE_START:
	case SERVICE_RESUME:
		break;
	}
	return SERVICE_SERVING;
}

status service_get_state(const struct server *server, enum service_state *state)
{
	*state = SERVICE_STOPPED;
	return backend_of(server)->state(server, state);
}

/* ---- waiting ---- */

static void pause_ms(int64_t ms)
{
	struct timespec left = {
		.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

	while (nanosleep(&left, &left) && errno == EINTR)
		continue;
}

static status fail_timeout(const struct server *server, enum service_state wanted)
{
	return status_fail(STATUS_WIN32(ERROR_SERVICE_REQUEST_TIMEOUT),
		"%s: the service is not %s after %u seconds", server->name,
		service_state_text(wanted), server->service.timeout_seconds);
}

static status wait_for_state(
	const struct server *server, enum service_state wanted, int64_t deadline)
{
	int64_t pause = FIRST_PAUSE_MS;

	for (;;) {
		enum service_state state;
		status rc = service_get_state(server, &state);
		int64_t left = deadline - clock_now_ms();

		if (!failed(rc) && state == wanted)
			return STATUS_OK;
		if (left <= 0)
			return failed(rc) ? rc : fail_timeout(server, wanted);
		pause_ms(left < pause ? left : pause);
		pause = pause * 2 < LONGEST_PAUSE_MS ? pause * 2 : LONGEST_PAUSE_MS;
	}
}

status service_require_stopped(const struct server *server, const char *why)
{
	enum service_state state;
	status rc = service_get_state(server, &state);

	if (!failed(rc) && state != SERVICE_STOPPED)
		rc = status_fail(STATUS_WIN32(ERROR_SERVICE_ALREADY_RUNNING),
			"%s: the service runs: %s", server->name, why);
	return rc;
}

/* ---- control ---- */

status service_check_possible(const struct server *server, enum service_control control,
	enum service_state state)
{
	if (state != SERVICE_STOPPED ||
		(control != SERVICE_SUSPEND && control != SERVICE_RESUME))
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_SERVICE_NOT_ACTIVE),
		"%s: the service is stopped and cannot be %s", server->name,
		control_text(control));
}

static status check_offered(const struct server *server, enum service_control control)
{
	if (backend_of(server)->offers(server, control))
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_INVALID_SERVICE_CONTROL),
		"%s: the configuration has no way to have the service %s", server->name,
		control_text(control));
}

/* A suspended service is started by letting it run on. */
static enum service_control control_needed(
	enum service_control control, enum service_state state)
{
	return control == SERVICE_START && state == SERVICE_SUSPENDED ? SERVICE_RESUME
								      : control;
}

status service_control(
	const struct server *server, enum service_control control, struct buffer *output)
{
	const enum service_state wanted = state_wanted(control);
	const int64_t deadline =
		clock_now_ms() + (int64_t)server->service.timeout_seconds * 1000;
	enum service_state state;
	status rc = service_get_state(server, &state);

	if (failed(rc) || state == wanted)
		return rc;
	control = control_needed(control, state);
	rc = check_offered(server, control);
	if (!failed(rc))
		rc = service_check_possible(server, control, state);
	if (!failed(rc))
		rc = backend_of(server)->control(server, control, state, output);
	if (rc == STATUS_WIN32(ERROR_SERVICE_REQUEST_TIMEOUT))
		return fail_timeout(server, wanted);
	return failed(rc) ? rc : wait_for_state(server, wanted, deadline);
}
