/*
 * host.h - names of hosts, and which of them mean this one
 */
#ifndef SERVER_HOST_H
#define SERVER_HOST_H

#include <stdbool.h>

/* Letters, digits, dashes and dots, a letter or digit first; at most 255 characters. */
bool host_name_valid(const char *name);

/* "", ".", "localhost", or the machine's own name, with or without its domain; the case
 * does not matter. */
bool host_is_this(const char *name);

#endif
