/*
 * Contents. Most are copied beside the walk (copier.h), the rest after it; there a file
 * that is not what the walk saw is looked at again, and copied again where it changes
 * while it is read.
 */
#include "sisbackup/volume.h"

#include <stdlib.h>
#include <time.h>

#include "common/progress.h"
#include "common/report.h"
#include "common/signals.h"
#include "common/str.h"

#define TRIES 3

/* Seconds: no file system's clock ticks slower. */
#define TICK 2

/* ---- beside the walk ---- */

static void note(struct volume *v, const struct copier_result *result)
{
	struct entry *entry = &v->catalog.items[result->index];

	entry->copied = result->outcome == COPIED;
	if (result->outcome == SKIPPED)
		volume_skip(v, result->index);
	v->stopped = v->stopped || result->outcome == STOPPED;
	if (!entry->copied) {
		free(result->ranges.items);
		return;
	}
	entry->size = result->size;
	entry->checksum = result->checksum;
	entry->sparse = result->sparse;
	entry->ranges = result->ranges;
}

static void note_results(struct volume *v, bool all)
{
	struct copier_result result;

	while (copier_take(v->copier, all || copier_is_full(v->copier), &result))
		note(v, &result);
}

/* Then it may change again and show the same times. */
static bool changed_just_now(const struct stat *st)
{
	struct timespec now;

	return clock_gettime(CLOCK_REALTIME_COARSE, &now) != 0 ||
	       st->st_ctim.tv_sec >= now.tv_sec - TICK;
}

/* What there is no room for is not begun. */
void volume_offer(struct volume *v, size_t index, const char *relative)
{
	const struct entry *entry = &v->catalog.items[index];

	if (!v->copier)
		return;
	note_results(v, false);
	if (!v->stopped && !changed_just_now(&entry->st) &&
		set_room_fits(&v->room, v->bytes, v->files))
		copier_add(v->copier, index, relative, entry);
}

void volume_stop(struct volume *v)
{
	copier_free(v->copier);
	v->copier = NULL;
}

bool volume_join(struct volume *v)
{
	if (v->copier)
		note_results(v, true);
	volume_stop(v);
	return !v->stopped;
}

/* ---- after it ---- */

/* What the file was is looked at again. True: it still is one whose content is to be
 * copied. */
static bool look_again(struct volume *v, int dirfd, const char *name, size_t index)
{
	const enum entry_kind kind = v->catalog.items[index].kind;
	struct store_name *store = v->catalog.items[index].store;
	struct entry *entry;

	if (!volume_look(v, dirfd, name, index))
		return false;
	entry = &v->catalog.items[index];
	if (kind == ENTRY_STORE && entry->kind == ENTRY_FILE) {
		entry->kind = kind;
		entry->store = store;
	}
	return entry->kind == kind;
}

static enum outcome copy_once(struct volume *v, struct set_output *o, int dirfd,
	const char *name, const char *path, struct entry *entry, bool *copied)
{
	if (entry->kind == ENTRY_FILE && entry->store)
		return volume_copy_plain(v, o, dirfd, name, path, entry, copied);
	return content_copy(o, dirfd, name, path, entry, copied);
}

/* A file that changes all the time is saved as it was read, and counted. */
static enum outcome copy(struct volume *v, struct set_output *o, int dirfd,
	const char *name, const char *path, size_t index)
{
	bool copied = false;

	for (int i = 0; i < TRIES; i++) {
		struct entry *entry;
		enum outcome outcome;

		if (copied && !set_output_forget_last(o))
			return STOPPED;
		if (i > 0 && !look_again(v, dirfd, name, index))
			return COPIED;
		entry = &v->catalog.items[index];
		outcome = copy_once(v, o, dirfd, name, path, entry, &copied);
		if (outcome != CHANGED)
			return outcome;
	}
	report_problem(ERROR_BUSY, path, "changes while it is read; %s",
		copied ? "saved as it was read" : "not saved");
	if (copied)
		v->skipped++;
	return copied ? COPIED : SKIPPED;
}

static bool has_content(const struct entry *entry)
{
	return entry->kind == ENTRY_FILE || entry->kind == ENTRY_STORE;
}

static bool copy_entry(struct volume *v, struct set_output *o, size_t index)
{
	struct entry *entry = &v->catalog.items[index];
	char *path = volume_path(v, entry);
	char *relative = entry->kind == ENTRY_STORE
				 ? path_join(STORE_DIRECTORY, entry->path)
				 : xstrdup(entry->path);
	const char *name;
	int dirfd = tree_parent(&v->tree, relative, false, &name);
	enum outcome outcome = dirfd < 0 ? SKIPPED : copy(v, o, dirfd, name, path, index);

	entry = &v->catalog.items[index];
	ahead_done(v->ahead, entry->size);
	entry->copied = outcome == COPIED && has_content(entry);
	if (outcome == SKIPPED)
		volume_skip(v, index);
	free(relative);
	free(path);
	return outcome != STOPPED;
}

/* ENTRY is another name of FIRST, but where another file got that path meanwhile. */
static void follow_first(struct volume *v, struct entry *entry, const struct entry *first)
{
	const bool replaced = first && (first->kind == ENTRY_HARDLINK ||
					       first->st.st_ino != entry->st.st_ino);

	if (first && !first->failed && !replaced)
		return;
	report_problem(ERROR_FILE_NOT_FOUND, entry->path,
		"not saved: another name of a file that was %s",
		replaced ? "replaced" : "not");
	entry->failed = true;
	v->skipped++;
}

/* Another name of a file that was not saved cannot be given back. */
static void follow_failures(struct volume *v)
{
	struct catalog *c = &v->catalog;

	catalog_sort(c);
	for (struct entry *e = c->items; e < c->items + c->count; e++)
		if (!e->failed && e->kind == ENTRY_HARDLINK)
			follow_first(v, e, catalog_find(c, e->target));
}

static bool copy_missing(struct volume *v, struct set_output *o)
{
	/* The list can grow: a file may have become a link. */
	for (size_t i = 0; i < v->catalog.count; i++) {
		const struct entry *entry = &v->catalog.items[i];

		if (entry->failed || entry->copied || !has_content(entry))
			continue;
		if (signals_caught() || !copy_entry(v, o, i))
			return false;
	}
	return true;
}

bool volume_copy(struct volume *v, struct set_output *o)
{
	if (!copy_missing(v, o))
		return false;
	while (volume_find_unfit(v)) {
		progress_total(v->bytes);
		if (!set_output_check_room(o, v->bytes, v->files) || !copy_missing(v, o))
			return false;
	}
	follow_failures(v);
	catalog_drop_failed(&v->catalog);
	return true;
}
