/* What a restore replaces: the old databases, their logs, and what was beside them. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/stamp.h"
#include "session/locations.h"
#include "session/moving.h"
#include "session/staging.h"

status moving_take_stale(
	const struct moving *m, struct replaced *replaced, const char *path)
{
	struct names stale = {0};
	status rc = STATUS_OK;

	if (m->engine && m->engine->stale_files)
		rc = m->engine->stale_files(path, &stale);

	for (size_t i = 0; i < stale.count && !failed(rc); i++)
		rc = replaced_take(replaced, stale.items[i]);
	names_free(&stale);
	return rc;
}

/* What stands in the place of a file, while that still waits. */
static status take_old(struct replaced *replaced, struct staging *s, const char *target)
{
	const char *name;
	bool staged;
	status rc = staging_look(s, target, &name, &staged);

	return failed(rc) || !staged ? rc : replaced_take(replaced, target);
}

static status take_olds(const struct moving *m, struct replaced *replaced)
{
	const struct names *logs = &m->reg->choice.placed;
	struct staging s = staging_start(m->walk);
	status rc = STATUS_OK;

	for (size_t i = 0; i < m->places.count && !failed(rc); i++) {
		rc = moving_take_stale(m, replaced, m->places.items[i]);
		if (!failed(rc))
			rc = take_old(replaced, &s, m->places.items[i]);
	}
	for (size_t i = 0; i < logs->count && !failed(rc); i++)
		rc = take_old(replaced, &s, logs->items[i]);
	staging_drop(&s);
	return rc;
}

/* Was PATH written, or put there, since the restore was prepared? */
status moving_is_recent(const struct moving *m, const char *path, bool *recent)
{
	struct visit dir = visit_start(m->walk);
	const char *name;
	struct stat st;
	status rc = visit_enter(&dir, path, &name);

	*recent = false;
	if (status_is_missing(rc))
		return STATUS_OK;
	if (failed(rc))
		return rc;
	if (fstatat(dir.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		*recent = !stamp_is_older(&st, m->reg->time);
	else if (errno != ENOENT)
		rc = status_errno(errno, "%s", path);
	visit_drop(&dir);
	return rc;
}

/* Does PATH, which was not restored, stay with all that belongs to it? What a glob matches
 * and the set does not know would be mixed into it. */
static bool keeps_its_place(const struct moving *m, const char *path)
{
	return locations_named(m->server, path) || names_contains(&m->former, path);
}

/* A database of the store that is no place of the map's. Written since the restore was
 * prepared, or without any map, it was restored there by the caller: then only what
 * belonged to its old content goes. Of a stray that goes first: once the database is
 * gone, nothing leads to it. */
static status take_unmapped(
	const struct moving *m, struct replaced *replaced, const char *path)
{
	bool restored = m->places.count == 0;
	status rc = STATUS_OK;

	if (names_contains(&m->places, path))
		return STATUS_OK;
	if (!restored)
		rc = moving_is_recent(m, path, &restored);
	if (failed(rc) || (!restored && keeps_its_place(m, path)))
		return rc;
	rc = moving_take_stale(m, replaced, path);
	return failed(rc) || restored ? rc : replaced_take(replaced, path);
}

static status take_others(const struct moving *m, struct replaced *replaced)
{
	struct locations l;
	status rc = locations_of(&m->store, m->engine, &l);

	if (failed(rc))
		return rc;
	for (size_t i = 0; i < l.count && !failed(rc); i++)
		if (l.items[i].kind == LOCATION_DATABASE)
			rc = take_unmapped(m, replaced, l.items[i].path);
	locations_free(&l);
	return rc;
}

/* ---- what is beside the databases ---- */

/* Replay makes new logs: from then on none is a stray. */
static status take_strays(const struct moving *m, struct replaced *replaced)
{
	const struct restore_choice *choice = &m->reg->choice;
	struct engine_logs found = {0};
	status rc = STATUS_OK;

	if (!(m->engine->traits & ENGINE_LOGS) || choice->replaying)
		return STATUS_OK;
	rc = m->engine->find_logs(&m->store, m->log_dir, &found);
	for (size_t i = 0; i < found.count && !failed(rc); i++) {
		const char *path = found.items[i].path;

		if (!names_contains(&choice->placed, path) &&
			!names_contains(&choice->kept, path))
			rc = replaced_take(replaced, path);
	}
	engine_logs_free(&found);
	return rc;
}

status moving_take_leftovers(const struct moving *m, struct replaced *replaced)
{
	struct names leftovers = {0};
	status rc = STATUS_OK;

	if (!m->engine || !m->engine->survey)
		return STATUS_OK;
	rc = m->engine->survey(&m->store, NULL, &leftovers);
	for (size_t i = 0; i < leftovers.count && !failed(rc); i++)
		if (!names_contains(&m->places, leftovers.items[i]))
			rc = replaced_take(replaced, leftovers.items[i]);
	names_free(&leftovers);
	return rc;
}

status moving_take_all(const struct moving *m, struct replaced *replaced)
{
	status rc = take_olds(m, replaced);

	if (!failed(rc))
		rc = take_others(m, replaced);
	if (!failed(rc))
		rc = take_strays(m, replaced);
	return failed(rc) ? rc : moving_take_leftovers(m, replaced);
}
