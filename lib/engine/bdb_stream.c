/* DB_ENV->dbbackup reads a range of pages while libdb keeps every process from writing any
 * of them to the file, and hands it to a callback: no page is torn. Measured with 5.3.28:
 * until the callback returns, commits go on, and cache pages of other ranges are written,
 * but a checkpoint (and so the stopping of the server) waits. So a reader that stalls, or
 * that takes little at a time, must not stall the callback: after a moment the copying is
 * given up, which frees the range, and begun again from the start of the file when the
 * reader has gone on, passing over what he has.
 */
#include "engine/bdb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/bdb_names.h"
#include "engine/bdb_relay.h"

enum {
	CHUNK_SIZE = 256 << 10, /* the range that is kept from being written */
	PATIENCE_MS = 2000,     /* the longest that a checkpoint waits for a reader */
	RETRIES = 20,
	RETRY_MS = 50,
};

#define GIGABYTE (UINT64_C(1) << 30)

/* One way through the file. */
struct run {
	struct bdb_stream *stream;
	struct bdb_relay relay;
	const char *name;   /* of the file, as libdb was asked for it */
	bool ours;          /* what is being copied is that file */
	uint64_t position;  /* of what comes next */
	uint64_t delivered; /* to the relay, in all ways through together */
	bool paused;
	const void *buffer; /* libdb's, for what it reads to copy; NULL: not known */
	unsigned char *redirected; /* what was read instead; NULL: nothing */
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

static status copy_once(struct run *run, const char *asked)
{
	struct bdb_env *env = run->stream->env;
	status rc = bdb_still_joined(env);
	int code;

	if (failed(rc))
		return rc;
	run->paused = false;
	reading = run;
	code = db_env_set_func_pread(read_range);
	if (!code)
		code = env->handle->dbbackup(env->handle, asked, "pipe", 0);
	(void)db_env_set_func_pread(NULL);
	reading = NULL;
	if (failed(run->rc))
		return run->rc;
	if (!run->relay.wanted || run->paused || run->delivered == run->stream->size) {
		*env->said = '\0';
		return STATUS_OK;
	}
	if (code == ENOENT)
		return status_fail(STATUS_WIN32(ERROR_FILE_NOT_FOUND),
			"%s: it was removed since the backup began", run->stream->path);
	if (code && code != EINVAL)
		return bdb_failure(env, code, run->stream->path, "reading it");
	if (code)
		return status_fail(hrReadVerifyFailure, "%s: damaged: %s",
			run->stream->path, env->said);
	return status_fail(hrReadVerifyFailure,
		"%s: only %llu of its %llu bytes are there: it became shorter",
		run->stream->path, (unsigned long long)run->delivered,
		(unsigned long long)run->stream->size);
}

static status copy_all(struct run *run, const char *asked)
{
	status rc = STATUS_OK;

	while (!failed(rc) && run->relay.wanted && run->delivered < run->stream->size) {
		rc = copy_once(run, asked);
		if (!failed(rc) && run->paused)
			rc = bdb_relay_await(&run->relay);
	}
	return failed(rc) ? rc : bdb_relay_finish(&run->relay);
}

static status run_named(struct bdb_stream *stream, int pipe, const char *asked)
{
	struct run run = {
		.stream = stream, .name = stream->path + strlen(stream->env->data) + 1};
	DB_ENV *handle = stream->env->handle;
	int code;
	status rc = bdb_relay_open(&run.relay, stream->host, pipe);

	stream->env->run = &run;
	if (!failed(rc)) {
		code = handle->set_backup_callbacks(
			handle, copy_begins, copy_goes_on, copy_ends);
		if (!code)
			code = handle->set_backup_config(
				handle, DB_BACKUP_SIZE, CHUNK_SIZE);
		rc = code ? bdb_failure(stream->env, code, stream->path, "reading it")
			  : copy_all(&run, asked);
	}
	stream->env->run = NULL;
	bdb_relay_close(&run.relay);
	return rc;
}

/* ---- heaps ---- */

static status read_page(const struct bdb_stream *stream, int fd, uint64_t number,
	unsigned char *page, bool *sound)
{
	static const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
	status rc = STATUS_OK;

	*sound = false;
	for (int i = 0; i < RETRIES && !*sound && !failed(rc); i++) {
		size_t got = 0;

		if (i)
			(void)nanosleep(&pause, NULL); /* it may be being written */
		rc = file_pread(fd, page, stream->pages.size, number * stream->pages.size,
			&got, stream->path);
		*sound = got == stream->pages.size &&
			 bdb_page_sound(&stream->pages, number, page);
	}
	return rc;
}

/* Measured: copying a heap, dbbackup takes some of its pages through the cache, and a wrong
 * checksum there stops the whole environment, all its processes included. So such a file
 * is looked through first. Of the other access methods it only reads the file. */
static status check_heap(const struct bdb_stream *stream)
{
	unsigned char *page = malloc(stream->pages.size);
	struct stat st;
	bool sound = true;
	int fd;
	status rc = page ? file_open_regular(stream->path, FILE_TRUSTED, &fd, &st)
			 : status_no_memory();

	if (!failed(rc)) {
		for (uint64_t n = 0;
			n < stream->size / stream->pages.size && sound && !failed(rc);
			n++) {
			rc = read_page(stream, fd, n, page, &sound);
			if (!failed(rc) && !sound)
				rc = status_fail(hrReadVerifyFailure,
					"%s: page %llu is damaged: its checksum is wrong",
					stream->path, (unsigned long long)n);
		}
		(void)close(fd);
	}
	free(page);
	return rc;
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
	char *asked = name_to_ask(stream->path + strlen(stream->env->data) + 1);
	status rc = asked ? STATUS_OK : status_no_memory();

	if (!failed(rc) && stream->pages.type == BDB_HEAP_TYPE && stream->pages.summed)
		rc = check_heap(stream);
	if (!failed(rc) && stream->size)
		rc = run_named(stream, pipe, asked);
	free(asked);
	return rc;
}
