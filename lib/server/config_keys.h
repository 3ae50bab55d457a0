/*
 * config_keys.h - the one table of sections and keys that the configuration has
 */
#ifndef SERVER_CONFIG_KEYS_H
#define SERVER_CONFIG_KEYS_H

#include "base/ini.h"
#include "server/config.h"

/* Which keys were read already, a bit each. */
typedef uint64_t config_seen;

/* Checks one entry and stores it in SERVER. NULL, or why not: static text. */
const char *config_set(
	struct server *server, config_seen *seen, const struct ini_entry *entry);

/* The reason that is no fault of the file's. */
extern const char config_no_memory[];

#endif
