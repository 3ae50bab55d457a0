/*
 * serve_side.h - between the files of serve.h
 */
#ifndef WORKER_SERVE_SIDE_H
#define WORKER_SERVE_SIDE_H

#include "engine/hosted.h"
#include "engine/protocol.h"

/* The one file that a session may have open. */
struct serve_file {
	bool open;
	int pipe;       /* to be streamed to once the result was sent; else -1 */
	status outcome; /* of the streaming */
	char *detail;   /* of its failure */
};

struct server_side {
	int socket;
	struct hello hello;
	struct hosted_engine host;
	struct spool spool;
	struct engine_session *session;
	struct serve_file file;
};

/* Each returns what the caller is told as the result. */
status serve_files(struct server_side *side,
	status (*list)(struct engine_session *session, struct engine_files *files));
status serve_logs(struct server_side *side, const struct message *message);
status serve_open(struct server_side *side, const struct message *message);
status serve_close(struct server_side *side, const struct message *message);
status serve_truncate(struct server_side *side, const struct message *message);

/* After the result of OPEN: fills the pipe, where there is one. */
void serve_stream(struct server_side *side);

/* Closes what a caller who is gone left open. */
void serve_give_up(struct server_side *side);

#endif
