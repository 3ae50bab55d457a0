/*
 * file_step.h - the system calls that change the disk, each announced to file_step_hook
 *
 * For file*.c and the few others that must create a file in their own way.  Each
 * function is its system call, with the same result and errno, EINTR retried.
 */
#ifndef BASE_FILE_STEP_H
#define BASE_FILE_STEP_H

#include <limits.h>
#include <sys/types.h>
#include <time.h>

#include "base/status.h"

/* A new file: O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC are added to FLAGS. */
int step_create(int dirfd, const char *name, int flags, mode_t mode);
ssize_t step_write(int fd, const void *data, size_t size);
ssize_t step_pwrite(int fd, const void *data, size_t size, off_t offset);
ssize_t step_copy_range(int from, int to, off_t offset, size_t size);
int step_share(int fd, int source); /* FICLONE: FD's content becomes SOURCE's */
/* FIDEDUPERANGE: up to SIZE bytes of FD at OFFSET come to share SOURCE's extents if they
 * are equal, which the kernel checks with both files locked. How many do now; -1 with
 * EILSEQ where they differ. FD need not be open for writing. */
ssize_t step_share_equal(int fd, int source, off_t offset, size_t size);
int step_truncate(int fd, off_t size);
int step_sync(int fd);
int step_sync_all(int fd); /* FD's whole file system */
int step_sync_dir(int fd); /* a file system that cannot sync directories: 0 */
int step_rename(int from_dirfd, const char *from, int to_dirfd, const char *to);
int step_rename_new(int from_dirfd, const char *from, int to_dirfd, const char *to);
int step_unlink(int dirfd, const char *name);
int step_rmdir(int dirfd, const char *name);
int step_mkdir(int dirfd, const char *name, mode_t mode);
int step_chmod(int fd, mode_t mode);
int step_chmod_at(int dirfd, const char *name, mode_t mode); /* not through a link */
int step_chown(int fd, uid_t uid, gid_t gid);
int step_times(int fd, const struct timespec times[2]);
int step_set_attribute(int fd, const char *attribute, const void *value, size_t size);
int step_remove_attribute(int fd, const char *attribute);
/* By name, not through a link, for files that cannot be opened; needs /proc. */
int step_set_attribute_at(int dirfd, const char *name, const char *attribute,
	const void *value, size_t size);
int step_remove_attribute_at(int dirfd, const char *name, const char *attribute);

/* "/proc/self/fd/DIRFD/NAME": for calls that take no directory descriptor. -1 where NAME
 * is too long. */
int step_proc_path(int dirfd, const char *name, char path[PATH_MAX]);

/* Failures that name DIRFD's directory too: "/dir/name: reason". */
status step_errno(int err, int dirfd, const char *name);
status step_fail(status code, int dirfd, const char *name, const char *reason);

#endif
