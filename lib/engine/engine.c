/* The one table of engines. Those that this build lacks are in it too, so that a
 * configuration, or a file, that wants one gets an error with its name. */
#include "engine/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/ese.h"
#include "engine/flat.h"
#include "engine/probe.h"
#include "engine/worker.h"
#include "server/path.h"
#ifdef HAVE_BDB
#include "engine/bdb_caller.h"
#endif
#ifdef HAVE_LMDB
#include "engine/lmdb_caller.h"
#endif
#ifdef HAVE_TDB
#include "engine/tdb_caller.h"
#endif

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
	.name = "sqlite", WORKER_SPOOL_OPERATIONS, .stale_files = sqlite_stale_files};
#define ENGINE_SQLITE (&engine_sqlite)
#else
#define ENGINE_SQLITE NULL
#endif

#ifdef HAVE_BDB
static const struct engine engine_bdb = {
	.name = "bdb",
	.traits = ENGINE_LOGS | ENGINE_DIRECTORY | ENGINE_LOGGED_NAMES,
	WORKER_STREAM_OPERATIONS,
	.survey = bdb_survey,
	.generation = bdb_generation,
	.find_logs = bdb_find_logs,
	.log_continues = bdb_log_continues,
	.check_logs = bdb_check_logs,
	.log_name = bdb_replay_name,
};
#define ENGINE_BDB (&engine_bdb)
#else
#define ENGINE_BDB NULL
#endif

#ifdef HAVE_LMDB
static const struct engine engine_lmdb = {.name = "lmdb",
	.traits = ENGINE_DIRECTORY,
	WORKER_SPOOL_OPERATIONS,
	.survey = lmdb_survey};
#define ENGINE_LMDB (&engine_lmdb)
#else
#define ENGINE_LMDB NULL
#endif

#ifdef HAVE_TDB
static const struct engine engine_tdb = {.name = "tdb",
	.traits = ENGINE_DIRECTORY,
	WORKER_SPOOL_OPERATIONS,
	.survey = tdb_survey};
#define ENGINE_TDB (&engine_tdb)
#else
#define ENGINE_TDB NULL
#endif

static const struct {
	const char *name;
	const struct engine *engine; /* NULL: not part of this build */
} engines[] = {
	{"flat", &engine_flat},
	{"sqlite", ENGINE_SQLITE},
	{"bdb", ENGINE_BDB},
	{"lmdb", ENGINE_LMDB},
	{"tdb", ENGINE_TDB},
	{"ese", &engine_ese},
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

#ifdef HAVE_WORKER
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

/* What is lost counts, too: something beside it may tell what it was. */
static status add_paths(char *pattern, struct names *paths)
{
	const struct names one = {.items = &pattern, .count = 1, .capacity = 1};
	const size_t before = paths->count;
	struct stat st;
	status rc;

	if (stat(pattern, &st) == 0 && S_ISDIR(st.st_mode))
		return names_add(paths, pattern);
	rc = engine_expand(&one, paths);
	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND) ||
		(!failed(rc) && paths->count == before))
		rc = names_add(paths, pattern);
	return rc;
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

static status refuse_database(const struct engine *engine, const char *path)
{
	return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
		"%s: engine %s takes the environment's directory", path, engine->name);
}

status engine_check_store(const struct engine *engine, const struct store_config *store)
{
	const struct names *databases = &store->databases;
	struct stat st;

	if (!(engine->traits & ENGINE_DIRECTORY))
		return STATUS_OK;
	if (databases->count > 1)
		return refuse_database(engine, databases->items[1]);
	if (databases->count == 0)
		return STATUS_OK;
	if (path_is_glob(databases->items[0]) ||
		(stat(databases->items[0], &st) == 0 && !S_ISDIR(st.st_mode)))
		return refuse_database(engine, databases->items[0]);
	return STATUS_OK;
}

status engine_find(const struct store_config *store, const struct engine **engine)
{
	status rc;

	*engine = NULL;
	if (is_auto(store->engine))
		rc = find_by_format(store, engine);
	else
		rc = find_by_name(store->engine, "configuration", engine);
	if (!failed(rc))
		rc = engine_check_store(*engine, store);
	if (failed(rc))
		*engine = NULL;
	return rc;
}

/* The first one with a format of its own; else the first that is there. */
static status find_of_files(const struct names *paths, const struct engine **engine)
{
	struct names formats = {0};
	size_t first = paths->count;
	status rc = paths->count ? probe_paths(paths, &formats) : STATUS_OK;

	for (size_t i = 0; !failed(rc) && i < paths->count; i++) {
		if (!*formats.items[i])
			continue;
		if (first == paths->count)
			first = i;
		if (strcmp(formats.items[i], engine_flat.name) != 0) {
			first = i;
			break;
		}
	}
	if (!failed(rc))
		rc = first < paths->count
			     ? find_by_name(
				       formats.items[first], paths->items[first], engine)
			     : status_errno(ENOENT, "%s",
				       paths->count ? paths->items[0] : "store");
	names_free(&formats);
	return rc;
}

status engine_for_files(
	const char *name, const struct names *paths, const struct engine **engine)
{
	*engine = NULL;
	if (is_auto(name))
		return find_of_files(paths, engine);
	return find_by_name(
		name, paths->count ? paths->items[0] : "configuration", engine);
}

status engine_for_file(const char *name, const char *path, const struct engine **engine)
{
	char *copy = strdup(path);
	const struct names one = {.items = &copy, .count = 1, .capacity = 1};
	status rc;

	*engine = NULL;
	rc = copy ? engine_for_files(name, &one, engine) : status_no_memory();
	free(copy);
	return rc;
}
