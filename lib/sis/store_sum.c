/*
 * Files <guid>.sum: what is in them is for sum_record.c to say.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_step.h"
#include "base/sha256.h"
#include "sis/reparse.h"
#include "sis/store_lock.h"

#define READ_SIZE ((size_t)256 * 1024)

static void sum_name(const uuid_t guid, char name[STORE_FILE_NAME_SIZE])
{
	_Static_assert(sizeof(STORE_SUM_SUFFIX) == sizeof(STORE_FILE_SUFFIX), "as long");
	store_file_name(guid, name);
	memcpy(name + STORE_GUID_LENGTH, STORE_SUM_SUFFIX, sizeof(STORE_SUM_SUFFIX));
}

status store_get_sum(const struct store *store, const uuid_t guid, struct store_sum *sum)
{
	char name[STORE_FILE_NAME_SIZE], *data;
	size_t size;
	status rc;

	*sum = (struct store_sum){0};
	sum_name(guid, name);
	rc = file_read_at(store->fd, name, SUM_RECORD_SIZE, &data, &size, NULL);
	if (failed(rc) && rc != STATUS_WIN32(ERROR_FILE_TOO_LARGE))
		return rc;
	if (failed(rc) || !sum_record_decode(data, size, sum))
		rc = step_fail(STATUS_WIN32(ERROR_INVALID_DATA), store->fd, name,
			"is damaged: it is no record of a store file's content");
	free(data);
	return rc;
}

status store_set_sum(
	const struct store *store, const uuid_t guid, const struct store_sum *sum)
{
	char name[STORE_FILE_NAME_SIZE];
	uint8_t record[SUM_RECORD_SIZE];

	sum_name(guid, name);
	sum_record_encode(sum, record);
	return file_replace_at(store->fd, name, record, sizeof(record), 0600);
}

static status write_temporary(
	const struct store *store, const char *name, const struct store_sum *sum)
{
	char temporary[NAME_MAX + 1], *path;
	uint8_t record[SUM_RECORD_SIZE];
	int fd;
	status rc = file_temporary_create(store->fd, name, 0600, temporary, &fd);

	if (failed(rc))
		return rc;
	sum_record_encode(sum, record);
	path = store_path(store, name);
	rc = path ? file_write_all(fd, record, sizeof(record), path) : status_no_memory();
	free(path);
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

	sum_name(guid, name);
	return write_temporary(store, name, sum);
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
