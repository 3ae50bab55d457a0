/*
 * log_part.h - the name of an unfinished log
 *
 * The newest log grows while it is backed up. A backup lists it as <log>.part-<length>, so
 * that copies of different age never overwrite each other; recovery takes the longest and
 * strips the suffix.
 */
#ifndef ENGINE_LOG_PART_H
#define ENGINE_LOG_PART_H

#include <stddef.h>

#include "base/status.h"

/* A new string; NULL where memory is short. */
char *log_part_name(const char *log, uint64_t length);

/* Where the suffix of NAME begins and, unless NULL, the *LENGTH it tells; strlen(NAME) and
 * false where it has none. */
bool log_part_split(const char *name, size_t *stem, uint64_t *length);

#endif
