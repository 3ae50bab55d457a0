#include "common/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/report.h"

static void *need(void *p)
{
	if (!p) {
		report_no_memory();
		exit(EXIT_FAILED);
	}
	return p;
}

void *xmalloc(size_t size)
{
	return need(calloc(1, size ? size : 1));
}

void *xrealloc(void *old, size_t count, size_t size)
{
	return need(reallocarray(old, count ? count : 1, size));
}

char *xstrdup(const char *s)
{
	return need(strdup(s));
}

char *xstrndup(const char *s, size_t length)
{
	return need(strndup(s, length));
}

char *xvasprintf(const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	return need(text);
}

char *xasprintf(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	return text;
}

void array_reserve(void *items, size_t count, size_t *capacity, size_t size)
{
	void *old;

	if (count < *capacity)
		return;
	*capacity = *capacity ? *capacity * 2 : 16;
	memcpy(&old, items, sizeof(old));
	old = xrealloc(old, *capacity, size);
	memcpy(items, &old, sizeof(old));
}

void strings_take(struct strings *list, char *item)
{
	array_reserve(&list->items, list->count, &list->capacity, sizeof(*list->items));
	list->items[list->count++] = item;
}

void strings_free(struct strings *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	memset(list, 0, sizeof(*list));
}
