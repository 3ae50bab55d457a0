/*
 * ese_set.h - a store as it is when its backup begins
 *
 * Of each file the header is read and noted what tells that it is still the same one and
 * unchanged. Files that are all unchanged when they are streamed were, at the moment when
 * the last of them was noted, what is streamed of them.
 */
#ifndef ENGINE_ESE_SET_H
#define ENGINE_ESE_SET_H

#include <sys/stat.h>

#include "engine/engine.h"
#include "engine/ese_log_dir.h"

struct ese_stamp {
	dev_t dev;
	ino_t ino;
	uint64_t size;
	struct timespec written;
};

struct ese_member {
	char *path;       /* as it is listed */
	char *place;      /* where it is */
	const char *name; /* of a log: its name in the log directory; else NULL */
	uint32_t generation;
	struct ese_stamp stamp;
	struct ese_header database;
	struct ese_log_header log;
	const struct ese_member *next; /* the log that follows it; NULL: none */
};

struct ese_set {
	struct ese_member *databases; /* sorted by path */
	size_t database_count;
	struct ese_need need;
	struct ese_log_dir log_dir;
	struct ese_member *logs; /* that are listed; rising generations */
	size_t log_count;
	char *system_dir;
};

/* What a backup that begins with HOW lists. Frees nothing where it fails: ese_set_free does.
 *	ERROR_FILE_NOT_FOUND	there is no database
 *	hrDatabaseCorrupted	both copies of one's header are damaged
 *	hrDatabaseInvalidPages	one is cut off
 *	hrMissingLogFile	a log that the databases need is missing
 *	hrLogFileNotFound	incremental: one since the base is
 *	hrCircularLogging	incremental: the logs are overwritten, or there are none
 *	and what ese_logset_verify says */
status ese_set_freeze(const struct store_config *store, const struct engine_begin *how,
	struct ese_set *set);
void ese_set_free(struct ese_set *set);

/* The part of it that ese_set_logs.c does, once the databases are known. */
status ese_set_freeze_logs(const struct engine_begin *how, struct ese_set *set);
void ese_member_free(struct ese_member *member);

struct ese_stamp ese_stamp_of(const struct stat *st);

/* Opens it for reading. ERROR_BUSY, naming it: it is not what it was any more. */
status ese_member_open(
	const struct ese_set *set, const struct ese_member *member, int *fd);
status ese_member_unchanged(const struct ese_member *member, int fd);

/* The one that FILE is in the lists that were made of SET. */
const struct ese_member *ese_set_find(
	const struct ese_set *set, const struct engine_file *file);

/* Deletes the logs below KEEP_FROM that the checkpoint does not need, the oldest first.
 *	ESE_NO_CHECKPOINT	it is missing: nothing is deleted
 *	hrCheckpointCorrupt, hrBadCheckpointSignature	so is it with these */
status ese_set_truncate(const struct ese_set *set, uint32_t keep_from);

#endif
