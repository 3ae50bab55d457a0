#include "engine/regular.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

status regular_open(const char *path, int *fd, struct stat *st)
{
	status rc = STATUS_OK;

	*fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*fd < 0)
		return status_errno(errno, "%s", path);
	if (fstat(*fd, st) < 0)
		rc = status_errno(errno, "%s", path);
	else if (!S_ISREG(st->st_mode))
		rc = status_fail(
			STATUS_WIN32(ERROR_INVALID_DATA), "%s: not a regular file", path);
	if (failed(rc)) {
		(void)close(*fd);
		*fd = -1;
	}
	return rc;
}
