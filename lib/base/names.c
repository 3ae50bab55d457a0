/*
 * The items are the list's own; sorting frees the equal ones, so that a sorted list is a
 * set.
 */
#include "base/names.h"

#include <stdlib.h>
#include <string.h>

status names_take(struct names *list, char *item)
{
	if (!item)
		return status_no_memory();
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 8;
		char **items = NULL;

		if (capacity <= SIZE_MAX / sizeof(char *))
			items = realloc(list->items, capacity * sizeof(char *));
		if (!items) {
			free(item);
			return status_no_memory();
		}
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->count++] = item;
	return STATUS_OK;
}

status names_add(struct names *list, const char *item)
{
	return names_take(list, strdup(item));
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void names_sort(struct names *list)
{
	size_t kept = 1;

	if (list->count < 2)
		return;
	qsort(list->items, list->count, sizeof(char *), compare);
	for (size_t i = 1; i < list->count; i++) {
		if (strcmp(list->items[i], list->items[kept - 1]) == 0)
			free(list->items[i]);
		else
			list->items[kept++] = list->items[i];
	}
	list->count = kept;
}

bool names_contains(const struct names *list, const char *item)
{
	return list->count &&
	       bsearch(&item, list->items, list->count, sizeof(char *), compare) != NULL;
}

void names_free(struct names *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct names){0};
}
