#include "api/argument.h"

#include <stdlib.h>

status argument_invalid(const char *function, const char *why)
{
	return status_fail(
		STATUS_WIN32(ERROR_INVALID_PARAMETER), "%s: %s", function, why);
}

status argument_copy(struct given given, char **text)
{
	*text = NULL;
	return given.text ? text_read(given.text, given.form, text) : STATUS_OK;
}

status argument_server(unsigned families, struct given name, struct server **server)
{
	char *text;
	status rc = argument_copy(name, &text);

	*server = NULL;
	if (!failed(rc))
		rc = server_find(families, text, server);
	free(text);
	return rc;
}
