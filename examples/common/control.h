/*
 * control.h - the service of a server
 */
#ifndef COMMON_CONTROL_H
#define COMMON_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

/* BACKUPAPI_CONTROL_...; what the service manager printed goes to stderr. False:
 * reported. */
bool change_service(const char *server, uint32_t control);

#endif
