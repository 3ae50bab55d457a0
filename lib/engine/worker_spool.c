/* Copies are read from the caller's own descriptor of the spool: no byte of them goes
 * over the socket. What the worker tells about the spool is believed only as far as it
 * was checked here. */
#include "engine/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/worker_common.h"

struct engine_session {
	struct link *link;
	struct spool spool;
};

/* ---- the index ---- */

struct index {
	struct spool *spool;
	const struct engine *engine;
	const struct names *databases; /* as configured */
	uint64_t written;              /* the spool's size */
};

static status accept_entry(void *context, const struct spool_entry *entry)
{
	const struct index *index = context;
	struct spool *spool = index->spool;
	const char *problem = NULL;

	if (spool->count >= PROTOCOL_INDEX_LIMIT)
		problem = "too many entries";
	else if (!worker_may_list(index->engine, index->databases, entry->path))
		problem = "a file that is not configured";
	else if (spool->count &&
		 strcmp(spool->entries[spool->count - 1].path, entry->path) >= 0)
		problem = "entries out of order";
	else if (spool->count &&
		 entry->offset < spool->entries[spool->count - 1].offset +
					 spool->entries[spool->count - 1].size)
		problem = "entries that overlap";
	else if (entry->size > index->written ||
		 entry->offset > index->written - entry->size)
		problem = "an entry beyond the spool's end";
	if (problem)
		return status_fail(
			hrCommunicationError, "store worker: its index has %s", problem);
	spool->end = entry->offset;
	return spool_note(spool, entry->path, entry->size);
}

static status accept_index(void *context, const struct message *message)
{
	if (message->type != MESSAGE_INDEX)
		return protocol_unexpected();
	return protocol_get_index(message, accept_entry, context);
}

static status fetch_index(struct engine_session *session, const struct engine *engine,
	const struct store_config *store)
{
	struct index index = {.spool = &session->spool,
		.engine = engine,
		.databases = &store->databases};
	const struct buffer nothing = {0};
	struct stat st;
	status rc;

	if (fstat(session->spool.fd, &st) < 0)
		return status_errno(errno, "%s: spool", store->spool_dir);
	index.written = (uint64_t)st.st_size;
	rc = link_call(session->link, MESSAGE_DATABASES, &nothing, accept_index, &index);
	if (!failed(rc))
		spool_seal(&session->spool);
	return rc;
}

/* ---- the operations ---- */

status worker_spool_begin(const struct engine *engine, const struct store_config *store,
	const struct engine_begin *how, struct engine_session **session)
{
	struct engine_session *s = calloc(1, sizeof(*s));
	struct buffer request = {0};
	status rc;

	*session = NULL;
	if (!s)
		return status_no_memory();
	rc = spool_create(store->spool_dir, &s->spool);
	if (!failed(rc))
		rc = worker_start(
			engine, store, &store->databases, s->spool.fd, &s->link);
	if (!failed(rc)) {
		protocol_put_begin(&request, how);
		rc = link_call(s->link, MESSAGE_BEGIN, &request, NULL, NULL);
	}
	if (!failed(rc))
		rc = fetch_index(s, engine, store);
	buffer_free(&request);
	if (failed(rc))
		worker_spool_end(s);
	else
		*session = s;
	return rc;
}

status worker_spool_databases(struct engine_session *session, struct engine_files *files)
{
	return spool_list(&session->spool, files);
}

/* An engine whose logs had to be copied with the databases would stream. */
status worker_spool_logs(struct engine_session *session, struct engine_files *files)
{
	(void)session;
	(void)files;
	return STATUS_OK;
}

status worker_spool_open(struct engine_session *session, const struct engine_file *file,
	size_t read_hint, uint64_t *size)
{
	(void)read_hint;
	return spool_open(&session->spool, file->path, size);
}

status worker_spool_read(
	struct engine_session *session, void *buffer, size_t size, size_t *got)
{
	return spool_read(&session->spool, buffer, size, got);
}

void worker_spool_close(struct engine_session *session)
{
	spool_close(&session->spool);
}

void worker_spool_end(struct engine_session *session)
{
	if (!session)
		return;
	link_end(session->link);
	spool_free(&session->spool);
	free(session);
}
