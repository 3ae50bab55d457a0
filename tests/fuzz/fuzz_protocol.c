/*
 * fuzz_protocol.c - any message is refused, or means exactly one thing
 *
 * The first byte of the input chooses the kind of message, the rest is its body. A body
 * that was accepted, packed again, must be the same bytes. With the last kind the input
 * is a stream, as the other side of a socket would send it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void require_same(const struct message *message, struct buffer *again)
{
	require(!buffer_failed(again));
	require(again->size == message->size);
	require(!again->size || memcmp(again->data, message->data, again->size) == 0);
	buffer_free(again);
}

static void try_hello(const struct message *message)
{
	struct buffer again = {0};
	struct hello hello;

	if (!failed(protocol_get_hello(message, &hello)) &&
		hello.protocol == PROTOCOL_VERSION) {
		protocol_put_hello(&again, &hello);
		require_same(message, &again);
	}
	hello_free(&hello);
}

static void try_welcome(const struct message *message)
{
	struct buffer again = {0};
	struct welcome welcome;

	if (!failed(protocol_get_welcome(message, &welcome)) &&
		welcome.protocol == PROTOCOL_VERSION) {
		require(welcome.result.code <= 0);
		protocol_put_welcome(&again, &welcome);
		require_same(message, &again);
	}
	welcome_free(&welcome);
}

static void try_begin(const struct message *message)
{
	struct buffer again = {0};
	struct engine_begin how;

	if (failed(protocol_get_begin(message, &how)))
		return;
	protocol_put_begin(&again, &how);
	require_same(message, &again);
}

static void try_recover(const struct message *message)
{
	struct recover_request request;
	struct buffer again = {0};

	if (!failed(protocol_get_recover(message, &request))) {
		const struct engine_recovery recovery = {.databases = &request.databases,
			.home = request.home,
			.log_dir = request.log_dir,
			.system_dir = request.system_dir,
			.low = request.low,
			.high = request.high};

		require(request.low <= request.high);
		protocol_put_recover(&again, &recovery);
		require_same(message, &again);
	}
	recover_request_free(&request);
}

static void try_path(const struct message *message)
{
	struct buffer again = {0};
	char *path;

	if (!failed(protocol_get_path(message, &path))) {
		protocol_put_text(&again, path);
		require_same(message, &again);
	}
	free(path);
}

static void try_result(const struct message *message)
{
	struct buffer again = {0};
	struct result result;

	if (!failed(protocol_get_result(message, &result))) {
		require(result.code <= 0);
		protocol_put_result(&again, result.code, result.detail);
		require_same(message, &again);
	}
	free(result.detail);
}

static status pack_again(void *context, const struct spool_entry *entry)
{
	require(protocol_path_is_sound(entry->path));
	require(!strstr(entry->path, "/../") && entry->path[0] == '/');
	protocol_put_entry(context, entry);
	return STATUS_OK;
}

static void try_index(const struct message *message)
{
	struct buffer again = {0};

	if (!failed(protocol_get_index(message, pack_again, &again)))
		require_same(message, &again);
	buffer_free(&again);
}

static void try_open(const struct message *message)
{
	struct buffer again = {0};
	struct engine_file file;

	if (!failed(protocol_get_open(message, &file))) {
		require(protocol_path_is_sound(file.path));
		protocol_put_open(&again, &file);
		require_same(message, &again);
	}
	free(file.path);
}

static void try_opened(const struct message *message)
{
	struct buffer again = {0};
	struct opened opened;

	if (failed(protocol_get_opened(message, &opened)))
		return;
	require(opened.size <= INT64_MAX);
	protocol_put_opened(&again, &opened);
	require_same(message, &again);
}

static void try_generation(const struct message *message)
{
	struct buffer again = {0};
	uint32_t generation;

	if (failed(protocol_get_generation(message, &generation)))
		return;
	buffer_u32(&again, generation);
	require_same(message, &again);
}

static status pack_file_again(void *context, const struct engine_file *file)
{
	require(protocol_path_is_sound(file->path));
	require(file->kind <= ENGINE_PATCH && file->size <= INT64_MAX);
	require((file->kind == ENGINE_LOG) == (file->generation != 0));
	protocol_put_file(context, file);
	return STATUS_OK;
}

static void try_files(const struct message *message)
{
	struct buffer again = {0};

	if (!failed(protocol_get_files(message, pack_file_again, &again)))
		require_same(message, &again);
	buffer_free(&again);
}

static void try_names(const struct message *message,
	status (*get)(const struct message *message, struct names *names))
{
	struct buffer again = {0};
	struct names names = {0};

	if (!failed(get(message, &names))) {
		protocol_put_names(&again, &names);
		require_same(message, &again);
	}
	names_free(&names);
}

static void try_probe(const struct message *message)
{
	try_names(message, protocol_get_probe);
}

static void try_engines(const struct message *message)
{
	try_names(message, protocol_get_engines);
}

static void try_stream(const struct message *stream)
{
	struct message message;
	bool ended = false;
	int ends[2];

	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	require(stream->size < 65536 && send(ends[0], stream->data, stream->size,
						MSG_NOSIGNAL) == (ssize_t)stream->size);
	require(close(ends[0]) == 0);
	while (!failed(protocol_receive(ends[1], 0, &message, &ended)))
		message_free(&message);
	message_free(&message);
	require(close(ends[1]) == 0);
}

static void (*const kinds[])(const struct message *message) = {try_hello, try_welcome,
	try_begin, try_recover, try_path, try_result, try_index, try_stream, try_probe,
	try_engines, try_open, try_opened, try_generation, try_files};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message message = {.fd = -1};

	if (size == 0 || size > 60000)
		return 0;
	message.size = size - 1;
	message.data = malloc(message.size ? message.size : 1);
	require(message.data != NULL);
	memcpy(message.data, data + 1, message.size);
	kinds[data[0] % (sizeof(kinds) / sizeof(kinds[0]))](&message);
	message_free(&message);
	return 0;
}
