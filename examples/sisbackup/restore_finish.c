#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <backupapi/errors.h>
#include <backupapi/sis.h>

#include "common/report.h"
#include "common/signals.h"
#include "sisbackup/attributes.h"
#include "sisbackup/holes.h"
#include "sisbackup/restore.h"

/* ---- directories ---- */

/* 0 or errno. With --force, what is not a directory gives way to one. */
static int make_directory(struct restore *r, int dirfd, const char *name, bool *created)
{
	struct stat st;

	*created = mkdirat(dirfd, name, 0700) == 0;
	if (*created)
		return 0;
	if (errno != EEXIST || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return 0;
	if (!(r->options->given & OPTION_FORCE))
		return EEXIST;
	if (unlinkat(dirfd, name, 0) != 0 || mkdirat(dirfd, name, 0700) != 0)
		return errno;
	*created = true;
	return 0;
}

static bool restore_directory(struct restore *r, size_t index)
{
	const char *path = r->set.catalog.items[index].path, *name;
	int dirfd = tree_parent(&r->tree, path, false, &name), err;
	char *label;

	if (dirfd < 0)
		return false;
	err = make_directory(r, dirfd, name, &r->created[index]);
	if (err == 0)
		return true;
	r->stopped = err == ENOSPC || err == EDQUOT || err == EROFS;
	label = tree_label(&r->tree, path);
	report_errno(err, label);
	free(label);
	return false;
}

bool restore_directories(struct restore *r)
{
	for (size_t i = 0; i < r->set.catalog.count && !r->stopped; i++) {
		const struct entry *entry = &r->set.catalog.items[i];

		if (signals_caught())
			return false;
		if (r->choices[i] == CHOICE_NO || entry->kind != ENTRY_DIRECTORY ||
			!strcmp(entry->path, "."))
			continue;
		if (!restore_directory(r, i)) {
			r->choices[i] = CHOICE_NO;
			r->failed++;
		}
	}
	return !r->stopped;
}

/* What is inside first: afterwards a directory may no longer let anybody in. */
bool restore_directory_attributes(struct restore *r)
{
	bool ok = true;

	tree_close(&r->tree);
	for (size_t i = r->set.catalog.count; i-- > 0;) {
		const struct entry *entry = &r->set.catalog.items[i];
		const char *name = ".";
		int dirfd = r->fd;

		if (entry->kind != ENTRY_DIRECTORY || r->choices[i] == CHOICE_NO ||
			(r->choices[i] == CHOICE_WAY && !r->created[i]))
			continue;
		if (strcmp(entry->path, ".") != 0)
			dirfd = tree_parent(&r->tree, entry->path, false, &name);
		ok &= dirfd >= 0 &&
		      attributes_apply_at(dirfd, name, entry->path, entry, &r->lost);
	}
	return ok;
}

/* ---- links ---- */

/* Has the file at PATH neither its content nor what makes it a link? */
static bool is_hollow(struct restore *r, const char *path, const char *absolute)
{
	uint32_t size = 0;
	struct stat st;
	int32_t rc;
	int fd;
	bool hollow;

	if (tree_look(&r->tree, path, &st) != 0)
		return false;
	if (!S_ISREG(st.st_mode))
		return true;
	rc = backupapi_sis_get_reparse_point(r->root, absolute, NULL, 0, &size);
	if (rc == HRESULT_FROM_WIN32(ERROR_FILE_CORRUPT)) /* a part of its content */
		return true;
	if (rc == HRESULT_FROM_WIN32(ERROR_INSUFFICIENT_BUFFER) || st.st_size == 0)
		return false;
	fd = tree_open(&r->tree, path, &st);
	hollow = fd >= 0 && holes_only(fd);
	if (fd >= 0)
		close(fd);
	return hollow;
}

void restore_remove_bare(struct restore *r)
{
	for (size_t i = 0; i < r->links.count; i++) {
		const char *path = r->links.items[i], *name;
		char *absolute = xasprintf("%s/%s", r->root, path);
		int dirfd;

		if (is_hollow(r, path, absolute)) {
			dirfd = tree_parent(&r->tree, path, false, &name);
			r->failed++;
			if (dirfd >= 0 && unlinkat(dirfd, name, 0) == 0)
				report_problem(ERROR_FILE_NOT_FOUND, absolute,
					"not restored: its content is missing");
			else if (dirfd >= 0)
				report_errno(errno, absolute);
		}
		free(absolute);
	}
}
