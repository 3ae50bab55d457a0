#include "session/moving.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_step.h"
#include "session/locations.h"
#include "session/staging.h"

static bool is_missing(status rc)
{
	return rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND) ||
	       rc == STATUS_WIN32(ERROR_PATH_NOT_FOUND);
}

/* ---- what is there ---- */

/* *MODE of NAME (0 where it is missing), a symbolic link followed where the walk allows. */
static status look(
	const struct moving *m, const struct visit *dir, const char *name, mode_t *mode)
{
	const bool trusting = m->walk == FILE_TRUSTED;
	struct stat st;
	int result = fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW);

	*mode = 0;
	if (result == 0 && S_ISLNK(st.st_mode) && trusting &&
		(geteuid() != 0 || st.st_uid == 0))
		result = fstatat(dir->fd, name, &st, 0);
	if (result == 0)
		*mode = st.st_mode;
	else if (errno != ENOENT)
		return status_errno(errno, "%s/%s", dir->dir, name);
	return STATUS_OK;
}

/* A directory is never a database's old place. */
static status check_place(const char *target, mode_t mode, bool staged)
{
	if (mode == 0 && !staged)
		return status_fail(STATUS_WIN32(ERROR_FILE_NOT_FOUND),
			"%s: neither there nor staged, so the restore is not complete",
			target);
	if (mode != 0 && (S_ISDIR(mode) || (!staged && !S_ISREG(mode))))
		return status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
			"%s: not a regular file", target);
	return STATUS_OK;
}

static status check_target(const struct moving *m, struct staging *s, const char *target)
{
	const char *name;
	bool staged = false;
	mode_t mode = 0;
	status rc;

	if (m->reg->maker != 0 && geteuid() == 0 && !locations_inside(m->server, target))
		return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"%s: outside the configured directories of %s, and the restore "
			"was "
			"registered by user %u",
			target, m->server->name, (unsigned)m->reg->maker);
	if (!visit_is_at(&s->target, target))
		staging_drop(s);
	rc = staging_enter(s, target, &name);
	if (is_missing(rc))
		return check_place(target, 0, false);
	if (!failed(rc))
		rc = staging_has(s, name, &staged);
	if (!failed(rc))
		rc = look(m, &s->target, name, &mode);
	return failed(rc) ? rc : check_place(target, mode, staged);
}

static status check_targets(const struct moving *m)
{
	struct staging s = staging_start(m->walk);
	status rc = STATUS_OK;

	for (size_t i = 0; i < m->places.count && !failed(rc); i++)
		rc = check_target(m, &s, m->places.items[i]);
	staging_drop(&s);
	return rc;
}

/* Can the databases that are there be reached, too? It would be too late to find out once
 * others have been moved. */
static status check_reach(const struct moving *m, const struct locations *l)
{
	struct visit dir = visit_start(m->walk);
	const char *name;
	status rc = STATUS_OK;

	for (size_t i = 0; i < l->count && !failed(rc); i++) {
		const char *path = l->items[i].path;

		if (l->items[i].kind != LOCATION_DATABASE || visit_is_at(&dir, path))
			continue;
		visit_drop(&dir);
		rc = visit_enter(&dir, path, &name);
		if (is_missing(rc))
			rc = STATUS_OK;
	}
	visit_drop(&dir);
	return rc;
}

status moving_check(const struct moving *m)
{
	struct locations l;
	status rc = check_targets(m);

	if (failed(rc))
		return rc;
	rc = locations_find(m->server, &l);
	if (failed(rc))
		return rc;
	rc = check_reach(m, &l);
	locations_free(&l);
	return rc;
}

status moving_content(const struct moving *m, const char *path, char **content)
{
	struct staging s = staging_start(m->walk);
	const char *name;
	bool staged = false;
	status rc = staging_enter(&s, path, &name);

	*content = NULL;
	if (!failed(rc))
		rc = staging_has(&s, name, &staged);
	staging_drop(&s);
	if (failed(rc))
		return rc;
	*content = staged ? staging_path(path) : strdup(path);
	return *content ? STATUS_OK : status_no_memory();
}

/* ---- the old ones ---- */

static status take_stale(
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

/* The old database and what belongs to it; the former only while the new one waits. */
static status take_old(const struct moving *m, struct replaced *replaced,
	struct staging *s, const char *target)
{
	const char *name;
	bool staged;
	status rc = take_stale(m, replaced, target);

	if (!visit_is_at(&s->target, target))
		staging_drop(s);
	if (!failed(rc))
		rc = staging_enter(s, target, &name);
	if (!failed(rc))
		rc = staging_has(s, name, &staged);
	if (!failed(rc) && staged)
		rc = replaced_take(replaced, target);
	return rc;
}

static status take_olds(const struct moving *m, struct replaced *replaced)
{
	struct staging s = staging_start(m->walk);
	status rc = STATUS_OK;

	for (size_t i = 0; i < m->places.count && !failed(rc); i++)
		rc = take_old(m, replaced, &s, m->places.items[i]);
	staging_drop(&s);
	return rc;
}

/* Was PATH written, or put there, since the restore was prepared? */
static status is_recent(const struct moving *m, const char *path, bool *recent)
{
	struct visit dir = visit_start(m->walk);
	const char *name;
	struct stat st;
	status rc = visit_enter(&dir, path, &name);

	*recent = false;
	if (is_missing(rc))
		return STATUS_OK;
	if (failed(rc))
		return rc;
	if (fstatat(dir.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		*recent = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec >=
			  m->reg->time;
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
		rc = is_recent(m, path, &restored);
	if (failed(rc) || (!restored && keeps_its_place(m, path)))
		return rc;
	rc = take_stale(m, replaced, path);
	return failed(rc) || restored ? rc : replaced_take(replaced, path);
}

static status take_others(const struct moving *m, struct replaced *replaced)
{
	struct locations l;
	status rc = locations_find(m->server, &l);

	if (failed(rc))
		return rc;
	for (size_t i = 0; i < l.count && !failed(rc); i++)
		if (l.items[i].kind == LOCATION_DATABASE)
			rc = take_unmapped(m, replaced, l.items[i].path);
	locations_free(&l);
	return rc;
}

/* ---- the new ones ---- */

static status sync_staged(int dirfd, const char *name, const char *path)
{
	int fd = openat(
		dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	status rc;

	if (fd < 0)
		return status_errno(errno, "%s", path);
	rc = step_sync(fd) ? status_errno(errno, "%s", path) : STATUS_OK;
	(void)close(fd);
	return rc;
}

static status sync_placed(const struct moving *m, const char *path)
{
	struct stat st;
	int fd;
	status rc = file_open_regular(path, m->walk, &fd, &st);

	if (failed(rc))
		return rc;
	rc = step_sync(fd) ? status_errno(errno, "%s", path) : STATUS_OK;
	(void)close(fd);
	return rc;
}

/* Its content is synced ahead of its name: the tool that wrote it may not have done so. */
static status place(const struct moving *m, struct staging *s, const char *target)
{
	const char *name;
	bool staged;
	status rc = staging_enter(s, target, &name);

	if (!failed(rc))
		rc = staging_has(s, name, &staged);
	if (failed(rc))
		return rc;
	if (!staged)
		return sync_placed(m, target);
	rc = sync_staged(s->fd, name, target);
	return failed(rc) ? rc : file_move_unsynced_at(s->fd, name, s->target.fd, name);
}

static status place_all(const struct moving *m)
{
	struct staging s = staging_start(m->walk);
	status rc = STATUS_OK;

	for (size_t i = 0; i < m->places.count && !failed(rc); i++)
		rc = place(m, &s, m->places.items[i]);
	if (!failed(rc))
		rc = staging_leave(&s);
	staging_drop(&s);
	return rc;
}

status moving_run(const struct moving *m, struct replaced *replaced)
{
	status rc;

	replaced->resumed = m->resumed;
	rc = take_olds(m, replaced);
	if (!failed(rc))
		rc = take_others(m, replaced);
	if (!failed(rc))
		rc = replaced_sync(replaced);
	return failed(rc) ? rc : place_all(m);
}

/* ---- back ---- */

/* While the new one is still staged, what stands in its place is the old one. */
static status take_restored(const struct moving *m, struct replaced *replaced,
	struct staging *s, const char *target)
{
	const char *name;
	bool staged = false;
	status rc;

	if (!visit_is_at(&s->target, target))
		staging_drop(s);
	rc = staging_enter(s, target, &name);
	if (is_missing(rc))
		return STATUS_OK;
	if (!failed(rc))
		rc = staging_has(s, name, &staged);
	if (failed(rc) || staged)
		return rc;
	rc = take_stale(m, replaced, target);
	return failed(rc) ? rc : replaced_take(replaced, target);
}

status moving_undo(const struct moving *m, struct replaced *replaced)
{
	struct staging s = staging_start(m->walk);
	status rc = STATUS_OK;

	for (size_t i = 0; i < m->places.count && !failed(rc); i++)
		rc = take_restored(m, replaced, &s, m->places.items[i]);
	staging_drop(&s);
	return failed(rc) ? rc : replaced_sync(replaced);
}
