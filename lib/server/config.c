/*
 * config.c - one configuration file: whose it is, what is in it, whether that fits
 *
 * Reading goes on behind a mistake, so that a broken file still tells whose it is; the
 * first mistake is the one reported.
 */
#include "server/config.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "server/config_keys.h"
#include "server/path.h"
#include "server/trust.h"

#define FILE_LARGEST      ((size_t)16 << 20)
#define DEFAULT_TOMBSTONE 180
#define DEFAULT_TIMEOUT   90

struct reading {
	struct server *server;
	config_seen seen;
	status rc; /* the first mistake */
};

static status mistake(const struct ini_entry *entry, const char *file, const char *reason)
{
	if (reason == config_no_memory)
		return status_no_memory();
	if (*entry->key == '\0')
		return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
			"%s:%u: [%.40s]: %s", file, entry->line, entry->section, reason);
	return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
		"%s:%u: [%.40s] %.40s: %s", file, entry->line, entry->section, entry->key,
		reason);
}

static const char *take_entry(void *context, const struct ini_entry *entry)
{
	struct reading *r = context;
	const char *reason = config_set(r->server, &r->seen, entry);

	if (reason && (!failed(r->rc) || reason == config_no_memory))
		r->rc = mistake(entry, r->server->file, reason);
	return reason == config_no_memory ? reason : NULL;
}

static const char *check_pidfile(const struct service_config *service)
{
	if (!service->program)
		return "[service] pidfile needs program, to tell whose process it is";
	if (service->status)
		return "[service] has both pidfile and status, which may contradict each "
		       "other";
	return NULL;
}

static const char *check_commands(const struct service_config *service)
{
	if (service->program)
		return "[service] program belongs to pidfile, which is missing";
	if (!service->start || !service->stop || !service->status)
		return "[service] needs unit, or pidfile and program, or start, stop and "
		       "status";
	return NULL;
}

static const char *check_service(const struct service_config *service)
{
	bool commands = service->start || service->stop || service->suspend ||
			service->resume || service->status;

	if (!service->suspend != !service->resume)
		return "[service] suspend and resume need each other";
	if (service->unit && (service->pidfile || service->program || commands))
		return "[service] unit goes with no pidfile, program or command";
	if (service->unit)
		return NULL;
	return service->pidfile ? check_pidfile(service) : check_commands(service);
}

/* Engines whose `database` is a directory with all that belongs to the store. */
static const struct {
	const char *engine;
	const char *several; /* the mistake of naming more than one */
} directory_engines[] = {
	{"bdb", "[store] engine bdb takes one directory"},
	{"lmdb", "[store] engine lmdb takes one directory"},
	{"tdb", "[store] engine tdb takes one directory"},
};

#define DIRECTORY_ENGINES (sizeof(directory_engines) / sizeof(directory_engines[0]))

static const char *check_store(const struct store_config *store)
{
	const struct names *databases = &store->databases;

	if (databases->count == 0)
		return "no database in [store]";
	for (size_t i = 0; store->engine && i < DIRECTORY_ENGINES; i++)
		if (strcmp(store->engine, directory_engines[i].engine) == 0 &&
			(databases->count > 1 || path_is_glob(databases->items[0])))
			return directory_engines[i].several;
	return NULL;
}

static const char *check_whole(const struct server *server)
{
	const char *reason;

	if (!server->name)
		return "no name in [server]";
	if (!server->families)
		return "no family in [server]";
	reason = check_store(&server->store);
	if (reason)
		return reason;
	if (server->authority && !(server->families & FAMILY_CERTSRV))
		return "[server] authority goes with family = certsrv";
	return server->has_service ? check_service(&server->service) : NULL;
}

static status default_text(char **field, const char *text)
{
	if (!*field)
		*field = strdup(text);
	return *field ? STATUS_OK : status_no_memory();
}

static status default_below(char **field, const char *dir, const char *name)
{
	if (*field)
		return STATUS_OK;
	if (asprintf(field, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, name) >= 0)
		return STATUS_OK;
	*field = NULL;
	return status_no_memory();
}

bool config_is_directory(const struct store_config *store, const char *database)
{
	struct stat st;

	for (size_t i = 0; store->engine && i < DIRECTORY_ENGINES; i++)
		if (strcmp(store->engine, directory_engines[i].engine) == 0)
			return true;
	return !path_is_glob(database) && stat(database, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Does a file called NAME make its directory an environment of Berkeley DB? */
static bool is_environment_file(const char *name)
{
	static const char log[] = "log.";
	const size_t digits = 10;

	if (strcmp(name, "__db.001") == 0 || strcmp(name, "DB_CONFIG") == 0)
		return true;
	if (strncmp(name, log, strlen(log)) != 0 || strlen(name) != strlen(log) + digits)
		return false;
	for (name += strlen(log); *name; name++)
		if (!isdigit((unsigned char)*name))
			return false;
	return true;
}

/* By the names in it alone: opening and closing a live database may lose its locks. What
 * the caller may not look into is not his to restore either. */
static status look_for_environment(const char *dir, bool *found)
{
	DIR *stream = opendir(dir);
	const struct dirent *entry;
	int err;

	*found = false;
	if (!stream && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return STATUS_OK;
	if (!stream)
		return status_errno(errno, "%s", dir);
	do {
		errno = 0;
		entry = readdir(stream);
		err = errno;
		*found = entry && is_environment_file(entry->d_name);
	} while (entry && !*found);
	(void)closedir(stream);
	return err && !entry ? status_errno(err, "%s", dir) : STATUS_OK;
}

/* Where the engine keeps its logs unless told otherwise: a new string in *DIR, NULL where
 * that is no directory of the store's. */
static status engine_log_dir(const struct store_config *store, char **dir)
{
	const char *first = store->databases.items[0];
	bool inside = strcmp(store->engine, "bdb") == 0;
	status rc = STATUS_OK;

	*dir = NULL;
	if (strcmp(store->engine, "auto") == 0 && store->databases.count == 1 &&
		!path_is_glob(first))
		rc = look_for_environment(first, &inside);
	if (failed(rc))
		return rc;
	if (strcmp(store->engine, "ese") == 0)
		*dir = path_parent(first);
	else if (inside)
		*dir = strdup(first);
	else
		return STATUS_OK;
	return *dir ? STATUS_OK : status_no_memory();
}

static status set_ese_dir(struct store_config *store)
{
	if (strcmp(store->engine, "auto") != 0)
		return STATUS_OK;
	store->ese_dir = path_parent(store->databases.items[0]);
	return store->ese_dir ? STATUS_OK : status_no_memory();
}

static status set_log_dirs(struct server *server)
{
	struct store_config *store = &server->store;
	char *dir;
	status rc = engine_log_dir(store, &dir);

	if (failed(rc))
		return rc;
	store->log_dir_given = store->log_dir != NULL;
	store->system_dir_given = store->system_dir != NULL;
	if (dir)
		rc = default_text(&store->log_dir, dir);
	if (dir && !failed(rc) && strcmp(store->engine, "ese") == 0)
		rc = default_text(&store->system_dir, dir);
	free(dir);
	if (!failed(rc))
		rc = set_ese_dir(store);
	if (!failed(rc))
		rc = default_below(&store->log_dir, server->state_dir, "logs");
	if (!failed(rc))
		rc = default_below(&store->system_dir, server->state_dir, "system");
	return rc;
}

static status set_defaults(struct server *server)
{
	struct store_config *store = &server->store;
	status rc = default_text(&store->engine, "auto");

	if (!failed(rc))
		rc = default_below(
			&server->state_dir, BACKUPAPI_STATE_ROOT, server->name);
	if (!failed(rc))
		rc = set_log_dirs(server);
	if (!failed(rc))
		rc = default_text(&store->spool_dir, server->state_dir);
	return rc;
}

static status parse(struct server *server, char *text, size_t size)
{
	struct reading r = {.server = server};
	unsigned line = 0;
	const char *reason = ini_parse(text, size, take_entry, &r, &line);

	if (failed(r.rc))
		return r.rc;
	if (reason)
		return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION), "%s:%u: %s",
			server->file, line, reason);
	reason = check_whole(server);
	if (reason)
		return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION), "%s: %s",
			server->file, reason);
	return set_defaults(server);
}

static status read_text(
	int dirfd, const char *name, const char *file, char **text, size_t *size)
{
	struct stat st;
	status rc = file_read_at(dirfd, name, FILE_LARGEST, text, size, &st);

	if (rc == STATUS_WIN32(ERROR_FILE_TOO_LARGE))
		return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
			"%s: larger than any configuration", file);
	if (failed(rc))
		return rc;
	rc = trust_check(&st, S_IWGRP | S_IWOTH, file);
	if (failed(rc))
		free(*text);
	return rc;
}

status config_read(int dirfd, const char *dir, const char *name, struct server *server)
{
	char *text;
	size_t size;
	status rc;

	*server = (struct server){.tombstone_days = DEFAULT_TOMBSTONE,
		.service.timeout_seconds = DEFAULT_TIMEOUT};
	rc = default_below(&server->file, dir, name);
	if (!failed(rc))
		rc = read_text(dirfd, name, server->file, &text, &size);
	if (failed(rc))
		return rc;
	rc = parse(server, text, size);
	free(text);
	return rc;
}

status config_load(int dirfd, const char *dir, const char *name, struct server **server)
{
	struct server *s = malloc(sizeof(*s));
	status rc;

	*server = NULL;
	if (!s)
		return status_no_memory();
	rc = config_read(dirfd, dir, name, s);
	if (failed(rc)) {
		server_free(s);
		return rc;
	}
	*server = s;
	return STATUS_OK;
}

struct store_config config_with_engine(
	const struct store_config *store, const char *engine)
{
	struct store_config settled = *store;

	if (!store->ese_dir || strcmp(engine, "ese") != 0)
		return settled;
	if (!store->log_dir_given)
		settled.log_dir = store->ese_dir;
	if (!store->system_dir_given)
		settled.system_dir = store->ese_dir;
	return settled;
}

struct unc_scheme config_unc_scheme(const struct server *server)
{
	return (struct unc_scheme){.server = server->name,
		.shares = server->shares,
		.share_count = server->share_count,
		.posix = server->posix_names};
}

static void free_store(struct store_config *store)
{
	free(store->engine);
	names_free(&store->databases);
	free(store->log_dir);
	free(store->system_dir);
	free(store->ese_dir);
	free(store->region_dir);
	free(store->log_base);
	free(store->spool_dir);
}

static void free_service(struct service_config *service)
{
	free(service->unit);
	free(service->pidfile);
	free(service->program);
	free(service->start);
	free(service->stop);
	free(service->suspend);
	free(service->resume);
	free(service->status);
}

void server_free(struct server *server)
{
	if (!server)
		return;
	free(server->file);
	free(server->name);
	names_free(&server->aliases);
	free(server->authority);
	free(server->host);
	free(server->state_dir);
	for (size_t i = 0; i < server->share_count; i++) {
		free(server->shares[i].name);
		free(server->shares[i].path);
	}
	free(server->shares);
	free_store(&server->store);
	names_free(&server->dynamic);
	free_service(&server->service);
	free(server);
}
