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

	if (!path)
		return status_no_memory();
	if (names && stat(path, &st) == 0 && S_ISREG(st.st_mode))
		return names_take(names, path);
	free(path);
	return STATUS_OK;
}

static char *join(const char *dir, const char *separator, const char *name)
{
	char *path;

	return asprintf(&path, "%s%s%s", dir, separator, name) < 0 ? NULL : path;
}

static status survey_directory(
	const char *dir, struct names *databases, struct names *leftovers)
{
	status rc = add_if_present(join(dir, "/", LMDB_DATA_NAME), databases);

	if (!failed(rc))
		rc = add_if_present(join(dir, "/", LMDB_INFO_NAME), databases);
	if (!failed(rc))
		rc = add_if_present(join(dir, "/", LMDB_LOCK_NAME), leftovers);
	return rc;
}

static status survey_file(
	const char *path, struct names *databases, struct names *leftovers)
{
	status rc = add_if_present(join(path, "", ""), databases);

	return failed(rc) ? rc : add_if_present(join(path, "", "-lock"), leftovers);
}

static status survey_one(
	const char *path, struct names *databases, struct names *leftovers)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			return status_errno(errno, "%s", path);
		/* A single file that is gone may have left its lock file. */
		return survey_file(path, databases, leftovers);
	}
	return S_ISDIR(st.st_mode) ? survey_directory(path, databases, leftovers)
				   : survey_file(path, databases, leftovers);
}

status lmdb_survey(const struct store_config *store, struct names *databases,
	struct names *leftovers)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < store->databases.count && !failed(rc); i++)
		rc = survey_one(store->databases.items[i], databases, leftovers);
	if (databases)
		names_sort(databases);
	if (leftovers)
		names_sort(leftovers);
	return rc;
}
