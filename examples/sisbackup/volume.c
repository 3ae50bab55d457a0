/*
 * The first walk: everything but contents. Names are followed neither through symbolic
 * links nor to other file systems.
 */
#include "sisbackup/volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/report.h"
#include "common/signals.h"
#include "common/str.h"
#include "sisbackup/filter.h"
#include "sisbackup/fskind.h"
#include "sisbackup/inspect.h"

#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* ---- begin and end ---- */

bool volume_open(struct volume *v, const char *root, const struct options *options)
{
	struct stat st;

	memset(v, 0, sizeof(*v));
	v->options = options;
	v->fd = -1;
	v->root = realpath(root, NULL);
	if (!v->root)
		return report_errno(errno, root);
	if (!strcmp(v->root, "/"))
		*v->root = '\0';
	v->fd = open(*v->root ? v->root : "/", OPEN_DIR);
	if (v->fd < 0 || fstat(v->fd, &st) != 0)
		return report_errno(errno, root);
	v->device = st.st_dev;
	tree_init(&v->tree, v->fd, v->root);
	return true;
}

static void free_stores(struct store_name *store)
{
	while (store) {
		struct store_name *next = store->next;

		free(store->name);
		free(store);
		store = next;
	}
}

bool volume_close(struct volume *v)
{
	bool ok = pass_end(v->pass);

	volume_stop(v);
	ahead_free(v->ahead);
	inodes_free(&v->inodes);
	free_stores(v->stores);
	catalog_free(&v->catalog);
	tree_close(&v->tree);
	if (v->fd >= 0)
		close(v->fd);
	free(v->partial);
	free(v->root);
	memset(v, 0, sizeof(*v));
	v->fd = -1;
	return ok;
}

char *volume_path(const struct volume *v, const struct entry *entry)
{
	if (entry->kind == ENTRY_STORE)
		return xasprintf("%s/" STORE_DIRECTORY "/%s", v->root, entry->path);
	if (!strcmp(entry->path, "."))
		return xstrdup(*v->root ? v->root : "/");
	return path_join(v->root, entry->path);
}

/* ---- links and the common store ---- */

bool volume_skip(struct volume *v, size_t index)
{
	v->catalog.items[index].failed = true;
	v->skipped++;
	return false;
}

void volume_count(struct volume *v, const struct stat *st, uint64_t size)
{
	const uint64_t allocated = (uint64_t)st->st_blocks * 512;

	v->files++;
	v->bytes += allocated < size ? allocated : size;
}

static void count(struct volume *v, const struct entry *entry)
{
	if (entry->kind == ENTRY_FILE || entry->kind == ENTRY_STORE)
		volume_count(v, &entry->st, entry->size);
}

/* STORE: what is known of it, where links name it; then its content may be copied beside the
 * walk. */
static void add_store_file(struct volume *v, const char *name, struct store_name *store)
{
	size_t index = v->catalog.count;
	const char *base;
	char *relative = path_join(STORE_DIRECTORY, name);
	int dirfd = tree_parent(&v->tree, relative, false, &base);
	struct entry *entry = catalog_add(&v->catalog, ENTRY_STORE, xstrdup(name));

	if (dirfd < 0) {
		volume_skip(v, index);
	} else if (volume_look(v, dirfd, base, index)) {
		entry = &v->catalog.items[index];
		entry->kind = ENTRY_STORE;
		count(v, entry);
		ahead_add(v->ahead, relative, entry->size);
		if (store) {
			store->size = entry->size;
			entry->store = store;
			volume_offer(v, index, relative);
		}
	}
	free(relative);
}

/* The store file of the link with number INDEX; the first link to one has it saved. A
 * link that shows as something else (NTFS) has its store file's length. */
static bool name_store_file(struct volume *v, size_t index, const char *path)
{
	struct store_name *store = xmalloc(sizeof(*store)); /* zeroed */
	struct entry *entry = &v->catalog.items[index];
	void *first = NULL;
	char *name;

	if (!v->pass || !pass_link_to_save(v->pass, path, entry->reparse,
				entry->reparse_size, store, &first, &name)) {
		free(store);
		return volume_skip(v, index);
	}
	if (name) {
		store->name = name;
		store->next = v->stores;
		v->stores = store;
		v->store_files++;
		add_store_file(v, name, store);
		entry = &v->catalog.items[index];
	} else {
		free(store);
		store = first;
	}
	entry->target = xstrdup(store->name);
	entry->size =
		S_ISREG(entry->st.st_mode) ? (uint64_t)entry->st.st_size : store->size;
	entry->store = store;
	v->links++;
	if (store->unfit)
		volume_make_plain(v, entry);
	return true;
}

/* ---- one file ---- */

/* The first name of a file is what it is saved as; for others, true. */
static bool is_other_name(struct volume *v, size_t index)
{
	struct entry *entry = &v->catalog.items[index];
	const char *first;

	if (entry->kind == ENTRY_DIRECTORY || entry->st.st_nlink < 2)
		return false;
	first = inodes_first(&v->inodes, &entry->st, entry->path);
	/* A file is looked at again where it changed meanwhile. */
	if (!first || !strcmp(first, entry->path))
		return false;
	entry_clear(entry);
	entry->kind = ENTRY_HARDLINK;
	entry->target = xstrdup(first);
	return true;
}

bool volume_look(struct volume *v, int dirfd, const char *name, size_t index)
{
	struct entry *entry = &v->catalog.items[index];
	const bool store = entry->kind == ENTRY_STORE;
	const struct inspect_volume where = {store ? NULL : v->pass, v->ntfs};
	bool gone, ok;
	char *path = volume_path(v, entry);

	entry_clear(entry);
	ok = inspect(dirfd, name, path, &where, entry, &gone);
	if (!ok && gone)
		entry->failed = true;
	else if (!ok)
		volume_skip(v, index);
	else if (!store && is_other_name(v, index))
		ok = true;
	else if (entry->kind == ENTRY_LINK)
		ok = name_store_file(v, index, path);
	free(path);
	return ok;
}

/* ---- directories ---- */

static void walk(struct volume *v, int dirfd, size_t index, bool included);

static int open_directory(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, OPEN_DIR | O_NOATIME);

	return fd < 0 && errno == EPERM ? openat(dirfd, name, OPEN_DIR) : fd;
}

static void enter(
	struct volume *v, int dirfd, const char *name, size_t index, bool included)
{
	struct stat st;
	int fd;

	if (v->catalog.items[index].st.st_dev != v->device) {
		report_note("%s: another file system, which is not entered",
			v->catalog.items[index].path);
		return;
	}
	fd = open_directory(dirfd, name);
	if (fd < 0 || fstat(fd, &st) != 0) {
		report_errno(errno, v->catalog.items[index].path);
		v->skipped++;
	} else if (st.st_ino == v->catalog.items[index].st.st_ino) {
		walk(v, fd, index, included);
		return;
	}
	if (fd >= 0)
		close(fd);
}

static bool is_directory(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* RELATIVE becomes the catalog's. A directory that is not to be saved by itself stays only
 * as the way to something that is. */
static void take(
	struct volume *v, int dirfd, const char *name, char *relative, bool included)
{
	size_t index = v->catalog.count;

	included = included || filter_includes(v->options, relative);
	if (!included && !is_directory(dirfd, name)) {
		free(relative);
		return;
	}
	catalog_add(&v->catalog, ENTRY_FILE, relative);
	if (!volume_look(v, dirfd, name, index))
		return;
	count(v, &v->catalog.items[index]);
	if (v->catalog.items[index].kind == ENTRY_FILE) {
		ahead_add(v->ahead, relative, v->catalog.items[index].size);
		volume_offer(v, index, relative);
	}
	if (v->catalog.items[index].kind != ENTRY_DIRECTORY)
		return;
	enter(v, dirfd, name, index, included);
	if (!included && v->catalog.count == index + 1)
		catalog_drop_last(&v->catalog);
}

/* The set that grows may be on the volume although its device says otherwise. */
static bool is_left_out(const struct volume *v, const char *relative)
{
	return !strcmp(relative, STORE_DIRECTORY) ||
	       (v->partial && !strcmp(path_base(relative), v->partial)) ||
	       filter_excludes(v->options, relative);
}

/* All names first: a directory that changes while it is read would else give some of them
 * twice. */
static bool read_names(int fd, const char *label, struct strings *names)
{
	DIR *stream = fdopendir(fd);
	const struct dirent *entry;
	int err;

	if (!stream)
		return report_errno(errno, label);
	while ((errno = 0, entry = readdir(stream)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			strings_take(names, xstrdup(entry->d_name));
	err = errno;
	closedir(stream);
	return err == 0 || report_errno(err, label);
}

/* Does nothing that is found any more matter? */
static bool is_over(const struct volume *v)
{
	return v->stopped || signals_caught();
}

/* Closes DIRFD. */
static void walk(struct volume *v, int dirfd, size_t index, bool included)
{
	char *directory = xstrdup(v->catalog.items[index].path);
	int copy = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	struct strings names = {0};

	if (copy < 0) {
		report_errno(errno, directory);
		v->skipped++;
	} else if (!read_names(copy, directory, &names)) {
		v->skipped++;
	}
	for (size_t i = 0; i < names.count && !is_over(v); i++) {
		char *relative = strcmp(directory, ".")
					 ? path_join(directory, names.items[i])
					 : xstrdup(names.items[i]);

		if (is_left_out(v, relative))
			free(relative);
		else
			take(v, dirfd, names.items[i], relative, included);
	}
	strings_free(&names);
	free(directory);
	close(dirfd);
}

/* ---- everything ---- */

/* MaxIndex is copied after every link was seen: it must be above all their numbers. */
static void find_internal(struct volume *v, const struct strings *files)
{
	for (size_t i = 0; i < files->count; i++)
		add_store_file(v, files->items[i], NULL);
}

/* What the walk needs of OUTPUT it has from here: a thread that fails takes it down. */
static void copy_beside(struct volume *v, struct set_output *output)
{
	v->partial = xstrdup(set_output_partial_name(output));
	if (set_output_room(output, &v->room))
		v->copier = copier_new(output, v->fd, v->root, v->ahead);
}

bool volume_find(struct volume *v, struct set_output *output)
{
	struct strings internal = {0};
	int fd;

	if (!pass_begin_backup(v->root, &v->pass, &internal))
		return false;
	v->ntfs = fskind_is_ntfs(v->fd);
	v->ahead = ahead_new(v->fd, STORE_DIRECTORY);
	if (output)
		copy_beside(v, output);
	find_internal(v, &internal);
	strings_free(&internal);
	catalog_add(&v->catalog, ENTRY_DIRECTORY, xstrdup("."));
	if (!volume_look(v, v->fd, ".", v->catalog.count - 1))
		return false;
	fd = openat(v->fd, ".", OPEN_DIR);
	if (fd < 0)
		return report_errno(errno, v->root);
	walk(v, fd, v->catalog.count - 1, v->options->includes.count == 0);
	return !is_over(v);
}
