/*
 * mem.h - memory that is there, or the program ends
 *
 * A program that runs out of memory leaves through exit(), so that what it registered
 * with atexit() takes back what was half done.
 */
#ifndef COMMON_MEM_H
#define COMMON_MEM_H

#include <stdarg.h>
#include <stddef.h>

void *xmalloc(size_t size); /* all zero */
void *xrealloc(void *old, size_t count, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t length);
char *xvasprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Room for one more element in *ITEMS; all zero is the empty array. */
void array_reserve(void *items, size_t count, size_t *capacity, size_t size);

/* A growing list of strings that it owns; all zero is the empty list. */
struct strings {
	char **items;
	size_t count, capacity;
};

void strings_take(struct strings *list, char *item);
void strings_free(struct strings *list);

#endif
