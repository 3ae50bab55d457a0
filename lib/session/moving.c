#include "session/moving.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_step.h"
#include "session/locations.h"
#include "session/staging.h"

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
	bool staged;
	mode_t mode;
	status rc;

	if (m->reg->maker != 0 && geteuid() == 0 && !locations_inside(m->server, target))
		return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"%s: outside the configured directories of %s, and the restore "
			"was "
			"registered by user %u",
			target, m->server->name, (unsigned)m->reg->maker);
	rc = staging_look(s, target, &name, &staged);
	if (status_is_missing(rc))
		return check_place(target, 0, false);
	if (!failed(rc))
		rc = look(m, &s->target, name, &mode);
	return failed(rc) ? rc : check_place(target, mode, staged);
}

status moving_check_targets(const struct moving *m)
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
		if (status_is_missing(rc))
			rc = STATUS_OK;
	}
	visit_drop(&dir);
	return rc;
}

/* Without a map, all of a directory's files are to be there already. */
static status check_something(const struct moving *m, const struct locations *l)
{
	if (!m->home || m->places.count > 0)
		return STATUS_OK;
	for (size_t i = 0; i < l->count; i++)
		if (l->items[i].kind == LOCATION_DATABASE)
			return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_FILE_NOT_FOUND),
		"%s: no database of %s is there, so the restore is not complete", m->home,
		m->server->name);
}

status moving_check_reach(const struct moving *m)
{
	struct locations l;
	status rc = locations_of(&m->store, m->engine, &l);

	if (failed(rc))
		return rc;
	rc = check_something(m, &l);
	if (!failed(rc))
		rc = check_reach(m, &l);
	locations_free(&l);
	return rc;
}

static status content_of(struct staging *s, const char *path, struct names *contents)
{
	const char *name;
	bool staged;
	status rc = staging_look(s, path, &name, &staged);

	if (failed(rc))
		return rc;
	return staged ? names_take(contents, staging_path(path))
		      : names_add(contents, path);
}

status moving_contents(const struct moving *m, struct names *contents)
{
	struct staging s = staging_start(m->walk);
	status rc = STATUS_OK;

	for (size_t i = 0; i < m->places.count && !failed(rc); i++)
		rc = content_of(&s, m->places.items[i], contents);
	staging_drop(&s);
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
	const struct names *logs = &m->reg->choice.placed;
	struct staging s = staging_start(m->walk);
	status rc = STATUS_OK;

	for (size_t i = 0; i < m->places.count && !failed(rc); i++)
		rc = place(m, &s, m->places.items[i]);
	for (size_t i = 0; i < logs->count && !failed(rc); i++)
		rc = place(m, &s, logs->items[i]);
	if (!failed(rc))
		rc = staging_leave(&s);
	staging_drop(&s);
	return rc;
}

status moving_run(const struct moving *m, struct replaced *replaced)
{
	status rc = m->resumed ? replaced_settle(replaced) : STATUS_OK;

	if (!failed(rc))
		rc = moving_take_all(m, replaced);
	if (!failed(rc))
		rc = replaced_sync(replaced);
	return failed(rc) ? rc : place_all(m);
}
