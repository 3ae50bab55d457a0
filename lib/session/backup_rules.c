/* One table: for every state and call the code of the refusal, or STATUS_OK. */
#include "session/backup_rules.h"

#define SEQUENCE hrInvalidBackupSequence
#define NO_FILE  hrInvalidHandle
#define OPEN     hrAlreadyOpen

/* clang-format off */
static const status refusals[BACKUP_CALLS][BACKUP_STATES] = {
	/*                   databases  file open  before logs  logs       file open  truncated */
	[CALL_DATABASES] = {STATUS_OK, STATUS_OK, SEQUENCE,  SEQUENCE,  SEQUENCE,  SEQUENCE},
	[CALL_LOGS]      = {STATUS_OK, SEQUENCE,  STATUS_OK, STATUS_OK, SEQUENCE,  STATUS_OK},
	[CALL_DYNAMIC]   = {STATUS_OK, STATUS_OK, STATUS_OK, STATUS_OK, STATUS_OK, STATUS_OK},
	[CALL_OPEN]      = {STATUS_OK, OPEN,      STATUS_OK, STATUS_OK, OPEN,      SEQUENCE},
	[CALL_READ]      = {NO_FILE,   STATUS_OK, NO_FILE,   NO_FILE,   STATUS_OK, NO_FILE},
	[CALL_CLOSE]     = {NO_FILE,   STATUS_OK, NO_FILE,   NO_FILE,   STATUS_OK, NO_FILE},
	[CALL_TRUNCATE]  = {SEQUENCE,  SEQUENCE,  SEQUENCE,  STATUS_OK, SEQUENCE,  STATUS_OK},
};
/* clang-format on */

static const char *const call_names[BACKUP_CALLS] = {
	[CALL_DATABASES] = "listing the databases",
	[CALL_LOGS] = "listing the logs",
	[CALL_DYNAMIC] = "listing the dynamic files",
	[CALL_OPEN] = "opening a file",
	[CALL_READ] = "reading",
	[CALL_CLOSE] = "closing a file",
	[CALL_TRUNCATE] = "truncating the logs",
};

static const char *const state_names[BACKUP_STATES] = {
	[IN_DATABASES] = "in the database phase",
	[IN_DATABASE_FILE] = "in the database phase, with a file open",
	[BEFORE_LOGS] = "in an incremental backup whose logs were not listed yet",
	[IN_LOGS] = "in the log phase, with no file open",
	[IN_LOG_FILE] = "in the log phase, with a file open",
	[AFTER_TRUNCATION] = "after the logs were truncated",
};

status backup_rule(const char *server, enum backup_state state, enum backup_call call)
{
	status rc = refusals[call][state];

	if (rc == STATUS_OK)
		return STATUS_OK;
	return status_fail(rc, "%s: %s is not possible %s", server, call_names[call],
		state_names[state]);
}
