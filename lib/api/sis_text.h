/*
 * sis_text.h - paths and arrays of paths of the Sis functions
 */
#ifndef API_SIS_TEXT_H
#define API_SIS_TEXT_H

#include <backupapi/types.h>

#include "base/names.h"
#include "base/status.h"

/* The POSIX path that a caller means, in a new string; WIDE is not NULL. L"" is "". */
status sis_text_path(const WCHAR *wide, char **path);

/* PATH in a Sis block. */
status sis_text_string(const char *path, WCHAR **block);

/* Each path in a Sis block of its own, and the array; NULL for none. */
status sis_text_array(const struct names *paths, WCHAR ***array, ULONG *count);

/* Array of one; PATH is freed. NULL is none. */
status sis_text_single(char *path, WCHAR ***array, ULONG *count);

#endif
