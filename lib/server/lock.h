/*
 * lock.h - one backup and one restore at a time per store, across processes
 *
 * An open file description lock on <state_dir>/backup.lock or restore.lock: it dies
 * with its holder, a forked child's copy is closed in the child, and nobody without
 * rights on state_dir can open the file to take it hostage. A user who may write the
 * store but not state_dir locks <store dir>/.backupapi-restore.lock instead (restores
 * only). The holder of the other lock takes that one too if it exists, and root makes it,
 * as the owner's file, in a store directory of another user.
 */
#ifndef SERVER_LOCK_H
#define SERVER_LOCK_H

#include "server/config.h"

enum lock_kind {
	LOCK_BACKUP,  /* taken: hrBackupInProgress */
	LOCK_RESTORE, /* taken: hrRestoreInProgress; waits for no one either */
};

struct lock; /* opaque; belongs to the process that took it */

/* Never waits. */
status lock_take(const struct server *server, enum lock_kind kind, struct lock **lock);

/* For the short changes of the durable records (history, service state): waits. */
status lock_records(const struct server *server, struct lock **lock);

void lock_release(struct lock *lock); /* NULL is fine */

#endif
