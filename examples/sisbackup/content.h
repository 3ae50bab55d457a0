/*
 * content.h - the bytes of one file of a volume, into a set
 */
#ifndef SISBACKUP_CONTENT_H
#define SISBACKUP_CONTENT_H

#include "common/set_output.h"
#include "sisbackup/catalog.h"

enum outcome {
	COPIED,
	CHANGED, /* it is not what the entry was made from, or changed meanwhile */
	SKIPPED, /* cannot be read: reported */
	STOPPED, /* the set cannot be written: reported, or a signal was caught */
};

/* Copies the file NAME in DIRFD that ENTRY was made from, and notes what of it was saved in
 * ENTRY: size and ranges, and a store file's checksum. PATH is for messages. *COPIED: the
 * set has it, which with CHANGED it may or may not. */
enum outcome content_copy(struct set_output *o, int dirfd, const char *name,
	const char *path, struct entry *entry, bool *copied);

#endif
