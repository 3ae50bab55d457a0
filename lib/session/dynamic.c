#include "session/dynamic.h"

#include "engine/engine.h"
#include "base/wildcard.h"

/* Of a glob, a match that is not there is a symbolic link to nothing: an error, since the
 * matches behind it would be missing too. */
static status expand_one(char *pattern, struct names *list)
{
	const struct names one = {.items = &pattern, .count = 1, .capacity = 1};
	status rc = engine_expand(&one, list);

	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND) && !wildcard_present(pattern))
		return STATUS_OK;
	return rc;
}

status dynamic_files(const struct server *server, struct names *list)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < server->dynamic.count && !failed(rc); i++)
		rc = expand_one(server->dynamic.items[i], list);
	if (failed(rc)) {
		names_free(list);
		*list = (struct names){0};
		return rc;
	}
	names_sort(list);
	return STATUS_OK;
}
