/*
 * Links on NTFS, which only names reach. The mark outlives the reparse point, which has to
 * go before anything can be written; without it nothing would tell the file from one of
 * zeros.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_step.h"
#include "sis/restore_pass.h"
#include "sis/vouch.h"

static status ensure_reparse(const struct sis_restore *restore,
	const struct restored_link *link, int dirfd, const char *name)
{
	uint8_t present[REPARSE_SIZE];
	size_t size;
	status rc = volume_get_reparse(
		restore->volume, dirfd, name, present, sizeof(present), &size);

	if (resolve_is_present(rc, link, present, size))
		return STATUS_OK;
	if (failed(rc) && rc != STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT))
		return rc;
	return volume_set_reparse(
		restore->volume, dirfd, name, link->reparse, REPARSE_SIZE);
}

/* The first look may fail with EIO. */
static status stat_same(
	const struct restored_link *link, int dirfd, const char *name, struct stat *st)
{
	int result = fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW);

	if (result && errno == EIO)
		result = fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW);
	return result ? step_errno(errno, dirfd, name) : resolve_check_same(link, st);
}

/* Without a plug-in nobody could read a link there, so that one which is not to stay bare
 * becomes a plain file. With one it reads as its store file, and all is done. */
static bool stays(const struct sis_restore *restore, const struct stat *st)
{
	return restore->bare || S_ISREG(st->st_mode);
}

status resolve_begin_ntfs(const struct sis_restore *restore, struct restored_link *link,
	int dirfd, const char *name)
{
	struct stat st;
	status rc = stat_same(link, dirfd, name, &st);

	if (!failed(rc))
		rc = ensure_reparse(restore, link, dirfd, name);
	if (!failed(rc))
		rc = stat_same(link, dirfd, name, &st);
	if (failed(rc) || stays(restore, &st))
		return rc;
	link->was_bare = true;
	return vouch_mark_at(dirfd, name, link->reparse);
}

/* ntfs-3g lists the marks of user. alone, which a backup looks for first. It may have been
 * told to keep none. */
static status fill_plain(const struct sis_restore *restore, struct restored_link *link,
	int dirfd, const char *name)
{
	int fd;
	status rc = resolve_open(link, dirfd, name, &fd);

	if (failed(rc))
		return rc;
	rc = vouch_mark_openly(fd, link->path, link->reparse);
	if (!failed(rc) || rc == STATUS_WIN32(ERROR_NOT_SUPPORTED))
		rc = resolve_put(restore, link, fd);
	(void)close(fd);
	return rc;
}

/* What is bare is a link again, and not what somebody wrote meanwhile. What is pending
 * explains the failure, unless this fails too. */
static void take_back(const struct sis_restore *restore, const struct restored_link *link,
	int dirfd, const char *name)
{
	uint8_t reparse[REPARSE_SIZE];
	struct stat st;

	if (!failed(stat_same(link, dirfd, name, &st)) &&
		vouch_find_mark(dirfd, name, reparse))
		(void)ensure_reparse(restore, link, dirfd, name);
}

status resolve_content_ntfs(const struct sis_restore *restore, struct restored_link *link,
	int dirfd, const char *name)
{
	struct stat st;
	status rc = stat_same(link, dirfd, name, &st);

	if (failed(rc) || stays(restore, &st))
		return rc;
	rc = volume_remove_reparse(restore->volume, dirfd, name);
	if (failed(rc))
		return rc;
	rc = fill_plain(restore, link, dirfd, name);
	if (failed(rc))
		take_back(restore, link, dirfd, name);
	return rc;
}

status resolve_settle_ntfs(const struct sis_restore *restore,
	const struct restored_link *link, int dirfd, const char *name)
{
	struct stat st;
	status rc = stat_same(link, dirfd, name, &st);
	int fd;

	if (failed(rc) || restore->bare || !S_ISREG(st.st_mode))
		return rc;
	fd = volume_open_regular(dirfd, name, O_RDONLY);
	if (fd < 0)
		return step_errno(errno, dirfd, name);
	rc = vouch_forget(fd, link->path);
	(void)close(fd);
	return rc;
}
