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
status worker_begin(const struct engine *engine, const struct store_config *store,
	const struct engine_begin *how, struct engine_session **session);
status worker_databases(struct engine_session *session, struct engine_files *files);
status worker_logs(struct engine_session *session, struct engine_files *files);
status worker_open(struct engine_session *session, const struct engine_file *file,
	size_t read_hint, uint64_t *size);
status worker_read(struct engine_session *session, void *buffer, size_t size, size_t *got);
void worker_close(struct engine_session *session);
void worker_end(struct engine_session *session);
status worker_recover(const struct engine *engine, const struct store_config *store,
	const struct engine_recovery *recovery);
status worker_verify(const struct engine *engine, const char *path);

/* probe_all of probe.h in a worker, which is the owner of the first path, or the caller
 * where that owner may not read them. */
status worker_probe(const struct names *paths, struct names *engines);

#endif
