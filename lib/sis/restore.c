/*
 * What the links say of a store file is gathered from the first of them on, and what the
 * caller restored is held against it (restore_claims.c); restore order does not matter.
 * The work on the links themselves is all at the end (resolve.c).
 */
#include "sis/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file_step.h"
#include "base/trace.h"
#include "sis/restore_pass.h"

/* ---- begin and end ---- */

/* A damaged MaxIndex is what a restore is for. */
static status remember_index(struct sis_restore *restore)
{
	status rc = store_get_index(restore->store, &restore->begin_index);

	if (rc == STATUS_WIN32(ERROR_INVALID_DATA))
		trace(TRACE_ERROR, "%s", status_pending());
	else if (failed(rc) || restore->begin_index <= STORE_INDEX_CREDIBLE)
		return rc;
	restore->begin_index = 0;
	return STATUS_OK;
}

static status begin(struct sis_restore *restore, const char *root, struct names *files)
{
	status rc = volume_open(root, &restore->volume);

	if (!failed(rc))
		rc = store_open(restore->volume, true, &restore->store);
	if (!failed(rc))
		rc = store_pin(restore->store);
	if (!failed(rc))
		rc = remember_index(restore);
	if (failed(rc))
		return rc;
	if (asprintf(&restore->store_path, "%s/" STORE_NAME, restore->volume->root) < 0) {
		restore->store_path = NULL;
		return status_no_memory();
	}
	return names_take(files, store_path(restore->store, STORE_MAX_INDEX));
}

void sis_restore_abandon(struct sis_restore *restore)
{
	struct restored_file *file;
	size_t i = 0;

	while ((file = guid_table_next(&restore->files, &i)) != NULL)
		free(file);
	guid_table_free(&restore->files);
	for (i = 0; i < restore->link_count; i++)
		free(restore->links[i].path);
	free(restore->links);
	store_close(restore->store);
	volume_close(restore->volume);
	free(restore->store_path);
	free(restore);
}

status sis_restore_begin(
	const char *root, struct sis_restore **restore, struct names *files)
{
	struct sis_restore *r = calloc(1, sizeof(*r));
	status rc;

	*restore = NULL;
	if (!r)
		return status_no_memory();
	rc = begin(r, root, files);
	if (failed(rc)) {
		sis_restore_abandon(r);
		names_free(files);
	} else {
		*restore = r;
	}
	return rc;
}

const char *sis_restore_store_path(const struct sis_restore *restore)
{
	return restore->store_path;
}

void sis_restore_set_bare(struct sis_restore *restore, bool bare)
{
	restore->bare = bare;
}

status sis_restore_end(struct sis_restore *restore)
{
	status rc = resolve_links(restore);

	sis_restore_abandon(restore);
	return rc;
}

/* ---- store files ---- */

static status file_of(
	struct sis_restore *restore, const uuid_t guid, struct restored_file **file)
{
	void **known = guid_table_find(&restore->files, guid);
	status rc;

	if (known) {
		*file = *known;
		return STATUS_OK;
	}
	*file = calloc(1, sizeof(**file));
	if (!*file)
		return status_no_memory();
	uuid_copy((*file)->guid, guid);
	rc = guid_table_add(&restore->files, guid, *file);
	if (failed(rc)) {
		free(*file);
		*file = NULL;
	}
	return rc;
}

static status restored_guid(struct sis_restore *restore, const uuid_t guid)
{
	struct restored_file *file;
	status rc = file_of(restore, guid, &file);

	return failed(rc) ? rc : claim_restored(restore, file);
}

/* The caller may have put an older one in place of a newer one. */
static status restored_index(const struct sis_restore *restore)
{
	uint64_t index;
	struct stat st;
	status rc;

	if (fstatat(restore->store->fd, STORE_MAX_INDEX, &st, AT_SYMLINK_NOFOLLOW))
		return step_errno(errno, restore->store->fd, STORE_MAX_INDEX);
	rc = store_get_index(restore->store, &index);
	if (rc == STATUS_WIN32(ERROR_INVALID_DATA))
		return step_fail(STATUS_WIN32(ERROR_CRC), restore->store->fd,
			STORE_MAX_INDEX, "is damaged: it must hold 8 bytes");
	if (!failed(rc) && index > STORE_INDEX_CREDIBLE)
		return step_fail(STATUS_WIN32(ERROR_CRC), restore->store->fd,
			STORE_MAX_INDEX, "is damaged: no link has so high an index");
	return failed(rc) ? rc : store_repair_index(restore->store, restore->begin_index);
}

static bool is_store(const struct sis_restore *restore, int dirfd)
{
	struct stat a, b;

	return fstat(restore->store->fd, &a) == 0 && fstat(dirfd, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

status sis_restore_store_file(struct sis_restore *restore, const char *path)
{
	char proper[STORE_FILE_NAME_SIZE];
	const char *name;
	uuid_t guid;
	int dirfd;
	bool in_store;
	status rc = volume_open_parent(restore->volume, path, &dirfd, &name);

	if (failed(rc))
		return rc;
	in_store = is_store(restore, dirfd);
	(void)close(dirfd);
	if (in_store && strcmp(name, STORE_MAX_INDEX) == 0)
		return restored_index(restore);
	if (in_store && store_parse_name(name, guid)) {
		store_file_name(guid, proper);
		if (strcmp(name, proper) == 0)
			return restored_guid(restore, guid);
	}
	return status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
		"%s: is no file of the common store %s", path, restore->store_path);
}

/* ---- links ---- */

/* In a store that is not root's its owner can read what is in it. */
static status check_owner(
	const struct sis_restore *restore, const char *path, const struct stat *st)
{
	const uid_t owner = restore->store->owner;

	if (owner == 0 || st->st_uid == owner || restore->volume->kind == VOLUME_NTFS)
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
		"%s: does not belong to the owner of the common store %s, who could read "
		"its content",
		path, restore->store_path);
}

/* FD is the file that was restored, or -1: whatever has the name. */
static status check_same(int fd, const char *path, const struct stat *st)
{
	struct stat own;

	if (fd < 0)
		return STATUS_OK;
	if (fstat(fd, &own))
		return status_errno(errno, "%s", path);
	if (own.st_dev == st->st_dev && own.st_ino == st->st_ino)
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_SHARING_VIOLATION),
		"%s: is not the file that was restored", path);
}

static status check_type(
	const struct sis_restore *restore, const char *path, const struct stat *st)
{
	if (S_ISLNK(st->st_mode) && restore->volume->kind != VOLUME_NTFS)
		return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"%s: is a symbolic link", path);
	if (!S_ISREG(st->st_mode) && !S_ISLNK(st->st_mode))
		return status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
			"%s: is not a regular file", path);
	return STATUS_OK;
}

/* NTFS: EIO once after a reparse point was set. */
static status stat_link(int dirfd, const char *name, struct stat *st)
{
	int result = fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW);

	if (result && errno == EIO)
		result = fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW);
	return result ? step_errno(errno, dirfd, name) : STATUS_OK;
}

static status check_link_file(
	const struct sis_restore *restore, int fd, const char *path, struct stat *st)
{
	const char *name;
	int dirfd;
	status rc = volume_open_parent(restore->volume, path, &dirfd, &name);

	if (failed(rc))
		return rc;
	rc = stat_link(dirfd, name, st);
	if (!failed(rc) && is_store(restore, dirfd))
		rc = status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"%s: a link in the common store itself", path);
	(void)close(dirfd);
	if (!failed(rc))
		rc = check_same(fd, path, st);
	if (!failed(rc))
		rc = check_type(restore, path, st);
	return failed(rc) ? rc : check_owner(restore, path, st);
}

/* Room for one more link, so that nothing can fail once its store file was named. */
static status reserve_link(struct sis_restore *restore)
{
	size_t capacity = restore->link_capacity ? 2 * restore->link_capacity : 64;
	struct restored_link *links;

	if (restore->link_count < restore->link_capacity)
		return STATUS_OK;
	links = reallocarray(restore->links, capacity, sizeof(*links));
	if (!links)
		return status_no_memory();
	restore->links = links;
	restore->link_capacity = capacity;
	return STATUS_OK;
}

/* *STORE_FILE stays NULL where there is nothing to restore. */
static status name_store_file(
	const struct sis_restore *restore, struct restored_file *file, char **store_file)
{
	char name[STORE_FILE_NAME_SIZE];

	if (file->good || file->named)
		return STATUS_OK;
	store_file_name(file->guid, name);
	*store_file = store_path(restore->store, name);
	return *store_file ? STATUS_OK : status_no_memory();
}

/* Such a one was never given out, and would leave too few others. */
static status check_index(const char *path, const struct sis_link *link)
{
	return link->index <= STORE_INDEX_CREDIBLE
		       ? STATUS_OK
		       : status_fail(STATUS_WIN32(ERROR_INVALID_REPARSE_DATA),
				 "%s: its reparse data has an impossible link index",
				 path);
}

static struct restored_link describe(
	const char *path, const struct sis_link *link, const struct stat *st)
{
	/* The path is only for messages so far. */
	return (struct restored_link){.path = (char *)(uintptr_t)path,
		.device = st->st_dev,
		.inode = st->st_ino,
		.owner = st->st_uid,
		.has_size = S_ISREG(st->st_mode),
		.size = (uint64_t)st->st_size,
		.marked = link->reserved == REPARSE_MARK,
		.checksum = link->content_checksum};
}

static status add_link(struct sis_restore *restore, const struct restored_link *link,
	struct restored_file *file, char **store_file)
{
	struct restored_link *entry;
	char *copy;
	status rc = reserve_link(restore);

	if (failed(rc))
		return rc;
	copy = strdup(link->path);
	rc = copy ? name_store_file(restore, file, store_file) : status_no_memory();
	if (failed(rc)) {
		free(copy);
		return rc;
	}
	entry = &restore->links[restore->link_count++];
	*entry = *link;
	entry->path = copy;
	entry->file = file;
	entry->next = file->links;
	file->links = restore->link_count;
	if (*store_file)
		file->named = true;
	return STATUS_OK;
}

static status tell(struct sis_restore *restore, int fd, const char *path,
	const void *buffer, const struct sis_link *data, char **store_file)
{
	struct restored_file *file;
	struct restored_link link;
	struct stat st;
	status rc = check_link_file(restore, fd, path, &st);

	if (!failed(rc))
		rc = file_of(restore, data->store_file, &file);
	if (failed(rc))
		return rc;
	link = describe(path, data, &st);
	memcpy(link.reparse, buffer, REPARSE_SIZE);
	rc = claim_check(restore, &link, file);
	if (!failed(rc))
		rc = add_link(restore, &link, file, store_file);
	if (!failed(rc) && data->index > restore->max_index)
		restore->max_index = data->index;
	return rc;
}

static status restore_link(struct sis_restore *restore, int fd, const char *path,
	const void *buffer, size_t size, char **store_file)
{
	struct sis_link link;
	status rc = reparse_parse(buffer, size, &link);

	*store_file = NULL;
	if (!failed(rc))
		rc = check_index(path, &link);
	return failed(rc) ? rc : tell(restore, fd, path, buffer, &link, store_file);
}

status sis_restore_link(struct sis_restore *restore, const char *path, const void *buffer,
	size_t size, char **store_file)
{
	return restore_link(restore, -1, path, buffer, size, store_file);
}

status sis_restore_link_open(struct sis_restore *restore, int fd, const char *path,
	const void *buffer, size_t size, char **store_file)
{
	*store_file = NULL;
	if (fd < 0)
		return status_errno(EBADF, "%s", path);
	return restore_link(restore, fd, path, buffer, size, store_file);
}

void sis_restore_forget(struct sis_restore *restore)
{
	struct restored_link *last = &restore->links[--restore->link_count];

	last->file->named = false;
	last->file->links = last->next;
	free(last->path);
}
