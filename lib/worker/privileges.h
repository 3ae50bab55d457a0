/*
 * privileges.h - becoming the owner of a store's files, for good
 */
#ifndef WORKER_PRIVILEGES_H
#define WORKER_PRIVILEGES_H

#include <sys/types.h>

#include "base/status.h"

/* Started as root: becomes UID and GID with the groups that the user database lists, or
 * stays root for UID 0. Started by another: nothing but that user's own UID will do. */
status privileges_become(uid_t uid, gid_t gid);

#endif
