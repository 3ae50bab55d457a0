/*
 * Open file description locks outlive the close of any other descriptor of the file, and
 * die with the last copy of theirs: fork_close.h sees to it that a child has none.
 */
#include "server/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_step.h"
#include "base/identity.h"
#include "base/fork_close.h"
#include "server/server.h"

#define STORE_LOCK ".backupapi-restore.lock"

struct lock {
	struct fork_close state;
	struct fork_close store; /* a restore's second one */
};

static status new_lock(struct lock **lock)
{
	*lock = malloc(sizeof(**lock));
	if (!*lock)
		return status_no_memory();
	**lock = (struct lock){FORK_CLOSE_NONE, FORK_CLOSE_NONE};
	return STATUS_OK;
}

void lock_release(struct lock *lock)
{
	if (!lock)
		return;
	fork_close_end(&lock->state);
	fork_close_end(&lock->store);
	free(lock);
}

/* ---- files ---- */

static int open_existing(int dirfd, const char *name)
{
	int fd;

	do
		fd = openat(dirfd, name,
			O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	return fd;
}

/* Another process may make or remove the file between the two attempts. */
static int open_or_create(int dirfd, const char *name)
{
	int fd;

	for (int tries = 0; tries < 100; tries++) {
		fd = open_existing(dirfd, name);
		if (fd >= 0 || errno != ENOENT)
			return fd;
		fd = step_create(dirfd, name, O_RDWR, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

/* A second name would make it somebody else's file, not to be locked by us. */
static status check_file(int fd, int dirfd, const char *name)
{
	struct stat st;

	if (fstat(fd, &st))
		return step_errno(errno, dirfd, name);
	if (!S_ISREG(st.st_mode))
		return step_fail(STATUS_WIN32(ERROR_INVALID_DATA), dirfd, name,
			"is not a regular file");
	if (st.st_nlink > 1)
		return step_fail(STATUS_WIN32(ERROR_ACCESS_DENIED), dirfd, name,
			"has more than one name");
	return STATUS_OK;
}

enum presence { CREATE_MISSING, ONLY_EXISTING };

struct lock_file {
	int dirfd;
	const char *name;
	enum presence presence;
};

static int open_lock_file(void *context)
{
	const struct lock_file *file = context;

	return file->presence == CREATE_MISSING ? open_or_create(file->dirfd, file->name)
						: open_existing(file->dirfd, file->name);
}

/* FILE stays closed where NAME is missing and need not be there. */
static status open_file(
	int dirfd, const char *name, enum presence presence, struct fork_close *file)
{
	struct lock_file wanted = {.dirfd = dirfd, .name = name, .presence = presence};
	int err = fork_close_open(file, open_lock_file, &wanted);

	if (!err)
		return check_file(file->fd, dirfd, name);
	if (err == ENOENT && presence == ONLY_EXISTING)
		return STATUS_OK;
	return step_errno(err, dirfd, name);
}

static const char *taken_text(enum lock_kind kind)
{
	return kind == LOCK_BACKUP ? "another backup of this store is running"
				   : "another restore of this store is running";
}

/* Nothing to lock where FD is -1. */
static status lock_file(int fd, int dirfd, const char *name, enum lock_kind kind)
{
	struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	const status taken =
		kind == LOCK_BACKUP ? hrBackupInProgress : hrRestoreInProgress;

	if (fd < 0 || fcntl(fd, F_OFD_SETLK, &range) == 0)
		return STATUS_OK;
	if (errno == EAGAIN || errno == EACCES)
		return step_fail(taken, dirfd, name, taken_text(kind));
	return step_errno(errno, dirfd, name);
}

/* ---- taking ---- */

/* The lock in the store's directory. */
static status take_at_store(
	int dirfd, enum presence presence, struct fork_close *file)
{
	status rc = open_file(dirfd, STORE_LOCK, presence, file);

	return failed(rc) ? rc : lock_file(file->fd, dirfd, STORE_LOCK, LOCK_RESTORE);
}

/* Root in another user's store: the file is made as that user's, who could not lock it
 * else. Where its owner may not write the directory, there is nobody to make it for. */
static status take_as_owner(int dirfd, const char *dir, struct fork_close *file)
{
	struct identity former;
	struct stat st;
	status rc;

	if (fstat(dirfd, &st))
		return status_errno(errno, "%s", dir);
	if (geteuid() != 0 || st.st_uid == 0)
		return take_at_store(dirfd, ONLY_EXISTING, file);
	rc = identity_assume(st.st_uid, st.st_gid, &former);
	if (failed(rc))
		return rc;
	rc = take_at_store(dirfd, CREATE_MISSING, file);
	identity_restore(&former);
	if (rc == STATUS_WIN32(ERROR_ACCESS_DENIED) && file->fd < 0)
		rc = take_at_store(dirfd, ONLY_EXISTING, file);
	return rc;
}

/* The lock beside the store: of a user who has no rights on state_dir (CREATE_MISSING),
 * or, of others, to keep such a user out (ONLY_EXISTING). */
static status take_in_store(
	const struct server *server, enum presence presence, struct fork_close *file)
{
	char *dir = server_store_dir(server);
	int dirfd;
	status rc;

	if (!dir)
		return status_no_memory();
	rc = file_open_dir(dir, FILE_TRUSTED, &dirfd);
	if (!failed(rc)) {
		rc = presence == CREATE_MISSING ? take_at_store(dirfd, presence, file)
						: take_as_owner(dirfd, dir, file);
		(void)close(dirfd);
	} else if (presence == ONLY_EXISTING && status_is_missing(rc)) {
		rc = STATUS_OK;
	}
	free(dir);
	return rc;
}

static status take_in_state(
	const struct server *server, int dirfd, enum lock_kind kind, struct lock *lock)
{
	const char *name = kind == LOCK_BACKUP ? "backup.lock" : "restore.lock";
	status rc = open_file(dirfd, name, CREATE_MISSING, &lock->state);

	if (!failed(rc))
		rc = lock_file(lock->state.fd, dirfd, name, kind);
	if (!failed(rc) && kind == LOCK_RESTORE)
		rc = take_in_store(server, ONLY_EXISTING, &lock->store);
	return rc;
}

/* Root is refused a state_dir only where something is wrong with it, which no lock
 * elsewhere puts right. */
static bool may_lock_in_store(status refused, enum lock_kind kind)
{
	return refused == STATUS_WIN32(ERROR_ACCESS_DENIED) && kind == LOCK_RESTORE &&
	       geteuid() != 0;
}

static status take(const struct server *server, enum lock_kind kind, struct lock *lock)
{
	int dirfd;
	status rc = server_open_state_dir(server, true, &dirfd);

	if (failed(rc))
		return may_lock_in_store(rc, kind)
			       ? take_in_store(server, CREATE_MISSING, &lock->store)
			       : rc;
	rc = take_in_state(server, dirfd, kind, lock);
	(void)close(dirfd);
	return rc;
}

status lock_take(const struct server *server, enum lock_kind kind, struct lock **lock)
{
	status rc = new_lock(lock);

	if (!failed(rc))
		rc = take(server, kind, *lock);
	if (failed(rc)) {
		lock_release(*lock);
		*lock = NULL;
	}
	return rc;
}

static status wait_for_records(const struct server *server, struct lock *lock)
{
	struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int dirfd;
	status rc = server_open_state_dir(server, true, &dirfd);

	if (failed(rc))
		return rc;
	rc = open_file(dirfd, "records.lock", CREATE_MISSING, &lock->state);
	if (!failed(rc)) {
		int result;

		do
			result = fcntl(lock->state.fd, F_OFD_SETLKW, &range);
		while (result < 0 && errno == EINTR);
		if (result < 0)
			rc = step_errno(errno, dirfd, "records.lock");
	}
	(void)close(dirfd);
	return rc;
}

status lock_records(const struct server *server, struct lock **lock)
{
	status rc = new_lock(lock);

	if (!failed(rc))
		rc = wait_for_records(server, *lock);
	if (failed(rc)) {
		lock_release(*lock);
		*lock = NULL;
	}
	return rc;
}
