#include "engine/ese_caller.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/trace.h"
#include "engine/ese_log_dir.h"
#include "engine/ese_names.h"
#include "engine/log_part.h"

#define DEFAULT_BASE "edb"

/* ---- names ---- */

/* The name of a log, its suffix of a part taken off. */
struct log_name {
	char *stem; /* free() */
	struct ese_name parsed;
	bool part;
	uint64_t length; /* of a part */
};

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static status parse_name(const char *path, struct log_name *name)
{
	const char *last = last_component(path);
	size_t stem;

	*name = (struct log_name){.length = 0};
	name->part = log_part_split(last, &stem, &name->length);
	name->stem = strndup(last, stem);
	if (!name->stem)
		return status_no_memory();
	name->parsed = ese_name_parse(name->stem);
	/* What a backup lists is called as it will be when it is full. */
	if (name->part && name->parsed.kind != ESE_NAME_LOG)
		name->parsed.kind = ESE_NAME_OTHER;
	return STATUS_OK;
}

static status read_generation(const char *path, uint32_t *generation)
{
	struct ese_log_header header;
	struct stat st;
	int fd;
	status rc = file_open_regular(path, FILE_TRUSTED, &fd, &st);

	if (failed(rc))
		return rc;
	rc = ese_log_read(fd, path, &header);
	(void)close(fd);
	*generation = header.generation;
	return rc;
}

status ese_generation(const char *path, uint32_t *generation)
{
	struct log_name name;
	status rc = parse_name(path, &name);

	if (failed(rc))
		return rc;
	free(name.stem);
	*generation = name.parsed.generation;
	if (name.parsed.kind == ESE_NAME_LOG)
		return STATUS_OK;
	if (name.parsed.kind == ESE_NAME_CURRENT_LOG)
		return read_generation(path, generation);
	return status_fail(
		STATUS_WIN32(ERROR_INVALID_NAME), "%s: not the name of an ESE log", path);
}

status ese_replay_name(const struct store_config *store, const struct engine_log *log,
	bool newest, char **name)
{
	struct log_name own;
	status rc = parse_name(log->path, &own);
	const char *extension;

	(void)store;
	*name = NULL;
	if (failed(rc))
		return rc;
	extension = strrchr(own.stem, '.');
	if (!extension) {
		free(own.stem);
		return status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
			"%s: not the name of an ESE log", log->path);
	}
	if (newest && asprintf(name, "%s%s", own.parsed.base, extension) < 0)
		*name = NULL;
	else if (!newest && own.parsed.kind == ESE_NAME_CURRENT_LOG)
		*name = ese_log_name(own.parsed.base, log->generation, extension);
	else if (!newest)
		*name = strdup(own.stem);
	free(own.stem);
	return *name ? STATUS_OK : status_no_memory();
}

/* ---- directories ---- */

struct scan {
	const char *dir;
	int dirfd;
	char base[ESE_BASE_LENGTH + 1]; /* "": not known */
	bool several;                   /* base names */
	struct engine_logs *logs;
	struct names *leftovers;
};

static status scan_names(struct scan *scan, const struct names *names,
	status (*take)(
		struct scan *scan, const char *name, const struct log_name *parsed))
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < names->count && !failed(rc); i++) {
		struct log_name name;

		rc = parse_name(names->items[i], &name);
		if (!failed(rc)) {
			rc = take(scan, names->items[i], &name);
			free(name.stem);
		}
	}
	return rc;
}

static status take_base(struct scan *scan, const char *name, const struct log_name *log)
{
	const enum ese_name_kind kind = log->parsed.kind;

	(void)name;
	if (kind != ESE_NAME_LOG && kind != ESE_NAME_CURRENT_LOG &&
		kind != ESE_NAME_CHECKPOINT)
		return STATUS_OK;
	if (!*scan->base)
		memcpy(scan->base, log->parsed.base, sizeof(scan->base));
	else if (!ese_name_has_base(&log->parsed, scan->base))
		scan->several = true;
	return STATUS_OK;
}

/* As ese_log_dir_open() does it, but parts count, too. */
static status find_base(struct scan *scan, const struct names *names)
{
	status rc;

	if (*scan->base)
		return STATUS_OK;
	rc = scan_names(scan, names, take_base);
	if (scan->several || !*scan->base)
		memcpy(scan->base, DEFAULT_BASE, sizeof(scan->base));
	return rc;
}

/* SCAN's base is the configured one. Nothing where there is no such directory. */
static status scan_dir(
	struct scan *scan, status (*take)(struct scan *scan, const char *name,
				   const struct log_name *parsed))
{
	struct names names = {0};
	status rc = ese_open_dir(scan->dir, &scan->dirfd);

	if (failed(rc) || scan->dirfd < 0)
		return rc;
	rc = file_list_dir(scan->dirfd, scan->dir, &names);
	if (!failed(rc))
		rc = find_base(scan, &names);
	if (!failed(rc))
		rc = scan_names(scan, &names, take);
	names_free(&names);
	(void)close(scan->dirfd);
	return rc;
}

/* ---- logs ---- */

struct found_log {
	struct ese_log_header header;
	uint64_t size, used;
};

/* *READABLE: is it a log with a sound header? Whoever may write to the directory could make
 * a link to what the caller alone may read. */
static status look_at(
	const struct scan *scan, const char *name, struct found_log *log, bool *readable)
{
	int fd;
	status rc = ese_open_at(scan->dirfd, name, name, &fd, &log->size);

	*readable = !failed(rc);
	if (failed(rc))
		return rc == STATUS_WIN32(ERROR_ACCESS_DENIED) ? rc : STATUS_OK;
	*readable = !failed(ese_log_read(fd, name, &log->header));
	if (*readable)
		rc = ese_log_used(fd, name, &log->header, log->size, &log->used);
	(void)close(fd);
	return rc;
}

static status add_log(struct scan *scan, const char *name, uint32_t generation,
	uint64_t size, bool part)
{
	char *path;

	if (asprintf(&path, "%s/%s", scan->dir, name) < 0)
		path = NULL;
	return engine_logs_take(scan->logs, path, generation, size, part);
}

static status take_current(struct scan *scan, const char *name)
{
	struct found_log log;
	bool readable;
	status rc = look_at(scan, name, &log, &readable);

	if (failed(rc) || !readable)
		return rc;
	return add_log(scan, name, log.header.generation, log.used, true);
}

static status take_log(struct scan *scan, const char *name, const struct log_name *log)
{
	struct stat st;

	if (!ese_name_has_base(&log->parsed, scan->base))
		return STATUS_OK;
	if (log->parsed.kind == ESE_NAME_CURRENT_LOG)
		return take_current(scan, name);
	if (log->parsed.kind != ESE_NAME_LOG)
		return STATUS_OK;
	if (fstatat(scan->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? STATUS_OK
				       : status_errno(errno, "%s/%s", scan->dir, name);
	if (!S_ISREG(st.st_mode))
		return STATUS_OK;
	return add_log(scan, name, log->parsed.generation,
		log->part ? log->length : (uint64_t)st.st_size, log->part);
}

status ese_find_logs(
	const struct store_config *store, const char *dir, struct engine_logs *logs)
{
	struct scan scan = {.dir = dir, .logs = logs};
	status rc = ese_configured_base(store, scan.base);

	if (!failed(rc))
		rc = scan_dir(&scan, take_log);
	engine_logs_sort(logs);
	return rc;
}

/* ---- what is beside them ---- */

static status take_leftover(
	struct scan *scan, const char *name, const struct log_name *log)
{
	struct found_log found;
	bool readable = false;
	char *path;
	status rc = STATUS_OK;

	if (log->part || !ese_name_has_base(&log->parsed, scan->base))
		return STATUS_OK;
	if (log->parsed.kind == ESE_NAME_CURRENT_LOG)
		rc = look_at(scan, name, &found, &readable);
	else if (log->parsed.kind != ESE_NAME_CHECKPOINT &&
		 log->parsed.kind != ESE_NAME_TEMPORARY_LOG)
		return STATUS_OK;
	if (failed(rc) || readable)
		return rc;
	if (asprintf(&path, "%s/%s", scan->dir, name) < 0)
		path = NULL;
	return names_take(scan->leftovers, path);
}

status ese_survey(const struct store_config *store, struct names *databases,
	struct names *leftovers)
{
	struct scan logs = {.dir = store->log_dir, .leftovers = leftovers};
	struct scan system = {.dir = store->system_dir, .leftovers = leftovers};
	status rc;

	(void)databases; /* only where these are directories */
	if (!leftovers)
		return STATUS_OK;
	rc = ese_configured_base(store, logs.base);
	memcpy(system.base, logs.base, sizeof(system.base));
	if (!failed(rc))
		rc = scan_dir(&logs, take_leftover);
	if (!failed(rc))
		rc = scan_dir(&system, take_leftover);
	names_sort(leftovers);
	return rc;
}

status ese_stale_files(const char *path, struct names *stale)
{
	static const char *const extensions[] = {".jfm", ".JFM"};
	const char *dot = strrchr(last_component(path), '.');
	const int length = dot ? (int)(dot - path) : (int)strlen(path);
	status rc = STATUS_OK;

	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]) && !failed(rc);
		i++) {
		char *name;

		if (asprintf(&name, "%.*s%s", length, path, extensions[i]) < 0)
			name = NULL;
		rc = names_take(stale, name);
	}
	return rc;
}
