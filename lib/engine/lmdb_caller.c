/* By stat alone: LMDB's lock file is locked with fcntl, and a descriptor of it that is
 * closed anywhere in a process takes that process's locks away. */
#include "engine/lmdb_caller.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static status add_if_present(char *path, struct names *names)
{
	struct stat st;
	status rc = STATUS_OK;

	if (!path)
		return status_no_memory();
	if (names && stat(path, &st) == 0) {
		if (S_ISREG(st.st_mode))
			return names_take(names, path);
	} else if (names && errno != ENOENT && errno != ENOTDIR) {
		rc = status_errno(errno, "%s", path);
	}
	free(path);
	return rc;
}

static char *join(const char *dir, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

status lmdb_survey(const struct store_config *store, struct names *databases,
	struct names *leftovers)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < store->databases.count && !failed(rc); i++) {
		const char *dir = store->databases.items[i];

		rc = add_if_present(join(dir, LMDB_DATA_NAME), databases);
		if (!failed(rc))
			rc = add_if_present(join(dir, LMDB_INFO_NAME), databases);
		if (!failed(rc))
			rc = add_if_present(join(dir, LMDB_LOCK_NAME), leftovers);
	}
	if (databases)
		names_sort(databases);
	if (leftovers)
		names_sort(leftovers);
	return rc;
}
