/* glob(3) is not used: it ends a directory quietly where reading it fails, and a backup
 * without the rest of the certificates would look complete. */
#include "engine/engine.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/wildcard.h"

/* How a path of the expansion came about, which decides what may be missing. */
enum origin {
	LITERAL,
	MATCHED,
	PRESENT /* either, where only the regular files that are there are wanted */
};

static status expand_below(
	const char *dir, const char *rest, enum origin origin, struct names *paths);

static char *join(const char *dir, const char *name, size_t length)
{
	char *path;

	if (asprintf(&path, "%s/%.*s", dir, (int)length, name) < 0)
		return NULL;
	return path;
}

/* A name that was matched may be gone again, but a symbolic link to nothing stays. */
static bool is_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* What is in the way where only what is there is wanted: links that lead to nothing, in a
 * circle, to where the caller may not look, or, for root, links of others. */
static bool is_odd(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISLNK(st.st_mode))
		return false;
	return (geteuid() == 0 && st.st_uid != 0) || stat(path, &st) < 0;
}

static status add_file(const char *path, enum origin origin, struct names *paths)
{
	struct stat st;

	if (origin == PRESENT && is_odd(path))
		return STATUS_OK;
	if (stat(path, &st) < 0) {
		if (origin == LITERAL)
			return status_errno(errno, "%s", path);
		if (errno != ENOENT && errno != ENOTDIR)
			return status_errno(errno, "%s", path);
		if (is_link(path))
			return status_fail(STATUS_WIN32(ERROR_FILE_NOT_FOUND),
				"%s: a symbolic link to nothing", path);
		return STATUS_OK;
	}
	if (S_ISREG(st.st_mode))
		return names_add(paths, path);
	if (origin == PRESENT || (S_ISDIR(st.st_mode) && origin == MATCHED))
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_INVALID_DATA), "%s: %s, not a regular file",
		path, S_ISDIR(st.st_mode) ? "a directory" : "a device, pipe or socket");
}

/* PATH has been reached; REST of the pattern (slashes and more, or nothing) is still to
 * be followed. */
static status descend(
	const char *path, const char *rest, enum origin origin, struct names *paths)
{
	if (rest[strspn(rest, "/")])
		return expand_below(path, rest, origin, paths);
	return add_file(path, origin, paths);
}

/* Root goes below no link of an ordinary user's: what he makes it point to is not the
 * store's. *BELOW tells whether there is anything at all. */
static status look_below(const char *path, bool *below)
{
	struct stat st;

	*below = false;
	if (stat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? STATUS_OK
			       : status_errno(errno, "%s", path);
	*below = S_ISDIR(st.st_mode);
	if (*below && geteuid() == 0 && lstat(path, &st) == 0 && S_ISLNK(st.st_mode) &&
		st.st_uid != 0)
		return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"%s: a symbolic link of user %u is not followed", path,
			st.st_uid);
	return STATUS_OK;
}

static status take_below(
	const char *path, const char *rest, enum origin origin, struct names *paths)
{
	bool below;
	status rc = look_below(path, &below);

	return failed(rc) || !below ? rc : expand_below(path, rest, origin, paths);
}

static status take_match(const char *dir, const struct dirent *entry, const char *rest,
	enum origin origin, struct names *paths)
{
	char *path = join(dir, entry->d_name, strlen(entry->d_name));
	status rc;

	if (!path)
		return status_no_memory();
	if (entry->d_type == DT_REG && !*rest)
		return names_take(paths, path);
	if (origin == PRESENT && is_odd(path))
		rc = STATUS_OK;
	else
		rc = rest[strspn(rest, "/")] ? take_below(path, rest, origin, paths)
					     : add_file(path, origin, paths);
	free(path);
	return rc;
}

static bool self_or_parent(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static status open_stream(const char *dir, DIR **stream)
{
	int fd;
	status rc = file_open_dir(dir, FILE_TRUSTED, &fd);

	*stream = NULL;
	if (failed(rc))
		return rc;
	*stream = fdopendir(fd);
	if (*stream)
		return STATUS_OK;
	rc = status_errno(errno, "%s", dir);
	(void)close(fd);
	return rc;
}

/* A directory that is not there is no error: a glob may match nothing. */
static status match_entries(const char *dir, const char *pattern, const char *rest,
	enum origin origin, struct names *paths)
{
	const char *shown = *dir ? dir : "/";
	const struct dirent *entry;
	DIR *stream;
	status rc = open_stream(shown, &stream);

	if (status_is_missing(rc))
		return STATUS_OK;
	if (failed(rc))
		return rc;
	while (!failed(rc)) {
		errno = 0;
		entry = readdir(stream);
		if (!entry) {
			if (errno)
				rc = status_errno(errno, "%s", shown);
			break;
		}
		if (!self_or_parent(entry->d_name) &&
			wildcard_match(pattern, entry->d_name))
			rc = take_match(dir, entry, rest, origin, paths);
	}
	(void)closedir(stream);
	return rc;
}

/* REST begins with a slash and has a name behind it; DIR is "" for the root. */
static status expand_below(
	const char *dir, const char *rest, enum origin origin, struct names *paths)
{
	const char *name = rest + strspn(rest, "/");
	size_t length = strcspn(name, "/");
	char *component = strndup(name, length);
	char *path = join(dir, name, length);
	status rc;

	if (!component || !path)
		rc = status_no_memory();
	else if (wildcard_present(component))
		rc = match_entries(dir, component, name + length,
			origin == PRESENT ? PRESENT : MATCHED, paths);
	else
		rc = descend(path, name + length, origin, paths);
	free(component);
	free(path);
	return rc;
}

static status expand_all(
	const struct names *patterns, enum origin origin, struct names *paths)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < patterns->count && !failed(rc); i++) {
		const char *pattern = patterns->items[i];

		if (*pattern != '/' || !pattern[strspn(pattern, "/")])
			rc = status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
				"%s: not the absolute path of a file", pattern);
		else
			rc = expand_below("", pattern, origin, paths);
	}
	if (!failed(rc))
		names_sort(paths);
	return rc;
}

status engine_expand(const struct names *patterns, struct names *paths)
{
	return expand_all(patterns, LITERAL, paths);
}

status engine_expand_present(const struct names *patterns, struct names *paths)
{
	return expand_all(patterns, PRESENT, paths);
}
