/*
 * One write(2) a line, so that the lines of several threads and processes do not mix.
 */
#include "base/trace.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

#define LINE_SIZE 2048

static const char *const level_names[] = {
	[TRACE_ERROR] = "error", [TRACE_INFO] = "info", [TRACE_DEBUG] = "debug"};

static enum trace_level highest; /* 0: nothing */

static void read_level(void)
{
	const char *text = secure_getenv("BACKUPAPI_LOG");

	for (enum trace_level level = TRACE_ERROR; text && level <= TRACE_DEBUG; level++)
		if (strcmp(text, level_names[level]) == 0)
			highest = level;
}

bool trace_on(enum trace_level level)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, read_level);
	return level <= highest;
}

void trace(enum trace_level level, const char *format, ...)
{
	char line[LINE_SIZE];
	size_t length;
	va_list args;
	ssize_t written;
	int saved = errno, prefix;

	if (!trace_on(level))
		return;
	prefix = snprintf(line, sizeof(line), "backupapi: %s: ", level_names[level]);
	va_start(args, format);
	if (vsnprintf(line + prefix, sizeof(line) - (size_t)prefix, format, args) < 0)
		line[prefix] = '\0';
	va_end(args);
	text_keep_to_one_line(line);
	length = strlen(line);
	if (length == sizeof(line) - 1)
		length--;
	line[length++] = '\n';
	written = write(STDERR_FILENO, line, length);
	(void)written; /* nowhere left to say that it failed */
	errno = saved;
}
