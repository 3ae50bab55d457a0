/*
 * Duplicates become links: a store file for each set, and the index for each link. Sets
 * wait until there are some of them, since what a sync costs is the same for one or many.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file_step.h"
#include "sis/care_bind.h"
#include "sis/care_stored.h"
#include "sis/extents.h"

/* Each durable change of MaxIndex is good for so many links. */
#define INDEX_BLOCK 256

/* So many new store files are synced at once. */
#define BATCH 128

/* A set of duplicates, and the store file that is made of one of them. */
struct pending {
	struct supply supply;
	struct care_item **set;
	size_t count;
	bool named;
};

struct linker {
	uint64_t max_index;
	uint64_t next_index, indexes_left;
	struct pending pending[BATCH];
	size_t count;
};

/* ---- beginning ---- */

static status require_sharing(const struct care_run *run)
{
	const struct volume *volume = run->volume;
	bool can = false;
	status rc = STATUS_OK;

	if (volume->kind == VOLUME_POSIX)
		rc = extents_can_share(volume->fd, volume->root, &can);
	if (failed(rc) || can)
		return rc;
	return status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
		"%s/: the file system cannot share extents between files (XFS and btrfs "
		"can), so that no other program could read a link",
		volume->root);
}

/* What a crashed run left is removed if nobody else uses the store. */
static status pin_store(const struct care_run *run)
{
	struct stored_files files = {0};
	status rc;

	if (!failed(store_exclude(run->store))) {
		rc = stored_files_read(run, &files);
		if (!failed(rc))
			rc = stored_files_tidy(run, &files.leftovers);
		stored_files_free(&files);
		if (failed(rc))
			return rc;
	}
	return store_pin(run->store);
}

/* The store is made when there is something to put into it. */
static status prepare(struct care_run *run, struct linker *linker)
{
	status rc = STATUS_OK;

	if (!run->store) {
		rc = store_open(run->volume, true, &run->store);
		if (!failed(rc))
			rc = store_pin(run->store);
	}
	if (!failed(rc) && linker->next_index == 0)
		rc = store_repair_index(run->store, linker->max_index);
	return rc;
}

/* ---- one set ---- */

static status next_index(
	const struct care_run *run, struct linker *linker, uint64_t *index)
{
	if (linker->indexes_left == 0) {
		status rc =
			store_next_indexes(run->store, INDEX_BLOCK, &linker->next_index);

		if (failed(rc))
			return rc;
		linker->indexes_left = INDEX_BLOCK;
	}
	linker->indexes_left--;
	*index = linker->next_index++;
	return STATUS_OK;
}

/* FREES: another one keeps the content, so that ITEM's disk space is saved. */
static status link_item(struct care_run *run, struct linker *linker,
	const struct supply *supply, const struct care_item *item, bool frees)
{
	struct backupapi_sis_summary *summary = run->care->summary;
	uint64_t index;
	status rc = next_index(run, linker, &index);

	if (failed(rc))
		return rc;
	rc = care_bind(run, supply, item, index);
	if (failed(rc))
		return care_skip(run, item->path, rc);
	summary->changed++;
	summary->links++;
	if (frees) {
		summary->duplicates++;
		summary->saved_bytes += item->disk;
	}
	return care_tell(
		run, BACKUPAPI_SIS_LINKED, item->path, supply->path, NULL, item->size);
}

static status link_items(struct care_run *run, struct linker *linker,
	const struct supply *supply, bool made, struct care_item *const *set,
	size_t count)
{
	const uint64_t before = run->care->summary->changed;
	status rc = STATUS_OK;

	for (size_t i = 0; !failed(rc) && i < count; i++)
		if (!set[i]->stored && !set[i]->dropped)
			rc = link_item(run, linker, supply, set[i],
				!made || run->care->summary->changed > before);
	if (made && run->care->summary->changed > before)
		run->care->summary->store_files++;
	return rc;
}

/* A good store file among the set's own; SUPPLY's fd is -1 where there is none. */
static status find_supply(struct care_run *run, struct care_item *const *set,
	size_t count, struct supply *supply)
{
	status rc = STATUS_OK;

	*supply = (struct supply){.fd = -1};
	for (size_t i = 0; !failed(rc) && i < count && set[i]->stored; i++) {
		rc = supply_use(run, set[i], supply);
		if (!failed(rc))
			return rc;
		rc = care_skip(run, set[i]->path, rc);
	}
	return rc;
}

/* *MADE is false where no item is left that another one could be a duplicate of. */
static status make_supply(struct care_run *run, struct care_item *const *set,
	size_t count, struct supply *supply, bool *made)
{
	size_t left = 0;
	status rc = STATUS_OK;

	*made = false;
	for (size_t i = 0; i < count; i++)
		left += !set[i]->stored;
	for (size_t i = 0; !failed(rc) && left > 1 && i < count; i++) {
		if (set[i]->stored)
			continue;
		rc = supply_prepare(run, set[i], supply);
		*made = !failed(rc);
		if (*made)
			return rc;
		set[i]->dropped = true;
		rc = care_skip(run, set[i]->path, rc);
		left--;
	}
	return rc;
}

/* ---- sets that wait ---- */

static void forget(struct pending *pending)
{
	supply_close(&pending->supply);
	free(pending->set);
}

/* Synced: content and sums ahead of the names, and those ahead of the links. */
static status name_all(const struct care_run *run, struct linker *linker)
{
	const int dirfd = run->store->fd;
	status rc = STATUS_OK;

	if (step_sync_all(dirfd))
		return step_errno(errno, dirfd, ".");
	for (size_t i = 0; !failed(rc) && i < linker->count; i++) {
		rc = supply_name(run, &linker->pending[i].supply);
		linker->pending[i].named = !failed(rc);
	}
	if (!failed(rc) && step_sync_dir(dirfd))
		rc = step_errno(errno, dirfd, ".");
	return rc;
}

static status link_pending(
	struct care_run *run, struct linker *linker, struct pending *pending)
{
	const uint64_t before = run->care->summary->changed;
	status rc = supply_open(run, &pending->supply);

	if (!failed(rc))
		rc = link_items(run, linker, &pending->supply, true, pending->set,
			pending->count);
	if (run->care->summary->changed == before)
		supply_discard(run, &pending->supply, rc);
	return rc;
}

/* With RC, a failure, nothing more is linked. */
static status flush(struct care_run *run, struct linker *linker, status rc)
{
	if (!failed(rc) && linker->count > 0)
		rc = name_all(run, linker);
	for (size_t i = 0; i < linker->count; i++) {
		struct pending *pending = &linker->pending[i];

		if (!failed(rc))
			rc = link_pending(run, linker, pending);
		else if (pending->named)
			supply_discard(run, &pending->supply, rc);
		else
			supply_cancel(run, &pending->supply);
		forget(pending);
	}
	linker->count = 0;
	return rc;
}

/* SUPPLY is theirs. */
static status wait_for_more(struct care_run *run, struct linker *linker,
	struct supply *supply, struct care_item *const *set, size_t count)
{
	struct care_item **copy = reallocarray(NULL, count, sizeof(struct care_item *));

	if (!copy) {
		supply_cancel(run, supply);
		supply_close(supply);
		return status_no_memory();
	}
	memcpy(copy, set, count * sizeof(struct care_item *));
	linker->pending[linker->count++] =
		(struct pending){.supply = *supply, .set = copy, .count = count};
	return linker->count < BATCH ? STATUS_OK : flush(run, linker, STATUS_OK);
}

static status link_new(struct care_run *run, struct linker *linker,
	struct care_item *const *set, size_t count)
{
	struct supply supply = {.fd = -1};
	bool made;
	status rc = make_supply(run, set, count, &supply, &made);

	return made ? wait_for_more(run, linker, &supply, set, count) : rc;
}

static status link_set(
	struct care_run *run, void *context, struct care_item *const *set, size_t count)
{
	struct linker *linker = context;
	struct supply supply = {.fd = -1};
	status rc = prepare(run, linker);

	if (!failed(rc))
		rc = find_supply(run, set, count, &supply);
	if (!failed(rc) && supply.fd < 0)
		return link_new(run, linker, set, count);
	if (!failed(rc))
		rc = link_items(run, linker, &supply, false, set, count);
	supply_close(&supply);
	return rc;
}

static status link_rest(struct care_run *run, void *context, status rc)
{
	return flush(run, context, rc);
}

/* ---- all of them ---- */

/* Links are good without it, since what they need was synced before; this is for their
 * attributes to be on the disk when the call returns. */
static status sync_links(const struct care_run *run)
{
	if (!run->store || step_sync_all(run->store->fd) == 0)
		return STATUS_OK;
	return status_errno(errno, "%s/", run->volume->root);
}

static status link_volume(struct care_run *run, uint64_t minimum)
{
	struct linker *linker = calloc(1, sizeof(*linker));
	status rc = linker ? require_sharing(run) : status_no_memory();

	if (!failed(rc) && run->store)
		rc = pin_store(run);
	if (!failed(rc))
		rc = care_find_same(
			run, minimum, &linker->max_index, link_set, link_rest, linker);
	free(linker);
	return failed(rc) ? rc : sync_links(run);
}

status sis_link_duplicates(
	const char *root, uint64_t minimum, const struct sis_care *care)
{
	struct care_run run;
	status rc = care_begin(root, care, &run);

	if (!failed(rc))
		rc = link_volume(&run, minimum);
	care_end(&run);
	return rc;
}
