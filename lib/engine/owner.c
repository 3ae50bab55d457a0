/* stat, not open and fstat: closing a file drops the fcntl locks that this process may
 * hold on it. */
#include "engine/owner.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/bdb_names.h"
#include "engine/engine.h"

/* A symbolic link of an ordinary user does not make root's files his store's: the worker
 * then runs as the one who made the link. */
static bool owner_of(const char *path, struct owner *owner)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return false;
	if (S_ISLNK(st.st_mode) && st.st_uid == 0 && stat(path, &st) < 0)
		return false;
	*owner = (struct owner){.uid = st.st_uid, .gid = st.st_gid};
	return true;
}

/* The nearest directory above PATH that exists and has no wildcards in its name. */
static struct owner owner_above(const char *path)
{
	struct owner owner = {0};
	char *dir = strdup(path);

	for (char *slash = dir; slash && (slash = strrchr(dir, '/')) != NULL;) {
		*slash = '\0';
		if (owner_of(*dir ? dir : "/", &owner))
			break;
	}
	free(dir);
	return owner;
}

/* A directory is a store of its own for some engines. */
static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A server may be let into a directory of root's by its group. What it runs on is its own:
 * the newest log, or the region before there is one. */
static bool owner_inside(const char *dir, struct owner *owner)
{
	DIR *stream = opendir(dir);
	const struct dirent *entry;
	uint32_t newest = 0;
	bool found = false;
	struct stat st;

	while (stream && (entry = readdir(stream)) != NULL) {
		uint32_t generation = 0;

		if (!bdb_log_generation(entry->d_name, &generation, NULL, NULL) &&
			strcmp(entry->d_name, "__db.001") != 0)
			continue;
		if ((found && generation < newest) ||
			fstatat(dirfd(stream), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) <
				0 ||
			!S_ISREG(st.st_mode))
			continue;
		newest = generation;
		found = true;
		*owner = (struct owner){.uid = st.st_uid, .gid = st.st_gid};
	}
	if (stream)
		(void)closedir(stream);
	return found;
}

static bool owner_of_directory(const char *path, struct owner *owner)
{
	if (!owner_of(path, owner))
		return false;
	if (owner->uid == 0)
		(void)owner_inside(path, owner);
	return true;
}

static bool owner_of_first(char *pattern, struct owner *owner)
{
	const struct names one = {.items = &pattern, .count = 1, .capacity = 1};
	struct names paths = {0};
	bool found = false;

	if (is_directory(pattern))
		return owner_of_directory(pattern, owner);
	if (!failed(engine_expand(&one, &paths)))
		for (size_t i = 0; i < paths.count && !found; i++)
			found = owner_of(paths.items[i], owner);
	names_free(&paths);
	return found;
}

struct owner owner_of_store(const struct names *patterns)
{
	struct owner owner = {.uid = geteuid(), .gid = getegid()};

	if (owner.uid != 0)
		return owner; /* an ordinary caller's worker is that caller */
	for (size_t i = 0; i < patterns->count; i++)
		if (owner_of_first(patterns->items[i], &owner))
			return owner;
	return patterns->count ? owner_above(patterns->items[0]) : owner;
}

/* Text beside databases. */
static bool is_plain(const char *path)
{
	const char *slash = strrchr(path, '/');

	return bdb_file_of_name(slash ? slash + 1 : path) == BDB_PLAIN;
}

struct owner owner_of_recovery(const char *home, const struct names *databases)
{
	struct owner owner = {.uid = geteuid(), .gid = getegid()};

	if (owner.uid != 0)
		return owner;
	if (!home)
		return owner_of_store(databases);
	if (!owner_of_directory(home, &owner))
		owner = owner_above(home);
	for (size_t i = 0; i < databases->count && owner.uid == 0; i++) {
		const struct names one = {.items = &databases->items[i], .count = 1};

		if (!is_plain(databases->items[i]))
			owner = owner_of_store(&one);
	}
	return owner;
}
