/*
 * Two halves, with a durable note between them: the places are clear of what was restored,
 * and what stands there from then on are the old files. Only behind it may what is staged
 * go: ahead of it, that tells the old files from the restored ones.
 */
#include "session/rollback.h"

#include <stdlib.h>

#include "base/identity.h"
#include "base/trace.h"
#include "server/lock.h"
#include "server/service.h"
#include "session/moving.h"
#include "session/staging.h"

struct step {
	struct moving *m;
	struct names contents;
	struct replaced replaced;
};

static status as_maker(struct step *s, status (*what)(void *step))
{
	return identity_do(s->m->reg->maker, s->m->reg->maker_group, what, s);
}

/* As the maker sees them. */
static status find_contents(void *step)
{
	struct step *s = step;

	return moving_contents(s->m, &s->contents);
}

/* For what belongs to the databases. Recovery noted the engine, unless an older one began
 * it: where then no file tells what it is, there is nothing of that kind to take. */
static status find_engine(struct moving *m)
{
	struct step s = {.m = m};
	status rc = as_maker(&s, find_contents);

	if (!failed(rc))
		rc = moving_find_engine(m, &s.contents);
	names_free(&s.contents);
	if (failed(rc) && !m->reg->choice.engine) {
		m->engine = NULL;
		return STATUS_OK;
	}
	return failed(rc) ? rc : moving_find_home(m);
}

static status undo(void *step)
{
	struct step *s = step;

	return moving_undo(s->m, &s->replaced);
}

static status put_back(void *step)
{
	const struct step *s = step;

	return replaced_put_back(&s->replaced);
}

/* WHAT with the directory NAME and the maker's rights. */
static status with_replaced(
	struct moving *m, const char *name, status (*what)(void *step))
{
	struct step s = {.m = m};
	status rc = replaced_open(m->server, name, m->reg->maker, m->reg->maker_group,
		m->walk, &s.replaced);

	if (failed(rc))
		return rc;
	rc = as_maker(&s, what);
	replaced_close(&s.replaced);
	return rc;
}

static bool has_nothing_placed(const struct moving *m)
{
	return m->places.count == 0 && m->reg->choice.placed.count == 0;
}

static status clear_places(struct moving *m)
{
	char *name;
	status rc = STATUS_OK;

	if (m->reg->cleared || has_nothing_placed(m))
		return STATUS_OK;
	rc = find_engine(m);
	if (failed(rc))
		return rc;
	rc = replaced_choose(m->server, &name);
	if (failed(rc))
		return rc;
	rc = with_replaced(m, name, undo);
	free(name);
	return rc;
}

static status note_cleared(const struct server *server, struct registration *reg)
{
	reg->cleared = true;
	return registration_save(server, reg);
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
		rc = staging_discard_logs(reg, STAGING_ALL);
	if (!failed(rc))
		rc = with_replaced(m, reg->replaced, put_back);
	return failed(rc) ? rc : registration_remove(m->server, reg);
}

static status roll_back_locked(const struct server *server, struct registration *reg)
{
	struct moving m;
	status rc = moving_collect(server, reg, &m);

	if (!failed(rc))
		rc = roll_back(&m, reg);
	moving_free(&m);
	return rc;
}

status rollback_restore(const struct server *server, struct registration *reg)
{
	struct lock *lock;
	status rc = service_require_stopped(server, "its files cannot be replaced");

	if (failed(rc))
		return rc;
	rc = lock_take(server, LOCK_BACKUP, &lock);
	if (failed(rc))
		return rc;
	rc = roll_back_locked(server, reg);
	trace(TRACE_INFO, "%s: going back to what was there before the restore %s",
		server->name, failed(rc) ? "failed" : "is done");
	lock_release(lock);
	return rc;
}
