/*
 * restore.h - the steps of a restore, and the way back from each
 */
#ifndef COMMON_RESTORE_H
#define COMMON_RESTORE_H

#include "common/args.h"
#include "common/family.h"
#include "common/listing.h"
#include "common/place.h"
#include "common/plan.h"
#include "common/set_reader.h"

struct restore {
	const struct family *family;
	const struct options *options;
	const char *server;                   /* as typed */
	struct backupapi_server_info *status; /* before anything was done */
	struct digest *digest;
	struct set *sets; /* the full one, then incremental ones */
	size_t set_count;
	struct rules rules;
	char *log_dir, *system_dir; /* of the server, where the rules put them */
	struct plan databases, logs, dynamic;
	struct place place;
	struct listing locations;
	void *session;
	bool open;               /* a session is */
	bool stopped;            /* by us: the service ran before */
	bool registered;         /* by us, and not yet complete */
	int64_t registered_time; /* as the library tells it; 0: unknown */
	bool complete;
};

/* The sets: opened, of this server and family, the incremental ones belonging to the full
 * one, every byte as it was saved, databases that pass their format's checks, and a token
 * that the library takes. False: reported. */
bool restore_open_sets(struct restore *r);
bool restore_check_sets(struct restore *r);

/* Stops the service where it runs; opens the session, registers, completes, closes. */
bool restore_stop_service(struct restore *r);
bool restore_begin(struct restore *r);
bool restore_register_sets(struct restore *r);
bool restore_finish(struct restore *r);

/* The set that was taken last. */
struct set *restore_newest(const struct restore *r);

/* Says which logs no set has: recovery needs them from the log directory. */
void restore_note_gaps(const struct restore *r);

/* Where the logs of the set with this number are staged, beside the log directory; NULL
 * where it has none. */
char *restore_log_stage(const struct restore *r, size_t number);

/* Undoes what was done, tells what state things are in. */
void restore_undo(struct restore *r);

#endif
