/*
 * staging.h - restored files that nothing can start on yet
 *
 * A file that is to become DIR/NAME waits in DIR/.backupapi-restore/NAME: in the same
 * file system, so that recovery only renames, and under a name that neither a service
 * nor a glob finds.
 */
#ifndef SESSION_STAGING_H
#define SESSION_STAGING_H

#include "server/registration.h"
#include "session/visit.h"

#define STAGING_DIR ".backupapi-restore"

/* A new string, or NULL where memory is short. PATH is absolute and names a file. */
char *staging_path(const char *path);

/* The directory of some targets, and what is staged for them. */
struct staging {
	struct visit target;
	int fd; /* the staging directory in it; -1: none */
};

struct staging staging_start(enum file_walk walk);

/* Goes to the directory of PATH, a target, and to its staging directory if it has one.
 * That one is never a symbolic link (ERROR_ACCESS_DENIED), whatever the walk. *NAME and
 * failures as visit_enter. */
status staging_enter(struct staging *staging, const char *path, const char **name);

/* Does NAME wait there? ERROR_INVALID_DATA for anything but a regular file. */
status staging_has(const struct staging *staging, const char *name, bool *there);

/* Goes to the directory of PATH as staging_enter, but without a change: the one that is left
 * is closed as it is. *STAGED: as staging_has. */
status staging_look(
	struct staging *staging, const char *path, const char **name, bool *staged);

/* Syncs first the targets' directory, then the staging one, and removes that if it is
 * empty. */
status staging_leave(struct staging *staging);

/* Closes them as they are. */
void staging_drop(struct staging *staging);

/* The rule for what is staged: a file that was put there (its inode's change time) before
 * the restore was prepared is a leftover of another one, and goes when a full set for its
 * target is registered; what was staged since then is the restore's own, before or after
 * registering. */

/* Removes what is staged for R's targets, and the logs that recovery staged for it, since
 * before BEFORE (as registration.time; STAGING_ALL: whatever is there), with the maker's
 * rights, and the staging directories that are empty then. */
#define STAGING_ALL INT64_MAX
status staging_discard(const struct registration *r, int64_t before);

/* All that recovery staged for R by its choice, and nothing else. */
status staging_discard_choice(const struct registration *r);

/* As staging_discard for the logs that the restore tool staged: the regular files of each backup log
 * path below a directory that is called STAGING_DIR. The directories go, too, where all
 * files do. What is elsewhere is the caller's, and stays. */
status staging_discard_logs(const struct registration *r, int64_t before);

/* Can R's targets be staged: do they name files, in directories that the maker may reach
 * or that are missing? Changes nothing. */
status staging_check(const struct registration *r);

#endif
