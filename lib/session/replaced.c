#include "session/replaced.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file_step.h"

#define REPLACED_TRIES 1000

static status timestamp(char *text, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;

	if (!gmtime_r(&now, &tm) ||
		strftime(text, size, "replaced-%Y%m%dT%H%M%SZ", &tm) == 0)
		return status_fail(
			STATUS_WIN32(ERROR_GEN_FAILURE), "the clock gives no date");
	return STATUS_OK;
}

static bool taken(int dirfd, const char *name)
{
	return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

/* BASE, or BASE with the first number that is free in DIRFD. */
static status free_name(int dirfd, const char *base, const char *separator, char **name)
{
	char *candidate;

	*name = NULL;
	for (int i = 0; i < REPLACED_TRIES; i++) {
		int length = i == 0 ? asprintf(&candidate, "%s", base)
				    : asprintf(&candidate, "%s%s%d", base, separator, i);

		if (length < 0)
			return status_no_memory();
		if (!taken(dirfd, candidate)) {
			*name = candidate;
			return STATUS_OK;
		}
		free(candidate);
	}
	return status_fail(
		STATUS_WIN32(ERROR_ALREADY_EXISTS), "%s: no free name like this", base);
}

status replaced_choose(const struct server *server, char **name)
{
	char base[64];
	int fd;
	status rc = timestamp(base, sizeof(base));

	*name = NULL;
	if (!failed(rc))
		rc = server_open_state_dir(server, true, &fd);
	if (failed(rc))
		return rc;
	rc = free_name(fd, base, "-", name);
	(void)close(fd);
	return rc;
}

/* Left behind by a crash before it changed hands, it does so now. */
static status hand_over(
	int fd, uid_t owner, gid_t group, const char *dir, const char *name)
{
	if (owner == geteuid() || step_chown(fd, owner, group) == 0)
		return STATUS_OK;
	return status_errno(errno, "%s/%s", dir, name);
}

static status open_root(
	int state_fd, const struct server *server, const char *name, int *fd)
{
	status rc = file_make_dir_at(state_fd, name, 0700);

	if (failed(rc))
		return rc;
	*fd = openat(state_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *fd < 0 ? status_errno(errno, "%s/%s", server->state_dir, name)
		       : STATUS_OK;
}

status replaced_open(const struct server *server, const char *name, uid_t owner,
	gid_t group, enum file_walk walk, struct replaced *r)
{
	int state_fd;
	status rc = server_open_state_dir(server, true, &state_fd);

	*r = (struct replaced){.root = -1, .from = visit_start(walk), .mirror = -1};
	if (failed(rc))
		return rc;
	rc = open_root(state_fd, server, name, &r->root);
	(void)close(state_fd);
	if (!failed(rc))
		rc = hand_over(r->root, owner, group, server->state_dir, name);
	if (failed(rc))
		replaced_close(r);
	return rc;
}

/* The next directory of the mirror; closes DIRFD unless it is the mirror's root. */
static status descend(int root, int *dirfd, const char *name)
{
	int next;
	status rc = file_make_dir_at(*dirfd, name, 0700);

	if (failed(rc))
		return rc;
	next = openat(*dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (next < 0)
		return status_errno(errno, "%s", name);
	if (*dirfd != root)
		(void)close(*dirfd);
	*dirfd = next;
	return STATUS_OK;
}

/* The directory of the mirror that corresponds to PATH's. */
static status open_mirror(int root, const char *path, int *dirfd)
{
	char *copy = strdup(path);
	char *rest = copy, *name, *slash;
	status rc = copy ? STATUS_OK : status_no_memory();

	*dirfd = root;
	while (!failed(rc)) {
		name = rest + strspn(rest, "/");
		slash = strchr(name, '/');
		if (!slash)
			break;
		*slash = '\0';
		rest = slash + 1;
		rc = descend(root, dirfd, name);
	}
	free(copy);
	if (failed(rc) && *dirfd != root)
		(void)close(*dirfd);
	if (failed(rc))
		*dirfd = -1;
	return rc;
}

static void close_mirror(struct replaced *r)
{
	if (r->mirror >= 0 && r->mirror != r->root)
		(void)close(r->mirror);
	r->mirror = -1;
}

status replaced_sync(struct replaced *r)
{
	status rc = STATUS_OK;

	if (r->mirror >= 0)
		rc = file_sync_dir(r->mirror, "the directory of replaced files");
	close_mirror(r);
	return failed(rc) ? rc : visit_leave(&r->from);
}

void replaced_close(struct replaced *r)
{
	close_mirror(r);
	visit_drop(&r->from);
	if (r->root >= 0)
		(void)close(r->root);
	r->root = -1;
}

/* Where the files have to arrive before the directory they come from may forget them. */
static status enter(struct replaced *r, const char *path, const char **name)
{
	status rc = visit_is_at(&r->from, path) ? STATUS_OK : replaced_sync(r);

	if (!failed(rc))
		rc = visit_enter(&r->from, path, name);
	return rc;
}

static status take_entry(struct replaced *r, const char *name, const char *path)
{
	char *kept_name = NULL;
	status rc = STATUS_OK;

	if (r->mirror < 0)
		rc = open_mirror(r->root, path, &r->mirror);
	if (!failed(rc))
		rc = free_name(r->mirror, name, ".", &kept_name);
	if (!failed(rc))
		rc = file_move_unsynced_at(r->from.fd, name, r->mirror, kept_name);
	free(kept_name);
	return rc;
}

status replaced_take(struct replaced *r, const char *path)
{
	const char *name;
	status rc = enter(r, path, &name);

	if (status_is_missing(rc))
		return STATUS_OK;
	if (failed(rc) || !taken(r->from.fd, name))
		return rc;
	return take_entry(r, name, path);
}
