/*
 * Small files and descriptors.  Names given relative to a directory descriptor are never
 * followed if they are symbolic links, and opening one never blocks: whoever may write in
 * the directory could have put anything there.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file_step.h"
#include "base/file_temporary.h"

#define SPOOL_NAME ".backupapi-spool"

/* ---- reading ---- */

static int open_retrying(int dirfd, const char *name, int flags)
{
	int fd;

	do
		fd = openat(dirfd, name, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	return fd;
}

static status open_regular(int dirfd, const char *name, struct stat *st, int *fd)
{
	*fd = open_retrying(dirfd, name, O_RDONLY | O_NOFOLLOW);
	/* ENXIO: a socket, or a device that nobody drives. */
	if (*fd < 0 && errno != ENXIO)
		return step_errno(errno, dirfd, name);
	if (*fd >= 0 && fstat(*fd, st) == 0 && S_ISREG(st->st_mode))
		return STATUS_OK;
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	return step_fail(
		STATUS_WIN32(ERROR_INVALID_DATA), dirfd, name, "is not a regular file");
}

/* Reads FD to its end into *DATA, which grows: the file may have, since fstat. */
static int read_to_end(int fd, size_t expected, size_t limit, char **data, size_t *size)
{
	size_t capacity = (expected < limit ? expected : limit) + 1;

	*data = NULL;
	*size = 0;
	for (;;) {
		char *grown = realloc(*data, capacity + 1);
		ssize_t got;

		if (!grown)
			return ENOMEM;
		*data = grown;
		while ((got = read(fd, *data + *size, capacity - *size)) > 0)
			*size += (size_t)got;
		if (got < 0 && errno != EINTR)
			return errno;
		if (got == 0 && *size < capacity)
			break;
		if (*size > limit)
			return EFBIG;
		if (*size == capacity)
			capacity = capacity > limit / 2 ? limit + 1 : capacity * 2;
	}
	(*data)[*size] = '\0';
	return 0;
}

status file_read_at(int dirfd, const char *name, size_t limit, char **data, size_t *size,
	struct stat *st)
{
	struct stat own;
	status rc;
	int fd, err;

	*data = NULL;
	*size = 0;
	rc = open_regular(dirfd, name, &own, &fd);
	if (failed(rc))
		return rc;
	if (st)
		*st = own;
	err = read_to_end(fd, (size_t)own.st_size, limit, data, size);
	(void)close(fd);
	if (err == 0)
		return STATUS_OK;
	free(*data);
	*data = NULL;
	*size = 0;
	if (err == EFBIG)
		return step_fail(
			STATUS_WIN32(ERROR_FILE_TOO_LARGE), dirfd, name, "is too large");
	return step_errno(err, dirfd, name);
}

status file_pread(int fd, void *buffer, size_t size, uint64_t offset, size_t *got,
	const char *path_for_messages)
{
	*got = 0;
	if (offset > (uint64_t)INT64_MAX - size)
		return status_errno(EOVERFLOW, "%s", path_for_messages);
	while (*got < size) {
		ssize_t n = pread(
			fd, (char *)buffer + *got, size - *got, (off_t)(offset + *got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return status_errno(errno, "%s", path_for_messages);
		if (n == 0)
			break;
		*got += (size_t)n;
	}
	return STATUS_OK;
}

/* ---- writing ---- */

/* 0 or an errno. */
static int write_all(int fd, const void *data, size_t size)
{
	const char *next = data;

	while (size > 0) {
		ssize_t n = step_write(fd, next, size);

		if (n < 0)
			return errno;
		if (n == 0)
			return EIO;
		next += n;
		size -= (size_t)n;
	}
	return 0;
}

status file_write_all(
	int fd, const void *data, size_t size, const char *path_for_messages)
{
	int err = write_all(fd, data, size);

	return err ? status_errno(err, "%s", path_for_messages) : STATUS_OK;
}

static int write_and_close(int fd, const void *data, size_t size)
{
	int err = write_all(fd, data, size);

	if (!err && step_sync(fd))
		err = errno;
	if (close(fd) && !err && errno != EINTR)
		err = errno;
	return err;
}

/* Where only the last sync fails, the new file is in place, but may not survive a power
 * loss; that is an error too. */
status file_replace_at(
	int dirfd, const char *name, const void *data, size_t size, mode_t mode)
{
	char temporary[NAME_MAX + 1];
	status rc;
	int fd, err;

	rc = file_temporary_create(dirfd, name, mode, temporary, &fd);
	if (failed(rc))
		return rc;
	err = write_and_close(fd, data, size);
	if (!err && step_rename(dirfd, temporary, dirfd, name))
		err = errno;
	if (err) {
		(void)step_unlink(dirfd, temporary);
		return step_errno(err, dirfd, name);
	}
	return step_sync_dir(dirfd) ? step_errno(errno, dirfd, name) : STATUS_OK;
}

/* The directory is synced for a missing file too: an earlier run may have ended between
 * the two steps. */
status file_remove_at(int dirfd, const char *name)
{
	if (step_unlink(dirfd, name) && errno != ENOENT)
		return step_errno(errno, dirfd, name);
	return step_sync_dir(dirfd) ? step_errno(errno, dirfd, name) : STATUS_OK;
}

status file_sync_path(const char *path)
{
	struct stat st;
	int fd = open_retrying(AT_FDCWD, path, O_RDONLY);
	status rc = STATUS_OK;

	if (fd < 0)
		return status_errno(errno, "%s", path);
	if (fstat(fd, &st))
		rc = status_errno(errno, "%s", path);
	else if (!S_ISREG(st.st_mode))
		rc = status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
			"%s: is not a regular file", path);
	else if (step_sync(fd))
		rc = status_errno(errno, "%s", path);
	(void)close(fd);
	return rc;
}

/* ---- spools ---- */

/* Two processes that meet at the one name take it from each other without harm: the
 * descriptor is what each of them is after. */
static int create_and_unlink(int dirfd)
{
	for (int tries = 0; tries < 100; tries++) {
		int fd = step_create(dirfd, SPOOL_NAME, O_RDWR, 0600);

		if (fd < 0 && errno != EEXIST)
			return -1;
		if (step_unlink(dirfd, SPOOL_NAME) && errno != ENOENT) {
			int err = errno;

			if (fd >= 0)
				(void)close(fd);
			errno = err;
			return -1;
		}
		if (fd >= 0)
			return fd;
	}
	errno = EEXIST;
	return -1;
}

/* O_TMPFILE changes nothing that a crash could leave behind, so it is no step. */
static int open_unlinked_in(int dirfd)
{
	int fd = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
		fd = create_and_unlink(dirfd);
	if (fd >= 0 && fchmod(fd, 0600)) {
		int err = errno;

		(void)close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

status file_open_unlinked_at(int dirfd, const char *path_for_messages, int *fd)
{
	*fd = open_unlinked_in(dirfd);
	return *fd < 0 ? status_errno(errno, "%s", path_for_messages) : STATUS_OK;
}

status file_open_unlinked(const char *dir, int *fd)
{
	int dirfd;
	status rc = file_open_dir(dir, FILE_TRUSTED, &dirfd);

	*fd = -1;
	if (failed(rc))
		return rc;
	rc = file_open_unlinked_at(dirfd, dir, fd);
	(void)close(dirfd);
	return rc;
}
