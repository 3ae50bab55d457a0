/*
 * native.h - what the backupapi_ functions share
 */
#ifndef API_NATIVE_H
#define API_NATIVE_H

#include <stddef.h>

#include "api/argument.h"
#include "base/status.h"

/* TEXT in a block for backupapi_free(); TEXT is freed. NULL is "out of memory". */
status native_string(char *text, char **block);

/* The POSIX path behind a name, UNC or POSIX, in a new string (free()). */
status path_from_name(const char *name, char **path);

/* Whole public calls for text of any form; FUNCTION is the public name. A name comes in a
 * block for backupapi_free(). */
char *native_path_from_name(const char *function, struct given name);
void *native_name_from_path(
	const char *function, const char *server, const char *path, enum text_form form);
int32_t native_log_generation(const char *function, const char *server, struct given name,
	uint32_t *generation);

#endif
