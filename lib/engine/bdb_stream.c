/* DB_ENV->dbbackup reads a range of pages while libdb keeps every process from writing any
 * of them to the file, and hands it to a callback: no page is torn. Measured with 5.3.28:
 * until the callback returns, commits go on, and cache pages of other ranges are written,
 * but a checkpoint (and so the stopping of the server) waits. So a reader that stalls, or
 * that takes little at a time, must not stall the callback: after a moment the copying is
 * given up, which frees the range, and begun again from the start of the file when the
 * reader has gone on, passing over what he has.
 *
 * All that runs in a thread that may hang for ever (bdb_patience.h). So what it uses is its
 * own, the pipe's descriptor included.
 */
#include "engine/bdb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/bdb_names.h"
#include "engine/bdb_patience.h"
#include "engine/bdb_relay.h"

enum {
	CHUNK_SIZE = 256 << 10, /* the range that is kept from being written */
	PATIENCE_MS = 2000,     /* the longest that a checkpoint waits for a reader */
};

/* How long libdb may take from one range to the next. Before the first one it waits for
 * transactions that have the database locked as a whole. */
#ifndef BDB_STREAM_SECONDS
#define BDB_STREAM_SECONDS 300
#endif

#define GIGABYTE (UINT64_C(1) << 30)

/* One way through the file. */
struct run {
	struct bdb_stream *stream;
	struct bdb_relay relay;
	int pipe;           /* the relay's */
	int dead_pipe;      /* that nobody reads */
	char *asked;        /* what libdb is asked for */
	const char *name;   /* of the file, as libdb calls it then */
	bool ours;          /* what is being copied is that file */
	uint64_t position;  /* of what comes next */
	uint64_t delivered; /* to the relay, in all ways through together */
	bool paused;
	const void *buffer; /* libdb's, for what it reads to copy; NULL: not known */
	unsigned char *redirected; /* what was read instead; NULL: nothing */
	int code;                  /* that libdb returned */
	status rc;
};

/* ---- reading ---- */

static struct run *reading; /* libdb's functions take no context */

/* A trick, for its speed: libdb reads each range into a buffer of its own, which would have
 * to be copied into the relay. Once a callback has told where that buffer is, what is read
 * to there goes into the relay at once. Nothing else is read to there: the buffer is private
 * to the copying and lives until its end, and pages of the cache are elsewhere, in shared
 * memory. What comes short is read again by libdb, into its own buffer. */
static ssize_t read_range(int fd, void *buffer, size_t size, off_t offset)
{
	struct run *run = reading;
	unsigned char *room = NULL;
	ssize_t n;

	if (run && buffer == run->buffer && run->delivered == run->position)
		room = bdb_relay_reserve(&run->relay, size);
	if (!room)
		return pread(fd, buffer, size, offset);
	n = pread(fd, room, size, offset);
	run->redirected = n == (ssize_t)size ? room : NULL;
	return n;
}

/* ---- callbacks: what they return ends the copying unless it is 0 ---- */

static int copy_begins(
	DB_ENV *handle, const char *name, const char *target, void **cookie)
{
	struct run *run = ((struct bdb_env *)handle->app_private)->run;

	(void)target;
	bdb_going_on();
	*cookie = run;
	/* A queue's extents are copied together with it, as "./__dbq.NAME.0". */
	run->buffer = NULL;
	run->redirected = NULL;
	run->ours = strcmp(strncmp(name, "./", 2) == 0 ? name + 2 : name, run->name) == 0;
	run->position = 0;
	return 0;
}

static int copy_ends(DB_ENV *handle, const char *name, void *cookie)
{
	(void)handle;
	(void)name;
	((struct run *)cookie)->ours = false;
	((struct run *)cookie)->buffer = NULL;
	return 0;
}

static status check_pages(const struct run *run, const unsigned char *data, size_t size)
{
	const struct bdb_stream *stream = run->stream;
	const size_t page = stream->pages.size;

	if (!stream->pages.summed)
		return STATUS_OK;
	for (size_t at = 0; at + page <= size; at += page) {
		const uint64_t number = (run->position + at) / page;

		if (!bdb_page_sound(&stream->pages, number, data + at))
			return status_fail(hrReadVerifyFailure,
				"%s: page %llu is damaged: its checksum is wrong",
				stream->path, (unsigned long long)number);
	}
	return STATUS_OK;
}

/* SIZE bytes at the run's position, which may lie in part before what was delivered. */
static status deliver(struct run *run, const unsigned char *data, size_t size)
{
	const uint64_t end = run->stream->size;
	const uint64_t skip =
		run->delivered > run->position ? run->delivered - run->position : 0;
	size_t taken;
	status rc;

	if (size > end - run->position)
		size = (size_t)(end - run->position);
	if (skip >= size)
		return STATUS_OK;
	rc = check_pages(run, data, size);
	if (failed(rc))
		return rc;
	if (data == run->redirected) {
		run->delivered += size;
		return bdb_relay_commit(&run->relay, size);
	}
	rc = bdb_relay_put(
		&run->relay, data + skip, size - (size_t)skip, PATIENCE_MS, &taken);
	run->delivered += taken;
	run->paused = taken < size - skip;
	return rc;
}

static int copy_goes_on(DB_ENV *handle, u_int32_t gigabytes, u_int32_t offset,
	u_int32_t size, u_int8_t *data, void *cookie)
{
	struct run *run = cookie;
	const uint64_t position = gigabytes * GIGABYTE + offset;

	(void)handle;
	if (!run->ours)
		return 0;
	if (position != run->position) {
		run->rc = status_fail(hrReadVerifyFailure,
			"%s: Berkeley DB left out what is at byte %llu",
			run->stream->path, (unsigned long long)run->position);
		return EIO;
	}
	run->rc = deliver(run, run->redirected ? run->redirected : data, size);
	run->redirected = NULL;
	run->position += size;
	/* Of a heap, other things are read between two ranges. */
	run->buffer = run->stream->pages.type == BDB_HEAP_TYPE ? NULL : data;
	bdb_going_on();
	return failed(run->rc) || run->paused || run->delivered == run->stream->size
		       ? ECANCELED
		       : 0;
}

/* ---- a file ---- */

/* A queue's extent is asked for by the name of its queue: "__dbq.NAME.0" is of NAME. */
static char *name_to_ask(const char *name)
{
	static const char prefix[] = "__dbq.";
	const char *slash = strrchr(name, '/');
	const size_t dir = slash ? (size_t)(slash + 1 - name) : 0;
	char *asked = strdup(name), *dot;

	if (!asked || strncmp(name + dir, prefix, strlen(prefix)) != 0)
		return asked;
	memmove(asked + dir, name + dir + strlen(prefix),
		strlen(name + dir + strlen(prefix)) + 1);
	dot = strrchr(asked, '.');
	if (dot)
		*dot = '\0';
	return asked;
}

static status copy_file(void *context)
{
	struct run *run = context;
	DB_ENV *handle = run->stream->env->handle;

	reading = run;
	run->code = db_env_set_func_pread(read_range);
	if (!run->code)
		run->code = handle->dbbackup(handle, run->asked, "pipe", 0);
	(void)db_env_set_func_pread(NULL);
	reading = NULL;
	return run->rc;
}

/* What libdb returned, where the callbacks did not end it. */
static status outcome(struct run *run)
{
	struct bdb_env *env = run->stream->env;
	const char *path = run->stream->path;

	if (run->code == ENOENT)
		return status_fail(STATUS_WIN32(ERROR_FILE_NOT_FOUND),
			"%s: it was removed since the backup began", path);
	if (run->code && run->code != EINVAL)
		return bdb_failure(env, run->code, path, "reading it");
	if (run->code)
		return status_fail(
			hrReadVerifyFailure, "%s: damaged: %s", path, env->said);
	return status_fail(hrReadVerifyFailure,
		"%s: only %llu of its %llu bytes are there: it became shorter", path,
		(unsigned long long)run->delivered,
		(unsigned long long)run->stream->size);
}

static status copy_once(struct run *run)
{
	struct bdb_env *env = run->stream->env;
	status rc = bdb_still_joined(env);

	if (failed(rc))
		return rc;
	run->paused = false;
	rc = bdb_within(
		BDB_STREAM_SECONDS, copy_file, run, run->stream->path, &env->hung);
	if (failed(rc))
		return rc;
	if (run->relay.wanted && !run->paused && run->delivered < run->stream->size)
		return outcome(run);
	*env->said = '\0';
	return STATUS_OK;
}

static status copy_all(struct run *run)
{
	DB_ENV *handle = run->stream->env->handle;
	status rc = STATUS_OK;
	int code = handle->set_backup_callbacks(
		handle, copy_begins, copy_goes_on, copy_ends);

	if (!code)
		code = handle->set_backup_config(handle, DB_BACKUP_SIZE, CHUNK_SIZE);
	if (code)
		return bdb_failure(
			run->stream->env, code, run->stream->path, "reading it");
	while (!failed(rc) && run->relay.wanted && run->delivered < run->stream->size) {
		rc = copy_once(run);
		if (!failed(rc) && run->paused)
			rc = bdb_relay_await(&run->relay);
	}
	return failed(rc) ? rc : bdb_relay_finish(&run->relay);
}

/* ---- what a way through needs ---- */

static void run_free(struct run *run)
{
	bdb_relay_close(&run->relay);
	if (run->pipe >= 0)
		(void)close(run->pipe);
	if (run->dead_pipe >= 0)
		(void)close(run->dead_pipe);
	free(run->asked);
	free(run);
}

/* The end for writing; -1 on failure. */
static int open_dead_pipe(void)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	(void)close(ends[0]);
	return ends[1];
}

/* NULL: *RC says why. */
static struct run *run_new(struct bdb_stream *stream, int pipe, status *rc)
{
	struct run *run = calloc(1, sizeof(*run));

	if (!run) {
		*rc = status_no_memory();
		return NULL;
	}
	run->stream = stream;
	run->name = stream->path + strlen(stream->env->data) + 1;
	run->asked = name_to_ask(run->name);
	run->pipe = fcntl(pipe, F_DUPFD_CLOEXEC, 0);
	run->dead_pipe = open_dead_pipe();
	if (run->pipe < 0 || run->dead_pipe < 0)
		*rc = status_errno(errno, "store worker: pipe");
	else if (!run->asked)
		*rc = status_no_memory();
	else
		*rc = bdb_relay_open(&run->relay, stream->host, run->pipe);
	if (!failed(*rc))
		return run;
	run_free(run);
	return NULL;
}

void bdb_stream_drop(struct bdb_env *env)
{
	if (env->run)
		run_free(env->run);
	env->run = NULL;
}

/* The thread that hangs has the run, and should it come back, a pipe that nobody reads. The
 * other one ends with the last descriptor of it. */
static void abandon(const struct run *run)
{
	(void)dup2(run->dead_pipe, run->pipe);
}

/* ---- from outside ---- */

static bool is_extent(const char *path)
{
	return bdb_file_of_name(strrchr(path, '/') + 1) == BDB_DATABASE;
}

static status read_head(struct bdb_stream *stream, int fd)
{
	unsigned char head[BDB_META_SIZE];
	size_t got;
	status rc;

	if (is_extent(stream->path)) {
		stream->pages = (struct bdb_pages){.size = 1};
		return STATUS_OK;
	}
	rc = file_pread(fd, head, sizeof(head), 0, &got, stream->path);
	if (failed(rc))
		return rc;
	if (got < sizeof(head) || !bdb_pages_read(head, &stream->pages))
		return status_fail(hrReadVerifyFailure,
			"%s: its first page is damaged: not a Berkeley DB database",
			stream->path);
	return STATUS_OK;
}

/* The checkpoint that began the session wrote all pages that are older than it; what the
 * file gains later is in the logs. */
status bdb_stream_open(struct bdb_stream *stream, const char *path)
{
	struct stat st;
	int fd;
	status rc = file_open_regular(path, FILE_TRUSTED, &fd, &st);

	stream->path = path;
	if (failed(rc))
		return rc;
	rc = read_head(stream, fd);
	if (!failed(rc))
		stream->size =
			(uint64_t)st.st_size - (uint64_t)st.st_size % stream->pages.size;
	(void)close(fd);
	return rc;
}

status bdb_stream_run(struct bdb_stream *stream, int pipe)
{
	struct run *run;
	status rc = STATUS_OK;

	if (stream->pages.type == BDB_HEAP_TYPE && stream->pages.summed)
		rc = bdb_heap_check(stream);
	if (failed(rc) || stream->size == 0)
		return rc;
	run = run_new(stream, pipe, &rc);
	if (!run)
		return rc;
	stream->env->run = run;
	rc = copy_all(run);
	if (stream->env->hung) {
		abandon(run);
		return rc;
	}
	stream->env->run = NULL;
	run_free(run);
	return rc;
}
