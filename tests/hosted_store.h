/*
 * hosted_store.h - an engine of the store worker, run in the test's own process
 */
#ifndef TESTS_HOSTED_STORE_H
#define TESTS_HOSTED_STORE_H

#include "engine/hosted.h"
#include "support.h"

struct hosted_store {
	char *dir; /* of the databases */
	char *spool_dir;
	struct store_config config;
	struct spool spool;
	struct hosted_engine host;
	unsigned looks_left; /* for the caller: at 1 he is gone. 0: he stays */
};

/* ENGINE over a directory, which `database` names with NAME below it ("": itself). */
void hosted_make(
	struct hosted_store *store, const struct engine *engine, const char *name);
void hosted_free(struct hosted_store *store);

/* "DIR/NAME"; free(). */
char *hosted_path(const struct hosted_store *store, const char *name);

/* begin of a full session, into an empty spool, which must succeed, or fail: why. */
struct engine_session *hosted_begin(struct hosted_store *store);
status hosted_begin_fails(struct hosted_store *store);
void hosted_end(struct hosted_store *store, struct engine_session *session);

/* The session's copy of PATH becomes the new file COPY; in a whole session of its own. */
void hosted_read(struct hosted_store *store, const char *path, const char *copy);
void hosted_save(struct hosted_store *store, const char *path, const char *copy);

/* verify of one file; and the explanation of the last failure mentions TEXT. */
status hosted_verify(struct hosted_store *store, const char *path);
void hosted_assert_detail(const char *text);

/* A process that runs WORK until it is stopped, or returns. */
pid_t hosted_start(void (*work)(void *context), void *context);
void hosted_stop(pid_t pid);

void hosted_pause(long ms);

#endif
