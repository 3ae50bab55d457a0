/*
 * restore.h - registering a restore
 */
#ifndef SESSION_RESTORE_H
#define SESSION_RESTORE_H

#include "server/registration.h"
#include "server/server.h"

struct restore;

struct restore_request {
	const char *
		checkpoint_path; /* UNC or POSIX, as the caller gave it; NULL: not given */
	const char *log_path;
	const char *backup_log_path;
	const char *const *old_names;
	const char *const *new_names;
	size_t map_count;
	bool map_given; /* false: an incremental set */
	uint32_t low, high;
	bool through_file; /* write access to the store is enough */
};

/* Takes SERVER over (also when it fails). FULL_HANDLE false: good for locations only, also
 * while the service runs, and takes no lock.
 *	ERROR_SERVICE_ALREADY_RUNNING	the service must be stopped
 *	ERROR_BUSY			the clock was set back meanwhile
 *	hrRestoreInProgress		another handle is live */
status restore_prepare(struct server *server, unsigned family, bool full_handle,
	struct restore **restore);

/* Durable when it returns; where it fails, what was registered before stands. A full
 * registration removes what was staged for its targets, and for those of the registration
 * that it replaces, before this handle was prepared (staging.h): a tool may stage ahead of
 * registering as well as after it.
 *	hrInvalidHandle			not a full handle (callers have their own code for it)
 *	hrNoFullRestore			incremental, and no (good) full one is registered
 *	hrRestoreMapExists		full, and this handle registered one already
 *	ERROR_INVALID_STATE		incremental, and recovery has begun to move files; or
 *					full, and recovery of the one before has begun on a
 *					database that this one does not restore
 *	ERROR_INVALID_PARAMETER		the range, or the map, makes no sense, or the engine
 *					cannot follow it (home.h); a backup log path that is
 *					a staging directory itself
 *	ERROR_INVALID_NAME		a path of the request is not one
 *	ERROR_PATH_NOT_FOUND		through_file, and an `auto` database is missing
 *	ERROR_ACCESS_DENIED		no rights, or targets outside the configured directories */
status restore_register(struct restore *restore, const struct restore_request *request);

/* RESULT: the caller's; negative keeps the service down until another full restore is
 * registered, or this one cancelled.
 *	hrInvalidHandle		nothing is registered
 *	ERROR_INVALID_STATE	success, but the registered restore failed before */
status restore_complete(struct restore *restore, status result);

const struct server *restore_server(const struct restore *restore);
bool restore_is_full_handle(const struct restore *restore);
void restore_end(struct restore *restore);

/* Gives a pending registration up, or both that a caller may see: removes what was staged
 * and the registration. Where recovery has begun to move files, what stood there before
 * comes back first (rollback.h).
 *	hrInvalidHandle			nothing is registered
 *	hrRestoreInProgress		a live handle or a recovery holds the store
 *	ERROR_SERVICE_ALREADY_RUNNING	recovery has begun, and the service runs
 *	ERROR_INVALID_STATE		recovery has begun, and another registration took
 *					this one's place, or was about to, or the caller may
 *					not go back: the restore has failed, and a new full
 *					registration of the same databases is left */
status restore_cancel(const struct server *server);

#endif
