/*
 * bdb_relay.h - bytes on their way to a pipe, without a copy more than need be
 *
 * Bytes put in wait in a ring of memory, whose pages are lent to the pipe (vmsplice): its
 * reader copies from there. So the writer runs ahead of the reader by a ring's length, and
 * both work at a time. Bounded memory, whatever the reader does.
 */
#ifndef ENGINE_BDB_RELAY_H
#define ENGINE_BDB_RELAY_H

#include "engine/hosted.h"

struct bdb_relay {
	const struct hosted_engine *host;
	int pipe;
	unsigned char *ring;
	size_t size;
	uint64_t put;  /* bytes in, since the beginning */
	uint64_t lent; /* bytes that the pipe was given */
	bool copies;   /* the pipe takes no pages: it is written to */
	bool wanted;   /* there is a reader */
};

/* PIPE becomes non-blocking. Release with bdb_relay_close, which drops what is not in the
 * pipe yet; also after a failure. */
status bdb_relay_open(
	struct bdb_relay *relay, const struct hosted_engine *host, int pipe);
void bdb_relay_close(struct bdb_relay *relay);

/* Takes bytes of DATA in, *TAKEN of them: fewer than SIZE where the reader has not made
 * room for all within PATIENCE_MS, however many he took, or does not want any more. */
status bdb_relay_put(struct bdb_relay *relay, const void *data, size_t size,
	int patience_ms, size_t *taken);

/* Room for SIZE bytes in one piece, to be filled by other means and put in by commit; NULL
 * where there is none just now. */
unsigned char *bdb_relay_reserve(struct bdb_relay *relay, size_t size);
status bdb_relay_commit(struct bdb_relay *relay, size_t size);

/* Waits, as long as the reader pleases, until the ring has room again, or until the pipe
 * has all. */
status bdb_relay_await(struct bdb_relay *relay);
status bdb_relay_finish(struct bdb_relay *relay);

#endif
