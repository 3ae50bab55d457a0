/*
 * A store without a daemon: <state_dir>/service-state says what the last control made of
 * it. The change is made under the records' lock, and what is possible decided there
 * again, so that of two controls at once neither undoes the other unseen.
 */
#include "server/service_backend.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "server/lock.h"
#include "server/server.h"

#define STATE_FILE  "service-state"
#define STATE_LIMIT 64

static bool parse_state(const char *text, size_t size, enum service_state *state)
{
	if (size > 0 && text[size - 1] == '\n')
		size--;
	for (int s = SERVICE_STOPPED; s <= SERVICE_SUSPENDED; s++) {
		const char *known = service_state_text((enum service_state)s);

		if (strlen(known) == size && memcmp(text, known, size) == 0) {
			*state = (enum service_state)s;
			return true;
		}
	}
	return false;
}

static status damaged(const struct server *server)
{
	return status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
		"%s/" STATE_FILE ": is none of serving, stopped, suspended",
		server->state_dir);
}

static status load(const struct server *server, int dirfd, enum service_state *state)
{
	char *text;
	size_t size;
	status rc = file_read_at(dirfd, STATE_FILE, STATE_LIMIT, &text, &size, NULL);

	*state = SERVICE_SERVING;
	if (status_is_missing(rc))
		return STATUS_OK;
	if (rc == STATUS_WIN32(ERROR_FILE_TOO_LARGE))
		return damaged(server);
	if (failed(rc))
		return rc;
	if (!parse_state(text, size, state))
		rc = damaged(server);
	free(text);
	return rc;
}

static status statefile_state(const struct server *server, enum service_state *state)
{
	int dirfd;
	status rc = server_open_state_dir(server, false, &dirfd);

	*state = SERVICE_SERVING;
	if (failed(rc))
		return status_is_missing(rc) ? STATUS_OK : rc;
	rc = load(server, dirfd, state);
	(void)close(dirfd);
	return rc;
}

static bool statefile_offers(const struct server *server, enum service_control control)
{
	(void)server;
	(void)control;
	return true;
}

static status save(int dirfd, enum service_control control)
{
	static const char *const texts[] = {
		[SERVICE_START] = "serving\n",
		[SERVICE_STOP] = "stopped\n",
		[SERVICE_SUSPEND] = "suspended\n",
		[SERVICE_RESUME] = "serving\n",
	};

	return file_replace_at(
		dirfd, STATE_FILE, texts[control], strlen(texts[control]), 0600);
}

static status change(const struct server *server, enum service_control control)
{
	enum service_state state;
	int dirfd;
	status rc = server_open_state_dir(server, true, &dirfd);

	if (failed(rc))
		return rc;
	rc = load(server, dirfd, &state);
	if (!failed(rc))
		rc = service_check_possible(server, control, state);
	if (!failed(rc))
		rc = save(dirfd, control);
	(void)close(dirfd);
	return rc;
}

static status statefile_control(const struct server *server, enum service_control control,
	enum service_state state, struct buffer *output)
{
	struct lock *lock;
	status rc = lock_records(server, &lock);

	(void)state;
	(void)output;
	if (failed(rc))
		return rc;
	rc = change(server, control);
	lock_release(lock);
	return rc;
}

const struct service_backend service_statefile = {
	.state = statefile_state,
	.offers = statefile_offers,
	.control = statefile_control,
};
