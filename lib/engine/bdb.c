/* Every call that goes into the environment runs under a limit (bdb_patience.h). Once one
 * did not come back, the session touches the environment no more: the thread that hangs
 * there has its handles. Nor may the process end then: measured with 5.3.28, with each of an
 * environment's mutexes held by another process until after this one's end, the waiting
 * thread's own locks were left behind, and the server hung, in 47 of 49 cases; in none when
 * the thread was waited for. */
#include "engine/bdb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/trace.h"
#include "engine/bdb_log.h"
#include "engine/bdb_names.h"
#include "engine/bdb_patience.h"
#include "engine/log_part.h"

enum {
	JOIN_SECONDS = 60,
	WORK_SECONDS = 900, /* a checkpoint writes all of a large cache */
	END_SECONDS = 60,
	TRIES = 5,
	LINGER_MS = 200,
};

struct engine_session {
	const struct hosted_engine *host;
	char *home; /* for messages */
	char *why;  /* it hangs */
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
	struct engine_files files; /* a list in the making */
};

/* The session that hangs: one a process. */
static struct engine_session *volatile stuck;

/* Whatever is asked of a session that hangs, the answer is why it does. */
static status refuse(const struct engine_session *s)
{
	return status_fail(hrCouldNotConnect, "%s",
		s->why ? s->why : "Berkeley DB: the environment does not answer");
}

static status remember_why(struct engine_session *s, status rc)
{
	if (s->env.hung && !s->why)
		s->why = strdup(status_pending());
	return rc;
}

static status within(struct engine_session *s, unsigned seconds, status (*deed)(void *))
{
	if (s->env.hung)
		return refuse(s);
	return remember_why(s, bdb_within(seconds, deed, s, s->home, &s->env.hung));
}

/* ---- begin ---- */

static status join(void *context)
{
	struct engine_session *s = context;
	status rc = bdb_join(&s->env);

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
	if (session->env.hung)
		return;
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
	if (!session->env.hung)
		bdb_stream_drop(&session->env);
	(void)within(session, END_SECONDS, leave);
	if (session->env.hung) {
		stuck = session;
		return;
	}
	bdb_env_free(&session->env);
	bdb_held_free(&session->held);
	names_free(&session->listed);
	engine_files_free(&session->files);
	free(session->home);
	free(session->why);
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
	s->how = *how;
	s->fd = -1;
	s->home = strdup(home);
	rc = s->home ? bdb_locate(store, &s->env) : status_no_memory();
	if (!failed(rc))
		rc = within(s, JOIN_SECONDS, join);
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

/* Somebody may wait for all to close that end of a pipe. */
static void let_go_of_stderr(void)
{
	const int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)dup2(fd, STDERR_FILENO);
	(void)close(fd);
}

/* What the end of the process would leave locked in the environment is given back if the
 * thread that hangs ever can. Once the server was restarted it concerns nobody. */
static void bdb_linger(void)
{
	static const struct timespec pause = {.tv_nsec = LINGER_MS * 1000000L};
	struct engine_session *s = stuck;

	if (!s)
		return;
	trace(TRACE_ERROR,
		"%s: the store worker stays until the environment answers, or the server "
		"was restarted",
		s->home);
	let_go_of_stderr();
	while (s && !failed(bdb_still_joined(&s->env))) {
		if (bdb_deeds_under_way()) {
			(void)nanosleep(&pause, NULL);
			continue;
		}
		stuck = NULL;
		s->env.hung = false;
		bdb_end(s);
		s = stuck;
	}
}

/* ---- lists ---- */

static status list_databases(void *context)
{
	struct engine_session *s = context;
	status rc = bdb_still_joined(&s->env);

	return failed(rc) ? rc : bdb_list_databases(&s->env, &s->files);
}

static status bdb_databases(struct engine_session *session, struct engine_files *files)
{
	status rc;

	if (session->how.incremental)
		return STATUS_OK;
	rc = within(session, WORK_SECONDS, list_databases);
	if (session->env.hung)
		return rc;
	*files = session->files;
	session->files = (struct engine_files){0};
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

	if (failed(rc))
		return rc;
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
	if (session->env.hung)
		return refuse(session);
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
	return remember_why(session, bdb_stream_run(&session->stream, fd));
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
	if (!session->env.hung)
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

const struct hosted_streaming bdb_streaming = {
	.descriptor = bdb_descriptor, .stream = bdb_stream, .linger = bdb_linger};
