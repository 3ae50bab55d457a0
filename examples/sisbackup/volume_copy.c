/*
 * The second walk: contents. A file that is not what the first walk saw is looked at
 * again, and copied again where it changes while it is read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/report.h"
#include "common/signals.h"
#include "sisbackup/holes.h"
#include "sisbackup/inspect.h"
#include "sisbackup/volume.h"

#define TRIES 3

/* The data ranges of a file, one after the other. */
struct reading {
	int fd;
	const char *path;
	const struct backupapi_range *ranges;
	uint32_t count;
	bool sparse;
	uint64_t done; /* of the first range */
};

static bool read_ranges(void *context, void *buffer, size_t size, size_t *got)
{
	struct reading *r = context;
	const struct backupapi_range *range = r->ranges;
	ssize_t n;

	while (r->count > 0 && r->done == r->ranges->length) {
		range = ++r->ranges;
		r->count--;
		r->done = 0;
	}
	*got = 0;
	if (r->count == 0)
		return true;
	if (size > range->length - r->done)
		size = (size_t)(range->length - r->done);
	do
		n = pread(r->fd, buffer, size, (off_t)(range->offset + r->done));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return report_errno(errno, r->path);
	/* It shrank: what is missing is a hole, or the end of a file without any. */
	if (n == 0 && r->sparse) {
		memset(buffer, 0, size);
		n = (ssize_t)size;
	}
	*got = (size_t)n;
	r->done += *got;
	return true;
}

static bool is_whole(const struct entry *entry)
{
	return entry->ranges.count == 1 && entry->ranges.items[0].offset == 0 &&
	       entry->ranges.items[0].length == entry->size;
}

static bool find_holes(int fd, struct entry *entry, const char *path)
{
	if ((uint64_t)entry->st.st_blocks * 512 >= entry->size)
		return true;
	if (!holes_ranges(fd, entry->size, &entry->ranges))
		return report_errno(errno, path);
	entry->sparse = !is_whole(entry);
	return true;
}

enum outcome { COPIED, CHANGED, SKIPPED, STOPPED };

/* Copies from FD. Where ENTRY changed the copy is there all the same. */
static enum outcome copy_open(struct set_output *o, int dirfd, const char *name, int fd,
	const char *path, struct entry *entry)
{
	struct backupapi_range whole = {0, entry->size};
	struct reading reading = {.fd = fd, .path = path, .ranges = &whole, .count = 1};
	struct source source = {.read = read_ranges, .context = &reading};
	char *location = entry_location(entry);
	uint64_t size;
	bool ok, read_failed;

	if (entry->sparse) {
		reading.sparse = true;
		reading.ranges = entry->ranges.items;
		reading.count = entry->ranges.count;
	}
	ok = set_output_file(o, location, &source, &size, &read_failed);
	free(location);
	if (!ok)
		return read_failed ? SKIPPED : STOPPED;
	if (!entry->sparse)
		entry->size = size;
	return inspect_unchanged(dirfd, name, fd, entry) ? COPIED : CHANGED;
}

static enum outcome copy_once(struct set_output *o, int dirfd, const char *name,
	const char *path, struct entry *entry, bool *copied)
{
	bool changed;
	int fd = inspect_open(dirfd, name, path, entry, &changed);
	enum outcome outcome;

	*copied = false;
	if (fd < 0)
		return changed ? CHANGED : SKIPPED;
	outcome = find_holes(fd, entry, path) ? copy_open(o, dirfd, name, fd, path, entry)
					      : SKIPPED;
	*copied = outcome == COPIED || outcome == CHANGED;
	close(fd);
	return outcome;
}

/* What the file was is looked at again. True: it still is one whose content is to be
 * copied. */
static bool look_again(struct volume *v, int dirfd, const char *name, size_t index)
{
	enum entry_kind kind = v->catalog.items[index].kind;
	struct entry *entry;

	if (!volume_look(v, dirfd, name, index))
		return false;
	entry = &v->catalog.items[index];
	if (kind == ENTRY_STORE && entry->kind == ENTRY_FILE)
		entry->kind = kind;
	return entry->kind == kind;
}

/* A file that changes all the time is saved as it was read, and counted. */
static enum outcome copy(struct volume *v, struct set_output *o, int dirfd,
	const char *name, const char *path, size_t index)
{
	bool copied = false;

	for (int i = 0; i < TRIES; i++) {
		struct entry *entry = &v->catalog.items[index];
		enum outcome outcome;

		if (copied && !set_output_forget_last(o))
			return STOPPED;
		if (i > 0 && !look_again(v, dirfd, name, index))
			return COPIED;
		entry = &v->catalog.items[index];
		outcome = copy_once(o, dirfd, name, path, entry, &copied);
		if (outcome != CHANGED)
			return outcome;
	}
	report_problem(ERROR_BUSY, path, "changes while it is read; %s",
		copied ? "saved as it was read" : "not saved");
	if (copied)
		v->skipped++;
	return copied ? COPIED : SKIPPED;
}

static bool copy_entry(struct volume *v, struct set_output *o, size_t index)
{
	struct entry *entry = &v->catalog.items[index];
	char *path = volume_path(v, entry);
	char *relative = entry->kind == ENTRY_STORE
				 ? xasprintf(STORE_DIRECTORY "/%s", entry->path)
				 : xstrdup(entry->path);
	const char *name;
	int dirfd = tree_parent(&v->tree, relative, false, &name);
	enum outcome outcome = dirfd < 0 ? SKIPPED : copy(v, o, dirfd, name, path, index);

	ahead_done(v->ahead, v->catalog.items[index].size);
	if (outcome == SKIPPED) {
		v->catalog.items[index].failed = true;
		v->skipped++;
	}
	free(relative);
	free(path);
	return outcome != STOPPED;
}

static void fail_without(
	struct volume *v, struct entry *entry, const struct entry *other, const char *why)
{
	if (other && !other->failed)
		return;
	report_problem(ERROR_FILE_NOT_FOUND, entry->path, "not saved: %s", why);
	entry->failed = true;
	v->skipped++;
}

/* A link without its store file cannot be given back, nor can another name of a file that
 * was not saved. */
static void follow_failures(struct volume *v)
{
	struct catalog *c = &v->catalog;

	catalog_sort(c);
	for (struct entry *e = c->items; e < c->items + c->count; e++)
		if (!e->failed && e->kind == ENTRY_LINK)
			fail_without(v, e, catalog_find_store(c, e->target),
				"its common-store file was not");
	for (struct entry *e = c->items; e < c->items + c->count; e++)
		if (!e->failed && e->kind == ENTRY_HARDLINK)
			fail_without(v, e, catalog_find(c, e->target),
				"another name of a file that was not");
}

bool volume_copy(struct volume *v, struct set_output *o)
{
	/* The list can grow: a file may have become a link. */
	for (size_t i = 0; i < v->catalog.count; i++) {
		const struct entry *entry = &v->catalog.items[i];

		if (entry->failed ||
			(entry->kind != ENTRY_FILE && entry->kind != ENTRY_STORE))
			continue;
		if (signals_caught() || !copy_entry(v, o, i))
			return false;
	}
	follow_failures(v);
	catalog_drop_failed(&v->catalog);
	return true;
}
