/*
 * ini.h - a strict reader of `[section]` and `key = value` text
 *
 * Names of sections and keys consist of ASCII letters, digits, '_', '-' and '.'.  Values
 * are taken whole, blanks around them apart, and may be empty; `;` and `#` start a comment
 * at the beginning of a line only; lines may be of any length and end in LF or CR LF;
 * blanks ahead of what a line holds do not matter; there are no continuation lines and no
 * quotes.  Keys may repeat; the handler decides whether that is an error.  The text is
 * checked here to be UTF-8 without control characters other than tabs; a byte order mark
 * at its start is skipped.  This reader knows nothing of the rest of the library, so that
 * the programs read their backup.ini with it too.
 */
#ifndef BASE_INI_H
#define BASE_INI_H

#include <stddef.h>

struct ini_entry {
	const char *section; /* "" ahead of the first section */
	const char *key;     /* "" with an empty value: the section begins */
	const char *value;
	unsigned line; /* from 1 */
};

/* NULL goes on; anything else (static text) ends the reading as the reason. */
typedef const char *(*ini_handler)(void *context, const struct ini_entry *entry);

/* Reads TEXT (SIZE bytes, a NUL behind them; it is changed in place, and the entries'
 * strings lie in it). NULL when all of it was read; else the reason, static text, with
 * *LINE set. */
const char *ini_parse(char *text, size_t size, ini_handler handler, void *context,
	unsigned *line);

#endif
