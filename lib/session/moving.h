/*
 * moving.h - the files of a restore: the old ones aside, the new ones into their places
 *
 * Every step can be repeated: a crash between any two of them leaves what the next run
 * takes up.  What makes that true is the staged file: while it is there, what stands in
 * its place is the old database and is moved aside; once it is gone, what stands there
 * is the restored one.  Logs go the same way; which ones, the registration's choice says.
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
	enum file_walk walk; /* through the paths below */
	struct names places; /* of the restored databases, sorted */
	struct names former; /* where they were when they were saved, sorted */
	bool resumed;        /* an earlier run may have moved files */

	/* From moving_find_engine on; NULL: unknown. */
	const struct engine *engine;

	/* From moving_find_home on: where the restore puts a store of directories (else
	 * NULL) and the logs, and the store as it is then. */
	char *home, *log_dir;
	struct store_config store;
};

/* ---- what is to be moved, and where to ---- */

/* For REG, a registration of SERVER's. moving_free() in any case. */
status moving_collect(
	const struct server *server, const struct registration *reg, struct moving *m);

/* The engine by its configured name, by what an earlier run found, or by the restored
 * files, whose CONTENTS these are: with `auto` the place where they go may still be empty,
 * or hold something else. Looking at them is a worker's business, which starts with the
 * caller's rights (engine.h). Failures as engine_check_store. */
status moving_find_engine(struct moving *m, const struct names *contents);

/* From the registration's choice once there is one. ERROR_INVALID_PARAMETER for a map that
 * the engine cannot follow, ERROR_ACCESS_DENIED for a home (home.h) or log directory that
 * the maker may not use. */
status moving_find_home(struct moving *m);

void moving_free(struct moving *m);

/* ---- looking, with the rights of the calling thread; changes nothing ---- */

/* Is each database staged or in its place, where the maker may put it?
 *	ERROR_FILE_NOT_FOUND	neither staged nor there
 *	ERROR_ACCESS_DENIED	outside the configured directories, or through a link
 *	ERROR_INVALID_DATA	not a regular file */
status moving_check_targets(const struct moving *m);

/* Where the places have their restored content now: full paths. */
status moving_contents(const struct moving *m, struct names *contents);

/* Can the databases that are there be reached? ERROR_FILE_NOT_FOUND where none is, and none
 * was registered that would come. */
status moving_check_reach(const struct moving *m);

/* ---- moving, with the rights of the calling thread ---- */

/* What is replaced goes into REPLACED, which the registration names durably by then. All is
 * durable when it returns. */
status moving_run(const struct moving *m, struct replaced *replaced);

/* The way back, as far as the places are concerned: what was restored into them, and what
 * replay made of it, goes into REPLACED. To be called again after a crash, but not once
 * the old files are back. */
status moving_undo(const struct moving *m, struct replaced *replaced);

/* ---- parts of the above ---- */

/* Was PATH put there since the restore was prepared? */
status moving_is_recent(const struct moving *m, const char *path, bool *recent);

/* What belonged to the old content of the database PATH. */
status moving_take_stale(
	const struct moving *m, struct replaced *replaced, const char *path);

/* Whatever must not survive the restore: old databases, logs and what was beside them. */
status moving_take_all(const struct moving *m, struct replaced *replaced);

/* Region files, checkpoints and the like. */
status moving_take_leftovers(const struct moving *m, struct replaced *replaced);

#endif
