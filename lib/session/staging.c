#include "session/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_step.h"
#include "base/identity.h"
#include "base/stamp.h"

char *staging_path(const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	char *staged;

	if (asprintf(&staged, "%.*s" STAGING_DIR "/%s", (int)(name - path), path, name) <
		0)
		return NULL;
	return staged;
}

/* ---- the directory ---- */

struct staging staging_start(enum file_walk walk)
{
	return (struct staging){.target = visit_start(walk), .fd = -1};
}

/* In the directory of another user root would else follow that user's link. */
static status open_staging(struct staging *s)
{
	s->fd = openat(s->target.fd, STAGING_DIR,
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->fd >= 0 || errno == ENOENT)
		return STATUS_OK;
	if (errno == ELOOP || errno == ENOTDIR)
		return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"%s/%s: not a directory", s->target.dir, STAGING_DIR);
	return status_errno(errno, "%s/%s", s->target.dir, STAGING_DIR);
}

status staging_enter(struct staging *s, const char *path, const char **name)
{
	status rc;

	if (visit_is_at(&s->target, path))
		return visit_enter(&s->target, path, name);
	rc = staging_leave(s);
	if (!failed(rc))
		rc = visit_enter(&s->target, path, name);
	if (!failed(rc))
		rc = open_staging(s);
	if (failed(rc))
		staging_drop(s);
	return rc;
}

status staging_has(const struct staging *s, const char *name, bool *there)
{
	struct stat st;

	*there = false;
	if (s->fd < 0)
		return STATUS_OK;
	if (fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? STATUS_OK
				       : status_errno(errno, "%s/%s/%s", s->target.dir,
						 STAGING_DIR, name);
	if (!S_ISREG(st.st_mode))
		return status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
			"%s/%s/%s: not a regular file", s->target.dir, STAGING_DIR, name);
	*there = true;
	return STATUS_OK;
}

status staging_look(struct staging *s, const char *path, const char **name, bool *staged)
{
	status rc;

	*staged = false;
	if (!visit_is_at(&s->target, path))
		staging_drop(s);
	rc = staging_enter(s, path, name);
	return failed(rc) ? rc : staging_has(s, *name, staged);
}

status staging_leave(struct staging *s)
{
	status rc = STATUS_OK;

	if (s->fd >= 0) {
		rc = file_sync_dir(s->target.fd, s->target.dir);
		if (!failed(rc))
			rc = file_sync_dir(s->fd, s->target.dir);
		if (!failed(rc))
			(void)step_rmdir(s->target.fd, STAGING_DIR);
		(void)close(s->fd);
		s->fd = -1;
	}
	return failed(rc) ? rc : visit_leave(&s->target);
}

void staging_drop(struct staging *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
	visit_drop(&s->target);
}

/* ---- all of a registration's ---- */

/* Is NAME staged, and was its inode last changed ahead of BEFORE? */
static status is_older(
	const struct staging *s, const char *name, int64_t before, bool *older)
{
	struct stat st;

	*older = false;
	if (s->fd < 0)
		return STATUS_OK;
	if (fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		*older = stamp_is_older(&st, before);
	else if (errno != ENOENT)
		return status_errno(errno, "%s/%s/%s", s->target.dir, STAGING_DIR, name);
	return STATUS_OK;
}

static status discard_one(struct staging *s, const char *target, int64_t before)
{
	const char *name;
	bool older = false;
	status rc = staging_enter(s, target, &name);

	if (status_is_missing(rc))
		return STATUS_OK;
	if (!failed(rc))
		rc = is_older(s, name, before, &older);
	if (!failed(rc) && older && step_unlink(s->fd, name) && errno != ENOENT)
		rc = status_errno(errno, "%s/%s/%s", s->target.dir, STAGING_DIR, name);
	return rc;
}

static enum file_walk walk_of(const struct registration *r)
{
	return r->maker == 0 ? FILE_TRUSTED : FILE_NO_SYMLINK;
}

static status discard_logs(
	const struct registration *r, struct staging *s, int64_t before)
{
	const struct names *logs = &r->choice.placed;
	status rc = STATUS_OK;

	for (size_t i = 0; i < logs->count && !failed(rc); i++)
		rc = discard_one(s, logs->items[i], before);
	return rc;
}

static status discard_all(const struct registration *r, struct staging *s, int64_t before)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < r->target_count && !failed(rc); i++)
		rc = discard_one(s, r->targets[i].new_path, before);
	return failed(rc) ? rc : discard_logs(r, s, before);
}

struct discard {
	const struct registration *r;
	int64_t before;
	status (*which)(const struct registration *, struct staging *, int64_t);
};

static status discard(void *context)
{
	const struct discard *d = context;
	struct staging s = staging_start(walk_of(d->r));
	status rc = d->which(d->r, &s, d->before);

	if (!failed(rc))
		rc = staging_leave(&s);
	staging_drop(&s);
	return rc;
}

static status discard_as_maker(const struct registration *r, int64_t before,
	status (*which)(const struct registration *, struct staging *, int64_t))
{
	struct discard d = {r, before, which};

	return identity_do(r->maker, r->maker_group, discard, &d);
}

status staging_discard(const struct registration *r, int64_t before)
{
	return discard_as_maker(r, before, discard_all);
}

status staging_discard_choice(const struct registration *r)
{
	return discard_as_maker(r, STAGING_ALL, discard_logs);
}

/* A directory in place of a staged file could not be discarded. */
static status check_one(struct staging *s, const char *target)
{
	const char *name;
	struct stat st;
	status rc;

	if (!visit_is_at(&s->target, target))
		staging_drop(s);
	rc = staging_enter(s, target, &name);
	if (status_is_missing(rc))
		return STATUS_OK;
	if (!failed(rc) && s->fd >= 0 &&
		fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISDIR(st.st_mode))
		rc = status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
			"%s/%s/%s: not a regular file", s->target.dir, STAGING_DIR, name);
	return rc;
}

struct check {
	const struct registration *r;
};

static status check(void *context)
{
	const struct registration *r = ((const struct check *)context)->r;
	struct staging s = staging_start(walk_of(r));
	status rc = STATUS_OK;

	for (size_t i = 0; i < r->target_count && !failed(rc); i++)
		rc = check_one(&s, r->targets[i].new_path);
	staging_drop(&s);
	return rc;
}

status staging_check(const struct registration *r)
{
	struct check c = {r};

	return identity_do(r->maker, r->maker_group, check, &c);
}
