/* Files come as descriptors and are read straight into the caller's buffer. A session has
 * one file open at a time, and the worker hears nothing while it fills a pipe: so the pipe
 * is always closed ahead of the next request. */
#include "engine/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/fork_close.h"
#include "engine/worker_common.h"

struct open_file {
	char *path;
	enum engine_file_kind kind;
	struct opened opened;
	struct fork_close fd; /* a forked child's copy would keep the worker streaming */
	uint64_t position;
	bool closed; /* the worker was told, and told how it went */
};

struct engine_session {
	struct link *link;
	const struct engine *engine;
	struct names databases; /* as configured */
	char *log_dir;
	struct open_file file; /* path: NULL where none is open */
};

/* ---- lists ---- */

struct list {
	const struct engine_session *session;
	enum engine_file_kind kind;
	struct engine_files *files;
};

/* NULL, or why FILE cannot be one of LIST's. */
static const char *database_refused(
	const struct engine_session *session, const struct engine_file *file)
{
	if (!worker_may_list(session->engine, &session->databases, file->path))
		return "a file that is not configured";
	return NULL;
}

static const char *log_refused(
	const struct engine_session *session, const struct engine_file *file)
{
	uint32_t generation;

	if (!worker_path_is_in(session->log_dir, file->path))
		return "a log that is not in the log directory";
	if (failed(session->engine->generation(file->path, &generation)) ||
		generation != file->generation)
		return "a log whose name is not its generation's";
	return NULL;
}

static status accept_file(void *context, const struct engine_file *file)
{
	const struct list *list = context;
	struct engine_files *files = list->files;
	const struct engine_file *last =
		files->count ? &files->items[files->count - 1] : NULL;
	const char *problem;

	if (files->count >= PROTOCOL_INDEX_LIMIT)
		problem = "too many entries";
	else if (file->kind != list->kind)
		problem = "an entry of another kind";
	else if (last && (strcmp(last->path, file->path) >= 0 ||
				 (last->kind == ENGINE_LOG &&
					 last->generation >= file->generation)))
		problem = "entries out of order";
	else
		problem = file->kind == ENGINE_LOG
				  ? log_refused(list->session, file)
				  : database_refused(list->session, file);
	if (problem)
		return status_fail(
			hrCommunicationError, "store worker: its list has %s", problem);
	return engine_files_add(
		files, file->path, file->kind, file->generation, file->size);
}

static status accept_files(void *context, const struct message *message)
{
	if (message->type != MESSAGE_FILES)
		return protocol_unexpected();
	return protocol_get_files(message, accept_file, context);
}

static status fetch_list(struct engine_session *session, enum message_type type,
	enum engine_file_kind kind, struct engine_files *files)
{
	const struct buffer nothing = {0};
	struct list list = {.session = session, .kind = kind, .files = files};

	return link_call(session->link, type, &nothing, accept_files, &list);
}

status worker_stream_databases(struct engine_session *session, struct engine_files *files)
{
	return fetch_list(session, MESSAGE_DATABASES, ENGINE_DATABASE, files);
}

status worker_stream_logs(struct engine_session *session, struct engine_files *files)
{
	return fetch_list(session, MESSAGE_LOGS, ENGINE_LOG, files);
}

/* ---- one file ---- */

/* What CLOSE tells is asked for once, and only when the worker can hear it. */
static status finish_file(struct engine_session *session)
{
	const struct buffer nothing = {0};
	struct open_file *file = &session->file;

	fork_close_end(&file->fd);
	if (file->closed)
		return STATUS_OK;
	file->closed = true;
	return link_call(session->link, MESSAGE_CLOSE, &nothing, NULL, NULL);
}

/* The message keeps, and closes, its own. */
static int copy_descriptor(void *context)
{
	const struct message *message = context;

	return fcntl(message->fd, F_DUPFD_CLOEXEC, 0);
}

static status check_descriptor(const struct open_file *file, int fd)
{
	const char *problem = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return status_errno(errno, "%s", file->path);
	if (file->opened.pipe ? !S_ISFIFO(st.st_mode) : !S_ISREG(st.st_mode))
		problem = "not what was told";
	else if (!file->opened.pipe && (uint64_t)st.st_size < file->opened.size)
		problem = "shorter than was told";
	if (problem)
		return status_fail(hrCommunicationError,
			"store worker: what it opened for %s is %s", file->path, problem);
	return STATUS_OK;
}

/* There must be exactly one answer, with a descriptor. */
static status accept_opened(void *context, const struct message *message)
{
	struct open_file *file = context;
	struct message source = {.fd = message->fd};
	status rc;
	int err;

	if (message->type != MESSAGE_OPENED || message->fd < 0 || file->fd.fd >= 0)
		return protocol_unexpected();
	rc = protocol_get_opened(message, &file->opened);
	if (!failed(rc))
		rc = check_descriptor(file, message->fd);
	if (failed(rc))
		return rc;
	err = fork_close_open(&file->fd, copy_descriptor, &source);
	return err ? status_errno(err, "%s", file->path) : STATUS_OK;
}

static status ask_open(struct engine_session *session)
{
	struct open_file *file = &session->file;
	const struct engine_file wanted = {.path = file->path, .kind = file->kind};
	struct buffer request = {0};
	status rc;

	protocol_put_open(&request, &wanted);
	rc = link_call(session->link, MESSAGE_OPEN, &request, accept_opened, file);
	buffer_free(&request);
	if (failed(rc)) {
		file->closed = true; /* nothing is open there */
		return rc;
	}
	if (file->fd.fd < 0)
		return status_fail(hrCommunicationError,
			"store worker: nothing was opened for %s", file->path);
	return STATUS_OK;
}

/* An empty file has no last byte whose read could tell how it went. */
status worker_stream_open(struct engine_session *session, const struct engine_file *file,
	size_t read_hint, uint64_t *size)
{
	struct open_file *open = &session->file;
	status rc;

	(void)read_hint;
	*size = 0;
	worker_stream_close(session);
	open->path = strdup(file->path);
	if (!open->path)
		return status_no_memory();
	open->kind = file->kind;
	open->closed = false;
	rc = ask_open(session);
	if (!failed(rc) && open->opened.size == 0)
		rc = finish_file(session);
	if (failed(rc)) {
		worker_stream_close(session);
		return rc;
	}
	*size = open->opened.size;
	return STATUS_OK;
}

/* SIZE bytes, or fewer where the pipe ended. */
static status read_pipe(
	const struct open_file *file, char *buffer, size_t size, size_t *got)
{
	*got = 0;
	while (*got < size) {
		ssize_t n = read(file->fd.fd, buffer + *got, size - *got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return status_fail(hrCommunicationError, "%s: pipe: %s",
				file->path, strerrordesc_np(errno));
		if (n == 0)
			break;
		*got += (size_t)n;
	}
	return STATUS_OK;
}

static status read_some(
	const struct open_file *file, char *buffer, size_t size, size_t *got)
{
	if (file->opened.pipe)
		return read_pipe(file, buffer, size, got);
	return file_pread(file->fd.fd, buffer, size, file->position, got, file->path);
}

/* Fewer bytes than were there at open: the worker may know why. */
static status ended_early(struct engine_session *session)
{
	const struct open_file *file = &session->file;
	status rc = finish_file(session);

	if (failed(rc))
		return rc;
	return status_fail(
		file->kind == ENGINE_LOG ? hrLogFileCorrupt : hrReadVerifyFailure,
		"%s: it ended before all of its %llu bytes were read", file->path,
		(unsigned long long)file->opened.size);
}

status worker_stream_read(
	struct engine_session *session, void *buffer, size_t size, size_t *got)
{
	struct open_file *file = &session->file;
	const uint64_t left = file->opened.size - file->position;
	status rc;

	*got = 0;
	if (!file->path)
		return status_fail(hrInvalidHandle, "store worker: no file is open");
	if (size > left)
		size = (size_t)left;
	if (size == 0)
		return STATUS_OK;
	if (file->fd.fd < 0)
		return status_fail(
			hrReadVerifyFailure, "%s: reading it failed before", file->path);
	rc = read_some(file, buffer, size, got);
	if (!failed(rc) && *got < size)
		rc = ended_early(session);
	else if (!failed(rc) && size == left)
		rc = finish_file(session);
	if (failed(rc)) {
		*got = 0;
		fork_close_end(&file->fd);
		return rc;
	}
	file->position += size;
	return STATUS_OK;
}

void worker_stream_close(struct engine_session *session)
{
	struct open_file *file = &session->file;

	if (!file->path)
		return;
	(void)finish_file(session); /* a file given up has no outcome */
	free(file->path);
	*file = (struct open_file){.fd = FORK_CLOSE_NONE};
}

/* ---- the session ---- */

/* What its lists are checked against. */
static status remember(struct engine_session *session, const struct store_config *store)
{
	const char *log_dir = store->log_dir;
	status rc = STATUS_OK;

	if (store->databases.count == 0)
		return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
			"store: no database is configured");
	for (size_t i = 0; i < store->databases.count && !failed(rc); i++)
		rc = names_add(&session->databases, store->databases.items[i]);
	if (failed(rc))
		return rc;
	if (!log_dir) /* where logs are unless configured */
		log_dir = store->databases.items[0];
	session->log_dir = strdup(log_dir);
	return session->log_dir ? STATUS_OK : status_no_memory();
}

status worker_stream_begin(const struct engine *engine, const struct store_config *store,
	const struct engine_begin *how, struct engine_session **session)
{
	struct engine_session *s = calloc(1, sizeof(*s));
	struct buffer request = {0};
	status rc;

	*session = NULL;
	if (!s)
		return status_no_memory();
	s->engine = engine;
	s->file.fd = FORK_CLOSE_NONE;
	rc = remember(s, store);
	if (!failed(rc))
		rc = worker_start(engine, store, &store->databases, -1, &s->link);
	if (!failed(rc)) {
		link_spare(s->link); /* it joins what others have open */
		protocol_put_begin(&request, how);
		rc = link_call(s->link, MESSAGE_BEGIN, &request, NULL, NULL);
	}
	buffer_free(&request);
	if (failed(rc))
		worker_stream_end(s);
	else
		*session = s;
	return rc;
}

status worker_stream_truncate(struct engine_session *session, uint32_t keep_from)
{
	struct buffer request = {0};
	status rc;

	buffer_u32(&request, keep_from);
	rc = link_call(session->link, MESSAGE_TRUNCATE, &request, NULL, NULL);
	buffer_free(&request);
	return rc;
}

/* The pipe first, or the worker would be waited for while it waits for a reader. */
void worker_stream_end(struct engine_session *session)
{
	if (!session)
		return;
	fork_close_end(&session->file.fd);
	free(session->file.path);
	link_end(session->link);
	names_free(&session->databases);
	free(session->log_dir);
	free(session);
}
