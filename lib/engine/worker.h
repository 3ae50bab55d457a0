/*
 * worker.h - engines that run in backupapi-worker, seen from the caller
 *
 * One worker process per session, recovery or check, started as the owner of the
 * store's files, spoken to over a socketpair (engine/protocol.h). It ends when the
 * socket does: a caller that dies at any instruction leaves no lock behind.
 */
#ifndef ENGINE_WORKER_H
#define ENGINE_WORKER_H

#include "engine/engine.h"

/* The operations of struct engine for an engine that lives in the worker. */
status worker_recover(const struct engine *engine, const struct store_config *store,
	const struct engine_recovery *recovery);
status worker_verify(const struct engine *engine, const char *path);

/* Sessions whose begin leaves copies of all files in a spool. */
status worker_spool_begin(const struct engine *engine, const struct store_config *store,
	const struct engine_begin *how, struct engine_session **session);
status worker_spool_databases(struct engine_session *session, struct engine_files *files);
status worker_spool_logs(struct engine_session *session, struct engine_files *files);
status worker_spool_open(struct engine_session *session, const struct engine_file *file,
	size_t read_hint, uint64_t *size);
status worker_spool_read(
	struct engine_session *session, void *buffer, size_t size, size_t *got);
void worker_spool_close(struct engine_session *session);
void worker_spool_end(struct engine_session *session);

#define WORKER_SPOOL_OPERATIONS                                                          \
	.begin = worker_spool_begin, .databases = worker_spool_databases,                \
	.logs = worker_spool_logs, .open = worker_spool_open, .read = worker_spool_read, \
	.close = worker_spool_close, .end = worker_spool_end, .recover = worker_recover, \
	.verify = worker_verify

/* Sessions whose files stay where they are and come through descriptors, one at a time. */
status worker_stream_begin(const struct engine *engine, const struct store_config *store,
	const struct engine_begin *how, struct engine_session **session);
status worker_stream_databases(
	struct engine_session *session, struct engine_files *files);
status worker_stream_logs(struct engine_session *session, struct engine_files *files);
status worker_stream_open(struct engine_session *session, const struct engine_file *file,
	size_t read_hint, uint64_t *size);
status worker_stream_read(
	struct engine_session *session, void *buffer, size_t size, size_t *got);
void worker_stream_close(struct engine_session *session);
status worker_stream_truncate(struct engine_session *session, uint32_t keep_from);
void worker_stream_end(struct engine_session *session);

#define WORKER_STREAM_OPERATIONS                                                         \
	.begin = worker_stream_begin, .databases = worker_stream_databases,              \
	.logs = worker_stream_logs, .open = worker_stream_open,                          \
	.read = worker_stream_read, .close = worker_stream_close,                        \
	.truncate = worker_stream_truncate, .end = worker_stream_end,                    \
	.recover = worker_recover, .verify = worker_verify

/* probe_all of probe.h in a worker, which is the owner of the first path, or the caller
 * where that owner may not read them. */
status worker_probe(const struct names *paths, struct names *engines);

#endif
