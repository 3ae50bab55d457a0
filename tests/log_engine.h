/*
 * log_engine.h - an engine with logs that lives in memory
 *
 * For what no engine of plain files can show: incremental sessions, the log phase,
 * truncation. Test programs are linked with --wrap=engine_find, and get this engine
 * instead of the configured one once log_engine.in_use is set. For restores there are
 * log_engine_files.h's.
 */
#ifndef TESTS_LOG_ENGINE_H
#define TESTS_LOG_ENGINE_H

#include "engine/engine.h"

#define LOG_ENGINE_DATABASE "/store/db.edb"
#define LOG_ENGINE_EMPTY    "/store/empty.edb"
#define LOG_ENGINE_LOG(n)   "/store/logs/log." #n

struct log_engine {
	bool in_use;
	const struct engine *engine; /* NULL: the one in memory */
	uint32_t low, high;          /* the logs that exist */
	status begin_result; /* what the calls fail with; STATUS_OK: they do not */
	status list_result;
	status open_result;
	status read_result;
	status truncate_result;
	struct engine_begin how; /* the last session's */
	uint32_t kept_from;      /* by the last truncation; 0: none */
	int live;                /* sessions begun and not ended */
	int files_open;
};
extern struct log_engine log_engine;

#endif
