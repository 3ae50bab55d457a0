/* The list of files that engines give back; apart from the table, so that the worker
 * program and the spool can use it without it. */
#include "engine/engine.h"

#include <stdlib.h>
#include <string.h>

status engine_files_add(struct engine_files *files, const char *path,
	enum engine_file_kind kind, uint32_t generation, uint64_t size)
{
	char *copy;

	if (files->count == files->capacity) {
		size_t capacity = files->capacity ? files->capacity * 2 : 16;
		struct engine_file *items =
			reallocarray(files->items, capacity, sizeof(*items));

		if (!items)
			return status_no_memory();
		files->items = items;
		files->capacity = capacity;
	}
	copy = strdup(path);
	if (!copy)
		return status_no_memory();
	files->items[files->count++] = (struct engine_file){
		.path = copy, .kind = kind, .generation = generation, .size = size};
	return STATUS_OK;
}

void engine_files_free(struct engine_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->items[i].path);
	free(files->items);
	*files = (struct engine_files){0};
}

status engine_logs_take(struct engine_logs *logs, char *path, uint32_t generation,
	uint64_t size, bool part)
{
	if (path && logs->count == logs->capacity) {
		size_t capacity = logs->capacity ? logs->capacity * 2 : 16;
		struct engine_log *items =
			reallocarray(logs->items, capacity, sizeof(*items));

		if (!items) {
			free(path);
			return status_no_memory();
		}
		logs->items = items;
		logs->capacity = capacity;
	}
	if (!path)
		return status_no_memory();
	logs->items[logs->count++] = (struct engine_log){
		.path = path, .generation = generation, .size = size, .part = part};
	return STATUS_OK;
}

static int compare_logs(const void *a, const void *b)
{
	const struct engine_log *x = a, *y = b;

	if (x->generation != y->generation)
		return x->generation < y->generation ? -1 : 1;
	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return strcmp(x->path, y->path);
}

void engine_logs_sort(struct engine_logs *logs)
{
	if (logs->count > 1)
		qsort(logs->items, logs->count, sizeof(*logs->items), compare_logs);
}

void engine_logs_free(struct engine_logs *logs)
{
	for (size_t i = 0; i < logs->count; i++)
		free(logs->items[i].path);
	free(logs->items);
	*logs = (struct engine_logs){0};
}
