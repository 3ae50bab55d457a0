/*
 * ntdsbcli_server.h - which directory service a caller means
 */
#ifndef API_NTDSBCLI_SERVER_H
#define API_NTDSBCLI_SERVER_H

#include "api/argument.h"

/* server_find() with the codes that the Ds functions have for names:
 *	hrCouldNotConnect	no such server, or not a server name at all
 *	ERROR_INVALID_PARAMETER	this host is meant, and it has several or none */
status ntdsbcli_server(struct given name, struct server **server);

#endif
