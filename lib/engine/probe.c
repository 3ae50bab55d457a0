/* Engines of other builds are known here too, so that nobody's live Berkeley DB is
 * copied as a flat file. */
#include "engine/probe.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/probe_formats.h"

#define ESE "ese"

struct magic {
	const char *engine;
	uint8_t offset;
	uint8_t length;
	const char *bytes;
};

/* Berkeley DB and LMDB write their numbers in the order of the machine that made the
 * file. */
static const struct magic magics[] = {
	{"sqlite", 0, 16, "SQLite format 3"},
	{"tdb", 0, 9, "TDB file\n"},
	{ESE, 4, 4, "\xef\xcd\xab\x89"},
	/* the meta page; its header is shorter where pointers are */
	{"lmdb", 16, 4, "\xde\xc0\xef\xbe"},
	{"lmdb", 16, 4, "\xbe\xef\xc0\xde"},
	{"lmdb", 12, 4, "\xde\xc0\xef\xbe"},
	{"lmdb", 12, 4, "\xbe\xef\xc0\xde"},
	/* btree, hash, heap, queue, log */
	{"bdb", 12, 4, "\x62\x31\x05\x00"},
	{"bdb", 12, 4, "\x00\x05\x31\x62"},
	{"bdb", 12, 4, "\x61\x15\x06\x00"},
	{"bdb", 12, 4, "\x00\x06\x15\x61"},
	{"bdb", 12, 4, "\x82\x45\x07\x00"},
	{"bdb", 12, 4, "\x00\x07\x45\x82"},
	{"bdb", 12, 4, "\x53\x22\x04\x00"},
	{"bdb", 12, 4, "\x00\x04\x22\x53"},
	{"bdb", 12, 4, "\x88\x09\x04\x00"},
	{"bdb", 12, 4, "\x00\x04\x09\x88"},
};

/* Of directories: 389-ds keeps its databases in one of its own. */
enum { PROBE_DEPTH = 4 };

static const char FLAT[] = "flat";

static bool is_flat(const char *name)
{
	return strcmp(name, FLAT) == 0;
}

/* The rest of an ESE database whose first header is damaged is checked like any other: it
 * is no flat file. */
static const char *recognise(const uint8_t *head, size_t size)
{
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		const struct magic *m = &magics[i];

		if ((size_t)m->offset + m->length <= size &&
			memcmp(head + m->offset, m->bytes, m->length) == 0)
			return m->engine;
	}
	return probe_ese_database(head, size) ? ESE : FLAT;
}

/* What PATH begins with, as much as any of the formats may need: free(). */
static status read_head(const char *path, uint8_t **head, size_t *size)
{
	struct stat st;
	int fd;
	status rc = file_open_regular(path, FILE_TRUSTED, &fd, &st);

	if (failed(rc))
		return rc;
	*head = malloc(PROBE_HEAD_SIZE);
	rc = *head ? file_pread(fd, *head, PROBE_HEAD_SIZE, 0, size, path)
		   : status_no_memory();
	(void)close(fd);
	if (failed(rc))
		free(*head);
	return rc;
}

status probe_file(const char *path, const char **name)
{
	uint8_t *head;
	size_t size;
	status rc = read_head(path, &head, &size);

	if (failed(rc))
		return rc;
	*name = recognise(head, size);
	free(head);
	return STATUS_OK;
}

static status list_directory(const char *path, struct names *names)
{
	int fd;
	status rc = file_open_dir(path, FILE_TRUSTED, &fd);

	if (failed(rc))
		return rc;
	rc = file_list_dir(fd, path, names);
	(void)close(fd);
	return rc;
}

static status list_paths(const char *dir, struct names *paths)
{
	struct names names = {0};
	status rc = list_directory(dir, &names);

	for (size_t i = 0; i < names.count && !failed(rc); i++) {
		char *path;

		if (asprintf(&path, "%s/%s", dir, names.items[i]) < 0)
			path = NULL;
		rc = names_take(paths, path);
	}
	names_free(&names);
	return rc;
}

/* The first file of PATHS with a known magic number. Sockets, directories and the like
 * say nothing; nor do files that are gone again. */
static status probe_files(const struct names *paths, const char **name)
{
	struct stat st;
	status rc = STATUS_OK;

	for (size_t i = 0; i < paths->count && !failed(rc); i++) {
		if (stat(paths->items[i], &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		rc = probe_file(paths->items[i], name);
		if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
			rc = STATUS_OK;
		else if (!failed(rc) && !is_flat(*name))
			break;
	}
	return rc;
}

static status probe_level(const char *path, unsigned depth, const char **name);

/* Hidden directories are somebody's scratch, and symbolic links lead elsewhere. */
static status probe_subdirectories(
	const struct names *paths, unsigned depth, const char **name)
{
	struct stat st;
	status rc = STATUS_OK;

	for (size_t i = 0; i < paths->count && !failed(rc) && is_flat(*name); i++) {
		const char *path = paths->items[i];

		if (strrchr(path, '/')[1] == '.' || lstat(path, &st) < 0 ||
			!S_ISDIR(st.st_mode))
			continue;
		rc = probe_level(path, depth - 1, name);
		if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
			rc = STATUS_OK;
	}
	return rc;
}

static status probe_level(const char *path, unsigned depth, const char **name)
{
	struct names paths = {0};
	status rc = list_paths(path, &paths);

	if (!failed(rc))
		rc = probe_files(&paths, name);
	if (!failed(rc) && is_flat(*name) && depth > 1)
		rc = probe_subdirectories(&paths, depth, name);
	names_free(&paths);
	return rc;
}

status probe_directory(const char *path, const char **name)
{
	*name = FLAT;
	return probe_level(path, PROBE_DEPTH, name);
}

/* ---- databases that are lost ---- */

/* Is what cannot be read, or not any more, to be passed over? */
static bool says_nothing(status rc)
{
	return status_is_missing(rc) || rc == STATUS_WIN32(ERROR_ACCESS_DENIED);
}

static status is_ese_log(const char *path, bool *yes)
{
	uint8_t *head;
	size_t size;
	struct stat st;
	status rc;

	*yes = false;
	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return STATUS_OK;
	rc = read_head(path, &head, &size);
	if (failed(rc))
		return says_nothing(rc) ? STATUS_OK : rc;
	*yes = probe_ese_log(head, size);
	free(head);
	return STATUS_OK;
}

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* ESE keeps its logs beside the database: where that is lost, they are what is left of
 * the store. "" where there are none. */
static status probe_beside(const char *path, const char **name)
{
	struct names paths = {0};
	char *dir = directory_of(path);
	bool found = false;
	status rc = dir ? list_paths(dir, &paths) : status_no_memory();

	if (says_nothing(rc))
		rc = STATUS_OK;
	for (size_t i = 0; i < paths.count && !found && !failed(rc); i++)
		if (probe_ese_log_name(strrchr(paths.items[i], '/') + 1))
			rc = is_ese_log(paths.items[i], &found);
	*name = found ? ESE : "";
	names_free(&paths);
	free(dir);
	return rc;
}

/* ---- all ---- */

static status probe_any(const char *path, const char **name)
{
	struct stat st;
	status rc;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return probe_directory(path, name);
	rc = probe_file(path, name);
	return status_is_missing(rc) ? probe_beside(path, name) : rc;
}

status probe_all(const struct names *paths, struct names *engines)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < paths->count && !failed(rc); i++) {
		const char *name;

		rc = probe_any(paths->items[i], &name);
		if (!failed(rc))
			rc = names_add(engines, name);
	}
	return rc;
}
