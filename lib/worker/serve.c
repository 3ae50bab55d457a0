/* Requests come one after the other, and each is answered before the next is read: the
 * engine is never asked for two things at a time. */
#include "serve.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/trace.h"
#include "engine/probe.h"
#include "engines.h"
#include "privileges.h"
#include "serve_side.h"

static bool caller_gone(void *context)
{
	const struct server_side *side = context;

	return protocol_peer_gone(side->socket);
}

/* ---- hello ---- */

static status check_versions(const struct hello *hello)
{
	if (hello->protocol == PROTOCOL_VERSION &&
		strcmp(hello->version, BACKUPAPI_VERSION) == 0)
		return STATUS_OK;
	return status_fail(hrCommunicationError,
		"store worker: it is of version %s (protocol %u), its caller of %.40s "
		"(protocol %u)",
		BACKUPAPI_VERSION, PROTOCOL_VERSION, hello->version, hello->protocol);
}

static status take_spool(struct server_side *side, struct message *message)
{
	struct stat st;

	if (message->fd < 0)
		return STATUS_OK;
	if (fstat(message->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return status_fail(
			hrCommunicationError, "store worker: the spool is not a file");
	side->spool.fd = message->fd;
	message->fd = -1;
	side->spool.dir =
		strdup(side->hello.store.spool_dir ? side->hello.store.spool_dir : "");
	if (!side->host.streaming)
		side->host.spool = &side->spool;
	return side->spool.dir ? STATUS_OK : status_no_memory();
}

static status settle_in(struct server_side *side, struct message *message)
{
	status rc;

	if (message->type != MESSAGE_HELLO)
		return status_fail(hrCommunicationError, "store worker: no hello");
	rc = protocol_get_hello(message, &side->hello);
	if (!failed(rc))
		rc = check_versions(&side->hello);
	if (!failed(rc))
		rc = engines_find(side->hello.engine, &side->host);
	if (!failed(rc))
		rc = take_spool(side, message);
	if (!failed(rc))
		rc = privileges_become(side->hello.uid, side->hello.gid);
	return rc;
}

static status welcome(struct server_side *side, status settled)
{
	char version[] = BACKUPAPI_VERSION, detail[PROTOCOL_DETAIL_LIMIT];
	struct welcome answer = {.protocol = PROTOCOL_VERSION, .version = version};
	struct buffer body = {0};
	status rc;

	detail[0] = '\0';
	if (failed(settled))
		(void)strncat(detail, status_pending(), sizeof(detail) - 1);
	answer.result = (struct result){.code = settled, .detail = detail};
	protocol_put_welcome(&body, &answer);
	rc = protocol_send(side->socket, MESSAGE_WELCOME, &body, -1);
	buffer_free(&body);
	return failed(settled) ? settled : rc;
}

/* ---- requests: each returns what the caller is told ---- */

static status begin(struct server_side *side, const struct message *message)
{
	struct engine_begin how;
	status rc = protocol_get_begin(message, &how);

	if (failed(rc))
		return rc;
	if (side->session || (side->spool.fd < 0) != (side->host.streaming != NULL))
		return status_fail(STATUS_WIN32(ERROR_INVALID_STATE),
			"store worker: one session only, with a spool where copies are "
			"spooled");
	return side->host.engine.begin(
		&side->host.engine, &side->hello.store, &how, &side->session);
}

static status send_index(struct server_side *side, struct buffer *body)
{
	status rc = protocol_send(side->socket, MESSAGE_INDEX, body, -1);

	buffer_clear(body);
	return rc;
}

static status send_whole_index(struct server_side *side)
{
	struct buffer body = {0};
	status rc = STATUS_OK;

	for (size_t i = 0; i < side->spool.count && !failed(rc); i++) {
		protocol_put_entry(&body, &side->spool.entries[i]);
		if (body.size >= PROTOCOL_INDEX_CHUNK || buffer_failed(&body))
			rc = send_index(side, &body);
	}
	if (!failed(rc) && body.size)
		rc = send_index(side, &body);
	buffer_free(&body);
	return rc;
}

static status databases(struct server_side *side, const struct message *message)
{
	if (!side->session || message->size)
		return status_fail(STATUS_WIN32(ERROR_INVALID_STATE),
			"store worker: there is no session");
	return side->host.streaming ? serve_files(side, side->host.engine.databases)
				    : send_whole_index(side);
}

static status recover(struct server_side *side, const struct message *message)
{
	struct recover_request request;
	status rc = protocol_get_recover(message, &request);
	const struct engine_recovery recovery = {.databases = &request.databases,
		.home = request.home,
		.log_dir = request.log_dir,
		.system_dir = request.system_dir,
		.low = request.low,
		.high = request.high};

	if (!failed(rc))
		rc = side->host.engine.recover(
			&side->host.engine, &side->hello.store, &recovery);
	recover_request_free(&request);
	return rc;
}

static status verify(struct server_side *side, const struct message *message)
{
	char *path;
	status rc = protocol_get_path(message, &path);

	if (!failed(rc) && !side->host.engine.verify)
		rc = status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
			"%s: engine %s cannot check a single file", path,
			side->host.engine.name);
	if (!failed(rc))
		rc = side->host.engine.verify(&side->host.engine, path);
	free(path);
	return rc;
}

static status probe(struct server_side *side, const struct message *message)
{
	struct names paths = {0}, formats = {0};
	struct buffer body = {0};
	status rc = protocol_get_probe(message, &paths);

	if (!failed(rc))
		rc = probe_all(&paths, &formats);
	if (!failed(rc)) {
		protocol_put_names(&body, &formats);
		rc = protocol_send(side->socket, MESSAGE_ENGINES, &body, -1);
	}
	buffer_free(&body);
	names_free(&formats);
	names_free(&paths);
	return rc;
}

static const struct {
	enum message_type type;
	bool by_engine; /* needs one that was named in hello */
	status (*handle)(struct server_side *side, const struct message *message);
} requests[] = {
	{MESSAGE_BEGIN, true, begin},
	{MESSAGE_DATABASES, true, databases},
	{MESSAGE_LOGS, true, serve_logs},
	{MESSAGE_OPEN, true, serve_open},
	{MESSAGE_CLOSE, true, serve_close},
	{MESSAGE_TRUNCATE, true, serve_truncate},
	{MESSAGE_RECOVER, true, recover},
	{MESSAGE_VERIFY, true, verify},
	{MESSAGE_PROBE, false, probe},
};

static status handle(struct server_side *side, const struct message *message)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (requests[i].type != message->type)
			continue;
		if (requests[i].by_engine && !side->host.engine.name)
			return status_fail(STATUS_WIN32(ERROR_INVALID_STATE),
				"store worker: no engine was named");
		return requests[i].handle(side, message);
	}
	return status_fail(hrCommunicationError, "store worker: not a request");
}

static status answer(struct server_side *side, const struct message *message)
{
	struct buffer body = {0};
	status done = handle(side, message), rc;

	protocol_put_result(&body, done, failed(done) ? status_pending() : NULL);
	rc = protocol_send(side->socket, MESSAGE_RESULT, &body, -1);
	buffer_free(&body);
	if (!failed(rc))
		serve_stream(side);
	/* With a caller who talks nonsense there is nothing more to talk about. */
	return done == hrCommunicationError ? done : rc;
}

static status greet(struct server_side *side)
{
	struct message message;
	bool ended;
	status rc = protocol_receive(side->socket, -1, &message, &ended);

	if (!failed(rc))
		rc = welcome(side, settle_in(side, &message));
	message_free(&message);
	return rc;
}

/* The caller sees the end of the connection, and leaves this process behind (link.c). */
static void linger(struct server_side *side)
{
	if (!side->host.streaming || !side->host.streaming->linger)
		return;
	(void)shutdown(side->socket, SHUT_RDWR);
	side->host.streaming->linger();
}

status serve(int socket)
{
	struct server_side side = {
		.socket = socket, .spool = {.fd = -1}, .file = {.pipe = -1}};
	status rc;
	bool ended = false;

	side.host.caller_gone = caller_gone;
	side.host.context = &side;
	rc = greet(&side);
	while (!failed(rc)) {
		struct message message;

		rc = protocol_receive(socket, -1, &message, &ended);
		if (!failed(rc))
			rc = answer(&side, &message);
		message_free(&message);
	}
	serve_give_up(&side);
	if (!ended)
		trace(TRACE_ERROR, "%s", status_pending());
	if (side.session)
		side.host.engine.end(side.session);
	linger(&side);
	spool_free(&side.spool);
	hello_free(&side.hello);
	return ended ? STATUS_OK : rc;
}
