/*
 * A thread opens the files in their order and tells the system that they will be needed,
 * up to so many bytes ahead of what was copied: more might be thrown out of memory again
 * before it is used.
 */
#include "sisbackup/ahead.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/mem.h"

#define WINDOW    (96u << 20)
#define FROM_EACH (2u << 20) /* from there on the system reads ahead by itself */

/* So many new files are worth waking the thread up. */
#define BATCH 16

/* Of a larger directory only the beginning. */
#define MOST_LOOKS 100000

struct file {
	char *name;
	uint64_t size;
};

struct ahead {
	int dirfd;
	const char *directory; /* to look through first */
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct file *files;
	size_t count, capacity, next;
	uint64_t requested, done; /* bytes */
	bool waiting, ending;
};

static uint64_t from_each(uint64_t size)
{
	return size < FROM_EACH ? size : FROM_EACH;
}

/* Neither a symbolic link nor another file system: nothing is touched that is not to be
 * saved. */
static int open_file(int dirfd, const char *relative)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};

	return (int)syscall(SYS_openat2, dirfd, relative, &how, sizeof(how));
}

static void request(int dirfd, const struct file *file)
{
	int fd = open_file(dirfd, file->name);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		(void)posix_fadvise(
			fd, 0, (off_t)from_each(file->size), POSIX_FADV_WILLNEED);
	close(fd);
}

static bool has_work(const struct ahead *a)
{
	return a->next < a->count && a->requested < a->done + WINDOW;
}

static bool is_ending(struct ahead *a)
{
	bool ending;

	pthread_mutex_lock(&a->mutex);
	ending = a->ending;
	pthread_mutex_unlock(&a->mutex);
	return ending;
}

/* In the directory's own order, which mostly is that on the disk; links ask for them in
 * any. */
static void look_through(struct ahead *a)
{
	int fd = openat(
		a->dirfd, a->directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	struct stat st;

	if (!stream) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (int i = 0; i < MOST_LOOKS && !is_ending(a); i++) {
		entry = readdir(stream);
		if (!entry)
			break;
		(void)fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW);
	}
	closedir(stream);
}

static void *run(void *context)
{
	struct ahead *a = context;

	look_through(a);
	pthread_mutex_lock(&a->mutex);
	while (!a->ending) {
		struct file file;

		if (!has_work(a)) {
			a->waiting = true;
			pthread_cond_wait(&a->changed, &a->mutex);
			a->waiting = false;
			continue;
		}
		file = a->files[a->next++];
		a->requested += from_each(file.size);
		pthread_mutex_unlock(&a->mutex);
		request(a->dirfd, &file);
		free(file.name);
		pthread_mutex_lock(&a->mutex);
	}
	pthread_mutex_unlock(&a->mutex);
	return NULL;
}

/* Signals are the main thread's, which at times does not want any. */
static bool start(struct ahead *a)
{
	sigset_t all, old;
	bool ok;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ok = pthread_create(&a->thread, NULL, run, a) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ok;
}

struct ahead *ahead_new(int dirfd, const char *name)
{
	struct ahead *a = xmalloc(sizeof(*a));

	a->dirfd = dirfd;
	a->directory = name;
	if (pthread_mutex_init(&a->mutex, NULL) == 0 &&
		pthread_cond_init(&a->changed, NULL) == 0 && start(a))
		return a;
	free(a);
	return NULL;
}

/* Waking it up for each file would take longer than the work. */
static void wake(struct ahead *a, bool worth)
{
	if (a->waiting && worth)
		pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->mutex);
}

void ahead_add(struct ahead *a, const char *relative, uint64_t size)
{
	if (!a || size == 0)
		return;
	pthread_mutex_lock(&a->mutex);
	array_reserve(&a->files, a->count, &a->capacity, sizeof(*a->files));
	a->files[a->count++] = (struct file){xstrdup(relative), size};
	wake(a, a->count - a->next >= BATCH && has_work(a));
}

void ahead_done(struct ahead *a, uint64_t size)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->mutex);
	a->done += from_each(size);
	wake(a, a->requested < a->done + WINDOW - WINDOW / 4 && has_work(a));
}

void ahead_free(struct ahead *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->mutex);
	a->ending = true;
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->mutex);
	pthread_join(a->thread, NULL);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->mutex);
	while (a->next < a->count)
		free(a->files[a->next++].name);
	free(a->files);
	free(a);
}
