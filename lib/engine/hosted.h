/*
 * hosted.h - an engine as it runs inside the store worker
 */
#ifndef ENGINE_HOSTED_H
#define ENGINE_HOSTED_H

#include "engine/engine.h"
#include "engine/spool.h"

struct hosted_engine {
	struct engine
		engine; /* first: its operations are handed this, and find the rest */
	struct spool *spool; /* the caller's; begin leaves its copies here. NULL outside
				begin */

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
