/* Sessions whose files are streamed. What goes wrong while a pipe is filled is kept for the
 * CLOSE that must follow: until then the caller hears of nothing but the pipe's end. */
#include "serve_side.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIPE_SIZE = 1 << 20, PIPE_SIZE_MIN = 1 << 16 };

/* Is there a session whose files are streamed, with a file open or not as WANTED? */
static status check_session(const struct server_side *side, bool open)
{
	const char *problem = NULL;

	if (!side->session || !side->host.streaming)
		problem = "there is no session with files to stream";
	else if (side->file.open != open)
		problem = open ? "no file is open" : "a file is open";
	if (problem)
		return status_fail(
			STATUS_WIN32(ERROR_INVALID_STATE), "store worker: %s", problem);
	return STATUS_OK;
}

static status check_empty(const struct message *message)
{
	return message->size ? status_fail(hrCommunicationError,
				       "store worker: malformed request")
			     : STATUS_OK;
}

/* ---- lists ---- */

static status send_list(struct server_side *side, struct buffer *body)
{
	status rc = protocol_send(side->socket, MESSAGE_FILES, body, -1);

	buffer_clear(body);
	return rc;
}

static status send_files(struct server_side *side, const struct engine_files *files)
{
	struct buffer body = {0};
	status rc = STATUS_OK;

	for (size_t i = 0; i < files->count && !failed(rc); i++) {
		protocol_put_file(&body, &files->items[i]);
		if (body.size >= PROTOCOL_INDEX_CHUNK || buffer_failed(&body))
			rc = send_list(side, &body);
	}
	if (!failed(rc) && body.size)
		rc = send_list(side, &body);
	buffer_free(&body);
	return rc;
}

status serve_files(struct server_side *side,
	status (*list)(struct engine_session *session, struct engine_files *files))
{
	struct engine_files files = {0};
	status rc = check_session(side, false);

	if (!failed(rc))
		rc = list(side->session, &files);
	if (!failed(rc))
		rc = send_files(side, &files);
	engine_files_free(&files);
	return rc;
}

status serve_logs(struct server_side *side, const struct message *message)
{
	status rc = check_empty(message);

	return failed(rc) ? rc : serve_files(side, side->host.engine.logs);
}

/* ---- one file ---- */

/* The larger the pipe, the fewer the changes between this process and its reader; a user's
 * share of pipe memory may be used up, though. */
static status make_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return status_errno(errno, "store worker: pipe");
	for (int size = PIPE_SIZE; size > PIPE_SIZE_MIN; size /= 2)
		if (fcntl(ends[1], F_SETPIPE_SZ, size) >= 0)
			break;
	return STATUS_OK;
}

static status send_opened(struct server_side *side, uint64_t size, bool is_pipe, int fd)
{
	const struct opened opened = {.size = size, .pipe = is_pipe};
	struct buffer body = {0};
	status rc;

	protocol_put_opened(&body, &opened);
	rc = protocol_send(side->socket, MESSAGE_OPENED, &body, fd);
	buffer_free(&body);
	return rc;
}

/* The caller's end is closed here as soon as it is on its way: while a copy of it were open,
 * nobody's death would end the streaming. */
static status pass_on(struct server_side *side, uint64_t size)
{
	int ends[2];
	int own = side->host.streaming->descriptor(side->session);
	status rc;

	if (own >= 0)
		return send_opened(side, size, false, own);
	rc = make_pipe(ends);
	if (failed(rc))
		return rc;
	rc = send_opened(side, size, true, ends[0]);
	(void)close(ends[0]);
	if (failed(rc))
		(void)close(ends[1]);
	else
		side->file.pipe = ends[1];
	return rc;
}

status serve_open(struct server_side *side, const struct message *message)
{
	struct engine_file file;
	uint64_t size = 0;
	status rc = protocol_get_open(message, &file);

	if (!failed(rc))
		rc = check_session(side, false);
	if (!failed(rc))
		rc = side->host.engine.open(side->session, &file, 0, &size);
	free(file.path);
	if (failed(rc))
		return rc;
	side->file = (struct serve_file){.open = true, .pipe = -1};
	rc = pass_on(side, size);
	if (failed(rc))
		serve_give_up(side);
	return rc;
}

void serve_stream(struct server_side *side)
{
	struct serve_file *file = &side->file;

	if (file->pipe < 0)
		return;
	file->outcome = side->host.streaming->stream(side->session, file->pipe);
	if (failed(file->outcome))
		file->detail = strdup(status_pending());
	(void)close(file->pipe);
	file->pipe = -1;
}

void serve_give_up(struct server_side *side)
{
	struct serve_file *file = &side->file;

	if (!file->open)
		return;
	if (file->pipe >= 0)
		(void)close(file->pipe);
	free(file->detail);
	*file = (struct serve_file){.pipe = -1};
	side->host.engine.close(side->session);
}

status serve_close(struct server_side *side, const struct message *message)
{
	status rc = check_empty(message);

	if (!failed(rc))
		rc = check_session(side, true);
	if (failed(rc))
		return rc;
	if (failed(side->file.outcome))
		rc = status_fail(side->file.outcome, "%s",
			side->file.detail ? side->file.detail : "out of memory");
	serve_give_up(side);
	return rc;
}

status serve_truncate(struct server_side *side, const struct message *message)
{
	uint32_t keep_from;
	status rc = protocol_get_generation(message, &keep_from);

	if (!failed(rc))
		rc = check_session(side, false);
	if (!failed(rc) && !side->host.engine.truncate)
		rc = status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
			"store worker: engine %s has no logs", side->host.engine.name);
	return failed(rc) ? rc : side->host.engine.truncate(side->session, keep_from);
}
