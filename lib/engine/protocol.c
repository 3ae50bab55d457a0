/* Packing never fails on its own (struct buffer remembers); unpacking reads past nothing:
 * struct reader turns bad at the first thing that does not fit and gives zeros from then
 * on, so that one check at the end is enough. */
#include "engine/protocol.h"

#include <stdlib.h>
#include <string.h>

static const uint32_t NO_TEXT = UINT32_MAX;

struct reader {
	const unsigned char *at;
	size_t left;
	bool bad;
	bool short_of_memory;
};

static struct reader read_from(const struct message *message)
{
	return (struct reader){.at = message->data, .left = message->size};
}

static const unsigned char *take(struct reader *r, size_t size)
{
	const unsigned char *bytes = r->at;

	if (r->bad || r->left < size) {
		r->bad = true;
		return NULL;
	}
	r->at += size;
	r->left -= size;
	return bytes;
}

static uint32_t get_u32(struct reader *r)
{
	const unsigned char *b = take(r, 4);

	if (!b)
		return 0;
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
	       (uint32_t)b[3] << 24;
}

static uint64_t get_u64(struct reader *r)
{
	uint64_t low = get_u32(r);

	return low | (uint64_t)get_u32(r) << 32;
}

static bool get_bool(struct reader *r)
{
	uint32_t value = get_u32(r);

	if (value > 1)
		r->bad = true;
	return value == 1;
}

/* NULL where none was sent, and where the reader is bad. */
static char *get_optional_text(struct reader *r, size_t limit)
{
	uint32_t length = get_u32(r);
	const unsigned char *bytes;
	char *text;

	if (r->bad || length == NO_TEXT)
		return NULL;
	if (length > limit) {
		r->bad = true;
		return NULL;
	}
	bytes = take(r, length);
	if (!bytes)
		return NULL;
	if (memchr(bytes, 0, length)) {
		r->bad = true;
		return NULL;
	}
	text = malloc((size_t)length + 1);
	if (!text) {
		r->bad = r->short_of_memory = true;
		return NULL;
	}
	memcpy(text, bytes, length);
	text[length] = '\0';
	return text;
}

static char *get_text(struct reader *r, size_t limit)
{
	char *text = get_optional_text(r, limit);

	if (!text)
		r->bad = true;
	return text;
}

/* A path or a pattern. */
static char *get_absolute(struct reader *r)
{
	char *path = get_text(r, PROTOCOL_TEXT_LIMIT);

	if (path && *path != '/')
		r->bad = true;
	return path;
}

static char *get_path(struct reader *r)
{
	char *path = get_text(r, PROTOCOL_PATH_LIMIT);

	if (path && !protocol_path_is_sound(path))
		r->bad = true;
	return path;
}

static void get_names(
	struct reader *r, struct names *names, char *(*get)(struct reader *))
{
	uint32_t count = get_u32(r);

	for (uint32_t i = 0; i < count && !r->bad; i++) {
		char *item = get(r);

		if (item && failed(names_take(names, item)))
			r->bad = r->short_of_memory = true;
	}
}

static status finish(const struct reader *r, const char *what)
{
	if (r->short_of_memory)
		return status_no_memory();
	if (r->bad || r->left)
		return status_fail(
			hrCommunicationError, "store worker: malformed %s", what);
	return STATUS_OK;
}

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
	buffer_u32(body, text ? (uint32_t)length : NO_TEXT);
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

void protocol_put_begin(struct buffer *body, const struct engine_begin *how)
{
	buffer_u32(body, how->incremental);
	buffer_u32(body, how->first_generation);
}

void protocol_put_recover(struct buffer *body, const struct names *databases,
	const char *log_dir, const char *system_dir)
{
	protocol_put_names(body, databases);
	protocol_put_text(body, log_dir);
	protocol_put_text(body, system_dir);
}

void protocol_put_result(struct buffer *body, status code, const char *detail)
{
	size_t length = detail ? strnlen(detail, PROTOCOL_DETAIL_LIMIT) : 0;

	buffer_u32(body, (uint32_t)code);
	buffer_u32(body, (uint32_t)length);
	if (length)
		buffer_add(body, detail, length);
}

void protocol_put_entry(struct buffer *body, const struct spool_entry *entry)
{
	protocol_put_text(body, entry->path);
	buffer_u64(body, entry->offset);
	buffer_u64(body, entry->size);
}

/* ---- unpacking ---- */

static void get_store(struct reader *r, struct store_config *store)
{
	store->engine = get_optional_text(r, PROTOCOL_TEXT_LIMIT);
	get_names(r, &store->databases, get_absolute);
	store->log_dir = get_optional_text(r, PROTOCOL_TEXT_LIMIT);
	store->system_dir = get_optional_text(r, PROTOCOL_TEXT_LIMIT);
	store->region_dir = get_optional_text(r, PROTOCOL_TEXT_LIMIT);
	store->log_base = get_optional_text(r, PROTOCOL_TEXT_LIMIT);
	store->spool_dir = get_optional_text(r, PROTOCOL_TEXT_LIMIT);
	store->verify_report = get_bool(r);
	store->compact = get_bool(r);
}

/* True where the rest of the message has the layout of this build. */
static bool get_head(struct reader *r, uint32_t *protocol, char **version)
{
	if (get_u32(r) != PROTOCOL_MAGIC)
		r->bad = true;
	*protocol = get_u32(r);
	*version = get_text(r, PROTOCOL_DETAIL_LIMIT);
	if (r->bad || *protocol == PROTOCOL_VERSION)
		return true;
	(void)take(r, r->left);
	return false;
}

status protocol_get_hello(const struct message *message, struct hello *hello)
{
	struct reader r = read_from(message);

	*hello = (struct hello){0};
	if (get_head(&r, &hello->protocol, &hello->version)) {
		hello->engine = get_text(&r, PROTOCOL_DETAIL_LIMIT);
		hello->uid = get_u32(&r);
		hello->gid = get_u32(&r);
		get_store(&r, &hello->store);
	}
	return finish(&r, "hello");
}

static void get_result(struct reader *r, struct result *result)
{
	uint32_t code = get_u32(r);

	result->detail = get_text(r, PROTOCOL_DETAIL_LIMIT);
	result->code = (status)code;
	if (result->code > 0)
		r->bad = true;
}

status protocol_get_welcome(const struct message *message, struct welcome *welcome)
{
	struct reader r = read_from(message);

	*welcome = (struct welcome){0};
	if (get_head(&r, &welcome->protocol, &welcome->version))
		get_result(&r, &welcome->result);
	return finish(&r, "welcome");
}

status protocol_get_begin(const struct message *message, struct engine_begin *how)
{
	struct reader r = read_from(message);

	*how = (struct engine_begin){0};
	how->incremental = get_bool(&r);
	how->first_generation = get_u32(&r);
	return finish(&r, "request for a session");
}

status protocol_get_recover(
	const struct message *message, struct recover_request *request)
{
	struct reader r = read_from(message);

	*request = (struct recover_request){0};
	get_names(&r, &request->databases, get_absolute);
	request->log_dir = get_optional_text(&r, PROTOCOL_TEXT_LIMIT);
	request->system_dir = get_optional_text(&r, PROTOCOL_TEXT_LIMIT);
	return finish(&r, "request for a recovery");
}

status protocol_get_path(const struct message *message, char **path)
{
	struct reader r = read_from(message);

	*path = get_absolute(&r);
	return finish(&r, "request for a check");
}

status protocol_get_result(const struct message *message, struct result *result)
{
	struct reader r = read_from(message);

	*result = (struct result){0};
	get_result(&r, result);
	return finish(&r, "result");
}

static char *get_engine(struct reader *r)
{
	return get_text(r, PROTOCOL_ENGINE_LIMIT);
}

status protocol_get_probe(const struct message *message, struct names *paths)
{
	struct reader r = read_from(message);

	get_names(&r, paths, get_absolute);
	return finish(&r, "request for a probe");
}

status protocol_get_engines(const struct message *message, struct names *engines)
{
	struct reader r = read_from(message);

	get_names(&r, engines, get_engine);
	return finish(&r, "answer to a probe");
}

status protocol_unexpected(void)
{
	return status_fail(hrCommunicationError, "store worker: an unexpected message");
}

status protocol_get_index(const struct message *message,
	status (*accept)(void *context, const struct spool_entry *entry), void *context)
{
	struct reader r = read_from(message);
	status rc = STATUS_OK;

	while (r.left && !r.bad && !failed(rc)) {
		struct spool_entry entry = {.path = get_path(&r)};

		entry.offset = get_u64(&r);
		entry.size = get_u64(&r);
		if (!r.bad)
			rc = accept(context, &entry);
		free(entry.path);
	}
	return failed(rc) ? rc : finish(&r, "index");
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

void recover_request_free(struct recover_request *request)
{
	names_free(&request->databases);
	free(request->log_dir);
	free(request->system_dir);
	*request = (struct recover_request){0};
}
