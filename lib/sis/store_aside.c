/*
 * A rename is all that sets a store file aside and brings it back, so that a crash leaves
 * it under one of its two names. Its sum keeps its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/file_step.h"
#include "sis/store_lock.h"

#define DAMAGED STORE_DAMAGED_SUFFIX

static void aside_name(const uuid_t guid, char name[STORE_ASIDE_NAME_SIZE])
{
	uuid_unparse_lower(guid, name);
	memcpy(name + STORE_GUID_LENGTH, STORE_ASIDE_SUFFIX, sizeof(STORE_ASIDE_SUFFIX));
}

bool store_is_aside(const struct store *store, const uuid_t guid)
{
	char name[STORE_ASIDE_NAME_SIZE];
	struct stat st;

	aside_name(guid, name);
	return fstatat(store->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

status store_set_aside(const struct store *store, const uuid_t guid)
{
	char from[STORE_FILE_NAME_SIZE], to[STORE_ASIDE_NAME_SIZE];

	store_file_name(guid, from);
	aside_name(guid, to);
	if (step_rename_new(store->fd, from, store->fd, to) == 0)
		return STATUS_OK;
	return step_errno(errno, store->fd, from);
}

/* Another process may have brought it back since it was seen aside. */
status store_bring_back(const struct store *store, const uuid_t guid)
{
	char from[STORE_ASIDE_NAME_SIZE], to[STORE_FILE_NAME_SIZE];
	struct stat st;

	aside_name(guid, from);
	store_file_name(guid, to);
	if (fstatat(store->fd, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return STATUS_OK;
	if (!store_is_aside(store, guid))
		return step_errno(ENOENT, store->fd, to);
	if (step_rename_new(store->fd, from, store->fd, to) == 0)
		return file_sync_dir(store->fd, STORE_NAME);
	if (errno == EEXIST || (errno == ENOENT && fstatat(store->fd, to, &st,
							   AT_SYMLINK_NOFOLLOW) == 0))
		return STATUS_OK;
	return step_errno(errno, store->fd, to);
}

/* The file first: a lone sum is known for what it is. */
status store_remove_aside(const struct store *store, const uuid_t guid, bool *removed)
{
	char name[STORE_ASIDE_NAME_SIZE];

	aside_name(guid, name);
	*removed = step_unlink(store->fd, name) == 0;
	if (*removed)
		return store_remove_sum(store, guid);
	return errno == ENOENT ? STATUS_OK : step_errno(errno, store->fd, name);
}

status store_forget_aside(const struct store *store, const uuid_t guid)
{
	char name[STORE_ASIDE_NAME_SIZE];

	aside_name(guid, name);
	if (step_unlink(store->fd, name) && errno != ENOENT)
		return step_errno(errno, store->fd, name);
	return STATUS_OK;
}

status store_set_damaged(const struct store *store, const uuid_t guid)
{
	char from[STORE_FILE_NAME_SIZE], to[STORE_GUID_LENGTH + sizeof(DAMAGED)];

	store_file_name(guid, from);
	memcpy(to, from, STORE_GUID_LENGTH);
	memcpy(to + STORE_GUID_LENGTH, DAMAGED, sizeof(DAMAGED));
	if (step_rename(store->fd, from, store->fd, to))
		return step_errno(errno, store->fd, from);
	return file_sync_dir(store->fd, STORE_NAME);
}

/* Without a record nothing speaks against it. */
static status is_right(const struct store *store, const uuid_t guid, bool *right)
{
	struct store_sum recorded, sum;
	status rc = store_compute_sum(store, guid, &sum);

	*right = true;
	if (failed(rc))
		return rc;
	rc = store_get_sum(store, guid, &recorded);
	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND) ||
		rc == STATUS_WIN32(ERROR_INVALID_DATA))
		return STATUS_OK;
	*right = recorded.size == sum.size &&
		 memcmp(recorded.sha256, sum.sha256, sizeof(sum.sha256)) == 0;
	return rc;
}

status store_settle_aside(const struct store *store, const uuid_t guid)
{
	char name[STORE_ASIDE_NAME_SIZE];
	bool right;
	status rc = is_right(store, guid, &right);

	aside_name(guid, name);
	if (failed(rc))
		return rc;
	if (right)
		return file_remove_at(store->fd, name);
	rc = store_set_damaged(store, guid);
	return failed(rc) ? rc : store_bring_back(store, guid);
}
