/*
 * history.h - what was backed up, kept durably in <state_dir>/history
 *
 * One record per store, shared by the families, so that neither truncates what the
 * other needs. Written by file_replace_at with a checksum line; a damaged one is an
 * error that names the file (ERROR_INVALID_DATA), never a fresh start.
 */
#ifndef SERVER_HISTORY_H
#define SERVER_HISTORY_H

#include "server/config.h"

struct history_backup {
	bool taken;
	int64_t time; /* seconds since 1970, when the state was frozen */
	unsigned family;
	uint32_t log_low, log_high; /* generations listed; 0, 0: none */
};

struct history {
	struct history_backup full;	   /* the last complete full backup */
	struct history_backup incremental; /* the last complete incremental one */
	uint32_t next_generation; /* where an incremental begins; 0: none */
	bool needs_full;	  /* a restore came after the last full backup */
	bool incremental_disabled; /* DsSetCurrentBackupLog(BACKUP_DISABLE_INCREMENTAL) */
};

/* No file yet: an empty history. */
status history_load(const struct server *server, struct history *history);

/* The caller holds lock_records. Durable when it returns. */
status history_save(const struct server *server, const struct history *history);

#endif
