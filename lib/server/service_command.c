/*
 * A service behind commands of the administrator's.  Their exit status is taken at its
 * word; one that could not be had (the host program ignores SIGCHLD) tells nothing, and
 * the state that is waited for decides.
 */
#include "server/service_backend.h"

#include <string.h>

#include "base/process.h"
#include "server/command_line.h"

#define EXIT_UNKNOWN (-1)

/* The last line of TEXT that is not blank; *LENGTH 0 where there is none. */
static const char *last_line(const char *text, size_t size, size_t *length)
{
	size_t begin;

	while (size > 0 && strchr(" \t\r\n", text[size - 1]))
		size--;
	for (begin = size; begin > 0 && text[begin - 1] != '\n'; begin--)
		continue;
	*length = size - begin;
	return text + begin;
}

static status fail_exit(const struct server *server, const char *program, int exit_status,
	const struct buffer *printed)
{
	size_t length = 0;
	const char *line =
		printed->data ? last_line(printed->data, printed->size, &length) : "";

	if (length > 512)
		length = 512;
	return status_fail(STATUS_WIN32(ERROR_GEN_FAILURE),
		"%s: %s: exit status %d%s%.*s", server->name, program, exit_status,
		length ? ": " : "", (int)length, line);
}

status service_run(const struct server *server, char *const argv[], struct buffer *output)
{
	struct buffer printed = {0};
	int exit_status;
	status rc = process_run(
		argv, server->service.timeout_seconds, &printed, &exit_status);

	if (output && printed.size)
		buffer_add(output, printed.data, printed.size);
	if (!failed(rc) && exit_status != 0 && exit_status != EXIT_UNKNOWN)
		rc = fail_exit(server, argv[0], exit_status, &printed);
	if (!failed(rc) && output && buffer_failed(output))
		rc = status_no_memory();
	buffer_free(&printed);
	return rc;
}

status service_run_line(
	const struct server *server, const char *line, struct buffer *output)
{
	char **argv;
	status rc = command_line_split(line, &argv);

	if (failed(rc))
		return rc;
	rc = service_run(server, argv, output);
	command_line_free(argv);
	return rc;
}

const char *service_command_for(const struct server *server, enum service_control control)
{
	switch (control) {
	case SERVICE_START:
		return server->service.start;
	case SERVICE_STOP:
		return server->service.stop;
	case SERVICE_SUSPEND:
		return server->service.suspend;
	case SERVICE_RESUME:
		return server->service.resume;
	}
	return NULL;
}

static status decode_exit(const struct server *server, const char *program,
	int exit_status, const struct buffer *printed, enum service_state *state)
{
	switch (exit_status) {
	case 0:
		*state = SERVICE_SERVING;
		return STATUS_OK;
	case 3:
		*state = SERVICE_STOPPED;
		return STATUS_OK;
	case 4:
		*state = SERVICE_SUSPENDED;
		return STATUS_OK;
	case EXIT_UNKNOWN:
		return status_fail(STATUS_WIN32(ERROR_GEN_FAILURE),
			"%s: %s: its exit status is unknown, because this program "
			"ignores "
			"SIGCHLD or waits for all children",
			server->name, program);
	default:
		return fail_exit(server, program, exit_status, printed);
	}
}

static status ask(
	const struct server *server, char *const argv[], enum service_state *state)
{
	struct buffer printed = {0};
	int exit_status;
	status rc = process_run(
		argv, server->service.timeout_seconds, &printed, &exit_status);

	if (!failed(rc))
		rc = decode_exit(server, argv[0], exit_status, &printed, state);
	buffer_free(&printed);
	return rc;
}

static status command_state(const struct server *server, enum service_state *state)
{
	char **argv;
	status rc;

	if (!server->service.status)
		return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
			"%s: [service] has neither unit nor pidfile nor a status command",
			server->name);
	rc = command_line_split(server->service.status, &argv);
	if (failed(rc))
		return rc;
	rc = ask(server, argv, state);
	command_line_free(argv);
	return rc;
}

static bool command_offers(const struct server *server, enum service_control control)
{
	return service_command_for(server, control) != NULL;
}

static status command_control(const struct server *server, enum service_control control,
	enum service_state state, struct buffer *output)
{
	(void)state;
	return service_run_line(server, service_command_for(server, control), output);
}

const struct service_backend service_command = {
	.state = command_state,
	.offers = command_offers,
	.control = command_control,
};
