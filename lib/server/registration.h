/*
 * registration.h - a restore that awaits completion or recovery
 *
 * Durable in <state_dir>/registration, or, made by a user without rights there, in
 * <store dir>/.backupapi-registration; the file's owner is the maker. While one exists the
 * service must not start. Written by file_replace_at with a checksum line; a damaged
 * one is ERROR_INVALID_DATA and keeps the service down.
 */
#ifndef SERVER_REGISTRATION_H
#define SERVER_REGISTRATION_H

#include <sys/types.h>

#include "server/config.h"

enum registration_state {
	REGISTRATION_OPEN,     /* registered, files being copied */
	REGISTRATION_COMPLETE, /* RegisterComplete(S_OK): recovery may run */
	REGISTRATION_FAILED,   /* RegisterComplete(failure) */
};

struct restore_target {
	char *old_path; /* as saved with the backup */
	char *new_path; /* where it goes; the same string content where it keeps its place */
};

struct restore_logs {
	char *backup_log_path; /* NULL where none was given */
	uint32_t low, high;    /* 0, 0: no logs */
};

/* What recovery chose before it moved anything, so that it goes on with the same after a
 * crash, and that a rollback knows what is whose. All zero: nothing yet. */
struct restore_choice {
	char *engine;		/* of the restored files */
	char *home, *log_dir;	/* where they go (session/home.h); NULL: no home; not noted */
	uint32_t low, high;	/* the logs to be replayed; 0, 0: none */
	struct names placed;	/* logs that recovery puts there; sorted */
	struct names kept;	/* logs that stay where they are; sorted */
	bool replaying;		/* all is in place, and the engine is at work on it */
};

struct registration {
	unsigned family;
	int64_t time; /* when the restore was prepared: a stamp_next() */
	uid_t maker; /* from the file's owner, not from its text */
	gid_t maker_group;
	bool in_store; /* where the file is, see above */
	enum registration_state state;
	int32_t failure;       /* the code given with REGISTRATION_FAILED */
	char *checkpoint_path; /* NULL where none was given */
	char *log_path;
	struct restore_target *targets;
	size_t target_count;
	struct restore_logs *logs; /* the full one first, incrementals as registered */
	size_t log_count;
	char *replaced; /* directory below state_dir that recovery chose; NULL before. Root
			 * believes one in the store only of a directory that it made for
			 * the maker */
	struct names former; /* the same of earlier restores that this one took the place
			      * of, half done; sorted */
	bool cleared; /* going back: what was restored is out of the way already */
	struct restore_choice choice;
};

/* *REGISTRATION is NULL where none is pending. ERROR_INVALID_DATA where both places hold
 * one: cancelling as root is the way out. */
status registration_load(const struct server *server, struct registration **registration);

/* The one in state_dir and the one in the store, as far as the caller may look. */
status registration_load_both(const struct server *server, struct registration *found[2]);

/* Is one pending? Cheaper, and true also for a damaged one. */
status registration_pending(const struct server *server, bool *pending);

/* Would registration_save take it? */
status registration_check(const struct server *server, const struct registration *registration);

status registration_save(const struct server *server, const struct registration *registration);
status registration_remove(const struct server *server, const struct registration *registration);

struct registration *registration_new(void); /* NULL where memory is short */
status registration_add_target(struct registration *r, const char *old_path, const char *new_path);
status registration_add_logs(struct registration *r, const char *backup_log_path, uint32_t low,
	uint32_t high);
void restore_choice_clear(struct restore_choice *choice);
void registration_free(struct registration *registration); /* NULL is fine */

#endif
