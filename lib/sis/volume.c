/*
 * Attributes are reached by name, through /proc/self/fd/DIRECTORY/NAME: on NTFS a link
 * shows as a symbolic link that nothing can open.
 */
#include "sis/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_step.h"

#define FUSE_MAGIC 0x65735546
#define IS_NTFS    "system.ntfs_attrib" /* every file that ntfs-3g shows has it */

/* ---- opening ---- */

/* ROOT without doubled and trailing slashes. */
static char *normal_root(const char *root)
{
	char *normal = malloc(strlen(root) + 1), *out = normal;

	if (!normal)
		return NULL;
	for (; *root; root++)
		if (*root != '/' || (root[1] != '/' && root[1] != '\0'))
			*out++ = *root;
	*out = '\0';
	return normal;
}

static enum volume_kind kind_of(int fd)
{
	uint8_t attributes[8];
	struct statfs fs;

	if (fstatfs(fd, &fs) == 0 && (unsigned long)fs.f_type == FUSE_MAGIC &&
		fgetxattr(fd, IS_NTFS, attributes, sizeof(attributes)) == 4)
		return VOLUME_NTFS;
	return VOLUME_POSIX;
}

static status describe(struct volume *volume)
{
	struct stat st;

	if (fstat(volume->fd, &st))
		return status_errno(errno, "%s/", volume->root);
	volume->device = st.st_dev;
	volume->kind = kind_of(volume->fd);
	return STATUS_OK;
}

static status open_root(int dirfd, struct volume *volume)
{
	const char *path = *volume->root ? volume->root : "/";
	status rc = STATUS_OK;

	if (dirfd < 0) {
		rc = file_open_dir(path, FILE_TRUSTED, &volume->fd);
	} else {
		volume->fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (volume->fd < 0)
			return status_errno(errno, "%s", path);
	}
	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		return status_fail(STATUS_WIN32(ERROR_PATH_NOT_FOUND),
			"%s: there is no such directory", path);
	return failed(rc) ? rc : describe(volume);
}

status volume_open_at(int dirfd, const char *root, struct volume **volume)
{
	struct volume *v = calloc(1, sizeof(*v));
	status rc;

	*volume = NULL;
	if (!v)
		return status_no_memory();
	v->fd = -1;
	v->root = normal_root(root);
	rc = v->root ? open_root(dirfd, v) : status_no_memory();
	if (failed(rc))
		volume_close(v);
	else
		*volume = v;
	return rc;
}

status volume_open(const char *root, struct volume **volume)
{
	return volume_open_at(-1, root, volume);
}

void volume_close(struct volume *volume)
{
	if (!volume)
		return;
	if (volume->fd >= 0)
		(void)close(volume->fd);
	free(volume->root);
	free(volume);
}

/* ---- below the volume ---- */

/* The part of PATH below ROOT, however many slashes there are; NULL where it is not
 * below. */
static const char *skip_root(const char *root, const char *path)
{
	while (*root) {
		if (*root != *path)
			return NULL;
		while (*path == '/' && path[1] == '/')
			path++;
		root++;
		path++;
	}
	return *path == '/' ? path + strspn(path, "/") : NULL;
}

static status check_device(const struct volume *volume, int dirfd, const char *path)
{
	struct stat st;

	if (fstat(dirfd, &st))
		return status_errno(errno, "%s", path);
	if (st.st_dev == volume->device)
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_NOT_SAME_DEVICE),
		"%s: is on another file system or subvolume than the volume %s/", path,
		volume->root);
}

static status open_dir_of(const struct volume *volume, const char *path,
	const char *below, const char *name, int *dirfd)
{
	char *dir = strndup(below, (size_t)(name - below));
	status rc;

	if (!dir)
		return status_no_memory();
	rc = file_open_dir_below(volume->fd, dir, path, dirfd);
	free(dir);
	if (failed(rc))
		return rc;
	rc = check_device(volume, *dirfd, path);
	if (failed(rc)) {
		(void)close(*dirfd);
		*dirfd = -1;
	}
	return rc;
}

status volume_open_parent(
	const struct volume *volume, const char *path, int *dirfd, const char **name)
{
	const char *below = path, *slash;

	*dirfd = -1;
	*name = NULL;
	if (path[0] == '/')
		below = skip_root(volume->root, path);
	if (!below)
		return status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
			"%s: is not below the volume %s/", path, volume->root);
	slash = strrchr(below, '/');
	*name = slash ? slash + 1 : below;
	if (!**name || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0)
		return status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
			"%s: does not end in the name of a file", path);
	return open_dir_of(volume, path, below, *name, dirfd);
}

/* ---- opening a file ---- */

#define FD_PATH_SIZE (sizeof("/proc/self/fd/") + 3 * sizeof(int))

static void fd_path(int fd, char path[FD_PATH_SIZE])
{
	(void)snprintf(path, FD_PATH_SIZE, "/proc/self/fd/%d", fd);
}

/* A regular file makes an open wait for nothing but the end of a lease. */
int volume_open_again(int fd, int flags)
{
	char path[FD_PATH_SIZE];
	int again;

	fd_path(fd, path);
	do
		again = open(path, flags | O_NOCTTY | O_CLOEXEC);
	while (again < 0 && errno == EINTR);
	return again;
}

static int open_leased(int dirfd, const char *name, int flags)
{
	int fd = -1, file = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (file < 0)
		return -1;
	if (fstat(file, &st) || !S_ISREG(st.st_mode))
		errno = EWOULDBLOCK;
	else
		fd = volume_open_again(file, flags);
	(void)close(file);
	return fd;
}

int volume_open_regular(int dirfd, const char *name, int flags)
{
	int fd;

	do
		fd = openat(dirfd, name,
			flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	return fd < 0 && errno == EWOULDBLOCK ? open_leased(dirfd, name, flags) : fd;
}

/* ---- reparse points ---- */

#define ON_POSIX "user.ntfs_reparse_data"

static const char *attribute_of(const struct volume *volume)
{
	return volume->kind == VOLUME_NTFS ? "system.ntfs_reparse_data" : ON_POSIX;
}

static bool is_unsupported(int err)
{
	return err == ENOTSUP || err == ENOSYS;
}

/* Of a file that exists. */
static status no_reparse_point(int err, int dirfd, const char *name)
{
	if (err == ENODATA || is_unsupported(err))
		return step_fail(STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT), dirfd, name,
			"has no reparse point");
	return step_errno(err, dirfd, name);
}

/* lgetxattr, or getxattr for a descriptor's path in /proc. */
typedef ssize_t (*attribute_getter)(const char *, const char *, void *, size_t);

/* ERANGE: it does not fit; from ntfs-3g that is EIO, as is the first look after a
 * change. */
static ssize_t read_attribute(attribute_getter get, const char *path,
	const char *attribute, void *buffer, size_t capacity)
{
	ssize_t size = get(path, attribute, buffer, capacity);

	if (size >= 0 || (errno != ERANGE && errno != EIO))
		return size;
	size = get(path, attribute, NULL, 0);
	if (size < 0 || (size_t)size > capacity)
		return size;
	return get(path, attribute, buffer, capacity);
}

status volume_get_reparse(const struct volume *volume, int dirfd, const char *name,
	void *buffer, size_t capacity, size_t *size)
{
	char path[PATH_MAX];
	ssize_t got;

	*size = 0;
	if (step_proc_path(dirfd, name, path))
		return step_errno(errno, dirfd, name);
	got = read_attribute(lgetxattr, path, attribute_of(volume), buffer, capacity);
	if (got < 0)
		return no_reparse_point(errno, dirfd, name);
	*size = (size_t)got;
	return STATUS_OK;
}

/* The kernel's inode on NTFS became another kind of file, which it notices at the next
 * look, with EIO. */
static void look_once(const struct volume *volume, int dirfd, const char *name)
{
	struct stat st;

	if (volume->kind == VOLUME_NTFS)
		(void)fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW);
}

status volume_set_reparse(const struct volume *volume, int dirfd, const char *name,
	const void *buffer, size_t size)
{
	int result =
		step_set_attribute_at(dirfd, name, attribute_of(volume), buffer, size);

	if (result == 0) {
		look_once(volume, dirfd, name);
		return STATUS_OK;
	}
	if (is_unsupported(errno))
		return step_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED), dirfd, name,
			"the file system keeps no reparse points (extended attributes)");
	return step_errno(errno, dirfd, name);
}

status volume_remove_reparse(const struct volume *volume, int dirfd, const char *name)
{
	if (step_remove_attribute_at(dirfd, name, attribute_of(volume)))
		return no_reparse_point(errno, dirfd, name);
	look_once(volume, dirfd, name);
	return STATUS_OK;
}

/* ---- of an open file ---- */

/* What a look for an attribute gave: its size, or -1 with errno. */
static status found(ssize_t got, const char *path, size_t *size)
{
	*size = 0;
	if (got >= 0) {
		*size = (size_t)got;
		return STATUS_OK;
	}
	if (errno == ENODATA || is_unsupported(errno))
		return status_fail(STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT),
			"%s: has no reparse point", path);
	return status_errno(errno, "%s", path);
}

/* A link's buffer, and no room that the system would have to find for each call. */
#define USUAL_ROOM ((size_t)256)

status volume_get_reparse_of(
	int fd, const char *path, void *buffer, size_t capacity, size_t *size)
{
	ssize_t got = fgetxattr(
		fd, ON_POSIX, buffer, capacity < USUAL_ROOM ? capacity : USUAL_ROOM);

	if (got < 0 && errno == ERANGE && capacity > USUAL_ROOM)
		got = fgetxattr(fd, ON_POSIX, buffer, capacity);
	if (got < 0 && errno == ERANGE)
		got = fgetxattr(fd, ON_POSIX, NULL, 0);
	return found(got, path, size);
}

static bool is_path_only(int fd)
{
	const int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_PATH);
}

status volume_get_reparse_open(const struct volume *volume, int fd, const char *path,
	void *buffer, size_t capacity, size_t *size)
{
	char proc[FD_PATH_SIZE];

	if (volume->kind == VOLUME_POSIX && !is_path_only(fd))
		return volume_get_reparse_of(fd, path, buffer, capacity, size);
	fd_path(fd, proc);
	return found(
		read_attribute(getxattr, proc, attribute_of(volume), buffer, capacity),
		path, size);
}

status volume_set_reparse_of(int fd, const char *path, const void *buffer, size_t size)
{
	if (step_set_attribute(fd, ON_POSIX, buffer, size) == 0)
		return STATUS_OK;
	if (is_unsupported(errno))
		return status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
			"%s: the file system keeps no reparse points (extended "
			"attributes)",
			path);
	return status_errno(errno, "%s", path);
}
