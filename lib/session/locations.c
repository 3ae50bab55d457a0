#include "session/locations.h"

#include <stdlib.h>
#include <string.h>

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

/* Only what a directory holds depends on the engine, which may cost a worker to find. */
status locations_find(const struct server *server, struct locations *locations)
{
	const struct store_config *store = &server->store;
	const struct engine *engine = NULL;
	status rc = STATUS_OK;

	*locations = (struct locations){0};
	for (size_t i = 0; i < store->databases.count && !engine && !failed(rc); i++)
		if (config_is_directory(store, store->databases.items[i]))
			rc = engine_find(store, &engine);
	return failed(rc) ? rc : locations_of(store, engine, locations);
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
