/* stat, not open and fstat: closing a file drops the fcntl locks that this process may
 * hold on it. */
#include "engine/owner.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static bool owner_of_first(char *pattern, struct owner *owner)
{
	const struct names one = {.items = &pattern, .count = 1, .capacity = 1};
	struct names paths = {0};
	bool found = false;

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
