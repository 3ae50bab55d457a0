/* Reparse points and data ranges of single files, and what passes can do beyond
 * sisbkup.h; native_sis_care.c has the rest of backupapi/sis.h. */
#include <backupapi/sis.h>

#include <stdlib.h>
#include <string.h>

#include "api/argument.h"
#include "base/handle.h"
#include "sis/backup.h"
#include "sis/point.h"
#include "sis/restore.h"

_Static_assert(BACKUPAPI_SIS_STORE_NAME_SIZE == STORE_FILE_NAME_SIZE,
	"the name of a store file");

/* The structure behind HANDLE, until handle_release; NULL with *RC. */
static void *acquire(enum handle_kind kind, void *handle, status *rc)
{
	void *structure = handle_acquire(HANDLE_MASK(kind), handle, NULL);

	if (!structure)
		*rc = status_fail(STATUS_WIN32(ERROR_INVALID_HANDLE),
			"structure %p: not a live %s structure of this process", handle,
			kind == HANDLE_SIS_BACKUP ? "backup" : "restore");
	return structure;
}

/* ---- reparse points ---- */

static status give_reparse(const uint8_t reparse[REPARSE_SIZE], const char *path,
	void *buffer, uint32_t size, uint32_t *needed)
{
	*needed = REPARSE_SIZE;
	if (size < REPARSE_SIZE)
		return status_fail(STATUS_WIN32(ERROR_INSUFFICIENT_BUFFER),
			"%s: its reparse point has %u bytes, the buffer %u", path,
			REPARSE_SIZE, (unsigned)size);
	memcpy(buffer, reparse, REPARSE_SIZE);
	return STATUS_OK;
}

/* VOLUME: NULL for the one that PATH is on. */
static status get_reparse_point(const char *volume, const char *path, void *buffer,
	uint32_t size, uint32_t *needed)
{
	uint8_t reparse[REPARSE_SIZE];
	status rc = point_get_on(volume, path, reparse);

	return failed(rc) ? rc : give_reparse(reparse, path, buffer, size, needed);
}

static status check_get(const char *function, const char *path, const void *buffer,
	uint32_t size, uint32_t *needed)
{
	if (needed)
		*needed = 0;
	if (!path)
		return argument_invalid(function, "path is NULL");
	if (!needed)
		return argument_invalid(function, "needed is NULL");
	if (!buffer && size)
		return argument_invalid(function, "buffer is NULL, but size is not 0");
	return STATUS_OK;
}

int32_t backupapi_get_reparse_point(
	const char *path, void *buffer, uint32_t size, uint32_t *needed)
{
	status rc;

	status_begin();
	rc = check_get(__func__, path, buffer, size, needed);
	if (!failed(rc))
		rc = get_reparse_point(NULL, path, buffer, size, needed);
	return status_publish(rc);
}

int32_t backupapi_sis_get_reparse_point(const char *volume, const char *path,
	void *buffer, uint32_t size, uint32_t *needed)
{
	status rc;

	status_begin();
	rc = check_get(__func__, path, buffer, size, needed);
	if (!failed(rc) && !volume)
		rc = argument_invalid(__func__, "volume is NULL");
	if (!failed(rc))
		rc = get_reparse_point(volume, path, buffer, size, needed);
	return status_publish(rc);
}

int32_t backupapi_sis_get_reparse_point_fd(void *sisBackupStructure, int fd,
	const char *path, void *buffer, uint32_t size, uint32_t *needed)
{
	uint8_t reparse[REPARSE_SIZE];
	struct sis_backup *backup;
	status rc;

	status_begin();
	rc = check_get(__func__, path, buffer, size, needed);
	if (failed(rc))
		return status_publish(rc);
	backup = acquire(HANDLE_SIS_BACKUP, sisBackupStructure, &rc);
	if (!backup)
		return status_publish(rc);
	rc = point_get_open(sis_backup_store(backup), fd, path, reparse);
	handle_release(sisBackupStructure);
	if (!failed(rc))
		rc = give_reparse(reparse, path, buffer, size, needed);
	return status_publish(rc);
}

int32_t backupapi_set_reparse_point(const char *path, const void *buffer, uint32_t size)
{
	status rc;

	status_begin();
	if (!path)
		rc = argument_invalid(__func__, "path is NULL");
	else if (!buffer)
		rc = argument_invalid(__func__, "buffer is NULL");
	else
		rc = point_set(path, buffer, size);
	return status_publish(rc);
}

/* ---- ranges ---- */

static status get_ranges(const char *path, struct backupapi_range *ranges,
	uint32_t capacity, uint32_t *count)
{
	struct extents_list list = {0};
	status rc = point_ranges(path, &list);

	if (!failed(rc) && list.count > UINT32_MAX)
		rc = status_fail(STATUS_WIN32(ERROR_FILE_TOO_LARGE),
			"%s: has %zu data ranges", path, list.count);
	if (!failed(rc)) {
		*count = (uint32_t)list.count;
		for (size_t i = 0; i < list.count && i < capacity; i++)
			ranges[i] = (struct backupapi_range){
				list.items[i].offset, list.items[i].length};
	}
	extents_free(&list);
	return rc;
}

int32_t backupapi_get_allocated_ranges(const char *path, struct backupapi_range *ranges,
	uint32_t capacity, uint32_t *count)
{
	status rc;

	status_begin();
	if (count)
		*count = 0;
	if (!path)
		rc = argument_invalid(__func__, "path is NULL");
	else if (!count)
		rc = argument_invalid(__func__, "count is NULL");
	else if (!ranges && capacity)
		rc = argument_invalid(__func__, "ranges is NULL, but capacity is not 0");
	else
		rc = get_ranges(path, ranges, capacity, count);
	return status_publish(rc);
}

/* ---- restore passes ---- */

int32_t backupapi_sis_set_bare_links(void *sisRestoreStructure, int bare)
{
	struct sis_restore *restore;
	status rc = STATUS_OK;

	status_begin();
	restore = acquire(HANDLE_SIS_RESTORE, sisRestoreStructure, &rc);
	if (restore) {
		sis_restore_set_bare(restore, bare != 0);
		handle_release(sisRestoreStructure);
	}
	return status_publish(rc);
}

static status check_restored(const char *function, const char *path, const void *buffer,
	const char *store_file)
{
	if (!path)
		return argument_invalid(function, "path is NULL");
	if (!buffer)
		return argument_invalid(function, "buffer is NULL");
	return store_file ? STATUS_OK : argument_invalid(function, "store_file is NULL");
}

static status restored_link(struct sis_restore *restore, int fd, const char *path,
	const void *buffer, uint32_t size, char *store_file)
{
	char *full;
	status rc = sis_restore_link_open(restore, fd, path, buffer, size, &full);

	if (!failed(rc) && full)
		strcpy(store_file, strrchr(full, '/') + 1);
	free(full);
	return rc;
}

int32_t backupapi_sis_restored_link_fd(void *sisRestoreStructure, int fd,
	const char *path, const void *buffer, uint32_t size,
	char store_file[BACKUPAPI_SIS_STORE_NAME_SIZE])
{
	struct sis_restore *restore;
	status rc;

	status_begin();
	if (store_file)
		*store_file = '\0';
	rc = check_restored(__func__, path, buffer, store_file);
	if (failed(rc))
		return status_publish(rc);
	restore = acquire(HANDLE_SIS_RESTORE, sisRestoreStructure, &rc);
	if (restore) {
		rc = restored_link(restore, fd, path, buffer, size, store_file);
		handle_release(sisRestoreStructure);
	}
	return status_publish(rc);
}
