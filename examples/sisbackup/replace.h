/*
 * replace.h - temporary names, and what --force replaces
 *
 * A link has no content until the end of the pass. What it replaced is kept beside it
 * until then, and put back where the link came to nothing.
 */
#ifndef SISBACKUP_REPLACE_H
#define SISBACKUP_REPLACE_H

#include "sisbackup/restore.h"

/* A name that nothing has, and that a later restore knows. NULL: reported. */
char *replace_temporary(void);

/* TEMPORARY in DIRFD becomes NAME, PATH on the volume. KEEP: it is a link. 0 or errno. */
int replace_publish(
	struct restore *r, int dirfd, const char *temporary, const char *path, bool keep);

/* After the pass: what was replaced is removed or, where its link is gone, put back. False:
 * reported. */
bool replace_finish(struct restore *r);

/* Marks this run as one that uses the volume; where it is the only one, what killed ones
 * left in the directories to be used is removed. */
void replace_clean(struct restore *r);

#endif
