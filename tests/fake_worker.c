/* A store worker that does wrong what FAKE_WORKER_MODE says, and the rest right. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/protocol.h"

static const char *mode;

static bool is(const char *name)
{
	return strcmp(mode, name) == 0;
}

static void rest_for_ever(void)
{
	for (;;)
		(void)pause();
}

static void send_body(enum message_type type, struct buffer *body)
{
	if (failed(protocol_send(PROTOCOL_SOCKET, type, body, -1)))
		_exit(EXIT_FAILURE);
	buffer_clear(body);
}

static void send_result(status code, const char *detail)
{
	struct buffer body = {0};

	protocol_put_result(&body, code, detail);
	send_body(MESSAGE_RESULT, &body);
	buffer_free(&body);
}

static void flood(char byte)
{
	char bytes[4096];

	memset(bytes, byte, sizeof(bytes));
	while (send(PROTOCOL_SOCKET, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0)
		;
	_exit(9);
}

static void send_welcome(void)
{
	static char version[] = BACKUPAPI_VERSION, old[] = "0.9.0", nothing[] = "";
	static char detail[] = "no thanks\n\033[31m";
	struct welcome welcome = {.protocol = PROTOCOL_VERSION,
		.version = version,
		.result = {.detail = nothing}};
	struct buffer body = {0};

	if (is("stale-version"))
		welcome.version = old;
	if (is("stale-protocol"))
		welcome.protocol = 99;
	if (is("refuse"))
		welcome.result = (struct result){.code = hrError, .detail = detail};
	protocol_put_welcome(&body, &welcome);
	send_body(is("no-welcome") ? MESSAGE_RESULT : MESSAGE_WELCOME, &body);
	buffer_free(&body);
}

static void misbehave_at_hello(void)
{
	if (is("flood-zero"))
		flood(0);
	if (is("flood-ones"))
		flood('\xff');
	if (is("silent"))
		rest_for_ever();
	if (is("half")) {
		struct pollfd poller = {.fd = PROTOCOL_SOCKET};

		(void)send(PROTOCOL_SOCKET, "\100\0\0\0\2\0\0\0half", 12, MSG_NOSIGNAL);
		(void)poll(&poller, 1, -1);
		_exit(0);
	}
}

static void misbehave_at_begin(void)
{
	struct buffer body = {0};

	if (is("killed"))
		(void)raise(SIGKILL);
	if (is("exits"))
		_exit(7);
	if (is("hangs-up")) {
		(void)close(PROTOCOL_SOCKET);
		rest_for_ever();
	}
	if (is("flood-later"))
		flood('x');
	if (is("welcomes-again"))
		send_body(MESSAGE_WELCOME, &body);
	if (is("index-too-early"))
		send_body(MESSAGE_INDEX, &body);
}

/* Lines "OFFSET SIZE PATH" of FAKE_WORKER_INDEX; or FAKE_WORKER_COUNT empty files in the
 * directory FAKE_WORKER_DIR. */
static void send_index(void)
{
	const char *lines = getenv("FAKE_WORKER_INDEX"),
		   *count = getenv("FAKE_WORKER_COUNT");
	struct buffer body = {0};
	char path[4096];

	for (long i = 0; count && i < atol(count); i++) {
		(void)snprintf(
			path, sizeof(path), "%s/%07ld.db", getenv("FAKE_WORKER_DIR"), i);
		protocol_put_entry(&body, &(struct spool_entry){.path = path});
		if (body.size > PROTOCOL_INDEX_CHUNK)
			send_body(MESSAGE_INDEX, &body);
	}
	while (lines && *lines) {
		struct spool_entry entry = {.path = path};
		size_t length = strcspn(lines, "\n");
		char *end;

		entry.offset = strtoull(lines, &end, 0);
		entry.size = strtoull(end, &end, 0);
		(void)snprintf(path, sizeof(path), "%.*s",
			(int)(lines + length - end - 1), end + 1);
		protocol_put_entry(&body, &entry);
		lines += length + (lines[length] == '\n');
	}
	send_body(MESSAGE_INDEX, &body);
	buffer_free(&body);
}

/* Lines "KIND GENERATION SIZE PATH" of FAKE_WORKER_FILES. */
static void send_files(void)
{
	const char *lines = getenv("FAKE_WORKER_FILES");
	struct buffer body = {0};
	char path[8192];

	while (lines && *lines) {
		struct engine_file file = {.path = path};
		size_t length = strcspn(lines, "\n");
		char *end;

		file.kind = (enum engine_file_kind)strtoul(lines, &end, 0);
		file.generation = (uint32_t)strtoul(end, &end, 0);
		file.size = strtoull(end, &end, 0);
		(void)snprintf(path, sizeof(path), "%.*s",
			(int)(lines + length - end - 1), end + 1);
		protocol_put_file(&body, &file);
		lines += length + (lines[length] == '\n');
	}
	send_body(MESSAGE_FILES, &body);
	buffer_free(&body);
}

static void send_opened(uint64_t size, bool is_pipe, int fd)
{
	struct buffer body = {0};

	protocol_put_opened(&body, &(struct opened){.size = size, .pipe = is_pipe});
	if (failed(protocol_send(PROTOCOL_SOCKET, MESSAGE_OPENED, &body, fd)))
		_exit(EXIT_FAILURE);
	buffer_free(&body);
}

/* What FAKE_WORKER_OPENED says, or the file of 1000 bytes that it names. */
static void open_wrongly(void)
{
	const char *how = getenv("FAKE_WORKER_OPENED");
	FILE *file = tmpfile();
	int ends[2], fd = file ? fileno(file) : -1;

	if (fd < 0 || ftruncate(fd, 1000) < 0 || pipe2(ends, O_CLOEXEC) < 0)
		_exit(EXIT_FAILURE);
	if (strcmp(how, "nothing") == 0)
		return;
	if (strcmp(how, "no descriptor") == 0)
		send_opened(1000, false, -1);
	else if (strcmp(how, "pipe as file") == 0)
		send_opened(1000, false, ends[0]);
	else if (strcmp(how, "file as pipe") == 0)
		send_opened(1000, true, fd);
	else if (strcmp(how, "socket as pipe") == 0)
		send_opened(1000, true, PROTOCOL_SOCKET);
	else if (strcmp(how, "device") == 0)
		send_opened(1000, false, open("/dev/zero", O_RDONLY | O_CLOEXEC));
	else if (strcmp(how, "directory") == 0)
		send_opened(0, false, open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	else if (strcmp(how, "short file") == 0)
		send_opened(1001, false, fd);
	else if (strcmp(how, "enormous") == 0)
		send_opened(UINT64_MAX, true, ends[0]);
	else if (strcmp(how, "writing end") == 0)
		send_opened(1000, true, ends[1]);
	else if (*how == '/')
		send_opened(1000, false, open(how, O_RDONLY | O_CLOEXEC));
	else
		send_opened(1000, false, fd);
	if (strcmp(how, "twice") == 0)
		send_opened(1000, false, fd);
	(void)fclose(file);
}

/* The real worker, with somebody who kills it after FAKE_WORKER_DELAY microseconds. */
static void become_mortal(void)
{
	pid_t self = getpid();
	const char *delay = getenv("FAKE_WORKER_DELAY"), *real = getenv("REAL_WORKER");

	if (fork() == 0) {
		(void)close(PROTOCOL_SOCKET);
		(void)usleep((useconds_t)atol(delay));
		(void)kill(self, SIGKILL);
		_exit(0);
	}
	(void)execl(real, real, (char *)NULL);
	_exit(126);
}

/* One name for each path that was asked for, and FAKE_WORKER_MORE ones. */
static void send_engines(const struct message *request)
{
	long more = atol(getenv("FAKE_WORKER_MORE"));
	struct names paths = {0}, engines = {0};
	struct buffer body = {0};

	if (failed(protocol_get_probe(request, &paths)))
		_exit(EXIT_FAILURE);
	for (long i = 0; i < (long)paths.count + more; i++)
		if (failed(names_add(&engines, "no\nsuch")))
			_exit(EXIT_FAILURE);
	protocol_put_names(&body, &engines);
	send_body(is("probes-wrongly") ? MESSAGE_INDEX : MESSAGE_ENGINES, &body);
	buffer_free(&body);
	names_free(&engines);
	names_free(&paths);
}

static void serve_one(void)
{
	struct message message;
	bool ended;

	if (failed(protocol_receive(PROTOCOL_SOCKET, -1, &message, &ended))) {
		if (is("stubborn"))
			rest_for_ever();
		_exit(0);
	}
	if (message.type == MESSAGE_HELLO) {
		if (message.fd >= 0 && ftruncate(message.fd, 10000) < 0)
			_exit(EXIT_FAILURE);
		send_welcome();
	} else if (message.type == MESSAGE_BEGIN && is("fails")) {
		send_result(hrDatabaseLocked, "ca.db: no\tway");
		mode = "fine";
	} else if (message.type == MESSAGE_BEGIN) {
		misbehave_at_begin();
		send_result(STATUS_OK, "");
	} else if (message.type == MESSAGE_PROBE) {
		send_engines(&message);
		send_result(STATUS_OK, "");
	} else if (message.type == MESSAGE_LOGS ||
		   (message.type == MESSAGE_DATABASES && is("lists"))) {
		send_files();
		send_result(STATUS_OK, "");
	} else if (message.type == MESSAGE_OPEN) {
		open_wrongly();
		send_result(STATUS_OK, "");
	} else if (message.type == MESSAGE_DATABASES) {
		send_index();
		send_result(STATUS_OK, "");
	} else {
		send_result(STATUS_OK, "");
	}
	message_free(&message);
}

int main(void)
{
	mode = getenv("FAKE_WORKER_MODE");
	if (!mode)
		return EXIT_FAILURE;
	if (is("mortal"))
		become_mortal();
	misbehave_at_hello();
	for (;;)
		serve_one();
}
