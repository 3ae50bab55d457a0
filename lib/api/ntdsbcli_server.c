#include "api/ntdsbcli_server.h"

#include <stdlib.h>
#include <string.h>

#include "server/host.h"

static bool means_this_host(const char *name)
{
	return !name || host_is_this(name + strspn(name, "\\"));
}

/* A missing directory of configurations is a host without servers. */
static status code_for(status rc, const char *name)
{
	switch (rc) {
	case STATUS_WIN32(RPC_S_SERVER_UNAVAILABLE):
	case STATUS_WIN32(ERROR_PATH_NOT_FOUND):
		return means_this_host(name) ? STATUS_WIN32(ERROR_INVALID_PARAMETER)
					     : hrCouldNotConnect;
	case STATUS_WIN32(ERROR_INVALID_NAME):
		return hrCouldNotConnect;
	default:
		return rc;
	}
}

status ntdsbcli_server(struct given name, struct server **server)
{
	char *text;
	status code, rc = argument_copy(name, &text);

	*server = NULL;
	if (failed(rc))
		return rc;
	rc = server_find(FAMILY_DS, text, server);
	code = code_for(rc, text);
	free(text);
	return code == rc ? rc : status_fail(code, "%s", status_pending());
}
