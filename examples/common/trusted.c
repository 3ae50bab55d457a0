#include "common/trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <backupapi/errors.h>

#include "common/mem.h"
#include "common/report.h"

#define LINKS_MAX 40

struct walk {
	int fd;     /* how far it got */
	char *rest; /* what is still to go */
	unsigned links;
	bool reported;
};

static int open_root(void)
{
	return open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* A new string; NULL at the end. */
static char *next_component(struct walk *walk)
{
	const char *start = walk->rest + strspn(walk->rest, "/");
	size_t length = strcspn(start, "/");
	char *component = length ? xstrndup(start, length) : NULL;

	memmove(walk->rest, start + length, strlen(start + length) + 1);
	return component;
}

static int refuse(struct walk *walk, int link, uid_t owner)
{
	char proc[64], path[PATH_MAX] = "";

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", link);
	if (readlink(proc, path, sizeof(path) - 1) < 0)
		snprintf(path, sizeof(path), "a path");
	report_problem(ERROR_ACCESS_DENIED, path,
		"a symbolic link of user %u, which root does not follow",
		(unsigned)owner);
	walk->reported = true;
	return EACCES;
}

/* LINK's target is what is to be walked next. 0 or errno. */
static int follow(struct walk *walk, int link, const struct stat *st)
{
	char target[PATH_MAX], *rest;
	ssize_t length;

	if (st->st_uid != 0)
		return refuse(walk, link, st->st_uid);
	if (++walk->links > LINKS_MAX)
		return ELOOP;
	length = readlinkat(link, "", target, sizeof(target));
	if (length < 0)
		return errno;
	if (length == 0 || (size_t)length == sizeof(target))
		return length ? ENAMETOOLONG : ENOENT;
	rest = xasprintf("%.*s/%s", (int)length, target, walk->rest);
	free(walk->rest);
	walk->rest = rest;
	if (target[0] != '/')
		return 0;
	close(walk->fd);
	walk->fd = open_root();
	return walk->fd < 0 ? errno : 0;
}

static int take_step(struct walk *walk, const char *component)
{
	int next = openat(walk->fd, component, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int err = 0;

	if (next < 0)
		return errno;
	if (fstat(next, &st) != 0)
		err = errno;
	else if (S_ISLNK(st.st_mode))
		err = follow(walk, next, &st);
	if (err || S_ISLNK(st.st_mode)) {
		close(next);
		return err;
	}
	close(walk->fd);
	walk->fd = next;
	return 0;
}

static int walk_all(struct walk *walk)
{
	int err = walk->fd < 0 ? errno : 0;
	char *component;

	while (!err && (component = next_component(walk))) {
		err = take_step(walk, component);
		free(component);
	}
	return err;
}

static int give_back(int fd, int err, const char *path, bool reported)
{
	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	if (err != ENOENT && !reported)
		report_errno(err, path);
	errno = err;
	return -1;
}

static int open_plain(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	return give_back(fd, fd < 0 ? errno : 0, path, false);
}

int trusted_find(const char *path)
{
	struct walk walk = {0};
	int err;

	if (geteuid() != 0)
		return open_plain(path, O_PATH);
	walk.rest = xstrdup(path);
	walk.fd = open_root();
	err = walk_all(&walk);
	free(walk.rest);
	return give_back(walk.fd, err, path, walk.reported);
}

int trusted_open(const char *path, int flags)
{
	char proc[64];
	int found, fd, err;

	if (geteuid() != 0)
		return open_plain(path, flags);
	found = trusted_find(path);
	if (found < 0)
		return -1;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", found);
	fd = open(proc, flags | O_CLOEXEC);
	err = fd < 0 ? errno : 0;
	if (err == ENOENT) /* the file is there, so /proc is not */
		err = ENOTSUP;
	close(found);
	return give_back(fd, err, path, false);
}
