/*
 * Copies straight under their final names: until the durable note that follows, nothing
 * takes them for complete, and a run that was cut off makes them again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_copy.h"
#include "base/file_step.h"
#include "server/path.h"
#include "session/logs.h"
#include "session/staging.h"

#define MAKING_DIR ".backupapi-new-logs"

/* Where the copies go. */
struct target {
	const char *dir; /* the log directory */
	int dirfd;
	int fd; /* the staging directory in it */
	enum file_walk walk;
	struct stat st; /* of the log directory */
};

/* ---- directories ---- */

/* Whoever restores for others hands over to them what he makes. */
static bool hands_over(enum file_walk walk)
{
	return walk == FILE_TRUSTED && geteuid() == 0;
}

static status hand_over(int fd, const struct stat *model, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return status_errno(errno, "%s", path);
	if (st.st_uid == model->st_uid && st.st_gid == model->st_gid)
		return STATUS_OK;
	return step_chown(fd, model->st_uid, model->st_gid)
		       ? status_errno(errno, "%s", path)
		       : STATUS_OK;
}

/* The directories that are made belong to whom the home does. */
static status find_owner(const struct target *t, const char *home, struct stat *owner)
{
	int fd;
	status rc = file_open_dir(home, t->walk, &fd);

	if (failed(rc))
		return rc;
	rc = fstat(fd, owner) < 0 ? status_errno(errno, "%s", home) : STATUS_OK;
	(void)close(fd);
	return rc;
}

static status hand_over_made(int dirfd, const struct stat *owner, const char *path)
{
	int fd = openat(
		dirfd, MAKING_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	status rc;

	if (fd < 0)
		return status_errno(errno, "%s", path);
	rc = hand_over(fd, owner, path);
	(void)close(fd);
	return rc;
}

/* Under its name only once it has its owner: one that a crash left to root would keep the
 * service out. */
static status make_owned(
	int dirfd, const char *name, const struct stat *owner, const char *path)
{
	status rc = STATUS_OK;

	if (step_rmdir(dirfd, MAKING_DIR) && errno != ENOENT)
		return status_errno(errno, "%s", path);
	rc = file_make_dir_at(dirfd, MAKING_DIR, S_IRWXU);
	if (!failed(rc))
		rc = hand_over_made(dirfd, owner, path);
	if (!failed(rc) && step_rename_new(dirfd, MAKING_DIR, dirfd, name))
		rc = status_errno(errno, "%s", path);
	return failed(rc) ? rc : file_sync_dir(dirfd, path);
}

static status make_owned_dir(const struct target *t, const struct stat *owner)
{
	char *above = path_parent(t->dir);
	const char *name;
	int dirfd;
	status rc = above ? file_make_dirs(above,
				    S_IRWXU | S_IRGRP | S_IXGRP | S_IROTH | S_IXOTH)
			  : status_no_memory();

	free(above);
	if (!failed(rc))
		rc = file_open_parent(t->dir, t->walk, &dirfd, &name);
	if (failed(rc))
		return rc;
	rc = make_owned(dirfd, name, owner, t->dir);
	(void)close(dirfd);
	return rc;
}

static status make_log_dir(struct target *t, const char *home)
{
	struct stat owner;
	status rc;

	if (home && hands_over(t->walk)) {
		rc = find_owner(t, home, &owner);
		if (!failed(rc))
			rc = make_owned_dir(t, &owner);
	} else {
		rc = file_make_dirs(t->dir, S_IRWXU);
	}
	return failed(rc) ? rc : file_open_dir(t->dir, t->walk, &t->dirfd);
}

static status open_log_dir(struct target *t, const char *home)
{
	status rc = file_open_dir(t->dir, t->walk, &t->dirfd);

	if (status_is_missing(rc))
		rc = make_log_dir(t, home);
	if (!failed(rc) && fstat(t->dirfd, &t->st) < 0)
		rc = status_errno(errno, "%s", t->dir);
	return rc;
}

/* In the directory of another user root would else follow that user's link. */
static status open_staging_dir(struct target *t)
{
	status rc = file_make_dir_at(t->dirfd, STAGING_DIR, S_IRWXU);

	if (failed(rc))
		return rc;
	t->fd = openat(
		t->dirfd, STAGING_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (t->fd >= 0)
		return STATUS_OK;
	if (errno == ELOOP || errno == ENOTDIR)
		return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"%s/%s: not a directory", t->dir, STAGING_DIR);
	return status_errno(errno, "%s/%s", t->dir, STAGING_DIR);
}

static void close_target(struct target *t)
{
	if (t->fd >= 0)
		(void)close(t->fd);
	if (t->dirfd >= 0)
		(void)close(t->dirfd);
}

/* ---- copies ---- */

static status fill(
	const struct target *t, int in, const struct stat *st, int out, const char *path)
{
	int err = file_copy_content(in, out, st->st_size);

	if (err == ESTALE)
		return status_fail(STATUS_WIN32(ERROR_SHARING_VIOLATION),
			"%s: became shorter while it was copied", path);
	if (err)
		return status_errno(err, "%s: copying it to %s", path, t->dir);
	if (hands_over(t->walk))
		return hand_over(out, &t->st, path);
	return STATUS_OK;
}

/* Readable for its owner, whatever the medium made of it. */
static mode_t mode_of_copy(const struct stat *st)
{
	return (st->st_mode & (S_IRWXU | S_IRWXG | S_IRWXO)) | S_IRUSR | S_IWUSR;
}

static status copy_opened(const struct target *t, int in, const struct stat *st,
	const char *name, const char *path)
{
	int out;
	status rc;

	if (step_unlink(t->fd, name) && errno != ENOENT)
		return status_errno(errno, "%s/%s/%s", t->dir, STAGING_DIR, name);
	out = step_create(t->fd, name, O_WRONLY, S_IRUSR | S_IWUSR);
	if (out < 0)
		return status_errno(errno, "%s/%s/%s", t->dir, STAGING_DIR, name);
	rc = fill(t, in, st, out, path);
	if (!failed(rc) && (step_chmod(out, mode_of_copy(st)) || step_sync(out)))
		rc = status_errno(errno, "%s/%s/%s", t->dir, STAGING_DIR, name);
	if (close(out) && errno != EINTR && !failed(rc))
		rc = status_errno(errno, "%s/%s/%s", t->dir, STAGING_DIR, name);
	return rc;
}

static status copy_log(const struct target *t, const char *path, const char *place)
{
	struct stat st;
	int in;
	status rc = file_open_regular(path, t->walk, &in, &st);

	if (failed(rc))
		return rc;
	rc = copy_opened(t, in, &st, strrchr(place, '/') + 1, path);
	(void)close(in);
	return rc;
}

static status copy_all(const struct target *t, const struct logs *logs)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < logs->chosen.count && !failed(rc); i++)
		if (logs_is_staged(logs, i))
			rc = copy_log(
				t, logs->chosen.items[i].path, logs->places.items[i]);
	if (!failed(rc))
		rc = file_sync_dir(t->fd, t->dir);
	return failed(rc) ? rc : file_sync_dir(t->dirfd, t->dir);
}

status logs_stage(const struct logs *logs, const char *log_dir, const char *home,
	enum file_walk walk)
{
	struct target t = {.dir = log_dir, .dirfd = -1, .fd = -1, .walk = walk};
	status rc;

	if (logs->chosen.count == 0)
		return STATUS_OK;
	rc = open_log_dir(&t, home);
	if (!failed(rc))
		rc = open_staging_dir(&t);
	if (!failed(rc))
		rc = copy_all(&t, logs);
	close_target(&t);
	return rc;
}
