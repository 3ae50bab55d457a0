/*
 * locations.h - where a server's databases, logs and system files belong
 */
#ifndef SESSION_LOCATIONS_H
#define SESSION_LOCATIONS_H

#include "engine/engine.h"
#include "server/config.h"

enum location_kind { LOCATION_DATABASE, LOCATION_LOG_DIR, LOCATION_SYSTEM_DIR };

struct location {
	char *path;
	enum location_kind kind;
};

struct locations {
	struct location *items;
	size_t count;
};

/* Each database file, then the log directory, then the system directory. Databases that
 * do not exist are listed where the configuration names them without a glob: a restore
 * asks when everything is lost. What else a glob matches (a pipe, a link to nothing, for
 * root a link of another user's) is no database and left out: a backup would refuse it, but
 * it must not keep anybody from restoring. Of a directory with all its files those are
 * listed that its engine finds there: none, where all is lost; the directory itself is no
 * database file. With `auto`, the directories are those of the engine that is recognised. */
status locations_find(const struct server *server, struct locations *locations);

/* The same of STORE, whose engine is known. */
status locations_of(const struct store_config *store, const struct engine *engine,
	struct locations *locations);
void locations_free(struct locations *locations);

/* Is PATH configured by itself, not merely matched by a glob? */
bool locations_named(const struct server *server, const char *path);

/* Is PATH below a directory that the configuration names (a database's, or one that is the
 * database; the log or the system directory)? Component-wise; of the disk it looks only
 * whether a configured database is a directory. */
bool locations_inside(const struct server *server, const char *path);

#endif
