/*
 * MaxIndex. Every change is made under a lock of its own, on a descriptor of its own, so
 * that neither processes nor threads can give one index out twice. The lock file keeps
 * the highest index with a hash: callers of a restore pass replace MaxIndex by an older
 * one while others may be giving out indexes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/file_step.h"
#include "base/hash.h"
#include "sis/store_lock.h"

#define INDEX_SIZE 8u
#define KEPT_SIZE  (2 * INDEX_SIZE) /* the index and its hash */

static status lock_index(const struct store *store, struct fork_close *lock)
{
	struct flock range = {.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = STORE_INDEX,
		.l_len = 1};
	status rc = store_lock_open(store, lock);
	int result;

	if (failed(rc))
		return rc;
	do
		result = fcntl(lock->fd, F_OFD_SETLKW, &range);
	while (result < 0 && errno == EINTR);
	if (result < 0) {
		rc = step_errno(errno, store->fd, STORE_LOCK);
		fork_close_end(lock);
	}
	return rc;
}

static status damaged(const struct store *store)
{
	return step_fail(STATUS_WIN32(ERROR_INVALID_DATA), store->fd, STORE_MAX_INDEX,
		"is damaged: it must hold 8 bytes, the highest link index");
}

static uint64_t load(const void *data)
{
	const uint8_t *p = data;
	uint64_t value = 0;

	for (unsigned i = 0; i < INDEX_SIZE; i++)
		value |= (uint64_t)p[i] << (8 * i);
	return value;
}

/* ---- the lock file's ---- */

/* 0 where nothing was kept yet. */
static uint64_t get_kept(int lock)
{
	uint8_t data[KEPT_SIZE];
	uint64_t index;

	if (pread(lock, data, sizeof(data), 0) != (ssize_t)sizeof(data))
		return 0;
	index = load(data);
	return load(data + INDEX_SIZE) == hash_bytes(data, INDEX_SIZE) &&
			       index <= STORE_INDEX_LIMIT
		       ? index
		       : 0;
}

static status keep_data(const struct store *store, int lock, const struct buffer *b)
{
	ssize_t written = step_pwrite(lock, b->data, b->size, 0);

	if (written == (ssize_t)b->size && step_sync(lock) == 0)
		return STATUS_OK;
	return step_errno(written >= 0 && (size_t)written != b->size ? ENOSPC : errno,
		store->fd, STORE_LOCK);
}

static status keep(const struct store *store, int lock, uint64_t index)
{
	struct buffer b = {0};
	status rc;

	buffer_u64(&b, index);
	if (!buffer_failed(&b))
		buffer_u64(&b, hash_bytes(b.data, b.size));
	rc = buffer_failed(&b) ? status_no_memory() : keep_data(store, lock, &b);
	buffer_free(&b);
	return rc;
}

/* ---- MaxIndex itself ---- */

status store_get_index(const struct store *store, uint64_t *index)
{
	char *data;
	size_t size;
	status rc =
		file_read_at(store->fd, STORE_MAX_INDEX, INDEX_SIZE, &data, &size, NULL);

	*index = 0;
	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		return STATUS_OK;
	if (rc == STATUS_WIN32(ERROR_FILE_TOO_LARGE))
		return damaged(store);
	if (failed(rc))
		return rc;
	if (size == INDEX_SIZE && load(data) <= STORE_INDEX_LIMIT)
		*index = load(data);
	else
		rc = damaged(store);
	free(data);
	return rc;
}

/* Kept first: what a crash leaves is too high at worst. */
static status put_index(const struct store *store, int lock, uint64_t index)
{
	struct buffer b = {0};
	status rc = keep(store, lock, index);

	if (failed(rc))
		return rc;
	buffer_u64(&b, index);
	rc = buffer_failed(&b)
		     ? status_no_memory()
		     : file_replace_at(store->fd, STORE_MAX_INDEX, b.data, b.size, 0600);
	buffer_free(&b);
	return rc;
}

/* Adds COUNT to MaxIndex; *FIRST is the first above what it was. */
static status add(const struct store *store, int lock, uint64_t count, uint64_t *first)
{
	const uint64_t kept = get_kept(lock);
	uint64_t index;
	status rc = store_get_index(store, &index);

	if (failed(rc))
		return rc;
	if (index < kept)
		index = kept;
	if (count > STORE_INDEX_LIMIT - index)
		return step_fail(STATUS_WIN32(ERROR_INVALID_STATE), store->fd,
			STORE_MAX_INDEX, "no link indexes are left");
	rc = put_index(store, lock, index + count);
	if (!failed(rc))
		*first = index + 1;
	return rc;
}

status store_next_indexes(const struct store *store, uint64_t count, uint64_t *first)
{
	struct fork_close lock;
	status rc = lock_index(store, &lock);

	*first = 0;
	if (failed(rc))
		return rc;
	rc = add(store, lock.fd, count, first);
	fork_close_end(&lock);
	return rc;
}

status store_next_index(const struct store *store, uint64_t *index)
{
	return store_next_indexes(store, 1, index);
}

static status raise(const struct store *store, int lock, uint64_t floor, bool repair)
{
	const uint64_t kept = get_kept(lock);
	uint64_t index;
	status rc = store_get_index(store, &index);

	if (floor > STORE_INDEX_LIMIT)
		floor = 0;
	if (floor < kept)
		floor = kept;
	if (repair && (rc == STATUS_WIN32(ERROR_INVALID_DATA) ||
			      (index > STORE_INDEX_CREDIBLE && index > kept)))
		return put_index(store, lock, floor);
	if (failed(rc) || index >= floor)
		return rc;
	return put_index(store, lock, floor);
}

static status raise_locked(const struct store *store, uint64_t floor, bool repair)
{
	struct fork_close lock;
	status rc = lock_index(store, &lock);

	if (failed(rc))
		return rc;
	rc = raise(store, lock.fd, floor, repair);
	fork_close_end(&lock);
	return rc;
}

status store_raise_index(const struct store *store, uint64_t floor)
{
	return raise_locked(store, floor, false);
}

status store_repair_index(const struct store *store, uint64_t floor)
{
	return raise_locked(store, floor, true);
}
