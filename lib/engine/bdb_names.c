/* Files are opened here that a server has open: Berkeley DB takes no fcntl locks, so that
 * nothing is lost by closing them. */
#include "engine/bdb_names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/log_part.h"

#define STAGING ".backupapi-restore"

enum { DIGITS = 10, MAGIC_OFFSET = 12, DEPTH_LIMIT = 64 };

/* ---- names ---- */

static bool parse_generation(const char *digits, uint32_t *generation)
{
	uint64_t value = 0;

	for (int i = 0; i < DIGITS; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return false;
		value = value * 10 + (unsigned)(digits[i] - '0');
	}
	*generation = (uint32_t)value;
	return value > 0 && value <= UINT32_MAX;
}

bool bdb_log_generation(const char *name, uint32_t *generation, bool *part, bool *old)
{
	static const char prefix[] = "log.", suffix[] = ".old";
	const size_t stem = strlen(prefix) + DIGITS;
	bool is_part = false, is_old = false;
	size_t length = strlen(name);

	if (length < stem || strncmp(name, prefix, strlen(prefix)) != 0 ||
		!parse_generation(name + strlen(prefix), generation))
		return false;
	if (strcmp(name + stem, suffix) == 0)
		is_old = true;
	else if (log_part_split(name, &length, NULL))
		is_part = true;
	if (!is_old && length != stem)
		return false;
	if (part)
		*part = is_part;
	if (old)
		*old = is_old;
	return true;
}

char *bdb_log_name(uint32_t generation)
{
	char *name;

	return asprintf(&name, "log.%010lu", (unsigned long)generation) < 0 ? NULL : name;
}

static bool begins(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* What libdb calls a file in a subdirectory while its creation or removal is not committed:
 * the transaction's number, which is 80000000 or more, and a random one, in hexadecimal.
 * Replay makes those files again. A database named `a.db` must not be taken for one. */
static bool is_transient(const char *name)
{
	static const char digits[] = "0123456789abcdef";
	const size_t first = strspn(name, digits);
	const size_t second = name[first] == '.' ? strspn(name + first + 1, digits) : 0;

	return first == 8 && strchr("89abcdef", name[0]) && second >= 5 && second <= 8 &&
	       !name[first + 1 + second];
}

/* ---- what a file is ---- */

static bool is_magic(const unsigned char *bytes)
{
	/* btree, hash, queue, heap; of machines of either byte order */
	static const uint32_t magics[] = {0x053162, 0x061561, 0x042253, 0x074582};
	const uint32_t little = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
				(uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;

	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (little == magics[i] || little == __builtin_bswap32(magics[i]))
			return true;
	return false;
}

/* A file that is gone again is nobody's business. FLAGS: O_NOFOLLOW, or 0. */
static status look_inside(
	int dirfd, const char *name, int flags, const char *path, enum bdb_file *what)
{
	unsigned char magic[4];
	size_t got = 0;
	status rc;
	int fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | flags);

	*what = BDB_OTHER;
	if (fd < 0)
		return errno == ENOENT || errno == ELOOP
			       ? STATUS_OK
			       : status_errno(errno, "%s", path);
	rc = file_pread(fd, magic, sizeof(magic), MAGIC_OFFSET, &got, path);
	if (!failed(rc) && got == sizeof(magic) && is_magic(magic))
		*what = BDB_DATABASE;
	(void)close(fd);
	return rc;
}

enum bdb_file bdb_file_of_name(const char *name)
{
	uint32_t generation;

	if (bdb_log_generation(name, &generation, NULL, NULL))
		return BDB_LOG;
	if (begins(name, "__dbq."))
		return BDB_DATABASE; /* an extent of a queue, which has no head of its own */
	if (begins(name, "__db."))
		return BDB_REGION;
	if (strcmp(name, "DBVERSION") == 0 || strcmp(name, "DB_CONFIG") == 0)
		return BDB_PLAIN;
	if (strcmp(name, "guardian") == 0 || is_transient(name))
		return BDB_LEFTOVER;
	return BDB_OTHER;
}

static status classify(int dirfd, const char *path, enum bdb_file *what)
{
	const char *name = strrchr(path, '/') + 1;

	*what = bdb_file_of_name(name);
	return *what == BDB_OTHER ? look_inside(dirfd, name, O_NOFOLLOW, path, what)
				  : STATUS_OK;
}

/* What cannot be looked at is none: nothing is followed. */
static enum bdb_file classify_link(int dirfd, const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	enum bdb_file what = bdb_file_of_name(name);
	struct stat st;

	if (fstatat(dirfd, name, &st, 0) < 0)
		return BDB_OTHER;
	if (S_ISDIR(st.st_mode))
		return BDB_LINK;
	if (!S_ISREG(st.st_mode))
		return BDB_OTHER;
	if (what == BDB_OTHER && failed(look_inside(dirfd, name, 0, path, &what)))
		return BDB_OTHER;
	return what == BDB_DATABASE ? BDB_LINK : BDB_OTHER;
}

/* ---- walking ---- */

struct walk {
	status (*visit)(void *context, enum bdb_file what, const char *path);
	void *context;
};

static status walk_dir(const struct walk *walk, int fd, const char *dir, int depth);

static status walk_below(
	const struct walk *walk, int dirfd, const char *name, const char *path, int depth)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return STATUS_OK;
	if (fd < 0)
		return status_errno(errno, "%s", path);
	return walk_dir(walk, fd, path, depth + 1);
}

static status walk_entry(
	const struct walk *walk, int dirfd, const char *name, const char *path, int depth)
{
	enum bdb_file what;
	struct stat st;
	status rc;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? STATUS_OK : status_errno(errno, "%s", path);
	if (S_ISDIR(st.st_mode))
		return strcmp(name, STAGING) == 0
			       ? STATUS_OK
			       : walk_below(walk, dirfd, name, path, depth);
	if (S_ISLNK(st.st_mode))
		return walk->visit(walk->context, classify_link(dirfd, path), path);
	if (!S_ISREG(st.st_mode))
		return STATUS_OK;
	rc = classify(dirfd, path, &what);
	return failed(rc) ? rc : walk->visit(walk->context, what, path);
}

static status walk_name(
	const struct walk *walk, int dirfd, const char *dir, const char *name, int depth)
{
	char *path;
	status rc;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return status_no_memory();
	rc = walk_entry(walk, dirfd, name, path, depth);
	free(path);
	return rc;
}

/* Takes FD over. */
static status walk_dir(const struct walk *walk, int fd, const char *dir, int depth)
{
	struct names names = {0};
	status rc = depth < DEPTH_LIMIT
			    ? file_list_dir(fd, dir, &names)
			    : status_fail(STATUS_WIN32(ERROR_FILENAME_EXCED_RANGE),
				      "%s: too many directories in one another", dir);

	for (size_t i = 0; i < names.count && !failed(rc); i++)
		rc = walk_name(walk, fd, dir, names.items[i], depth);
	names_free(&names);
	(void)close(fd);
	return rc;
}

/* Visits are per directory in the order of names; a caller who wants the order of whole
 * paths sorts what he keeps. */
status bdb_walk(const char *home,
	status (*visit)(void *context, enum bdb_file what, const char *path),
	void *context)
{
	const struct walk walk = {visit, context};
	int fd;
	status rc = file_open_dir(home, FILE_TRUSTED, &fd);

	if (status_is_missing(rc))
		return STATUS_OK;
	return failed(rc) ? rc : walk_dir(&walk, fd, home, 0);
}
