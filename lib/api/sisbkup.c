/* The Sis functions. A name that cannot be handed out for lack of memory must not count as
 * named: the pass learns of it (sis_backup_forget, sis_restore_forget). */
#include <sisbkup.h>

#include <stdlib.h>

#include "api/argument.h"
#include "api/sis_text.h"
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

/* Where a Create function puts its results. */
struct results {
	PVOID *structure;
	PWCHAR *store;
	PULONG count;
	PWCHAR **files;
};

static void clear_results(const struct results *out)
{
	if (out->structure)
		*out->structure = NULL;
	if (out->store)
		*out->store = NULL;
	if (out->count)
		*out->count = 0;
	if (out->files)
		*out->files = NULL;
}

static status check_create(
	const char *function, const WCHAR *root, const struct results *out)
{
	if (!root)
		return argument_invalid(function, "volumeRoot is NULL");
	if (!out->structure)
		return argument_invalid(function, "the structure's pointer is NULL");
	if (!out->store)
		return argument_invalid(function, "commonStoreRootPathname is NULL");
	if (!out->count)
		return argument_invalid(function, "the files' count is NULL");
	if (!out->files)
		return argument_invalid(function, "the files' array is NULL");
	return STATUS_OK;
}

/* All of it, or nothing. PASS stays the caller's on failure. */
static status give_results(enum handle_kind kind, void *pass, const char *store,
	const struct names *files, const struct results *out)
{
	WCHAR *store_block, **array;
	ULONG count;
	void *handle;
	status rc = sis_text_string(store, &store_block);

	if (failed(rc))
		return rc;
	rc = sis_text_array(files, &array, &count);
	if (!failed(rc))
		rc = handle_create(kind, pass, &handle);
	if (failed(rc)) {
		for (ULONG i = 0; i < count; i++)
			(void)alloc_free(ALLOC_SIS, array[i]);
		(void)alloc_free(ALLOC_SIS, array);
		(void)alloc_free(ALLOC_SIS, store_block);
		return rc;
	}
	*out->structure = handle;
	*out->store = store_block;
	*out->count = count;
	*out->files = array;
	return STATUS_OK;
}

static status create_backup(const char *root, const struct results *out)
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

static status create_restore(const char *root, const struct results *out)
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

static BOOL create(const char *function, const WCHAR *root,
	status (*begin)(const char *, const struct results *), const struct results *out)
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

BOOL WINAPI SisCreateBackupStructure(PWCHAR volumeRoot, PVOID *sisBackupStructure,
	PWCHAR *commonStoreRootPathname, PULONG countOfCommonStoreFilesToBackup,
	PWCHAR **commonStoreFilesToBackup)
{
	const struct results out = {sisBackupStructure, commonStoreRootPathname,
		countOfCommonStoreFilesToBackup, commonStoreFilesToBackup};

	return create(__func__, volumeRoot, create_backup, &out);
}

BOOL WINAPI SisCreateRestoreStructure(PWCHAR volumeRoot, PVOID *sisRestoreStructure,
	PWCHAR *commonStoreRootPathname, PULONG countOfCommonStoreFilesToRestore,
	PWCHAR **commonStoreFilesToRestore)
{
	const struct results out = {sisRestoreStructure, commonStoreRootPathname,
		countOfCommonStoreFilesToRestore, commonStoreFilesToRestore};

	return create(__func__, volumeRoot, create_restore, &out);
}

/* ---- links ---- */

static status check_link(
	const char *function, const void *data, const ULONG *count, PWCHAR *const *files)
{
	if (!data)
		return argument_invalid(function, "reparseData is NULL");
	if (!count)
		return argument_invalid(function, "the files' count is NULL");
	if (!files)
		return argument_invalid(function, "the files' array is NULL");
	return STATUS_OK;
}

static status backup_link(struct sis_backup *backup, const void *data, ULONG size,
	void *context, void **matching, ULONG *count, WCHAR ***files)
{
	char *path;
	status rc = sis_backup_link(backup, data, size, context, matching, &path);

	if (failed(rc) || !path)
		return rc;
	rc = sis_text_single(path, files, count);
	if (failed(rc))
		sis_backup_forget(backup);
	return rc;
}

BOOL WINAPI SisCSFilesToBackupForLink(PVOID sisBackupStructure, PVOID reparseData,
	ULONG reparseDataSize, PVOID thisFileContext, PVOID *matchingFileContext,
	PULONG countOfCommonStoreFilesToBackup, PWCHAR **commonStoreFilesToBackup)
{
	struct sis_backup *backup;
	void *matching = NULL;
	status rc;

	status_begin();
	if (matchingFileContext)
		*matchingFileContext = NULL;
	if (countOfCommonStoreFilesToBackup)
		*countOfCommonStoreFilesToBackup = 0;
	if (commonStoreFilesToBackup)
		*commonStoreFilesToBackup = NULL;
	rc = check_link(__func__, reparseData, countOfCommonStoreFilesToBackup,
		commonStoreFilesToBackup);
	if (failed(rc))
		return status_publish_win32(rc);
	/* The processor fetches it while it waits for the lock. */
	__builtin_prefetch(reparseData);
	__builtin_prefetch((const char *)reparseData + REPARSE_SIZE - 1);
	backup = handle_acquire(BACKUP_PASS, sisBackupStructure, NULL);
	if (!backup)
		return status_publish_win32(not_a_pass(sisBackupStructure, "backup"));
	rc = backup_link(backup, reparseData, reparseDataSize, thisFileContext, &matching,
		countOfCommonStoreFilesToBackup, commonStoreFilesToBackup);
	handle_release(sisBackupStructure);
	if (!failed(rc) && matchingFileContext)
		*matchingFileContext = matching;
	return status_publish_win32(rc);
}

static status restore_link(struct sis_restore *restore, const char *path,
	const void *data, ULONG size, ULONG *count, WCHAR ***files)
{
	char *store_file;
	status rc = sis_restore_link(restore, path, data, size, &store_file);

	if (failed(rc) || !store_file)
		return rc;
	rc = sis_text_single(store_file, files, count);
	if (failed(rc))
		sis_restore_forget(restore);
	return rc;
}

BOOL WINAPI SisRestoredLink(PVOID sisRestoreStructure, PWCHAR restoredFileName,
	PVOID reparseData, ULONG reparseDataSize, PULONG countOfCommonStoreFilesToRestore,
	PWCHAR **commonStoreFilesToRestore)
{
	struct sis_restore *restore;
	char *path = NULL;
	status rc;

	status_begin();
	if (countOfCommonStoreFilesToRestore)
		*countOfCommonStoreFilesToRestore = 0;
	if (commonStoreFilesToRestore)
		*commonStoreFilesToRestore = NULL;
	rc = restoredFileName
		     ? check_link(__func__, reparseData, countOfCommonStoreFilesToRestore,
			       commonStoreFilesToRestore)
		     : argument_invalid(__func__, "restoredFileName is NULL");
	if (!failed(rc))
		rc = sis_text_path(restoredFileName, &path);
	if (failed(rc))
		return status_publish_win32(rc);
	restore = handle_acquire(RESTORE_PASS, sisRestoreStructure, NULL);
	if (restore) {
		rc = restore_link(restore, path, reparseData, reparseDataSize,
			countOfCommonStoreFilesToRestore, commonStoreFilesToRestore);
		handle_release(sisRestoreStructure);
	} else {
		rc = not_a_pass(sisRestoreStructure, "restore");
	}
	free(path);
	return status_publish_win32(rc);
}

BOOL WINAPI SisRestoredCommonStoreFile(
	PVOID sisRestoreStructure, PWCHAR commonStoreFileName)
{
	struct sis_restore *restore;
	char *path = NULL;
	status rc;

	status_begin();
	rc = commonStoreFileName
		     ? sis_text_path(commonStoreFileName, &path)
		     : argument_invalid(__func__, "commonStoreFileName is NULL");
	if (failed(rc))
		return status_publish_win32(rc);
	restore = handle_acquire(RESTORE_PASS, sisRestoreStructure, NULL);
	if (restore) {
		rc = sis_restore_store_file(restore, path);
		handle_release(sisRestoreStructure);
	} else {
		rc = not_a_pass(sisRestoreStructure, "restore");
	}
	free(path);
	return status_publish_win32(rc);
}

/* ---- ending a pass ---- */

BOOL WINAPI SisFreeBackupStructure(PVOID sisBackupStructure)
{
	struct sis_backup *backup;

	status_begin();
	backup = handle_retire(BACKUP_PASS, sisBackupStructure, NULL);
	if (!backup)
		return status_publish_win32(not_a_pass(sisBackupStructure, "backup"));
	sis_backup_end(backup);
	return status_publish_win32(STATUS_OK);
}

BOOL WINAPI SisFreeRestoreStructure(PVOID sisRestoreStructure)
{
	struct sis_restore *restore;

	status_begin();
	restore = handle_retire(RESTORE_PASS, sisRestoreStructure, NULL);
	return status_publish_win32(restore ? sis_restore_end(restore)
					    : not_a_pass(sisRestoreStructure, "restore"));
}

VOID WINAPI SisFreeAllocatedMemory(PVOID allocatedSpace)
{
	(void)alloc_free(ALLOC_SIS, allocatedSpace);
}
