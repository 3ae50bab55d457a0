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

struct recovery {
	const struct server *server;
	struct registration *reg;
	struct moving moving;
};

/* ---- before ---- */

/* As the maker sees them: what he may not reach, he cannot have restored. *CONTENT is where
 * the first one is now, NULL where no database is named. */
static status check_files(struct recovery *r, char **content)
{
	struct identity former;
	status rc = identity_assume(r->reg->maker, r->reg->maker_group, &former);

	*content = NULL;
	if (failed(rc))
		return rc;
	rc = moving_check(&r->moving);
	if (!failed(rc) && r->moving.places.count > 0)
		rc = moving_content(&r->moving, r->moving.places.items[0], content);
	identity_restore(&former);
	return rc;
}

/* The engine by its configured name, or by the restored files themselves: with `auto`
 * the place where they go may still be empty, or hold something else. Looking at them is
 * a worker's business, which starts with the caller's rights (engine.h). */
static status find_engine(struct recovery *r)
{
	char *content;
	status rc = check_files(r, &content);

	if (failed(rc))
		return rc;
	if (!content)
		return engine_find(&r->server->store, &r->moving.engine);
	rc = engine_for_file(r->server->store.engine, content, &r->moving.engine);
	free(content);
	return rc;
}

static status check_logs(const struct recovery *r)
{
	const struct engine *engine = r->moving.engine;

	if (engine->traits & ENGINE_LOGS)
		return STATUS_OK;
	for (size_t i = 0; i < r->reg->log_count; i++)
		if (r->reg->logs[i].low != 0)
			return status_fail(hrMissingRestoreLogFiles,
				"%s: logs %u to %u are registered, but its store (%s) "
				"keeps none",
				r->server->name, r->reg->logs[i].low,
				r->reg->logs[i].high, engine->name);
	return STATUS_OK;
}

/* ---- moving ---- */

/* From the durable note of where replaced files go, there is only the way forward. */
static status begin_moving(struct recovery *r, struct replaced *replaced)
{
	status rc = STATUS_OK;

	r->moving.resumed = r->reg->replaced != NULL;
	if (!r->moving.resumed) {
		rc = replaced_choose(r->server, &r->reg->replaced);
		if (!failed(rc))
			rc = registration_save(r->server, r->reg);
	}
	if (failed(rc))
		return rc;
	return replaced_open(r->server, r->reg->replaced, r->reg->maker,
		r->reg->maker_group, r->moving.walk, replaced);
}

static status move_as_maker(struct recovery *r)
{
	struct replaced replaced;
	struct identity former;
	status rc = begin_moving(r, &replaced);

	if (failed(rc))
		return rc;
	rc = identity_assume(r->reg->maker, r->reg->maker_group, &former);
	if (!failed(rc)) {
		rc = moving_run(&r->moving, &replaced);
		identity_restore(&former);
	}
	replaced_close(&replaced);
	return rc;
}

/* ---- the end ---- */

static status replay_in_place(const struct recovery *r)
{
	struct names all = {0};
	struct engine_recovery recovery = {
		.databases = &r->moving.places,
		.log_dir = r->server->store.log_dir,
		.system_dir = r->server->store.system_dir,
	};
	status rc = STATUS_OK;

	if (r->moving.places.count == 0) {
		rc = engine_expand(&r->server->store.databases, &all);
		recovery.databases = &all;
	}
	if (!failed(rc))
		rc = r->moving.engine->recover(
			r->moving.engine, &r->server->store, &recovery);
	names_free(&all);
	return rc;
}

/* An engine in this thread opens the maker's files with the maker's rights; a worker is the
 * store's owner anyway, and starting one takes the caller's rights. */
static status replay(const struct recovery *r)
{
	struct identity former;
	status rc;

	if (!(r->moving.engine->traits & ENGINE_IN_CALLER))
		return replay_in_place(r);
	rc = identity_assume(r->reg->maker, r->reg->maker_group, &former);
	if (failed(rc))
		return rc;
	rc = replay_in_place(r);
	identity_restore(&former);
	return rc;
}

/* What was restored is no base for an incremental backup. */
static status note_in_history(const struct recovery *r)
{
	struct history history;
	struct lock *lock;
	status rc = lock_records(r->server, &lock);

	if (failed(rc))
		return rc;
	rc = history_load(r->server, &history);
	if (!failed(rc)) {
		history.needs_full = true;
		history.next_generation = 0;
		rc = history_save(r->server, &history);
	}
	lock_release(lock);
	return rc;
}

static status finish(const struct recovery *r)
{
	status rc = note_in_history(r);

	if (!failed(rc) && !r->server->has_service)
		rc = service_control(r->server, SERVICE_START, NULL);
	if (!failed(rc))
		rc = registration_remove(r->server, r->reg);
	return rc;
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

static status collect_places(struct recovery *r)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < r->reg->target_count && !failed(rc); i++) {
		rc = names_add(&r->moving.places, r->reg->targets[i].new_path);
		if (!failed(rc))
			rc = names_add(&r->moving.former, r->reg->targets[i].old_path);
	}
	names_sort(&r->moving.places);
	names_sort(&r->moving.former);
	return rc;
}

static status recover_stopped(struct recovery *r)
{
	status rc = collect_places(r);

	if (!failed(rc))
		rc = find_engine(r);
	if (!failed(rc))
		rc = check_logs(r);
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
		return registration_remove(r->server, r->reg);
	r->moving.server = r->server;
	r->moving.reg = r->reg;
	r->moving.walk = r->reg->maker == 0 ? FILE_TRUSTED : FILE_NO_SYMLINK;
	return recover_stopped(r);
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
	names_free(&r.moving.places);
	names_free(&r.moving.former);
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
