/*
 * What the links say of a store file is gathered from the first of them on, and what the
 * caller restored is held against it; restore order does not matter. The work on the
 * links themselves is all at the end (resolve.c).
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

	if (rc != STATUS_WIN32(ERROR_INVALID_DATA))
		return rc;
	trace(TRACE_ERROR, "%s", status_pending());
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

static status not_as_said(const struct sis_restore *restore,
	const struct restored_file *file, const char *why)
{
	char name[STORE_FILE_NAME_SIZE];

	store_file_name(file->guid, name);
	return step_fail(STATUS_WIN32(ERROR_CRC), restore->store->fd, name, why);
}

/* Against what the links say, and the record beside it. */
static status check_sum(const struct sis_restore *restore,
	const struct restored_file *file, const struct store_sum *sum, bool *recorded)
{
	struct store_sum record;
	status rc;

	*recorded = false;
	if (file->size_known && file->size != sum->size)
		return not_as_said(restore, file, "is damaged: not as long as its links");
	if (file->checksum_known && file->checksum != sum->content_checksum)
		return not_as_said(restore, file,
			"is damaged: its content has not the checksum that its links "
			"say");
	rc = store_get_sum(restore->store, file->guid, &record);
	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND) ||
		rc == STATUS_WIN32(ERROR_INVALID_DATA))
		return STATUS_OK;
	if (failed(rc))
		return rc;
	if (record.size != sum->size ||
		memcmp(record.sha256, sum->sha256, sizeof(sum->sha256)) != 0)
		return not_as_said(restore, file,
			"is damaged: its content is not what is recorded beside it");
	*recorded = true;
	return STATUS_OK;
}

/* Synced before it is recorded. */
static status accept(struct sis_restore *restore, struct restored_file *file,
	const struct store_sum *sum, bool recorded)
{
	status rc = STATUS_OK;
	int fd;

	if (!recorded) {
		rc = store_open_file(restore->store, file->guid, &fd);
		if (failed(rc))
			return rc;
		if (step_sync(fd))
			rc = status_errno(errno, "%s", restore->store_path);
		(void)close(fd);
		if (!failed(rc))
			rc = store_set_sum(restore->store, file->guid, sum);
	}
	file->sum = *sum;
	file->good = !failed(rc);
	return rc;
}

/* Looks at the store file that is on the volume already. One that nothing proves right,
 * or that is damaged, is better restored again. */
static status look_at_present(struct sis_restore *restore, struct restored_file *file)
{
	struct store_sum sum;
	bool recorded;
	status rc = store_compute_sum(restore->store, file->guid, &sum);

	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		return STATUS_OK;
	if (!failed(rc))
		rc = check_sum(restore, file, &sum, &recorded);
	if (rc == STATUS_WIN32(ERROR_CRC)) {
		trace(TRACE_INFO, "%s", status_pending());
		return STATUS_OK;
	}
	if (failed(rc) || (!recorded && !file->checksum_known))
		return rc;
	return accept(restore, file, &sum, recorded);
}

static status restored_guid(struct sis_restore *restore, const uuid_t guid)
{
	struct restored_file *file;
	struct store_sum sum;
	bool recorded;
	status rc = file_of(restore, guid, &file);

	if (failed(rc))
		return rc;
	file->good = false;
	rc = store_compute_sum(restore->store, guid, &sum);
	if (!failed(rc))
		rc = check_sum(restore, file, &sum, &recorded);
	return failed(rc) ? rc : accept(restore, file, &sum, recorded);
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

static status disagrees(const char *path, const char *what)
{
	return status_fail(STATUS_WIN32(ERROR_CRC),
		"%s: %s is not that of the other links to its common-store file", path,
		what);
}

/* Adds what the link at PATH says to what the others said, or refuses it. */
static status agree(const struct sis_link *link, const struct stat *st, const char *path,
	struct restored_file *file)
{
	const bool ours = link->reserved == REPARSE_MARK;
	const bool has_size = S_ISREG(st->st_mode);

	if (has_size && file->size_known && file->size != (uint64_t)st->st_size)
		return disagrees(path, "its length");
	if (ours && file->checksum_known && file->checksum != link->content_checksum)
		return disagrees(path, "the content checksum in its reparse data");
	if (!ours && file->foreign_known &&
		file->foreign_checksum != link->content_checksum)
		return disagrees(path, "the content checksum in its reparse data");
	if (file->good && has_size && file->sum.size != (uint64_t)st->st_size)
		return disagrees(path, "its length");
	if (file->good && ours && file->sum.content_checksum != link->content_checksum)
		return disagrees(path, "the content checksum in its reparse data");
	if (has_size) {
		file->size_known = true;
		file->size = (uint64_t)st->st_size;
	}
	if (ours) {
		file->checksum_known = true;
		file->checksum = link->content_checksum;
	} else {
		file->foreign_known = true;
		file->foreign_checksum = link->content_checksum;
	}
	return STATUS_OK;
}

static status check_link_file(
	const struct sis_restore *restore, const char *path, struct stat *st)
{
	const char *name;
	int dirfd, result;
	status rc = volume_open_parent(restore->volume, path, &dirfd, &name);

	if (failed(rc))
		return rc;
	result = fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW);
	if (result && errno == EIO) /* NTFS, after a reparse point was set */
		result = fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW);
	if (result)
		rc = step_errno(errno, dirfd, name);
	else if (is_store(restore, dirfd))
		rc = status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"%s: a link in the common store itself", path);
	else if (S_ISLNK(st->st_mode) && restore->volume->kind != VOLUME_NTFS)
		rc = status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"%s: is a symbolic link", path);
	else if (!S_ISREG(st->st_mode) && !S_ISLNK(st->st_mode))
		rc = status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
			"%s: is not a regular file", path);
	(void)close(dirfd);
	return rc;
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

static status add_link(struct sis_restore *restore, const char *path, const void *buffer,
	struct restored_file *file, const struct sis_link *link, char **store_file)
{
	struct restored_link *entry;
	char *copy;
	status rc = reserve_link(restore);

	if (failed(rc))
		return rc;
	copy = strdup(path);
	rc = copy ? name_store_file(restore, file, store_file) : status_no_memory();
	if (failed(rc)) {
		free(copy);
		return rc;
	}
	entry = &restore->links[restore->link_count++];
	*entry = (struct restored_link){.path = copy, .file = file};
	memcpy(entry->reparse, buffer, REPARSE_SIZE);
	if (*store_file)
		file->named = true;
	if (link->index > restore->max_index)
		restore->max_index = link->index;
	return STATUS_OK;
}

status sis_restore_link(struct sis_restore *restore, const char *path, const void *buffer,
	size_t size, char **store_file)
{
	struct restored_file *file;
	struct sis_link link;
	struct stat st;
	status rc = reparse_parse(buffer, size, &link);

	*store_file = NULL;
	if (!failed(rc))
		rc = check_link_file(restore, path, &st);
	if (!failed(rc))
		rc = file_of(restore, link.store_file, &file);
	if (!failed(rc))
		rc = agree(&link, &st, path, file);
	if (!failed(rc) && !file->good && !file->named)
		rc = look_at_present(restore, file);
	if (!failed(rc))
		rc = add_link(restore, path, buffer, file, &link, store_file);
	return rc;
}

void sis_restore_forget(struct sis_restore *restore)
{
	struct restored_link *last = &restore->links[--restore->link_count];

	last->file->named = false;
	free(last->path);
}
