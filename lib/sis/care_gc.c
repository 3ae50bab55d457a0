/*
 * Nobody else uses the store meanwhile, but files are moved and written as ever. A file
 * that is moved from a directory not yet read to one that was can be missed; a link that
 * shares extents loses nothing by that but its being one. Only links without data could
 * lose their content. So a directory or file that vanishes from under the walk ends it,
 * and what no link seems to need is first set aside: it is removed when a second walk
 * finds no link either, and nobody else has looked for it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "sis/care_need.h"

struct gc {
	struct stored_files files;
	bool dry_run;
	bool second_walk;
	size_t aside; /* how many */
};

/* ---- both walks ---- */

/* Is it a link, it cannot be told to which file. */
static status note_damaged(
	struct care_run *run, const struct gc *gc, const struct care_file *file)
{
	status rc;

	if (care_counts(run, file))
		return status_fail(file->look,
			"%s/%s: its reparse data is damaged, so that it cannot be told "
			"which common-store file it needs",
			run->volume->root, file->path);
	if (gc->second_walk)
		return STATUS_OK;
	rc = status_fail(file->look,
		"%s/%s: its reparse data is damaged, and nobody vouches for it",
		run->volume->root, file->path);
	return care_skip(run, file->path, rc);
}

static void count(struct care_run *run, const struct gc *gc, const struct care_file *file)
{
	if (gc->second_walk)
		return;
	run->care->summary->files++;
	run->care->summary->bytes += (uint64_t)file->st.st_size;
	if (!failed(file->look))
		run->care->summary->links += vouch_is_link(&file->state);
}

/* To look at a file brings its store file back. */
static status note_need(struct care_run *run, void *context, const struct care_file *file)
{
	const struct gc *gc = context;
	struct stored_file *stored;

	count(run, gc, file);
	if (care_might_need(run, file))
		return note_damaged(run, gc, file);
	if (failed(file->look))
		return STATUS_OK;
	stored = stored_files_find(&gc->files, file->state.link.store_file);
	if (!stored)
		return STATUS_OK;
	if (care_needs(file))
		stored->needed = true;
	else if (stored->aside && !stored->needed && file->state.store_file)
		return store_set_aside(run->store, stored->guid);
	return STATUS_OK;
}

/* ---- setting aside ---- */

/* What is no file of the store's owner was not put there by this library. */
static bool is_orphan(const struct stored_file *file)
{
	return !file->needed && file->regular;
}

static status set_aside(struct care_run *run, void *context, struct stored_file *file)
{
	struct gc *gc = context;
	status rc;

	if (!is_orphan(file))
		return STATUS_OK;
	rc = store_set_aside(run->store, file->guid);
	file->aside = !failed(rc);
	gc->aside += file->aside;
	return rc;
}

static status bring_back(struct care_run *run, void *context, struct stored_file *file)
{
	(void)context;
	if (!file->aside)
		return STATUS_OK;
	file->aside = false;
	return store_bring_back(run->store, file->guid);
}

static status bring_back_anyway(
	struct care_run *run, void *context, struct stored_file *file)
{
	(void)bring_back(run, context, file);
	return STATUS_OK;
}

/* What is pending explains why, and must stay. What cannot be brought back now will be by
 * whoever looks for it. */
static void bring_all_back(struct care_run *run, const struct gc *gc, status rc)
{
	char *text = strdup(status_pending());

	(void)stored_files_each(run, &gc->files, bring_back_anyway, NULL);
	if (text)
		(void)status_fail(rc, "%s", text);
	free(text);
}

/* ---- removing ---- */

static status report(struct care_run *run, const struct stored_file *file, uint32_t kind)
{
	char name[STORE_FILE_NAME_SIZE], *path;
	status rc;

	store_file_name(file->guid, name);
	path = care_store_path(name);
	rc = path ? care_tell(run, kind, path, NULL, NULL, file->size)
		  : status_no_memory();
	free(path);
	return rc;
}

static status report_orphan(struct care_run *run, void *context, struct stored_file *file)
{
	(void)context;
	if (!is_orphan(file))
		return STATUS_OK;
	run->care->summary->orphaned++;
	run->care->summary->saved_bytes += file->size;
	return report(run, file, BACKUPAPI_SIS_ORPHANED);
}

static status remove_orphan(struct care_run *run, struct stored_file *file)
{
	bool removed;
	status rc = store_remove_aside(run->store, file->guid, &removed);

	if (failed(rc) || !removed)
		return rc;
	file->aside = false;
	run->care->summary->changed++;
	run->care->summary->store_files--;
	return report(run, file, BACKUPAPI_SIS_REMOVED);
}

static status settle(struct care_run *run, void *context, struct stored_file *file)
{
	status rc;

	if (!file->aside)
		return STATUS_OK;
	if (file->needed)
		return bring_back(run, context, file);
	rc = report_orphan(run, context, file);
	return failed(rc) ? rc : remove_orphan(run, file);
}

/* ---- all of it ---- */

/* Leftovers first: they may have the names that are wanted. */
static status remove_orphans(struct care_run *run, struct gc *gc)
{
	status rc = stored_files_tidy(run, &gc->files.leftovers);

	if (!failed(rc))
		rc = stored_files_each(run, &gc->files, set_aside, gc);
	if (!failed(rc) && gc->aside > 0) {
		gc->second_walk = true;
		rc = file_sync_dir(run->store->fd, STORE_NAME);
		if (!failed(rc))
			rc = care_walk(run, true, note_need, gc);
		if (!failed(rc))
			rc = stored_files_each(run, &gc->files, settle, NULL);
	}
	if (failed(rc))
		bring_all_back(run, gc, rc);
	return rc;
}

static status gc_volume(struct care_run *run, struct gc *gc)
{
	status rc = care_need_store(run);

	if (!failed(rc))
		rc = gc->dry_run ? store_pin(run->store) : store_exclude(run->store);
	if (!failed(rc))
		rc = stored_files_read(run, &gc->files);
	if (!failed(rc))
		rc = care_walk(run, true, note_need, gc);
	/* Those stay: one may be the last that is left of a content. */
	if (!failed(rc))
		rc = stored_files_report_damaged(run, &gc->files);
	if (failed(rc))
		return rc;
	return gc->dry_run ? stored_files_each(run, &gc->files, report_orphan, NULL)
			   : remove_orphans(run, gc);
}

status sis_gc(const char *root, bool dry_run, const struct sis_care *care)
{
	struct gc gc = {.dry_run = dry_run};
	struct care_run run;
	status rc = care_begin(root, care, &run);

	if (!failed(rc))
		rc = gc_volume(&run, &gc);
	stored_files_free(&gc.files);
	care_end(&run);
	return rc;
}
