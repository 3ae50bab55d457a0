/*
 * inspect.h - what one file of a volume is
 */
#ifndef SISBACKUP_INSPECT_H
#define SISBACKUP_INSPECT_H

#include "sisbackup/catalog.h"
#include "sisbackup/pass.h"

/* The volume that files are on. */
struct inspect_volume {
	struct pass *pass; /* that judges links; NULL: none is looked for */
	bool ntfs;         /* by ntfs-3g, which shows links in its own way */
};

/* Fills ENTRY, whose path is set, from the file NAME in DIRFD, whose absolute path is
 * PATH: kind, metadata, target, and a link's reparse buffer. Never follows it. False:
 * reported, or with *GONE, there is no such file any more. */
bool inspect(int dirfd, const char *name, const char *path,
	const struct inspect_volume *volume, struct entry *entry, bool *gone);

/* Opens the regular file NAME in DIRFD that ENTRY was made from. -1: reported, or with
 * *CHANGED, not the same file any more. */
int inspect_open(int dirfd, const char *name, const char *path, const struct entry *entry,
	bool *changed);

/* Is FD, and what NAME in DIRFD says now, still as ENTRY has it? */
bool inspect_unchanged(int dirfd, const char *name, int fd, const struct entry *entry);

#endif
