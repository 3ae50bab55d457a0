/*
 * protocol_reader.h - taking the body of a message apart
 *
 * A reader reads past nothing: it turns bad at the first thing that does not fit and gives
 * zeros and NULLs from then on, so that one check at the end is enough.
 */
#ifndef ENGINE_PROTOCOL_READER_H
#define ENGINE_PROTOCOL_READER_H

#include "engine/protocol.h"

#define PROTOCOL_NO_TEXT UINT32_MAX /* the length of a missing one */

struct reader {
	const unsigned char *at;
	size_t left;
	bool bad;
	bool short_of_memory;
};

struct reader reader_of(const struct message *message);

uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
bool reader_bool(struct reader *r);
void reader_skip(struct reader *r); /* what is left */

/* New strings. NULL where none was sent (allowed by the first alone), and where the reader
 * is bad. */
char *reader_optional_text(struct reader *r, size_t limit);
char *reader_text(struct reader *r, size_t limit);
char *reader_absolute(struct reader *r); /* a path or a pattern */
char *reader_path(struct reader *r);     /* protocol_path_is_sound */

void reader_names(struct reader *r, struct names *names, char *(*get)(struct reader *));

/* Was all of the message read, and was it well formed? WHAT it is, for the error. */
status reader_finish(const struct reader *r, const char *what);

#endif
