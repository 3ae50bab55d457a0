/*
 * care_run.h - what the works of care have in common: the volume, its store, the caller
 *
 * Paths are relative to the volume ("dir/file"); callers see them with the volume in
 * front.
 */
#ifndef SIS_CARE_RUN_H
#define SIS_CARE_RUN_H

#include <sys/stat.h>

#include "sis/care.h"
#include "sis/store.h"

struct care_run {
	const struct sis_care *care;
	struct volume *volume;
	struct store *store; /* NULL: the volume has none */
	uint64_t done_bytes, total_bytes;
};

/* A volume without a store is fine; RUN must be ended whatever comes back. */
status care_begin(const char *root, const struct sis_care *care, struct care_run *run);
void care_end(struct care_run *run);

/* ERROR_PATH_NOT_FOUND where the volume has no common store. */
status care_need_store(const struct care_run *run);

/* PATH with the volume in front, in a new string. */
char *care_path(const struct care_run *run, const char *path);

/* The path below the volume of the store's file NAME. */
char *care_store_path(const char *name);

/* Each tells the caller, and is ERROR_CANCELLED where he wants to end. OTHER is relative
 * too. */
status care_tell(const struct care_run *run, uint32_t kind, const char *path,
	const char *other, const char *reason, uint64_t bytes);
status care_progress(struct care_run *run, uint64_t bytes);

/* After RC: the file PATH is left alone, counted and told with RC's explanation. What
 * would fail for every other file too is passed on. */
status care_skip(const struct care_run *run, const char *path, status rc);

/* The same for a damaged one, with the reason. */
status care_damaged(const struct care_run *run, const char *path, const char *reason);

/* Opens the regular file PATH for reading, without leaving a trace in its times where
 * that is possible. DIRFD (its directory) and NAME may be NULL. */
status care_open(const struct care_run *run, const char *path, int *fd, struct stat *st);
status care_open_at(int dirfd, const char *name, int *fd, struct stat *st);

#endif
