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
