/*
 * filter.h - --include and --exclude
 *
 * A pattern with a slash (other than one at its end) is matched against the path relative
 * to the volume, any other against the last component; `*`, `?` and `[...]` never match a
 * slash. What lies below a directory that matches matches too. --exclude wins.
 */
#ifndef SISBACKUP_FILTER_H
#define SISBACKUP_FILTER_H

#include <stdbool.h>

#include "common/args.h"

/* Is RELATIVE, whose directories are not, left out? */
bool filter_excludes(const struct options *options, const char *relative);

/* Is RELATIVE to be saved by itself? True where there is no --include. */
bool filter_includes(const struct options *options, const char *relative);

#endif
