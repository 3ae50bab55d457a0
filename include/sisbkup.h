/*
 * sisbkup.h - backup and restore of volumes with single-instance storage
 *
 * Source compatible with the Windows header of this name: the same functions and function
 * types. Programs link with libbackupapi.
 *
 * CONCEPTS
 *
 * Link		A file whose content is kept once for many files. It has the full length,
 *		no data of its own, and a reparse point with the tag IO_REPARSE_TAG_SIS
 *		that names its common-store file. A link that was written to is a plain
 *		file again.
 * Reparse data	The whole reparse buffer as read from the link with
 *		backupapi_get_reparse_point(): tag (32 bits), length (16), reserved (16),
 *		data. A backup program saves and restores it without looking inside.
 * Common store	The directory `<volume>/SIS Common Store` with the shared contents,
 *		`<guid>.sis`, and some internal files. Names in reparse data are GUIDs,
 *		never paths: nothing in a reparse buffer makes the library touch a file
 *		outside the common store.
 * Volume root	The path of the volume's top directory without a trailing separator; L"/"
 *		and L"" are the root directory. It may lead through a symbolic link, which
 *		no path below it may.
 * Pass		From SisCreate...Structure to SisFree...Structure. During a backup pass no
 *		store file disappears, and each is named at most once, so that a backup of
 *		a thousand links holds the shared content once.
 *
 * BACKUP. SisCreateBackupStructure; save the internal files that it names. For each link
 * found: save its reparse data and attributes, not its content; ask
 * SisCSFilesToBackupForLink, and save the common-store file if it names one. Then
 * SisFreeBackupStructure.
 *
 * RESTORE. SisCreateRestoreStructure; restore the internal files that it names. For each
 * link: write it back (full length, no data, its reparse point), then SisRestoredLink,
 * and note the common-store files that it names. Restore each of those and tell
 * SisRestoredCommonStoreFile. Then SisFreeRestoreStructure, which resolves the links.
 *
 * TEXT. WCHAR is wchar_t (32 bits on Linux); with 16 bits (backupapi/types.h) it is
 * UTF-16. A byte of a path that is not UTF-8 travels as U+DC80 to U+DCFF, in UTF-16 a low
 * surrogate without a high one.
 *
 * MEMORY. The store's root, each string of a returned array, and the array itself belong
 * to the caller, who releases each with SisFreeAllocatedMemory() and nothing else. An
 * array with count 0 may be NULL. Out parameters are never read; on failure pointers are
 * NULL and counts 0.
 *
 * ERRORS. Functions return TRUE (not 0), or FALSE and set the thread's last error to a
 * plain Win32 code: backupapi_get_last_error(); backupapi_error_detail() names file and
 * reason. A call that succeeds leaves both alone. Errors that every function has and
 * that are not repeated below:
 *	ERROR_INVALID_PARAMETER		a required pointer is NULL
 *	ERROR_INVALID_HANDLE		not a live structure of this kind and process:
 *					NULL and garbage too
 *	ERROR_INVALID_NAME		a path that is not absolute, contains "..", or
 *					is not below the volume
 *	ERROR_INVALID_DATA		not a regular file
 *	ERROR_NOT_SAME_DEVICE		below the volume, but on another file system
 *	ERROR_NOT_ENOUGH_MEMORY
 *	ERROR_ACCESS_DENIED		file permissions, or a symbolic link in a restored
 *					path
 *	ERROR_NO_UNICODE_TRANSLATION	text given that is no Unicode: a character above
 *					U+10FFFF, or a surrogate alone (U+DC80 to U+DCFF
 *					are bytes of paths, see TEXT)
 *	ERROR_IO_DEVICE, ERROR_DISK_FULL and others, as the system reports them
 *
 * THREADS. Any function may be called from any thread. Calls on one structure wait for
 * each other. A structure belongs to the process that made it.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef __SISBKUP_H__
#define __SISBKUP_H__

#include <backupapi/errors.h>
#include <backupapi/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef VOID
#define VOID void
#endif

#ifndef IO_REPARSE_TAG_SIS
#define IO_REPARSE_TAG_SIS 0x80000007
#endif

/*
 * Begins a backup pass over a volume.
 *
 *	volumeRoot			the volume's top directory
 *	sisBackupStructure		receives the pass: SisFreeBackupStructure()
 *	commonStoreRootPathname		receives the full name of the common store's
 *					directory
 *	countOfCommonStoreFilesToBackup	receives the number of internal files to save
 *	commonStoreFilesToBackup	receives their full names
 *
 *	ERROR_PATH_NOT_FOUND	the volume has no common store
 */
BACKUPAPI_EXPORT BOOL BACKUPAPI_CALL SisCreateBackupStructure(PWCHAR volumeRoot,
	PVOID *sisBackupStructure, PWCHAR *commonStoreRootPathname,
	PULONG countOfCommonStoreFilesToBackup, PWCHAR **commonStoreFilesToBackup)
	BACKUPAPI_TEXT(SisCreateBackupStructure);

/*
 * Tells which common-store file to save for a link. For the first link to a common-store
 * file: its full name, count 1, and *matchingFileContext NULL. For later ones: count 0,
 * and the context that was passed with the first.
 *
 *	sisBackupStructure		the pass
 *	reparseData			the link's whole reparse buffer
 *	reparseDataSize			its size in bytes; more than header + length is
 *					fine
 *	thisFileContext			the caller's, kept and never dereferenced; may be
 *					NULL
 *	matchingFileContext		see above; may be NULL
 *	countOfCommonStoreFilesToBackup	receives 0 or 1
 *	commonStoreFilesToBackup	receives the full name, as an array
 *
 *	ERROR_REPARSE_TAG_MISMATCH	the tag is not IO_REPARSE_TAG_SIS
 *	ERROR_INVALID_REPARSE_DATA	short or inconsistent
 *	ERROR_FILE_NOT_FOUND		the common-store file is missing
 */
BACKUPAPI_EXPORT BOOL BACKUPAPI_CALL SisCSFilesToBackupForLink(PVOID sisBackupStructure,
	PVOID reparseData, ULONG reparseDataSize, PVOID thisFileContext,
	PVOID *matchingFileContext, PULONG countOfCommonStoreFilesToBackup,
	PWCHAR **commonStoreFilesToBackup) BACKUPAPI_TEXT(SisCSFilesToBackupForLink);

/* Ends a backup pass: common-store files may disappear again. The structure is gone
 * whatever is returned. */
BACKUPAPI_EXPORT BOOL BACKUPAPI_CALL SisFreeBackupStructure(PVOID sisBackupStructure);

/*
 * Begins a restore pass over a volume; creates the common store where there is none.
 *
 *	volumeRoot				the volume's top directory
 *	sisRestoreStructure			receives the pass:
 *						SisFreeRestoreStructure()
 *	commonStoreRootPathname			receives the common store's full name
 *	countOfCommonStoreFilesToRestore	receives the number of internal files to
 *						restore
 *	commonStoreFilesToRestore		receives their full names
 */
BACKUPAPI_EXPORT BOOL BACKUPAPI_CALL SisCreateRestoreStructure(PWCHAR volumeRoot,
	PVOID *sisRestoreStructure, PWCHAR *commonStoreRootPathname,
	PULONG countOfCommonStoreFilesToRestore, PWCHAR **commonStoreFilesToRestore)
	BACKUPAPI_TEXT(SisCreateRestoreStructure);

/*
 * To be called after the caller wrote a link back. Names the common-store files to
 * restore for it: each at most once a pass, and only those that are not on the volume
 * already with the right content.
 *
 *	sisRestoreStructure			the pass
 *	restoredFileName			the link's full name
 *	reparseData				its whole reparse buffer
 *	reparseDataSize				in bytes; more than header + length is
 *						fine
 *	countOfCommonStoreFilesToRestore	receives 0 or 1
 *	commonStoreFilesToRestore		receives the full name, as an array
 *
 *	ERROR_REPARSE_TAG_MISMATCH	the tag is not IO_REPARSE_TAG_SIS
 *	ERROR_INVALID_REPARSE_DATA	short or inconsistent
 *	ERROR_FILE_NOT_FOUND		no such link on the volume
 *	ERROR_CRC			it says something else about its common-store file
 *					(length, checksum) than the links before it
 */
BACKUPAPI_EXPORT BOOL BACKUPAPI_CALL SisRestoredLink(PVOID sisRestoreStructure,
	PWCHAR restoredFileName, PVOID reparseData, ULONG reparseDataSize,
	PULONG countOfCommonStoreFilesToRestore, PWCHAR **commonStoreFilesToRestore)
	BACKUPAPI_TEXT(SisRestoredLink);

/*
 * To be called after the caller wrote a common-store file, internal ones included. Checks
 * size and content against what the links recorded.
 *
 *	sisRestoreStructure	the pass
 *	commonStoreFileName	the file's full name, as it was named to the caller
 *
 *	ERROR_CRC		damaged; the links to it stay unresolved. Where a good one was
 *				there when this pass first named it, that is there again
 *				when the pass ends
 *	ERROR_FILE_NOT_FOUND	not there
 */
BACKUPAPI_EXPORT BOOL BACKUPAPI_CALL SisRestoredCommonStoreFile(PVOID sisRestoreStructure,
	PWCHAR commonStoreFileName) BACKUPAPI_TEXT(SisRestoredCommonStoreFile);

/*
 * Ends a restore pass: resolves all restored links, so that each reads as its
 * common-store content. This is work, not just a release: it can fail, and the structure
 * is gone then too. One link's failure does not keep the others from being resolved.
 *
 *	ERROR_FILE_NOT_FOUND	a common-store file was not restored, or was damaged
 *	ERROR_INVALID_DATA	a link has other data by now, and was left alone
 *	ERROR_DISK_FULL		links without room for their content are bare
 */
BACKUPAPI_EXPORT BOOL BACKUPAPI_CALL SisFreeRestoreStructure(PVOID sisRestoreStructure);

/*
 * Releases one block that a function of this header returned; NULL does nothing. Anything
 * that is not the start of a live block of this family is refused without touching the
 * memory behind it: the last error becomes ERROR_INVALID_BLOCK.
 */
BACKUPAPI_EXPORT VOID BACKUPAPI_CALL SisFreeAllocatedMemory(PVOID allocatedSpace);

/* Types for functions that are looked up at run time. Two have been odd since the first
 * Windows header and stay so: the spelling of PF_SISRESTOREDCOMMONSTORFILE, and the
 * result of PF_SISFREEALLOCATEDMEMORY, whose function returns nothing. */
typedef BOOL(BACKUPAPI_CALL *PF_SISCREATEBACKUPSTRUCTURE)(
	PWCHAR, PVOID *, PWCHAR *, PULONG, PWCHAR **);
typedef BOOL(BACKUPAPI_CALL *PF_SISCSFILESTOBACKUPFORLINK)(
	PVOID, PVOID, ULONG, PVOID, PVOID *, PULONG, PWCHAR **);
typedef BOOL(BACKUPAPI_CALL *PF_SISFREEBACKUPSTRUCTURE)(PVOID);
typedef BOOL(BACKUPAPI_CALL *PF_SISCREATERESTORESTRUCTURE)(
	PWCHAR, PVOID *, PWCHAR *, PULONG, PWCHAR **);
typedef BOOL(BACKUPAPI_CALL *PF_SISRESTOREDLINK)(
	PVOID, PWCHAR, PVOID, ULONG, PULONG, PWCHAR **);
typedef BOOL(BACKUPAPI_CALL *PF_SISRESTOREDCOMMONSTORFILE)(PVOID, PWCHAR);
typedef BOOL(BACKUPAPI_CALL *PF_SISFREERESTORESTRUCTURE)(PVOID);
typedef BOOL(BACKUPAPI_CALL *PF_SISFREEALLOCATEDMEMORY)(PVOID);

#ifdef __cplusplus
}
#endif
#endif
