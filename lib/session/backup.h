/*
 * backup.h - a backup session, the same for CertSrv and Ds
 *
 * Which call is legal in which state is one table (backup.c); what a family does
 * differently (codes, buffer sizes, end of file) stays in lib/api.
 */
#ifndef SESSION_BACKUP_H
#define SESSION_BACKUP_H

#include "base/names.h"
#include "engine/engine.h"
#include "server/server.h"

struct backup;

enum backup_type { BACKUP_FULL, BACKUP_INCREMENTAL };

/* Takes SERVER over (also when it fails). The service must be serving, else
 * hrCouldNotConnect; hrBackupInProgress, hrRestoreInProgress, hrCircularLogging,
 * hrMissingFullBackup, hrIncrementalBackupDisabled, hrLogFileNotFound, and the engine's. */
status backup_prepare(struct server *server, unsigned family, enum backup_type type,
	struct backup **backup);

/* Lists are POSIX paths with their kinds, valid until backup_end. */
status backup_databases(struct backup *backup, const struct engine_files **files);
status backup_logs(struct backup *backup, const struct engine_files **files);

/* Expanded now; paths only. The caller frees LIST. */
status backup_dynamic(struct backup *backup, struct names *list);

/* NAME as the caller gave it: UNC or POSIX, with or without tag. */
status backup_open(struct backup *backup, const char *name, size_t read_hint, uint64_t *size);
status backup_read(struct backup *backup, void *buffer, size_t size, size_t *got);
status backup_close(struct backup *backup);

/* Records the backup durably before the first log goes: from then on it is the base, also
 * where the truncation fails, the session is abandoned or its process dies. Where that
 * cannot be recorded no log goes. */
status backup_truncate(struct backup *backup);

/* The server of the session; valid until backup_end. */
const struct server *backup_server(const struct backup *backup);

/* When the state was frozen, in seconds since 1970. */
int64_t backup_time(const struct backup *backup);

/* Ends the session and frees it whatever happens; records it durably first if it is
 * complete and RECORD, and truncating has not done so. STATUS_OK for an incomplete one. */
status backup_end(struct backup *backup, bool record);

#endif
