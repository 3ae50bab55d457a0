/*
 * trace.h - what BACKUPAPI_LOG asks for, on stderr
 *
 * Off by default; `error`, `info` and `debug` each include the one before.  Never
 * given secrets: no token, no password, no file content.
 */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include <stdbool.h>

enum trace_level { TRACE_ERROR = 1, TRACE_INFO, TRACE_DEBUG };

bool trace_on(enum trace_level level);

/* One line; errno is preserved. */
void trace(enum trace_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
