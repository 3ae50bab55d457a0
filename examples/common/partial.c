#include "common/partial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <backupapi/errors.h>

#include "common/mem.h"
#include "common/report.h"
#include "common/str.h"
#include "common/tree.h"

#define TRIES      100
#define NAME_LIMIT 200 /* of the target's name in the temporary one */
#define OPEN_DIR   (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

/* Without slashes at the end. */
static char *trimmed(const char *path)
{
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	return xstrndup(path, length);
}

static char *directory_of(const char *path)
{
	return strchr(path, '/') ? path_parent(path) : xstrdup(".");
}

static bool check_absent(const struct partial *partial)
{
	struct stat st;

	if (fstatat(partial->parent_fd, path_base(partial->target), &st,
		    AT_SYMLINK_NOFOLLOW) == 0)
		return report_problem(ERROR_ALREADY_EXISTS, partial->target,
			"exists, and is not overwritten");
	return errno == ENOENT || report_errno(errno, partial->target);
}

bool partial_init(struct partial *partial, const char *target)
{
	const char *base;
	char *parent;

	memset(partial, 0, sizeof(*partial));
	partial->fd = -1;
	partial->parent_fd = -1;
	partial->target = trimmed(target);
	base = path_base(partial->target);
	if (!*base || !strcmp(base, ".") || !strcmp(base, ".."))
		return report_problem(
			ERROR_INVALID_NAME, target, "not a name for a new directory");
	partial->prefix = xasprintf(".%.*s.partial-", NAME_LIMIT, base);
	parent = directory_of(partial->target);
	partial->parent_fd = open(parent, OPEN_DIR);
	if (partial->parent_fd < 0)
		report_errno(errno, parent);
	free(parent);
	return partial->parent_fd >= 0 && check_absent(partial);
}

/* A partial directory whose lock can be had belongs to nobody any more. */
static void remove_stale(const struct partial *partial, const char *name)
{
	int fd = openat(partial->parent_fd, name, OPEN_DIR | O_NOFOLLOW);

	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		tree_remove(partial->parent_fd, name, name);
	close(fd);
}

static void remove_all_stale(const struct partial *partial)
{
	int fd = openat(partial->parent_fd, ".", OPEN_DIR);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!stream) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(stream)))
		if (!strncmp(entry->d_name, partial->prefix, strlen(partial->prefix)))
			remove_stale(partial, entry->d_name);
	closedir(stream);
}

/* mkdtemp, below a descriptor. */
static bool make_directory(struct partial *partial)
{
	for (int i = 0; i < TRIES; i++) {
		uint32_t number;

		if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
			return report_errno(errno, partial->target);
		free(partial->name);
		partial->name = xasprintf("%s%06x", partial->prefix, number & 0xffffffu);
		if (mkdirat(partial->parent_fd, partial->name, 0700) == 0)
			return true;
		if (errno != EEXIST)
			break;
	}
	return report_errno(errno, partial->target);
}

bool partial_create(struct partial *partial)
{
	char *parent;

	remove_all_stale(partial);
	if (!make_directory(partial))
		return false;
	parent = directory_of(partial->target);
	partial->label =
		xasprintf("%s/%s", strcmp(parent, "/") ? parent : "", partial->name);
	free(parent);
	partial->fd = openat(partial->parent_fd, partial->name, OPEN_DIR | O_NOFOLLOW);
	if (partial->fd >= 0 && flock(partial->fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	report_errno(errno, partial->label);
	partial_remove(partial);
	return false;
}

/* File systems without RENAME_NOREPLACE: at worst an empty directory is replaced, since
 * rename puts a directory on nothing else. */
static int rename_new(int dirfd, const char *from, const char *to)
{
	struct stat st;

	if (renameat2(dirfd, from, dirfd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return errno;
	if (fstatat(dirfd, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return EEXIST;
	return renameat(dirfd, from, dirfd, to) == 0 ? 0 : errno;
}

bool partial_publish(struct partial *partial)
{
	const char *base = path_base(partial->target);
	int err = rename_new(partial->parent_fd, partial->name, base);

	if (err != 0)
		return report_errno(err, partial->target);
	if (fsync(partial->parent_fd) == 0)
		return true;
	report_errno(errno, partial->target);
	/* Not certain to last, so it must not look as if it did. */
	if (renameat(partial->parent_fd, base, partial->parent_fd, partial->name) != 0) {
		report_errno(errno, partial->target);
		free(partial->name);
		partial->name = xstrdup(base);
	}
	return false;
}

void partial_remove(struct partial *partial)
{
	tree_remove(partial->parent_fd, partial->name, partial->label);
}

void partial_close(struct partial *partial)
{
	if (partial->fd >= 0)
		close(partial->fd);
	if (partial->parent_fd >= 0)
		close(partial->parent_fd);
	free(partial->target);
	free(partial->prefix);
	free(partial->name);
	free(partial->label);
	memset(partial, 0, sizeof(*partial));
	partial->fd = -1;
	partial->parent_fd = -1;
}
