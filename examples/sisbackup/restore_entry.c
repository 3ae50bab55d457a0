/*
 * A file is made under a temporary name in its directory and renamed when it is whole, so
 * that a name never stands for half a file. A link is bare by then; the library gives it its
 * content when the pass ends, and marks it as unfinished until that is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <backupapi/errors.h>

#include "common/report.h"
#include "common/str.h"
#include "sisbackup/attributes.h"
#include "sisbackup/places.h"
#include "sisbackup/rebind.h"
#include "sisbackup/replace.h"
#include "sisbackup/restore.h"

#define REPARSE_ATTRIBUTE "user.ntfs_reparse_data" /* but on NTFS */

/* Where a file is being made. */
struct target {
	struct restore *r;
	int dirfd;
	const char *name; /* its final one */
	const char *path; /* that on the volume */
	char *label;      /* for messages */
	char *temporary;  /* its name until it is whole */
	char *absolute;   /* and where that is */
	struct stat made; /* the file itself */
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
	struct places places;
};

static bool fill(void *context, const void *data, size_t size)
{
	struct filling *f = context;
	const char *from = data;

	while (size > 0) {
		uint64_t offset;
		size_t step = places_next(&f->places, size, &offset);
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
		places_pass(&f->places, (size_t)n);
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
	struct filling filling = {.target = t, .fd = fd, .places = places_of(entry)};
	char *location = entry_location(entry), *label, hex[DIGEST_SIZE];
	struct stat st;
	uint64_t size;
	int from = tree_open(&set->tree, location, &st);
	bool ok = from >= 0;

	if (ok) {
		label = tree_label(&set->tree, location);
		ok = set_read_file(from, label, t->r->digest, fill, &filling, &size, hex);
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

/* The functions that make something return it open, at least by O_PATH; -1: reported. */

static int create(const struct target *t)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(t->dirfd, t->temporary, flags, 0600);

	if (fd < 0)
		stop(t, errno);
	return fd;
}

/* FD where OK, else it is closed. */
static int keep_if(bool ok, int fd)
{
	if (ok || fd < 0)
		return fd;
	close(fd);
	return -1;
}

static int make_file(const struct target *t, const struct entry *entry)
{
	int fd = create(t);

	return keep_if(
		fd >= 0 && put_content(t, fd, entry) && set_length(t, fd, entry->size),
		fd);
}

static bool put_store_content(const struct target *t, int fd, const struct entry *entry)
{
	const struct entry *content =
		catalog_find_store(&t->r->set.catalog, entry->target);

	return content && put_content(t, fd, content) && set_length(t, fd, content->size);
}

static void tell_plain(const struct target *t)
{
	static bool told;

	if (!told)
		report_note("%s: keeps no reparse points; links become plain files there",
			t->r->tree.name);
	told = true;
}

/* By name, as the library has it, and then asked of the file that was made: its name may
 * be in a directory of somebody else. */
static int32_t set_reparse(
	const struct target *t, int fd, const struct entry *entry, const void *reparse)
{
	int32_t rc = backupapi_set_reparse_point(
		t->absolute, reparse, (uint32_t)entry->reparse_size);

	if (!FAILED(rc) && fgetxattr(fd, REPARSE_ATTRIBUTE, NULL, 0) <= 0)
		return HRESULT_FROM_WIN32(ERROR_BUSY);
	return rc;
}

/* The bare link: its length, and its reparse point; where the file system keeps none, and
 * with REPARSE NULL, a plain file (*PLAIN). */
static int make_link(const struct target *t, const struct entry *entry,
	const void *reparse, bool *plain)
{
	int fd = create(t);
	bool ok = fd >= 0 && set_length(t, fd, entry->size);
	int32_t rc = S_OK;

	if (ok && reparse && !t->r->ntfs)
		rc = set_reparse(t, fd, entry, reparse);
	*plain = !reparse || rc == HRESULT_FROM_WIN32(ERROR_NOT_SUPPORTED);
	if (*plain && reparse)
		tell_plain(t);
	if (*plain)
		ok = ok && put_store_content(t, fd, entry);
	else if (FAILED(rc))
		ok = report_call(rc, t->label);
	return keep_if(ok, fd);
}

static mode_t node_type(const struct entry *entry)
{
	switch (entry->kind) {
	case ENTRY_SYMLINK:
		return S_IFLNK;
	case ENTRY_FIFO:
		return S_IFIFO;
	case ENTRY_SOCKET:
		return S_IFSOCK;
	case ENTRY_CHAR:
		return S_IFCHR;
	default:
		return S_IFBLK;
	}
}

/* What was made has one name, and is the caller's. */
static int open_node(const struct target *t, mode_t type)
{
	int fd = openat(t->dirfd, t->temporary, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0) {
		stop(t, errno);
		return keep_if(false, fd);
	}
	if ((st.st_mode & S_IFMT) == type && st.st_nlink == 1 && st.st_uid == geteuid())
		return fd;
	report_problem(
		ERROR_BUSY, t->label, "somebody else changed it while it was made");
	return keep_if(false, fd);
}

static int make_node(const struct target *t, const struct entry *entry)
{
	mode_t type = node_type(entry);
	dev_t device = 0;
	int rc;

	if (type == S_IFCHR || type == S_IFBLK)
		(void)entry_device(entry, &device);
	rc = type == S_IFLNK ? symlinkat(entry->target, t->dirfd, t->temporary)
			     : mknodat(t->dirfd, t->temporary, type | 0600, device);
	if (rc != 0) {
		stop(t, errno);
		return -1;
	}
	return open_node(t, type);
}

static int make(const struct target *t, const struct entry *entry, const void *reparse,
	bool *plain)
{
	*plain = false;
	switch (entry->kind) {
	case ENTRY_FILE:
	case ENTRY_STORE:
		return make_file(t, entry);
	case ENTRY_LINK:
		return make_link(t, entry, reparse, plain);
	default:
		return make_node(t, entry);
	}
}

/* ---- into place ---- */

/* Over what is there, which select_check_absent did not find, or the user wants replaced. */
static bool publish(const struct target *t, bool keep)
{
	int err = replace_publish(t->r, t->dirfd, t->temporary, t->path, keep);

	return err == 0 || stop(t, err);
}

static bool make_whole(
	struct target *t, const struct entry *entry, const void *reparse, bool *plain)
{
	int fd = make(t, entry, reparse, plain);
	bool ok = fd >= 0 && attributes_apply(fd, t->label, entry, &t->r->lost);

	if (ok && fstat(fd, &t->made) != 0)
		ok = stop(t, errno);
	if (fd >= 0 && close(fd) != 0 && ok)
		ok = stop(t, errno);
	ok = ok && publish(t, entry->kind == ENTRY_LINK && !*plain);
	if (!ok && unlinkat(t->dirfd, t->temporary, 0) != 0 && errno != ENOENT)
		stop(t, errno);
	return ok;
}

/* The file that was made, by O_PATH, if its name still means it: somebody else may own its
 * directory. -1: reported. */
static int open_made(const struct target *t)
{
	const int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(t->dirfd, t->name, flags);
	struct stat st;

	if (fd < 0 && errno == EIO) /* ntfs-3g, after it became a link */
		fd = openat(t->dirfd, t->name, flags);
	if (fd < 0 || fstat(fd, &st) != 0) {
		report_errno(errno, t->label);
		return keep_if(false, fd);
	}
	return keep_if((st.st_dev == t->made.st_dev && st.st_ino == t->made.st_ino) ||
			       report_problem(ERROR_BUSY, t->label,
				       "somebody else changed it while it was restored"),
		fd);
}

/* On NTFS the reparse point comes last: nothing can open the file any more, and what was
 * open is of no use. FD is closed; the result is as open_made's. */
static int set_last_reparse(
	const struct target *t, int fd, const struct entry *entry, const void *reparse)
{
	int32_t rc = backupapi_set_reparse_point(
		t->label, reparse, (uint32_t)entry->reparse_size);

	close(fd);
	if (!FAILED(rc))
		return open_made(t);
	report_call(rc, t->label);
	return -1;
}

static bool tell_pass(const struct target *t, const struct entry *entry, void *reparse)
{
	char *name = NULL;
	int fd = open_made(t);
	const bool found = fd >= 0;
	bool ok;

	if (found && t->r->ntfs)
		fd = set_last_reparse(t, fd, entry, reparse);
	ok = fd >= 0 && pass_restored_link(t->r->pass, fd, t->label, reparse,
				entry->reparse_size, &name);
	if (fd >= 0)
		close(fd);
	if (name)
		strings_take(&t->r->store_names, name);
	if (ok)
		strings_take(&t->r->links, xstrdup(t->path));
	else if (found && unlinkat(t->dirfd, t->name, 0) != 0)
		report_errno(errno, t->label);
	return ok;
}

static void close_target(struct target *t)
{
	free(t->label);
	free(t->temporary);
	free(t->absolute);
}

static bool open_target(struct restore *r, const char *path, struct target *t)
{
	memset(t, 0, sizeof(*t));
	t->r = r;
	t->path = path;
	t->dirfd = tree_parent(&r->tree, path, false, &t->name);
	if (t->dirfd < 0)
		return false;
	t->temporary = replace_temporary();
	if (!t->temporary)
		return false;
	t->label = tree_label(&r->tree, path);
	t->absolute = xasprintf(
		"%s/%.*s%s", r->root, (int)(t->name - path), path, t->temporary);
	return true;
}

bool restore_entry(struct restore *r, const struct entry *entry, const char *path)
{
	unsigned char *reparse = NULL;
	struct target t;
	bool ok, plain;

	if (entry->kind == ENTRY_LINK)
		reparse = rebind_link(r, entry);
	ok = open_target(r, path, &t);
	if (ok) {
		ok = make_whole(&t, entry, reparse, &plain);
		if (ok && entry->kind == ENTRY_LINK && !plain)
			ok = tell_pass(&t, entry, reparse);
		close_target(&t);
	}
	free(reparse);
	return ok;
}

bool restore_name(struct restore *r, const char *first, const char *path, bool is_link)
{
	struct tree other;
	const char *from;
	struct target t;
	int from_fd;
	bool ok;

	tree_init(&other, r->fd, r->root);
	from_fd = tree_parent(&other, first, false, &from);
	ok = from_fd >= 0 && open_target(r, path, &t);
	if (ok) {
		ok = linkat(from_fd, from, t.dirfd, t.temporary, 0) == 0 ||
		     stop(&t, errno);
		if (ok && !publish(&t, is_link)) {
			(void)unlinkat(t.dirfd, t.temporary, 0);
			ok = false;
		}
		close_target(&t);
	}
	tree_close(&other);
	return ok;
}

bool restore_store_file(struct restore *r, const char *name)
{
	const struct entry *entry = rebind_store_entry(r, name);
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
		ok = make_whole(&t, entry, NULL, &plain) &&
		     pass_restored_store_file(r->pass, name);
		close_target(&t);
	}
	free(path);
	return ok;
}
