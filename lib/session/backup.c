/*
 * What a call may do in which state says backup_rules.c. What it changes besides the state
 * is in the function of that name.
 */
#include "session/backup.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/trace.h"
#include "server/history.h"
#include "server/lock.h"
#include "server/registration.h"
#include "server/service.h"
#include "session/backup_rules.h"
#include "session/dynamic.h"

/* One of the two lists, and which of its files were delivered to the last byte. */
struct listing {
	struct engine_files files;
	bool *delivered;
	bool listed;
};

struct backup {
	struct server *server;
	unsigned family;
	enum backup_type type;
	enum backup_state state;
	int64_t time;
	struct lock *lock;
	const struct engine *engine;
	struct engine_session *session;
	struct listing databases, logs;
	bool truncated;
	bool recorded; /* in the history */

	struct listing *open_listing; /* of the open file */
	size_t open_index;
	uint64_t open_size, open_read;
};

static status check_call(const struct backup *b, enum backup_call call)
{
	return backup_rule(b->server->name, b->state, call);
}

/* ---- prepare ---- */

static status check_no_restore(const struct server *server)
{
	bool pending;
	status rc = registration_pending(server, &pending);

	if (!failed(rc) && pending)
		rc = status_fail(
			hrRestoreInProgress, "%s: a restore is registered", server->name);
	return rc;
}

static status check_online(const struct server *server)
{
	enum service_state state;
	status rc = service_get_state(server, &state);

	if (!failed(rc) && state != SERVICE_SERVING)
		rc = status_fail(hrCouldNotConnect, "%s: the service is %s", server->name,
			state == SERVICE_STOPPED ? "stopped" : "suspended");
	return rc;
}

/* A restore may come, and die half recovered, between the first look and the lock. */
static status take_store(struct backup *b)
{
	status rc = check_no_restore(b->server);

	if (!failed(rc))
		rc = check_online(b->server);
	if (!failed(rc))
		rc = lock_take(b->server, LOCK_BACKUP, &b->lock);
	if (!failed(rc))
		rc = check_no_restore(b->server);
	return rc;
}

/* From where an incremental backup goes on, or why there can be none. */
static status check_incremental(const struct backup *b, uint32_t *first_generation)
{
	struct history_chain *chain;
	struct history history;
	status rc;

	if (!(b->engine->traits & ENGINE_LOGS))
		return status_fail(hrCircularLogging,
			"%s: its store (%s) keeps no logs, so every backup is a full one",
			b->server->name, b->engine->name);
	rc = history_load(b->server, &history);
	if (failed(rc))
		return rc;
	chain = history_chain(&history, b->family);
	if (!chain->full.taken || chain->needs_full)
		return status_fail(hrMissingFullBackup, "%s: %s", b->server->name,
			chain->full.taken ? "it was restored since its last full backup"
					  : "it has no full backup yet");
	if (chain->incremental_disabled)
		return status_fail(hrIncrementalBackupDisabled,
			"%s: incremental backups are disabled until the next full one",
			b->server->name);
	*first_generation = chain->next_generation;
	return STATUS_OK;
}

static status begin(struct backup *b)
{
	struct engine_begin how = {.incremental = b->type == BACKUP_INCREMENTAL};
	struct store_config store;
	status rc = engine_find(&b->server->store, &b->engine);

	if (!failed(rc) && how.incremental)
		rc = check_incremental(b, &how.first_generation);
	if (failed(rc))
		return rc;
	b->time = (int64_t)time(NULL);
	store = config_with_engine(&b->server->store, b->engine->name);
	return b->engine->begin(b->engine, &store, &how, &b->session);
}

static void listing_free(struct listing *l)
{
	engine_files_free(&l->files);
	free(l->delivered);
}

static void backup_free(struct backup *b)
{
	if (b->session)
		b->engine->end(b->session);
	lock_release(b->lock);
	listing_free(&b->databases);
	listing_free(&b->logs);
	server_free(b->server);
	free(b);
}

status backup_prepare(struct server *server, unsigned family, enum backup_type type,
	struct backup **backup)
{
	struct backup *b = calloc(1, sizeof(*b));
	status rc;

	*backup = NULL;
	if (!b) {
		server_free(server);
		return status_no_memory();
	}
	b->server = server;
	b->family = family;
	b->type = type;
	b->state = type == BACKUP_FULL ? IN_DATABASES : BEFORE_LOGS;
	rc = take_store(b);
	if (!failed(rc))
		rc = begin(b);
	if (failed(rc)) {
		backup_free(b);
		return rc;
	}
	trace(TRACE_INFO, "%s: backup begun (%s)", server->name, b->engine->name);
	*backup = b;
	return STATUS_OK;
}

/* ---- lists ---- */

static status list_once(struct backup *b, struct listing *l,
	status (*list)(struct engine_session *, struct engine_files *))
{
	status rc;

	if (l->listed)
		return STATUS_OK;
	rc = list(b->session, &l->files);
	if (!failed(rc)) {
		l->delivered = calloc(l->files.count + 1, sizeof(*l->delivered));
		if (!l->delivered)
			rc = status_no_memory();
	}
	if (failed(rc)) {
		engine_files_free(&l->files);
		l->files = (struct engine_files){0};
		return rc;
	}
	l->listed = true;
	return STATUS_OK;
}

status backup_databases(struct backup *b, const struct engine_files **files)
{
	status rc = check_call(b, CALL_DATABASES);

	if (!failed(rc))
		rc = list_once(b, &b->databases, b->engine->databases);
	if (failed(rc))
		return rc;
	*files = &b->databases.files;
	return STATUS_OK;
}

status backup_logs(struct backup *b, const struct engine_files **files)
{
	status rc = check_call(b, CALL_LOGS);

	if (!failed(rc))
		rc = list_once(b, &b->logs, b->engine->logs);
	if (failed(rc))
		return rc;
	if (b->state != AFTER_TRUNCATION)
		b->state = IN_LOGS;
	*files = &b->logs.files;
	return STATUS_OK;
}

status backup_dynamic(struct backup *b, struct names *list)
{
	status rc = check_call(b, CALL_DYNAMIC);

	return failed(rc) ? rc : dynamic_files(b->server, list);
}

/* ---- one file ---- */

static int compare_path(const void *key, const void *file)
{
	return strcmp(key, ((const struct engine_file *)file)->path);
}

/* Engines list in the order of paths. */
static bool find_in(struct listing *l, const char *path, size_t *index)
{
	const struct engine_file *file;

	if (!l->files.count)
		return false;
	file = bsearch(path, l->files.items, l->files.count, sizeof(*file), compare_path);
	if (!file)
		return false;
	*index = (size_t)(file - l->files.items);
	return true;
}

/* Only what this session listed can be opened: nothing else is ever looked at. */
static status find_listed(
	struct backup *b, const char *name, struct listing **l, size_t *index)
{
	struct unc_scheme scheme = config_unc_scheme(b->server);
	char *path = NULL;
	status rc = unc_to_path(&scheme, name, &path);

	if (rc == STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY))
		return rc;
	if (!failed(rc) && find_in(&b->logs, path, index))
		*l = &b->logs;
	else if (!failed(rc) && find_in(&b->databases, path, index))
		*l = &b->databases;
	else
		rc = status_fail(STATUS_WIN32(ERROR_FILE_NOT_FOUND),
			"%s: this backup of %s does not list it", name, b->server->name);
	free(path);
	if (!failed(rc) && *l == &b->databases && b->state != IN_DATABASES)
		return status_fail(hrInvalidBackupSequence,
			"%s: the database phase ended when the logs were listed", name);
	return rc;
}

status backup_open(struct backup *b, const char *name, size_t read_hint, uint64_t *size)
{
	struct listing *l = NULL;
	size_t index = 0;
	status rc = check_call(b, CALL_OPEN);

	if (!failed(rc))
		rc = find_listed(b, name, &l, &index);
	if (!failed(rc))
		rc = b->engine->open(b->session, &l->files.items[index], read_hint, size);
	if (failed(rc))
		return rc;
	b->open_listing = l;
	b->open_index = index;
	b->open_size = *size;
	b->open_read = 0;
	if (*size == 0)
		l->delivered[index] = true;
	b->state = b->state == IN_DATABASES ? IN_DATABASE_FILE : IN_LOG_FILE;
	return STATUS_OK;
}

status backup_read(struct backup *b, void *buffer, size_t size, size_t *got)
{
	status rc = check_call(b, CALL_READ);

	if (!failed(rc))
		rc = b->engine->read(b->session, buffer, size, got);
	if (failed(rc))
		return rc;
	b->open_read += *got;
	if (b->open_read == b->open_size)
		b->open_listing->delivered[b->open_index] = true;
	return STATUS_OK;
}

static void close_file(struct backup *b)
{
	b->engine->close(b->session);
	b->open_listing = NULL;
	b->state = b->state == IN_DATABASE_FILE ? IN_DATABASES : IN_LOGS;
}

status backup_close(struct backup *b)
{
	status rc = check_call(b, CALL_CLOSE);

	if (!failed(rc))
		close_file(b);
	return rc;
}

/* ---- the end ---- */

static bool all_delivered(const struct listing *l)
{
	if (!l->listed)
		return false;
	for (size_t i = 0; i < l->files.count; i++)
		if (!l->delivered[i] && l->files.items[i].size > 0)
			return false;
	return true;
}

static bool complete(const struct backup *b)
{
	return all_delivered(&b->logs) &&
	       (b->type == BACKUP_INCREMENTAL || all_delivered(&b->databases));
}

/* Generations of the logs of this session; 0, 0 where it has none. */
static void log_range(const struct backup *b, uint32_t *low, uint32_t *high)
{
	*low = *high = 0;
	for (size_t i = 0; i < b->logs.files.count; i++) {
		uint32_t generation = b->logs.files.items[i].generation;

		if (i == 0 || generation < *low)
			*low = generation;
		if (generation > *high)
			*high = generation;
	}
}

/* A full backup, or an incremental one that truncates, is what the next incremental
 * continues: from the newest log on, which was not finished when it was copied. */
static void note_backup(const struct backup *b, bool truncates, struct history *history)
{
	struct history_backup now = {.taken = true, .time = b->time};
	struct history_chain *chain = history_chain(history, b->family);

	log_range(b, &now.log_low, &now.log_high);
	if (b->type == BACKUP_FULL)
		*chain = (struct history_chain){.full = now};
	else
		chain->incremental = now;
	if (b->type == BACKUP_FULL || truncates)
		chain->next_generation = now.log_high;
}

/* *HISTORY: as it is then. */
static status record(struct backup *b, bool truncates, struct history *history)
{
	struct lock *lock;
	status rc = lock_records(b->server, &lock);

	if (failed(rc))
		return rc;
	rc = history_load(b->server, history);
	if (!failed(rc)) {
		note_backup(b, truncates, history);
		rc = history_save(b->server, history);
	}
	lock_release(lock);
	b->recorded = !failed(rc);
	return rc;
}

/* The record comes first: whoever dies while logs go, or before End, leaves a base that
 * needs none of them. What the other family's next incremental backup needs stays, too. */
static status truncate_logs(struct backup *b)
{
	struct history history;
	uint32_t low, high;
	status rc = record(b, true, &history);

	if (failed(rc))
		return rc;
	log_range(b, &low, &high);
	b->state = AFTER_TRUNCATION;
	rc = b->engine->truncate(
		b->session, history_keep_from(&history, b->family, high));
	if (!failed(rc))
		b->truncated = true;
	return rc;
}

status backup_truncate(struct backup *b)
{
	status rc = check_call(b, CALL_TRUNCATE);

	if (failed(rc))
		return rc;
	if (!complete(b))
		return status_fail(hrInvalidBackupSequence,
			"%s: not every listed file was read to its end", b->server->name);
	if (!b->engine->truncate || b->truncated)
		return STATUS_OK;
	if (b->state == AFTER_TRUNCATION)
		return status_fail(hrInvalidBackupSequence,
			"%s: truncating the logs has failed already", b->server->name);
	return truncate_logs(b);
}

const struct server *backup_server(const struct backup *b)
{
	return b->server;
}

int64_t backup_time(const struct backup *b)
{
	return b->time;
}

status backup_end(struct backup *b, bool want_record)
{
	struct history history;
	status rc = STATUS_OK;

	if (b->open_listing)
		close_file(b);
	if (want_record && complete(b) && !b->recorded)
		rc = record(b, false, &history);
	trace(TRACE_INFO, "%s: backup ended (%s)", b->server->name,
		!complete(b)                 ? "incomplete"
		: want_record || b->recorded ? "complete"
					     : "abandoned");
	backup_free(b);
	return rc;
}
