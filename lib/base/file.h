/*
 * file.h - files that survive a crash at any instruction
 *
 * All changes that the library makes to a disk go through this file (the engines'
 * own libraries apart), so that the fault tests can stop ahead of each of them, or
 * drop what was not yet synced.  Paths are absolute; directories are reached without
 * following symbolic links where a function says so.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/status.h"

/* ---- the hook of the fault tests ---- */

enum file_step {
	FILE_CREATE,
	FILE_WRITE,
	FILE_SYNC,     /* a file's content */
	FILE_SYNC_DIR, /* a directory's entries */
	FILE_RENAME,
	FILE_UNLINK,
	FILE_MKDIR,
	FILE_RMDIR,
	FILE_ATTR /* owner, mode or times */
};

/* NULL outside tests. Called ahead of each step with done = 0 (it may end the process)
 * and after it succeeded with done = 1. DIRFD and NAME say on what (NAME is NULL where
 * the descriptor itself is meant), TO where a rename goes. */
struct file_event {
	enum file_step step;
	int done;
	int dirfd;
	const char *name;
	int to_dirfd;
	const char *to;
};
extern void (*file_step_hook)(const struct file_event *event);

/* ---- directories ---- */

/* How far symbolic links are followed. With the rights of the calling thread in any case,
 * also while it acts as another user (identity.h). */
enum file_walk {
	FILE_TRUSTED,	/* by root: links that belong to root alone, another user's is
			 * ERROR_ACCESS_DENIED; by others: all, as open does */
	FILE_NO_SYMLINK /* a symbolic link anywhere in the path is ERROR_ACCESS_DENIED */
};

/* Opens the directory PATH (O_DIRECTORY | O_CLOEXEC). */
status file_open_dir(const char *path, enum file_walk walk, int *fd);

/* Opens the regular file PATH (which may be relative) for reading, its last component
 * judged like the others. Never blocks on a FIFO, takes no terminal; what is not a regular
 * file is ERROR_INVALID_DATA. *ST is the open file's; *FD is -1 on failure. */
status file_open_regular(
	const char *path, enum file_walk walk, int *fd, struct stat *st);

/* Opens the directory RELATIVE ("" is DIRFD's own) below DIRFD, FILE_NO_SYMLINK and
 * without ".."; PATH is for messages. */
status file_open_dir_below(int dirfd, const char *relative, const char *path, int *fd);

/* Opens the directory that holds PATH; *NAME points at its last component, inside PATH.
 * ERROR_INVALID_NAME where PATH has none ("/"). */
status file_open_parent(const char *path, enum file_walk walk, int *dirfd, const char **name);

/* Adds the names of all entries of DIRFD but "." and "..", and sorts NAMES: the directory
 * may be changed while the list is worked through. One that was removed has none. PATH is
 * for messages. */
struct names;
status file_list_dir(int dirfd, const char *path, struct names *names);

/* Creates PATH and what is missing above it, durably. MODE is for the last one, 0755 for
 * those above. Existing directories are fine. */
status file_make_dirs(const char *path, mode_t mode);
status file_make_dir_at(int dirfd, const char *name, mode_t mode); /* existing: fine */

status file_sync_dir(int dirfd, const char *path_for_messages);

/* ---- whole small files ---- */

/* Reads a regular file of at most LIMIT bytes; *DATA (free()) has a NUL behind it.
 * Never blocks on a FIFO, refuses what is not a regular file (ERROR_INVALID_DATA), and
 * a symbolic link as last component (ERROR_ACCESS_DENIED). ST may be NULL. */
status file_read_at(int dirfd, const char *name, size_t limit, char **data, size_t *size,
	struct stat *st);

/* Replaces NAME in one durable step: a temporary name in the same directory, write,
 * fsync, rename, fsync of the directory. On failure the old file is as it was and no
 * temporary name is left. */
status file_replace_at(int dirfd, const char *name, const void *data, size_t size,
	mode_t mode);

/* Durable; a missing file is no error. */
status file_remove_at(int dirfd, const char *name);

/* ---- moving ---- */

/* Renames FROM to TO; existing TO: ERROR_ALREADY_EXISTS. Across file systems: copies to a
 * temporary name with owner, mode, times, ACLs and extended attributes, syncs, renames,
 * then removes FROM. Durable when it returns. Regular files only across file systems
 * (ERROR_NOT_SAME_DEVICE); there a move that was cut off is finished when asked for again:
 * a TO that is FROM's complete copy is none too many. */
status file_move_at(int from_dirfd, const char *from, int to_dirfd, const char *to);

/* The same for many files: durable once the caller synced both directories, TO's first. */
status file_move_unsynced_at(int from_dirfd, const char *from, int to_dirfd, const char *to);

/* ---- descriptors ---- */

/* fsync of the regular file at PATH. */
status file_sync_path(const char *path);

/* An unlinked file in DIR, mode 0600, for spools. */
status file_open_unlinked(const char *dir, int *fd);
status file_open_unlinked_at(int dirfd, const char *path_for_messages, int *fd);

/* All SIZE bytes, or an error; EINTR is retried. */
status file_write_all(int fd, const void *data, size_t size, const char *path_for_messages);

/* Up to SIZE bytes at OFFSET, short only at the end of the file. */
status file_pread(int fd, void *buffer, size_t size, uint64_t offset, size_t *got,
	const char *path_for_messages);

#endif
