/*
 * ese_stream.h - a database or a log, verified while it is read
 *
 * Whole pages are read straight into the caller's memory and verified there; those that his
 * buffer cuts in two go through memory of the stream's own. A page that is wrong is read
 * once more, since what comes from a network can be torn, and then fails the read.
 */
#ifndef ENGINE_ESE_STREAM_H
#define ENGINE_ESE_STREAM_H

#include "engine/ese_set.h"

struct ese_stream {
	int fd; /* -1: none is open */
	const struct ese_member *member;
	bool report;        /* damaged pages are told of, and handed out */
	uint32_t unit_size; /* of what has a checksum of its own */
	uint64_t offset;    /* of the next byte */
	uint8_t *cut;       /* the unit that OFFSET is in */
	bool has_cut;
	bool begun;
	uint64_t sum;    /* of a log's segments, */
	uint64_t summed; /* those below this one */
};

status ese_stream_open(const struct ese_set *set, const struct ese_member *member,
	bool report, struct ese_stream *stream);

/* Fewer bytes than asked only at the end. A failed read can be tried again.
 *	hrReadVerifyFailure, ESE_WRONG_PAGE	a page, or a copy of the header
 *	hrLogFileCorrupt		a log
 *	ESE_LOG_SUM_DIFFERS		a log that is not the one that the next one followed
 *	ERROR_BUSY			the file changed */
status ese_stream_read(struct ese_stream *stream, void *buffer, size_t size, size_t *got);
void ese_stream_close(struct ese_stream *stream);

#endif
