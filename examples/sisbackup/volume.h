/*
 * volume.h - a volume that is being saved: found first, then copied
 */
#ifndef SISBACKUP_VOLUME_H
#define SISBACKUP_VOLUME_H

#include "common/args.h"
#include "common/set_output.h"
#include "common/tree.h"
#include "sisbackup/ahead.h"
#include "sisbackup/catalog.h"
#include "sisbackup/inodes.h"
#include "sisbackup/pass.h"

struct volume {
	const struct options *options;
	char *root; /* absolute, "" for the root directory */
	int fd;
	dev_t device;
	struct tree tree;
	struct pass *pass; /* NULL: no common store */
	bool ntfs;
	struct catalog catalog;
	struct inodes inodes;
	struct store_name *stores; /* that links named */
	struct ahead *ahead;       /* on contents, in the order of the catalog */
	uint64_t bytes, files, links, store_files, skipped;
};

/* ROOT as the user gave it. False: reported. */
bool volume_open(struct volume *v, const char *root, const struct options *options);

/* All that is to be saved, in the catalog; what cannot be read is reported and counted.
 * False: the volume cannot be saved. */
bool volume_find(struct volume *v);

/* Puts the files' contents into O. False: the set cannot be written. */
bool volume_copy(struct volume *v, struct set_output *o);

/* Ends the pass: false, reported, where that failed. */
bool volume_close(struct volume *v);

/* For volume.c and volume_copy.c: looks at the file of entry number INDEX, whose path is
 * set. False: skipped (failed is set). */
bool volume_look(struct volume *v, int dirfd, const char *name, size_t index);

/* "ROOT/RELATIVE", or where store files are for them. A new string. */
char *volume_path(const struct volume *v, const struct entry *entry);

#endif
