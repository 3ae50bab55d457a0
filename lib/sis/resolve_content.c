/*
 * Content is put into the link's own file, which has more than its name: owner, mode,
 * times, attributes, other names. What writing takes away from those is given back.
 */
#include <errno.h>
#include <fcntl.h>
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

static status fill(int fd, int source, const struct stat *st, bool bare, const char *path)
{
	struct kept kept;
	int err;
	status rc;

	keep(fd, st, &kept);
	rc = extents_share(fd, source, path);
	if (rc == STATUS_WIN32(ERROR_NOT_SUPPORTED)) {
		if (bare)
			return STATUS_OK;
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
	return fill(fd, source, st, true, path);
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

static status give_content(const struct sis_restore *restore,
	const struct restored_link *link, int fd, int source)
{
	struct stat st;
	bool none;
	status rc;

	if (fstat(fd, &st))
		return status_errno(errno, "%s", link->path);
	if (!S_ISREG(st.st_mode))
		return status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
			"%s: is not a regular file", link->path);
	if ((uint64_t)st.st_size != link->file->sum.size)
		return status_fail(STATUS_WIN32(ERROR_CRC),
			"%s: is not as long as its common-store file", link->path);
	rc = is_bare(restore, fd, &st, link->path, &none);
	if (failed(rc) || st.st_size == 0)
		return rc;
	return none ? fill(fd, source, &st, restore->bare, link->path)
		    : share_equal(fd, source, &st, link->path);
}

/* ---- opening ---- */

static int open_link(int dirfd, const char *name, int flags)
{
	int fd;

	do
		fd = openat(dirfd, name,
			flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	return fd;
}

/* For a user whose own file is read-only: writable for as long as it takes to open. */
static int open_read_only(int dirfd, const char *name)
{
	char path[PATH_MAX];
	int fd = -1, reader = open_link(dirfd, name, O_RDONLY);
	struct stat st;

	if (reader < 0)
		return -1;
	if (fstat(reader, &st) == 0 && S_ISREG(st.st_mode) &&
		step_chmod(reader, (st.st_mode & 07777) | S_IWUSR) == 0) {
		if (step_proc_path(dirfd, name, path) == 0)
			fd = open_link(dirfd, name, O_RDWR);
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

static status resolve_regular(const struct sis_restore *restore,
	const struct restored_link *link, int dirfd, const char *name)
{
	int source, fd = open_link(dirfd, name, O_RDWR);
	status rc;

	if (fd < 0 && errno == EACCES)
		fd = open_read_only(dirfd, name);
	if (fd < 0)
		return step_errno(errno, dirfd, name);
	rc = store_open_file(restore->store, link->file->guid, &source);
	if (!failed(rc)) {
		rc = give_content(restore, link, fd, source);
		(void)close(source);
	}
	(void)close(fd);
	return rc;
}

/* ---- NTFS ---- */

/* Without a plug-in nobody could read a link there, so that one which is not to stay bare
 * becomes a plain file. With one it reads as its store file, and all is done. */
static status resolve_on_ntfs(const struct sis_restore *restore,
	const struct restored_link *link, int dirfd, const char *name)
{
	struct stat st;
	status rc;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
		return step_errno(errno, dirfd, name);
	if (restore->bare || S_ISREG(st.st_mode))
		return STATUS_OK;
	rc = volume_remove_reparse(restore->volume, dirfd, name);
	return failed(rc) ? rc : resolve_regular(restore, link, dirfd, name);
}

/* A caller that could not set the reparse point itself has it set here. */
static status ensure_reparse(const struct sis_restore *restore,
	const struct restored_link *link, int dirfd, const char *name)
{
	uint8_t present[REPARSE_SIZE];
	size_t size;
	status rc = volume_get_reparse(
		restore->volume, dirfd, name, present, sizeof(present), &size);

	if (!failed(rc) && size == REPARSE_SIZE &&
		memcmp(present, link->reparse, REPARSE_SIZE) == 0)
		return STATUS_OK;
	if (failed(rc) && rc != STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT))
		return rc;
	return volume_set_reparse(
		restore->volume, dirfd, name, link->reparse, REPARSE_SIZE);
}

status resolve_content(const struct sis_restore *restore,
	const struct restored_link *link, int dirfd, const char *name)
{
	status rc = ensure_reparse(restore, link, dirfd, name);

	if (failed(rc))
		return rc;
	return restore->volume->kind == VOLUME_NTFS
		       ? resolve_on_ntfs(restore, link, dirfd, name)
		       : resolve_regular(restore, link, dirfd, name);
}
