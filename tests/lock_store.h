/*
 * lock_store.h - a server filled in by hand, and children that hold its locks
 */
#ifndef TESTS_LOCK_STORE_H
#define TESTS_LOCK_STORE_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/lock.h"
#include "support.h"

#define NO_ACCESS STATUS_WIN32(ERROR_ACCESS_DENIED)
#define BAD_DATA  STATUS_WIN32(ERROR_INVALID_DATA)

static char name[] = "ca01", flat[] = "flat";
static char *state_dir, *store_dir, *database;
static struct server server;

static inline void set_up(void)
{
	char *top = support_tmpdir();

	ck_assert_int_eq(chmod(top, 0755), 0);
	state_dir = support_path(top, "state");
	store_dir = support_path(top, "store");
	database = support_path(store_dir, "index.txt");
	ck_assert_int_eq(mkdir(store_dir, 0755), 0);
	server = (struct server){.name = name, .state_dir = state_dir};
	server.store.engine = flat;
	server.store.databases = (struct names){.items = &database, .count = 1};
}

static inline void tear_down(void)
{
	free(database);
	free(store_dir);
	free(state_dir);
}

static inline struct lock *take(enum lock_kind kind)
{
	struct lock *lock;

	ck_assert_int_eq(lock_take(&server, kind, &lock), STATUS_OK);
	ck_assert_ptr_nonnull(lock);
	return lock;
}

static inline void assert_refused(enum lock_kind kind, status expected)
{
	struct lock *lock = (struct lock *)-1;

	ck_assert_int_eq(lock_take(&server, kind, &lock), expected);
	ck_assert_ptr_null(lock);
}

static inline void assert_free(enum lock_kind kind)
{
	lock_release(take(kind));
}

static inline void make_state_dir(void)
{
	ck_assert_int_eq(mkdir(state_dir, 0700), 0);
}

static inline char *lock_path(const char *file)
{
	return support_path(state_dir, file);
}

/* A child that runs DEED, then tells with one byte that it is done, and sleeps until it
 * is killed. 0 is told for success. */
struct child {
	pid_t pid;
	int told;
};

static inline void start_child(struct child *child, int (*deed)(void))
{
	int ends[2];
	char result = 99;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	child->pid = fork();
	ck_assert_int_ge(child->pid, 0);
	if (child->pid == 0) {
		result = (char)deed();
		if (write(ends[1], &result, 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	ck_assert_int_eq(close(ends[1]), 0);
	ck_assert_int_eq(read(ends[0], &result, 1), 1);
	ck_assert_int_eq(close(ends[0]), 0);
	child->told = result;
}

static inline void kill_child(const struct child *child)
{
	int wait_status;

	ck_assert_int_eq(kill(child->pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child->pid, &wait_status, 0), child->pid);
	ck_assert(WIFSIGNALED(wait_status));
}

#endif
