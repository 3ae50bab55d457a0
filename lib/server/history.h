/*
 * history.h - what was backed up, kept durably in <state_dir>/history
 *
 * One record per store with a chain for each family, so that neither truncates what the
 * other needs. Written by file_replace_at with a checksum line; a damaged one is an
 * error that names the file (ERROR_INVALID_DATA), never a fresh start. The former format,
 * with one chain for both families, is read as well.
 */
#ifndef SERVER_HISTORY_H
#define SERVER_HISTORY_H

#include "server/config.h"

struct history_backup {
	bool taken;
	int64_t time; /* seconds since 1970, when the state was frozen */
	uint32_t log_low, log_high; /* generations listed; 0, 0: none */
};

/* What one family knows of its backups. An incremental set goes with full ones of its own
 * family alone: nobody else has the logs between the two. */
struct history_chain {
	struct history_backup full;	   /* the last complete full backup */
	struct history_backup incremental; /* the last complete incremental one since */
	uint32_t next_generation; /* where an incremental begins; 0: none */
	bool needs_full;	  /* a restore came after the last full backup */
	bool incremental_disabled; /* DsSetCurrentBackupLog(BACKUP_DISABLE_INCREMENTAL) */
};

struct history {
	struct history_chain certsrv, ds;
};

/* FAMILY: exactly one of enum server_family. */
struct history_chain *history_chain(struct history *history, unsigned family);

/* The first log that a truncation by FAMILY, whose own next incremental begins with NEXT,
 * must keep: NEXT, or a lower one that CertSrv's next incremental needs. Ds has only full
 * backups, each complete by itself: it needs no log of CertSrv's chain. */
uint32_t history_keep_from(const struct history *history, unsigned family, uint32_t next);

/* No file yet: an empty history. */
status history_load(const struct server *server, struct history *history);

/* The caller holds lock_records. Durable when it returns. */
status history_save(const struct server *server, const struct history *history);

#endif
