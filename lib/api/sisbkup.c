/* The Sis functions; sisbkup_wide.c has those with text. A name that cannot be handed out for lack of memory must not count as
 * named: the pass learns of it (sis_backup_forget, sis_restore_forget). */
#include <sisbkup.h>

#include <stdlib.h>
#include <string.h>

#include "api/sis_text.h"
#include "api/sisbkup_calls.h"
#include "base/alloc.h"
#include "base/handle.h"
#include "sis/backup.h"
#include "sis/reparse.h"
#include "sis/restore.h"

#define BACKUP_PASS  HANDLE_MASK(HANDLE_SIS_BACKUP)
#define RESTORE_PASS HANDLE_MASK(HANDLE_SIS_RESTORE)

static status not_a_pass(const void *handle, const char *kind)
{
	return status_fail(STATUS_WIN32(ERROR_INVALID_HANDLE),
		"structure %p: not a live %s structure of this process", handle, kind);
}

/* ---- beginning a pass ---- */

static void clear_files(const struct sisbkup_files *out)
{
	if (out->count)
		*out->count = 0;
	if (out->array)
		argument_give(out->array, NULL);
}

static void clear_results(const struct sisbkup_results *out)
{
	if (out->structure)
		*out->structure = NULL;
	if (out->store)
		argument_give(out->store, NULL);
	clear_files(&out->files);
}

static status check_files(const char *function, const struct sisbkup_files *out)
{
	if (!out->count)
		return argument_invalid(function, "the files' count is NULL");
	if (!out->array)
		return argument_invalid(function, "the files' array is NULL");
	return STATUS_OK;
}

static status check_create(
	const char *function, struct given root, const struct sisbkup_results *out)
{
	if (!root.text)
		return argument_invalid(function, "volumeRoot is NULL");
	if (!out->structure)
		return argument_invalid(function, "the structure's pointer is NULL");
	if (!out->store)
		return argument_invalid(function, "commonStoreRootPathname is NULL");
	return check_files(function, &out->files);
}

/* All of it, or nothing. PASS stays the caller's on failure. */
static status give_results(enum handle_kind kind, void *pass, const char *store,
	const struct names *files, const struct sisbkup_results *out)
{
	void *store_block, *array, *handle;
	status rc = sis_text_string(store, out->files.form, &store_block);

	if (failed(rc))
		return rc;
	rc = sis_text_array(files, out->files.form, &array);
	if (!failed(rc)) {
		rc = handle_create(kind, pass, &handle);
		if (failed(rc))
			sis_text_free(array, files->count);
	}
	if (failed(rc)) {
		(void)alloc_free(ALLOC_SIS, store_block);
		return rc;
	}
	*out->structure = handle;
	argument_give(out->store, store_block);
	*out->files.count = (ULONG)files->count;
	argument_give(out->files.array, array);
	return STATUS_OK;
}

static status create_backup(const char *root, const struct sisbkup_results *out)
{
	struct names files = {0};
	struct sis_backup *backup;
	status rc = sis_backup_begin(root, &backup, &files);

	if (failed(rc))
		return rc;
	rc = give_results(
		HANDLE_SIS_BACKUP, backup, sis_backup_store_path(backup), &files, out);
	if (failed(rc))
		sis_backup_end(backup);
	names_free(&files);
	return rc;
}

static status create_restore(const char *root, const struct sisbkup_results *out)
{
	struct names files = {0};
	struct sis_restore *restore;
	status rc = sis_restore_begin(root, &restore, &files);

	if (failed(rc))
		return rc;
	rc = give_results(HANDLE_SIS_RESTORE, restore, sis_restore_store_path(restore),
		&files, out);
	/* Without links the end only releases. */
	if (failed(rc))
		sis_restore_abandon(restore);
	names_free(&files);
	return rc;
}

static BOOL create(const char *function, struct given root,
	status (*begin)(const char *, const struct sisbkup_results *),
	const struct sisbkup_results *out)
{
	char *path = NULL;
	status rc;

	status_begin();
	clear_results(out);
	rc = check_create(function, root, out);
	if (!failed(rc))
		rc = sis_text_path(root, &path);
	if (!failed(rc))
		rc = begin(path, out);
	free(path);
	return status_publish_win32(rc);
}

BOOL sisbkup_create_backup(
	const char *function, struct given root, const struct sisbkup_results *out)
{
	return create(function, root, create_backup, out);
}

BOOL sisbkup_create_restore(
	const char *function, struct given root, const struct sisbkup_results *out)
{
	return create(function, root, create_restore, out);
}

/* ---- links ---- */

/* The name PATH, which is freed, as an array of one. */
static status give_file(char *path, const struct sisbkup_files *out)
{
	void *array;
	status rc = sis_text_single(path, out->form, &array);

	if (failed(rc))
		return rc;
	*out->count = 1;
	argument_give(out->array, array);
	return STATUS_OK;
}

static status check_link(const char *function, struct sisbkup_reparse reparse,
	const struct sisbkup_files *out)
{
	if (!reparse.data)
		return argument_invalid(function, "reparseData is NULL");
	return check_files(function, out);
}

/* On a big-endian machine the compatibility headers' DeviceIoControl gives the header in this
 * machine's order. The tag tells: COPY then gets the bytes of the disk. */
static struct sisbkup_reparse as_on_disk(
	struct sisbkup_reparse reparse, uint8_t copy[REPARSE_SIZE])
{
	const uint8_t *data = reparse.data;
	uint32_t tag;

	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ || reparse.size < REPARSE_SIZE)
		return reparse;
	memcpy(&tag, data, sizeof(tag));
	if (tag != REPARSE_TAG_SIS)
		return reparse;
	memcpy(copy, data, REPARSE_SIZE);
	for (size_t i = 0; i < 4; i++)
		copy[i] = data[3 - i];
	for (size_t i = 4; i < REPARSE_HEADER_SIZE; i++)
		copy[i] = data[i ^ 1];
	return (struct sisbkup_reparse){copy, REPARSE_SIZE};
}

static status backup_link(struct sis_backup *backup, struct sisbkup_reparse reparse,
	void *context, void **matching, const struct sisbkup_files *out)
{
	uint8_t copy[REPARSE_SIZE];
	const struct sisbkup_reparse disk = as_on_disk(reparse, copy);
	char *path;
	status rc =
		sis_backup_link(backup, disk.data, disk.size, context, matching, &path);

	if (failed(rc) || !path)
		return rc;
	rc = give_file(path, out);
	if (failed(rc))
		sis_backup_forget(backup);
	return rc;
}

BOOL sisbkup_backup_link(const char *function, PVOID structure,
	struct sisbkup_reparse reparse, PVOID context, PVOID *matching,
	const struct sisbkup_files *out)
{
	struct sis_backup *backup;
	void *found = NULL;
	status rc;

	status_begin();
	if (matching)
		*matching = NULL;
	clear_files(out);
	rc = check_link(function, reparse, out);
	if (failed(rc))
		return status_publish_win32(rc);
	/* The processor fetches it while it waits for the lock. */
	__builtin_prefetch(reparse.data);
	__builtin_prefetch((const char *)reparse.data + REPARSE_SIZE - 1);
	backup = handle_acquire(BACKUP_PASS, structure, NULL);
	if (!backup)
		return status_publish_win32(not_a_pass(structure, "backup"));
	rc = backup_link(backup, reparse, context, &found, out);
	handle_release(structure);
	if (!failed(rc) && matching)
		*matching = found;
	return status_publish_win32(rc);
}

static status restore_link(struct sis_restore *restore, const char *path,
	struct sisbkup_reparse reparse, const struct sisbkup_files *out)
{
	uint8_t copy[REPARSE_SIZE];
	const struct sisbkup_reparse disk = as_on_disk(reparse, copy);
	char *store_file;
	status rc = sis_restore_link(restore, path, disk.data, disk.size, &store_file);

	if (failed(rc) || !store_file)
		return rc;
	rc = give_file(store_file, out);
	if (failed(rc))
		sis_restore_forget(restore);
	return rc;
}

BOOL sisbkup_restored_link(const char *function, PVOID structure, struct given name,
	struct sisbkup_reparse reparse, const struct sisbkup_files *out)
{
	struct sis_restore *restore;
	char *path = NULL;
	status rc;

	status_begin();
	clear_files(out);
	rc = name.text ? check_link(function, reparse, out)
		       : argument_invalid(function, "restoredFileName is NULL");
	if (!failed(rc))
		rc = sis_text_path(name, &path);
	if (failed(rc))
		return status_publish_win32(rc);
	restore = handle_acquire(RESTORE_PASS, structure, NULL);
	if (restore) {
		rc = restore_link(restore, path, reparse, out);
		handle_release(structure);
	} else {
		rc = not_a_pass(structure, "restore");
	}
	free(path);
	return status_publish_win32(rc);
}

BOOL sisbkup_restored_store_file(const char *function, PVOID structure, struct given name)
{
	struct sis_restore *restore;
	char *path = NULL;
	status rc;

	status_begin();
	rc = name.text ? sis_text_path(name, &path)
		       : argument_invalid(function, "commonStoreFileName is NULL");
	if (failed(rc))
		return status_publish_win32(rc);
	restore = handle_acquire(RESTORE_PASS, structure, NULL);
	if (restore) {
		rc = sis_restore_store_file(restore, path);
		handle_release(structure);
	} else {
		rc = not_a_pass(structure, "restore");
	}
	free(path);
	return status_publish_win32(rc);
}

/* ---- ending a pass ---- */

BOOL BACKUPAPI_CALL SisFreeBackupStructure(PVOID sisBackupStructure)
{
	struct sis_backup *backup;

	status_begin();
	backup = handle_retire(BACKUP_PASS, sisBackupStructure, NULL);
	if (!backup)
		return status_publish_win32(not_a_pass(sisBackupStructure, "backup"));
	sis_backup_end(backup);
	return status_publish_win32(STATUS_OK);
}

BOOL BACKUPAPI_CALL SisFreeRestoreStructure(PVOID sisRestoreStructure)
{
	struct sis_restore *restore;

	status_begin();
	restore = handle_retire(RESTORE_PASS, sisRestoreStructure, NULL);
	return status_publish_win32(restore ? sis_restore_end(restore)
					    : not_a_pass(sisRestoreStructure, "restore"));
}

VOID BACKUPAPI_CALL SisFreeAllocatedMemory(PVOID allocatedSpace)
{
	(void)alloc_free(ALLOC_SIS, allocatedSpace);
}
