/*
 * names.h - a growing list of strings
 */
#ifndef BASE_NAMES_H
#define BASE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* All zero is the empty list. */
struct names {
	char **items;
	size_t count;
	size_t capacity;
};

/* Both fail only with ERROR_NOT_ENOUGH_MEMORY; names_take owns ITEM (free()) from the
 * call on, also when it fails, and treats a NULL one as that failure. */
status names_add(struct names *list, const char *item);
status names_take(struct names *list, char *item);

/* Sorts by byte value and drops equal items. */
void names_sort(struct names *list);

/* For a sorted list. */
bool names_contains(const struct names *list, const char *item);

void names_free(struct names *list);

#endif
