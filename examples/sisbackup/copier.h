/*
 * copier.h - copying contents in a thread, beside the walk that finds the files
 *
 * It tries each file once. What was not simply copied is the caller's to look at again,
 * when the copier is gone: until then the set's output is the copier's alone.
 */
#ifndef SISBACKUP_COPIER_H
#define SISBACKUP_COPIER_H

#include <stddef.h>

#include "sisbackup/ahead.h"
#include "sisbackup/content.h"

struct copier;

/* What became of a file. With CHANGED the set does not have it. */
struct copier_result {
	size_t index;
	enum outcome outcome;
	uint64_t size;
	bool sparse;
	uint64_t checksum;
	struct ranges ranges; /* the caller's from now on */
};

/* Into O, below the directory ROOT_FD, whose path is ROOT: they stay the caller's, as does
 * AHEAD, which is told of each file. NULL: there can be no thread. */
struct copier *copier_new(
	struct set_output *o, int root_fd, const char *root, struct ahead *ahead);

/* Has it as many files to do, and results to give, as it can hold? */
bool copier_is_full(struct copier *c);

/* The file RELATIVE, which ENTRY, number INDEX of the catalog, was made from. Not for a
 * full one. */
void copier_add(
	struct copier *c, size_t index, const char *relative, const struct entry *entry);

/* The next result, in the order of the files. False: none is there now or, with WAIT, none
 * will be. */
bool copier_take(struct copier *c, bool wait, struct copier_result *result);

/* What was not begun is left undone. NULL is fine. */
void copier_free(struct copier *c);

#endif
