/*
 * wildcard.h - does a file name match a pattern?
 *
 * `*`, `?` and `[a-z]`, `[!a-z]` as in the shell, within one name. Characters are UTF-8
 * characters, or single bytes where the name is not UTF-8; ranges go by code point; the
 * locale plays no part, so that a pattern means the same in every program. A leading dot
 * is matched only by a dot. A backslash takes the next character literally.
 */
#ifndef BASE_WILDCARD_H
#define BASE_WILDCARD_H

#include <stdbool.h>

#include "base/status.h"

/* Is there anything in PATTERN that a plain name does not have? */
bool wildcard_present(const char *pattern);

bool wildcard_match(const char *pattern, const char *name);

/* Is there a name that both patterns match? Fails only where memory is short. */
status wildcard_overlap(const char *a, const char *b, bool *overlap);

#endif
