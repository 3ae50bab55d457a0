/*
 * A later link costs parsing it and one look into a small table.
 */
#include "sis/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file_step.h"
#include "sis/guid_table.h"
#include "sis/reparse.h"

struct sis_backup {
	struct volume *volume;
	struct store *store;
	char *store_path;
	struct guid_table contexts; /* of the first link to each store file */
};

static status internal_files(const struct store *store, struct names *files)
{
	struct stat st;

	if (fstatat(store->fd, STORE_MAX_INDEX, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return names_take(files, store_path(store, STORE_MAX_INDEX));
	return errno == ENOENT ? STATUS_OK
			       : step_errno(errno, store->fd, STORE_MAX_INDEX);
}

static status begin(struct sis_backup *backup, const char *root, struct names *files)
{
	status rc = volume_open(root, &backup->volume);

	if (!failed(rc))
		rc = store_open(backup->volume, false, &backup->store);
	if (!failed(rc))
		rc = store_pin(backup->store);
	if (failed(rc))
		return rc;
	if (asprintf(&backup->store_path, "%s/" STORE_NAME, backup->volume->root) < 0) {
		backup->store_path = NULL;
		return status_no_memory();
	}
	return internal_files(backup->store, files);
}

status sis_backup_begin(const char *root, struct sis_backup **backup, struct names *files)
{
	struct sis_backup *b = calloc(1, sizeof(*b));
	status rc;

	*backup = NULL;
	if (!b)
		return status_no_memory();
	rc = begin(b, root, files);
	if (failed(rc)) {
		sis_backup_end(b);
		names_free(files);
	} else {
		*backup = b;
	}
	return rc;
}

const char *sis_backup_store_path(const struct sis_backup *backup)
{
	return backup->store_path;
}

const struct store *sis_backup_store(const struct sis_backup *backup)
{
	return backup->store;
}

/* The store file is known as named only when its name is there to be given. */
static status first_link(
	struct sis_backup *backup, const uuid_t guid, void *context, char **path)
{
	char name[STORE_FILE_NAME_SIZE];
	struct stat st;
	status rc = store_stat(backup->store, guid, &st);

	if (failed(rc))
		return rc;
	store_file_name(guid, name);
	*path = store_path(backup->store, name);
	if (!*path)
		return status_no_memory();
	rc = guid_table_add(&backup->contexts, guid, context);
	if (failed(rc)) {
		free(*path);
		*path = NULL;
	}
	return rc;
}

status sis_backup_link(struct sis_backup *backup, const void *buffer, size_t size,
	void *context, void **matching, char **path)
{
	struct sis_link link;
	void **known;
	status rc = reparse_parse(buffer, size, &link);

	*matching = NULL;
	*path = NULL;
	if (failed(rc))
		return rc;
	known = guid_table_find(&backup->contexts, link.store_file);
	if (!known)
		return first_link(backup, link.store_file, context, path);
	*matching = *known;
	return STATUS_OK;
}

void sis_backup_forget(struct sis_backup *backup)
{
	guid_table_remove_last(&backup->contexts);
}

void sis_backup_end(struct sis_backup *backup)
{
	store_close(backup->store);
	volume_close(backup->volume);
	guid_table_free(&backup->contexts);
	free(backup->store_path);
	free(backup);
}
