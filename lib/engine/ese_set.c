#include "engine/ese_set.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

/* ---- one file ---- */

struct ese_stamp ese_stamp_of(const struct stat *st)
{
	return (struct ese_stamp){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.written = st->st_mtim,
	};
}

static bool same_stamp(const struct ese_stamp *a, const struct ese_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->written.tv_sec == b->written.tv_sec &&
	       a->written.tv_nsec == b->written.tv_nsec;
}

status ese_member_unchanged(const struct ese_member *member, int fd)
{
	struct ese_stamp now;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return status_errno(errno, "%s", member->place);
	now = ese_stamp_of(&st);
	if (same_stamp(&now, &member->stamp))
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_BUSY),
		"%s: changed since the backup began; only a store that nothing writes "
		"can "
		"be backed up: a copy, or a snapshot",
		member->place);
}

static status open_place(
	const struct ese_set *set, const struct ese_member *member, int *fd)
{
	struct stat st;
	uint64_t size;

	if (member->name)
		return ese_open_at(
			set->log_dir.fd, member->name, member->place, fd, &size);
	return file_open_regular(member->place, FILE_TRUSTED, fd, &st);
}

status ese_member_open(
	const struct ese_set *set, const struct ese_member *member, int *fd)
{
	status rc = open_place(set, member, fd);

	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		return status_fail(STATUS_WIN32(ERROR_BUSY),
			"%s: vanished since the backup began", member->place);
	if (!failed(rc))
		rc = ese_member_unchanged(member, *fd);
	if (failed(rc) && *fd >= 0) {
		(void)close(*fd);
		*fd = -1;
	}
	return rc;
}

void ese_member_free(struct ese_member *member)
{
	free(member->path);
	free(member->place);
}

/* ---- databases ---- */

/* No one can replay logs into a database that was left half converted. */
static status check_state(const struct ese_header *header, const char *path)
{
	if (header->file_type == ESE_TYPE_FLUSH_MAP)
		return status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
			"%s: is a flush map, no database", path);
	if (header->state == ESE_STATE_CONVERTING || header->state == ESE_STATE_REVERTING)
		return status_fail(hrDatabaseInconsistent, "%s: was left while it was %s",
			path,
			header->state == ESE_STATE_CONVERTING ? "converted" : "reverted");
	return STATUS_OK;
}

static status read_database(struct ese_member *member)
{
	uint64_t pages;
	struct stat st;
	int fd;
	status rc = file_open_regular(member->place, FILE_TRUSTED, &fd, &st);

	if (failed(rc))
		return rc;
	member->stamp = ese_stamp_of(&st);
	rc = ese_header_read(fd, member->place, &member->database);
	(void)close(fd);
	if (!failed(rc))
		rc = check_state(&member->database, member->place);
	if (!failed(rc) && !member->database.streaming_file)
		rc = ese_header_page_count(
			&member->database, member->stamp.size, member->place, &pages);
	return rc;
}

static status add_database(struct ese_set *set, const char *path)
{
	struct ese_member *member = &set->databases[set->database_count++];
	status rc;

	member->path = strdup(path);
	member->place = strdup(path);
	if (!member->path || !member->place)
		return status_no_memory();
	rc = read_database(member);
	return failed(rc) ? rc : ese_need_add(&set->need, &member->database, path);
}

static status add_databases(struct ese_set *set, const struct names *paths)
{
	status rc = STATUS_OK;

	set->databases = calloc(paths->count + 1, sizeof(*set->databases));
	if (!set->databases)
		return status_no_memory();
	for (size_t i = 0; i < paths->count && !failed(rc); i++)
		rc = add_database(set, paths->items[i]);
	return rc;
}

/* For an incremental backup, those that are there tell whose the logs must be: it may be
 * taken where the logs alone were copied to. */
static status freeze_databases(
	const struct store_config *store, bool incremental, struct ese_set *set)
{
	struct names paths = {0};
	status rc = incremental ? engine_expand_present(&store->databases, &paths)
				: engine_expand(&store->databases, &paths);

	if (!failed(rc) && !incremental && paths.count == 0)
		rc = status_fail(STATUS_WIN32(ERROR_FILE_NOT_FOUND),
			"%s: no database file is there", store->databases.items[0]);
	if (!failed(rc))
		rc = add_databases(set, &paths);
	names_free(&paths);
	return rc;
}

/* ---- all ---- */

status ese_set_freeze(const struct store_config *store, const struct engine_begin *how,
	struct ese_set *set)
{
	status rc;

	*set = (struct ese_set){.log_dir = {.fd = -1}};
	set->system_dir = strdup(store->system_dir);
	rc = set->system_dir ? freeze_databases(store, how->incremental, set)
			     : status_no_memory();
	if (!failed(rc))
		rc = ese_log_dir_open(store, store->log_dir, &set->log_dir);
	return failed(rc) ? rc : ese_set_freeze_logs(how, set);
}

static void free_members(struct ese_member *members, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ese_member_free(&members[i]);
	free(members);
}

void ese_set_free(struct ese_set *set)
{
	free_members(set->databases, set->database_count);
	free_members(set->logs, set->log_count);
	ese_log_dir_close(&set->log_dir);
	free(set->system_dir);
	*set = (struct ese_set){.log_dir = {.fd = -1}};
}

static int compare_path(const void *path, const void *member)
{
	return strcmp(path, ((const struct ese_member *)member)->path);
}

const struct ese_member *ese_set_find(
	const struct ese_set *set, const struct engine_file *file)
{
	if (file->kind == ENGINE_LOG)
		return &set->logs[file->generation - set->logs[0].generation];
	return bsearch(file->path, set->databases, set->database_count,
		sizeof(*set->databases), compare_path);
}
