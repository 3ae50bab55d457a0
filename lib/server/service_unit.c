/*
 * A systemd unit, through systemctl: its words are a stable interface, and it brings what
 * D-Bus needs itself.
 */
#include "server/service_backend.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/process.h"

/* Not const, as the arguments of a program are not. */
static char systemctl_paths[][24] = {"/usr/bin/systemctl", "/bin/systemctl"};
static char show_verb[] = "show";
static char control_verbs[][8] = {
	[SERVICE_START] = "start",
	[SERVICE_STOP] = "stop",
	[SERVICE_SUSPEND] = "freeze",
	[SERVICE_RESUME] = "thaw",
};
static char no_pager[] = "--no-pager";
static char no_password[] = "--no-ask-password";
static char wanted[] = "--property=LoadState,ActiveState,SubState,FreezerState";
static char end_of_options[] = "--";

static status find_systemctl(const struct server *server, char **path)
{
	for (size_t i = 0; i < sizeof(systemctl_paths) / sizeof(systemctl_paths[0]);
		i++) {
		*path = systemctl_paths[i];
		if (access(*path, X_OK) == 0)
			return STATUS_OK;
	}
	return status_fail(STATUS_WIN32(ERROR_FILE_NOT_FOUND),
		"%s: not found, but the service of %s is the unit %s", systemctl_paths[0],
		server->name, server->service.unit);
}

/* ---- what systemctl show prints ---- */

/* The value of KEY ("Key=") as *LENGTH bytes in TEXT; *LENGTH 0 where it is missing. */
static const char *find_value(const char *text, const char *key, size_t *length)
{
	const size_t key_length = strlen(key);
	const char *line = text;

	*length = 0;
	while (line && strncmp(line, key, key_length) != 0) {
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	if (!line)
		return "";
	line += key_length;
	*length = strcspn(line, "\r\n");
	return line;
}

/* LIST is words with a space behind each. */
static bool value_among(const char *text, const char *key, const char *list)
{
	size_t length;
	const char *value = find_value(text, key, &length);

	while (length > 0 && *list != '\0') {
		size_t word = strcspn(list, " ");

		if (word == length && memcmp(list, value, length) == 0)
			return true;
		list += word + 1;
	}
	return false;
}

/* A unit that is activating does not serve yet, and backupapi-recover runs then, in its
 * ExecStartPre; but from the moment that its own program runs, the files are in use. One
 * that is deactivating still uses them. */
static bool is_stopped(const char *text)
{
	if (value_among(text, "ActiveState=", "inactive failed "))
		return true;
	return value_among(text, "ActiveState=", "activating ") &&
	       !value_among(text, "SubState=", "start start-post ");
}

static bool is_running(const char *text)
{
	return value_among(text,
		"ActiveState=", "active reloading refreshing activating deactivating ");
}

status service_unit_parse(const char *unit, const char *text, enum service_state *state)
{
	size_t length;
	const char *active = find_value(text, "ActiveState=", &length);

	if (value_among(text, "LoadState=", "not-found bad-setting error "))
		return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
			"%s: systemd knows no such unit, or cannot load it", unit);
	if (is_stopped(text))
		*state = SERVICE_STOPPED;
	else if (!is_running(text))
		return status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
			"%s: systemd reports the unknown state \"%.*s\"", unit,
			(int)(length < 64 ? length : 64), active);
	else if (value_among(text, "FreezerState=", "frozen thawing frozen-by-parent "))
		*state = SERVICE_SUSPENDED;
	else
		*state = SERVICE_SERVING;
	return STATUS_OK;
}

/* ---- the backend ---- */

static status show(const struct server *server, struct buffer *text)
{
	char *argv[] = {NULL, show_verb, no_pager, wanted, end_of_options,
		server->service.unit, NULL};
	status rc = find_systemctl(server, &argv[0]);

	return failed(rc) ? rc : service_run(server, argv, text);
}

static status unit_state(const struct server *server, enum service_state *state)
{
	struct buffer text = {0};
	status rc = show(server, &text);

	if (!failed(rc))
		rc = service_unit_parse(
			server->service.unit, text.data ? text.data : "", state);
	buffer_free(&text);
	return rc;
}

static bool unit_offers(const struct server *server, enum service_control control)
{
	(void)server;
	(void)control;
	return true;
}

/* systemd thaws a frozen unit by itself before it stops it. */
static status unit_control(const struct server *server, enum service_control control,
	enum service_state state, struct buffer *output)
{
	char *argv[] = {NULL, no_password, control_verbs[control], end_of_options,
		server->service.unit, NULL};
	status rc = find_systemctl(server, &argv[0]);

	(void)state;
	return failed(rc) ? rc : service_run(server, argv, output);
}

const struct service_backend service_unit = {
	.state = unit_state,
	.offers = unit_offers,
	.control = unit_control,
};
