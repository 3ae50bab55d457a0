/*
 * A lease sends its holder a signal when somebody wants to write: SIGIO, which ends a
 * process that does not expect it. So the signal is made SIGURG, which is ignored unless a
 * program asks for it, and the lease then gets no owner to be sent to.
 */
#include "sis/care_lease.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

status care_lease_take(int fd, const char *path, bool *held)
{
	*held = false;
	if (fcntl(fd, F_SETSIG, SIGURG))
		return STATUS_OK;
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
		*held = true;
		(void)fcntl(fd, F_SETOWN, 0);
		return STATUS_OK;
	}
	if (errno != EAGAIN)
		return STATUS_OK;
	return status_fail(
		STATUS_WIN32(ERROR_SHARING_VIOLATION), "%s: is open for writing", path);
}

bool care_lease_is_whole(int fd)
{
	return fcntl(fd, F_GETLEASE) == F_RDLCK;
}

void care_lease_end(int fd)
{
	(void)fcntl(fd, F_SETLEASE, F_UNLCK);
}
