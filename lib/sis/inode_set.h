/*
 * inode_set.h - which inodes were seen, for files with several names
 */
#ifndef SIS_INODE_SET_H
#define SIS_INODE_SET_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* All zero is the empty set. */
struct inode_set {
	uint64_t *slots; /* 0: free */
	size_t count, capacity;
};

/* *NEW_ONE: INODE was not in it. */
status inode_set_add(struct inode_set *set, uint64_t inode, bool *new_one);
void inode_set_free(struct inode_set *set);

#endif
