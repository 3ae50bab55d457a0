/* Small copies lie 64 KiB apart as well: the holes between them take no disk space. */
#include "engine/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"

enum { SPOOL_ALIGNMENT = 64 << 10, COPY_BUFFER = 256 << 10 };

/* Far above any file, far below where the sums with it would overflow. */
static const uint64_t SPOOL_LIMIT = (uint64_t)1 << 62;

status spool_create(const char *dir, struct spool *spool)
{
	status rc;

	*spool = (struct spool){.fd = -1};
	spool->dir = strdup(dir);
	if (!spool->dir)
		return status_no_memory();
	rc = file_open_unlinked(dir, &spool->fd);
	if (failed(rc)) {
		spool->fd = -1;
		spool_free(spool);
	}
	return rc;
}

static status grow(struct spool *spool)
{
	size_t capacity = spool->capacity ? spool->capacity * 2 : 16;
	struct spool_entry *entries;

	if (spool->count < spool->capacity)
		return STATUS_OK;
	entries = reallocarray(spool->entries, capacity, sizeof(*entries));
	if (!entries)
		return status_no_memory();
	spool->entries = entries;
	spool->capacity = capacity;
	return STATUS_OK;
}

status spool_note(struct spool *spool, const char *path, uint64_t size)
{
	uint64_t end;
	char *copy;
	status rc;

	if (size > SPOOL_LIMIT || spool->end > SPOOL_LIMIT - size)
		return status_fail(STATUS_WIN32(ERROR_FILE_TOO_LARGE),
			"%s: too large for the spool", path);
	rc = grow(spool);
	if (failed(rc))
		return rc;
	copy = strdup(path);
	if (!copy)
		return status_no_memory();
	spool->entries[spool->count++] =
		(struct spool_entry){.path = copy, .offset = spool->end, .size = size};
	end = spool->end + size;
	spool->end = (end + SPOOL_ALIGNMENT - 1) / SPOOL_ALIGNMENT * SPOOL_ALIGNMENT;
	return STATUS_OK;
}

/* Where the file system can; where it cannot, or FD is not SIZE bytes long any more, there
 * is copying. (copy_file_range fills the page cache page by page, which costs each later
 * read 2 to 4 percent: tests/bench/bench_read.c.) */
static bool share_extents(const struct spool *spool, int fd, uint64_t size)
{
	struct file_clone_range range = {
		.src_fd = fd, .src_length = size, .dest_offset = spool->end};

	return size > 0 && ioctl(spool->fd, FICLONERANGE, &range) == 0;
}

static status copy_by_hand(
	struct spool *spool, const char *path, int fd, uint64_t size, uint64_t *copied)
{
	size_t buffer_size =
		size - *copied < COPY_BUFFER ? (size_t)(size - *copied) : COPY_BUFFER;
	char *buffer = malloc(buffer_size);
	status rc = STATUS_OK;

	if (!buffer)
		return status_no_memory();
	if (lseek(spool->fd, (off_t)(spool->end + *copied), SEEK_SET) < 0) {
		rc = status_errno(errno, "%s: spool", spool->dir);
		goto out;
	}
	while (*copied < size) {
		uint64_t left = size - *copied;
		size_t got;

		rc = file_pread(fd, buffer,
			left < buffer_size ? (size_t)left : buffer_size, *copied, &got,
			path);
		if (failed(rc) || got == 0)
			goto out;
		rc = file_write_all(spool->fd, buffer, got, spool->dir);
		if (failed(rc))
			goto out;
		*copied += got;
	}
out:
	free(buffer);
	return rc;
}

status spool_copy(
	struct spool *spool, const char *path, int fd, uint64_t size, uint64_t *copied)
{
	status rc = STATUS_OK;

	*copied = 0;
	if (size > SPOOL_LIMIT || spool->end > SPOOL_LIMIT - size)
		return status_fail(STATUS_WIN32(ERROR_FILE_TOO_LARGE),
			"%s: too large for the spool", path);
	if (share_extents(spool, fd, size))
		*copied = size;
	else if (size > 0)
		rc = copy_by_hand(spool, path, fd, size, copied);
	if (!failed(rc))
		rc = spool_note(spool, path, *copied);
	if (failed(rc))
		*copied = 0;
	return rc;
}

status spool_copy_whole(struct spool *spool, const char *path, int fd)
{
	struct stat st;
	uint64_t copied;
	status rc;

	if (fstat(fd, &st) < 0)
		return status_errno(errno, "%s", path);
	rc = spool_copy(spool, path, fd, (uint64_t)st.st_size, &copied);
	if (!failed(rc) && copied != (uint64_t)st.st_size)
		rc = status_fail(STATUS_WIN32(ERROR_BUSY),
			"%s: cut short while it was copied", path);
	return rc;
}

status spool_copy_file(struct spool *spool, const char *path)
{
	struct stat st;
	int fd;
	status rc = file_open_regular(path, FILE_TRUSTED, &fd, &st);

	if (failed(rc))
		return rc;
	rc = spool_copy_whole(spool, path, fd);
	(void)close(fd);
	return rc;
}

static void forget_entries(struct spool *spool)
{
	for (size_t i = 0; i < spool->count; i++)
		free(spool->entries[i].path);
	spool->count = 0;
	spool->end = 0;
	spool_close(spool);
}

status spool_reset(struct spool *spool)
{
	forget_entries(spool);
	if (ftruncate(spool->fd, 0) < 0)
		return status_errno(errno, "%s: spool", spool->dir);
	return STATUS_OK;
}

static int compare_entries(const void *a, const void *b)
{
	const struct spool_entry *left = a, *right = b;

	return strcmp(left->path, right->path);
}

void spool_seal(struct spool *spool)
{
	if (spool->count)
		qsort(spool->entries, spool->count, sizeof(*spool->entries),
			compare_entries);
	/* Counts for the whole open file, also in another process; only advice. */
	(void)posix_fadvise(spool->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
}

status spool_list(const struct spool *spool, struct engine_files *files)
{
	for (size_t i = 0; i < spool->count; i++) {
		const struct spool_entry *entry = &spool->entries[i];
		status rc = engine_files_add(
			files, entry->path, ENGINE_DATABASE, 0, entry->size);

		if (failed(rc))
			return rc;
	}
	return STATUS_OK;
}

static int compare_path(const void *path, const void *entry)
{
	return strcmp(path, ((const struct spool_entry *)entry)->path);
}

status spool_open(struct spool *spool, const char *path, uint64_t *size)
{
	const struct spool_entry *entry = NULL;

	*size = 0;
	spool_close(spool);
	if (spool->count)
		entry = bsearch(
			path, spool->entries, spool->count, sizeof(*entry), compare_path);
	if (!entry)
		return status_fail(
			STATUS_WIN32(ERROR_FILE_NOT_FOUND), "%s: not in the spool", path);
	spool->open = entry;
	spool->position = 0;
	*size = entry->size;
	return STATUS_OK;
}

status spool_read(struct spool *spool, void *buffer, size_t size, size_t *got)
{
	const struct spool_entry *entry = spool->open;
	uint64_t left;
	status rc;

	*got = 0;
	if (!entry)
		return status_fail(hrInvalidHandle, "spool: no file is open");
	left = entry->size - spool->position;
	if (size > left)
		size = (size_t)left;
	if (size == 0)
		return STATUS_OK;
	rc = file_pread(spool->fd, buffer, size, entry->offset + spool->position, got,
		entry->path);
	if (failed(rc))
		return rc;
	if (*got != size) {
		*got = 0;
		return status_fail(hrReadVerifyFailure, "%s: bytes of its copy are gone",
			entry->path);
	}
	spool->position += size;
	return STATUS_OK;
}

void spool_close(struct spool *spool)
{
	spool->open = NULL;
	spool->position = 0;
}

void spool_free(struct spool *spool)
{
	forget_entries(spool);
	free(spool->entries);
	free(spool->dir);
	if (spool->fd >= 0)
		(void)close(spool->fd);
	*spool = (struct spool){.fd = -1};
}
