/*
 * dynamic.h - files that belong to the service but not to its database
 */
#ifndef SESSION_DYNAMIC_H
#define SESSION_DYNAMIC_H

#include "server/config.h"

/* The configured files and globs as they are now, sorted, without duplicates. What does
 * not exist (a CRL that was never issued) is left out. LIST is empty on entry. */
status dynamic_files(const struct server *server, struct names *list);

#endif
