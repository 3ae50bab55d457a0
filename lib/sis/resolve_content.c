/*
 * Content is put into the link's own file, which has more than its name: owner, mode,
 * times, attributes, other names. What writing takes away from those is given back. While
 * it has half of its content, it has a mark that says so (vouch.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_copy.h"
#include "base/file_step.h"
#include "sis/extents.h"
#include "sis/restore_pass.h"
#include "sis/vouch.h"

#define CAPABILITY     "security.capability"
#define CAPABILITY_MAX 64

/* ---- what writing changes ---- */

/* Writing clears set-ID bits and capabilities. */
struct kept {
	struct stat st;
	uint8_t capability[CAPABILITY_MAX];
	ssize_t capability_size;
};

static void keep(int fd, const struct stat *st, struct kept *kept)
{
	kept->st = *st;
	kept->capability_size =
		fgetxattr(fd, CAPABILITY, kept->capability, sizeof(kept->capability));
}

static int give_back(int fd, const struct kept *kept)
{
	const struct timespec times[2] = {kept->st.st_atim, kept->st.st_mtim};
	struct stat now;

	if (fstat(fd, &now))
		return errno;
	if ((now.st_mode & 07777) != (kept->st.st_mode & 07777) &&
		step_chmod(fd, kept->st.st_mode & 07777))
		return errno;
	if (kept->capability_size > 0 &&
		step_set_attribute(
			fd, CAPABILITY, kept->capability, (size_t)kept->capability_size))
		return errno;
	return step_times(fd, times) ? errno : 0;
}

/* ---- filling ---- */

/* A copy that stopped half-way leaves no half: the link is bare again. */
static status copy_in(int fd, int source, const struct kept *kept, const char *path)
{
	int err = file_copy_content(source, fd, kept->st.st_size);

	if (!err)
		return STATUS_OK;
	(void)step_truncate(fd, 0);
	(void)step_truncate(fd, kept->st.st_size);
	(void)give_back(fd, kept);
	return status_errno(err, "%s: putting its content in place", path);
}

/* SHARED: false where the file system cannot share, and nothing was done since BARE. */
static status fill(int fd, int source, const struct stat *st, bool bare, const char *path,
	bool *shared)
{
	struct kept kept;
	int err;
	status rc;

	*shared = true;
	keep(fd, st, &kept);
	rc = extents_share(fd, source, path);
	if (rc == STATUS_WIN32(ERROR_NOT_SUPPORTED)) {
		if (bare) {
			*shared = false;
			return STATUS_OK;
		}
		rc = copy_in(fd, source, &kept, path);
	}
	if (failed(rc))
		return rc;
	err = give_back(fd, &kept);
	return err ? status_errno(err, "%s: setting its mode and times", path)
		   : STATUS_OK;
}

/* A file that has data already: the right data is shared, any other was written by
 * somebody who did not mean it to be lost. */
static status share_equal(int fd, int source, const struct stat *st, const char *path)
{
	bool same;
	status rc = extents_same(fd, source, path, &same);

	if (failed(rc) || same)
		return rc;
	rc = vouch_compare(fd, source, path, &same);
	if (failed(rc))
		return rc;
	if (!same)
		return status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
			"%s: has other content than its common-store file; left alone",
			path);
	return fill(fd, source, st, true, path, &same);
}

/* ntfs-3g knows no holes, and keeps a few zeros in the file's record. */
static status is_bare(const struct sis_restore *restore, int fd, const struct stat *st,
	const char *path, bool *bare)
{
	char chunk[16384];
	uint64_t offset = 0;
	size_t got;
	status rc;

	if (restore->volume->kind != VOLUME_NTFS)
		return extents_none(fd, path, bare);
	*bare = st->st_blocks == 0;
	while (!*bare) {
		rc = file_pread(fd, chunk, sizeof(chunk), offset, &got, path);
		if (failed(rc))
			return rc;
		for (size_t i = 0; i < got; i++)
			if (chunk[i])
				return STATUS_OK;
		offset += got;
		*bare = got < sizeof(chunk);
	}
	return STATUS_OK;
}

static status look_at(const struct sis_restore *restore, const struct restored_link *link,
	int fd, struct stat *st, bool *bare)
{
	if (fstat(fd, st))
		return status_errno(errno, "%s", link->path);
	if ((uint64_t)st->st_size != link->file->sum.size)
		return status_fail(STATUS_WIN32(ERROR_CRC),
			"%s: is not as long as its common-store file", link->path);
	return is_bare(restore, fd, st, link->path, bare);
}

static bool is_marked(int fd)
{
	uint8_t reparse[REPARSE_SIZE];

	return vouch_find_mark_open(fd, reparse);
}

static status mark(const struct sis_restore *restore, struct restored_link *link, int fd)
{
	struct stat st;
	status rc = look_at(restore, link, fd, &st, &link->was_bare);

	if (failed(rc) || st.st_size == 0 || (!link->was_bare && !is_marked(fd)))
		return rc;
	return vouch_mark(fd, link->path, link->reparse);
}

/* Has it a part of its content, from a pass that did not end? What somebody wrote since it
 * was marked is that file's own content. */
static status is_begun(const struct restored_link *link, int fd, int source, bool *begun)
{
	status rc;

	*begun = false;
	if (!is_marked(fd))
		return STATUS_OK;
	rc = vouch_compare_part(fd, source, link->path, begun);
	if (!failed(rc) && !*begun && link->was_bare)
		rc = vouch_forget(fd, link->path);
	return rc;
}

static status give_content(
	const struct sis_restore *restore, struct restored_link *link, int fd, int source)
{
	struct stat st;
	bool empty, shared;
	status rc = look_at(restore, link, fd, &st, &empty);

	if (failed(rc) || st.st_size == 0)
		return rc;
	if (!empty)
		rc = is_begun(link, fd, source, &empty);
	if (failed(rc))
		return rc;
	if (!empty)
		return share_equal(fd, source, &st, link->path);
	rc = fill(fd, source, &st, restore->bare, link->path, &shared);
	link->left_bare = !failed(rc) && !shared;
	return rc;
}

/* ---- opening ---- */

status resolve_check_same(const struct restored_link *link, const struct stat *st)
{
	if (st->st_dev == link->device && st->st_ino == link->inode &&
		st->st_uid == link->owner)
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_SHARING_VIOLATION),
		"%s: is not the file that was restored, or got another owner; left alone",
		link->path);
}

/* For a user whose own file is read-only: writable for as long as it takes to open. */
static int open_read_only(int dirfd, const char *name)
{
	int fd = -1, reader = volume_open_regular(dirfd, name, O_RDONLY);
	char path[PATH_MAX];
	struct stat st;

	if (reader < 0)
		return -1;
	if (fstat(reader, &st) == 0 && S_ISREG(st.st_mode) &&
		step_chmod(reader, (st.st_mode & 07777) | S_IWUSR) == 0) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", reader);
		do
			fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
		while (fd < 0 && errno == EINTR);
		if (step_chmod(reader, st.st_mode & 07777) && fd >= 0) {
			(void)close(fd);
			fd = -1;
		}
	}
	(void)close(reader);
	if (fd < 0)
		errno = EACCES;
	return fd;
}

/* The file itself, whatever stands under its name later. */
status resolve_open(
	const struct restored_link *link, int dirfd, const char *name, int *fd)
{
	struct stat st;
	status rc;

	*fd = volume_open_regular(dirfd, name, O_RDWR);
	if (*fd < 0 && errno == EACCES)
		*fd = open_read_only(dirfd, name);
	if (*fd < 0)
		return step_errno(errno, dirfd, name);
	if (fstat(*fd, &st))
		rc = status_errno(errno, "%s", link->path);
	else if (!S_ISREG(st.st_mode))
		rc = status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
			"%s: is not a regular file", link->path);
	else
		rc = resolve_check_same(link, &st);
	if (failed(rc)) {
		(void)close(*fd);
		*fd = -1;
	}
	return rc;
}

status resolve_put(const struct sis_restore *restore, struct restored_link *link, int fd)
{
	int source;
	status rc = store_open_file(restore->store, link->file->guid, &source);

	if (failed(rc))
		return rc;
	rc = give_content(restore, link, fd, source);
	(void)close(source);
	return rc;
}

/* ---- POSIX ---- */

bool resolve_is_present(
	status rc, const struct restored_link *link, const uint8_t *present, size_t size)
{
	return !failed(rc) && size == REPARSE_SIZE &&
	       memcmp(present, link->reparse, REPARSE_SIZE) == 0;
}

/* A caller that could not set the reparse point itself has it set here. */
static status ensure_reparse_of(const struct restored_link *link, int fd)
{
	uint8_t present[REPARSE_SIZE];
	size_t size;
	status rc =
		volume_get_reparse_of(fd, link->path, present, sizeof(present), &size);

	if (resolve_is_present(rc, link, present, size))
		return STATUS_OK;
	if (failed(rc) && rc != STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT))
		return rc;
	return volume_set_reparse_of(fd, link->path, link->reparse, REPARSE_SIZE);
}

static status begin_regular(const struct sis_restore *restore, struct restored_link *link,
	int dirfd, const char *name)
{
	int fd;
	status rc = resolve_open(link, dirfd, name, &fd);

	if (failed(rc))
		return rc;
	rc = ensure_reparse_of(link, fd);
	if (!failed(rc))
		rc = mark(restore, link, fd);
	(void)close(fd);
	return rc;
}

static status fill_regular(const struct sis_restore *restore, struct restored_link *link,
	int dirfd, const char *name)
{
	int fd;
	status rc = resolve_open(link, dirfd, name, &fd);

	if (failed(rc))
		return rc;
	rc = resolve_put(restore, link, fd);
	(void)close(fd);
	return rc;
}

/* ---- there or on NTFS ---- */

status resolve_begin(const struct sis_restore *restore, struct restored_link *link,
	int dirfd, const char *name)
{
	return restore->volume->kind == VOLUME_NTFS
		       ? resolve_begin_ntfs(restore, link, dirfd, name)
		       : begin_regular(restore, link, dirfd, name);
}

status resolve_content(const struct sis_restore *restore, struct restored_link *link,
	int dirfd, const char *name)
{
	return restore->volume->kind == VOLUME_NTFS
		       ? resolve_content_ntfs(restore, link, dirfd, name)
		       : fill_regular(restore, link, dirfd, name);
}
