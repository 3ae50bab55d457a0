/*
 * credentials.h - the account for servers that are reached over the network
 *
 * One of the whole process, out of swap and core dumps where the system allows that,
 * wiped when it is replaced and when the process exits or unloads the library. A forked
 * child has a copy of its own, wiped likewise; a program that is executed has none.
 * Nothing here is ever traced or put into an explanation.
 */
#ifndef BASE_CREDENTIALS_H
#define BASE_CREDENTIALS_H

#include <stdbool.h>

#include "base/status.h"

/* UTF-8; the texts belong to the one block, so that there is one thing to wipe. */
struct credentials {
	const char *user;
	const char *domain;   /* "": the server's own accounts */
	const char *password; /* "": none */
	void *block;
	size_t size;
};

/* Keeps copies of the three texts (none NULL) instead of what was kept. Where that fails,
 * which is only ever ERROR_NOT_ENOUGH_MEMORY, what was kept stays. */
status credentials_keep(const char *user, const char *domain, const char *password);

/* Back to the identity of the process. */
void credentials_forget(void);

/* A copy for the caller (credentials_wipe). *KEPT is false where there are none; the
 * process's own identity is meant then. */
status credentials_get(struct credentials *copy, bool *kept);

/* Wipes and releases; all zero is fine. */
void credentials_wipe(struct credentials *copy);

#endif
