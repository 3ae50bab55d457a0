/*
 * Two halves, with a durable note between them: a registration without targets says that
 * the places are clear of what was restored, and that what stands there from then on are
 * the old files.
 */
#include "session/rollback.h"

#include <stdlib.h>

#include "base/identity.h"
#include "base/trace.h"
#include "server/lock.h"
#include "server/service.h"
#include "session/moving.h"
#include "session/staging.h"

static status check_stopped(const struct server *server)
{
	enum service_state state;
	status rc = service_get_state(server, &state);

	if (!failed(rc) && state != SERVICE_STOPPED)
		rc = status_fail(STATUS_WIN32(ERROR_SERVICE_ALREADY_RUNNING),
			"%s: the service runs, so its files cannot be replaced",
			server->name);
	return rc;
}

/* For the files that belong to a database. Where none of them tells what they are, there
 * is nothing of that kind to take. */
static void find_engine(struct moving *m)
{
	const char *name = m->server->store.engine;

	for (size_t i = 0; i < m->places.count && !m->engine; i++)
		if (failed(engine_for_file(name, m->places.items[i], &m->engine)))
			m->engine = NULL;
}

static status collect_places(struct moving *m)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < m->reg->target_count && !failed(rc); i++)
		rc = names_add(&m->places, m->reg->targets[i].new_path);
	if (!failed(rc))
		names_sort(&m->places);
	return rc;
}

static status open_replaced(
	const struct moving *m, const char *name, struct replaced *replaced)
{
	return replaced_open(
		m->server, name, m->reg->maker, m->reg->maker_group, m->walk, replaced);
}

static status undo(const struct moving *m, struct replaced *replaced)
{
	return moving_undo(m, replaced);
}

static status put_back(const struct moving *m, struct replaced *replaced)
{
	(void)m;
	return replaced_put_back(replaced);
}

/* STEP with the directory NAME and the maker's rights. */
static status as_maker(const struct moving *m, const char *name,
	status (*step)(const struct moving *m, struct replaced *replaced))
{
	struct replaced replaced;
	struct identity former;
	status rc = open_replaced(m, name, &replaced);

	if (failed(rc))
		return rc;
	rc = identity_assume(m->reg->maker, m->reg->maker_group, &former);
	if (!failed(rc)) {
		rc = step(m, &replaced);
		identity_restore(&former);
	}
	replaced_close(&replaced);
	return rc;
}

static status clear_places(struct moving *m)
{
	char *name;
	status rc = collect_places(m);

	if (failed(rc) || m->places.count == 0)
		return rc;
	find_engine(m);
	rc = replaced_choose(m->server, &name);
	if (failed(rc))
		return rc;
	rc = as_maker(m, name, undo);
	free(name);
	return rc;
}

static status note_cleared(const struct server *server, struct registration *reg)
{
	const size_t count = reg->target_count;
	status rc;

	reg->target_count = 0;
	rc = registration_save(server, reg);
	reg->target_count = count;
	return rc;
}

/* From the first note on, recovery is out of the question. */
static status roll_back(struct moving *m, struct registration *reg)
{
	status rc;

	reg->state = REGISTRATION_FAILED;
	reg->failure = STATUS_WIN32(ERROR_CANCELLED);
	rc = registration_save(m->server, reg);
	if (!failed(rc))
		rc = clear_places(m);
	if (!failed(rc))
		rc = note_cleared(m->server, reg);
	if (!failed(rc))
		rc = staging_discard(reg, STAGING_ALL);
	if (!failed(rc))
		rc = as_maker(m, reg->replaced, put_back);
	return failed(rc) ? rc : registration_remove(m->server, reg);
}

status rollback_restore(const struct server *server, struct registration *reg)
{
	struct moving m = {
		.server = server,
		.reg = reg,
		.walk = reg->maker == 0 ? FILE_TRUSTED : FILE_NO_SYMLINK,
	};
	struct lock *lock;
	status rc = check_stopped(server);

	if (failed(rc))
		return rc;
	rc = lock_take(server, LOCK_BACKUP, &lock);
	if (failed(rc))
		return rc;
	rc = roll_back(&m, reg);
	trace(TRACE_INFO, "%s: going back to what was there before the restore %s",
		server->name, failed(rc) ? "failed" : "is done");
	lock_release(lock);
	names_free(&m.places);
	return rc;
}
