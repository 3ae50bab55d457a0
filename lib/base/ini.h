/*
 * ini.h - a strict reader of `[section]` and `key = value` text
 *
 * Values are taken whole, spaces around them apart; `;` and `#` start a comment at
 * the beginning of a line only; lines may be of any length; there are no
 * continuation lines and no quotes.  Keys may repeat; the handler decides whether
 * that is an error.  The text must be UTF-8 without NUL bytes.  This reader knows
 * nothing of the rest of the library, so that the programs read their backup.ini
 * with it too.
 */
#ifndef BASE_INI_H
#define BASE_INI_H

#include <stddef.h>

struct ini_entry {
	const char *section; /* "" ahead of the first section */
	const char *key;
	const char *value;
	unsigned line; /* from 1 */
};

/* NULL goes on; anything else (static text) ends the reading as the reason. */
typedef const char *(*ini_handler)(void *context, const struct ini_entry *entry);

/* Reads TEXT (SIZE bytes, a NUL behind them; it is changed in place). NULL when all of it
 * was read; else the reason, static text, with *LINE set. */
const char *ini_parse(char *text, size_t size, ini_handler handler, void *context,
	unsigned *line);

#endif
