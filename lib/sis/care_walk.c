/*
 * One directory is open at a time, reached anew from the volume's own descriptor: neither
 * deep trees nor wide ones use descriptors up, and a directory that is moved or replaced
 * meanwhile leads nowhere else.
 */
#include "sis/care_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_step.h"
#include "base/names.h"
#include "sis/inode_set.h"

struct walk {
	struct care_run *run;
	bool complete;
	care_visitor visit;
	void *context;
	struct names pending; /* directories; the last is next */
	struct inode_set seen;
};

static status unread(const struct walk *walk, const char *path, status rc)
{
	return walk->complete ? rc : care_skip(walk->run, path, rc);
}

static char *join(const char *dir, const char *name)
{
	char *path;

	return asprintf(&path, "%s%s%s", dir, *dir ? "/" : "", name) < 0 ? NULL : path;
}

/* ---- files ---- */

/* What vouch_look says of a file is kept for the visitor, unless it could not look. */
static bool could_look(status rc)
{
	return !failed(rc) || rc == STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT) ||
	       rc == STATUS_WIN32(ERROR_INVALID_REPARSE_DATA) ||
	       rc == STATUS_WIN32(ERROR_REPARSE_TAG_MISMATCH);
}

static status look(const struct walk *walk, struct care_file *file)
{
	const struct store *store = walk->run->store;

	file->look = STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT);
	if (!store)
		return STATUS_OK;
	file->look = vouch_look(store, file->dirfd, file->name, &file->state);
	return could_look(file->look) ? STATUS_OK : file->look;
}

static status visit_file(struct walk *walk, struct care_file *file)
{
	bool new_one = true;
	status rc = STATUS_OK;

	if (file->st.st_nlink > 1)
		rc = inode_set_add(&walk->seen, file->st.st_ino, &new_one);
	if (failed(rc) || !new_one)
		return rc;
	rc = look(walk, file);
	if (failed(rc))
		return unread(walk, file->path, rc);
	/* A symbolic link that is not one of ours. */
	if (S_ISLNK(file->st.st_mode) && failed(file->look))
		return STATUS_OK;
	return walk->visit(walk->run, walk->context, file);
}

static bool is_store(const char *path)
{
	return strcmp(path, STORE_NAME) == 0;
}

/* The first look at an NTFS file after a reparse point was set may fail with EIO. */
static int stat_entry(int dirfd, const char *name, struct stat *st)
{
	int result = fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW);

	if (result && errno == EIO)
		result = fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW);
	return result;
}

/* What is mounted may hide files, also where it is of the same file system. */
static bool is_mount_point(int dirfd, const char *name)
{
	const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
	struct statx st;

	return statx(dirfd, name, flags, 0, &st) == 0 &&
	       (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static status not_entered(const struct walk *walk, const char *path)
{
	return unread(walk, path,
		status_fail(STATUS_WIN32(ERROR_NOT_SAME_DEVICE),
			"%s/%s: is a mount point, or on another file system than the "
			"volume: what is there, or below it, is not looked at",
			walk->run->volume->root, path));
}

static status visit_entry(struct walk *walk, int dirfd, const char *dir, const char *name)
{
	const bool ntfs = walk->run->volume->kind == VOLUME_NTFS;
	struct care_file file = {.dirfd = dirfd, .name = name};
	char *path = join(dir, name);
	status rc = STATUS_OK;

	if (!path)
		return status_no_memory();
	file.path = path;
	if (stat_entry(dirfd, name, &file.st))
		rc = unread(walk, path, step_errno(errno, dirfd, name));
	else if (is_store(path))
		rc = STATUS_OK;
	else if (file.st.st_dev != walk->run->volume->device ||
		 is_mount_point(dirfd, name))
		rc = not_entered(walk, path);
	else if (S_ISDIR(file.st.st_mode))
		rc = names_add(&walk->pending, path);
	else if (S_ISREG(file.st.st_mode) || (ntfs && S_ISLNK(file.st.st_mode)))
		rc = visit_file(walk, &file);
	free(path);
	return rc;
}

/* ---- directories ---- */

static status read_entries(struct walk *walk, DIR *stream, const char *dir)
{
	status rc = STATUS_OK;

	while (!failed(rc)) {
		struct dirent *entry;

		errno = 0;
		entry = readdir(stream);
		if (!entry)
			return errno ? unread(walk, dir,
					       step_errno(errno, dirfd(stream), "."))
				     : STATUS_OK;
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = visit_entry(walk, dirfd(stream), dir, entry->d_name);
	}
	return rc;
}

static status open_directory(const struct walk *walk, const char *dir, int *fd)
{
	const struct volume *volume = walk->run->volume;
	char *full = care_path(walk->run, dir);
	status rc;

	*fd = -1;
	if (!full)
		return status_no_memory();
	rc = file_open_dir_below(volume->fd, dir, full, fd);
	free(full);
	return rc;
}

static status read_directory(struct walk *walk, const char *dir)
{
	struct stat st;
	DIR *stream;
	status rc;
	int fd;

	rc = care_tell(walk->run, BACKUPAPI_SIS_SCANNING, dir, NULL, NULL, 0);
	if (failed(rc))
		return rc;
	rc = open_directory(walk, dir, &fd);
	if (failed(rc))
		return unread(walk, dir, rc);
	if (fstat(fd, &st) || st.st_dev != walk->run->volume->device) {
		(void)close(fd);
		return not_entered(walk, dir);
	}
	stream = fdopendir(fd);
	if (!stream) {
		(void)close(fd);
		return status_no_memory();
	}
	rc = read_entries(walk, stream, dir);
	(void)closedir(stream);
	return rc;
}

status care_walk(struct care_run *run, bool complete, care_visitor visit, void *context)
{
	struct walk walk = {
		.run = run, .complete = complete, .visit = visit, .context = context};
	status rc = names_add(&walk.pending, "");

	while (!failed(rc) && walk.pending.count > 0) {
		char *dir = walk.pending.items[--walk.pending.count];

		rc = read_directory(&walk, dir);
		free(dir);
	}
	names_free(&walk.pending);
	inode_set_free(&walk.seen);
	return rc;
}
