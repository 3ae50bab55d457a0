/*
 * sis_text.h - paths and arrays of paths of the Sis functions
 */
#ifndef API_SIS_TEXT_H
#define API_SIS_TEXT_H

#include "api/argument.h"
#include "base/names.h"
#include "base/status.h"

/* The POSIX path that a caller means, in a new string; a text was given. "" is "". */
status sis_text_path(struct given given, char **path);

/* PATH in a Sis block. */
status sis_text_string(const char *path, enum text_form form, void **block);

/* Each path in a Sis block of its own, and the array of pointers to them; NULL for
 * none. */
status sis_text_array(const struct names *paths, enum text_form form, void **array);

/* Array of one; PATH is freed. */
status sis_text_single(char *path, enum text_form form, void **array);

/* Releases an array of COUNT and its texts. */
void sis_text_free(void *array, size_t count);

#endif
