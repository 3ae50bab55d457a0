/*
 * care_items.h - files that may be duplicates of each other
 */
#ifndef SIS_CARE_ITEMS_H
#define SIS_CARE_ITEMS_H

#include "sis/care_run.h"

/* A million of them must fit into memory. */
struct care_item {
	char *path; /* below the volume */
	uint64_t size, inode;
	uint64_t disk; /* bytes that it takes there, at most its size */
	uint64_t hash; /* of the beginning, then of all */
	bool stored;   /* a file of the common store */
	bool dropped;  /* could not be read, or changed */
};

struct care_items {
	struct care_item *items;
	size_t count, capacity;
};

/* Owns PATH from the call on; NULL is short memory. */
status care_items_add(
	struct care_items *list, char *path, const struct stat *st, bool stored);
void care_items_free(struct care_items *list);

/* By size, store files first, then by inode; a file that came by two ways is once in it. */
void care_items_sort(struct care_items *list);

/* Opens the file of ITEM, which must be the one that was found, of the same size. */
status care_item_open(const struct care_run *run, const struct care_item *item, int *fd,
	struct stat *st);

/* COUNT items of one size: hashes them, and calls SAME for each set of two or more with
 * the same content, at least one of them not stored; store files come first. What cannot
 * be read is skipped. */
typedef status (*care_same)(
	struct care_run *run, void *context, struct care_item *const *set, size_t count);
status care_group(struct care_run *run, struct care_item *items, size_t count,
	care_same same, void *context);

/* The fast hash of the first LIMIT bytes of FD; what is read moves the progress on. */
status care_hash(struct care_run *run, int fd, const char *path, uint64_t limit,
	bool report, uint64_t *hash);

/* Walks the volume for files of at least MINIMUM bytes and groups them all. The highest
 * index of a link comes in *MAX_INDEX before the first call of SAME. END (NULL: none) is
 * called last, while the items of all sets are still there, with how it went so far; what
 * it returns is how it went. */
typedef status (*care_end_same)(struct care_run *run, void *context, status rc);
status care_find_same(struct care_run *run, uint64_t minimum, uint64_t *max_index,
	care_same same, care_end_same end, void *context);

#endif
