#include "session/locations.h"

#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "base/wildcard.h"

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
static status database_paths(const struct server *server, struct names *paths)
{
	const struct names *patterns = &server->store.databases;
	status rc = STATUS_OK;

	for (size_t i = 0; i < patterns->count && !failed(rc); i++) {
		const struct names one = {
			.items = &patterns->items[i], .count = 1, .capacity = 1};

		if (wildcard_present(patterns->items[i]))
			rc = engine_expand_present(&one, paths);
		else
			rc = names_add(paths, patterns->items[i]);
	}
	if (!failed(rc))
		names_sort(paths);
	return rc;
}

status locations_find(const struct server *server, struct locations *locations)
{
	struct names paths = {0};
	status rc = database_paths(server, &paths);

	*locations = (struct locations){0};
	for (size_t i = 0; i < paths.count && !failed(rc); i++)
		rc = add_location(locations, paths.items[i], LOCATION_DATABASE);
	if (!failed(rc))
		rc = add_location(locations, server->store.log_dir, LOCATION_LOG_DIR);
	if (!failed(rc))
		rc = add_location(
			locations, server->store.system_dir, LOCATION_SYSTEM_DIR);
	names_free(&paths);
	if (failed(rc))
		locations_free(locations);
	return rc;
}

void locations_free(struct locations *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->items[i].path);
	free(l->items);
	*l = (struct locations){0};
}

static bool below(const char *dir, size_t length, const char *path)
{
	while (length > 0 && dir[length - 1] == '/')
		length--;
	return strncmp(dir, path, length) == 0 && path[length] == '/';
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

		if (below(pattern, literal_dir(pattern), path))
			return true;
	}
	return below(store->log_dir, strlen(store->log_dir), path) ||
	       below(store->system_dir, strlen(store->system_dir), path);
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
