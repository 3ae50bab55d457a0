/* In the place of mdb_env.c and mdb_copy.c where there is no LMDB to build with. */
#include "engine/mdb_copy.h"

status lmdb_freeze(const char *path, const char *name, bool no_directory,
	struct lmdb_frozen **frozen)
{
	(void)name;
	(void)no_directory;
	*frozen = NULL;
	return status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
		"%s: an LMDB file, and this build has no LMDB", path);
}

static status missing(void)
{
	return status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED), "this build has no LMDB");
}

status lmdb_copy(const struct hosted_engine *host, const char *spool_dir,
	struct lmdb_frozen *frozen, bool compact)
{
	(void)host;
	(void)spool_dir;
	(void)frozen;
	(void)compact;
	return missing();
}

status lmdb_reserve(const struct hosted_engine *host, struct lmdb_frozen *frozen)
{
	(void)host;
	(void)frozen;
	return missing();
}

status lmdb_fill(const struct hosted_engine *host, const char *spool_dir,
	const struct lmdb_frozen *frozen)
{
	(void)host;
	(void)spool_dir;
	(void)frozen;
	return missing();
}

void lmdb_thaw(struct lmdb_frozen *frozen)
{
	(void)frozen;
}

status lmdb_open_resting(const char *path)
{
	(void)path;
	return STATUS_OK; /* lmdb_check_file needs no library */
}
