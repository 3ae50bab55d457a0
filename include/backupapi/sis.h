/*
 * backupapi/sis.h - single-instance links: their reparse points and their care
 *
 * What Windows does through FSCTL_GET_REPARSE_POINT, FSCTL_SET_REPARSE_POINT and
 * FSCTL_QUERY_ALLOCATED_RANGES on a volume with single-instance storage, and what the
 * groveler service does there: finding duplicate files and making them links.
 *
 * A volume is a directory, as its absolute path without a trailing slash ("/" and "" are
 * the root); its common store is the directory "SIS Common Store" in it. Paths are UTF-8,
 * or whatever bytes the file system holds; a symbolic link is never followed in the part
 * of a path that is below the volume. Errors are HRESULT codes as int32_t; every failing
 * call sets the thread's last error and backupapi_error_detail(). Any thread may call any
 * function.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef BACKUPAPI_SIS_H
#define BACKUPAPI_SIS_H

#include <backupapi/backupapi.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The whole reparse buffer (tag u32, length u16, reserved u16, data) of the file PATH
 * itself, never of what it points to. *NEEDED is its size in bytes, also where SIZE is
 * too small (ERROR_INSUFFICIENT_BUFFER) or BUFFER is NULL with SIZE 0.
 *	ERROR_NOT_A_REPARSE_POINT	no reparse point, or one that is no longer, or
 *					never was, a link: written to since, or not
 *					vouched for
 *	ERROR_FILE_CORRUPT		a link that a restore pass was giving its content
 *					to when it was killed: it has a part of it, and
 *					must be restored again, not saved
 *	ERROR_FILE_NOT_FOUND, ERROR_ACCESS_DENIED, ERROR_INVALID_PARAMETER
 */
BACKUPAPI_EXPORT int32_t backupapi_get_reparse_point(
	const char *path, void *buffer, uint32_t size, uint32_t *needed);

/*
 * The same, judged against the common store of VOLUME and no other: for programs that feed
 * it to a backup structure of that volume. PATH is absolute and below VOLUME, or relative
 * to it. (backupapi_get_reparse_point looks for the volume: the closest directory above
 * PATH, on its file system, with a common store that is root's, else the outermost with
 * one.)
 *	ERROR_NOT_SAME_DEVICE		PATH is on another file system
 */
BACKUPAPI_EXPORT int32_t backupapi_sis_get_reparse_point(const char *volume,
	const char *path, void *buffer, uint32_t size, uint32_t *needed);

/*
 * The same for an open file, during a backup pass (what SisCreateBackupStructure gave),
 * against the store of that pass, which is open already: far less work per file, and what
 * is told is of this very file, whatever becomes of its name. FD is open for reading, or
 * with O_PATH; PATH is for messages.
 *	ERROR_NOT_A_REPARSE_POINT, ERROR_FILE_CORRUPT, ERROR_ACCESS_DENIED,
 *	ERROR_INVALID_PARAMETER
 *	ERROR_NOT_SAME_DEVICE		the file is on another file system
 *	ERROR_INVALID_HANDLE		not a live backup structure, or descriptor
 */
BACKUPAPI_EXPORT int32_t backupapi_sis_get_reparse_point_fd(void *sisBackupStructure,
	int fd, const char *path, void *buffer, uint32_t size, uint32_t *needed);

/*
 * Sets the reparse point of the regular file PATH, which becomes (or stays) a link once
 * a restore structure resolves it (SisRestoredLink, SisFreeRestoreStructure).
 *	ERROR_REPARSE_TAG_MISMATCH	not IO_REPARSE_TAG_SIS
 *	ERROR_INVALID_REPARSE_DATA	the data is damaged
 *	ERROR_NOT_SUPPORTED		the file system keeps no such attribute
 */
BACKUPAPI_EXPORT int32_t backupapi_set_reparse_point(
	const char *path, const void *buffer, uint32_t size);

/* Bytes of a file that hold data. */
struct backupapi_range {
	uint64_t offset;
	uint64_t length;
};

/*
 * The data ranges of the file PATH, ascending, holes left out; none for an intact link,
 * so that a tool which copies ranges does not write shared content once per link. At most
 * CAPACITY are stored; *COUNT is how many there are (call again with room for them;
 * RANGES may be NULL with CAPACITY 0).
 */
BACKUPAPI_EXPORT int32_t backupapi_get_allocated_ranges(const char *path,
	struct backupapi_range *ranges, uint32_t capacity, uint32_t *count);

/*
 * Makes a restore structure (SisCreateRestoreStructure) leave links bare when it is
 * freed: sparse files with a reparse point, where the file system cannot share extents
 * and the content would otherwise be put in place. ERROR_INVALID_HANDLE: not a live
 * restore structure.
 */
BACKUPAPI_EXPORT int32_t backupapi_sis_set_bare_links(
	void *sisRestoreStructure, int bare);

/* Bytes of "<guid>.sis" and its NUL. */
#define BACKUPAPI_SIS_STORE_NAME_SIZE 41

/*
 * SisRestoredLink for a link that the caller has open: FD, in any way (O_PATH), is the file
 * that was restored as PATH, which is absolute and below the volume, or relative to it.
 * Where PATH means another file, now or when the pass resolves its links, nothing is done
 * to that. BUFFER is the whole reparse buffer. STORE_FILE receives the name of the file in
 * the common store that is to be restored, or the empty string: none.
 *	ERROR_SHARING_VIOLATION		PATH is not the file that FD is open on
 *	ERROR_INVALID_REPARSE_DATA	BUFFER is damaged, or its link index is above 2^62,
 *					which no counting reaches
 *	ERROR_INVALID_HANDLE		not a live restore structure, or descriptor
 *	and those of SisRestoredLink
 */
BACKUPAPI_EXPORT int32_t backupapi_sis_restored_link_fd(void *sisRestoreStructure, int fd,
	const char *path, const void *buffer, uint32_t size,
	char store_file[BACKUPAPI_SIS_STORE_NAME_SIZE]);

/* ---- care of the common store ---- */

#define BACKUPAPI_SIS_SCANNING  1u /* path: directory being read */
#define BACKUPAPI_SIS_DUPLICATE 2u /* path has the same content as other */
#define BACKUPAPI_SIS_LINKED    3u /* path became a link; other: the store file */
#define BACKUPAPI_SIS_UNLINKED  4u /* path is a plain file again */
#define BACKUPAPI_SIS_SKIPPED   5u /* path was left alone: reason */
#define BACKUPAPI_SIS_DAMAGED   6u /* check: path is wrong: reason */
#define BACKUPAPI_SIS_ORPHANED  7u /* check, gc: no link needs the store file path */
#define BACKUPAPI_SIS_REMOVED   8u /* gc: path was removed */
#define BACKUPAPI_SIS_PROGRESS  9u /* done_bytes moved on */

struct backupapi_sis_event {
	uint32_t kind;
	const char *path;
	const char *other;                /* NULL where there is none */
	const char *reason;               /* NULL where there is none */
	uint64_t bytes;                   /* of the file */
	uint64_t done_bytes, total_bytes; /* of the whole work; total 0: not known yet */
};

/* Called in the thread that called the function. Nonzero ends the work cleanly, which
 * then fails with ERROR_CANCELLED. */
typedef int (*backupapi_sis_callback)(
	void *context, const struct backupapi_sis_event *event);

/* What was found or done. */
struct backupapi_sis_summary {
	uint64_t files;       /* regular files looked at, hard links counted once */
	uint64_t links;       /* intact links among them */
	uint64_t duplicates;  /* files whose content another one has */
	uint64_t bytes;       /* in all of them */
	uint64_t saved_bytes; /* that linking saves, or did save */
	uint64_t store_files; /* in the common store */
	uint64_t changed;     /* linked, unlinked, or removed */
	uint64_t skipped;     /* could not be read, or changed meanwhile */
	uint64_t damaged;
	uint64_t orphaned;
};

/*
 * Finds files with the same content: by size, then by a fast hash, then by comparing the
 * bytes. Changes nothing. MINIMUM: smaller files are left out (bytes).
 */
BACKUPAPI_EXPORT int32_t backupapi_sis_scan(const char *volume, uint64_t minimum,
	backupapi_sis_callback callback, void *context,
	struct backupapi_sis_summary *summary);

/*
 * Makes the duplicates that a scan finds single-instance links. A file's content is in
 * the store, synced and compared, before the file is replaced, in one step that keeps
 * owner, mode, times, attributes and ACLs; a file that changes meanwhile is left alone.
 *	ERROR_NOT_SUPPORTED	the file system cannot share extents
 *	ERROR_INVALID_STATE	no link indexes are left: MaxIndex is at its end
 */
BACKUPAPI_EXPORT int32_t backupapi_sis_link(const char *volume, uint64_t minimum,
	backupapi_sis_callback callback, void *context,
	struct backupapi_sis_summary *summary);

/* Turns the link PATH back into a plain file with its content.
 * ERROR_NOT_A_REPARSE_POINT: it is none; ERROR_FILE_CORRUPT: it has only a part of its
 * content, since a restore of it was killed. */
BACKUPAPI_EXPORT int32_t backupapi_sis_unlink(const char *volume, const char *path);

/* The fields of a link. */
struct backupapi_sis_link_info {
	char guid[37]; /* of the common-store file, lower case, without braces */
	uint32_t version;
	uint64_t link_index;
	uint64_t link_file_id;
	uint64_t store_file_id;
	uint64_t content_checksum;
	uint64_t size;
	uint32_t intact;     /* 1: reads as its store file */
	uint32_t vouched;    /* 1: made by root, or by the store's owner */
	uint32_t store_file; /* 1: is there */
	uint32_t made_here;  /* 1: the mark of this library; 0: Windows made it */
};

/* Also for links that are damaged, written to, or not vouched for. */
BACKUPAPI_EXPORT int32_t backupapi_sis_show(
	const char *volume, const char *path, struct backupapi_sis_link_info *info);

/*
 * Verifies a volume: every link has its store file, every store file has the content that
 * is recorded for it, and a link that needs it, no link was left half restored, and
 * MaxIndex is above every link's index and leaves others.
 * S_OK with summary->damaged and summary->orphaned 0 when all is well; ERROR_CRC when
 * anything is damaged (all of it is reported first).
 */
BACKUPAPI_EXPORT int32_t backupapi_sis_check(const char *volume,
	backupapi_sis_callback callback, void *context,
	struct backupapi_sis_summary *summary);

/* Removes the store files that no link needs. Waits for nobody: ERROR_BUSY while a backup
 * or restore pass, or another run, uses the store. DRY_RUN nonzero: only reports. A
 * volume that cannot be read in full fails, and nothing is removed: ERROR_NOT_SAME_DEVICE
 * where something is mounted below it. Two walks must agree that nothing needs a file;
 * between them it is called <guid>.gone, and comes back if it is asked for. */
BACKUPAPI_EXPORT int32_t backupapi_sis_gc(const char *volume, int dry_run,
	backupapi_sis_callback callback, void *context,
	struct backupapi_sis_summary *summary);

#ifdef __cplusplus
}
#endif

#endif
