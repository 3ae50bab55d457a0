/*
 * file_walk.h - the components of a path, for file_*.c
 */
#ifndef BASE_FILE_WALK_H
#define BASE_FILE_WALK_H

#include <limits.h>

#include "base/status.h"

/* Takes the next component of a path off *CURSOR: 1, or 0 at the end, or -1 where it is
 * too long to be one. */
int walk_next(const char **cursor, char name[NAME_MAX + 1]);

/* ERROR_INVALID_NAME where PATH is relative. */
status walk_require_absolute(const char *path);

#endif
