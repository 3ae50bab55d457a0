/*
 * The way from the root directory to a file, one component after the other. Symbolic
 * links are followed as long as no common store was passed: they are part of the volume's
 * name then, not of what is below it. The directory that was found on the way is the
 * volume, whatever its name means later.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "sis/store.h"

struct search {
	const char *path; /* of the file */
	int dirfd;        /* where the walk is */
	dev_t device;
	int best; /* the volume's directory so far, or -1 */
	size_t best_length;
};

static status open_failed(int err, const char *path)
{
	if (err == ENOENT || err == ENOTDIR)
		return status_fail(STATUS_WIN32(ERROR_PATH_NOT_FOUND),
			"%s: its directory is missing", path);
	return status_errno(err, "%s", path);
}

static void forget_best(struct search *search)
{
	if (search->best >= 0)
		(void)close(search->best);
	search->best = -1;
}

static bool has_store(int dirfd, struct stat *st)
{
	return fstatat(dirfd, STORE_NAME, st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       !S_ISREG(st->st_mode);
}

/* Considers the directory that was reached, LENGTH bytes into the path. */
static status consider(struct search *search, size_t length)
{
	struct stat st;

	if (fstat(search->dirfd, &st))
		return status_errno(errno, "%s", search->path);
	if (st.st_dev != search->device)
		forget_best(search);
	search->device = st.st_dev;
	if (!has_store(search->dirfd, &st) || (search->best >= 0 && st.st_uid != 0))
		return STATUS_OK;
	forget_best(search);
	search->best = fcntl(search->dirfd, F_DUPFD_CLOEXEC, 0);
	search->best_length = length;
	return search->best < 0 ? status_errno(errno, "%s", search->path) : STATUS_OK;
}

/* Is NAME, which was not opened as a directory, a symbolic link? */
static bool is_symlink(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

/* LENGTH: of the path up to here. */
static status follow(const struct search *search, size_t length, int *fd)
{
	char *dir;
	status rc;

	if (search->best >= 0)
		return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"%s: a symbolic link below its volume leads there", search->path);
	dir = strndup(search->path, length);
	if (!dir)
		return status_no_memory();
	rc = file_open_dir(dir, FILE_TRUSTED, fd);
	free(dir);
	return rc;
}

static status enter(struct search *search, const char *name, size_t length)
{
	int fd = openat(
		search->dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const int err = errno;
	status rc = STATUS_OK;

	if (fd < 0 && (err == ENOTDIR || err == ELOOP) && is_symlink(search->dirfd, name))
		rc = follow(search, length, &fd);
	else if (fd < 0)
		rc = open_failed(err, search->path);
	if (failed(rc))
		return rc;
	(void)close(search->dirfd);
	search->dirfd = fd;
	return STATUS_OK;
}

/* DIR is cut into its names. */
static status walk(struct search *search, char *dir)
{
	char *rest = NULL;
	size_t length;
	status rc = consider(search, 0);

	for (char *name = strtok_r(dir, "/", &rest); name && !failed(rc);
		name = strtok_r(NULL, "/", &rest)) {
		if (strcmp(name, ".") == 0)
			continue;
		length = (size_t)(name - dir) + strlen(name);
		rc = enter(search, name, length);
		if (!failed(rc))
			rc = consider(search, length);
	}
	return rc;
}

static status search_volume(struct search *search, size_t length)
{
	char *dir = strndup(search->path, length);
	status rc;

	if (!dir)
		return status_no_memory();
	search->dirfd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	rc = search->dirfd < 0 ? status_errno(errno, "/") : walk(search, dir);
	if (search->dirfd >= 0)
		(void)close(search->dirfd);
	free(dir);
	if (!failed(rc) && search->best < 0)
		rc = status_fail(STATUS_WIN32(ERROR_PATH_NOT_FOUND),
			"%s: no directory above it has a common store", search->path);
	return rc;
}

static status open_best(const struct search *search, struct volume **volume)
{
	char *root = strndup(search->path, search->best_length);
	status rc =
		root ? volume_open_at(search->best, root, volume) : status_no_memory();

	free(root);
	return rc;
}

status volume_of(const char *path, struct volume **volume)
{
	struct search search = {.path = path, .dirfd = -1, .best = -1};
	const char *slash = strrchr(path, '/');
	status rc;

	*volume = NULL;
	if (path[0] != '/')
		return status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
			"%s: is not an absolute path", path);
	if (strstr(path, "/../") || strcmp(slash, "/..") == 0)
		return status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
			"%s: \"..\" is not allowed in this path", path);
	rc = search_volume(&search, (size_t)(slash - path));
	if (!failed(rc))
		rc = open_best(&search, volume);
	forget_best(&search);
	return rc;
}
