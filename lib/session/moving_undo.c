/*
 * The way back from what moving_run did, and from what replay made of it: new databases and
 * logs, which only the registration's choice tells from the old ones.
 */
#include "session/locations.h"
#include "session/moving.h"
#include "session/staging.h"

/* While the new one is still staged, what stands in its place is the old one. */
static status take_restored(const struct moving *m, struct replaced *replaced,
	struct staging *s, const char *target, bool database)
{
	const char *name;
	bool staged;
	status rc = staging_look(s, target, &name, &staged);

	if (status_is_missing(rc))
		return STATUS_OK;
	if (failed(rc) || staged)
		return rc;
	if (database)
		rc = moving_take_stale(m, replaced, target);
	return failed(rc) ? rc : replaced_take(replaced, target);
}

static status take_places(const struct moving *m, struct replaced *replaced)
{
	const struct names *logs = &m->reg->choice.placed;
	struct staging s = staging_start(m->walk);
	status rc = STATUS_OK;

	for (size_t i = 0; i < m->places.count && !failed(rc); i++)
		rc = take_restored(m, replaced, &s, m->places.items[i], true);
	for (size_t i = 0; i < logs->count && !failed(rc); i++)
		rc = take_restored(m, replaced, &s, logs->items[i], false);
	staging_drop(&s);
	return rc;
}

/* All strays went before replay began: what is there now and was not kept is new. */
static status take_new_logs(const struct moving *m, struct replaced *replaced)
{
	struct engine_logs found = {0};
	status rc;

	if (!(m->engine->traits & ENGINE_LOGS))
		return STATUS_OK;
	rc = m->engine->find_logs(&m->store, m->log_dir, &found);
	for (size_t i = 0; i < found.count && !failed(rc); i++)
		if (!names_contains(&m->reg->choice.kept, found.items[i].path))
			rc = replaced_take(replaced, found.items[i].path);
	engine_logs_free(&found);
	return rc;
}

static status take_new_database(
	const struct moving *m, struct replaced *replaced, const char *path)
{
	bool recent;
	status rc = moving_is_recent(m, path, &recent);

	return failed(rc) || !recent ? rc : replaced_take(replaced, path);
}

/* Replay makes those that the logs tell of. Without a map nobody knows which. */
static status take_new_databases(const struct moving *m, struct replaced *replaced)
{
	struct names found = {0};
	status rc = STATUS_OK;

	if (!(m->engine->traits & ENGINE_DIRECTORY) || m->places.count == 0)
		return STATUS_OK;
	rc = m->engine->survey(&m->store, &found, NULL);
	for (size_t i = 0; i < found.count && !failed(rc); i++)
		rc = take_new_database(m, replaced, found.items[i]);
	names_free(&found);
	return rc;
}

static status take_made(const struct moving *m, struct replaced *replaced)
{
	status rc;

	if (!m->engine || !m->reg->choice.replaying)
		return STATUS_OK;
	rc = take_new_databases(m, replaced);
	if (!failed(rc))
		rc = take_new_logs(m, replaced);
	return failed(rc) ? rc : moving_take_leftovers(m, replaced);
}

status moving_undo(const struct moving *m, struct replaced *replaced)
{
	status rc = take_places(m, replaced);

	if (!failed(rc))
		rc = take_made(m, replaced);
	return failed(rc) ? rc : replaced_sync(replaced);
}
