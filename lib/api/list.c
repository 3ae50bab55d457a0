#include "api/list.h"

#include <stdbool.h>
#include <stdlib.h>

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
static status measure(
	const struct list *list, enum text_form form, size_t limit, size_t *characters)
{
	size_t total = list->count ? 1 : 2;

	for (size_t i = 0; i < list->count; i++) {
		const struct list_item *item = &list->items[i];

		total += text_length(item->name, form) + 1 + (item->tag ? 1 : 0);
		if (total > limit)
			return status_fail(STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY),
				"a list of %zu names is over %zu characters", list->count,
				limit);
	}
	*characters = total;
	return STATUS_OK;
}

status list_pack(const struct list *list, enum alloc_family family, enum text_form form,
	void **block, uint32_t *size)
{
	size_t characters = 0;
	void *p;
	status rc = measure(list, form, LIST_SIZE_LIMIT / form, &characters);

	if (failed(rc))
		return rc;
	p = alloc_block(family, characters * form);
	if (!p)
		return status_no_memory();
	*block = p;
	*size = (uint32_t)(characters * form);
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].tag)
			p = text_write_unit(list->items[i].tag, form, p);
		p = text_write(list->items[i].name, form, p);
		p = text_write_unit(0, form, p);
	}
	if (!list->count)
		p = text_write_unit(0, form, p);
	(void)text_write_unit(0, form, p);
	return STATUS_OK;
}
