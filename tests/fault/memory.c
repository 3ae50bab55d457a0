#include "memory.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t count, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t size);
char *__real_realpath(const char *path, char *resolved);
DIR *__real_opendir(const char *path);
DIR *__real_fdopendir(int fd);
void __real_free(void *p);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t count, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t size);
char *__wrap_realpath(const char *path, char *resolved);
DIR *__wrap_opendir(const char *path);
DIR *__wrap_fdopendir(int fd);
int __wrap_asprintf(char **text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void __wrap_free(void *p);

static long live, left;
static bool has_failed;

void memory_fail_at(long n)
{
	left = n;
	has_failed = false;
}

void memory_fail_no_more(void)
{
	left = 0;
}

bool memory_has_failed(void)
{
	return has_failed;
}

long memory_live(void)
{
	return live;
}

static bool fails(void)
{
	if (left == 0 || --left > 0)
		return false;
	has_failed = true;
	errno = ENOMEM;
	return true;
}

static void *counted(void *p)
{
	live += p != NULL;
	return p;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *p, size_t size)
{
	if (fails())
		return NULL;
	return p ? __real_realloc(p, size) : counted(__real_realloc(p, size));
}

void *__wrap_reallocarray(void *p, size_t count, size_t size)
{
	if (fails())
		return NULL;
	return p ? __real_reallocarray(p, count, size)
		 : counted(__real_reallocarray(p, count, size));
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : counted(__real_strdup(s));
}

char *__wrap_strndup(const char *s, size_t size)
{
	return fails() ? NULL : counted(__real_strndup(s, size));
}

char *__wrap_realpath(const char *path, char *resolved)
{
	if (resolved)
		return __real_realpath(path, resolved);
	return fails() ? NULL : counted(__real_realpath(path, NULL));
}

/* Theirs to release, with closedir: not counted. */
DIR *__wrap_opendir(const char *path)
{
	return fails() ? NULL : __real_opendir(path);
}

DIR *__wrap_fdopendir(int fd)
{
	return fails() ? NULL : __real_fdopendir(fd);
}

/* What a failing one leaves in *TEXT is undefined: the worst that can be. */
int __wrap_asprintf(char **text, const char *format, ...)
{
	va_list arguments;
	int length;

	*text = (char *)1;
	if (fails())
		return -1;
	va_start(arguments, format);
	length = vasprintf(text, format, arguments);
	va_end(arguments);
	if (length >= 0)
		live++;
	return length;
}

void __wrap_free(void *p)
{
	live -= p != NULL;
	__real_free(p);
}
