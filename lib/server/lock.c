/*
 * Open file description locks outlive the close of any other descriptor of the file, and
 * die with the last copy of theirs. Copies come about by fork; the list of live locks is
 * there so that a child can close its own at once. Releasing unlocks before it closes,
 * for copies made behind our back (vfork, clone).
 */
#include "server/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_step.h"
#include "server/server.h"

#define STORE_LOCK ".backupapi-restore.lock"

struct lock {
	struct lock *next;
	int fd;       /* -1: none, and in a forked child */
	int store_fd; /* a restore's second one, likewise */
};

/* Held across fork, and while a descriptor comes or goes, so that no child can have one
 * that is not in the list. */
static pthread_mutex_t live_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct lock *live;
static bool handles_fork;

/* ---- the list ---- */

static void before_fork(void)
{
	(void)pthread_mutex_lock(&live_mutex);
}

static void after_fork_in_parent(void)
{
	(void)pthread_mutex_unlock(&live_mutex);
}

static void drop(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void after_fork_in_child(void)
{
	for (struct lock *l = live; l; l = l->next) {
		drop(&l->fd);
		drop(&l->store_fd);
	}
	(void)pthread_mutex_unlock(&live_mutex);
}

static int handle_fork_once(void)
{
	int err = 0;

	if (!handles_fork)
		err = pthread_atfork(
			before_fork, after_fork_in_parent, after_fork_in_child);
	handles_fork = !err;
	return err;
}

static status new_lock(struct lock **lock)
{
	struct lock *l = malloc(sizeof(*l));
	int err;

	*lock = NULL;
	if (!l)
		return status_no_memory();
	*l = (struct lock){.fd = -1, .store_fd = -1};
	(void)pthread_mutex_lock(&live_mutex);
	err = handle_fork_once();
	if (!err) {
		l->next = live;
		live = l;
		*lock = l;
	}
	(void)pthread_mutex_unlock(&live_mutex);
	if (err)
		free(l);
	return err ? status_no_memory() : STATUS_OK;
}

static void unlock_and_drop(int *fd)
{
	struct flock range = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	if (*fd >= 0)
		(void)fcntl(*fd, F_OFD_SETLK, &range);
	drop(fd);
}

void lock_release(struct lock *lock)
{
	if (!lock)
		return;
	(void)pthread_mutex_lock(&live_mutex);
	for (struct lock **l = &live; *l; l = &(*l)->next) {
		if (*l == lock) {
			*l = lock->next;
			break;
		}
	}
	unlock_and_drop(&lock->fd);
	unlock_and_drop(&lock->store_fd);
	(void)pthread_mutex_unlock(&live_mutex);
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

/* *FD is one of a live lock's; it stays -1 where the file is missing and need not be
 * there. */
static status open_file(int dirfd, const char *name, enum presence presence, int *fd)
{
	status rc = STATUS_OK;

	(void)pthread_mutex_lock(&live_mutex);
	*fd = presence == CREATE_MISSING ? open_or_create(dirfd, name)
					 : open_existing(dirfd, name);
	if (*fd >= 0)
		rc = check_file(*fd, dirfd, name);
	else if (errno != ENOENT || presence == CREATE_MISSING)
		rc = step_errno(errno, dirfd, name);
	(void)pthread_mutex_unlock(&live_mutex);
	return rc;
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

/* The lock beside the store: of a user who has no rights on state_dir (CREATE_MISSING),
 * or to honour such a user's. */
static status take_in_store(const struct server *server, enum presence presence, int *fd)
{
	char *dir = server_store_dir(server);
	int dirfd;
	status rc;

	if (!dir)
		return status_no_memory();
	rc = file_open_dir(dir, FILE_FOLLOW, &dirfd);
	free(dir);
	if (failed(rc)) {
		bool no_store = rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND) ||
				rc == STATUS_WIN32(ERROR_PATH_NOT_FOUND);

		return no_store && presence == ONLY_EXISTING ? STATUS_OK : rc;
	}
	rc = open_file(dirfd, STORE_LOCK, presence, fd);
	if (!failed(rc))
		rc = lock_file(*fd, dirfd, STORE_LOCK, LOCK_RESTORE);
	(void)close(dirfd);
	return rc;
}

static status take_in_state(
	const struct server *server, int dirfd, enum lock_kind kind, struct lock *lock)
{
	const char *name = kind == LOCK_BACKUP ? "backup.lock" : "restore.lock";
	status rc = open_file(dirfd, name, CREATE_MISSING, &lock->fd);

	if (!failed(rc))
		rc = lock_file(lock->fd, dirfd, name, kind);
	if (!failed(rc) && kind == LOCK_RESTORE)
		rc = take_in_store(server, ONLY_EXISTING, &lock->store_fd);
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
			       ? take_in_store(server, CREATE_MISSING, &lock->store_fd)
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
	rc = open_file(dirfd, "records.lock", CREATE_MISSING, &lock->fd);
	if (!failed(rc)) {
		int result;

		do
			result = fcntl(lock->fd, F_OFD_SETLKW, &range);
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
