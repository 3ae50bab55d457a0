/*
 * care_walk.h - every file of a volume, once
 *
 * The common store and what symbolic links lead to are left out.  Mount points and other
 * file systems are not entered, and count as what cannot be read.  Of a file with several
 * names the first one found is visited.
 */
#ifndef SIS_CARE_WALK_H
#define SIS_CARE_WALK_H

#include "sis/care_run.h"
#include "sis/vouch.h"

/* A regular file or, on NTFS, a link that shows as a symbolic link. */
struct care_file {
	const char *path; /* below the volume */
	int dirfd;
	const char *name;
	struct stat st;

	/* vouch_look's result, ERROR_NOT_A_REPARSE_POINT for most files. Without a common
	 * store every file is plain. */
	status look;
	struct link_state state;
};

typedef status (*care_visitor)(
	struct care_run *run, void *context, const struct care_file *file);

/* COMPLETE: fails with what cannot be read, which is skipped otherwise. VISIT's failure
 * ends the walk. */
status care_walk(struct care_run *run, bool complete, care_visitor visit, void *context);

#endif
