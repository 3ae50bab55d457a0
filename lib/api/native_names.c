/* Between listed names and POSIX paths, for callers; native_wide.c has the functions with
 * WCHAR text. */
#include <backupapi/backupapi.h>

#include <stdlib.h>

#include "api/native.h"
#include "base/alloc.h"
#include "base/unc.h"
#include "engine/engine.h"

/* ---- name to path ---- */

/* Through the shares that the configuration gives the server HOST. */
static status path_through_shares(const char *host, const char *name, char **path)
{
	struct unc_scheme scheme;
	struct server *server;
	status rc = server_find(FAMILY_ANY, host, &server);

	if (rc == STATUS_WIN32(RPC_S_SERVER_UNAVAILABLE))
		return status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
			"%s: no server %s is configured, so its shares are unknown", name,
			host);
	if (failed(rc))
		return rc;
	scheme = config_unc_scheme(server);
	scheme.server = host; /* perhaps an alias */
	rc = unc_to_path(&scheme, name, path);
	server_free(server);
	return rc;
}

/* POSIX names and posix$ mean the same whatever is configured. */
status path_from_name(const char *name, char **path)
{
	char *host = unc_server(unc_skip_tag(name));
	const struct unc_scheme any = {.server = host ? host : ""};
	status rc = unc_to_path(&any, name, path);

	if (host && rc == STATUS_WIN32(ERROR_INVALID_NAME))
		rc = path_through_shares(host, name, path);
	free(host);
	return rc;
}

static status native_path(const char *name, char **block)
{
	char *path;
	status rc = path_from_name(name, &path);

	return failed(rc) ? rc : native_string(path, block);
}

char *native_path_from_name(const char *function, struct given name)
{
	char *text = NULL, *block = NULL;
	status rc;

	status_begin();
	rc = name.text ? argument_copy(name, &text)
		       : argument_invalid(function, "name is NULL");
	if (!failed(rc))
		rc = native_path(text, &block);
	free(text);
	(void)status_publish(rc);
	return block;
}

char *backupapi_path_from_name_a(const char *name)
{
	return native_path_from_name(__func__, given_narrow(name));
}

/* ---- path to name ---- */

static status name_from_path(
	const char *function, const char *server_name, const char *path, char **name)
{
	struct unc_scheme scheme;
	struct server *server;
	status rc;

	if (!path)
		return argument_invalid(function, "path is NULL");
	if (path[0] != '/')
		return status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
			"%s: not an absolute path", path);
	rc = server_find(FAMILY_ANY, server_name, &server);
	if (failed(rc))
		return rc;
	scheme = config_unc_scheme(server);
	*name = unc_from_path(&scheme, path);
	server_free(server);
	return *name ? STATUS_OK : status_no_memory();
}

void *native_name_from_path(
	const char *function, const char *server, const char *path, enum text_form form)
{
	char *name = NULL;
	void *block = NULL;
	status rc;

	status_begin();
	rc = name_from_path(function, server, path, &name);
	if (!failed(rc)) {
		block = alloc_block(ALLOC_NATIVE, (text_length(name, form) + 1) * form);
		if (block)
			(void)text_write(name, form, block);
		else
			rc = status_no_memory();
	}
	free(name);
	(void)status_publish(rc);
	return block;
}

char *backupapi_name_from_path_a(const char *server, const char *path)
{
	return native_name_from_path(__func__, server, path, TEXT_NARROW);
}

/* ---- logs ---- */

static status log_generation(
	const struct server *server, const char *name, uint32_t *generation)
{
	struct unc_scheme scheme = config_unc_scheme(server);
	const struct engine *engine;
	char *path;
	status rc = engine_find(&server->store, &engine);

	if (!failed(rc) && !engine->generation)
		rc = status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
			"%s: its store (%s) keeps no logs", server->name, engine->name);
	if (!failed(rc))
		rc = unc_to_path(&scheme, name, &path);
	if (failed(rc))
		return rc;
	rc = engine->generation(path, generation);
	free(path);
	return rc;
}

int32_t native_log_generation(
	const char *function, const char *server, struct given name, uint32_t *generation)
{
	struct server *found = NULL;
	char *text = NULL;
	uint32_t number = 0;
	status rc;

	status_begin();
	if (generation)
		*generation = 0;
	if (!name.text || !generation)
		return status_publish(argument_invalid(
			function, name.text ? "generation is NULL" : "name is NULL"));
	rc = argument_copy(name, &text);
	if (!failed(rc))
		rc = server_find(FAMILY_ANY, server, &found);
	if (!failed(rc)) {
		rc = log_generation(found, text, &number);
		server_free(found);
	}
	free(text);
	if (!failed(rc))
		*generation = number;
	return status_publish(rc);
}
