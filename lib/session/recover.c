/*
 * What must be in order before files are moved (moving.h), and what follows once they
 * are: the engine's check, then the durable notes that it is done.
 */
#include "session/recover.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/identity.h"
#include "base/trace.h"
#include "server/history.h"
#include "server/lock.h"
#include "server/service.h"
#include "session/moving.h"
#include "session/recover_logs.h"
#include "session/staging.h"

struct recovery {
	const struct server *server;
	struct registration *reg;
	struct moving moving;
	struct names contents;    /* where the restored databases are now */
	struct replaced replaced; /* while files are moved */
};

/* ---- before ---- */

/* STEP with the maker's rights. */
static status as_maker(struct recovery *r, status (*step)(void *recovery))
{
	return identity_do(r->reg->maker, r->reg->maker_group, step, r);
}

/* As the maker sees them: what he may not reach, he cannot have restored. */
static status find_contents(void *recovery)
{
	struct recovery *r = recovery;
	status rc = moving_check_targets(&r->moving);

	return failed(rc) ? rc : moving_contents(&r->moving, &r->contents);
}

static status check_reach(void *recovery)
{
	const struct recovery *r = recovery;

	return moving_check_reach(&r->moving);
}

static status find_engine(struct recovery *r)
{
	status rc = as_maker(r, find_contents);

	if (!failed(rc))
		rc = moving_find_engine(&r->moving, &r->contents);
	if (!failed(rc))
		rc = moving_find_home(&r->moving);
	return failed(rc) ? rc : as_maker(r, check_reach);
}

/* ---- moving ---- */

/* From the durable note of where replaced files go, there is only the way forward. */
static status begin_moving(struct recovery *r, struct replaced *replaced)
{
	status rc = STATUS_OK;

	r->moving.resumed = r->reg->replaced != NULL;
	if (!r->moving.resumed)
		rc = recover_choose(&r->moving, r->reg);
	if (!failed(rc) && !r->moving.resumed) {
		rc = replaced_choose(r->server, &r->reg->replaced);
		if (!failed(rc))
			rc = registration_save(r->server, r->reg);
	}
	if (failed(rc))
		return rc;
	return replaced_open(r->server, r->reg->replaced, r->reg->maker,
		r->reg->maker_group, r->moving.walk, replaced);
}

static status move(void *recovery)
{
	struct recovery *r = recovery;

	return moving_run(&r->moving, &r->replaced);
}

static status move_as_maker(struct recovery *r)
{
	status rc = begin_moving(r, &r->replaced);

	if (failed(rc))
		return rc;
	rc = as_maker(r, move);
	replaced_close(&r->replaced);
	return rc;
}

/* ---- the end ---- */

/* Those that were there already, where the registration names none. */
static status find_restored(const struct recovery *r, struct names *all)
{
	const struct moving *m = &r->moving;

	if (m->engine->traits & ENGINE_DIRECTORY)
		return m->engine->survey(&m->store, all, NULL);
	return engine_expand(&m->store.databases, all);
}

static status replay_in_place(void *context)
{
	const struct recovery *r = context;
	const struct moving *m = &r->moving;
	struct names all = {0};
	struct engine_recovery recovery = {
		.databases = &m->places,
		.home = m->home,
		.log_dir = m->log_dir,
		.system_dir = m->store.system_dir,
		.low = r->reg->choice.low,
		.high = r->reg->choice.high,
	};
	status rc = STATUS_OK;

	if (m->places.count == 0) {
		rc = find_restored(r, &all);
		recovery.databases = &all;
	}
	if (!failed(rc))
		rc = m->engine->recover(m->engine, &m->store, &recovery);
	names_free(&all);
	return rc;
}

/* Replay makes logs and other files: they must be told from what was there before. */
static status note_replay(const struct recovery *r)
{
	const struct engine *engine = r->moving.engine;

	if (r->reg->choice.replaying ||
		(!(engine->traits & ENGINE_LOGS) && !engine->survey))
		return STATUS_OK;
	r->reg->choice.replaying = true;
	return registration_save(r->server, r->reg);
}

/* An engine in this thread opens the maker's files with the maker's rights; a worker is the
 * store's owner anyway, and starting one takes the caller's rights. */
static status replay(struct recovery *r)
{
	status rc = note_replay(r);

	if (failed(rc))
		return rc;
	if (r->moving.engine->traits & ENGINE_IN_CALLER)
		return as_maker(r, replay_in_place);
	return replay_in_place(r);
}

static void need_full(struct history_chain *chain)
{
	chain->needs_full = true;
	chain->next_generation = 0;
}

/* What was restored is no base for an incremental backup, of either family. */
static status note_in_history(const struct recovery *r)
{
	struct history history;
	struct lock *lock;
	status rc = lock_records(r->server, &lock);

	if (failed(rc))
		return rc;
	rc = history_load(r->server, &history);
	if (!failed(rc)) {
		need_full(&history.certsrv);
		need_full(&history.ds);
		rc = history_save(r->server, &history);
	}
	lock_release(lock);
	return rc;
}

/* What the tool staged is of no use any more; that it could not be removed is no reason to
 * keep the service down. */
static status close_registration(const struct recovery *r)
{
	if (failed(staging_discard_logs(r->reg, STAGING_ALL)))
		trace(TRACE_ERROR, "%s: not all staged logs could be removed: %s",
			r->server->name, status_pending());
	return registration_remove(r->server, r->reg);
}

static status finish(const struct recovery *r)
{
	status rc = note_in_history(r);

	if (!failed(rc) && !r->server->has_service)
		rc = service_control(r->server, SERVICE_START, NULL);
	return failed(rc) ? rc : close_registration(r);
}

/* ---- the way ---- */

/* *DONE where all but removing the registration is: a store without a service is brought
 * online by recovery itself, and from then on its files belong to its users again. */
static status check_stopped(const struct recovery *r, bool *done)
{
	enum service_state state;
	status rc = service_get_state(r->server, &state);

	*done = false;
	if (failed(rc) || state == SERVICE_STOPPED)
		return rc;
	*done = !r->server->has_service && r->reg->replaced;
	if (*done)
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_SERVICE_ALREADY_RUNNING),
		"%s: the service runs, so nothing can be recovered", r->server->name);
}

static status check_completed(const struct recovery *r)
{
	if (r->reg->state == REGISTRATION_OPEN)
		return status_fail(hrRestoreInProgress,
			"%s: a restore is registered, but not completed",
			r->server->name);
	if (r->reg->state == REGISTRATION_FAILED)
		return status_fail(hrRestoreInProgress,
			"%s: the registered restore failed (%s); register a good one, or "
			"cancel it",
			r->server->name, status_name(r->reg->failure));
	return STATUS_OK;
}

static status recover_stopped(struct recovery *r)
{
	status rc = find_engine(r);

	if (!failed(rc))
		rc = move_as_maker(r);
	if (!failed(rc))
		rc = replay(r);
	return failed(rc) ? rc : finish(r);
}

static status recover_registered(struct recovery *r)
{
	bool done;
	status rc = check_completed(r);

	if (!failed(rc))
		rc = check_stopped(r, &done);
	if (failed(rc))
		return rc;
	if (done)
		return close_registration(r);
	rc = moving_collect(r->server, r->reg, &r->moving);
	return failed(rc) ? rc : recover_stopped(r);
}

static status recover_pending(const struct server *server)
{
	struct recovery r = {.server = server};
	status rc = registration_load(server, &r.reg);

	if (!failed(rc) && r.reg) {
		trace(TRACE_INFO, "%s: recovery begun", server->name);
		rc = recover_registered(&r);
		trace(TRACE_INFO, "%s: recovery %s", server->name,
			failed(rc) ? "failed" : "done");
	}
	moving_free(&r.moving);
	names_free(&r.contents);
	registration_free(r.reg);
	return rc;
}

/* Who may not look into state_dir cannot know that nothing is registered there. */
static status look_for_restore(const struct server *server, bool *pending)
{
	int fd;
	status rc = server_open_state_dir(server, false, &fd);

	if (!failed(rc))
		(void)close(fd);
	else if (rc == STATUS_WIN32(ERROR_ACCESS_DENIED))
		return rc;
	return registration_pending(server, pending);
}

status recover_store_locked(const struct server *server)
{
	struct lock *lock;
	bool pending;
	status rc = look_for_restore(server, &pending);

	if (failed(rc) || !pending)
		return rc;
	rc = lock_take(server, LOCK_BACKUP, &lock);
	if (failed(rc))
		return rc;
	rc = recover_pending(server);
	lock_release(lock);
	return rc;
}

/* Without a lock where nothing is registered: a daemon that is being started by this
 * library asks too, and the one who starts it holds the lock. */
status recover_store(const struct server *server)
{
	struct lock *lock;
	bool pending;
	status rc = look_for_restore(server, &pending);

	if (failed(rc) || !pending)
		return rc;
	rc = lock_take(server, LOCK_RESTORE, &lock);
	if (failed(rc))
		return rc;
	rc = recover_store_locked(server);
	lock_release(lock);
	return rc;
}
