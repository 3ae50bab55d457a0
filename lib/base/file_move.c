/*
 * Moving.  Across file systems a move is a copy that gets its name once it is complete,
 * then the removal of the original: cut off in between it leaves both, and asked for
 * again it finds the two alike and removes the original.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/file_attributes.h"
#include "base/file_copy.h"
#include "base/file_step.h"
#include "base/file_temporary.h"

#define COMPARE_SIZE ((size_t)8 << 10)

/* One move, from a file in a directory to a name in another. */
struct move {
	int from_dirfd, to_dirfd;
	const char *from, *to;
	int in; /* the original, open for reading */
	struct stat original;
};

/* ---- content ---- */

static bool unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static status fill_copy(const struct move *m, int out, const char *temporary)
{
	struct stat now;
	int err = file_copy_content(m->in, out, m->original.st_size);
	status rc;

	if (fstat(m->in, &now))
		return step_errno(errno, m->from_dirfd, m->from);
	if (!unchanged(&m->original, &now))
		return step_fail(STATUS_WIN32(ERROR_SHARING_VIOLATION), m->from_dirfd,
			m->from, "was written to while it was moved");
	if (err)
		return step_errno(err, m->to_dirfd, temporary);
	rc = file_copy_attributes(m->in, &m->original, out, m->to);
	if (!failed(rc) && step_sync(out))
		rc = step_errno(errno, m->to_dirfd, temporary);
	return rc;
}

/* ---- across file systems ---- */

static status remove_original(const struct move *m)
{
	if (step_unlink(m->from_dirfd, m->from) || step_sync_dir(m->from_dirfd))
		return step_errno(errno, m->from_dirfd, m->from);
	return STATUS_OK;
}

static status copy_over(const struct move *m)
{
	char temporary[NAME_MAX + 1];
	int out;
	status rc = file_temporary_create(m->to_dirfd, m->to, 0600, temporary, &out);

	if (failed(rc))
		return rc;
	rc = fill_copy(m, out, temporary);
	if (close(out) && errno != EINTR && !failed(rc))
		rc = step_errno(errno, m->to_dirfd, temporary);
	if (!failed(rc) && step_rename_new(m->to_dirfd, temporary, m->to_dirfd, m->to))
		rc = step_errno(errno, m->to_dirfd, m->to);
	if (failed(rc)) {
		(void)step_unlink(m->to_dirfd, temporary);
		return rc;
	}
	if (step_sync_dir(m->to_dirfd))
		return step_errno(errno, m->to_dirfd, m->to);
	return remove_original(m);
}

/* 1 for the same bytes, 0 for others, -1 with errno. */
static int same_content(int a, int b, off_t size)
{
	char left[COMPARE_SIZE], right[COMPARE_SIZE];
	off_t offset = 0;

	while (offset < size) {
		ssize_t n = pread(a, left, sizeof(left), offset);
		ssize_t other = n > 0 ? pread(b, right, (size_t)n, offset) : 0;

		if ((n < 0 || other < 0) && errno != EINTR)
			return -1;
		if (n < 0 || other < 0)
			continue;
		if (other == 0 || memcmp(left, right, (size_t)other) != 0)
			return 0;
		offset += other;
	}
	return 1;
}

/* Seconds, for not every file system keeps the fractions of a copy's time. */
static bool looks_like_copy(const struct stat *original, const struct stat *copy)
{
	return S_ISREG(copy->st_mode) && copy->st_size == original->st_size &&
	       copy->st_mtim.tv_sec == original->st_mtim.tv_sec;
}

/* The target exists: are we to finish a move that was cut off? */
static status finish_move(const struct move *m)
{
	const status exists = STATUS_WIN32(ERROR_ALREADY_EXISTS);
	struct stat copy;
	int same = 0, fd;

	if (fstatat(m->to_dirfd, m->to, &copy, AT_SYMLINK_NOFOLLOW))
		return step_errno(errno, m->to_dirfd, m->to);
	if (!looks_like_copy(&m->original, &copy))
		return step_fail(exists, m->to_dirfd, m->to, "exists already");
	fd = openat(m->to_dirfd, m->to, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return step_errno(errno, m->to_dirfd, m->to);
	same = same_content(m->in, fd, m->original.st_size);
	if (same > 0 && (step_sync(fd) || step_sync_dir(m->to_dirfd)))
		same = -1;
	(void)close(fd);
	if (same < 0)
		return step_errno(errno, m->to_dirfd, m->to);
	if (same == 0)
		return step_fail(exists, m->to_dirfd, m->to, "exists already");
	return remove_original(m);
}

static status move_open(struct move *m)
{
	struct stat st;

	if (fstat(m->in, &m->original))
		return step_errno(errno, m->from_dirfd, m->from);
	if (!S_ISREG(m->original.st_mode))
		return step_fail(STATUS_WIN32(ERROR_NOT_SAME_DEVICE), m->from_dirfd,
			m->from,
			"only regular files can be moved to another file system");
	if (fstatat(m->to_dirfd, m->to, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return finish_move(m);
	if (errno != ENOENT)
		return step_errno(errno, m->to_dirfd, m->to);
	return copy_over(m);
}

static status move_across(struct move *m)
{
	status rc;

	m->in = openat(m->from_dirfd, m->from,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (m->in < 0 && (errno == ELOOP || errno == ENXIO))
		return step_fail(STATUS_WIN32(ERROR_NOT_SAME_DEVICE), m->from_dirfd,
			m->from,
			"only regular files can be moved to another file system");
	if (m->in < 0)
		return step_errno(errno, m->from_dirfd, m->from);
	rc = move_open(m);
	(void)close(m->in);
	return rc;
}

status file_move_at(int from_dirfd, const char *from, int to_dirfd, const char *to)
{
	status rc = file_move_unsynced_at(from_dirfd, from, to_dirfd, to);

	if (!failed(rc) && (step_sync_dir(to_dirfd) || step_sync_dir(from_dirfd)))
		rc = step_errno(errno, to_dirfd, to);
	return rc;
}

status file_move_unsynced_at(
	int from_dirfd, const char *from, int to_dirfd, const char *to)
{
	struct move m = {
		.from_dirfd = from_dirfd, .to_dirfd = to_dirfd, .from = from, .to = to};

	if (step_rename_new(from_dirfd, from, to_dirfd, to) == 0)
		return STATUS_OK;
	if (errno == EXDEV)
		return move_across(&m);
	if (errno == EEXIST)
		return step_fail(STATUS_WIN32(ERROR_ALREADY_EXISTS), to_dirfd, to,
			"exists already");
	return step_errno(errno, from_dirfd, from);
}
