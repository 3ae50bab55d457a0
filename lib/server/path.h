/*
 * path.h - the shape of paths that a configuration or a registration may hold
 */
#ifndef SERVER_PATH_H
#define SERVER_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* NULL, or why PATH (or glob) is refused: relative, or with a "." or ".." component. */
const char *path_refused(const char *path);

/* PATH without doubled and trailing slashes, a new string; NULL where memory is short. */
char *path_tidy(const char *path);

/* Is PATH what path_tidy would make of it, and not refused? */
bool path_is_tidy(const char *path);

/* Does PATH have characters that glob(7) gives a meaning? */
bool path_is_glob(const char *path);

/* The directory that holds PATH or, of a glob, all that it can match. A new string. */
char *path_parent(const char *path);

/* What follows the directory DIR, LENGTH long, in PATH, without the slash: inside PATH; NULL
 * where PATH is not below it. */
const char *path_below(const char *dir, size_t length, const char *path);

/* Can one file be meant by both, each of which is a path or a glob (wildcard.h)? */
status path_overlap(const char *a, const char *b, bool *overlap);

#endif
