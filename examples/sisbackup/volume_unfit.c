/*
 * Store files that are damaged, or could not be read, and what becomes of their links: in a
 * set they would be lost at the restore, although most of what they say can be read.
 *
 * Whether a store file is what its links were made from is known when it was copied, and
 * that is after most of them were found.
 */
#include "sisbackup/volume.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <backupapi/errors.h>

#include "common/report.h"
#include "common/str.h"
#include "sisbackup/holes.h"
#include "sisbackup/inspect.h"
#include "sisbackup/linkdata.h"
#include "sisbackup/stored.h"

/* ---- finding them ---- */

static void note_saved(struct volume *v)
{
	for (size_t i = 0; i < v->catalog.count; i++) {
		const struct entry *entry = &v->catalog.items[i];
		struct store_name *store = entry->store;

		if (entry->kind != ENTRY_STORE || entry->failed || !store)
			continue;
		store->saved = true;
		store->st = entry->st;
		store->size = entry->size;
		store->checksum = entry->checksum;
	}
}

/* STORE gets no link back: its links are to be plain files. */
static void condemn(struct volume *v, struct store_name *store, const char *why)
{
	const struct entry entry = {.kind = ENTRY_STORE, .path = store->name};
	char *path;

	store->unfit = true;
	v->store_files--;
	if (!why)
		return; /* reported as what was not saved */
	path = volume_path(v, &entry);
	report_problem(ERROR_CRC, path,
		"damaged: its content is not %s; its links are saved as plain files",
		why);
	free(path);
	v->skipped++;
}

static void ask_links(struct volume *v)
{
	for (size_t i = 0; i < v->catalog.count; i++) {
		const struct entry *entry = &v->catalog.items[i];
		struct store_name *store = entry->store;
		bool told;

		if (entry->kind != ENTRY_LINK || entry->failed || store->unfit ||
			!store->saved)
			continue;
		if (!linkdata_fits(entry, store->size, store->checksum, &told))
			condemn(v, store, "what its links were made from");
		else if (told)
			store->confirmed = true;
	}
}

/* Links that Windows made say nothing that could be compared. */
static bool is_as_recorded(struct volume *v, const struct store_name *store)
{
	char *relative = path_join(STORE_DIRECTORY, store->name);
	const char *name;
	int dirfd = tree_parent(&v->tree, relative, false, &name);
	struct store_sum sum;
	bool ok = dirfd < 0 || !stored_recorded(dirfd, name, &sum) ||
		  (sum.size == store->size && sum.content_checksum == store->checksum);

	free(relative);
	return ok;
}

static void ask_records(struct volume *v)
{
	for (struct store_name *store = v->stores; store; store = store->next) {
		if (store->unfit || store->confirmed)
			continue;
		if (!store->saved)
			condemn(v, store, NULL);
		else if (!is_as_recorded(v, store))
			condemn(v, store, "what is recorded for it");
		store->confirmed = !store->unfit;
	}
}

/* A bare link does not show what its content takes. */
static void count(struct volume *v, const struct entry *entry)
{
	const struct store_name *store = entry->store;

	volume_count(v, store->saved ? &store->st : &entry->st, entry->size);
}

bool volume_find_unfit(struct volume *v)
{
	bool any = false;

	note_saved(v);
	ask_links(v);
	ask_records(v);
	for (size_t i = 0; i < v->catalog.count; i++) {
		struct entry *entry = &v->catalog.items[i];

		if (entry->kind != ENTRY_LINK || entry->failed || !entry->store->unfit)
			continue;
		volume_make_plain(v, entry);
		count(v, entry);
		any = true;
	}
	return any;
}

/* ---- their links ---- */

void volume_make_plain(struct volume *v, struct entry *entry)
{
	free(entry->reparse);
	free(entry->target);
	entry->reparse = NULL;
	entry->reparse_size = 0;
	entry->target = NULL;
	entry->kind = ENTRY_FILE;
	entry->copied = false;
	v->links--;
}

/* Where the link shows as a symbolic link (NTFS), nothing can open it. */
static bool is_bare(int dirfd, const char *name, const char *path,
	const struct entry *entry, bool *bare, bool *changed)
{
	int fd;

	*changed = false;
	*bare = !S_ISREG(entry->st.st_mode);
	if (*bare)
		return true;
	fd = inspect_open(dirfd, name, path, entry, changed);
	if (fd < 0)
		return false;
	*bare = holes_only(fd);
	close(fd);
	return true;
}

/* Of the store file, as what the link is. */
static enum outcome copy_stored(
	struct volume *v, struct set_output *o, struct entry *entry, bool *copied)
{
	const struct store_name *store = entry->store;
	struct entry as = {.kind = ENTRY_FILE,
		.path = entry->path,
		.st = store->st,
		.size = (uint64_t)store->st.st_size};
	char *relative = path_join(STORE_DIRECTORY, store->name), *path;
	struct tree tree; /* the link's directory stays open */
	const char *name;
	enum outcome outcome = SKIPPED;
	int dirfd;

	tree_init(&tree, v->fd, v->root);
	dirfd = tree_parent(&tree, relative, false, &name);
	path = tree_label(&tree, relative);
	if (dirfd >= 0)
		outcome = content_copy(o, dirfd, name, path, &as, copied);
	entry->size = as.size;
	entry->sparse = as.sparse;
	free(entry->ranges.items);
	entry->ranges = as.ranges;
	tree_close(&tree);
	free(path);
	free(relative);
	return outcome;
}

enum outcome volume_copy_plain(struct volume *v, struct set_output *o, int dirfd,
	const char *name, const char *path, struct entry *entry, bool *copied)
{
	bool bare, changed;

	*copied = false;
	if (!is_bare(dirfd, name, path, entry, &bare, &changed))
		return changed ? CHANGED : SKIPPED;
	if (!bare)
		return content_copy(o, dirfd, name, path, entry, copied);
	if (entry->store->saved)
		return copy_stored(v, o, entry, copied);
	report_problem(
		ERROR_FILE_NOT_FOUND, path, "not saved: its common-store file was not");
	return SKIPPED;
}
