#include "sisbackup/content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/report.h"
#include "sisbackup/holes.h"
#include "sisbackup/inspect.h"
#include "sisbackup/stored.h"

/* The data ranges of a file, one after the other. */
struct reading {
	int fd;
	const char *path;
	const struct backupapi_range *ranges;
	uint32_t count;
	bool sparse;
	uint64_t done; /* of the first range */
	struct stored *stored;
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
	if (r->stored)
		stored_add(r->stored, range->offset + r->done, buffer, *got);
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

/* Copies from FD. Where ENTRY changed the copy is there all the same. */
static enum outcome copy_open(struct set_output *o, int dirfd, const char *name, int fd,
	const char *path, struct entry *entry)
{
	struct backupapi_range whole = {0, entry->size};
	struct reading reading = {.fd = fd, .path = path, .ranges = &whole, .count = 1};
	struct source source = {.read = read_ranges, .context = &reading};
	struct stored stored = {0};
	char *location = entry_location(entry);
	uint64_t size;
	bool ok, read_failed;

	if (entry->kind == ENTRY_STORE)
		reading.stored = &stored;
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
	if (reading.stored)
		entry->checksum = stored_end(&stored, entry->size);
	return inspect_unchanged(dirfd, name, fd, entry) ? COPIED : CHANGED;
}

enum outcome content_copy(struct set_output *o, int dirfd, const char *name,
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
