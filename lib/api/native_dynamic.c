/* backupapi_dynamic_files(): what Ds has no function of its own for. */
#include <backupapi/backupapi.h>

#include <string.h>

#include "api/argument.h"
#include "api/list.h"
#include "base/names.h"
#include "server/server.h"
#include "session/dynamic.h"

static status pack(const struct names *files, char **block, uint32_t *size)
{
	struct list list = {0};
	status rc = STATUS_OK;

	for (size_t i = 0; i < files->count && !failed(rc); i++)
		rc = list_take(&list, LIST_NO_TAG, strdup(files->items[i]));
	if (!failed(rc))
		rc = list_pack_narrow(&list, ALLOC_NATIVE, block, size);
	list_free(&list);
	return rc;
}

static status collect(const char *name, char **block, uint32_t *size)
{
	struct names files = {0};
	struct server *server;
	status rc = server_find(FAMILY_ANY, name, &server);

	if (failed(rc))
		return rc;
	rc = dynamic_files(server, &files);
	if (!failed(rc))
		rc = pack(&files, block, size);
	names_free(&files);
	server_free(server);
	return rc;
}

int32_t backupapi_dynamic_files(const char *server, char **files, uint32_t *size)
{
	uint32_t bytes = 0;
	status rc;

	status_begin();
	if (files)
		*files = NULL;
	if (size)
		*size = 0;
	if (!files)
		return status_publish(argument_invalid(__func__, "files is NULL"));
	rc = collect(server, files, &bytes);
	if (!failed(rc) && size)
		*size = bytes;
	return status_publish(rc);
}
