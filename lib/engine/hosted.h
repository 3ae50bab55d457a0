/*
 * hosted.h - an engine as it runs inside the store worker
 */
#ifndef ENGINE_HOSTED_H
#define ENGINE_HOSTED_H

#include "engine/engine.h"
#include "engine/spool.h"

/* What engines add that stream their files instead of leaving copies in the spool. `open`
 * of struct engine opens a file for them; then one of: */
struct hosted_streaming {
	/* What the caller is to read the open file from, from offset 0 for the size that
	 * open gave: the engine's own descriptor. -1: it has none, and stream is asked. */
	int (*descriptor)(struct engine_session *session);

	/* Writes the whole open file, the size that open gave, to the pipe FD. A pipe whose
	 * other end is closed (EPIPE; SIGPIPE is ignored) is no failure: the caller does
	 * not want the rest. A copy of that end may live on in a child of a caller who is
	 * gone: so no write may wait without asking caller_gone now and then. */
	status (*stream)(struct engine_session *session, int fd);

	/* After the sessions' end, with nobody left to talk to: waits as long as the end of
	 * the process would harm others who use the store. NULL: it never does. */
	void (*linger)(void);
};

struct hosted_engine {
	struct engine
		engine; /* first: its operations are handed this, and find the rest */
	const struct hosted_streaming *streaming; /* NULL: copies are in the spool */
	struct spool *spool; /* the caller's; begin leaves its copies here. NULL outside
				begin, and with streaming */

	/* Has the caller died or ended the session? To be asked now and then, from any
	 * thread: what is under way is then given up with ERROR_CANCELLED. */
	bool (*caller_gone)(void *context);
	void *context;
};

static inline const struct hosted_engine *hosted_engine(const struct engine *engine)
{
	return (const struct hosted_engine *)engine;
}

#endif
