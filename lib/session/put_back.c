/*
 * What a restore replaced, seen from where it is now: the way back, and what a run that was
 * cut off left to be synced.  Directories stay behind, empty: whether one of them was there
 * before is nothing that they tell.
 */
#include "session/replaced.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory of the mirror, and the one that it stands for. */
struct level {
	int mirror;
	int place;        /* -1: not opened */
	const char *path; /* of PLACE; "" is the root */
	enum file_walk walk;
	const struct way *way;
	bool files; /* has entries that are no directories */
};

/* What is done with a level's files, one by one, and with the level itself after that. */
struct way {
	status (*file)(struct level *level, const char *name); /* NULL: nothing */
	status (*finish)(struct level *level);
};

static const char *shown(const struct level *l)
{
	return *l->path ? l->path : "/";
}

static status open_place(struct level *l)
{
	if (l->place >= 0)
		return STATUS_OK;
	return file_open_dir(shown(l), l->walk, &l->place);
}

/* ---- the mirror ---- */

static status go(struct level *l);

static status go_below(const struct level *above, const char *name, const char *path)
{
	struct level l = {
		.place = -1, .path = path, .walk = above->walk, .way = above->way};
	status rc;

	l.mirror = openat(
		above->mirror, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (l.mirror < 0)
		return status_errno(errno, "replaced: %s", path);
	rc = go(&l);
	(void)close(l.mirror);
	return rc;
}

static status go_entry(struct level *l, const char *name, const char *path)
{
	struct stat st;

	if (fstatat(l->mirror, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return status_errno(errno, "replaced: %s", path);
	if (S_ISDIR(st.st_mode))
		return go_below(l, name, path);
	l->files = true;
	return l->way->file ? l->way->file(l, name) : STATUS_OK;
}

static status go_through(struct level *l, const struct names *names)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < names->count && !failed(rc); i++) {
		char *path;

		if (asprintf(&path, "%s/%s", l->path, names->items[i]) < 0)
			return status_no_memory();
		rc = go_entry(l, names->items[i], path);
		free(path);
	}
	return failed(rc) ? rc : l->way->finish(l);
}

static status go(struct level *l)
{
	struct names names = {0};
	char *path;
	status rc;

	if (asprintf(&path, "replaced: %s", shown(l)) < 0)
		path = NULL;
	rc = path ? file_list_dir(l->mirror, path, &names) : status_no_memory();
	free(path);
	if (!failed(rc))
		rc = go_through(l, &names);
	if (l->place >= 0)
		(void)close(l->place);
	names_free(&names);
	return rc;
}

static status go_all(const struct replaced *r, const struct way *way)
{
	struct level root = {.mirror = r->root,
		.place = -1,
		.path = "",
		.walk = r->from.walk,
		.way = way};

	return go(&root);
}

/* ---- putting back ---- */

static status put_back_file(struct level *l, const char *name)
{
	status rc = open_place(l);

	return failed(rc) ? rc : file_move_unsynced_at(l->mirror, name, l->place, name);
}

/* Also where nothing was moved: a run that was cut off may have done so and not synced. A
 * place that cannot be opened is not one to which anything was moved. */
static status sync_place(struct level *l)
{
	status rc;

	if (failed(open_place(l)))
		return STATUS_OK;
	rc = file_sync_dir(l->place, shown(l));
	return failed(rc) ? rc : file_sync_dir(l->mirror, shown(l));
}

status replaced_put_back(const struct replaced *r)
{
	static const struct way back = {put_back_file, sync_place};

	return go_all(r, &back);
}

/* ---- syncing ---- */

/* What arrived is synced before the directory that it came from may forget it. */
static status settle_files(struct level *l)
{
	status rc = l->files ? file_sync_dir(l->mirror, shown(l)) : STATUS_OK;

	if (failed(rc) || !l->files || failed(open_place(l)))
		return rc;
	return file_sync_dir(l->place, shown(l));
}

status replaced_settle(const struct replaced *r)
{
	static const struct way settle = {NULL, settle_files};

	return go_all(r, &settle);
}
