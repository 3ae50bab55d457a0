/* Servers: which there are, and controlling their services. */
#include <backupapi/backupapi.h>

#include <stdlib.h>
#include <string.h>

#include "api/argument.h"
#include "api/list.h"
#include "api/native.h"
#include "base/alloc.h"
#include "base/buffer.h"
#include "server/server.h"
#include "session/control.h"

/* ---- control ---- */

static const enum service_control controls[] = {
	[BACKUPAPI_CONTROL_STOP] = SERVICE_STOP,
	[BACKUPAPI_CONTROL_START] = SERVICE_START,
	[BACKUPAPI_CONTROL_SUSPEND] = SERVICE_SUSPEND,
	[BACKUPAPI_CONTROL_RESUME] = SERVICE_RESUME,
};

static status control(const char *name, enum service_control what, struct buffer *output)
{
	struct server *server;
	status rc = server_find(FAMILY_ANY, name, &server);

	if (failed(rc))
		return rc;
	rc = control_service(server, what, output);
	server_free(server);
	return rc;
}

/* What was printed explains a failure, so it is given with one too; the failure counts
 * more than a shortage of memory while saying so. */
static status give_output(status rc, struct buffer *printed, char **output)
{
	status given = STATUS_OK;

	if (output && buffer_failed(printed))
		given = status_no_memory();
	else if (output && printed->size > 0)
		given = native_string(strndup(printed->data, printed->size), output);
	return failed(rc) ? rc : given;
}

int32_t backupapi_server_control(const char *server, uint32_t control_code, char **output)
{
	struct buffer printed = {0};
	status rc;

	status_begin();
	if (output)
		*output = NULL;
	if (control_code < BACKUPAPI_CONTROL_STOP ||
		control_code > BACKUPAPI_CONTROL_RESUME)
		return status_publish(argument_invalid(__func__, "no such control"));
	rc = give_output(
		control(server, controls[control_code], &printed), &printed, output);
	buffer_free(&printed);
	return status_publish(rc);
}

/* ---- list ---- */

static status add_copy(struct list *list, const char *text)
{
	return list_take(list, LIST_NO_TAG, strdup(text));
}

static status add_servers(struct list *names, struct list *broken)
{
	struct server_list servers = {0};
	struct names lines = {0};
	status rc = server_load_all(&servers, &lines);

	for (size_t i = 0; i < servers.count && !failed(rc); i++)
		rc = add_copy(names, servers.items[i]->name);
	for (size_t i = 0; i < lines.count && !failed(rc); i++)
		rc = add_copy(broken, lines.items[i]);
	server_list_free(&servers);
	names_free(&lines);
	return rc;
}

static status give_lists(const struct list *names, const struct list *broken,
	char **name_block, uint32_t *size, char **broken_block)
{
	uint32_t unused;
	status rc = list_pack_narrow(names, ALLOC_NATIVE, name_block, size);

	if (failed(rc) || !broken_block)
		return rc;
	rc = list_pack_narrow(broken, ALLOC_NATIVE, broken_block, &unused);
	if (failed(rc)) {
		(void)alloc_free(ALLOC_NATIVE, *name_block);
		*name_block = NULL;
		*size = 0;
	}
	return rc;
}

int32_t backupapi_server_list(char **names, uint32_t *size, char **broken)
{
	struct list good = {0}, bad = {0};
	uint32_t bytes = 0;
	status rc;

	status_begin();
	if (names)
		*names = NULL;
	if (size)
		*size = 0;
	if (broken)
		*broken = NULL;
	if (!names)
		return status_publish(argument_invalid(__func__, "names is NULL"));
	rc = add_servers(&good, &bad);
	if (!failed(rc))
		rc = give_lists(&good, &bad, names, &bytes, broken);
	if (!failed(rc) && size)
		*size = bytes;
	list_free(&good);
	list_free(&bad);
	return status_publish(rc);
}
