/*
 * visit.h - many files, directory by directory
 *
 * Opens each directory once for all of its files that come one after the other, and
 * syncs it once, when it is left: a sync per file would make a restore of twenty thousand
 * certificates take minutes.
 */
#ifndef SESSION_VISIT_H
#define SESSION_VISIT_H

#include <stdbool.h>

#include "base/file.h"

struct visit {
	enum file_walk walk;
	char *dir; /* NULL: in none */
	int fd;    /* -1: in none */
};

/* In no directory yet. */
struct visit visit_start(enum file_walk walk);

/* Is it in the directory that holds PATH? */
bool visit_is_at(const struct visit *visit, const char *path);

/* Goes to the directory that holds PATH, leaving another one; *NAME points at its last
 * component, inside PATH. Fails as file_open_parent does, and is nowhere then. */
status visit_enter(struct visit *visit, const char *path, const char **name);

/* Syncs the directory, whoever changed it (a run that was cut off, perhaps), closes it. */
status visit_leave(struct visit *visit);

/* Closes it as it is: after a failure. */
void visit_drop(struct visit *visit);

#endif
