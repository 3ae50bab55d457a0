/*
 * inifields.h - structures as `[section]` and `key = value` text, from one table for both
 * directions
 */
#ifndef COMMON_INIFIELDS_H
#define COMMON_INIFIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum field_type {
	FIELD_FORMAT, /* the version of the format: nothing in the structure */
	FIELD_TEXT,   /* char *, escaped (str_escape); NULL is left out */
	FIELD_LIST,   /* struct strings: a line each */
	FIELD_TIME,   /* int64_t; 0 is left out */
	FIELD_NUMBER, /* uint32_t */
};

struct field {
	const char *section, *key;
	enum field_type type;
	size_t offset; /* in the structure */
	bool required;
};

/* The fields of one section stand together. Whether writing worked is for the caller to
 * see in FILE. */
void inifields_write(
	const struct field *fields, size_t count, const void *structure, FILE *file);

/* TEXT (SIZE bytes, a NUL behind them) is changed; keys that are not in the table are
 * left out. STRUCTURE is all zero on entry. False: reported, LABEL names the file. */
bool inifields_parse(const struct field *fields, size_t count, void *structure,
	char *text, size_t size, const char *label);

#endif
