/*
 * owner.h - whose files a store's are
 */
#ifndef ENGINE_OWNER_H
#define ENGINE_OWNER_H

#include <sys/types.h>

#include "base/names.h"

struct owner {
	uid_t uid;
	gid_t gid;
};

/* The user and group that a worker for the files PATTERNS has to be: the owner of the
 * first one that exists (a file, or a directory that is a store of its own), or of the
 * directory where it would be. A caller who is not root: itself. */
struct owner owner_of_store(const struct names *patterns);

/* The same for recovery of DATABASES in HOME (NULL: each for itself). What is restored may
 * have been put there by an administrator, a DB_CONFIG say; files that root made in the
 * server's home would stop the server. So the home comes first, and where it is root's, what
 * else shows that a server is let into it. */
struct owner owner_of_recovery(const char *home, const struct names *databases);

#endif
