/*
 * file_attributes.h - giving a copy the owner, mode, times and attributes of its original
 */
#ifndef BASE_FILE_ATTRIBUTES_H
#define BASE_FILE_ATTRIBUTES_H

#include <sys/stat.h>

#include "base/status.h"

/* After the last write, since a write changes times. All of it, or an error: a copy that
 * more people can read than the original is worse than none. PATH is the copy's. */
status file_copy_attributes(
	int from, const struct stat *original, int to, const char *path);

#endif
