/*
 * regular.h - opening a file only if it is one
 */
#ifndef ENGINE_REGULAR_H
#define ENGINE_REGULAR_H

#include <sys/stat.h>

#include "base/status.h"

/* Opens PATH for reading, following symbolic links, without blocking on a pipe and
 * without taking a terminal; what is no regular file is ERROR_INVALID_DATA. *FD is -1 on
 * failure. */
status regular_open(const char *path, int *fd, struct stat *st);

#endif
