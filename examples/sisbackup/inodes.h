/*
 * inodes.h - the files with several names
 */
#ifndef SISBACKUP_INODES_H
#define SISBACKUP_INODES_H

#include <sys/stat.h>

/* NULL is the empty table. */
struct inodes {
	void *tree;
};

/* The path that the file ST was given with first. NULL: just now, with PATH, or ST was
 * something else then: it changed, or is a new file with the number of one that is gone. */
const char *inodes_first(struct inodes *inodes, const struct stat *st, const char *path);

void inodes_free(struct inodes *inodes);

#endif
