/*
 * Opening what a path leads to.  A walk opens one component after the other, each relative
 * to the one before, and judges a symbolic link by the very link it reads: no link put in
 * place meanwhile can lead it astray.
 */
#include "base/file_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define MOST_LINKS    40
#define REGULAR_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

int walk_next(const char **cursor, char name[NAME_MAX + 1])
{
	size_t length;

	*cursor += strspn(*cursor, "/");
	length = strcspn(*cursor, "/");
	if (length > NAME_MAX)
		return -1;
	memcpy(name, *cursor, length);
	name[length] = '\0';
	*cursor += length;
	return length > 0;
}

status walk_require_absolute(const char *path)
{
	if (path[0] == '/')
		return STATUS_OK;
	return status_fail(
		STATUS_WIN32(ERROR_INVALID_NAME), "%s: is not an absolute path", path);
}

static int open_retrying(int dirfd, const char *name, int flags)
{
	int fd;

	do
		fd = openat(dirfd, name, flags);
	while (fd < 0 && errno == EINTR);
	return fd;
}

/* ---- a walk ---- */

struct walk {
	enum file_walk mode;
	const char *path; /* as the caller gave it, for messages */
	int dir;          /* where it is: O_PATH */
	const char *cursor;
	char *memory; /* what CURSOR is in, once a link was followed */
	unsigned links;
};

/* From START, which may be AT_FDCWD, along RELATIVE. */
static status begin(struct walk *w, int start, const char *start_name,
	enum file_walk mode, const char *relative, const char *path)
{
	*w = (struct walk){.mode = mode, .path = path, .cursor = relative};
	w->dir = open_retrying(start, start_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return w->dir < 0 ? status_errno(errno, "%s", path) : STATUS_OK;
}

static void end(struct walk *w)
{
	if (w->dir >= 0)
		(void)close(w->dir);
	free(w->memory);
}

static void go_to(struct walk *w, int dir)
{
	(void)close(w->dir);
	w->dir = dir;
}

static status next_component(struct walk *w, char name[NAME_MAX + 1], int *more)
{
	*more = walk_next(&w->cursor, name);
	if (*more < 0)
		return status_errno(ENAMETOOLONG, "%s", w->path);
	if (w->mode == FILE_NO_SYMLINK && strcmp(name, "..") == 0)
		return status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
			"%s: \"..\" is not allowed in this path", w->path);
	return STATUS_OK;
}

/* The walk goes on along TARGET, and then along what was left of it. */
static status redirect(struct walk *w, const char *target)
{
	char *rest;

	if (asprintf(&rest, "%s%s", target, w->cursor) < 0)
		return status_no_memory();
	free(w->memory);
	w->memory = rest;
	w->cursor = rest;
	if (target[0] == '/') {
		int root = open_retrying(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (root < 0)
			return status_errno(errno, "/");
		go_to(w, root);
	}
	return STATUS_OK;
}

static status check_link(struct walk *w, const char *name, uid_t owner)
{
	if (w->mode == FILE_NO_SYMLINK)
		return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"%s: \"%s\" is a symbolic link", w->path, name);
	if (owner != 0)
		return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"%s: \"%s\" is a symbolic link of user %lu, which root does not "
			"follow",
			w->path, name, (unsigned long)owner);
	if (++w->links > MOST_LINKS)
		return status_errno(ELOOP, "%s", w->path);
	return STATUS_OK;
}

static status follow(struct walk *w, int link, const char *name, uid_t owner)
{
	char target[PATH_MAX];
	ssize_t length;
	status rc = check_link(w, name, owner);

	if (failed(rc))
		return rc;
	length = readlinkat(link, "", target, sizeof(target));
	if (length < 0)
		return status_errno(errno, "%s", w->path);
	if ((size_t)length == sizeof(target))
		return status_errno(ENAMETOOLONG, "%s", w->path);
	target[length] = '\0';
	return redirect(w, target);
}

/* NAME itself, whatever it is; -1 with errno. */
static int open_entry(const struct walk *w, const char *name, struct stat *st)
{
	int fd = open_retrying(w->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, st) < 0) {
		int err = errno;

		(void)close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

/* Into the directory NAME. Asked for as a directory first, which mounts what is to be
 * mounted there on demand. */
static status step_down(struct walk *w, const char *name)
{
	struct stat st;
	status rc;
	int entry, err;
	int next = open_retrying(
		w->dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (next >= 0) {
		go_to(w, next);
		return STATUS_OK;
	}
	err = errno;
	entry = open_entry(w, name, &st);
	if (entry >= 0 && S_ISLNK(st.st_mode))
		rc = follow(w, entry, name, st.st_uid);
	else
		rc = status_errno(err, "%s", w->path);
	if (entry >= 0)
		(void)close(entry);
	return rc;
}

/* ---- directories ---- */

/* Ends the walk, too. */
static status open_walked(struct walk *w, int *fd)
{
	char name[NAME_MAX + 1];
	int more = 1;
	status rc = STATUS_OK;

	while (!failed(rc) && more) {
		rc = next_component(w, name, &more);
		if (!failed(rc) && more)
			rc = step_down(w, name);
	}
	if (!failed(rc)) {
		*fd = open_retrying(w->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (*fd < 0)
			rc = status_errno(errno, "%s", w->path);
	}
	end(w);
	return rc;
}

status file_open_dir_below(int dirfd, const char *relative, const char *path, int *fd)
{
	struct walk w;
	status rc = begin(&w, dirfd, ".", FILE_NO_SYMLINK, relative, path);

	*fd = -1;
	return failed(rc) ? rc : open_walked(&w, fd);
}

/* A process without root's rights gains nothing by following a link that it could not
 * gain by opening what the link leads to. */
static bool needs_walk(enum file_walk mode)
{
	return mode == FILE_NO_SYMLINK || geteuid() == 0;
}

status file_open_dir(const char *path, enum file_walk mode, int *fd)
{
	struct walk w;
	status rc = walk_require_absolute(path);

	*fd = -1;
	if (failed(rc))
		return rc;
	if (needs_walk(mode)) {
		rc = begin(&w, AT_FDCWD, "/", mode, path, path);
		return failed(rc) ? rc : open_walked(&w, fd);
	}
	*fd = open_retrying(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 ? status_errno(errno, "%s", path) : STATUS_OK;
}

static bool is_entry_name(const char *name)
{
	return name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

status file_open_parent(
	const char *path, enum file_walk walk, int *dirfd, const char **name)
{
	status rc = walk_require_absolute(path);
	char *parent;

	*dirfd = -1;
	*name = NULL;
	if (failed(rc))
		return rc;
	*name = strrchr(path, '/') + 1;
	if (!is_entry_name(*name))
		return status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
			"%s: does not end in the name of a file", path);
	parent = strndup(path, (size_t)(*name - path));
	if (!parent)
		return status_no_memory();
	rc = file_open_dir(parent, walk, dirfd);
	free(parent);
	return rc;
}

/* ---- regular files ---- */

static status not_regular(const char *path)
{
	return status_fail(
		STATUS_WIN32(ERROR_INVALID_DATA), "%s: not a regular file", path);
}

/* Closes *FD where it is refused. */
static status check_regular(int *fd, struct stat *st, const char *path)
{
	status rc = STATUS_OK;

	if (*fd < 0)
		return status_errno(errno, "%s", path);
	if (fstat(*fd, st) < 0)
		rc = status_errno(errno, "%s", path);
	else if (!S_ISREG(st->st_mode))
		rc = not_regular(path);
	if (failed(rc)) {
		(void)close(*fd);
		*fd = -1;
	}
	return rc;
}

/* A link leads the walk on, and *FD stays -1; a device is not even opened. */
static status open_last(struct walk *w, const char *name, int *fd, struct stat *st)
{
	status rc = STATUS_OK;
	int entry = open_entry(w, name, st);

	if (entry < 0)
		return status_errno(errno, "%s", w->path);
	if (S_ISLNK(st->st_mode))
		rc = follow(w, entry, name, st->st_uid);
	else if (!S_ISREG(st->st_mode) || *w->cursor == '/')
		rc = not_regular(w->path);
	else
		*fd = open_retrying(w->dir, name, REGULAR_FLAGS | O_NOFOLLOW);
	if (!failed(rc) && !S_ISLNK(st->st_mode))
		rc = check_regular(fd, st, w->path);
	(void)close(entry);
	return rc;
}

static bool is_last(const struct walk *w)
{
	return w->cursor[strspn(w->cursor, "/")] == '\0';
}

/* Ends the walk, too. */
static status open_walked_file(struct walk *w, int *fd, struct stat *st)
{
	char name[NAME_MAX + 1];
	int more = 1;
	status rc = STATUS_OK;

	while (!failed(rc) && more && *fd < 0) {
		rc = next_component(w, name, &more);
		if (!failed(rc) && more)
			rc = is_last(w) ? open_last(w, name, fd, st) : step_down(w, name);
	}
	if (!failed(rc) && *fd < 0)
		rc = not_regular(w->path);
	end(w);
	return rc;
}

status file_open_regular(const char *path, enum file_walk mode, int *fd, struct stat *st)
{
	struct walk w;
	status rc;

	*fd = -1;
	if (needs_walk(mode)) {
		rc = begin(&w, AT_FDCWD, path[0] == '/' ? "/" : ".", mode, path, path);
		return failed(rc) ? rc : open_walked_file(&w, fd, st);
	}
	*fd = open_retrying(AT_FDCWD, path, REGULAR_FLAGS);
	return check_regular(fd, st, path);
}
