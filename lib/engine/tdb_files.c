/* By stat alone: a TDB file that is closed anywhere in a process takes that process's
 * fcntl locks on it away. */
#include "engine/tdb_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/wildcard.h"

enum { DEPTH_LIMIT = 32 };

struct found {
	char *path;
	dev_t device;
	ino_t number;
	bool linked; /* has other names somewhere */
	bool in_dns;
};

struct walk {
	const char *home;
	struct found *items;
	size_t count, capacity;
	struct names *leftovers, *links; /* or NULL */
};

/* Samba's own bookkeeping of who runs and talks to whom, the halves of copies, and what
 * restores of ours have in hand. */
static const char *const passing[] = {"*.pid", "*.sock", "*.bak-offline", "*.copy.tdb",
	"*.copy.mdb", "netlogon_creds_cli.tdb", ".backupapi-*", ".*.backupapi-new"};
static const char *const passing_dirs[] = {
	"msg.sock", "smbd.tmp", "ldap_priv", ".backupapi-*"};

static bool matches(const char *name, const char *const *patterns, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (wildcard_match(patterns[i], name))
			return true;
	return false;
}

static bool is_passing(const char *name)
{
	return matches(name, passing, sizeof(passing) / sizeof(passing[0]));
}

static bool is_passing_dir(const char *name)
{
	return matches(
		name, passing_dirs, sizeof(passing_dirs) / sizeof(passing_dirs[0]));
}

bool samba_promises_database(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot && (strcmp(dot, ".ldb") == 0 || strcmp(dot, ".tdb") == 0);
}

/* LMDB's lock file of a partition. */
static bool is_lock(const char *name)
{
	static const char suffix[] = ".ldb-lock";
	size_t length = strlen(name);

	return length >= sizeof(suffix) &&
	       strcmp(name + length - (sizeof(suffix) - 1), suffix) == 0;
}

static status note(struct walk *walk, char *path, const struct stat *st)
{
	const char *below;

	if (!path)
		return status_no_memory();
	if (walk->count == walk->capacity) {
		size_t capacity = walk->capacity ? walk->capacity * 2 : 32;
		struct found *items = reallocarray(walk->items, capacity, sizeof(*items));

		if (!items) {
			free(path);
			return status_no_memory();
		}
		walk->items = items;
		walk->capacity = capacity;
	}
	below = path + strlen(walk->home) + 1;
	walk->items[walk->count++] = (struct found){.path = path,
		.device = st->st_dev,
		.number = st->st_ino,
		.linked = st->st_nlink > 1,
		.in_dns = strncmp(below, "dns/", 4) == 0};
	return STATUS_OK;
}

static status take_file(
	struct walk *walk, const char *dir, const char *name, const struct stat *st)
{
	bool leftover = is_lock(name);
	char *path;

	if (is_passing(name) || (leftover && !walk->leftovers))
		return STATUS_OK;
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		path = NULL;
	return leftover ? names_take(walk->leftovers, path) : note(walk, path, st);
}

/* What a link leads to may be out of reach just now: then its name has to do. Certificates
 * and the like may well live elsewhere. */
static bool stands_in(int fd, const char *name)
{
	struct stat st;

	if (fstatat(fd, name, &st, 0) < 0)
		st.st_mode = S_IFREG;
	if (S_ISDIR(st.st_mode))
		return !is_passing_dir(name);
	return S_ISREG(st.st_mode) && !is_passing(name) &&
	       (samba_promises_database(name) ||
		       strcmp(name, "encrypted_secrets.key") == 0);
}

static status take_link(struct walk *walk, int fd, const char *dir, const char *name)
{
	char *path;

	if (!walk->links || !stands_in(fd, name))
		return STATUS_OK;
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		path = NULL;
	return names_take(walk->links, path);
}

static status walk_dir(struct walk *walk, int fd, const char *dir, unsigned depth);

static status take_dir(
	struct walk *walk, int parent, const char *dir, const char *name, unsigned depth)
{
	status rc;
	char *path;
	int fd;

	if (is_passing_dir(name))
		return STATUS_OK;
	if (depth >= DEPTH_LIMIT)
		return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
			"%s/%s: too deep for a Samba private directory", dir, name);
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return status_no_memory();
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		rc = errno == ENOENT ? STATUS_OK : status_errno(errno, "%s", path);
	else
		rc = walk_dir(walk, fd, path, depth + 1);
	free(path);
	return rc;
}

static status take_entry(
	struct walk *walk, int fd, const char *dir, const char *name, unsigned depth)
{
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? STATUS_OK
				       : status_errno(errno, "%s/%s", dir, name);
	if (S_ISDIR(st.st_mode))
		return take_dir(walk, fd, dir, name, depth);
	if (S_ISLNK(st.st_mode))
		return take_link(walk, fd, dir, name);
	return S_ISREG(st.st_mode) ? take_file(walk, dir, name, &st) : STATUS_OK;
}

/* Takes FD over. */
static status walk_dir(struct walk *walk, int fd, const char *dir, unsigned depth)
{
	struct names names = {0};
	status rc = file_list_dir(fd, dir, &names);

	for (size_t i = 0; i < names.count && !failed(rc); i++)
		rc = take_entry(walk, fd, dir, names.items[i], depth);
	names_free(&names);
	(void)close(fd);
	return rc;
}

/* ---- hard links ---- */

static int compare(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->in_dns != y->in_dns)
		return x->in_dns ? 1 : -1;
	return strcmp(x->path, y->path);
}

static bool is_known(const struct walk *walk, size_t index)
{
	const struct found *link = &walk->items[index];

	for (size_t i = 0; link->linked && i < index; i++)
		if (walk->items[i].device == link->device &&
			walk->items[i].number == link->number)
			return true;
	return false;
}

static status sort_out(struct walk *walk, struct names *files)
{
	status rc = STATUS_OK;

	if (walk->count)
		qsort(walk->items, walk->count, sizeof(*walk->items), compare);
	for (size_t i = 0; i < walk->count && !failed(rc); i++) {
		struct names *list = is_known(walk, i) ? walk->leftovers : files;

		if (list)
			rc = names_add(list, walk->items[i].path);
	}
	if (files)
		names_sort(files);
	if (walk->leftovers)
		names_sort(walk->leftovers);
	if (walk->links)
		names_sort(walk->links);
	return rc;
}

status samba_find_files(const char *home, struct names *files, struct names *leftovers,
	struct names *links)
{
	struct walk walk = {.home = home, .leftovers = leftovers, .links = links};
	int fd = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	status rc;

	if (fd < 0)
		return errno == ENOENT ? STATUS_OK : status_errno(errno, "%s", home);
	rc = walk_dir(&walk, fd, home, 0);
	if (!failed(rc))
		rc = sort_out(&walk, files);
	for (size_t i = 0; i < walk.count; i++)
		free(walk.items[i].path);
	free(walk.items);
	return rc;
}
