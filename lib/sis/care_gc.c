/*
 * Nobody else uses the store meanwhile, but files are moved and written as ever. A file
 * that is moved from a directory not yet read to one that was can be missed; a link that
 * shares extents loses nothing by that but its being one. Only links without data could
 * lose their content, so that a directory or file that vanishes from under the walk ends
 * it.
 */
#include <stdlib.h>

#include "base/file.h"
#include "sis/care_need.h"

struct gc {
	struct stored_files files;
	bool dry_run;
};

static status note_need(struct care_run *run, void *context, const struct care_file *file)
{
	const struct gc *gc = context;
	struct stored_file *stored;

	run->care->summary->files++;
	run->care->summary->bytes += (uint64_t)file->st.st_size;
	if (care_might_need(run, file))
		return status_fail(file->look,
			"%s/%s: its reparse data is damaged, so that it cannot be told "
			"which common-store file it needs",
			run->volume->root, file->path);
	if (failed(file->look) || !care_needs(file))
		return STATUS_OK;
	run->care->summary->links += vouch_is_link(&file->state);
	stored = stored_files_find(&gc->files, file->state.link.store_file);
	if (stored)
		stored->needed = true;
	return STATUS_OK;
}

/* The sum first: a store file without one is still known for what it is. */
static status remove_stored(
	struct care_run *run, const struct stored_file *file, const char *path)
{
	char name[STORE_FILE_NAME_SIZE];
	status rc = store_remove_sum(run->store, file->guid);

	store_file_name(file->guid, name);
	if (!failed(rc))
		rc = file_remove_at(run->store->fd, name);
	if (failed(rc))
		return rc;
	run->care->summary->changed++;
	run->care->summary->store_files--;
	return care_tell(run, BACKUPAPI_SIS_REMOVED, path, NULL, NULL, file->size);
}

static status collect(struct care_run *run, void *context, struct stored_file *file)
{
	const struct gc *gc = context;
	char name[STORE_FILE_NAME_SIZE], *path;
	status rc;

	/* What is no file of the store's owner was not put there by this library. */
	if (file->needed || !file->regular)
		return STATUS_OK;
	store_file_name(file->guid, name);
	path = care_store_path(name);
	if (!path)
		return status_no_memory();
	run->care->summary->orphaned++;
	run->care->summary->saved_bytes += file->size;
	rc = care_tell(run, BACKUPAPI_SIS_ORPHANED, path, NULL, NULL, file->size);
	if (!failed(rc) && !gc->dry_run)
		rc = remove_stored(run, file, path);
	free(path);
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
	if (!failed(rc))
		rc = stored_files_each(run, &gc->files, collect, gc);
	if (!failed(rc) && !gc->dry_run)
		rc = stored_files_tidy(run, &gc->files.leftovers);
	return rc;
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
