#include "base/fork_close.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

static pthread_mutex_t live_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct fork_close *live;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static int fork_error;

static void before_fork(void)
{
	(void)pthread_mutex_lock(&live_mutex);
}

static void after_fork_in_parent(void)
{
	(void)pthread_mutex_unlock(&live_mutex);
}

static void after_fork_in_child(void)
{
	for (struct fork_close *entry = live; entry; entry = entry->next) {
		(void)close(entry->fd);
		entry->fd = -1;
	}
	(void)pthread_mutex_unlock(&live_mutex);
}

static void watch_forks(void)
{
	fork_error =
		pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static void enter(struct fork_close *entry)
{
	entry->next = live;
	entry->where = &live;
	if (live)
		live->where = &entry->next;
	live = entry;
}

int fork_close_open(struct fork_close *entry, int (*open)(void *context), void *context)
{
	int err = 0;

	*entry = FORK_CLOSE_NONE;
	(void)pthread_once(&fork_once, watch_forks);
	if (fork_error)
		return fork_error;
	(void)pthread_mutex_lock(&live_mutex);
	entry->fd = open(context);
	if (entry->fd < 0)
		err = errno;
	else
		enter(entry);
	(void)pthread_mutex_unlock(&live_mutex);
	return err;
}

int fork_close_socketpair(struct fork_close *a, struct fork_close *b)
{
	int ends[2], err = 0;

	*a = *b = FORK_CLOSE_NONE;
	(void)pthread_once(&fork_once, watch_forks);
	if (fork_error)
		return fork_error;
	(void)pthread_mutex_lock(&live_mutex);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		err = errno;
	} else {
		a->fd = ends[0];
		enter(a);
		b->fd = ends[1];
		enter(b);
	}
	(void)pthread_mutex_unlock(&live_mutex);
	return err;
}

void fork_close_end(struct fork_close *entry)
{
	struct flock range = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	(void)pthread_mutex_lock(&live_mutex);
	if (entry->where) {
		*entry->where = entry->next;
		if (entry->next)
			entry->next->where = entry->where;
	}
	if (entry->fd >= 0) {
		(void)fcntl(entry->fd, F_OFD_SETLK, &range);
		(void)close(entry->fd);
	}
	*entry = FORK_CLOSE_NONE;
	(void)pthread_mutex_unlock(&live_mutex);
}
