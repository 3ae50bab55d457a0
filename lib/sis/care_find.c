/* Every file of a volume that could be a duplicate, and the store's files beside them. */
#include <stdlib.h>
#include <string.h>

#include "sis/care_items.h"
#include "sis/care_stored.h"
#include "sis/care_walk.h"

struct find {
	uint64_t minimum, max_index;
	struct care_items list;
};

/* A link is one already; and what cannot be told from one is left alone. */
static bool is_candidate(const struct care_run *run, const struct care_file *file)
{
	const bool ntfs = run->volume->kind == VOLUME_NTFS;

	if (!S_ISREG(file->st.st_mode) || (!failed(file->look) && file->state.unfinished))
		return false;
	if (file->look == STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT))
		return ntfs || file->st.st_blocks > 0;
	if (ntfs || file->st.st_blocks == 0)
		return false;
	return failed(file->look) || !vouch_is_link(&file->state);
}

static void count_link(
	struct care_run *run, struct find *find, const struct care_file *file)
{
	if (failed(file->look))
		return;
	if (vouch_is_link(&file->state))
		run->care->summary->links++;
	if (file->state.vouched && file->state.link.index <= STORE_INDEX_CREDIBLE &&
		file->state.link.index > find->max_index)
		find->max_index = file->state.link.index;
}

static status collect(struct care_run *run, void *context, const struct care_file *file)
{
	struct find *find = context;

	run->care->summary->files++;
	run->care->summary->bytes += (uint64_t)file->st.st_size;
	count_link(run, find, file);
	if (file->st.st_size == 0 || (uint64_t)file->st.st_size < find->minimum ||
		!is_candidate(run, file))
		return STATUS_OK;
	return care_items_add(&find->list, strdup(file->path), &file->st, false);
}

static status add_stored(struct care_run *run, void *context, struct stored_file *file)
{
	struct care_items *list = context;
	char name[STORE_FILE_NAME_SIZE];
	struct stat st;

	if (!file->regular || file->size == 0 ||
		failed(store_stat(run->store, file->guid, &st)))
		return STATUS_OK;
	store_file_name(file->guid, name);
	return care_items_add(list, care_store_path(name), &st, true);
}

static status add_all_stored(struct care_run *run, struct care_items *list)
{
	struct stored_files files = {0};
	status rc;

	if (!run->store)
		return STATUS_OK;
	rc = stored_files_read(run, &files);
	if (!failed(rc))
		rc = stored_files_each(run, &files, add_stored, list);
	stored_files_free(&files);
	return rc;
}

/* ---- sets of one size ---- */

static size_t same_size(const struct care_items *list, size_t first)
{
	size_t n = 1;

	while (first + n < list->count &&
		list->items[first + n].size == list->items[first].size)
		n++;
	return n;
}

static bool has_candidates(const struct care_items *list, size_t first, size_t n)
{
	return n > 1 && !list->items[first + n - 1].stored;
}

static status group_all(struct care_run *run, const struct care_items *list,
	care_same same, void *context)
{
	status rc = STATUS_OK;
	size_t n;

	for (size_t i = 0; i < list->count; i += n) {
		n = same_size(list, i);
		if (has_candidates(list, i, n))
			run->total_bytes += n * list->items[i].size;
	}
	for (size_t i = 0; !failed(rc) && i < list->count; i += n) {
		n = same_size(list, i);
		rc = care_group(run, list->items + i, n, same, context);
	}
	return rc;
}

status care_find_same(struct care_run *run, uint64_t minimum, uint64_t *max_index,
	care_same same, care_end_same end, void *context)
{
	struct find find = {.minimum = minimum};
	status rc = care_walk(run, false, collect, &find);

	*max_index = find.max_index;
	if (!failed(rc))
		rc = add_all_stored(run, &find.list);
	if (!failed(rc)) {
		care_items_sort(&find.list);
		rc = group_all(run, &find.list, same, context);
	}
	if (end)
		rc = end(run, context, rc);
	care_items_free(&find.list);
	return rc;
}
