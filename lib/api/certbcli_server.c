/* The CertSrv functions that ask after the service and control it. */
#include <certbcli.h>

#include <string.h>

#include "api/certbcli_calls.h"
#include "base/alloc.h"
#include "base/buffer.h"
#include "session/control.h"

static status is_online(struct given name, BOOL *online)
{
	struct server *server;
	enum service_state state;
	status rc = argument_server(FAMILY_CERTSRV, name, &server);

	if (failed(rc))
		return rc;
	rc = service_get_state(server, &state);
	if (!failed(rc) && state == SERVICE_STOPPED)
		rc = status_fail(
			hrCouldNotConnect, "%s: the service is stopped", server->name);
	if (!failed(rc))
		*online = state == SERVICE_SERVING;
	server_free(server);
	return rc;
}

HRESULT certbcli_is_online(const char *function, struct given name, BOOL *online)
{
	status_begin();
	if (!online)
		return status_publish(
			argument_invalid(function, "pfServerOnline is NULL"));
	*online = 0;
	return status_publish(is_online(name, online));
}

/* A suspended service has not lost its processes: resuming it is what makes it serve. */
static status restart(const struct server *server, struct buffer *output)
{
	enum service_state state;
	status rc = service_get_state(server, &state);

	if (failed(rc))
		return rc;
	if (state == SERVICE_SUSPENDED)
		return control_service(server, SERVICE_RESUME, output);
	if (state == SERVICE_SERVING)
		rc = control_service(server, SERVICE_STOP, output);
	return failed(rc) ? rc : control_service(server, SERVICE_START, output);
}

static status control(struct given name, DWORD flags, struct buffer *output)
{
	struct server *server;
	status rc = argument_server(FAMILY_CERTSRV, name, &server);

	if (failed(rc))
		return rc;
	if (flags == CSCONTROL_SHUTDOWN)
		rc = control_service(server, SERVICE_STOP, output);
	else if (flags == CSCONTROL_SUSPEND)
		rc = control_service(server, SERVICE_SUSPEND, output);
	else
		rc = restart(server, output);
	server_free(server);
	return rc;
}

static status give_output(const struct buffer *output, DWORD *size, BYTE **block)
{
	BYTE *copy;

	if (!block)
		return STATUS_OK;
	if (buffer_failed(output))
		return status_no_memory();
	if (output->size == 0)
		return STATUS_OK;
	copy = alloc_block(ALLOC_CERTSRV, output->size + 1);
	if (!copy)
		return status_no_memory();
	memcpy(copy, output->data, output->size + 1);
	*block = copy;
	if (size)
		*size = (DWORD)output->size;
	return STATUS_OK;
}

HRESULT certbcli_control(
	const char *function, struct given name, DWORD flags, DWORD *size, BYTE **block)
{
	struct buffer output = {0};
	status rc;

	status_begin();
	if (size)
		*size = 0;
	if (block)
		*block = NULL;
	if (flags < CSCONTROL_SHUTDOWN || flags > CSCONTROL_RESTART)
		return status_publish(
			argument_invalid(function, "no such dwControlFlags"));
	rc = control(name, flags, &output);
	if (!failed(rc))
		rc = give_output(&output, size, block);
	buffer_free(&output);
	return status_publish(rc);
}
