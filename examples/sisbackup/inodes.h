/*
 * inodes.h - the files with several names
 */
#ifndef SISBACKUP_INODES_H
#define SISBACKUP_INODES_H

#include <sys/types.h>

/* NULL is the empty table. */
struct inodes {
	void *tree;
};

/* The path that INO was given with first; NULL: just now, with PATH. */
const char *inodes_first(struct inodes *inodes, ino_t ino, const char *path);

void inodes_free(struct inodes *inodes);

#endif
