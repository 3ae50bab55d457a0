/*
 * A file is made under a temporary name in its directory and renamed when it is whole, so
 * that a name never stands for half a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <backupapi/errors.h>

#include "common/report.h"
#include "common/str.h"
#include "sisbackup/attributes.h"
#include "sisbackup/restore.h"

#define TEMPORARY ".sisbackup.partial"

/* Where a file is being made. */
struct target {
	struct restore *r;
	int dirfd;
	const char *name; /* its final one */
	char *label;	  /* its path, for messages */
	char *temporary;  /* absolute, for functions that want that */
};

static bool stop(const struct target *t, int err)
{
	t->r->stopped = err == ENOSPC || err == EDQUOT || err == EROFS || err == EIO;
	return report_errno(err, t->label);
}

/* ---- contents ---- */

/* Saved bytes on their way to where they belong. */
struct filling {
	const struct target *target;
	int fd;
	const struct ranges *ranges; /* NULL: one after the other */
	uint32_t range;
	uint64_t done; /* of the range, or of the file */
};

/* How many of SIZE bytes go to *OFFSET; 0: there is no place left. */
static size_t next_place(struct filling *f, size_t size, uint64_t *offset)
{
	const struct backupapi_range *range;

	if (!f->ranges) {
		*offset = f->done;
		return size;
	}
	while (f->range < f->ranges->count &&
		f->done == f->ranges->items[f->range].length) {
		f->range++;
		f->done = 0;
	}
	if (f->range == f->ranges->count)
		return 0;
	range = &f->ranges->items[f->range];
	*offset = range->offset + f->done;
	return size < range->length - f->done ? size : (size_t)(range->length - f->done);
}

static bool fill(void *context, const void *data, size_t size)
{
	struct filling *f = context;
	const char *from = data;

	while (size > 0) {
		uint64_t offset;
		size_t step = next_place(f, size, &offset);
		ssize_t n;

		if (step == 0)
			return report_problem(ERROR_FILE_CORRUPT, f->target->label,
				"more was saved than MANIFEST says");
		n = pwrite(f->fd, from, step, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return stop(f->target, errno);
		from += n;
		f->done += (uint64_t)n;
		size -= (size_t)n;
	}
	return true;
}

static bool check_content(const struct target *t, const struct entry *entry,
	const char *location, uint64_t size, const char *hex)
{
	const struct sum *sum = sums_find(&t->r->set.files.sums, location);
	char *label;

	if (sum && !strcmp(sum->hex, hex) && size == entry_stored_size(entry))
		return true;
	label = tree_label(&t->r->set.files.tree, location);
	report_problem(ERROR_CRC, label, "not what was saved: %s",
		!sum ? "not in SHA256SUMS" : "checksum or size differs");
	free(label);
	return false;
}

/* ENTRY's content, as saved in the set, into FD. */
static bool put_content(const struct target *t, int fd, const struct entry *entry)
{
	struct set_dir *set = &t->r->set.files;
	struct filling filling = {.target = t, .fd = fd};
	char *location = entry_location(entry), *label, hex[DIGEST_SIZE];
	struct stat st;
	uint64_t size;
	int from = tree_open(&set->tree, location, &st);
	bool ok = from >= 0;

	if (entry->sparse)
		filling.ranges = &entry->ranges;
	if (ok) {
		label = tree_label(&set->tree, location);
		ok = set_read_file(
			from, label, t->r->digest, fill, &filling, &size, hex);
		free(label);
		close(from);
	}
	ok = ok && check_content(t, entry, location, size, hex);
	free(location);
	return ok;
}

static bool set_length(const struct target *t, int fd, uint64_t size)
{
	return ftruncate(fd, (off_t)size) == 0 || stop(t, errno);
}

/* ---- making files ---- */

static int create(const struct target *t)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(t->dirfd, TEMPORARY, flags, 0600);

	if (fd < 0)
		stop(t, errno);
	return fd;
}

static bool make_file(const struct target *t, const struct entry *entry)
{
	int fd = create(t);
	bool ok = fd >= 0 && put_content(t, fd, entry) &&
		  set_length(t, fd, entry->size);

	if (fd >= 0 && close(fd) != 0 && ok)
		ok = stop(t, errno);
	return ok;
}

/* Where the file system keeps no reparse points, a link becomes a plain file. */
static bool make_plain(const struct target *t, int fd, const struct entry *entry)
{
	static bool told;
	const struct entry *content =
		catalog_find_store(&t->r->set.catalog, entry->target);

	if (!told)
		report_note("%s: keeps no reparse points; links become plain files there",
			t->r->tree.name);
	told = true;
	return content && put_content(t, fd, content);
}

/* The bare link: its length, and its reparse point. *PLAIN: it became a plain file. */
static bool make_link(const struct target *t, const struct entry *entry, bool *plain)
{
	int fd = create(t);
	bool ok = fd >= 0 && set_length(t, fd, entry->size);
	int32_t rc = S_OK;

	if (ok && !t->r->ntfs)
		rc = backupapi_set_reparse_point(
			t->temporary, entry->reparse, (uint32_t)entry->reparse_size);
	*plain = rc == HRESULT_FROM_WIN32(ERROR_NOT_SUPPORTED);
	if (*plain)
		ok = make_plain(t, fd, entry);
	else if (FAILED(rc))
		ok = report_call(rc, t->label);
	if (fd >= 0 && close(fd) != 0 && ok)
		ok = stop(t, errno);
	return ok;
}

static bool make_node(const struct target *t, const struct entry *entry)
{
	mode_t type = 0;
	dev_t device = 0;

	switch (entry->kind) {
	case ENTRY_FIFO:
		type = S_IFIFO;
		break;
	case ENTRY_SOCKET:
		type = S_IFSOCK;
		break;
	case ENTRY_CHAR:
		type = S_IFCHR;
		break;
	default:
		type = S_IFBLK;
	}
	if (type == S_IFCHR || type == S_IFBLK)
		(void)entry_device(entry, &device);
	return mknodat(t->dirfd, TEMPORARY, type | 0600, device) == 0 || stop(t, errno);
}

static bool make(const struct target *t, const struct entry *entry, bool *plain)
{
	*plain = false;
	switch (entry->kind) {
	case ENTRY_FILE:
	case ENTRY_STORE:
		return make_file(t, entry);
	case ENTRY_LINK:
		return make_link(t, entry, plain);
	case ENTRY_SYMLINK:
		return symlinkat(entry->target, t->dirfd, TEMPORARY) == 0 ||
		       stop(t, errno);
	default:
		return make_node(t, entry);
	}
}

/* ---- into place ---- */

/* Over what is there, which select_check_absent did not find, or the user wants replaced. */
static bool publish(const struct target *t)
{
	return renameat(t->dirfd, TEMPORARY, t->dirfd, t->name) == 0 || stop(t, errno);
}

static bool make_whole(const struct target *t, const struct entry *entry, bool *plain)
{
	bool ok;

	/* What a restore that was killed left here. */
	if (unlinkat(t->dirfd, TEMPORARY, 0) != 0 && errno != ENOENT)
		return stop(t, errno);
	ok = make(t, entry, plain) && attributes_apply(t->dirfd, TEMPORARY, t->label,
					      entry, &t->r->lost) &&
	     publish(t);
	if (!ok && unlinkat(t->dirfd, TEMPORARY, 0) != 0 && errno != ENOENT)
		stop(t, errno);
	return ok;
}

/* On NTFS the reparse point comes last: nothing can open the file any more. */
static bool tell_pass(const struct target *t, const struct entry *entry, const char *path)
{
	char *absolute = xasprintf("%s/%s", t->r->root, path), *name = NULL;
	bool ok = true;
	int32_t rc;

	if (t->r->ntfs) {
		rc = backupapi_set_reparse_point(
			absolute, entry->reparse, (uint32_t)entry->reparse_size);
		ok = !FAILED(rc) || report_call(rc, absolute);
	}
	ok = ok && pass_restored_link(t->r->pass, absolute, entry->reparse,
			   entry->reparse_size, &name);
	if (name)
		strings_take(&t->r->store_names, name);
	if (ok)
		strings_take(&t->r->links, xstrdup(path));
	else if (unlinkat(t->dirfd, t->name, 0) != 0)
		report_errno(errno, absolute);
	free(absolute);
	return ok;
}

static bool open_target(struct restore *r, const char *path, struct target *t)
{
	char *directory;

	t->r = r;
	t->dirfd = tree_parent(&r->tree, path, false, &t->name);
	if (t->dirfd < 0)
		return false;
	directory = xstrndup(path, (size_t)(t->name - path));
	t->label = tree_label(&r->tree, path);
	t->temporary = xasprintf("%s/%s" TEMPORARY, r->root, directory);
	free(directory);
	return true;
}

static void close_target(struct target *t)
{
	free(t->label);
	free(t->temporary);
}

bool restore_entry(struct restore *r, const struct entry *entry, const char *path)
{
	struct target t;
	bool ok, plain;

	if (!open_target(r, path, &t))
		return false;
	ok = make_whole(&t, entry, &plain);
	if (ok && entry->kind == ENTRY_LINK && !plain)
		ok = tell_pass(&t, entry, path);
	close_target(&t);
	return ok;
}

bool restore_store_file(struct restore *r, const char *name)
{
	const struct entry *entry = catalog_find_store(&r->set.catalog, name);
	char *path = xasprintf(STORE_DIRECTORY "/%s", name);
	struct target t;
	bool ok, plain;

	if (!entry) {
		free(path);
		return report_problem(
			ERROR_FILE_NOT_FOUND, name, "a common-store file not in the set");
	}
	ok = open_target(r, path, &t);
	if (ok) {
		ok = make_whole(&t, entry, &plain) &&
		     pass_restored_store_file(r->pass, name);
		close_target(&t);
	}
	free(path);
	return ok;
}
