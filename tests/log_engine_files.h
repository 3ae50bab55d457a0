/*
 * log_engine_files.h - engines that recover logs of text, simple enough to see through
 *
 * Test programs are linked with --wrap=engine_find and --wrap=engine_for_files, and get
 * log_engine.engine instead of the configured one once log_engine.in_use is set.
 *
 * A log is called log.N, or log.N.part-LENGTH as a backup lists an unfinished one, and
 * holds "log SEQUENCE N", then a line for each change, and "end" once it is complete. An X
 * anywhere is damage. Databases are *.db in the home or its directory sub, leftovers are
 * called __db.001 and guardian. Replay collects the changes, makes the database NAME of
 * "create NAME", and ends the newest log with "recovered".
 */
#ifndef TESTS_LOG_ENGINE_FILES_H
#define TESTS_LOG_ENGINE_FILES_H

#include "log_engine.h"

struct log_replay {
	bool current;   /* the newest log is to be called log.current */
	bool makes_log; /* replay begins another one */
	status result;  /* of replay, once all is written */

	/* Of the last recovery: */
	char changes[4096]; /* each with a blank behind it */
	char home[4096];    /* "" for none */
	char log_dir[4096];
	uint32_t low, high;
	size_t databases;
};
extern struct log_replay log_replay;

extern const struct engine log_engine_of_files;     /* with ENGINE_LOGS alone */
extern const struct engine log_engine_of_directory; /* with bdb's traits */

#endif
