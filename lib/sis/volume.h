/*
 * volume.h - a volume and the files below it, reached without following symbolic links
 *
 * The caller names the volume, and may do so through a symbolic link; below it every
 * component is opened with O_NOFOLLOW, relative to the one before, and ".." is refused.
 */
#ifndef SIS_VOLUME_H
#define SIS_VOLUME_H

#include <sys/stat.h>

#include "base/status.h"

enum volume_kind {
	VOLUME_POSIX, /* reparse points in user.ntfs_reparse_data on sparse regular files */
	VOLUME_NTFS, /* ntfs-3g: in system.ntfs_reparse_data */
};

struct volume {
	char *root; /* absolute, without a trailing slash: "" for the root directory */
	int fd;
	dev_t device;
	enum volume_kind kind;
};

/* ROOT: a directory; "" and "/" are the root. ERROR_PATH_NOT_FOUND where it is none. */
status volume_open(const char *root, struct volume **volume);
void volume_close(struct volume *volume); /* NULL is fine */

/* The directory DIRFD itself, which stays the caller's and whose path is ROOT. */
status volume_open_at(int dirfd, const char *root, struct volume **volume);

/* The volume that holds the file PATH: of the directories above it with a common store,
 * on the same file system, the closest whose store is root's, else the outermost: a
 * user's own store below another's volume means nothing. ERROR_PATH_NOT_FOUND where there
 * is none; ERROR_ACCESS_DENIED where a symbolic link below the volume leads to PATH. */
status volume_of(const char *path, struct volume **volume);

/* PATH is absolute and below the volume, or relative to it. Opens its directory; *NAME
 * points into PATH. Other file systems mounted below are not entered. */
status volume_open_parent(
	const struct volume *volume, const char *path, int *dirfd, const char **name);

/* openat, with the same result and errno, for reading or writing a regular file: nothing
 * that blocks is opened, but a lease on the file is waited for. */
int volume_open_regular(int dirfd, const char *name, int flags);

/* The same for the regular file that FD is open on, in whatever way (O_PATH). */
int volume_open_again(int fd, int flags);

/* The raw attribute of the file NAME in DIRFD, whatever it says:
 * ERROR_NOT_A_REPARSE_POINT where it has none. *SIZE is what there is, also where it is
 * more than CAPACITY. */
status volume_get_reparse(const struct volume *volume, int dirfd, const char *name,
	void *buffer, size_t capacity, size_t *size);
status volume_set_reparse(const struct volume *volume, int dirfd, const char *name,
	const void *buffer, size_t size);
status volume_remove_reparse(const struct volume *volume, int dirfd, const char *name);

/* The same for what FD is open on, in whatever way (O_PATH), symbolic links included. */
status volume_get_reparse_open(const struct volume *volume, int fd, const char *path,
	void *buffer, size_t capacity, size_t *size);

/* And for the file FD that is open for reading or writing, not on NTFS. */
status volume_get_reparse_of(
	int fd, const char *path, void *buffer, size_t capacity, size_t *size);
status volume_set_reparse_of(int fd, const char *path, const void *buffer, size_t size);

#endif
