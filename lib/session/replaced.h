/*
 * replaced.h - what a restore replaces is moved, never deleted
 *
 * <state_dir>/replaced-<time>/ mirrors the absolute paths below it. A name that is taken
 * there already gets ".1", ".2" ... appended.
 */
#ifndef SESSION_REPLACED_H
#define SESSION_REPLACED_H

#include "server/server.h"
#include "session/visit.h"

/* A name that is not in use yet, as a new string. */
status replaced_choose(const struct server *server, char **name);

struct replaced {
	int root;          /* the directory itself */
	struct visit from; /* what is taken from */
	int mirror;        /* what corresponds to that below root; -1: not opened yet */
};

/* Opens it, creating it for OWNER (the registration's maker) alone. WALK is for the paths
 * that are taken. */
status replaced_open(const struct server *server, const char *name, uid_t owner,
	gid_t group, enum file_walk walk, struct replaced *r);

/* Moves PATH, if it exists. With the rights of the calling thread. */
status replaced_take(struct replaced *r, const char *path);

/* Moves all that is in it back to where it was taken from, durably: with the rights of the
 * calling thread, and under the names that it has there. ERROR_ALREADY_EXISTS where
 * something stands in the way; what is back already is no obstacle. */
status replaced_put_back(const struct replaced *r);

/* All that was taken is durable when it returns. */
status replaced_sync(struct replaced *r);

/* What an earlier run took and had not synced when it was cut off is durable when it
 * returns. Nothing else leads to it: it is gone from where this run looks. */
status replaced_settle(const struct replaced *r);

void replaced_close(struct replaced *r);

#endif
