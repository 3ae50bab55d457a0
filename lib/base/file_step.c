/*
 * A step is announced as done only when it succeeded: what failed changed nothing that
 * a test could want to undo.
 */
#include "base/file_step.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"

void (*file_step_hook)(const struct file_event *event);

/* A descriptor itself, or a name in a directory. */
static struct file_event on(enum file_step step, int dirfd, const char *name)
{
	return (struct file_event){
		.step = step, .dirfd = dirfd, .name = name, .to_dirfd = -1};
}

static void announce(struct file_event event)
{
	if (file_step_hook)
		file_step_hook(&event);
}

static ssize_t announce_done(struct file_event event, ssize_t result)
{
	if (result >= 0 && file_step_hook) {
		event.done = 1;
		file_step_hook(&event);
	}
	return result;
}

int step_create(int dirfd, const char *name, int flags, mode_t mode)
{
	const struct file_event event = on(FILE_CREATE, dirfd, name);
	int fd;

	announce(event);
	do
		fd = openat(dirfd, name,
			flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	while (fd < 0 && errno == EINTR);
	return (int)announce_done(event, fd);
}

ssize_t step_write(int fd, const void *data, size_t size)
{
	const struct file_event event = on(FILE_WRITE, fd, NULL);
	ssize_t written;

	announce(event);
	do
		written = write(fd, data, size);
	while (written < 0 && errno == EINTR);
	return announce_done(event, written);
}

ssize_t step_pwrite(int fd, const void *data, size_t size, off_t offset)
{
	const struct file_event event = on(FILE_WRITE, fd, NULL);
	ssize_t written;

	announce(event);
	do
		written = pwrite(fd, data, size, offset);
	while (written < 0 && errno == EINTR);
	return announce_done(event, written);
}

ssize_t step_copy_range(int from, int to, off_t offset, size_t size)
{
	const struct file_event event = on(FILE_WRITE, to, NULL);
	ssize_t copied;

	announce(event);
	do {
		off_t in = offset, out = offset;

		copied = copy_file_range(from, &in, to, &out, size, 0);
	} while (copied < 0 && errno == EINTR);
	return announce_done(event, copied);
}

int step_share(int fd, int source)
{
	const struct file_event event = on(FILE_WRITE, fd, NULL);
	int result;

	announce(event);
	do
		result = ioctl(fd, FICLONE, source);
	while (result < 0 && errno == EINTR);
	return (int)announce_done(event, result);
}

/* One attempt. */
static ssize_t share_equal(int fd, int source, off_t offset, size_t size)
{
	union {
		struct file_dedupe_range range;
		uint8_t room[sizeof(struct file_dedupe_range) +
			     sizeof(struct file_dedupe_range_info)];
	} call = {.room = {0}};
	struct file_dedupe_range_info *info = call.range.info;

	call.range.src_offset = (uint64_t)offset;
	call.range.src_length = size;
	call.range.dest_count = 1;
	info->dest_fd = fd;
	info->dest_offset = (uint64_t)offset;
	if (ioctl(source, FIDEDUPERANGE, &call.range))
		return -1;
	if (info->status == FILE_DEDUPE_RANGE_SAME)
		return (ssize_t)info->bytes_deduped;
	errno = info->status < 0 ? -info->status : EILSEQ;
	return -1;
}

ssize_t step_share_equal(int fd, int source, off_t offset, size_t size)
{
	const struct file_event event = on(FILE_WRITE, fd, NULL);
	ssize_t shared;

	announce(event);
	do
		shared = share_equal(fd, source, offset, size);
	while (shared < 0 && errno == EINTR);
	return announce_done(event, shared);
}

int step_truncate(int fd, off_t size)
{
	const struct file_event event = on(FILE_WRITE, fd, NULL);
	int result;

	announce(event);
	do
		result = ftruncate(fd, size);
	while (result < 0 && errno == EINTR);
	return (int)announce_done(event, result);
}

static int sync_retrying(int fd)
{
	int result;

	do
		result = fsync(fd);
	while (result < 0 && errno == EINTR);
	return result;
}

int step_sync(int fd)
{
	const struct file_event event = on(FILE_SYNC, fd, NULL);

	announce(event);
	return (int)announce_done(event, sync_retrying(fd));
}

int step_sync_all(int fd)
{
	const struct file_event event = on(FILE_SYNC, fd, NULL);
	int result;

	announce(event);
	do
		result = syncfs(fd);
	while (result < 0 && errno == EINTR);
	return (int)announce_done(event, result);
}

int step_sync_dir(int fd)
{
	const struct file_event event = on(FILE_SYNC_DIR, fd, NULL);
	int result;

	announce(event);
	result = sync_retrying(fd);
	if (result < 0 && (errno == EINVAL || errno == EROFS))
		result = 0;
	return (int)announce_done(event, result);
}

static struct file_event renaming(
	int from_dirfd, const char *from, int to_dirfd, const char *to)
{
	struct file_event event = on(FILE_RENAME, from_dirfd, from);

	event.to_dirfd = to_dirfd;
	event.to = to;
	return event;
}

int step_rename(int from_dirfd, const char *from, int to_dirfd, const char *to)
{
	const struct file_event event = renaming(from_dirfd, from, to_dirfd, to);

	announce(event);
	return (int)announce_done(event, renameat(from_dirfd, from, to_dirfd, to));
}

/* Where the file system knows no RENAME_NOREPLACE, looking first is what is left: still
 * one step at a crash, which link and unlink would not be. The store's lock keeps others
 * of this library away in between. */
static int look_and_rename(int from_dirfd, const char *from, int to_dirfd, const char *to)
{
	struct stat st;

	if (fstatat(to_dirfd, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return errno == ENOENT ? renameat(from_dirfd, from, to_dirfd, to) : -1;
}

int step_rename_new(int from_dirfd, const char *from, int to_dirfd, const char *to)
{
	const struct file_event event = renaming(from_dirfd, from, to_dirfd, to);
	int result;

	announce(event);
	result = renameat2(from_dirfd, from, to_dirfd, to, RENAME_NOREPLACE);
	if (result < 0 && (errno == EINVAL || errno == ENOSYS))
		result = look_and_rename(from_dirfd, from, to_dirfd, to);
	return (int)announce_done(event, result);
}

int step_unlink(int dirfd, const char *name)
{
	const struct file_event event = on(FILE_UNLINK, dirfd, name);

	announce(event);
	return (int)announce_done(event, unlinkat(dirfd, name, 0));
}

int step_rmdir(int dirfd, const char *name)
{
	const struct file_event event = on(FILE_RMDIR, dirfd, name);

	announce(event);
	return (int)announce_done(event, unlinkat(dirfd, name, AT_REMOVEDIR));
}

int step_mkdir(int dirfd, const char *name, mode_t mode)
{
	const struct file_event event = on(FILE_MKDIR, dirfd, name);

	announce(event);
	return (int)announce_done(event, mkdirat(dirfd, name, mode));
}

int step_chmod(int fd, mode_t mode)
{
	const struct file_event event = on(FILE_ATTR, fd, NULL);

	announce(event);
	return (int)announce_done(event, fchmod(fd, mode));
}

int step_chmod_at(int dirfd, const char *name, mode_t mode)
{
	const struct file_event event = on(FILE_ATTR, dirfd, name);

	announce(event);
	return (int)announce_done(
		event, fchmodat(dirfd, name, mode, AT_SYMLINK_NOFOLLOW));
}

int step_chown(int fd, uid_t uid, gid_t gid)
{
	const struct file_event event = on(FILE_ATTR, fd, NULL);

	announce(event);
	return (int)announce_done(event, fchown(fd, uid, gid));
}

int step_times(int fd, const struct timespec times[2])
{
	const struct file_event event = on(FILE_ATTR, fd, NULL);

	announce(event);
	return (int)announce_done(event, futimens(fd, times));
}

int step_set_attribute(int fd, const char *attribute, const void *value, size_t size)
{
	const struct file_event event = on(FILE_ATTR, fd, NULL);

	announce(event);
	return (int)announce_done(event, fsetxattr(fd, attribute, value, size, 0));
}

int step_remove_attribute(int fd, const char *attribute)
{
	const struct file_event event = on(FILE_ATTR, fd, NULL);

	announce(event);
	return (int)announce_done(event, fremovexattr(fd, attribute));
}

int step_proc_path(int dirfd, const char *name, char path[PATH_MAX])
{
	int length = snprintf(path, PATH_MAX, "/proc/self/fd/%d/%s", dirfd, name);

	if (length > 0 && length < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

int step_set_attribute_at(int dirfd, const char *name, const char *attribute,
	const void *value, size_t size)
{
	const struct file_event event = on(FILE_ATTR, dirfd, name);
	char path[PATH_MAX];

	if (step_proc_path(dirfd, name, path))
		return -1;
	announce(event);
	return (int)announce_done(event, lsetxattr(path, attribute, value, size, 0));
}

int step_remove_attribute_at(int dirfd, const char *name, const char *attribute)
{
	const struct file_event event = on(FILE_ATTR, dirfd, name);
	char path[PATH_MAX];

	if (step_proc_path(dirfd, name, path))
		return -1;
	announce(event);
	return (int)announce_done(event, lremovexattr(path, attribute));
}

/* The directory behind DIRFD as /proc knows it, with a slash at its end; "" where it is
 * not to be had. */
static void directory_prefix(int dirfd, char prefix[PATH_MAX + 1])
{
	char link[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	ssize_t length;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
	length = readlink(link, prefix, PATH_MAX - 1);
	if (length < 0)
		length = 0;
	if (length > 0 && prefix[length - 1] != '/')
		prefix[length++] = '/';
	prefix[length] = '\0';
}

status step_errno(int err, int dirfd, const char *name)
{
	char prefix[PATH_MAX + 1] = "";

	if (err == ELOOP)
		return step_fail(STATUS_WIN32(ERROR_ACCESS_DENIED), dirfd, name,
			"is a symbolic link");
	if (name[0] != '/')
		directory_prefix(dirfd, prefix);
	return status_errno(err, "%s%s", prefix, name);
}

status step_fail(status code, int dirfd, const char *name, const char *reason)
{
	char prefix[PATH_MAX + 1] = "";

	if (name[0] != '/')
		directory_prefix(dirfd, prefix);
	return status_fail(code, "%s%s: %s", prefix, name, reason);
}
