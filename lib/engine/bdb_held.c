/* 389 Directory Server renames or removes what it does not need at each of its checkpoints,
 * also logs that an incremental backup still wants: once open, none is lost. */
#include "engine/bdb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/bdb_caller.h"
#include "engine/bdb_names.h"

/* Under one name or the other; it may be renamed between two looks. */
static status open_log(const char *path, int *fd)
{
	static const char *const suffixes[] = {"", ".old", ""};
	struct stat st;
	status rc = STATUS_OK;

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char *name;

		if (asprintf(&name, "%s%s", path, suffixes[i]) < 0)
			return status_no_memory();
		rc = file_open_regular(name, FILE_TRUSTED, fd, &st);
		free(name);
		if (!status_is_missing(rc))
			return rc;
	}
	return status_fail(hrLogFileNotFound, "%s: this log is needed and is gone", path);
}

static status make_room(struct bdb_held *held)
{
	const size_t capacity = held->capacity ? held->capacity * 2 : 16;
	struct bdb_held_log *items;

	if (held->count < held->capacity)
		return STATUS_OK;
	items = reallocarray(held->items, capacity, sizeof(*items));
	if (!items)
		return status_no_memory();
	held->items = items;
	held->capacity = capacity;
	return STATUS_OK;
}

static status hold_one(struct bdb_held *held, const char *log_dir, uint32_t generation)
{
	struct bdb_held_log log = {.fd = -1, .generation = generation};
	char *name = bdb_log_name(generation);
	status rc = name ? make_room(held) : status_no_memory();

	if (!failed(rc) && asprintf(&log.path, "%s/%s", log_dir, name) < 0) {
		log.path = NULL;
		rc = status_no_memory();
	}
	free(name);
	if (!failed(rc))
		rc = open_log(log.path, &log.fd);
	if (failed(rc))
		free(log.path);
	else
		held->items[held->count++] = log;
	return rc;
}

status bdb_hold(struct bdb_held *held, const char *log_dir, uint32_t first, uint32_t last)
{
	status rc = STATUS_OK;

	if (held->count && held->items[held->count - 1].generation >= first)
		first = held->items[held->count - 1].generation + 1;
	for (uint64_t n = first; n <= last && !failed(rc); n++)
		rc = hold_one(held, log_dir, (uint32_t)n);
	return rc;
}

const struct bdb_held_log *bdb_held_find(const struct bdb_held *held, uint32_t generation)
{
	for (size_t i = 0; i < held->count; i++)
		if (held->items[i].generation == generation)
			return &held->items[i];
	return NULL;
}

void bdb_held_free(struct bdb_held *held)
{
	for (size_t i = 0; i < held->count; i++) {
		(void)close(held->items[i].fd);
		free(held->items[i].path);
	}
	free(held->items);
	*held = (struct bdb_held){0};
}

/* ---- removing ---- */

status bdb_remove_logs(const char *log_dir, uint32_t keep_from)
{
	struct engine_logs logs = {0};
	int dirfd;
	status rc = bdb_find_logs(NULL, log_dir, &logs);

	if (!failed(rc))
		rc = file_open_dir(log_dir, FILE_TRUSTED, &dirfd);
	if (!failed(rc)) {
		for (size_t i = 0; i < logs.count && !failed(rc); i++)
			if (!logs.items[i].part && logs.items[i].generation < keep_from)
				rc = file_remove_at(
					dirfd, strrchr(logs.items[i].path, '/') + 1);
		(void)close(dirfd);
	}
	engine_logs_free(&logs);
	return rc;
}
