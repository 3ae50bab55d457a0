#include "log_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct log_engine log_engine;

struct engine_session {
	char content[64]; /* of the open file */
	size_t size, position;
};

static status log_begin(const struct engine *engine, const struct store_config *store,
	const struct engine_begin *how, struct engine_session **session)
{
	(void)engine;
	(void)store;
	log_engine.how = *how;
	if (failed(log_engine.begin_result))
		return log_engine.begin_result;
	*session = calloc(1, sizeof(**session));
	if (!*session)
		return status_no_memory();
	log_engine.live++;
	return STATUS_OK;
}

static status log_databases(struct engine_session *session, struct engine_files *files)
{
	status rc = engine_files_add(files, LOG_ENGINE_DATABASE, ENGINE_DATABASE, 0, 8);

	(void)session;
	if (!failed(rc))
		rc = engine_files_add(files, LOG_ENGINE_EMPTY, ENGINE_DATABASE, 0, 0);
	return failed(rc) ? rc : log_engine.list_result;
}

static status log_logs(struct engine_session *session, struct engine_files *files)
{
	uint32_t first = log_engine.low;
	char path[64];
	status rc = log_engine.list_result;

	(void)session;
	if (log_engine.how.incremental)
		first = log_engine.how.first_generation;
	for (uint32_t n = first; n <= log_engine.high && !failed(rc); n++) {
		(void)snprintf(path, sizeof(path), "/store/logs/log.%u", n);
		rc = engine_files_add(files, path, ENGINE_LOG, n, 5);
	}
	return rc;
}

static status log_open(struct engine_session *session, const struct engine_file *file,
	size_t read_hint, uint64_t *size)
{
	(void)read_hint;
	if (failed(log_engine.open_result))
		return log_engine.open_result;
	session->position = 0;
	session->size = (size_t)file->size;
	(void)snprintf(session->content, sizeof(session->content), "%s",
		file->kind == ENGINE_DATABASE ? "database" : "a log");
	*size = file->size;
	log_engine.files_open++;
	return STATUS_OK;
}

static status log_read(
	struct engine_session *session, void *buffer, size_t size, size_t *got)
{
	size_t left = session->size - session->position;

	if (failed(log_engine.read_result))
		return log_engine.read_result;
	*got = size < left ? size : left;
	memcpy(buffer, session->content + session->position, *got);
	session->position += *got;
	return STATUS_OK;
}

static void log_close(struct engine_session *session)
{
	(void)session;
	log_engine.files_open--;
}

static status log_truncate(struct engine_session *session, uint32_t keep_from)
{
	(void)session;
	if (failed(log_engine.truncate_result))
		return log_engine.truncate_result;
	log_engine.kept_from = keep_from;
	return STATUS_OK;
}

static void log_end(struct engine_session *session)
{
	if (session)
		log_engine.live--;
	free(session);
}

static const struct engine log_engine_in_memory = {
	.name = "log",
	.traits = ENGINE_LOGS,
	.begin = log_begin,
	.databases = log_databases,
	.logs = log_logs,
	.open = log_open,
	.read = log_read,
	.close = log_close,
	.truncate = log_truncate,
	.end = log_end,
};

status __real_engine_find(const struct store_config *store, const struct engine **engine);
status __wrap_engine_find(const struct store_config *store, const struct engine **engine);

status __wrap_engine_find(const struct store_config *store, const struct engine **engine)
{
	if (!log_engine.in_use)
		return __real_engine_find(store, engine);
	*engine = log_engine.engine ? log_engine.engine : &log_engine_in_memory;
	return STATUS_OK;
}
