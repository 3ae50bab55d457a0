/* The Sis functions with WCHAR text. Compiled twice, for either width of WCHAR: the labels
 * in sisbkup.h give the second set of definitions its own symbols. */
#include <sisbkup.h>

#include "api/sisbkup_calls.h"

/* ---- beginning a pass ---- */

BOOL BACKUPAPI_CALL SisCreateBackupStructure(PWCHAR volumeRoot, PVOID *sisBackupStructure,
	PWCHAR *commonStoreRootPathname, PULONG countOfCommonStoreFilesToBackup,
	PWCHAR **commonStoreFilesToBackup)
{
	const struct sisbkup_results out = {sisBackupStructure, commonStoreRootPathname,
		{WCHAR_FORM, countOfCommonStoreFilesToBackup, commonStoreFilesToBackup}};

	return sisbkup_create_backup(__func__, given_wide(volumeRoot), &out);
}

BOOL BACKUPAPI_CALL SisCreateRestoreStructure(PWCHAR volumeRoot,
	PVOID *sisRestoreStructure, PWCHAR *commonStoreRootPathname,
	PULONG countOfCommonStoreFilesToRestore, PWCHAR **commonStoreFilesToRestore)
{
	const struct sisbkup_results out = {sisRestoreStructure, commonStoreRootPathname,
		{WCHAR_FORM, countOfCommonStoreFilesToRestore,
			commonStoreFilesToRestore}};

	return sisbkup_create_restore(__func__, given_wide(volumeRoot), &out);
}

/* ---- links ---- */

BOOL BACKUPAPI_CALL SisCSFilesToBackupForLink(PVOID sisBackupStructure, PVOID reparseData,
	ULONG reparseDataSize, PVOID thisFileContext, PVOID *matchingFileContext,
	PULONG countOfCommonStoreFilesToBackup, PWCHAR **commonStoreFilesToBackup)
{
	const struct sisbkup_reparse reparse = {reparseData, reparseDataSize};
	const struct sisbkup_files out = {
		WCHAR_FORM, countOfCommonStoreFilesToBackup, commonStoreFilesToBackup};

	return sisbkup_backup_link(__func__, sisBackupStructure, reparse, thisFileContext,
		matchingFileContext, &out);
}

BOOL BACKUPAPI_CALL SisRestoredLink(PVOID sisRestoreStructure, PWCHAR restoredFileName,
	PVOID reparseData, ULONG reparseDataSize, PULONG countOfCommonStoreFilesToRestore,
	PWCHAR **commonStoreFilesToRestore)
{
	const struct sisbkup_reparse reparse = {reparseData, reparseDataSize};
	const struct sisbkup_files out = {
		WCHAR_FORM, countOfCommonStoreFilesToRestore, commonStoreFilesToRestore};

	return sisbkup_restored_link(__func__, sisRestoreStructure,
		given_wide(restoredFileName), reparse, &out);
}

BOOL BACKUPAPI_CALL SisRestoredCommonStoreFile(
	PVOID sisRestoreStructure, PWCHAR commonStoreFileName)
{
	return sisbkup_restored_store_file(
		__func__, sisRestoreStructure, given_wide(commonStoreFileName));
}
