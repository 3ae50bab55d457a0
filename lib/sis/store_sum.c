/*
 * <guid>.sum: magic, size, content checksum, SHA-256, and a hash over all of it, numbers
 * little-endian.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/file_step.h"
#include "base/hash.h"
#include "base/sha256.h"
#include "sis/reparse.h"
#include "sis/store_lock.h"

#define MAGIC      "BKSUM 1\n"
#define MAGIC_SIZE (sizeof(MAGIC) - 1)
#define HASH_AT    (MAGIC_SIZE + 8 + 8 + SHA256_SIZE)
#define SUM_SIZE   (HASH_AT + 8)
#define READ_SIZE  ((size_t)256 * 1024)

static void sum_name(const uuid_t guid, char name[STORE_FILE_NAME_SIZE])
{
	_Static_assert(sizeof(STORE_SUM_SUFFIX) == sizeof(STORE_FILE_SUFFIX), "as long");
	store_file_name(guid, name);
	memcpy(name + STORE_GUID_LENGTH, STORE_SUM_SUFFIX, sizeof(STORE_SUM_SUFFIX));
}

static uint64_t load_u64(const char *p)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value |= (uint64_t)(uint8_t)p[i] << (8 * i);
	return value;
}

static bool decode(const char *data, size_t size, struct store_sum *sum)
{
	if (size != SUM_SIZE || memcmp(data, MAGIC, MAGIC_SIZE) != 0 ||
		load_u64(data + HASH_AT) != hash_bytes(data, HASH_AT))
		return false;
	sum->size = load_u64(data + MAGIC_SIZE);
	sum->content_checksum = load_u64(data + MAGIC_SIZE + 8);
	memcpy(sum->sha256, data + MAGIC_SIZE + 16, SHA256_SIZE);
	return true;
}

status store_get_sum(const struct store *store, const uuid_t guid, struct store_sum *sum)
{
	char name[STORE_FILE_NAME_SIZE], *data;
	size_t size;
	status rc;

	*sum = (struct store_sum){0};
	sum_name(guid, name);
	rc = file_read_at(store->fd, name, SUM_SIZE, &data, &size, NULL);
	if (failed(rc) && rc != STATUS_WIN32(ERROR_FILE_TOO_LARGE))
		return rc;
	if (failed(rc) || !decode(data, size, sum))
		rc = step_fail(STATUS_WIN32(ERROR_INVALID_DATA), store->fd, name,
			"is damaged: it is no record of a store file's content");
	free(data);
	return rc;
}

static status encode(const struct store_sum *sum, struct buffer *b)
{
	buffer_add(b, MAGIC, MAGIC_SIZE);
	buffer_u64(b, sum->size);
	buffer_u64(b, sum->content_checksum);
	buffer_add(b, sum->sha256, SHA256_SIZE);
	if (!buffer_failed(b))
		buffer_u64(b, hash_bytes(b->data, b->size));
	return buffer_failed(b) ? status_no_memory() : STATUS_OK;
}

status store_set_sum(
	const struct store *store, const uuid_t guid, const struct store_sum *sum)
{
	char name[STORE_FILE_NAME_SIZE];
	struct buffer b = {0};
	status rc = encode(sum, &b);

	sum_name(guid, name);
	if (!failed(rc))
		rc = file_replace_at(store->fd, name, b.data, b.size, 0600);
	buffer_free(&b);
	return rc;
}

static status write_temporary(
	const struct store *store, const char *name, const struct buffer *b)
{
	char temporary[NAME_MAX + 1];
	int fd;
	status rc = file_temporary_create(store->fd, name, 0600, temporary, &fd);

	if (failed(rc))
		return rc;
	rc = file_write_all(fd, b->data, b->size, name);
	if (close(fd) && !failed(rc))
		rc = step_errno(errno, store->fd, name);
	if (failed(rc))
		(void)step_unlink(store->fd, temporary);
	return rc;
}

status store_prepare_sum(
	const struct store *store, const uuid_t guid, const struct store_sum *sum)
{
	char name[STORE_FILE_NAME_SIZE];
	struct buffer b = {0};
	status rc = encode(sum, &b);

	sum_name(guid, name);
	if (!failed(rc))
		rc = write_temporary(store, name, &b);
	buffer_free(&b);
	return rc;
}

status store_put_prepared_sum(const struct store *store, const uuid_t guid)
{
	char name[STORE_FILE_NAME_SIZE], temporary[STORE_TEMPORARY_SIZE];

	sum_name(guid, name);
	store_temporary_name(name, temporary);
	return step_rename(store->fd, temporary, store->fd, name)
		       ? step_errno(errno, store->fd, name)
		       : STATUS_OK;
}

void store_cancel_sum(const struct store *store, const uuid_t guid)
{
	char name[STORE_FILE_NAME_SIZE], temporary[STORE_TEMPORARY_SIZE];

	sum_name(guid, name);
	store_temporary_name(name, temporary);
	(void)step_unlink(store->fd, temporary);
}

status store_remove_sum(const struct store *store, const uuid_t guid)
{
	char name[STORE_FILE_NAME_SIZE];

	sum_name(guid, name);
	return file_remove_at(store->fd, name);
}

static status compute(int fd, const char *path, uint8_t *buffer, struct store_sum *sum)
{
	struct content_checksum checksum = {0};
	struct sha256 sha;
	size_t got;
	status rc;

	sha256_begin(&sha);
	do {
		rc = file_pread(fd, buffer, READ_SIZE, sum->size, &got, path);
		if (failed(rc))
			return rc;
		sha256_add(&sha, buffer, got);
		content_checksum_add(&checksum, buffer, got);
		sum->size += got;
	} while (got == READ_SIZE);
	sha256_end(&sha, sum->sha256);
	sum->content_checksum = content_checksum_end(&checksum);
	return STATUS_OK;
}

status store_compute_sum_of(int fd, const char *path, struct store_sum *sum)
{
	uint8_t *buffer = malloc(READ_SIZE);
	status rc;

	*sum = (struct store_sum){0};
	rc = buffer ? compute(fd, path, buffer, sum) : status_no_memory();
	free(buffer);
	return rc;
}

status store_compute_sum(
	const struct store *store, const uuid_t guid, struct store_sum *sum)
{
	char name[STORE_FILE_NAME_SIZE];
	char *path;
	status rc;
	int fd;

	*sum = (struct store_sum){0};
	rc = store_open_file(store, guid, &fd);
	if (failed(rc))
		return rc;
	store_file_name(guid, name);
	path = store_path(store, name);
	rc = path ? store_compute_sum_of(fd, path, sum) : status_no_memory();
	free(path);
	(void)close(fd);
	return rc;
}
