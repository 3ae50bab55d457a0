/* The one engine of streaming_worker: files of a directory, and what goes wrong while they
 * are streamed is in their names. The directory is told how a session ended. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/worker/engines.h"
#include "base/file.h"

enum { CHUNK = 65536, PATIENCE_MS = 200 };

struct engine_session {
	const struct hosted_engine *host;
	char *home, *log_dir;
	char *path; /* of the open file */
	int fd;
	uint64_t size;
};

/* A file DIR/NAME with TEXT in it. */
static status note(const char *dir, const char *name, const char *text)
{
	int fd, dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	status rc;

	if (dirfd < 0)
		return status_errno(errno, "%s", dir);
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	(void)close(dirfd);
	if (fd < 0)
		return status_errno(errno, "%s/%s", dir, name);
	rc = file_write_all(fd, text, strlen(text), name);
	(void)close(fd);
	return rc;
}

static status stream_begin(const struct engine *engine, const struct store_config *store,
	const struct engine_begin *how, struct engine_session **session)
{
	struct engine_session *s = calloc(1, sizeof(*s));
	char text[64];

	*session = NULL;
	if (!s)
		return status_no_memory();
	s->host = hosted_engine(engine);
	s->fd = -1;
	s->home = strdup(store->databases.items[0]);
	s->log_dir = strdup(store->log_dir);
	if (!s->home || !s->log_dir)
		return status_no_memory();
	*session = s;
	(void)snprintf(
		text, sizeof(text), "%d %u", how->incremental, how->first_generation);
	return note(s->home, "begun", text);
}

static int compare_files(const void *a, const void *b)
{
	const struct engine_file *x = a, *y = b;

	return strcmp(x->path, y->path);
}

/* Names of DIR that begin with PREFIX; in those of logs the number behind it is their
 * generation. */
static status list(const char *dir, const char *prefix, enum engine_file_kind kind,
	struct engine_files *files)
{
	DIR *stream = opendir(dir);
	const struct dirent *entry;
	status rc = stream ? STATUS_OK : status_errno(errno, "%s", dir);

	while (!failed(rc) && (entry = readdir(stream))) {
		struct stat st;
		char path[4096];

		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (stat(path, &st) < 0)
			rc = status_errno(errno, "%s", path);
		else
			rc = engine_files_add(files, path, kind,
				kind == ENGINE_LOG
					? (uint32_t)atol(entry->d_name + strlen(prefix))
					: 0,
				(uint64_t)st.st_size);
	}
	if (stream)
		(void)closedir(stream);
	if (files->count)
		qsort(files->items, files->count, sizeof(*files->items), compare_files);
	return rc;
}

static status stream_databases(struct engine_session *session, struct engine_files *files)
{
	return list(session->home, "db.", ENGINE_DATABASE, files);
}

static status stream_logs(struct engine_session *session, struct engine_files *files)
{
	return list(session->log_dir, "log.", ENGINE_LOG, files);
}

static void stream_close(struct engine_session *session)
{
	if (session->fd >= 0)
		(void)close(session->fd);
	session->fd = -1;
	free(session->path);
	session->path = NULL;
	(void)note(session->home, "closed", "");
}

static status stream_open(struct engine_session *session, const struct engine_file *file,
	size_t read_hint, uint64_t *size)
{
	struct stat st;
	status rc = file_open_regular(file->path, FILE_TRUSTED, &session->fd, &st);

	(void)read_hint;
	if (failed(rc))
		return rc;
	session->path = strdup(file->path);
	if (!session->path) {
		stream_close(session);
		return status_no_memory();
	}
	session->size = *size = (uint64_t)st.st_size;
	return STATUS_OK;
}

/* ---- streaming ---- */

static status set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 ||
		(!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0))
		return status_errno(errno, "store worker: pipe");
	return STATUS_OK;
}

/* Until there is room, or nobody wants the rest. */
static status await_room(const struct hosted_engine *host, int fd, bool *wanted)
{
	struct pollfd poller = {.fd = fd, .events = POLLOUT};
	int n = poll(&poller, 1, PATIENCE_MS);

	if (n < 0 && errno != EINTR)
		return status_errno(errno, "store worker: pipe");
	if (n <= 0 && host->caller_gone(host->context))
		*wanted = false;
	return STATUS_OK;
}

/* *WANTED becomes false once the caller has closed the pipe or is gone, also where a child of
 * his still holds a copy of its end. */
static status write_pipe(const struct hosted_engine *host, int fd, const void *data,
	size_t size, bool *wanted)
{
	const char *bytes = data;
	status rc = set_nonblocking(fd);

	*wanted = true;
	while (size && *wanted && !failed(rc)) {
		ssize_t n = write(fd, bytes, size);

		if (n >= 0) {
			bytes += n;
			size -= (size_t)n;
		} else if (errno == EAGAIN) {
			rc = await_room(host, fd, wanted);
		} else if (errno == EPIPE) {
			*wanted = false;
		} else if (errno != EINTR) {
			rc = status_errno(errno, "store worker: pipe");
		}
	}
	return rc;
}

static bool is_told(const struct engine_session *session, const char *behaviour)
{
	return strstr(strrchr(session->path, '/'), behaviour) != NULL;
}

static int stream_descriptor(struct engine_session *session)
{
	return is_told(session, "plain") ? session->fd : -1;
}

static status write_until(
	struct engine_session *session, int fd, uint64_t end, bool *wanted)
{
	static char bytes[CHUNK];
	uint64_t at = 0;
	status rc = STATUS_OK;

	*wanted = true;
	while (at < end && *wanted && !failed(rc)) {
		size_t got, want = end - at < CHUNK ? (size_t)(end - at) : CHUNK;

		rc = file_pread(session->fd, bytes, want, at, &got, session->path);
		if (!failed(rc) && got == 0)
			return STATUS_OK;
		if (!failed(rc))
			rc = write_pipe(session->host, fd, bytes, got, wanted);
		at += got;
	}
	return rc;
}

static status stream_stream(struct engine_session *session, int fd)
{
	const bool half = is_told(session, "short") || is_told(session, "bad") ||
			  is_told(session, "dies");
	bool wanted;
	status rc = write_until(
		session, fd, half ? session->size / 2 : session->size, &wanted);

	if (is_told(session, "dies"))
		(void)raise(SIGKILL);
	if (!failed(rc) && (is_told(session, "bad") || is_told(session, "late")))
		rc = status_fail(hrDatabaseCorrupted, "%s: page 7 is bad", session->path);
	if (!failed(rc) && is_told(session, "surplus"))
		rc = write_pipe(session->host, fd, "surplus", 7, &wanted);
	if (!failed(rc) && !wanted)
		rc = note(session->home, "unwanted", session->path);
	return rc;
}

static status stream_truncate(struct engine_session *session, uint32_t keep_from)
{
	struct engine_files logs = {0};
	status rc = stream_logs(session, &logs);

	for (size_t i = 0; i < logs.count && !failed(rc); i++)
		if (logs.items[i].generation < keep_from &&
			unlink(logs.items[i].path) < 0)
			rc = status_errno(errno, "%s", logs.items[i].path);
	engine_files_free(&logs);
	return rc;
}

/* Where the last session was. */
static char last_home[4096];

static void stream_end(struct engine_session *session)
{
	(void)note(session->home, "ended", "");
	(void)snprintf(last_home, sizeof(last_home), "%s", session->home);
	free(session->home);
	free(session->log_dir);
	free(session);
}

static void stream_linger(void)
{
	(void)note(last_home, "lingered", "");
}

static status stream_recover(const struct engine *engine,
	const struct store_config *store, const struct engine_recovery *recovery)
{
	char text[4096];

	(void)engine;
	(void)store;
	(void)snprintf(text, sizeof(text), "%zu %s %s %s %u %u",
		recovery->databases->count, recovery->home, recovery->log_dir,
		recovery->system_dir ? recovery->system_dir : "-", recovery->low,
		recovery->high);
	return note(recovery->home, "recovered", text);
}

static const struct engine stream_engine = {
	.name = "streamer",
	.begin = stream_begin,
	.databases = stream_databases,
	.logs = stream_logs,
	.open = stream_open,
	.close = stream_close,
	.truncate = stream_truncate,
	.end = stream_end,
	.recover = stream_recover,
};

static const struct hosted_streaming stream_streaming = {.descriptor = stream_descriptor,
	.stream = stream_stream,
	.linger = stream_linger};

status engines_find(const char *name, struct hosted_engine *host)
{
	if (strcmp(name, stream_engine.name) != 0)
		return status_fail(
			STATUS_WIN32(ERROR_NOT_SUPPORTED), "%s: another engine", name);
	host->engine = stream_engine;
	host->streaming = &stream_streaming;
	return STATUS_OK;
}
