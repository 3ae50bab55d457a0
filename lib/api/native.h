/*
 * native.h - what the backupapi_ functions share
 */
#ifndef API_NATIVE_H
#define API_NATIVE_H

#include <stddef.h>

#include "base/status.h"

/* TEXT in a block for backupapi_free(); TEXT is freed. NULL is "out of memory". */
status native_string(char *text, char **block);

#endif
