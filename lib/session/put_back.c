/*
 * What a restore replaced, seen from where it is now: the way back, and what a run that was
 * cut off left to be synced.  Directories stay behind, empty: whether one of them was there
 * before is nothing that they tell.
 */
#include "session/replaced.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory of the mirror, and the one that it stands for. */
struct level {
	int mirror;
	int place;        /* -1: not opened */
	const char *path; /* of PLACE; "" is the root */
	enum file_walk walk;
};

static status put_back_level(int mirror, const char *path, enum file_walk walk);

static status read_entries(DIR *stream, const char *path, struct names *names)
{
	const struct dirent *entry;

	for (;;) {
		status rc = STATUS_OK;

		errno = 0;
		entry = readdir(stream);
		if (!entry)
			return errno ? status_errno(errno, "replaced: %s", path)
				     : STATUS_OK;
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = names_add(names, entry->d_name);
		if (failed(rc))
			return rc;
	}
}

/* All at once: the directory changes under the moves. */
static status list_entries(const struct level *l, struct names *names)
{
	int fd = openat(l->mirror, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	status rc;

	if (!stream) {
		rc = status_errno(errno, "replaced: %s", l->path);
		if (fd >= 0)
			(void)close(fd);
		return rc;
	}
	rc = read_entries(stream, l->path, names);
	(void)closedir(stream);
	return rc;
}

static status open_place(struct level *l)
{
	if (l->place >= 0)
		return STATUS_OK;
	return file_open_dir(*l->path ? l->path : "/", l->walk, &l->place);
}

static status put_back_below(const struct level *l, const char *name)
{
	int fd = openat(l->mirror, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char *path;
	status rc;

	if (fd < 0)
		return status_errno(errno, "replaced: %s/%s", l->path, name);
	if (asprintf(&path, "%s/%s", l->path, name) < 0) {
		(void)close(fd);
		return status_no_memory();
	}
	rc = put_back_level(fd, path, l->walk);
	free(path);
	(void)close(fd);
	return rc;
}

static status put_back_entry(struct level *l, const char *name)
{
	struct stat st;
	status rc;

	if (fstatat(l->mirror, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return status_errno(errno, "replaced: %s/%s", l->path, name);
	if (S_ISDIR(st.st_mode))
		return put_back_below(l, name);
	rc = open_place(l);
	return failed(rc) ? rc : file_move_unsynced_at(l->mirror, name, l->place, name);
}

/* Also where nothing was moved: a run that was cut off may have done so and not synced. A
 * place that cannot be opened is not one to which anything was moved. */
static status sync_level(struct level *l)
{
	status rc;

	if (failed(open_place(l)))
		return STATUS_OK;
	rc = file_sync_dir(l->place, l->path);
	return failed(rc) ? rc : file_sync_dir(l->mirror, l->path);
}

static status put_back_level(int mirror, const char *path, enum file_walk walk)
{
	struct level l = {.mirror = mirror, .place = -1, .path = path, .walk = walk};
	struct names names = {0};
	status rc = list_entries(&l, &names);

	for (size_t i = 0; i < names.count && !failed(rc); i++)
		rc = put_back_entry(&l, names.items[i]);
	if (!failed(rc))
		rc = sync_level(&l);
	if (l.place >= 0)
		(void)close(l.place);
	names_free(&names);
	return rc;
}

status replaced_put_back(const struct replaced *r)
{
	return put_back_level(r->root, "", r->from.walk);
}

/* ---- syncing ---- */

static status settle_level(int mirror, const char *path, enum file_walk walk);

static status settle_below(const struct level *l, const char *name)
{
	int fd = openat(l->mirror, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char *path;
	status rc;

	if (fd < 0)
		return status_errno(errno, "replaced: %s/%s", l->path, name);
	if (asprintf(&path, "%s/%s", l->path, name) < 0) {
		(void)close(fd);
		return status_no_memory();
	}
	rc = settle_level(fd, path, l->walk);
	free(path);
	(void)close(fd);
	return rc;
}

/* What arrived is synced before the directory that it came from may forget it. */
static status settle_files(struct level *l)
{
	status rc = file_sync_dir(l->mirror, l->path);

	if (failed(rc) || failed(open_place(l)))
		return rc;
	return file_sync_dir(l->place, l->path);
}

static status settle_entries(struct level *l, const struct names *names)
{
	bool files = false;
	status rc = STATUS_OK;

	for (size_t i = 0; i < names->count && !failed(rc); i++) {
		struct stat st;

		if (fstatat(l->mirror, names->items[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			rc = status_errno(
				errno, "replaced: %s/%s", l->path, names->items[i]);
		else if (S_ISDIR(st.st_mode))
			rc = settle_below(l, names->items[i]);
		else
			files = true;
	}
	return !failed(rc) && files ? settle_files(l) : rc;
}

static status settle_level(int mirror, const char *path, enum file_walk walk)
{
	struct level l = {.mirror = mirror, .place = -1, .path = path, .walk = walk};
	struct names names = {0};
	status rc = list_entries(&l, &names);

	if (!failed(rc))
		rc = settle_entries(&l, &names);
	if (l.place >= 0)
		(void)close(l.place);
	names_free(&names);
	return rc;
}

status replaced_settle(const struct replaced *r)
{
	return settle_level(r->root, "", r->from.walk);
}
