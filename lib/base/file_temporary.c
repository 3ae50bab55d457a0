/*
 * Names too long for the additions are cut, with a hash of the whole in place of what
 * is missing, so that two long names do not meet.
 */
#include "base/file_temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_step.h"
#include "base/hash.h"

#define SUFFIX      FILE_TEMPORARY_SUFFIX
#define HASH_DIGITS 17 /* with the dash ahead of them */

static void name_temporary(const char *name, char temporary[NAME_MAX + 1])
{
	const size_t length = strlen(name);
	const size_t room = NAME_MAX - strlen("." SUFFIX);

	if (length <= room)
		(void)snprintf(temporary, NAME_MAX + 1, ".%s" SUFFIX, name);
	else
		(void)snprintf(temporary, NAME_MAX + 1, ".%.*s-%016" PRIx64 SUFFIX,
			(int)(room - HASH_DIGITS), name, hash_bytes(name, length));
}

static int set_exact_mode(int fd, mode_t mode)
{
	struct stat st;

	if (fstat(fd, &st))
		return -1;
	return (st.st_mode & 07777) == mode ? 0 : step_chmod(fd, mode);
}

status file_temporary_create(
	int dirfd, const char *name, mode_t mode, char temporary[NAME_MAX + 1], int *fd)
{
	int err;

	name_temporary(name, temporary);
	*fd = step_create(dirfd, temporary, O_WRONLY, mode);
	if (*fd < 0 && errno == EEXIST) {
		if (step_unlink(dirfd, temporary))
			return step_errno(errno, dirfd, temporary);
		*fd = step_create(dirfd, temporary, O_WRONLY, mode);
	}
	if (*fd < 0)
		return step_errno(errno, dirfd, temporary);
	if (set_exact_mode(*fd, mode) == 0)
		return STATUS_OK;
	err = errno;
	(void)close(*fd);
	(void)step_unlink(dirfd, temporary);
	return step_errno(err, dirfd, temporary);
}
