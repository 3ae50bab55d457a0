#include "stream_session.h"

#include <stdlib.h>
#include <string.h>

#include "engine/log_part.h"

struct stream_store session_store;
char *session_buffer;

/* "log.N", also as a part. */
static status generation(const char *path, uint32_t *number)
{
	const char *name = strrchr(path, '/') + 1;
	size_t stem;
	char *end;

	(void)log_part_split(name, &stem, NULL);
	if (strncmp(name, "log.", 4) != 0)
		return status_fail(STATUS_WIN32(ERROR_INVALID_NAME), "%s: no log", path);
	*number = (uint32_t)strtoul(name + 4, &end, 10);
	return end == name + stem ? STATUS_OK
				  : status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
					    "%s: no log", path);
}

const struct engine streamer = {.name = "streamer",
	.traits = ENGINE_LOGS | ENGINE_DIRECTORY,
	WORKER_STREAM_OPERATIONS,
	.generation = generation};

void session_setup(void)
{
	session_buffer = malloc(LARGE + 1);
	ck_assert_ptr_nonnull(session_buffer);
	stream_store_make(&session_store);
}

void session_teardown(void)
{
	stream_store_free(&session_store);
	free(session_buffer);
	session_buffer = NULL;
}

struct engine_session *session_begin(void)
{
	const struct engine_begin how = {0};
	struct engine_session *session;
	status rc = streamer.begin(&streamer, &session_store.config, &how, &session);

	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
	return session;
}

status session_try_open(struct engine_session *session, const char *path,
	enum engine_file_kind kind, uint64_t *size)
{
	char *copy = strdup(path);
	const struct engine_file file = {.path = copy, .kind = kind};
	status rc = streamer.open(session, &file, 0, size);

	free(copy);
	return rc;
}

uint64_t session_open(struct engine_session *session, const char *path)
{
	uint64_t size;
	status rc = session_try_open(session, path, ENGINE_DATABASE, &size);

	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
	return size;
}

static void assert_detail(const char *text)
{
	ck_assert_msg(strstr(status_pending(), text) != NULL, "%s: not %s",
		status_pending(), text);
}

void session_assert_fails(status rc, status code, const char *text)
{
	ck_assert_msg(rc == code, "0x%08x: %s", (unsigned)rc, status_pending());
	assert_detail(text);
}

void session_assert_read(struct engine_session *session, uint64_t offset, size_t size)
{
	size_t got;
	status rc = streamer.read(session, session_buffer, size, &got);

	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
	ck_assert_uint_eq(got, size);
	for (size_t i = 0; i < size; i++)
		if (session_buffer[i] != stream_byte(offset + i))
			ck_abort_msg("byte %zu differs", (size_t)offset + i);
}

void session_assert_read_fails(
	struct engine_session *session, size_t size, status code, const char *text)
{
	size_t got = 77;

	session_assert_fails(
		streamer.read(session, session_buffer, size, &got), code, text);
	ck_assert_uint_eq(got, 0);
}

void session_assert_at_end(struct engine_session *session)
{
	size_t got = 77;

	ck_assert_int_eq(streamer.read(session, session_buffer, 100, &got), STATUS_OK);
	ck_assert_uint_eq(got, 0);
}
