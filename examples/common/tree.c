#include "common/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <backupapi/errors.h>

#include "common/mem.h"
#include "common/report.h"
#include "common/str.h"

#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

void tree_init(struct tree *tree, int root, const char *name)
{
	memset(tree, 0, sizeof(*tree));
	tree->root = root;
	tree->name = name;
	tree->fd = -1;
}

void tree_close(struct tree *tree)
{
	free(tree->directory);
	tree->directory = NULL;
	if (tree->fd >= 0)
		close(tree->fd);
	tree->fd = -1;
}

char *tree_label(const struct tree *tree, const char *relative)
{
	return path_join(tree->name, relative);
}

static void fail(const struct tree *tree, const char *relative, int err)
{
	char *label = tree_label(tree, relative);

	report_errno(err, label);
	free(label);
}

/* One step down from FD, which is closed unless it is the root. -1: errno. */
static int descend(const struct tree *tree, int fd, const char *component, bool create)
{
	int next = -1, err = 0;

	if (!create || mkdirat(fd, component, 0700) == 0 || errno == EEXIST)
		next = openat(fd, component, OPEN_DIR);
	if (next < 0)
		err = errno;
	if (fd != tree->root)
		close(fd);
	errno = err;
	return next;
}

/* Opens DIRECTORY; root itself for "". -1: errno. */
static int open_directory(const struct tree *tree, const char *directory, bool create)
{
	char *path = xstrdup(directory), *next = path;
	int fd = tree->root;

	while (fd >= 0 && *next) {
		char *component = next;
		size_t length = strcspn(next, "/");

		next += length;
		if (*next)
			*next++ = '\0';
		if (length == 0 || !strcmp(component, ".") || !strcmp(component, "..")) {
			if (fd != tree->root)
				close(fd);
			errno = EINVAL;
			fd = -1;
			break;
		}
		fd = descend(tree, fd, component, create);
	}
	free(path);
	return fd;
}

/* tree_parent, but -1 is with errno. */
static int enter(struct tree *tree, const char *relative, bool create, const char **base)
{
	const char *slash = strrchr(relative, '/');
	char *directory;

	*base = slash ? slash + 1 : relative;
	if (!slash)
		return tree->root;
	directory = xstrndup(relative, (size_t)(slash - relative));
	if (tree->directory && !strcmp(directory, tree->directory)) {
		free(directory);
		return tree->fd;
	}
	tree_close(tree);
	tree->fd = open_directory(tree, directory, create);
	if (tree->fd >= 0) {
		tree->directory = directory;
	} else {
		int err = errno;

		free(directory);
		errno = err;
	}
	return tree->fd;
}

int tree_parent(struct tree *tree, const char *relative, bool create, const char **base)
{
	int fd = enter(tree, relative, create, base);

	if (fd < 0)
		fail(tree, relative, errno);
	return fd;
}

int tree_look(struct tree *tree, const char *relative, struct stat *st)
{
	const char *base;
	int dirfd = enter(tree, relative, false, &base);

	if (dirfd < 0 || fstatat(dirfd, base, st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno;
	return 0;
}

int tree_open(struct tree *tree, const char *relative, struct stat *st)
{
	const char *base;
	char *label;
	int dirfd = tree_parent(tree, relative, false, &base), fd;

	if (dirfd < 0)
		return -1;
	fd = openat(
		dirfd, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, st) != 0) {
		fail(tree, relative, errno);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (S_ISREG(st->st_mode))
		return fd;
	close(fd);
	label = tree_label(tree, relative);
	report_problem(ERROR_INVALID_DATA, label, "not a regular file");
	free(label);
	return -1;
}

int tree_create(struct tree *tree, const char *relative)
{
	const char *base;
	int dirfd = tree_parent(tree, relative, true, &base), fd;

	if (dirfd < 0)
		return -1;
	fd = openat(
		dirfd, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		fail(tree, relative, errno);
	return fd;
}

/* ---- everything below a directory ---- */

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* A stream of its own on the directory NAME in DIRFD. NULL: errno. */
static DIR *open_stream(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, OPEN_DIR);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !stream) {
		int err = errno;

		close(fd);
		errno = err;
	}
	return stream;
}

struct walk {
	const struct tree *tree;
	tree_visitor visit;
	void *context;
};

static bool walk_directory(
	const struct walk *walk, int parent, const char *name, const char *prefix);

static bool walk_entry(
	const struct walk *walk, int dirfd, const char *name, const char *prefix)
{
	struct stat st;
	char *relative;
	bool ok;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		fail(walk->tree, prefix, errno);
		return false;
	}
	relative = xasprintf("%s%s%s", prefix, name, S_ISDIR(st.st_mode) ? "/" : "");
	ok = walk->visit(walk->context, relative, &st);
	if (ok && S_ISDIR(st.st_mode))
		ok = walk_directory(walk, dirfd, name, relative);
	free(relative);
	return ok;
}

static bool walk_directory(
	const struct walk *walk, int parent, const char *name, const char *prefix)
{
	DIR *stream = open_stream(parent, name);
	struct dirent *entry = NULL;
	bool ok = true;

	if (stream)
		while (ok && (errno = 0, entry = readdir(stream)))
			if (!is_dots(entry->d_name))
				ok = walk_entry(
					walk, dirfd(stream), entry->d_name, prefix);
	if (!stream || (ok && errno != 0)) {
		fail(walk->tree, prefix, errno);
		ok = false;
	}
	if (stream)
		closedir(stream);
	return ok;
}

bool tree_walk(struct tree *tree, tree_visitor visit, void *context)
{
	struct walk walk = {.tree = tree, .visit = visit, .context = context};

	return walk_directory(&walk, tree->root, ".", "");
}

/* 0, or the errno of the first failure; every directory is tried. */
static int sync_below(int parent, const char *name)
{
	DIR *stream = open_stream(parent, name);
	struct dirent *entry;
	int err = 0;

	if (!stream)
		return errno;
	while ((errno = 0, entry = readdir(stream))) {
		struct stat st;
		int rc = 0;

		if (is_dots(entry->d_name))
			continue;
		if (fstatat(dirfd(stream), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			rc = errno;
		else if (S_ISDIR(st.st_mode))
			rc = sync_below(dirfd(stream), entry->d_name);
		err = err ? err : rc;
	}
	err = err ? err : errno;
	if (fsync(dirfd(stream)) != 0)
		err = err ? err : errno;
	closedir(stream);
	return err;
}

bool tree_sync(int root, const char *name)
{
	int err = sync_below(root, ".");

	return err == 0 || report_errno(err, name);
}

static int remove_below(int parent, const char *name)
{
	DIR *stream = open_stream(parent, name);
	struct dirent *entry;
	int err = 0;

	if (!stream)
		return errno;
	while ((errno = 0, entry = readdir(stream))) {
		int rc = 0;

		if (is_dots(entry->d_name))
			continue;
		if (unlinkat(dirfd(stream), entry->d_name, 0) != 0)
			rc = errno == EISDIR || errno == EPERM
				     ? remove_below(dirfd(stream), entry->d_name)
				     : errno;
		err = err ? err : rc;
	}
	err = err ? err : errno;
	closedir(stream);
	if (unlinkat(parent, name, AT_REMOVEDIR) != 0)
		err = err ? err : errno;
	return err;
}

bool tree_remove(int parent, const char *name, const char *label)
{
	int err = remove_below(parent, name);

	return err == 0 || err == ENOENT || report_errno(err, label);
}
