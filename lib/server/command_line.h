/*
 * command_line.h - a configured command as its arguments
 *
 * Quoted as in systemd units: arguments are separated by white space; one that is wholly
 * in double or single quotes may contain it; a backslash starts a C escape (also \s for a
 * space, \xHH, \NNN in octal, \uXXXX, \UXXXXXXXX), in quotes and outside. No variables,
 * no specifiers, no shell.
 */
#ifndef SERVER_COMMAND_LINE_H
#define SERVER_COMMAND_LINE_H

#include "base/status.h"

/* *ARGV ends with NULL; its first is an absolute path. ERROR_BAD_CONFIGURATION, naming
 * the line, for quotes that do not close, quotes inside a word, unknown escapes, an empty
 * line. */
status command_line_split(const char *line, char ***argv);

void command_line_free(char **argv); /* NULL is fine */

#endif
