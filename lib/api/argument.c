#include "api/argument.h"

#include <stdlib.h>

#include "base/text.h"

status argument_invalid(const char *function, const char *why)
{
	return status_fail(
		STATUS_WIN32(ERROR_INVALID_PARAMETER), "%s: %s", function, why);
}

status argument_text(const WCHAR *wide, char **text)
{
	*text = NULL;
	return wide ? text_from_wide(wide, text) : STATUS_OK;
}

status argument_server(unsigned families, const WCHAR *name, struct server **server)
{
	char *text;
	status rc = argument_text(name, &text);

	*server = NULL;
	if (!failed(rc))
		rc = server_find(families, text, server);
	free(text);
	return rc;
}
