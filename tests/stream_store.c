#include "stream_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *former; /* BACKUPAPI_LIBEXECDIR */

void stream_use_worker(const char *program)
{
	char *dir = support_tmpdir(), *link = support_path(dir, "backupapi-worker"),
	     *target;
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	ck_assert_int_gt(length, 0);
	path[length] = '\0';
	*strrchr(path, '/') = '\0';
	target = support_path(path, program);
	ck_assert_int_eq(symlink(target, link), 0);
	ck_assert_int_eq(setenv("BACKUPAPI_LIBEXECDIR", dir, 1), 0);
	free(target);
	free(link);
}

void stream_store_make(struct stream_store *store)
{
	const char *worker = getenv("BACKUPAPI_LIBEXECDIR");
	char *base = support_tmpdir();

	former = worker ? strdup(worker) : NULL;
	*store = (struct stream_store){0};
	store->home = support_path(base, "home");
	store->log_dir = support_path(base, "logs");
	ck_assert_int_eq(mkdir(store->home, 0700), 0);
	ck_assert_int_eq(mkdir(store->log_dir, 0700), 0);
	store->config.log_dir = store->log_dir;
	ck_assert_int_eq(names_add(&store->config.databases, store->home), STATUS_OK);
	stream_use_worker("streaming_worker");
}

void stream_store_free(struct stream_store *store)
{
	names_free(&store->config.databases);
	free(store->home);
	free(store->log_dir);
	if (former)
		ck_assert_int_eq(setenv("BACKUPAPI_LIBEXECDIR", former, 1), 0);
	else
		ck_assert_int_eq(unsetenv("BACKUPAPI_LIBEXECDIR"), 0);
	free(former);
	former = NULL;
}

char *stream_make(const char *dir, const char *name, size_t size)
{
	char *path = support_path(dir, name), *bytes = malloc(size + 1);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 0; i < size; i++)
		bytes[i] = stream_byte(i);
	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	ck_assert_int_eq(close(fd), 0);
	free(bytes);
	return path;
}

void stream_assert_childless(void)
{
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

void stream_assert_noted(const struct stream_store *store, const char *name)
{
	char *path = support_path(store->home, name);

	for (int i = 0; i < 5000 && !support_exists(path); i++)
		(void)usleep(1000);
	ck_assert_msg(support_exists(path), "the worker's engine was not %s", name);
	free(path);
}
