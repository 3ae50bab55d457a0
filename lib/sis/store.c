/*
 * The directory, its lock, and its files. The lock file has two bytes to lock: one for
 * who uses the store, one for who changes MaxIndex, of which it keeps a copy
 * (store_index.c).
 */
#include "sis/store.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_step.h"
#include "sis/store_lock.h"

/* ---- opening ---- */

/* Root puts nothing where somebody could read it who is not responsible for the
 * volume. */
static status check_owner(const struct volume *volume, uid_t owner)
{
	struct stat st;

	if (geteuid() != 0 || owner == 0 || volume->kind == VOLUME_NTFS)
		return STATUS_OK;
	if (fstat(volume->fd, &st))
		return status_errno(errno, "%s/", volume->root);
	if (owner == st.st_uid)
		return STATUS_OK;
	return step_fail(STATUS_WIN32(ERROR_ACCESS_DENIED), volume->fd, STORE_NAME,
		"belongs neither to root nor to the volume's owner");
}

static status check_directory(struct store *store, bool create)
{
	const struct volume *volume = store->volume;
	struct stat st;

	if (fstat(store->fd, &st))
		return step_errno(errno, volume->fd, STORE_NAME);
	if (st.st_dev != volume->device)
		return step_fail(STATUS_WIN32(ERROR_NOT_SAME_DEVICE), volume->fd,
			STORE_NAME, "is on another file system than its volume");
	if (volume->kind != VOLUME_NTFS && (st.st_mode & 022))
		return step_fail(STATUS_WIN32(ERROR_ACCESS_DENIED), volume->fd,
			STORE_NAME, "others than its owner may write in it");
	store->owner = st.st_uid;
	return create ? check_owner(volume, store->owner) : STATUS_OK;
}

static status cannot_open(int err, int dirfd)
{
	struct stat st;

	if (err == ENOENT)
		return step_fail(STATUS_WIN32(ERROR_PATH_NOT_FOUND), dirfd, STORE_NAME,
			"the volume has no common store");
	if (fstatat(dirfd, STORE_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		!S_ISDIR(st.st_mode))
		return step_fail(STATUS_WIN32(ERROR_ACCESS_DENIED), dirfd, STORE_NAME,
			S_ISLNK(st.st_mode) ? "is a symbolic link"
					    : "is not a directory");
	return step_errno(err, dirfd, STORE_NAME);
}

static status open_directory(struct store *store, bool create)
{
	int dirfd = store->volume->fd;
	struct stat st;
	status rc;

	if (create && fstatat(dirfd, STORE_NAME, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		rc = errno == ENOENT ? file_make_dir_at(dirfd, STORE_NAME, 0700)
				     : step_errno(errno, dirfd, STORE_NAME);
		if (failed(rc))
			return rc;
	}
	store->fd = openat(
		dirfd, STORE_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return store->fd < 0 ? cannot_open(errno, dirfd) : check_directory(store, create);
}

status store_open(const struct volume *volume, bool create, struct store **store)
{
	struct store *s = malloc(sizeof(*s));
	status rc;

	*store = NULL;
	if (!s)
		return status_no_memory();
	*s = (struct store){.volume = volume, .fd = -1, .lock = FORK_CLOSE_NONE};
	rc = open_directory(s, create);
	if (failed(rc))
		store_close(s);
	else
		*store = s;
	return rc;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	fork_close_end(&store->lock);
	if (store->fd >= 0)
		(void)close(store->fd);
	free(store);
}

/* ---- locks ---- */

/* Another process may make the file between the two attempts. */
static int open_lock_file(void *context)
{
	const int dirfd = *(const int *)context;
	const int flags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

	for (int tries = 0; tries < 100; tries++) {
		int fd = openat(dirfd, STORE_LOCK, O_RDWR | flags);

		if (fd < 0 && errno == EROFS)
			return openat(dirfd, STORE_LOCK, O_RDONLY | flags);
		if (fd >= 0 || (errno != ENOENT && errno != EINTR))
			return fd;
		fd = step_create(dirfd, STORE_LOCK, O_RDWR, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

status store_lock_open(const struct store *store, struct fork_close *lock)
{
	int dirfd = store->fd;
	int err = fork_close_open(lock, open_lock_file, &dirfd);
	struct stat st;

	if (err)
		return step_errno(err, store->fd, STORE_LOCK);
	if (fstat(lock->fd, &st) == 0 && S_ISREG(st.st_mode))
		return STATUS_OK;
	fork_close_end(lock);
	return step_fail(STATUS_WIN32(ERROR_INVALID_DATA), store->fd, STORE_LOCK,
		"is not a regular file");
}

static status lock_store(struct store *store, short type, const char *taken)
{
	struct flock range = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = STORE_USE, .l_len = 1};
	status rc;

	if (store->lock.fd < 0) {
		rc = store_lock_open(store, &store->lock);
		if (failed(rc))
			return rc;
	}
	if (fcntl(store->lock.fd, F_OFD_SETLK, &range) == 0)
		return STATUS_OK;
	if (errno == EAGAIN || errno == EACCES)
		return step_fail(STATUS_WIN32(ERROR_BUSY), store->fd, STORE_LOCK, taken);
	return step_errno(errno, store->fd, STORE_LOCK);
}

/* Nothing can disappear from a read-only file system. */
status store_pin(struct store *store)
{
	status rc = lock_store(store, F_RDLCK, "the common store is being cleaned up");

	return rc == STATUS_WIN32(ERROR_WRITE_PROTECT) ? STATUS_OK : rc;
}

status store_exclude(struct store *store)
{
	return lock_store(store, F_WRLCK,
		"a backup, a restore, or another run uses the "
		"common store");
}

/* ---- names ---- */

void store_file_name(const uuid_t guid, char name[STORE_FILE_NAME_SIZE])
{
	uuid_unparse_lower(guid, name);
	memcpy(name + STORE_GUID_LENGTH, STORE_FILE_SUFFIX, sizeof(STORE_FILE_SUFFIX));
}

char *store_path(const struct store *store, const char *name)
{
	char *path;

	return asprintf(&path, "%s/" STORE_NAME "/%s", store->volume->root, name) < 0
		       ? NULL
		       : path;
}

bool store_parse_name(const char *name, uuid_t guid)
{
	char text[STORE_GUID_LENGTH + 1];

	if (strlen(name) != STORE_FILE_NAME_SIZE - 1 ||
		strcasecmp(name + STORE_GUID_LENGTH, STORE_FILE_SUFFIX) != 0)
		return false;
	memcpy(text, name, STORE_GUID_LENGTH);
	text[STORE_GUID_LENGTH] = '\0';
	for (const char *c = text; *c; c++)
		if (*c != '-' && !isxdigit((unsigned char)*c))
			return false;
	return uuid_parse(text, guid) == 0;
}

/* ---- files ---- */

static status check_file(
	const struct store *store, const char *name, const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return step_fail(STATUS_WIN32(ERROR_INVALID_DATA), store->fd, name,
			"is not a regular file");
	if (store->owner != 0 && st->st_uid != store->owner)
		return step_fail(STATUS_WIN32(ERROR_ACCESS_DENIED), store->fd, name,
			"does not belong to the common store's owner");
	return STATUS_OK;
}

status store_stat(const struct store *store, const uuid_t guid, struct stat *st)
{
	char name[STORE_FILE_NAME_SIZE];

	store_file_name(guid, name);
	if (fstatat(store->fd, name, st, AT_SYMLINK_NOFOLLOW)) {
		status rc = errno == ENOENT ? store_bring_back(store, guid)
					    : step_errno(errno, store->fd, name);

		if (failed(rc))
			return rc;
		if (fstatat(store->fd, name, st, AT_SYMLINK_NOFOLLOW))
			return step_errno(errno, store->fd, name);
	}
	return check_file(store, name, st);
}

static status open_checked(const struct store *store, const char *name, int *fd)
{
	struct stat st;
	status rc;

	*fd = volume_open_regular(store->fd, name, O_RDONLY);
	if (*fd < 0)
		return step_errno(errno, store->fd, name);
	rc = fstat(*fd, &st) ? step_errno(errno, store->fd, name)
			     : check_file(store, name, &st);
	if (failed(rc)) {
		(void)close(*fd);
		*fd = -1;
	}
	return rc;
}

status store_open_found(const struct store *store, const uuid_t guid, int *fd)
{
	char name[STORE_FILE_NAME_SIZE];

	store_file_name(guid, name);
	return open_checked(store, name, fd);
}

/* Looks before it opens: opening a device can do things. */
status store_open_file(const struct store *store, const uuid_t guid, int *fd)
{
	struct stat st;
	status rc = store_stat(store, guid, &st);

	*fd = -1;
	return failed(rc) ? rc : store_open_found(store, guid, fd);
}
