/*
 * extents.h - where a file's bytes lie, and sharing them
 */
#ifndef SIS_EXTENTS_H
#define SIS_EXTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct extents_range {
	uint64_t offset, length;
};

struct extents_list {
	struct extents_range *items;
	size_t count, capacity;
};

/* Data ranges by SEEK_DATA and SEEK_HOLE, clipped to the file's size. LIST is empty on
 * entry. */
status extents_data(int fd, const char *path, struct extents_list *list);
void extents_free(struct extents_list *list);

/* Has FD no data at all? */
status extents_none(int fd, const char *path, bool *none);

/* Do both files have the same size and exactly the same extents (FIEMAP, after what is
 * dirty was written out)? False, too, where the file system cannot say. */
status extents_same(int a, int b, const char *path, bool *same);

/* Makes FD's content SOURCE's by sharing its extents (FICLONE). ERROR_NOT_SUPPORTED
 * where the file system cannot. */
status extents_share(int fd, int source, const char *path);

/* Can the file system of the directory DIRFD share extents? Tried on two unlinked files. */
status extents_can_share(int dirfd, const char *path, bool *can);

#endif
