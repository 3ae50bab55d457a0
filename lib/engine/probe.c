/* Engines of other builds are known here too, so that nobody's live Berkeley DB is
 * copied as a flat file. */
#include "engine/probe.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

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
	{"ese", 4, 4, "\xef\xcd\xab\x89"},
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

enum {
	PROBE_SIZE = 32,
	PROBE_DEPTH =
		4, /* of directories: 389-ds keeps its databases in one of its own */
};

static const char FLAT[] = "flat";

static bool is_flat(const char *name)
{
	return strcmp(name, FLAT) == 0;
}

static const char *recognise(const char *head, size_t size)
{
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		const struct magic *m = &magics[i];

		if ((size_t)m->offset + m->length <= size &&
			memcmp(head + m->offset, m->bytes, m->length) == 0)
			return m->engine;
	}
	return FLAT;
}

status probe_file(const char *path, const char **name)
{
	char head[PROBE_SIZE];
	struct stat st;
	size_t got;
	int fd;
	status rc = file_open_regular(path, FILE_TRUSTED, &fd, &st);

	if (failed(rc))
		return rc;
	rc = file_pread(fd, head, sizeof(head), 0, &got, path);
	if (!failed(rc))
		*name = recognise(head, got);
	(void)close(fd);
	return rc;
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

static status probe_any(const char *path, const char **name)
{
	struct stat st;
	status rc;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return probe_directory(path, name);
	rc = probe_file(path, name);
	if (rc != STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		return rc;
	*name = "";
	return STATUS_OK;
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
