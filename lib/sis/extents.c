/*
 * The kernel may tell one run of blocks as one extent or as several, and differently for
 * two files that share it, so that runs are joined before they are compared.
 */
#include "sis/extents.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_step.h"

/* ---- data and holes ---- */

static status add_range(struct extents_list *list, uint64_t offset, uint64_t length)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 8;
		struct extents_range *items =
			reallocarray(list->items, capacity, sizeof(*items));

		if (!items)
			return status_no_memory();
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->count++] =
		(struct extents_range){.offset = offset, .length = length};
	return STATUS_OK;
}

void extents_free(struct extents_list *list)
{
	free(list->items);
	*list = (struct extents_list){0};
}

/* The next position of WHENCE's kind from OFFSET on, or SIZE where there is none. */
static status seek(int fd, const char *path, uint64_t offset, int whence, uint64_t size,
	uint64_t *position)
{
	off_t found = lseek(fd, (off_t)offset, whence);

	*position = size;
	if (found < 0 && errno != ENXIO)
		return status_errno(errno, "%s", path);
	if (found >= 0 && (uint64_t)found < size)
		*position = (uint64_t)found;
	return STATUS_OK;
}

status extents_data(int fd, const char *path, struct extents_list *list)
{
	struct stat st;
	uint64_t size, data = 0, hole = 0;
	status rc = STATUS_OK;

	if (fstat(fd, &st))
		return status_errno(errno, "%s", path);
	size = (uint64_t)st.st_size;
	while (!failed(rc) && hole < size) {
		rc = seek(fd, path, hole, SEEK_DATA, size, &data);
		if (failed(rc) || data == size)
			break;
		rc = seek(fd, path, data, SEEK_HOLE, size, &hole);
		/* Someone punched a hole just there. */
		if (!failed(rc) && hole > data)
			rc = add_range(list, data, hole - data);
	}
	if (failed(rc))
		extents_free(list);
	return rc;
}

status extents_none(int fd, const char *path, bool *none)
{
	off_t found = lseek(fd, 0, SEEK_DATA);

	*none = found < 0;
	if (found < 0 && errno != ENXIO)
		return status_errno(errno, "%s", path);
	return STATUS_OK;
}

/* ---- extents ---- */

#define BATCH 128

/* Whose place on the disk is not known, or tells nothing about the content there: parts
 * of one compressed extent all have its place. */
#define OPAQUE                                                                           \
	(FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_ENCODED |        \
		FIEMAP_EXTENT_DATA_ENCRYPTED | FIEMAP_EXTENT_NOT_ALIGNED |               \
		FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_DATA_TAIL)

/* Reads a file's map from its beginning to its size: what is allocated behind that was
 * not asked for by anybody. */
struct map {
	int fd;
	uint64_t size;
	bool all; /* nothing is left to be read */
	uint64_t next_start;
	unsigned next;        /* in batch */
	struct fiemap *batch; /* with room for BATCH extents */
};

struct run {
	uint64_t logical, physical, length;
};

/* False: the file system cannot say. */
static bool read_batch(struct map *map)
{
	struct fiemap *head = map->batch;

	memset(head, 0, sizeof(*head));
	head->fm_start = map->next_start;
	head->fm_length = FIEMAP_MAX_OFFSET - map->next_start;
	head->fm_flags = FIEMAP_FLAG_SYNC;
	head->fm_extent_count = BATCH;
	map->next = 0;
	if (ioctl(map->fd, FS_IOC_FIEMAP, head))
		return false;
	if (head->fm_mapped_extents < BATCH)
		map->all = true;
	return true;
}

static void take(struct map *map, const struct fiemap_extent *extent)
{
	map->next_start = extent->fe_logical + extent->fe_length;
	if (extent->fe_flags & FIEMAP_EXTENT_LAST)
		map->all = true;
	map->next++;
}

/* The next extent without taking it; NULL at the end, or, with *OPAQUE_MAP, where it
 * cannot be told. One that was allocated but never written is a hole to readers, and to
 * FICLONE. */
static const struct fiemap_extent *peek(struct map *map, bool *opaque)
{
	const struct fiemap_extent *extent;

	for (;;) {
		if (map->next == map->batch->fm_mapped_extents) {
			if (map->all)
				return NULL;
			*opaque = !read_batch(map);
			if (*opaque || map->batch->fm_mapped_extents == 0)
				return NULL;
		}
		extent = &map->batch->fm_extents[map->next];
		if (extent->fe_logical >= map->size)
			return NULL;
		*opaque = extent->fe_flags & OPAQUE;
		if (*opaque)
			return NULL;
		if (!(extent->fe_flags & FIEMAP_EXTENT_UNWRITTEN))
			return extent;
		take(map, extent);
	}
}

static uint64_t length_within(const struct map *map, const struct fiemap_extent *extent)
{
	const uint64_t left = map->size - extent->fe_logical;

	return extent->fe_length < left ? extent->fe_length : left;
}

/* False: no more, or *OPAQUE_MAP. */
static bool next_run(struct map *map, struct run *run, bool *opaque)
{
	const struct fiemap_extent *extent = peek(map, opaque);

	if (!extent)
		return false;
	*run = (struct run){.logical = extent->fe_logical,
		.physical = extent->fe_physical,
		.length = length_within(map, extent)};
	take(map, extent);
	while ((extent = peek(map, opaque)) != NULL &&
		extent->fe_logical == run->logical + run->length &&
		extent->fe_physical == run->physical + run->length) {
		run->length += length_within(map, extent);
		take(map, extent);
	}
	return !*opaque;
}

static bool equal_runs(const struct run *a, const struct run *b)
{
	return a->logical == b->logical && a->physical == b->physical &&
	       a->length == b->length;
}

static bool equal_maps(struct map *a, struct map *b)
{
	struct run x, y;
	bool opaque = false, more_x, more_y;

	do {
		more_x = next_run(a, &x, &opaque);
		more_y = next_run(b, &y, &opaque);
		if (opaque || more_x != more_y)
			return false;
	} while (more_x && equal_runs(&x, &y));
	return !more_x;
}

status extents_same(int a, int b, const char *path, bool *same)
{
	const size_t batch_size =
		sizeof(struct fiemap) + BATCH * sizeof(struct fiemap_extent);
	struct map x_map = {.fd = a}, y_map = {.fd = b};
	struct stat x, y;
	status rc = STATUS_OK;

	*same = false;
	if (fstat(a, &x) || fstat(b, &y))
		return status_errno(errno, "%s", path);
	if (x.st_size != y.st_size || x.st_dev != y.st_dev)
		return STATUS_OK;
	x_map.size = y_map.size = (uint64_t)x.st_size;
	x_map.batch = calloc(1, batch_size);
	y_map.batch = calloc(1, batch_size);
	if (x_map.batch && y_map.batch)
		*same = equal_maps(&x_map, &y_map);
	else
		rc = status_no_memory();
	free(x_map.batch);
	free(y_map.batch);
	return rc;
}

/* ---- sharing ---- */

static bool cannot_share(int err)
{
	return err == EOPNOTSUPP || err == ENOTTY || err == EXDEV || err == EINVAL ||
	       err == ENOSYS;
}

static status share_failed(int err, const char *path)
{
	if (cannot_share(err))
		return status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
			"%s: the file system cannot share extents between files", path);
	return status_errno(err, "%s: sharing its extents", path);
}

status extents_share(int fd, int source, const char *path)
{
	return step_share(fd, source) ? share_failed(errno, path) : STATUS_OK;
}

static status try_sharing(int dirfd, int fd, const char *path, bool *can)
{
	static const char block[4096] = {1};
	status rc = file_write_all(fd, block, sizeof(block), path);
	int other;

	if (failed(rc))
		return rc;
	rc = file_open_unlinked_at(dirfd, path, &other);
	if (failed(rc))
		return rc;
	if (step_share(other, fd) == 0)
		*can = true;
	else if (!cannot_share(errno))
		rc = status_errno(errno, "%s: sharing extents", path);
	(void)close(other);
	return rc;
}

status extents_can_share(int dirfd, const char *path, bool *can)
{
	int fd;
	status rc = file_open_unlinked_at(dirfd, path, &fd);

	*can = false;
	if (failed(rc))
		return rc;
	rc = try_sharing(dirfd, fd, path, can);
	(void)close(fd);
	return rc;
}
