#include "engine/bdb_caller.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/bdb_names.h"

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* ---- survey ---- */

struct survey {
	struct names *databases, *leftovers;
};

static status note(struct names *names, const char *path)
{
	return names ? names_add(names, path) : STATUS_OK;
}

static status survey_file(void *context, enum bdb_file what, const char *path)
{
	const struct survey *survey = context;

	switch (what) {
	case BDB_DATABASE:
	case BDB_PLAIN:
		return note(survey->databases, path);
	case BDB_REGION:
	case BDB_LEFTOVER:
		return note(survey->leftovers, path);
	case BDB_LOG:
	case BDB_LINK: /* a backup refuses it; a restore leaves it alone */
	case BDB_OTHER:
		break;
	}
	return STATUS_OK;
}

static status survey_region_file(void *context, enum bdb_file what, const char *path)
{
	const struct survey *survey = context;

	if (what == BDB_REGION || what == BDB_LEFTOVER)
		return note(survey->leftovers, path);
	return STATUS_OK;
}

status bdb_survey(const struct store_config *store, struct names *databases,
	struct names *leftovers)
{
	struct survey survey = {databases, leftovers};
	status rc = STATUS_OK;

	for (size_t i = 0; i < store->databases.count && !failed(rc); i++)
		rc = bdb_walk(store->databases.items[i], survey_file, &survey);
	if (!failed(rc) && store->region_dir)
		rc = bdb_walk(store->region_dir, survey_region_file, &survey);
	if (databases)
		names_sort(databases);
	if (leftovers)
		names_sort(leftovers);
	return rc;
}

/* ---- logs by their names ---- */

status bdb_generation(const char *path, uint32_t *generation)
{
	if (bdb_log_generation(last_component(path), generation, NULL, NULL))
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
		"%s: not the name of a Berkeley DB log", path);
}

/* Whoever may write to DIR could make a link to what the caller alone may read. */
static status take_log(
	int dirfd, const char *dir, const char *name, struct engine_logs *logs)
{
	uint32_t generation;
	struct stat st;
	char *path;
	bool part;

	if (!bdb_log_generation(name, &generation, &part, NULL))
		return STATUS_OK;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? STATUS_OK
				       : status_errno(errno, "%s/%s", dir, name);
	if (!S_ISREG(st.st_mode))
		return STATUS_OK;
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		path = NULL;
	return engine_logs_take(logs, path, generation, (uint64_t)st.st_size, part);
}

static status take_logs(int dirfd, const char *dir, struct engine_logs *logs)
{
	struct names names = {0};
	status rc = file_list_dir(dirfd, dir, &names);

	for (size_t i = 0; i < names.count && !failed(rc); i++)
		rc = take_log(dirfd, dir, names.items[i], logs);
	names_free(&names);
	return rc;
}

status bdb_find_logs(
	const struct store_config *store, const char *dir, struct engine_logs *logs)
{
	int fd;
	status rc = file_open_dir(dir, FILE_TRUSTED, &fd);

	(void)store;
	if (status_is_missing(rc))
		return STATUS_OK;
	if (failed(rc))
		return rc;
	rc = take_logs(fd, dir, logs);
	(void)close(fd);
	engine_logs_sort(logs);
	return rc;
}

status bdb_replay_name(const struct store_config *store, const struct engine_log *log,
	bool newest, char **name)
{
	(void)store;
	(void)newest; /* has no name of its own */
	*name = bdb_log_name(log->generation);
	return *name ? STATUS_OK : status_no_memory();
}
