#include "powerloss.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct entry {
	struct entry *next;
	char *name;
	struct node *node;
};

/* One inode. */
struct node {
	struct node *next;
	struct stat st; /* owner and mode as last seen */
	int pin;        /* O_PATH: keeps the number from being used again */
	char *data;     /* of a file, as synced; NULL: never was */
	size_t size;
	struct entry *entries; /* of a directory, as synced */
};

static struct node *nodes;
static struct node *root_node;
static char *root_path;

/* A simulator that cannot see or do its work proves nothing. */
static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "power loss simulator: %s: %s\n", what, strerror(errno));
	_exit(3);
}

/* ---- the shadow ---- */

static struct node *find_node(const struct stat *st)
{
	for (struct node *n = nodes; n; n = n->next)
		if (n->st.st_ino == st->st_ino && n->st.st_dev == st->st_dev)
			return n;
	return NULL;
}

/* Takes PIN over. */
static struct node *node_of(int pin)
{
	struct stat st;
	struct node *n;

	must(pin >= 0 && fstat(pin, &st) == 0, "a file that is there");
	n = find_node(&st);
	if (n) {
		(void)close(pin);
		return n;
	}
	n = calloc(1, sizeof(*n));
	must(n != NULL, "calloc");
	*n = (struct node){.next = nodes, .st = st, .pin = pin};
	nodes = n;
	return n;
}

static struct node *node_at(int dirfd, const char *name)
{
	return node_of(openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
}

/* NODE opened anew, whatever happened to its names. */
static int reopen(const struct node *n, int flags)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", n->pin);
	fd = open(path, flags | O_CLOEXEC);
	must(fd >= 0, path);
	return fd;
}

static void sync_file(struct node *n)
{
	int fd = reopen(n, O_RDONLY);
	ssize_t got;

	must(fstat(fd, &n->st) == 0, "fstat");
	n->size = (size_t)n->st.st_size;
	free(n->data);
	n->data = malloc(n->size + 1);
	must(n->data != NULL, "malloc");
	got = pread(fd, n->data, n->size, 0);
	must(got == (ssize_t)n->size, "read");
	(void)close(fd);
}

static void free_entries(struct entry *e)
{
	while (e) {
		struct entry *next = e->next;

		free(e->name);
		free(e);
		e = next;
	}
}

static struct entry *current_entries(const struct node *n)
{
	DIR *dir = fdopendir(reopen(n, O_RDONLY | O_DIRECTORY));
	struct entry *list = NULL, *e;
	const struct dirent *d;

	must(dir != NULL, "opendir");
	while ((d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		e = malloc(sizeof(*e));
		must(e != NULL, "malloc");
		*e = (struct entry){
			list, strdup(d->d_name), node_at(dirfd(dir), d->d_name)};
		must(e->name != NULL, "strdup");
		list = e;
	}
	(void)closedir(dir);
	return list;
}

static void sync_dir(struct node *n)
{
	free_entries(n->entries);
	n->entries = current_entries(n);
	must(fstat(n->pin, &n->st) == 0, "fstat");
}

static void sync_all(struct node *n)
{
	if (S_ISREG(n->st.st_mode))
		sync_file(n);
	if (!S_ISDIR(n->st.st_mode))
		return;
	sync_dir(n);
	for (const struct entry *e = n->entries; e; e = e->next)
		sync_all(e->node);
}

void powerloss_begin(const char *root)
{
	root_path = strdup(root);
	must(root_path != NULL, "strdup");
	root_node = node_at(AT_FDCWD, root);
	sync_all(root_node);
}

/* Directories above the root are synced too, and no business of ours. */
static bool is_below_root(int fd)
{
	char link[64], path[4096];
	size_t length = strlen(root_path);
	ssize_t got;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	got = readlink(link, path, sizeof(path) - 1);
	must(got > 0, link);
	path[got] = '\0';
	return strncmp(path, root_path, length) == 0 &&
	       (!path[length] || path[length] == '/');
}

void powerloss_note(const struct file_event *event)
{
	char link[64];
	struct node *n;

	if (!event->done || (event->step != FILE_SYNC && event->step != FILE_SYNC_DIR))
		return;
	if (!is_below_root(event->dirfd))
		return;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", event->dirfd);
	n = node_of(open(link, O_PATH | O_CLOEXEC));
	if (event->step == FILE_SYNC)
		sync_file(n);
	else
		sync_dir(n);
}

/* ---- after the loss ---- */

static void rebuild(
	enum powerloss kind, const struct node *n, int dirfd, const char *name);

static void rebuild_file(const struct node *n, int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	must(fd >= 0, name);
	if (n->data)
		must(write(fd, n->data, n->size) == (ssize_t)n->size, name);
	must(fchown(fd, n->st.st_uid, n->st.st_gid) == 0, name);
	must(fchmod(fd, n->st.st_mode & 07777) == 0, name);
	(void)close(fd);
}

static void rebuild_link(const struct node *n, int dirfd, const char *name)
{
	char target[4096];
	ssize_t got = readlinkat(n->pin, "", target, sizeof(target) - 1);

	must(got > 0, name);
	target[got] = '\0';
	must(symlinkat(target, dirfd, name) == 0, name);
}

static const struct entry *find_entry(const struct entry *list, const char *name)
{
	while (list && strcmp(list->name, name) != 0)
		list = list->next;
	return list;
}

static void rebuild_entries(enum powerloss kind, const struct node *n, int fd)
{
	struct entry *current = kind == POWERLOSS_NOTHING ? NULL : current_entries(n);

	for (const struct entry *e = current; e; e = e->next)
		rebuild(kind, e->node, fd, e->name);
	if (kind != POWERLOSS_ALL_NAMES)
		for (const struct entry *e = n->entries; e; e = e->next)
			if (!find_entry(current, e->name))
				rebuild(kind, e->node, fd, e->name);
	free_entries(current);
}

static void rebuild_dir(
	enum powerloss kind, const struct node *n, int dirfd, const char *name)
{
	int fd;

	must(mkdirat(dirfd, name, 0700) == 0, name);
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(fd >= 0, name);
	rebuild_entries(kind, n, fd);
	must(fchown(fd, n->st.st_uid, n->st.st_gid) == 0, name);
	must(fchmod(fd, n->st.st_mode & 07777) == 0, name);
	(void)close(fd);
}

static void rebuild(
	enum powerloss kind, const struct node *n, int dirfd, const char *name)
{
	if (S_ISDIR(n->st.st_mode))
		rebuild_dir(kind, n, dirfd, name);
	else if (S_ISLNK(n->st.st_mode))
		rebuild_link(n, dirfd, name);
	else if (S_ISREG(n->st.st_mode))
		rebuild_file(n, dirfd, name);
	else
		must(false, name);
}

void powerloss_rebuild(enum powerloss kind, const char *target)
{
	rebuild(kind, root_node, AT_FDCWD, target);
}
