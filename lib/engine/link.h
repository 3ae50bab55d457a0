/*
 * link.h - a store worker process and the socket to it, on the caller's side
 */
#ifndef ENGINE_LINK_H
#define ENGINE_LINK_H

#include "engine/protocol.h"

struct link;

/* Starts a worker and greets it: VERSION and protocol are filled in. SPOOL_FD goes along
 * unless -1. */
status link_start(struct hello *hello, int spool_fd, struct link **link);

/* Sends a request and waits for its result, however long it takes. The messages that come
 * ahead of it go to ACCEPT (NULL: none may come), whose failure ends the connection. A worker that died or talks nonsense is
 * hrCommunicationError, naming it and how it ended; it is gone then. */
status link_call(struct link *link, enum message_type type, const struct buffer *request,
	status (*accept)(void *context, const struct message *message), void *context);

/* From here on, killing the worker may stop everybody else who uses its store: one that
 * does not end in time is left to end by itself, and reaped when another one is started. */
void link_spare(struct link *link);

/* Has the worker end and waits until it did; NULL is fine. */
void link_end(struct link *link);

#endif
