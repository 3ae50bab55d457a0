#include "engine/ese.h"

#include <stdlib.h>
#include <string.h>

#include "engine/ese_caller.h"
#include "engine/ese_recover.h"
#include "engine/ese_set.h"
#include "engine/ese_stream.h"

struct engine_session {
	struct ese_set set;
	struct ese_stream stream;
	bool incremental;
	bool report; /* damaged pages are told of, and handed out */
};

static void ese_end(struct engine_session *session)
{
	if (!session)
		return;
	ese_stream_close(&session->stream);
	ese_set_free(&session->set);
	free(session);
}

static status ese_begin(const struct engine *engine, const struct store_config *store,
	const struct engine_begin *how, struct engine_session **session)
{
	struct engine_session *s = calloc(1, sizeof(*s));
	status rc;

	(void)engine;
	*session = NULL;
	if (!s)
		return status_no_memory();
	s->stream.fd = -1;
	s->incremental = how->incremental;
	s->report = store->verify_report;
	rc = ese_set_freeze(store, how, &s->set);
	if (failed(rc))
		ese_end(s);
	else
		*session = s;
	return rc;
}

static status ese_databases(struct engine_session *session, struct engine_files *files)
{
	const struct ese_set *set = &session->set;
	status rc = STATUS_OK;

	if (session->incremental)
		return STATUS_OK;
	for (size_t i = 0; i < set->database_count && !failed(rc); i++)
		rc = engine_files_add(files, set->databases[i].path, ENGINE_DATABASE, 0,
			set->databases[i].stamp.size);
	return rc;
}

static int compare_files(const void *a, const void *b)
{
	return strcmp(((const struct engine_file *)a)->path,
		((const struct engine_file *)b)->path);
}

static status ese_logs(struct engine_session *session, struct engine_files *files)
{
	const struct ese_set *set = &session->set;
	status rc = STATUS_OK;

	for (size_t i = 0; i < set->log_count && !failed(rc); i++)
		rc = engine_files_add(files, set->logs[i].path, ENGINE_LOG,
			set->logs[i].generation, set->logs[i].stamp.size);
	if (files->count > 1)
		qsort(files->items, files->count, sizeof(*files->items), compare_files);
	return rc;
}

/* Buffers are the caller's own: there is nothing for the hint to size. */
static status ese_open(struct engine_session *session, const struct engine_file *file,
	size_t read_hint, uint64_t *size)
{
	const struct ese_member *member = ese_set_find(&session->set, file);
	status rc =
		ese_stream_open(&session->set, member, session->report, &session->stream);

	(void)read_hint;
	if (!failed(rc))
		*size = member->stamp.size;
	return rc;
}

static status ese_read(
	struct engine_session *session, void *buffer, size_t size, size_t *got)
{
	return ese_stream_read(&session->stream, buffer, size, got);
}

static void ese_close(struct engine_session *session)
{
	ese_stream_close(&session->stream);
}

static status ese_truncate(struct engine_session *session, uint32_t keep_from)
{
	return ese_set_truncate(&session->set, keep_from);
}

const struct engine engine_ese = {
	.name = "ese",
	.traits = ENGINE_LOGS | ENGINE_IN_CALLER,
	.begin = ese_begin,
	.databases = ese_databases,
	.logs = ese_logs,
	.open = ese_open,
	.read = ese_read,
	.close = ese_close,
	.truncate = ese_truncate,
	.end = ese_end,
	.stale_files = ese_stale_files,
	.recover = ese_recover,
	.verify = ese_verify,
	.survey = ese_survey,
	.generation = ese_generation,
	.find_logs = ese_find_logs,
	.log_continues = ese_log_continues,
	.check_logs = ese_check_logs,
	.log_name = ese_replay_name,
};
