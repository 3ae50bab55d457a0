/* The one table of engines. Those that this build lacks are in it too, so that a
 * configuration, or a file, that wants one gets an error with its name. */
#include "engine/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/flat.h"
#include "engine/probe.h"
#include "engine/worker.h"

#define WORKER_OPERATIONS                                                                \
	.begin = worker_begin, .databases = worker_databases, .logs = worker_logs,       \
	.open = worker_open, .read = worker_read, .close = worker_close,                 \
	.end = worker_end, .recover = worker_recover, .verify = worker_verify

#ifdef HAVE_SQLITE
static status sqlite_stale_files(const char *path, struct names *stale)
{
	static const char *const suffixes[] = {"-wal", "-shm", "-journal"};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char *name;
		status rc;

		if (asprintf(&name, "%s%s", path, suffixes[i]) < 0)
			name = NULL;
		rc = names_take(stale, name);
		if (failed(rc))
			return rc;
	}
	return STATUS_OK;
}

static const struct engine engine_sqlite = {
	.name = "sqlite", WORKER_OPERATIONS, .stale_files = sqlite_stale_files};
#define ENGINE_SQLITE (&engine_sqlite)
#else
#define ENGINE_SQLITE NULL
#endif

static const struct {
	const char *name;
	const struct engine *engine; /* NULL: not part of this build */
} engines[] = {
	{"flat", &engine_flat},
	{"sqlite", ENGINE_SQLITE},
	{"bdb", NULL},
	{"lmdb", NULL},
	{"tdb", NULL},
	{"ese", NULL},
};

static bool is_auto(const char *name)
{
	return !name || strcmp(name, "auto") == 0;
}

/* WHO wants it: begins the message where there is none. */
static status find_by_name(
	const char *name, const char *who, const struct engine **engine)
{
	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
		if (strcmp(engines[i].name, name) != 0)
			continue;
		*engine = engines[i].engine;
		if (*engine)
			return STATUS_OK;
		return status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
			"%s: engine %s is not part of this build", who, name);
	}
	return status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED), "%s: there is no engine %s",
		who, name);
}

#ifdef HAVE_SQLITE
#define probe_paths worker_probe
#else
#define probe_paths probe_all
#endif

/* All PATHS have the format of the FIRST one that is there; the count of PATHS where none
 * is. What is not there (any more) says nothing. */
static status agree(const struct names *paths, const struct names *formats, size_t *first)
{
	*first = paths->count;
	for (size_t i = 0; i < paths->count; i++) {
		if (!*formats->items[i])
			continue;
		if (*first == paths->count)
			*first = i;
		if (strcmp(formats->items[*first], formats->items[i]) != 0)
			return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
				"%s: of format %s, but %s is of format %s: the "
				"configuration must name the engine",
				paths->items[i], formats->items[i], paths->items[*first],
				formats->items[*first]);
	}
	return STATUS_OK;
}

static status find_of_paths(const struct names *paths, const struct engine **engine)
{
	struct names formats = {0};
	size_t first;
	status rc = paths->count ? probe_paths(paths, &formats) : STATUS_OK;

	if (!failed(rc))
		rc = agree(paths, &formats, &first);
	if (!failed(rc))
		rc = first < paths->count ? find_by_name(formats.items[first],
						    paths->items[first], engine)
					  : find_by_name("flat", "store", engine);
	names_free(&formats);
	return rc;
}

static status add_paths(char *pattern, struct names *paths)
{
	const struct names one = {.items = &pattern, .count = 1, .capacity = 1};
	struct stat st;
	status rc;

	if (stat(pattern, &st) == 0 && S_ISDIR(st.st_mode))
		return names_add(paths, pattern);
	rc = engine_expand(&one, paths);
	return rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND) ? STATUS_OK : rc;
}

/* All files are looked at, not only the first: a live database of another kind among
 * flat files would be copied while it is written. */
static status find_by_format(
	const struct store_config *store, const struct engine **engine)
{
	struct names paths = {0};
	status rc = STATUS_OK;

	for (size_t i = 0; i < store->databases.count && !failed(rc); i++)
		rc = add_paths(store->databases.items[i], &paths);
	if (!failed(rc))
		rc = find_of_paths(&paths, engine);
	names_free(&paths);
	return rc;
}

status engine_find(const struct store_config *store, const struct engine **engine)
{
	*engine = NULL;
	if (is_auto(store->engine))
		return find_by_format(store, engine);
	return find_by_name(store->engine, "configuration", engine);
}

static status find_of_file(const char *path, const struct engine **engine)
{
	char *copy = strdup(path);
	const struct names one = {.items = &copy, .count = 1, .capacity = 1};
	struct names formats = {0};
	status rc = copy ? probe_paths(&one, &formats) : status_no_memory();

	if (!failed(rc))
		rc = *formats.items[0] ? find_by_name(formats.items[0], path, engine)
				       : status_errno(ENOENT, "%s", path);
	names_free(&formats);
	free(copy);
	return rc;
}

status engine_for_file(const char *name, const char *path, const struct engine **engine)
{
	*engine = NULL;
	return is_auto(name) ? find_of_file(path, engine)
			     : find_by_name(name, path, engine);
}
