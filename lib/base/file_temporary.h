/*
 * file_temporary.h - the name under which a file is written until it is complete
 *
 * One fixed name per target, `.NAME.backupapi-new`: what a crashed run left behind is
 * replaced by the next one and never adds up, and no one takes it for NAME. It follows
 * that writers of one target must be serialised; the store's locks do that.
 */
#ifndef BASE_FILE_TEMPORARY_H
#define BASE_FILE_TEMPORARY_H

#include <limits.h>
#include <sys/types.h>

#include "base/status.h"

#define FILE_TEMPORARY_SUFFIX ".backupapi-new"

/* Creates the temporary file for NAME, empty, of MODE whatever the umask; a stale one is
 * removed first. */
status file_temporary_create(
	int dirfd, const char *name, mode_t mode, char temporary[NAME_MAX + 1], int *fd);

#endif
