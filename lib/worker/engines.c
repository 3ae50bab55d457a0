#include "engines.h"

#include <string.h>

#ifdef HAVE_BDB
#include "engine/bdb.h"
#endif
#ifdef HAVE_LMDB
#include "engine/lmdb.h"
#endif
#ifdef HAVE_SQLITE
#include "engine/sqlite.h"
#endif
#ifdef HAVE_TDB
#include "engine/tdb.h"
#endif

static const struct {
	const struct engine *engine;
	const struct hosted_streaming *streaming;
} engines[] = {
#ifdef HAVE_BDB
	{&bdb_hosted_engine, &bdb_streaming},
#endif
#ifdef HAVE_LMDB
	{&lmdb_hosted_engine, NULL},
#endif
#ifdef HAVE_SQLITE
	{&sqlite_hosted_engine, NULL},
#endif
#ifdef HAVE_TDB
	{&tdb_hosted_engine, NULL},
#endif
};

status engines_find(const char *name, struct hosted_engine *host)
{
	if (strcmp(name, "auto") == 0)
		return STATUS_OK;
	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
		if (strcmp(engines[i].engine->name, name) == 0) {
			host->engine = *engines[i].engine;
			host->streaming = engines[i].streaming;
			return STATUS_OK;
		}
	}
	return status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
		"store worker: it was built without engine %.40s", name);
}
