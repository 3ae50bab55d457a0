/* The messages of sessions and recoveries. */
#include "engine/protocol.h"

#include <stdlib.h>

#include "engine/protocol_reader.h"

/* ---- packing ---- */

void protocol_put_begin(struct buffer *body, const struct engine_begin *how)
{
	buffer_u32(body, how->incremental);
	buffer_u32(body, how->first_generation);
}

void protocol_put_recover(struct buffer *body, const struct engine_recovery *recovery)
{
	protocol_put_names(body, recovery->databases);
	protocol_put_text(body, recovery->home);
	protocol_put_text(body, recovery->log_dir);
	protocol_put_text(body, recovery->system_dir);
	buffer_u32(body, recovery->low);
	buffer_u32(body, recovery->high);
}

void protocol_put_open(struct buffer *body, const struct engine_file *file)
{
	protocol_put_text(body, file->path);
	buffer_u32(body, (uint32_t)file->kind);
}

void protocol_put_opened(struct buffer *body, const struct opened *opened)
{
	buffer_u64(body, opened->size);
	buffer_u32(body, opened->pipe);
}

void protocol_put_file(struct buffer *body, const struct engine_file *file)
{
	protocol_put_text(body, file->path);
	buffer_u32(body, (uint32_t)file->kind);
	buffer_u32(body, file->generation);
	buffer_u64(body, file->size);
}

void protocol_put_entry(struct buffer *body, const struct spool_entry *entry)
{
	protocol_put_text(body, entry->path);
	buffer_u64(body, entry->offset);
	buffer_u64(body, entry->size);
}

/* ---- unpacking ---- */

status protocol_get_begin(const struct message *message, struct engine_begin *how)
{
	struct reader r = reader_of(message);

	*how = (struct engine_begin){0};
	how->incremental = reader_bool(&r);
	how->first_generation = reader_u32(&r);
	return reader_finish(&r, "request for a session");
}

/* Absolute where there is one. */
static char *get_directory(struct reader *r)
{
	char *path = reader_optional_text(r, PROTOCOL_TEXT_LIMIT);

	if (path && *path != '/')
		r->bad = true;
	return path;
}

status protocol_get_recover(
	const struct message *message, struct recover_request *request)
{
	struct reader r = reader_of(message);

	*request = (struct recover_request){0};
	reader_names(&r, &request->databases, reader_absolute);
	request->home = get_directory(&r);
	request->log_dir = get_directory(&r);
	request->system_dir = get_directory(&r);
	request->low = reader_u32(&r);
	request->high = reader_u32(&r);
	if (request->low > request->high || (request->low == 0 && request->high != 0))
		r.bad = true;
	return reader_finish(&r, "request for a recovery");
}

static enum engine_file_kind get_kind(struct reader *r)
{
	uint32_t kind = reader_u32(r);

	if (kind > ENGINE_PATCH) {
		r->bad = true;
		return ENGINE_DATABASE;
	}
	return (enum engine_file_kind)kind;
}

/* What a file can have, so that sums of it and an offset do not overflow. */
static uint64_t get_file_size(struct reader *r)
{
	uint64_t size = reader_u64(r);

	if (size > INT64_MAX)
		r->bad = true;
	return size;
}

status protocol_get_open(const struct message *message, struct engine_file *file)
{
	struct reader r = reader_of(message);

	*file = (struct engine_file){0};
	file->path = reader_path(&r);
	file->kind = get_kind(&r);
	return reader_finish(&r, "request for a file");
}

status protocol_get_opened(const struct message *message, struct opened *opened)
{
	struct reader r = reader_of(message);

	*opened = (struct opened){0};
	opened->size = get_file_size(&r);
	opened->pipe = reader_bool(&r);
	return reader_finish(&r, "answer to a request for a file");
}

status protocol_get_generation(const struct message *message, uint32_t *generation)
{
	struct reader r = reader_of(message);

	*generation = reader_u32(&r);
	return reader_finish(&r, "request for a truncation");
}

status protocol_get_index(const struct message *message,
	status (*accept)(void *context, const struct spool_entry *entry), void *context)
{
	struct reader r = reader_of(message);
	status rc = STATUS_OK;

	while (r.left && !r.bad && !failed(rc)) {
		struct spool_entry entry = {.path = reader_path(&r)};

		entry.offset = reader_u64(&r);
		entry.size = reader_u64(&r);
		if (!r.bad)
			rc = accept(context, &entry);
		free(entry.path);
	}
	return failed(rc) ? rc : reader_finish(&r, "index");
}

/* Logs have generations, and nothing else has. */
static bool generation_fits(const struct engine_file *file)
{
	return (file->kind == ENGINE_LOG) == (file->generation != 0);
}

status protocol_get_files(const struct message *message,
	status (*accept)(void *context, const struct engine_file *file), void *context)
{
	struct reader r = reader_of(message);
	status rc = STATUS_OK;

	while (r.left && !r.bad && !failed(rc)) {
		struct engine_file file = {.path = reader_path(&r)};

		file.kind = get_kind(&r);
		file.generation = reader_u32(&r);
		file.size = get_file_size(&r);
		r.bad |= !generation_fits(&file);
		if (!r.bad)
			rc = accept(context, &file);
		free(file.path);
	}
	return failed(rc) ? rc : reader_finish(&r, "list of files");
}

void recover_request_free(struct recover_request *request)
{
	names_free(&request->databases);
	free(request->home);
	free(request->log_dir);
	free(request->system_dir);
	*request = (struct recover_request){0};
}
