#include "session/home.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/path.h"

static bool all_below(const struct registration *reg, bool old_names, const char *dir)
{
	for (size_t i = 0; i < reg->target_count; i++) {
		const struct restore_target *t = &reg->targets[i];

		if (!path_below(dir, strlen(dir), old_names ? t->old_path : t->new_path))
			return false;
	}
	return true;
}

/* The length of what stands ahead of "/TAIL" in PATH; 0 where it does not end so. */
static size_t head_length(const char *path, const char *tail)
{
	size_t whole = strlen(path), end = strlen(tail);

	if (whole <= end + 1 || path[whole - end - 1] != '/' ||
		strcmp(path + whole - end, tail) != 0)
		return 0;
	return whole - end - 1;
}

/* The length of the directory that all old names (or new ones) share. */
static size_t shared_length(const struct registration *reg, bool old_names)
{
	const struct restore_target *first = &reg->targets[0];
	const char *path = old_names ? first->old_path : first->new_path;
	size_t length = (size_t)(strrchr(path, '/') - path);

	for (size_t i = 1; i < reg->target_count; i++) {
		const struct restore_target *t = &reg->targets[i];

		while (length > 0 &&
			!path_below(path, length, old_names ? t->old_path : t->new_path))
			while (length > 0 && path[--length] != '/')
				;
	}
	return length;
}

/* ---- the old home ---- */

/* Everything goes to the configured directory: the first entry tells from where. 0 where
 * that is not so, or an entry is renamed on its way. */
static size_t length_by_new_names(const struct registration *reg, const char *configured)
{
	const struct restore_target *first = &reg->targets[0];
	const char *tail;
	size_t length;

	if (!all_below(reg, false, configured))
		return 0;
	tail = path_below(configured, strlen(configured), first->new_path);
	length = head_length(first->old_path, tail);
	for (size_t i = 0; i < reg->target_count && length; i++) {
		const struct restore_target *t = &reg->targets[i];
		const char *old_tail = path_below(first->old_path, length, t->old_path);

		tail = path_below(configured, strlen(configured), t->new_path);
		if (!old_tail || strcmp(old_tail, tail) != 0)
			return 0;
	}
	return length;
}

/* In the first entry's old name. */
static size_t old_home_length(const struct registration *reg, const char *configured)
{
	size_t length;

	if (all_below(reg, true, configured))
		return strlen(configured);
	length = length_by_new_names(reg, configured);
	return length ? length : shared_length(reg, true);
}

/* ---- the new home ---- */

static status refuse(const struct restore_target *t, const char *reason)
{
	return status_fail(STATUS_WIN32(ERROR_INVALID_PARAMETER),
		"%s: the restore map sends %s there: %s", t->new_path, t->old_path,
		reason);
}

/* Every file keeps its path below the home. */
static status check_tails(
	const struct registration *reg, size_t old_length, const char *home)
{
	for (size_t i = 0; i < reg->target_count; i++) {
		const struct restore_target *t = &reg->targets[i];
		const char *old_tail =
			path_below(reg->targets[0].old_path, old_length, t->old_path);
		const char *tail = path_below(home, strlen(home), t->new_path);

		if (!old_tail || !tail || strcmp(old_tail, tail) != 0)
			return refuse(t, "the files of this store may move together, but "
					 "keep their "
					 "paths below one directory");
	}
	return STATUS_OK;
}

static status check_below(const struct registration *reg, const char *home)
{
	for (size_t i = 0; i < reg->target_count; i++)
		if (!path_below(home, strlen(home), reg->targets[i].new_path))
			return refuse(&reg->targets[i],
				"the files of this store stay below one directory");
	return STATUS_OK;
}

/* A file of the root directory has nothing ahead of it that could be a home. */
static status new_home(const struct registration *reg, const struct engine *engine,
	const char *configured, char **home)
{
	const struct restore_target *first = &reg->targets[0];
	size_t old_length = old_home_length(reg, configured);
	const char *tail = path_below(first->old_path, old_length, first->old_path);
	size_t length = tail ? head_length(first->new_path, tail) : 0;
	bool by_name = (engine->traits & ENGINE_LOGGED_NAMES) != 0;

	if (length == 0 && !by_name)
		length = shared_length(reg, false);
	if (length == 0)
		return refuse(first, "its path below the store's directory is not kept");
	*home = strndup(first->new_path, length);
	if (!*home)
		return status_no_memory();
	return by_name ? check_tails(reg, old_length, *home) : check_below(reg, *home);
}

status home_check(
	const struct server *server, const struct registration *reg, const char *home)
{
	const char *configured = server->store.databases.items[0];

	if (!home || strcmp(home, configured) == 0)
		return STATUS_OK;
	if (path_below(home, strlen(home), configured))
		return status_fail(STATUS_WIN32(ERROR_INVALID_PARAMETER),
			"%s: the restore map puts the store there, above its own "
			"directory %s",
			home, configured);
	if (reg->maker == 0 || path_below(configured, strlen(configured), home))
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
		"%s: outside the configured directory %s, and the restore was registered "
		"by user %u",
		home, configured, (unsigned)reg->maker);
}

/* What the configuration names is no file, whether it is there now or not. */
static status check_configured(const struct engine *engine,
	const struct registration *reg, const char *configured)
{
	for (size_t i = 0; i < reg->target_count; i++)
		if (strcmp(reg->targets[i].old_path, configured) == 0 ||
			strcmp(reg->targets[i].new_path, configured) == 0)
			return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
				"%s: engine %s takes the environment's directory, but "
				"this is restored as a file",
				configured, engine->name);
	return STATUS_OK;
}

status home_find(const struct server *server, const struct engine *engine,
	const struct registration *reg, char **home)
{
	const char *configured = server->store.databases.items[0];
	status rc;

	*home = NULL;
	if (!(engine->traits & ENGINE_DIRECTORY))
		return STATUS_OK;
	if (reg->target_count == 0) {
		*home = strdup(configured);
		return *home ? STATUS_OK : status_no_memory();
	}
	rc = check_configured(engine, reg, configured);
	if (!failed(rc))
		rc = new_home(reg, engine, configured, home);
	if (!failed(rc))
		rc = home_check(server, reg, *home);
	if (failed(rc)) {
		free(*home);
		*home = NULL;
	}
	return rc;
}

/* ---- the logs ---- */

/* DIR, which is in the configured directory or is that itself, as it is in HOME. */
static char *moved_dir(const char *home, const char *rest)
{
	char *dir;

	return asprintf(&dir, "%s%s", home, rest) < 0 ? NULL : dir;
}

static bool keeps_logs_at_home(const struct engine *engine)
{
	return (engine->traits & ENGINE_LOGS) && (engine->traits & ENGINE_DIRECTORY);
}

status home_log_dir(const struct server *server, const struct engine *engine,
	const struct registration *reg, const char *home, char **log_dir)
{
	const char *configured = server->store.databases.items[0];
	const struct store_config store =
		config_with_engine(&server->store, engine->name);
	const char *dir = store.log_dir;
	size_t length = strlen(configured);

	*log_dir = NULL;
	if (reg->log_path && strcmp(reg->log_path, dir) != 0)
		*log_dir = strdup(reg->log_path);
	else if (!home || !keeps_logs_at_home(engine))
		*log_dir = strdup(dir);
	else if (!server->store.log_dir_given)
		*log_dir = strdup(home);
	else if (strcmp(dir, configured) == 0 || path_below(configured, length, dir))
		*log_dir = moved_dir(home, dir + length);
	else if (strcmp(home, configured) == 0)
		*log_dir = strdup(dir);
	else
		return status_fail(STATUS_WIN32(ERROR_INVALID_PARAMETER),
			"%s: restored to a new place, %s needs a log path, too: its "
			"logs would replace those in %s",
			home, server->name, dir);
	return *log_dir ? STATUS_OK : status_no_memory();
}

struct store_config home_relocate(
	const struct store_config *store, char **home, char *log_dir)
{
	struct store_config relocated = *store;

	if (*home)
		relocated.databases =
			(struct names){.items = home, .count = 1, .capacity = 1};
	relocated.log_dir = log_dir;
	return relocated;
}
