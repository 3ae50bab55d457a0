#include "session/locations.h"

#include <stdlib.h>
#include <string.h>

#include "base/trace.h"
#include "base/wildcard.h"
#include "engine/engine.h"
#include "server/path.h"

#define GLOB_CHARACTERS "*?["

static status add_location(struct locations *l, const char *path, enum location_kind kind)
{
	struct location *items = realloc(l->items, (l->count + 1) * sizeof(*items));
	char *copy = strdup(path);

	if (items)
		l->items = items;
	if (!items || !copy) {
		free(copy);
		return status_no_memory();
	}
	l->items[l->count++] = (struct location){.path = copy, .kind = kind};
	return STATUS_OK;
}

/* A file that is configured by name belongs to the store whether it exists or not. */
static status add_pattern(
	const struct store_config *store, char *pattern, struct names *paths)
{
	const struct names one = {.items = &pattern, .count = 1, .capacity = 1};

	if (wildcard_present(pattern))
		return engine_expand_present(&one, paths);
	return config_is_directory(store, pattern) ? STATUS_OK
						   : names_add(paths, pattern);
}

static status database_paths(const struct store_config *store,
	const struct engine *engine, struct names *paths)
{
	const struct names *patterns = &store->databases;
	status rc = STATUS_OK;

	if (engine && (engine->traits & ENGINE_DIRECTORY))
		rc = engine->survey(store, paths, NULL);
	else
		for (size_t i = 0; i < patterns->count && !failed(rc); i++)
			rc = add_pattern(store, patterns->items[i], paths);
	if (!failed(rc))
		names_sort(paths);
	return rc;
}

status locations_of(const struct store_config *store, const struct engine *engine,
	struct locations *locations)
{
	struct names paths = {0};
	status rc = database_paths(store, engine, &paths);

	*locations = (struct locations){0};
	for (size_t i = 0; i < paths.count && !failed(rc); i++)
		rc = add_location(locations, paths.items[i], LOCATION_DATABASE);
	if (!failed(rc))
		rc = add_location(locations, store->log_dir, LOCATION_LOG_DIR);
	if (!failed(rc))
		rc = add_location(locations, store->system_dir, LOCATION_SYSTEM_DIR);
	names_free(&paths);
	if (failed(rc))
		locations_free(locations);
	return rc;
}

static bool has_directory(const struct store_config *store)
{
	for (size_t i = 0; i < store->databases.count; i++)
		if (config_is_directory(store, store->databases.items[i]))
			return true;
	return false;
}

/* Only what a directory holds, and where logs are by default, depends on the engine, which
 * may cost a worker to find. In the latter case a store that a backup would refuse has
 * locations all the same. */
static status find_engine(const struct store_config *store, const struct engine **engine)
{
	const bool directory = has_directory(store);
	status rc = STATUS_OK;

	*engine = NULL;
	if (directory ||
		(store->ese_dir && !(store->log_dir_given && store->system_dir_given)))
		rc = engine_find(store, engine);
	if (!failed(rc) || directory || rc == STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY))
		return rc;
	trace(TRACE_INFO, "the engine is not known: %s", status_pending());
	return STATUS_OK;
}

status locations_find(const struct server *server, struct locations *locations)
{
	const struct engine *engine;
	struct store_config store;
	status rc = find_engine(&server->store, &engine);

	*locations = (struct locations){0};
	if (failed(rc))
		return rc;
	store = config_with_engine(&server->store, engine ? engine->name : "auto");
	return locations_of(&store, engine, locations);
}

void locations_free(struct locations *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->items[i].path);
	free(l->items);
	*l = (struct locations){0};
}

/* The directory that holds what PATTERN matches, as far as it is written out. */
static size_t literal_dir(const char *pattern)
{
	size_t length = strcspn(pattern, GLOB_CHARACTERS);

	while (length > 0 && pattern[length] != '/')
		length--;
	return length;
}

bool locations_inside(const struct server *server, const char *path)
{
	const struct store_config *store = &server->store;

	for (size_t i = 0; i < store->databases.count; i++) {
		const char *pattern = store->databases.items[i];

		size_t length = config_is_directory(store, pattern)
					? strlen(pattern)
					: literal_dir(pattern);

		if (path_below(pattern, length, path))
			return true;
	}
	return path_below(store->log_dir, strlen(store->log_dir), path) ||
	       path_below(store->system_dir, strlen(store->system_dir), path);
}

bool locations_named(const struct server *server, const char *path)
{
	const struct names *patterns = &server->store.databases;

	for (size_t i = 0; i < patterns->count; i++)
		if (!strpbrk(patterns->items[i], GLOB_CHARACTERS) &&
			strcmp(patterns->items[i], path) == 0)
			return true;
	return false;
}
