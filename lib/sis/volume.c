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
#include "sis/store.h"

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

static status open_root(struct volume *volume)
{
	const char *path = *volume->root ? volume->root : "/";
	status rc = file_open_dir(path, FILE_FOLLOW, &volume->fd);
	struct stat st;

	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		return status_fail(STATUS_WIN32(ERROR_PATH_NOT_FOUND),
			"%s: there is no such directory", path);
	if (failed(rc))
		return rc;
	if (fstat(volume->fd, &st))
		return status_errno(errno, "%s", path);
	volume->device = st.st_dev;
	volume->kind = kind_of(volume->fd);
	return STATUS_OK;
}

status volume_open(const char *root, struct volume **volume)
{
	struct volume *v = calloc(1, sizeof(*v));
	status rc;

	*volume = NULL;
	if (!v)
		return status_no_memory();
	v->fd = -1;
	v->root = normal_root(root);
	rc = v->root ? open_root(v) : status_no_memory();
	if (failed(rc))
		volume_close(v);
	else
		*volume = v;
	return rc;
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

/* ---- finding ---- */

static bool has_store(const char *dir)
{
	struct stat st;
	char *path;
	bool found;

	if (asprintf(&path, "%s/" STORE_NAME, dir) < 0)
		return false;
	found = lstat(path, &st) == 0 && !S_ISREG(st.st_mode);
	free(path);
	return found;
}

/* Goes up from DIR, which it cuts, as long as the file system is the same. */
static status find_store_above(char *dir, const char *path)
{
	struct stat first, st;

	if (stat(*dir ? dir : "/", &first))
		return errno == ENOENT || errno == ENOTDIR
			       ? status_fail(STATUS_WIN32(ERROR_PATH_NOT_FOUND),
					 "%s: its directory is missing", path)
			       : status_errno(errno, "%s", path);
	for (;;) {
		if (stat(*dir ? dir : "/", &st) || st.st_dev != first.st_dev)
			break;
		if (has_store(dir))
			return STATUS_OK;
		if (!*dir)
			break;
		*strrchr(dir, '/') = '\0';
	}
	return status_fail(STATUS_WIN32(ERROR_PATH_NOT_FOUND),
		"%s: no directory above it has a common store", path);
}

status volume_of(const char *path, struct volume **volume)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	status rc;

	*volume = NULL;
	if (path[0] != '/')
		return status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
			"%s: is not an absolute path", path);
	if (strstr(path, "/../") || strcmp(slash, "/..") == 0)
		return status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
			"%s: \"..\" is not allowed in this path", path);
	dir = strndup(path, (size_t)(slash - path));
	if (!dir)
		return status_no_memory();
	rc = find_store_above(dir, path);
	if (!failed(rc))
		rc = volume_open(dir, volume);
	free(dir);
	return rc;
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

/* ---- reparse points ---- */

static const char *attribute_of(const struct volume *volume)
{
	return volume->kind == VOLUME_NTFS ? "system.ntfs_reparse_data"
					   : "user.ntfs_reparse_data";
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

/* ERANGE: it does not fit; from ntfs-3g that is EIO, as is the first look after a change. */
static ssize_t read_attribute(
	const char *path, const char *attribute, void *buffer, size_t capacity)
{
	ssize_t size = lgetxattr(path, attribute, buffer, capacity);

	if (size >= 0 || (errno != ERANGE && errno != EIO))
		return size;
	size = lgetxattr(path, attribute, NULL, 0);
	if (size < 0 || (size_t)size > capacity)
		return size;
	return lgetxattr(path, attribute, buffer, capacity);
}

status volume_get_reparse(const struct volume *volume, int dirfd, const char *name,
	void *buffer, size_t capacity, size_t *size)
{
	char path[PATH_MAX];
	ssize_t got;

	*size = 0;
	if (step_proc_path(dirfd, name, path))
		return step_errno(errno, dirfd, name);
	got = read_attribute(path, attribute_of(volume), buffer, capacity);
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
