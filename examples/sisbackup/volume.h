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
#include "sisbackup/copier.h"
#include "sisbackup/inodes.h"
#include "sisbackup/pass.h"

/* A store file that a link named: the context of the pass. */
struct store_name {
	struct store_name *next;
	char *name;
	uint64_t size;
	struct stat st;    /* as it was when it was saved */
	uint64_t checksum; /* of its content then */
	bool saved;
	bool confirmed; /* it is what links were made from, as they say themselves */
	bool unfit;     /* not saved, or not that: its links are saved as plain files */
};

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
	struct copier *copier;     /* beside the walk; NULL: all is copied after it */
	struct set_room room;      /* for it */
	char *partial;             /* the name of the set that grows; NULL: none does */
	bool stopped;              /* copying failed */
	uint64_t bytes, files, links, store_files, skipped;
};

/* ROOT as the user gave it. False: reported. */
bool volume_open(struct volume *v, const char *root, const struct options *options);

/* All that is to be saved, in the catalog; what cannot be read is reported and counted.
 * OUTPUT: a set that was begun, to copy to meanwhile, or NULL. It may only be used, or
 * freed, after volume_join or volume_stop. False: the volume cannot be saved. */
bool volume_find(struct volume *v, struct set_output *output);

/* Waits for what volume_find had copied meanwhile. False: the set cannot be written. */
bool volume_join(struct volume *v);

/* Puts the files' contents into O, as far as they are not there. False: the set cannot be
 * written. */
bool volume_copy(struct volume *v, struct set_output *o);

/* Ends what volume_find began. */
void volume_stop(struct volume *v);

/* Ends the pass: false, reported, where that failed. */
bool volume_close(struct volume *v);

/* For volume.c and volume_copy.c: looks at the file of entry number INDEX, whose path is
 * set. False: skipped (failed is set). */
bool volume_look(struct volume *v, int dirfd, const char *name, size_t index);

/* For volume.c: the file RELATIVE of entry number INDEX, which is counted, can be copied
 * where that is done beside the walk. */
void volume_offer(struct volume *v, size_t index, const char *relative);

/* When all is copied: finds the store files that links cannot be given back from. True: now
 * the contents of their links are to be copied. */
bool volume_find_unfit(struct volume *v);

/* For these: the link ENTRY, whose store is known, becomes a plain file. */
void volume_make_plain(struct volume *v, struct entry *entry);

/* Copies the content of ENTRY, which volume_make_plain made of the file NAME in DIRFD: its
 * own, or where it has none, its store file's. Else as content_copy. */
enum outcome volume_copy_plain(struct volume *v, struct set_output *o, int dirfd,
	const char *name, const char *path, struct entry *entry, bool *copied);

/* One file more, whose content of SIZE bytes takes as much in the set as ST shows. */
void volume_count(struct volume *v, const struct stat *st, uint64_t size);

/* Entry number INDEX is not saved: false. */
bool volume_skip(struct volume *v, size_t index);

/* "ROOT/RELATIVE", or where store files are for them. A new string. */
char *volume_path(const struct volume *v, const struct entry *entry);

#endif
