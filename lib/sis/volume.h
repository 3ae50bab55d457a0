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

/* The volume that holds the file PATH: the closest directory above it with a common store,
 * on the same file system; ERROR_PATH_NOT_FOUND where there is none. */
status volume_of(const char *path, struct volume **volume);

/* PATH is absolute and below the volume, or relative to it. Opens its directory; *NAME
 * points into PATH. Other file systems mounted below are not entered. */
status volume_open_parent(
	const struct volume *volume, const char *path, int *dirfd, const char **name);

/* The raw attribute of the file NAME in DIRFD, whatever it says: ERROR_NOT_A_REPARSE_POINT
 * where it has none. *SIZE is what there is, also where it is more than CAPACITY. */
status volume_get_reparse(const struct volume *volume, int dirfd, const char *name,
	void *buffer, size_t capacity, size_t *size);
status volume_set_reparse(const struct volume *volume, int dirfd, const char *name,
	const void *buffer, size_t size);
status volume_remove_reparse(const struct volume *volume, int dirfd, const char *name);

#endif
