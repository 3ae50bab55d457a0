/* Every call that goes into the environment runs under a limit (bdb_patience.h). Once one
 * did not come back, the session touches the environment no more: the thread that hangs
 * there has its handles. */
#include "engine/bdb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/bdb_log.h"
#include "engine/bdb_names.h"
#include "engine/bdb_patience.h"
#include "engine/log_part.h"

enum {
	JOIN_SECONDS = 60,
	WORK_SECONDS = 900, /* a checkpoint writes all of a large cache */
	END_SECONDS = 60,
	TRIES = 5,
};

struct engine_session {
	const struct hosted_engine *host;
	const struct store_config *store;
	char *home; /* for messages */
	struct engine_begin how;
	struct bdb_env env;
	DB_TXN *pin;
	struct bdb_held held;
	struct names listed; /* databases */
	uint32_t newest;     /* log, and how much of it is listed */
	uint32_t length;
	uint32_t keep_from; /* for truncate */
	struct bdb_stream stream;
	int fd; /* of the open file; -1: it is a database, which is streamed */
	bool own_fd;
	bool hung;
	struct engine_files *files; /* where a list goes */
};

static status within(struct engine_session *s, unsigned seconds, status (*deed)(void *))
{
	if (s->hung)
		return status_fail(hrCouldNotConnect,
			"%s: the environment does not answer", s->home);
	return bdb_within(seconds, deed, s, s->home, &s->hung);
}

/* ---- begin ---- */

static status join(void *context)
{
	struct engine_session *s = context;
	status rc = bdb_join(s->store, &s->env);

	return failed(rc) ? rc : bdb_pin(&s->env, &s->pin);
}

/* The server may remove, between two looks, what is not needed any more. */
static status hold_needed(struct engine_session *s)
{
	uint32_t first = 0, newest = 0;
	status rc = hrLogFileNotFound;

	for (int i = 0; i < TRIES && rc == hrLogFileNotFound; i++) {
		bdb_held_free(&s->held);
		rc = bdb_needed_logs(&s->env, &first, &newest);
		if (!failed(rc))
			rc = bdb_hold(&s->held, s->env.log_dir, first, newest);
	}
	return rc;
}

static status hold_wanted(struct engine_session *s)
{
	uint32_t newest, length;
	status rc = bdb_log_end(&s->env, &newest, &length);

	if (failed(rc))
		return rc;
	if (s->how.first_generation > newest)
		newest = s->how.first_generation; /* which is not there */
	return bdb_hold(&s->held, s->env.log_dir, s->how.first_generation, newest);
}

static status freeze(void *context)
{
	struct engine_session *s = context;
	status rc;

	if (s->how.incremental)
		return hold_wanted(s);
	rc = bdb_checkpoint(&s->env);
	return failed(rc) ? rc : hold_needed(s);
}

static status leave(void *context)
{
	struct engine_session *s = context;
	status rc = bdb_unpin(&s->env, &s->pin);

	bdb_leave(&s->env);
	return rc;
}

static void bdb_close(struct engine_session *session)
{
	if (session->own_fd)
		(void)close(session->fd);
	session->fd = -1;
	session->own_fd = false;
	session->stream.path = NULL;
}

/* What a thread that hangs may still use stays. */
static void bdb_end(struct engine_session *session)
{
	if (!session)
		return;
	bdb_close(session);
	(void)within(session, END_SECONDS, leave);
	bdb_held_free(&session->held);
	names_free(&session->listed);
	if (session->hung)
		return;
	free(session->home);
	free(session);
}

static status bdb_begin(const struct engine *engine, const struct store_config *store,
	const struct engine_begin *how, struct engine_session **session)
{
	struct engine_session *s = calloc(1, sizeof(*s));
	const char *home = store->region_dir        ? store->region_dir
			   : store->databases.count ? store->databases.items[0]
						    : "store";
	status rc;

	*session = NULL;
	if (!s)
		return status_no_memory();
	s->host = hosted_engine(engine);
	s->store = store;
	s->how = *how;
	s->fd = -1;
	s->home = strdup(home);
	rc = s->home ? within(s, JOIN_SECONDS, join) : status_no_memory();
	if (!failed(rc))
		rc = within(s, WORK_SECONDS, freeze);
	if (failed(rc)) {
		char *why = strdup(status_pending());

		bdb_end(s);
		rc = status_fail(rc, "%s", why ? why : home);
		free(why);
		return rc;
	}
	*session = s;
	return STATUS_OK;
}

/* ---- lists ---- */

static status list_databases(void *context)
{
	struct engine_session *s = context;
	status rc = bdb_still_joined(&s->env);

	return failed(rc) ? rc : bdb_list_databases(&s->env, s->files);
}

static status bdb_databases(struct engine_session *session, struct engine_files *files)
{
	status rc;

	if (session->how.incremental)
		return STATUS_OK;
	session->files = files;
	rc = within(session, WORK_SECONDS, list_databases);
	for (size_t i = 0; i < files->count && !failed(rc); i++)
		rc = names_add(&session->listed, files->items[i].path);
	return rc;
}

static status find_end(void *context)
{
	struct engine_session *s = context;
	status rc = bdb_log_end(&s->env, &s->newest, &s->length);

	return failed(rc) ? rc
			  : bdb_hold(&s->held, s->env.log_dir,
				    s->how.incremental ? s->how.first_generation : 1,
				    s->newest);
}

static status add_part(const struct engine_session *s, const struct bdb_held_log *log,
	struct engine_files *files)
{
	char *name = log_part_name(log->path, s->length);
	status rc = name ? engine_files_add(
				   files, name, ENGINE_LOG, log->generation, s->length)
			 : status_no_memory();

	free(name);
	return rc;
}

static status add_log(const struct engine_session *s, const struct bdb_held_log *log,
	struct engine_files *files)
{
	struct stat st;

	if (fstat(log->fd, &st) < 0)
		return status_errno(errno, "%s", log->path);
	if (log->generation != s->newest)
		return engine_files_add(files, log->path, ENGINE_LOG, log->generation,
			(uint64_t)st.st_size);
	if ((uint64_t)st.st_size < s->length)
		return status_fail(hrLogFileCorrupt,
			"%s: it has fewer bytes than the environment says", log->path);
	return add_part(s, log, files);
}

static status bdb_logs(struct engine_session *session, struct engine_files *files)
{
	status rc = within(session, WORK_SECONDS, find_end);

	for (size_t i = 0; i < session->held.count && !failed(rc); i++)
		rc = add_log(session, &session->held.items[i], files);
	return rc;
}

/* ---- files ---- */

static const char *last_component(const char *path)
{
	return strrchr(path, '/') + 1;
}

static status not_listed(const char *path)
{
	return status_fail(STATUS_WIN32(ERROR_FILE_NOT_FOUND),
		"%s: not listed by this session", path);
}

/* Bytes that are known to be damaged are not handed out. */
static status open_log(
	struct engine_session *s, const struct engine_file *file, uint64_t *size)
{
	const struct bdb_held_log *log = NULL;
	struct bdb_log_shape shape;
	uint32_t generation;
	struct stat st;
	bool part;
	status rc;

	if (bdb_log_generation(last_component(file->path), &generation, &part, NULL))
		log = bdb_held_find(&s->held, generation);
	if (!log || part != (generation == s->newest))
		return not_listed(file->path);
	if (fstat(log->fd, &st) < 0)
		return status_errno(errno, "%s", log->path);
	*size = part ? s->length : (uint64_t)st.st_size;
	rc = bdb_log_check(
		log->fd, log->path, *size, part ? BDB_LOG_PART : BDB_LOG_ZEROS, &shape);
	if (rc == hrGivenLogFileHasBadSignature)
		rc = status_fail(
			hrLogFileCorrupt, "%s: not a log of Berkeley DB 5.3", log->path);
	if (!failed(rc))
		s->fd = log->fd;
	return rc;
}

static status open_plain(struct engine_session *s, const char *path, uint64_t *size)
{
	struct stat st;
	status rc = file_open_regular(path, FILE_TRUSTED, &s->fd, &st);

	if (failed(rc))
		return rc;
	s->own_fd = true;
	*size = (uint64_t)st.st_size;
	return STATUS_OK;
}

static status open_database(struct engine_session *s, const char *path, uint64_t *size)
{
	const char *listed = NULL;
	status rc;

	for (size_t i = 0; i < s->listed.count && !listed; i++)
		if (strcmp(s->listed.items[i], path) == 0)
			listed = s->listed.items[i];
	if (!listed)
		return not_listed(path);
	if (bdb_file_of_name(last_component(listed)) == BDB_PLAIN)
		return open_plain(s, listed, size);
	s->stream = (struct bdb_stream){.env = &s->env, .host = s->host};
	rc = bdb_stream_open(&s->stream, listed);
	if (!failed(rc))
		*size = s->stream.size;
	return rc;
}

static status bdb_open(struct engine_session *session, const struct engine_file *file,
	size_t read_hint, uint64_t *size)
{
	(void)read_hint;
	*size = 0;
	bdb_close(session);
	if (file->path[0] != '/')
		return not_listed(file->path);
	return file->kind == ENGINE_LOG ? open_log(session, file, size)
					: open_database(session, file->path, size);
}

static int bdb_descriptor(struct engine_session *session)
{
	return session->fd;
}

static status bdb_stream(struct engine_session *session, int fd)
{
	return bdb_stream_run(&session->stream, fd);
}

/* ---- truncation ---- */

static status truncate_logs(void *context)
{
	struct engine_session *s = context;
	uint32_t first, newest;
	status rc = bdb_unpin(&s->env, &s->pin);

	if (!failed(rc))
		rc = bdb_checkpoint(&s->env);
	if (!failed(rc))
		rc = bdb_needed_logs(&s->env, &first, &newest);
	if (failed(rc))
		return rc;
	return bdb_remove_logs(
		s->env.log_dir, s->keep_from < first ? s->keep_from : first);
}

static status bdb_truncate(struct engine_session *session, uint32_t keep_from)
{
	bdb_close(session);
	bdb_held_free(&session->held);
	session->keep_from = keep_from;
	return within(session, WORK_SECONDS, truncate_logs);
}

const struct engine bdb_hosted_engine = {
	.name = "bdb",
	.traits = ENGINE_LOGS | ENGINE_DIRECTORY | ENGINE_LOGGED_NAMES,
	.begin = bdb_begin,
	.databases = bdb_databases,
	.logs = bdb_logs,
	.open = bdb_open,
	.close = bdb_close,
	.truncate = bdb_truncate,
	.end = bdb_end,
	.recover = bdb_recover,
	.verify = bdb_verify,
};

const struct hosted_streaming bdb_streaming = {bdb_descriptor, bdb_stream};
