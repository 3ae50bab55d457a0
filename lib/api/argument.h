/*
 * argument.h - what the public functions do with their arguments first
 */
#ifndef API_ARGUMENT_H
#define API_ARGUMENT_H

#include <backupapi/types.h>

#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "server/server.h"

/* ERROR_INVALID_PARAMETER with "FUNCTION: WHY" as its detail. */
status argument_invalid(const char *function, const char *why);

/* A text as the caller gave it to an A or a W form, of either width; NULL where none was
 * given. */
struct given {
	const void *text;
	enum text_form form;
};

/* The width of WCHAR in the file that is being compiled. */
#define WCHAR_FORM ((enum text_form)sizeof(WCHAR))

static inline struct given given_narrow(const char *text)
{
	return (struct given){text, TEXT_NARROW};
}

static inline struct given given_wide(const WCHAR *text)
{
	return (struct given){text, WCHAR_FORM};
}

/* UTF-8 in a new string (free()); NULL where nothing was given. */
status argument_copy(struct given given, char **text);

static inline status argument_text(const WCHAR *wide, char **text)
{
	return argument_copy(given_wide(wide), text);
}

/* server_find() for a name as it was given. */
status argument_server(unsigned families, struct given name, struct server **server);

/* Puts BLOCK into the caller's pointer at OUT, whatever that points to: text of any
 * form. */
static inline void argument_give(void *out, const void *block)
{
	memcpy(out, &block, sizeof(block));
}

#endif
