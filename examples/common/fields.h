/*
 * fields.h - lines of fields between tabs, as in a MANIFEST
 */
#ifndef COMMON_FIELDS_H
#define COMMON_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/meta.h"

/* A tab, and TEXT escaped (str_escape); "-" for NULL. */
void fields_write_text(FILE *file, const char *text);

/* The same for all of META: mode, uid, gid, user, group, mtime, atime
 * (seconds.nanoseconds), ACL, default ACL. */
#define FIELDS_OF_META 9
void fields_write_meta(FILE *file, const struct meta *meta);

/* Splits LINE at its tabs into exactly WANTED. */
bool fields_split(char *line, char **fields, size_t wanted);

/* *TEXT stays as it is for "-". False: malformed. */
bool fields_parse_text(char *field, char **text);

/* NULL, or the name of the bad one. */
const char *fields_parse_meta(char **fields, struct meta *meta);

#endif
