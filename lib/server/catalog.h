/*
 * catalog.h - all configuration files, and which of them are at odds
 */
#ifndef SERVER_CATALOG_H
#define SERVER_CATALOG_H

#include "server/config.h"

struct catalog_entry {
	char *stem;            /* the file's name without .conf */
	struct server *server; /* of a broken file: what could be read of it */
	bool broken;           /* the file itself is no good */
	bool denied;           /* broken: it may not be read, or is not to be trusted */
	char *problem; /* "file:line: reason", also of two files at odds; else NULL */
};

/* In the order of the servers' names; files whose name could not be read come first. */
struct catalog {
	struct catalog_entry *items;
	size_t count;
};

/* Reads every *.conf in DIR. A broken file is an entry; a directory that is missing
 * (ERROR_PATH_NOT_FOUND) or not to be trusted (ERROR_ACCESS_DENIED) is an error. */
status catalog_load(const char *dir, struct catalog *catalog);
void catalog_free(struct catalog *catalog);

/* Is NAME its name or one of its aliases? */
bool catalog_is_named(const struct server *server, const char *name);

/* Is it on this machine? */
bool catalog_is_local(const struct server *server);

/* claims.c: notes a problem with every good entry that claims a name, a database or a
 * state_dir that another one claims too. */
status catalog_compare(struct catalog *catalog);

#endif
