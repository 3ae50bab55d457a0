/*
 * moving.h - the files of a restore: the old ones aside, the new ones into their places
 *
 * Every step can be repeated: a crash between any two of them leaves what the next run
 * takes up.  What makes that true is the staged file: while it is there, what stands in
 * its place is the old database and is moved aside; once it is gone, what stands there
 * is the restored one.
 */
#ifndef SESSION_MOVING_H
#define SESSION_MOVING_H

#include "engine/engine.h"
#include "server/registration.h"
#include "session/replaced.h"

/* One restore that is being recovered. */
struct moving {
	const struct server *server;
	const struct registration *reg;
	const struct engine *engine; /* not needed for moving_check; NULL: unknown */
	enum file_walk walk;         /* through the paths below */
	struct names places;         /* of the restored databases, sorted */
	struct names former;         /* where they were when they were saved, sorted */
	bool resumed;                /* an earlier run may have moved files */
};

/* Is each database staged or in its place, where the maker may put it, and can the store's
 * other databases be reached? Changes nothing.
 *	ERROR_FILE_NOT_FOUND	neither staged nor there
 *	ERROR_ACCESS_DENIED	outside the configured directories, or through a link
 *	ERROR_INVALID_DATA	not a regular file */
status moving_check(const struct moving *m);

/* Where PATH, one of the places, has its restored content now: a new string. */
status moving_content(const struct moving *m, const char *path, char **content);

/* With the rights of the calling thread; what is replaced goes into REPLACED, which the
 * registration names durably by then. All is durable when it returns. */
status moving_run(const struct moving *m, struct replaced *replaced);

/* The way back, as far as the places are concerned: what was restored into them goes into
 * REPLACED. To be called again after a crash, but not once the old files are back. */
status moving_undo(const struct moving *m, struct replaced *replaced);

#endif
