/*
 * spooled.h - sessions of the engines whose begin leaves all copies in the worker's spool
 *
 * Nothing of the store is held any more from then on. In the worker alone.
 */
#ifndef ENGINE_SPOOLED_H
#define ENGINE_SPOOLED_H

#include "engine/hosted.h"

/* What begin ends with once its copies are made. */
status spooled_begin(const struct hosted_engine *host, struct engine_session **session);

/* The operations `databases` and `end` of struct engine. */
status spooled_databases(struct engine_session *session, struct engine_files *files);
void spooled_end(struct engine_session *session);

#endif
