/*
 * Two rounds of hashing: the beginning tells most files of one size apart without
 * reading them to their ends.
 */
#include "sis/care_items.h"

#include <stdlib.h>
#include <unistd.h>

#include "sis/vouch.h"

#define BEGINNING ((uint64_t)64 * 1024)

/* ---- the list ---- */

status care_items_add(
	struct care_items *list, char *path, const struct stat *st, bool stored)
{
	const uint64_t disk = (uint64_t)st->st_blocks * 512;

	if (!path)
		return status_no_memory();
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 64;
		struct care_item *items =
			reallocarray(list->items, capacity, sizeof(*items));

		if (!items) {
			free(path);
			return status_no_memory();
		}
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->count++] = (struct care_item){.path = path,
		.size = (uint64_t)st->st_size,
		.inode = st->st_ino,
		.disk = disk < (uint64_t)st->st_size ? disk : (uint64_t)st->st_size,
		.stored = stored};
	return STATUS_OK;
}

void care_items_free(struct care_items *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].path);
	free(list->items);
	*list = (struct care_items){0};
}

static int order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_sizes(const void *a, const void *b)
{
	const struct care_item *x = a, *y = b;

	if (x->size != y->size)
		return order(x->size, y->size);
	if (x->stored != y->stored)
		return x->stored ? -1 : 1;
	return order(x->inode, y->inode);
}

/* What is dropped comes last. */
static int compare_hashes(const void *a, const void *b)
{
	const struct care_item *x = a, *y = b;

	if (x->dropped != y->dropped)
		return x->dropped ? 1 : -1;
	if (x->hash != y->hash)
		return order(x->hash, y->hash);
	return compare_sizes(a, b);
}

void care_items_sort(struct care_items *list)
{
	size_t kept = 0;

	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), compare_sizes);
	for (size_t i = 0; i < list->count; i++) {
		if (kept && compare_sizes(&list->items[kept - 1], &list->items[i]) == 0)
			free(list->items[i].path);
		else
			list->items[kept++] = list->items[i];
	}
	list->count = kept;
}

status care_item_open(const struct care_run *run, const struct care_item *item, int *fd,
	struct stat *st)
{
	status rc = care_open(run, item->path, fd, st);

	if (failed(rc))
		return rc;
	if (st->st_ino == item->inode && (uint64_t)st->st_size == item->size)
		return STATUS_OK;
	(void)close(*fd);
	*fd = -1;
	return status_fail(STATUS_WIN32(ERROR_SHARING_VIOLATION),
		"%s/%s: changed meanwhile", run->volume->root, item->path);
}

/* ---- hashing ---- */

static status hash_item(struct care_run *run, struct care_item *item, uint64_t limit)
{
	const uint64_t before = run->done_bytes;
	const bool whole = limit >= item->size;
	struct stat st;
	status rc, skipped;
	int fd;

	rc = care_item_open(run, item, &fd, &st);
	if (!failed(rc)) {
		rc = care_hash(run, fd, item->path, whole ? item->size : limit, whole,
			&item->hash);
		(void)close(fd);
	}
	if (!failed(rc))
		return rc;
	item->dropped = true;
	skipped = care_skip(run, item->path, rc);
	if (failed(skipped))
		return skipped;
	return care_progress(run, item->size - (run->done_bytes - before));
}

/* Hashes ITEMS and sorts them by it; *COUNT is without what was dropped. */
static status hash_items(
	struct care_run *run, struct care_item *items, size_t *count, uint64_t limit)
{
	status rc = STATUS_OK;
	size_t kept = 0;

	for (size_t i = 0; !failed(rc) && i < *count; i++)
		rc = hash_item(run, &items[i], limit);
	if (failed(rc))
		return rc;
	qsort(items, *count, sizeof(*items), compare_hashes);
	while (kept < *count && !items[kept].dropped)
		kept++;
	*count = kept;
	return STATUS_OK;
}

/* How many of the first items have the first one's hash. */
static size_t same_hash(const struct care_item *items, size_t count)
{
	size_t n = 1;

	while (n < count && items[n].hash == items[0].hash)
		n++;
	return n;
}

/* With two or more, and one that is not in the store; store files are in front. */
static bool is_worth_it(const struct care_item *items, size_t count)
{
	return count > 1 && !items[count - 1].stored;
}

/* ---- comparing ---- */

/* Opens ITEM and compares it with what OTHER reads; one that fails is dropped. */
static status compare_item(
	struct care_run *run, int other, struct care_item *item, bool *equal)
{
	struct stat st;
	int fd;
	status rc = care_item_open(run, item, &fd, &st);

	*equal = false;
	if (!failed(rc)) {
		rc = vouch_compare(other, fd, item->path, equal);
		(void)close(fd);
	}
	if (!failed(rc))
		return rc;
	item->dropped = true;
	return care_skip(run, item->path, rc);
}

/* The items with the same content as the first one of *SET go to its front; *SAME are
 * they. */
static status pick_same(
	struct care_run *run, struct care_item **set, size_t count, size_t *same)
{
	struct stat st;
	status rc;
	int fd;

	*same = 1;
	rc = care_item_open(run, set[0], &fd, &st);
	if (failed(rc)) {
		set[0]->dropped = true;
		return care_skip(run, set[0]->path, rc);
	}
	for (size_t i = 1; !failed(rc) && i < count; i++) {
		struct care_item *item = set[i];
		bool equal;

		rc = compare_item(run, fd, item, &equal);
		if (!equal)
			continue;
		/* In their order: store files stay in front. */
		for (size_t j = i; j > *same; j--)
			set[j] = set[j - 1];
		set[(*same)++] = item;
	}
	(void)close(fd);
	return rc;
}

static status split_set(struct care_run *run, struct care_item **set, size_t count,
	care_same same_found, void *context)
{
	status rc = STATUS_OK;

	while (!failed(rc) && count > 1) {
		size_t same, left = 0;

		rc = pick_same(run, set, count, &same);
		if (!failed(rc) && same > 1 && !set[same - 1]->stored)
			rc = same_found(run, context, set, same);
		for (size_t i = same; i < count; i++)
			if (!set[i]->dropped)
				set[left++] = set[i];
		count = left;
	}
	return rc;
}

static status compare_items(struct care_run *run, struct care_item *items, size_t count,
	care_same same, void *context)
{
	struct care_item **set = reallocarray(NULL, count, sizeof(struct care_item *));
	status rc;

	if (!set)
		return status_no_memory();
	for (size_t i = 0; i < count; i++)
		set[i] = &items[i];
	rc = split_set(run, set, count, same, context);
	free(set);
	return rc;
}

/* ---- both ---- */

static status group_whole(struct care_run *run, struct care_item *items, size_t count,
	care_same same, void *context)
{
	status rc = STATUS_OK;

	if (items[0].size > BEGINNING)
		rc = hash_items(run, items, &count, UINT64_MAX);
	for (size_t i = 0, n; !failed(rc) && i < count; i += n) {
		n = same_hash(items + i, count - i);
		if (is_worth_it(items + i, n))
			rc = compare_items(run, items + i, n, same, context);
	}
	return rc;
}

status care_group(struct care_run *run, struct care_item *items, size_t count,
	care_same same, void *context)
{
	status rc;

	if (!is_worth_it(items, count))
		return STATUS_OK;
	rc = hash_items(run, items, &count, BEGINNING);
	for (size_t i = 0, n; !failed(rc) && i < count; i += n) {
		n = same_hash(items + i, count - i);
		if (is_worth_it(items + i, n))
			rc = group_whole(run, items + i, n, same, context);
		else if (items[i].size > BEGINNING)
			rc = care_progress(run, n * items[i].size);
	}
	return rc;
}
