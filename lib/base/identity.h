/*
 * identity.h - doing something with another user's rights, in this thread alone
 *
 * For root acting on what an ordinary user asked for: file system access is checked
 * as that user's (setfsuid and friends, which Linux keeps per thread; elsewhere the
 * call fails with ERROR_NOT_SUPPORTED). Asked of a process that is not root, or for
 * root's own identity, it does nothing.
 */
#ifndef BASE_IDENTITY_H
#define BASE_IDENTITY_H

#include <sys/types.h>

#include "base/status.h"

struct identity {
	bool assumed;
	gid_t *groups; /* the thread's own, to come back to */
	int group_count;
};

/* UID's and GID's rights, and the supplementary groups that the user database lists. */
status identity_assume(uid_t uid, gid_t gid, struct identity *former);
void identity_restore(struct identity *former);

/* Both around WHAT, whose result it gives. */
status identity_do(uid_t uid, gid_t gid, status (*what)(void *context), void *context);

#endif
