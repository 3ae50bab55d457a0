/*
 * server.h - finding the server that a caller means
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "server/config.h"

/* $BACKUPAPI_CONFIG_DIR (secure_getenv) or the built-in directory. */
const char *server_config_dir(void);

/* The server that NAME means among those that serve a family in FAMILIES (FAMILY_ANY for
 * the native functions). Names compare without case; leading backslashes are optional;
 * NULL, "", ".", "localhost" and this host's own name mean the only server of the family.
 * With FAMILY_CERTSRV in FAMILIES, `HOST\authority` is taken too. A configured name wins
 * over what means this host.
 *
 *   RPC_S_SERVER_UNAVAILABLE	no such server; the detail mentions files that are broken
 *   ERROR_INVALID_PARAMETER	this host, but several servers of the family are configured
 *   RPC_S_INVALID_BINDING	the server is configured as being on another machine
 *   ERROR_INVALID_NAME		not a server name at all (an underscore, a slash ...)
 *   ERROR_BAD_CONFIGURATION	its file is broken (the detail says where), or two files
 *				claim its name, database or state_dir (both are named)
 *   ERROR_PATH_NOT_FOUND	the directory of configurations does not exist
 *   ERROR_ACCESS_DENIED	others may write that directory, or the caller may not read it
 *
 * The API layer turns the first into each function's own code. A broken file never hides
 * another server. *SERVER is the caller's: server_free(). */
status server_find(unsigned families, const char *name, struct server **server);

/* Every server, in the order of names. For each broken file, and for files at odds, which
 * are left out too, *BROKEN gets a line "file:line: reason". A directory that is missing
 * or not to be trusted is an error as above. */
struct server_list {
	struct server **items;
	size_t count;
};
status server_load_all(struct server_list *list, struct names *broken);
void server_list_free(struct server_list *list);

/* Opens state_dir (0700), creating it when CREATE, else ERROR_FILE_NOT_FOUND where it is
 * missing; refuses (ERROR_ACCESS_DENIED) one that belongs to another user than root or the
 * caller, that others may enter, or that is a symbolic link. */
status server_open_state_dir(const struct server *server, bool create, int *fd);

/* The directory of the store itself, where a user without rights on state_dir leaves a
 * registration: that of the first configured database (what stands ahead of its glob
 * characters), or the database itself where it is a directory. A new string, NULL where
 * memory is short. */
char *server_store_dir(const struct server *server);

#endif
