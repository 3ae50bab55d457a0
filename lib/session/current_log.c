#include "session/current_log.h"

#include "engine/engine.h"
#include "server/history.h"
#include "server/lock.h"

static status check_engine(const struct server *server)
{
	const struct engine *engine;
	status rc = engine_find(&server->store, &engine);

	if (!failed(rc) && !(engine->traits & ENGINE_LOGS))
		rc = status_fail(hrCircularLogging,
			"%s: its store (%s) keeps no logs, so every backup is a full one",
			server->name, engine->name);
	return rc;
}

static void set_chain(struct history_chain *chain, uint32_t generation)
{
	if (generation == CURRENT_LOG_DISABLE)
		chain->incremental_disabled = true;
	else
		chain->next_generation = generation;
}

static status change(const struct server *server, uint32_t generation)
{
	struct history history;
	status rc = history_load(server, &history);

	if (failed(rc))
		return rc;
	set_chain(&history.certsrv, generation);
	set_chain(&history.ds, generation);
	return history_save(server, &history);
}

status current_log_set(const struct server *server, uint32_t generation)
{
	struct lock *lock;
	status rc;

	if (generation == 0)
		return status_fail(STATUS_WIN32(ERROR_INVALID_PARAMETER),
			"%s: there is no log of generation 0", server->name);
	rc = check_engine(server);
	if (!failed(rc))
		rc = lock_records(server, &lock);
	if (failed(rc))
		return rc;
	rc = change(server, generation);
	lock_release(lock);
	return rc;
}
