/* Greetings, results, and the requests that need no session. Packing never fails on its
 * own: struct buffer remembers. */
#include "engine/protocol.h"

#include <stdlib.h>
#include <string.h>

#include "engine/protocol_reader.h"

bool protocol_path_is_sound(const char *path)
{
	const char *component = path;

	if (*path != '/' || strlen(path) > PROTOCOL_PATH_LIMIT)
		return false;
	while (*component == '/') {
		size_t length = strcspn(++component, "/");

		if (length == 0 || (length == 1 && component[0] == '.') ||
			(length == 2 && component[0] == '.' && component[1] == '.'))
			return false;
		component += length;
	}
	return true;
}

/* ---- packing ---- */

void protocol_put_text(struct buffer *body, const char *text)
{
	size_t length = text ? strlen(text) : 0;

	if (length > PROTOCOL_MESSAGE_LIMIT)
		length = PROTOCOL_MESSAGE_LIMIT; /* no message of this size is sent */
	buffer_u32(body, text ? (uint32_t)length : PROTOCOL_NO_TEXT);
	if (length)
		buffer_add(body, text, length);
}

void protocol_put_names(struct buffer *body, const struct names *names)
{
	buffer_u32(body, (uint32_t)names->count);
	for (size_t i = 0; i < names->count; i++)
		protocol_put_text(body, names->items[i]);
}

void protocol_put_hello(struct buffer *body, const struct hello *hello)
{
	const struct store_config *store = &hello->store;

	buffer_u32(body, PROTOCOL_MAGIC);
	buffer_u32(body, hello->protocol);
	protocol_put_text(body, hello->version);
	protocol_put_text(body, hello->engine);
	buffer_u32(body, hello->uid);
	buffer_u32(body, hello->gid);
	protocol_put_text(body, store->engine);
	protocol_put_names(body, &store->databases);
	protocol_put_text(body, store->log_dir);
	protocol_put_text(body, store->system_dir);
	protocol_put_text(body, store->region_dir);
	protocol_put_text(body, store->log_base);
	protocol_put_text(body, store->spool_dir);
	buffer_u32(body, store->verify_report);
	buffer_u32(body, store->compact);
}

void protocol_put_welcome(struct buffer *body, const struct welcome *welcome)
{
	buffer_u32(body, PROTOCOL_MAGIC);
	buffer_u32(body, welcome->protocol);
	protocol_put_text(body, welcome->version);
	protocol_put_result(body, welcome->result.code, welcome->result.detail);
}

void protocol_put_result(struct buffer *body, status code, const char *detail)
{
	size_t length = detail ? strnlen(detail, PROTOCOL_DETAIL_LIMIT) : 0;

	buffer_u32(body, (uint32_t)code);
	buffer_u32(body, (uint32_t)length);
	if (length)
		buffer_add(body, detail, length);
}

/* ---- unpacking ---- */

static void get_store(struct reader *r, struct store_config *store)
{
	store->engine = reader_optional_text(r, PROTOCOL_TEXT_LIMIT);
	reader_names(r, &store->databases, reader_absolute);
	store->log_dir = reader_optional_text(r, PROTOCOL_TEXT_LIMIT);
	store->system_dir = reader_optional_text(r, PROTOCOL_TEXT_LIMIT);
	store->region_dir = reader_optional_text(r, PROTOCOL_TEXT_LIMIT);
	store->log_base = reader_optional_text(r, PROTOCOL_TEXT_LIMIT);
	store->spool_dir = reader_optional_text(r, PROTOCOL_TEXT_LIMIT);
	store->verify_report = reader_bool(r);
	store->compact = reader_bool(r);
}

/* True where the rest of the message has the layout of this build. */
static bool get_head(struct reader *r, uint32_t *protocol, char **version)
{
	if (reader_u32(r) != PROTOCOL_MAGIC)
		r->bad = true;
	*protocol = reader_u32(r);
	*version = reader_text(r, PROTOCOL_DETAIL_LIMIT);
	if (r->bad || *protocol == PROTOCOL_VERSION)
		return true;
	reader_skip(r);
	return false;
}

status protocol_get_hello(const struct message *message, struct hello *hello)
{
	struct reader r = reader_of(message);

	*hello = (struct hello){0};
	if (get_head(&r, &hello->protocol, &hello->version)) {
		hello->engine = reader_text(&r, PROTOCOL_DETAIL_LIMIT);
		hello->uid = reader_u32(&r);
		hello->gid = reader_u32(&r);
		get_store(&r, &hello->store);
	}
	return reader_finish(&r, "hello");
}

static void get_result(struct reader *r, struct result *result)
{
	uint32_t code = reader_u32(r);

	result->detail = reader_text(r, PROTOCOL_DETAIL_LIMIT);
	result->code = (status)code;
	if (result->code > 0)
		r->bad = true;
}

status protocol_get_welcome(const struct message *message, struct welcome *welcome)
{
	struct reader r = reader_of(message);

	*welcome = (struct welcome){0};
	if (get_head(&r, &welcome->protocol, &welcome->version))
		get_result(&r, &welcome->result);
	return reader_finish(&r, "welcome");
}

status protocol_get_path(const struct message *message, char **path)
{
	struct reader r = reader_of(message);

	*path = reader_absolute(&r);
	return reader_finish(&r, "request for a check");
}

status protocol_get_result(const struct message *message, struct result *result)
{
	struct reader r = reader_of(message);

	*result = (struct result){0};
	get_result(&r, result);
	return reader_finish(&r, "result");
}

static char *get_engine(struct reader *r)
{
	return reader_text(r, PROTOCOL_ENGINE_LIMIT);
}

status protocol_get_probe(const struct message *message, struct names *paths)
{
	struct reader r = reader_of(message);

	reader_names(&r, paths, reader_absolute);
	return reader_finish(&r, "request for a probe");
}

status protocol_get_engines(const struct message *message, struct names *engines)
{
	struct reader r = reader_of(message);

	reader_names(&r, engines, get_engine);
	return reader_finish(&r, "answer to a probe");
}

status protocol_unexpected(void)
{
	return status_fail(hrCommunicationError, "store worker: an unexpected message");
}

void hello_free(struct hello *hello)
{
	struct store_config *store = &hello->store;

	free(hello->version);
	free(hello->engine);
	free(store->engine);
	names_free(&store->databases);
	free(store->log_dir);
	free(store->system_dir);
	free(store->region_dir);
	free(store->log_base);
	free(store->spool_dir);
	*hello = (struct hello){0};
}

void welcome_free(struct welcome *welcome)
{
	free(welcome->version);
	free(welcome->result.detail);
	*welcome = (struct welcome){0};
}
