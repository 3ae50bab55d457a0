#include "api/list.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* What a size of 32 bits can tell. */
#ifndef LIST_SIZE_LIMIT
#define LIST_SIZE_LIMIT UINT32_MAX
#endif

static bool grow(struct list *list)
{
	size_t capacity = list->capacity ? 2 * list->capacity : 16;
	struct list_item *items = reallocarray(list->items, capacity, sizeof(*items));

	if (!items)
		return false;
	list->items = items;
	list->capacity = capacity;
	return true;
}

status list_take(struct list *list, enum list_tag tag, char *name)
{
	if (!name || (list->count == list->capacity && !grow(list))) {
		free(name);
		return status_no_memory();
	}
	list->items[list->count++] = (struct list_item){.name = name, .tag = tag};
	return STATUS_OK;
}

void list_free(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].name);
	free(list->items);
	*list = (struct list){0};
}

/* The size in characters of the whole block, of which at most LIMIT are allowed. */
static status measure(const struct list *list, size_t (*length)(const char *),
	size_t limit, size_t *characters)
{
	size_t total = list->count ? 1 : 2;

	for (size_t i = 0; i < list->count; i++) {
		const struct list_item *item = &list->items[i];

		total += length(item->name) + 1 + (item->tag ? 1 : 0);
		if (total > limit)
			return status_fail(STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY),
				"a list of %zu names is over %zu characters", list->count,
				limit);
	}
	*characters = total;
	return STATUS_OK;
}

status list_pack_wide(const struct list *list, enum alloc_family family, wchar_t **block,
	uint32_t *size)
{
	size_t characters;
	wchar_t *p;
	status rc = measure(
		list, text_wide_length, LIST_SIZE_LIMIT / sizeof(*p), &characters);

	if (failed(rc))
		return rc;
	p = alloc_block(family, characters * sizeof(*p));
	if (!p)
		return status_no_memory();
	*block = p;
	*size = (uint32_t)(characters * sizeof(*p));
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].tag)
			*p++ = (wchar_t)list->items[i].tag;
		p = text_to_wide(list->items[i].name, p) + 1;
	}
	if (!list->count)
		*p++ = L'\0';
	*p = L'\0';
	return STATUS_OK;
}

status list_pack_narrow(
	const struct list *list, enum alloc_family family, char **block, uint32_t *size)
{
	size_t bytes;
	char *p;
	status rc = measure(list, strlen, LIST_SIZE_LIMIT, &bytes);

	if (failed(rc))
		return rc;
	p = alloc_block(family, bytes);
	if (!p)
		return status_no_memory();
	*block = p;
	*size = (uint32_t)bytes;
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].tag)
			*p++ = (char)list->items[i].tag;
		p = stpcpy(p, list->items[i].name) + 1;
	}
	if (!list->count)
		*p++ = '\0';
	*p = '\0';
	return STATUS_OK;
}
