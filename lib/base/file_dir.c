/*
 * Making directories, durably.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/file_step.h"
#include "base/file_walk.h"

status file_sync_dir(int dirfd, const char *path_for_messages)
{
	return step_sync_dir(dirfd) ? status_errno(errno, "%s", path_for_messages)
				    : STATUS_OK;
}

/* The umask may have taken bits away; set-group-ID may have been inherited and stays. */
static status finish_mode(int dirfd, const char *name, mode_t mode)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
		return step_errno(errno, dirfd, name);
	if ((st.st_mode & 0777) == (mode & 0777))
		return STATUS_OK;
	if (step_chmod_at(dirfd, name, (st.st_mode & 07000) | mode))
		return step_errno(errno, dirfd, name);
	return STATUS_OK;
}

static status require_dir(int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
		return step_errno(errno, dirfd, name);
	if (S_ISLNK(st.st_mode))
		return step_fail(STATUS_WIN32(ERROR_ACCESS_DENIED), dirfd, name,
			"is a symbolic link");
	if (!S_ISDIR(st.st_mode))
		return step_fail(STATUS_WIN32(ERROR_ALREADY_EXISTS), dirfd, name,
			"is not a directory");
	return STATUS_OK;
}

/* An existing one is synced as well: the run that made it may have ended before it was.
 */
status file_make_dir_at(int dirfd, const char *name, mode_t mode)
{
	status rc;

	if (step_mkdir(dirfd, name, mode) == 0)
		rc = finish_mode(dirfd, name, mode);
	else if (errno == EEXIST)
		rc = require_dir(dirfd, name);
	else
		rc = step_errno(errno, dirfd, name);
	if (!failed(rc) && step_sync_dir(dirfd))
		rc = step_errno(errno, dirfd, name);
	return rc;
}

/* Syncs the entry of DIR in the directory above it. One that we may not read is not one
 * in which a run of ours can have made DIR. */
static status sync_own_entry(int dir, const char *path)
{
	int above = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	status rc;

	if (above < 0 && errno == EACCES)
		return STATUS_OK;
	if (above < 0)
		return status_errno(errno, "%s", path);
	rc = file_sync_dir(above, path);
	(void)close(above);
	return rc;
}

static int open_below(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == EACCES)
		fd = openat(dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd;
}

/* Opens or makes NAME below *DIR and goes there. *SYNCED tells whether the deepest
 * directory found has had its own entry synced. */
static status make_step(
	int *dir, const char *name, mode_t mode, bool *synced, const char *path)
{
	int next = open_below(*dir, name);
	status rc = STATUS_OK;

	if (next < 0 && errno == ENOENT) {
		if (!*synced)
			rc = sync_own_entry(*dir, path);
		*synced = true;
		if (!failed(rc))
			rc = file_make_dir_at(*dir, name, mode);
		if (failed(rc))
			return rc;
		next = open_below(*dir, name);
	}
	if (next < 0)
		return status_errno(errno, "%s", path);
	(void)close(*dir);
	*dir = next;
	return STATUS_OK;
}

status file_make_dirs(const char *path, mode_t mode)
{
	char name[NAME_MAX + 1];
	const char *cursor = path;
	status rc = walk_require_absolute(path);
	bool synced = false;
	int dir, more;

	if (failed(rc))
		return rc;
	dir = open_below(AT_FDCWD, "/");
	if (dir < 0)
		return status_errno(errno, "/");
	while (!failed(rc) && (more = walk_next(&cursor, name)) != 0) {
		bool last = cursor[strspn(cursor, "/")] == '\0';

		rc = more < 0 ? status_errno(ENAMETOOLONG, "%s", path)
			      : make_step(&dir, name, last ? mode : 0755, &synced, path);
	}
	if (!failed(rc) && !synced)
		rc = sync_own_entry(dir, path);
	(void)close(dir);
	return rc;
}
