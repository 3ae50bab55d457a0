/*
 * trust.c - whose files the library believes; ACLs show in the group's permissions
 */
#include "server/trust.h"

#include <unistd.h>

status trust_check(const struct stat *st, mode_t forbidden, const char *path)
{
	unsigned mode = (unsigned)(st->st_mode & 07777);

	if (st->st_uid != 0 && st->st_uid != geteuid())
		return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"%s: belongs to user %lu (mode %04o), not to root or the caller",
			path, (unsigned long)st->st_uid, mode);
	if (st->st_mode & forbidden)
		return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"%s: its mode %04o (owner %lu) lets others %s", path, mode,
			(unsigned long)st->st_uid,
			forbidden & S_IRWXO & ~(mode_t)S_IWOTH ? "in" : "write it");
	return STATUS_OK;
}
