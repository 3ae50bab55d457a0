#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <backupapi/errors.h>

#include "common/report.h"
#include "common/str.h"
#include "sisbackup/restore.h"

#define NAMED_MAX 5 /* files in a message */

/* As in the catalog: without slashes around it, nor "./" ahead of it. A new string. */
static char *normal_path(const char *path)
{
	size_t length;

	for (;;) {
		if (*path == '/')
			path++;
		else if (path[0] == '.' && path[1] == '/')
			path += 2;
		else
			break;
	}
	length = strlen(path);
	while (length > 0 && path[length - 1] == '/')
		length--;
	return length ? xstrndup(path, length) : xstrdup(".");
}

/* Sorted, "a" is followed by "a-b" and "a.c" ahead of "a/d": so all are looked at. */
static void mark_below(struct restore *r, const char *path)
{
	const struct catalog *catalog = &r->set.catalog;

	for (size_t i = 0; i < catalog->count; i++) {
		const struct entry *entry = &catalog->items[i];

		if (entry->kind != ENTRY_STORE &&
			(!strcmp(path, ".") || path_is_below(entry->path, path)))
			r->choices[i] = CHOICE_YES;
	}
}

static void mark_way(struct restore *r, const char *path)
{
	char *way = xstrdup(path), *slash;

	while ((slash = strrchr(way, '/'))) {
		const struct entry *entry;

		*slash = '\0';
		entry = catalog_find(&r->set.catalog, way);
		if (entry && r->choices[entry - r->set.catalog.items] == CHOICE_NO)
			r->choices[entry - r->set.catalog.items] = CHOICE_WAY;
	}
	free(way);
}

bool select_entries(struct restore *r, char **paths, int count)
{
	bool ok = true;

	if (count == 0)
		mark_below(r, ".");
	for (int i = 0; i < count; i++) {
		char *path = normal_path(paths[i]);

		if (catalog_find(&r->set.catalog, path)) {
			mark_below(r, path);
			mark_way(r, path);
		} else {
			ok = report_problem(
				ERROR_FILE_NOT_FOUND, paths[i], "not in the set");
		}
		free(path);
	}
	return ok;
}

/* Is there something else than a directory that may stay? */
static bool in_the_way(struct restore *r, const struct entry *entry)
{
	struct stat st;

	return tree_look(&r->tree, entry->path, &st) == 0 &&
	       !(entry->kind == ENTRY_DIRECTORY && S_ISDIR(st.st_mode));
}

bool select_check_absent(struct restore *r)
{
	uint64_t found = 0;

	for (size_t i = 0; i < r->set.catalog.count; i++) {
		const struct entry *entry = &r->set.catalog.items[i];
		char *label;

		if (r->choices[i] == CHOICE_NO || !in_the_way(r, entry))
			continue;
		if (found++ >= NAMED_MAX)
			continue;
		label = tree_label(&r->tree, entry->path);
		report_problem(ERROR_ALREADY_EXISTS, label, "exists");
		free(label);
	}
	if (found == 0)
		return true;
	return report_plain("%llu files exist on the volume; nothing was changed, "
			    "--force replaces them",
		(unsigned long long)found);
}
