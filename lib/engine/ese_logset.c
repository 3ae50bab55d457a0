#include "engine/ese_logset.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/names.h"
#include "engine/ese_logset_path.h"
#include "engine/ese_names.h"

/* ---- what is in the directory ---- */

char *ese_logset_path(const struct ese_logset *set, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", set->path, name) < 0 ? NULL : path;
}

static status read_current(
	const struct ese_logset *set, const char *path, struct ese_logset_item *item)
{
	struct ese_log_header header;
	int fd;
	status rc = ese_open_at(set->dirfd, item->name, path, &fd, &item->size);

	if (failed(rc))
		return rc;
	rc = ese_log_read(fd, path, &header);
	item->generation = header.generation;
	(void)close(fd);
	return rc;
}

static status read_size(
	const struct ese_logset *set, const char *path, struct ese_logset_item *item)
{
	struct stat st;

	if (fstatat(set->dirfd, item->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return status_errno(errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
			"%s: is not a regular file", path);
	item->size = (uint64_t)st.st_size;
	return STATUS_OK;
}

static status describe(const struct ese_logset *set, struct ese_logset_item *item)
{
	char *path = ese_logset_path(set, item->name);
	status rc;

	if (!path)
		return status_no_memory();
	rc = item->current ? read_current(set, path, item) : read_size(set, path, item);
	free(path);
	return rc;
}

static status append(struct ese_logset *set, const struct ese_logset_item *item)
{
	if (set->count == set->capacity) {
		const size_t capacity = set->capacity ? 2 * set->capacity : 16;
		struct ese_logset_item *items =
			reallocarray(set->items, capacity, sizeof(*items));

		if (!items)
			return status_no_memory();
		set->items = items;
		set->capacity = capacity;
	}
	set->items[set->count++] = *item;
	return STATUS_OK;
}

static status add_log(
	struct ese_logset *set, const char *name, const struct ese_name *parsed)
{
	struct ese_logset_item item = {
		.name = strdup(name),
		.generation = parsed->generation,
		.current = parsed->kind == ESE_NAME_CURRENT_LOG,
	};
	status rc = item.name ? describe(set, &item) : status_no_memory();

	if (!failed(rc))
		rc = append(set, &item);
	if (failed(rc))
		free(item.name);
	return rc;
}

static status add_checkpoint(struct ese_logset *set, const char *name)
{
	if (set->checkpoint)
		return status_fail(hrInvalidLogSequence,
			"%s: two checkpoints of one name: %s and %s", set->path,
			set->checkpoint, name);
	set->checkpoint = strdup(name);
	return set->checkpoint ? STATUS_OK : status_no_memory();
}

static status add_entry(struct ese_logset *set, const char *name)
{
	const struct ese_name parsed = ese_name_parse(name);

	if (!ese_name_has_base(&parsed, set->base))
		return STATUS_OK;
	switch (parsed.kind) {
	case ESE_NAME_LOG:
	case ESE_NAME_CURRENT_LOG:
		return add_log(set, name, &parsed);
	case ESE_NAME_CHECKPOINT:
		return add_checkpoint(set, name);
	default:
		return STATUS_OK;
	}
}

/* ---- the set ---- */

static int by_generation(const void *a, const void *b)
{
	const struct ese_logset_item *x = a, *y = b;

	if (x->generation != y->generation)
		return x->generation < y->generation ? -1 : 1;
	return strcmp(x->name, y->name);
}

static status refuse_twins(const struct ese_logset *set)
{
	const char *current = NULL;

	for (size_t i = 0; i < set->count; i++) {
		const struct ese_logset_item *item = &set->items[i];

		if (i && item[-1].generation == item->generation)
			return status_fail(hrInvalidLogSequence,
				"%s: both %s and %s are log 0x%" PRIX32, set->path,
				item[-1].name, item->name, item->generation);
		if (item->current && current)
			return status_fail(hrInvalidLogSequence,
				"%s: two current logs: %s and %s", set->path, current,
				item->name);
		current = item->current ? item->name : current;
	}
	return STATUS_OK;
}

static status add_entries(struct ese_logset *set)
{
	struct names names = {0};
	status rc = file_list_dir(set->dirfd, set->path, &names);

	for (size_t i = 0; i < names.count && !failed(rc); i++)
		rc = add_entry(set, names.items[i]);
	names_free(&names);
	return rc;
}

status ese_logset_read(
	int dirfd, const char *path, const char *base, struct ese_logset *set)
{
	status rc;

	*set = (struct ese_logset){.dirfd = dirfd, .path = strdup(path)};
	if (!set->path)
		return status_no_memory();
	if (strlen(base) != ESE_BASE_LENGTH)
		return status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
			"%s: the base name of logs has three characters", base);
	memcpy(set->base, base, sizeof(set->base));
	rc = add_entries(set);
	if (!failed(rc) && set->count)
		qsort(set->items, set->count, sizeof(*set->items), by_generation);
	return failed(rc) ? rc : refuse_twins(set);
}

void ese_logset_free(struct ese_logset *set)
{
	for (size_t i = 0; i < set->count; i++)
		free(set->items[i].name);
	free(set->items);
	free(set->checkpoint);
	free(set->path);
	*set = (struct ese_logset){.dirfd = -1};
}

/* ---- the base name ---- */

struct base_search {
	char base[ESE_BASE_LENGTH + 1];
	bool several;
};

static void take_base(struct base_search *search, const char *name)
{
	const struct ese_name parsed = ese_name_parse(name);

	if (parsed.kind != ESE_NAME_LOG && parsed.kind != ESE_NAME_CURRENT_LOG &&
		parsed.kind != ESE_NAME_CHECKPOINT)
		return;
	if (!*search->base)
		memcpy(search->base, parsed.base, sizeof(search->base));
	else if (!ese_name_has_base(&parsed, search->base))
		search->several = true;
}

status ese_logset_find_base(int dirfd, const char *path, char base[4])
{
	struct base_search search = {.base = ""};
	struct names names = {0};
	status rc = file_list_dir(dirfd, path, &names);

	for (size_t i = 0; i < names.count && !failed(rc); i++)
		take_base(&search, names.items[i]);
	names_free(&names);
	memcpy(base, search.several ? "\0\0\0" : search.base, 4);
	return rc;
}

/* ---- looking for logs ---- */

const struct ese_logset_item *ese_logset_find(
	const struct ese_logset *set, uint32_t generation)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (set->items[middle].generation < generation)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->count && set->items[low].generation == generation
		       ? &set->items[low]
		       : NULL;
}

uint32_t ese_logset_end_of_row(const struct ese_logset *set, uint32_t from)
{
	const struct ese_logset_item *item = ese_logset_find(set, from);
	uint32_t end = from - 1;

	for (; item && item < set->items + set->count && item->generation == end + 1;
		item++)
		end++;
	return end;
}
