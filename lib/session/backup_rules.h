/*
 * backup_rules.h - which call of a backup session is legal in which state
 */
#ifndef SESSION_BACKUP_RULES_H
#define SESSION_BACKUP_RULES_H

#include "base/status.h"

enum backup_state {
	IN_DATABASES,     /* full: the database phase */
	IN_DATABASE_FILE, /* ... with a file open */
	BEFORE_LOGS,      /* incremental: the logs were not listed yet */
	IN_LOGS,          /* the log phase */
	IN_LOG_FILE,      /* ... with a file open */
	AFTER_TRUNCATION, /* the engine is asked nothing any more */
	BACKUP_STATES
};

enum backup_call {
	CALL_DATABASES,
	CALL_LOGS,
	CALL_DYNAMIC,
	CALL_OPEN,
	CALL_READ,
	CALL_CLOSE,
	CALL_TRUNCATE,
	BACKUP_CALLS
};

/* STATUS_OK, or the refusal, which names SERVER. */
status backup_rule(const char *server, enum backup_state state, enum backup_call call);

#endif
