/*
 * restore.h - registering a restore
 */
#ifndef SESSION_RESTORE_H
#define SESSION_RESTORE_H

#include "server/registration.h"
#include "server/server.h"

struct restore;

struct restore_request {
	const char *checkpoint_path; /* UNC or POSIX, as the caller gave it; NULL: not given */
	const char *log_path;
	const char *backup_log_path;
	const char *const *old_names; /* NULL with map_count 0: an incremental set */
	const char *const *new_names;
	size_t map_count;
	bool map_given; /* false: incremental */
	uint32_t low, high;
	bool through_file; /* write access to the store is enough */
};

/* Takes SERVER over (also when it fails). FULL_HANDLE false: good for locations only, also
 * while the service runs, and takes no lock. */
status restore_prepare(struct server *server, unsigned family, bool full_handle,
	struct restore **restore);

status restore_register(struct restore *restore, const struct restore_request *request);

/* RESULT: the caller's; negative keeps the service down. */
status restore_complete(struct restore *restore, status result);

const struct server *restore_server(const struct restore *restore);
void restore_end(struct restore *restore);

/* Each database file, the log directory and the system directory of SERVER, as paths.
 * Databases that do not exist yet are listed where the configuration names them without
 * a glob. LIST is the caller's. */
enum location_kind { LOCATION_DATABASE, LOCATION_LOG_DIR, LOCATION_SYSTEM_DIR };
struct location {
	char *path;
	enum location_kind kind;
};
struct locations {
	struct location *items;
	size_t count;
};
status restore_locations(const struct server *server, struct locations *locations);
void locations_free(struct locations *locations);

/* Gives a pending registration up: removes what was staged and the registration. Refused
 * with hrRestoreInProgress while a live handle holds the store, and with
 * hrInvalidHandle where nothing is registered. One that recovery already began on
 * (ERROR_INVALID_STATE): its databases are half replaced, only recovery can finish. */
status restore_cancel(const struct server *server);

/* Where a tool may put a restored file so that nothing can start on it before recovery:
 * <directory of PATH>/.backupapi-restore/<name of PATH>. A new string, or NULL. */
#define RESTORE_STAGING_DIR ".backupapi-restore"
char *restore_staging_path(const char *path);

#endif
