/*
 * manifest.h - MANIFEST: what the files of a set were, and the directories above them
 *
 * One line each, fields between tabs, escaped (str_escape): kind, original path, size,
 * mode, uid, gid, user, group, mtime, atime (seconds.nanoseconds), ACL, default ACL; "-"
 * for what there is not.
 */
#ifndef COMMON_MANIFEST_H
#define COMMON_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/meta.h"

enum item_kind { ITEM_DIRECTORY, ITEM_DATABASE, ITEM_LOG, ITEM_PATCH, ITEM_DYNAMIC };

struct item {
	enum item_kind kind;
	char *path; /* original, absolute */
	uint64_t size;
	struct meta meta;
};

/* All zero is the empty manifest. */
struct manifest {
	struct item *items;
	size_t count, capacity;
};

/* A zeroed item; PATH is copied. Valid until the next is added. */
struct item *manifest_add(
	struct manifest *manifest, enum item_kind kind, const char *path);

/* By kind, then by path; repeated directories are dropped. */
void manifest_sort(struct manifest *manifest);

/* In a sorted manifest; NULL: not there. */
const struct item *manifest_find(
	const struct manifest *manifest, enum item_kind kind, const char *path);

/* Whether writing worked is for the caller to see in FILE. */
void manifest_write(const struct manifest *manifest, FILE *file);

/* TEXT is changed. False: reported with the line, LABEL names the file. */
bool manifest_parse(struct manifest *manifest, char *text, const char *label);

void manifest_free(struct manifest *manifest);

const char *item_kind_name(enum item_kind kind);

/* Where a set keeps the file: "databases/srv/ca/index.txt". A new string; NULL for a
 * directory, which has no place of its own. */
char *item_location(enum item_kind kind, const char *path);

#endif
