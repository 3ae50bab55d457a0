/* The one table of engines. Those that this build lacks are in it too, so that a
 * configuration, or a file, that wants one gets an error with its name. */
#include "engine/engine.h"

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

/* What a store's files are, as far as they were looked at. */
struct findings {
	const char *engine; /* NULL: no file was there yet */
	char *path;         /* the file that says so */
};

static status note_finding(struct findings *found, const char *path, const char *engine)
{
	if (!found->engine) {
		found->path = strdup(path);
		if (!found->path)
			return status_no_memory();
		found->engine = engine;
	}
	if (strcmp(found->engine, engine) != 0)
		return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
			"%s: of format %s, but %s is of format %s: the configuration "
			"must "
			"name the engine",
			path, engine, found->path, found->engine);
	return STATUS_OK;
}

/* What is not there (any more) says nothing about the format. */
static status look_at(const char *path, status (*probe)(const char *, const char **),
	struct findings *found)
{
	const char *engine;
	status rc = probe(path, &engine);

	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		return STATUS_OK;
	return failed(rc) ? rc : note_finding(found, path, engine);
}

static status look_at_pattern(char *pattern, struct findings *found)
{
	const struct names one = {.items = &pattern, .count = 1, .capacity = 1};
	struct names paths = {0};
	struct stat st;
	status rc;

	if (stat(pattern, &st) == 0 && S_ISDIR(st.st_mode))
		return look_at(pattern, probe_directory, found);
	rc = engine_expand(&one, &paths);
	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		rc = STATUS_OK;
	for (size_t i = 0; i < paths.count && !failed(rc); i++)
		rc = look_at(paths.items[i], probe_file, found);
	names_free(&paths);
	return rc;
}

/* All files are looked at, not only the first: a live database of another kind among
 * flat files would be copied while it is written. */
static status find_by_format(
	const struct store_config *store, const struct engine **engine)
{
	struct findings found = {0};
	status rc = STATUS_OK;

	for (size_t i = 0; i < store->databases.count && !failed(rc); i++)
		rc = look_at_pattern(store->databases.items[i], &found);
	if (!failed(rc))
		rc = find_by_name(found.engine ? found.engine : "flat",
			found.path ? found.path : "store", engine);
	free(found.path);
	return rc;
}

status engine_find(const struct store_config *store, const struct engine **engine)
{
	*engine = NULL;
	if (is_auto(store->engine))
		return find_by_format(store, engine);
	return find_by_name(store->engine, "configuration", engine);
}

status engine_for_file(const char *name, const char *path, const struct engine **engine)
{
	status rc = STATUS_OK;

	*engine = NULL;
	if (is_auto(name))
		rc = probe_file(path, &name);
	return failed(rc) ? rc : find_by_name(name, path, engine);
}
