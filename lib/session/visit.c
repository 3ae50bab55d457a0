#include "session/visit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct visit visit_start(enum file_walk walk)
{
	return (struct visit){.walk = walk, .fd = -1};
}

static size_t dir_length(const char *path)
{
	return (size_t)(strrchr(path, '/') - path);
}

bool visit_is_at(const struct visit *v, const char *path)
{
	size_t length = dir_length(path);

	return v->dir && strlen(v->dir) == length && strncmp(v->dir, path, length) == 0;
}

static status open_dir(struct visit *v, const char *path, const char **name)
{
	status rc = file_open_parent(path, v->walk, &v->fd, name);

	if (failed(rc)) {
		v->fd = -1;
		return rc;
	}
	v->dir = strndup(path, dir_length(path));
	if (v->dir)
		return STATUS_OK;
	visit_drop(v);
	return status_no_memory();
}

status visit_enter(struct visit *v, const char *path, const char **name)
{
	status rc;

	*name = strrchr(path, '/') + 1;
	if (visit_is_at(v, path))
		return STATUS_OK;
	rc = visit_leave(v);
	return failed(rc) ? rc : open_dir(v, path, name);
}

status visit_leave(struct visit *v)
{
	status rc = v->fd >= 0 ? file_sync_dir(v->fd, v->dir) : STATUS_OK;

	visit_drop(v);
	return rc;
}

void visit_drop(struct visit *v)
{
	if (v->fd >= 0)
		(void)close(v->fd);
	free(v->dir);
	v->fd = -1;
	v->dir = NULL;
}
