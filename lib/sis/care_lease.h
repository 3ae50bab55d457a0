/*
 * care_lease.h - keeping writers away from a file for a moment
 */
#ifndef SIS_CARE_LEASE_H
#define SIS_CARE_LEASE_H

#include <stdbool.h>

#include "base/status.h"

/* While *HELD, nobody has the file of FD (open for reading) open for writing: who wants to
 * waits. ERROR_SHARING_VIOLATION: somebody has. Not held: the file system, or the file's
 * owner being another user, does not let us know; then only what was seen is known. */
status care_lease_take(int fd, const char *path, bool *held);

/* Did it hold, and does nobody wait? */
bool care_lease_is_whole(int fd);

void care_lease_end(int fd);

#endif
