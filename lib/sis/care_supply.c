/*
 * A store file has its name only when its content is complete and on the disk, and links
 * are made only when its sum is there too. What a crash leaves before is a temporary file
 * or a file without links, which link and gc remove. Syncing each by itself, and each of
 * its sums and names, takes longer than all the rest: steps are made for many at a time.
 */
#include "sis/care_supply.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_step.h"
#include "sis/extents.h"
#include "sis/store_lock.h"

static bool same_sum(const struct store_sum *a, const struct store_sum *b)
{
	return a->size == b->size && a->content_checksum == b->content_checksum &&
	       memcmp(a->sha256, b->sha256, sizeof(a->sha256)) == 0;
}

status supply_may_have(
	const struct care_run *run, const struct care_item *item, const struct stat *st)
{
	const uid_t owner = run->store->owner;

	if (owner != 0 && st->st_uid != owner)
		return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"%s/%s: does not belong to the common store's owner, who could "
			"read what is in the store",
			run->volume->root, item->path);
	if (geteuid() != 0 && (st->st_uid != owner || (st->st_mode & 022)))
		return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"%s/%s: only root can make a link of a file that others than the "
			"common store's owner may write",
			run->volume->root, item->path);
	return STATUS_OK;
}

/* ---- one that is there ---- */

static status check_sum(const struct care_run *run, struct supply *supply)
{
	struct store_sum recorded;
	status rc = store_compute_sum(run->store, supply->guid, &supply->sum);

	if (failed(rc))
		return rc;
	rc = store_get_sum(run->store, supply->guid, &recorded);
	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		return store_set_sum(run->store, supply->guid, &supply->sum);
	if (failed(rc) || same_sum(&recorded, &supply->sum))
		return rc;
	return status_fail(STATUS_WIN32(ERROR_CRC),
		"%s/%s: is damaged: it has not the content that is recorded for it",
		run->volume->root, supply->path);
}

status supply_open(const struct care_run *run, struct supply *supply)
{
	struct stat st;
	status rc = store_open_file(run->store, supply->guid, &supply->fd);

	if (failed(rc))
		return rc;
	if (fstat(supply->fd, &st))
		return status_errno(errno, "%s/%s", run->volume->root, supply->path);
	supply->inode = st.st_ino;
	return STATUS_OK;
}

/* Without a GUID: the caller sets it. */
static status begin(struct supply *supply, const char *name)
{
	supply->path = care_store_path(name);
	return supply->path ? STATUS_OK : status_no_memory();
}

status supply_use(
	const struct care_run *run, const struct care_item *item, struct supply *supply)
{
	const char *name = strrchr(item->path, '/') + 1;
	status rc;

	*supply = (struct supply){.fd = -1};
	if (!store_parse_name(name, supply->guid))
		return status_fail(STATUS_WIN32(ERROR_INVALID_NAME),
			"%s: is not the name of a store file", name);
	rc = begin(supply, name);
	if (!failed(rc))
		rc = supply_open(run, supply);
	if (!failed(rc))
		rc = check_sum(run, supply);
	if (failed(rc))
		supply_close(supply);
	return rc;
}

/* ---- a new one ---- */

static status fill(const struct care_run *run, int fd, int source, const char *path)
{
	struct stat st;
	status rc = extents_share(fd, source, path);

	if (failed(rc))
		return rc;
	if (fstat(fd, &st) || (st.st_uid != run->store->owner &&
				      step_chown(fd, run->store->owner, st.st_gid)))
		return status_errno(errno, "%s", path);
	return STATUS_OK;
}

static status compute_sum(
	const struct care_run *run, const char *temporary, struct supply *supply)
{
	int fd = openat(run->store->fd, temporary, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	status rc;

	if (fd < 0)
		return step_errno(errno, run->store->fd, temporary);
	rc = store_compute_sum_of(fd, supply->path, &supply->sum);
	(void)close(fd);
	return failed(rc) ? rc
			  : store_prepare_sum(run->store, supply->guid, &supply->sum);
}

static status put_content(
	const struct care_run *run, int source, const char *name, struct supply *supply)
{
	const int dirfd = run->store->fd;
	char temporary[NAME_MAX + 1];
	char *path = store_path(run->store, name);
	status rc;
	int fd;

	if (!path)
		return status_no_memory();
	rc = file_temporary_create(dirfd, name, 0600, temporary, &fd);
	if (failed(rc)) {
		free(path);
		return rc;
	}
	rc = fill(run, fd, source, path);
	(void)close(fd);
	free(path);
	if (!failed(rc))
		rc = compute_sum(run, temporary, supply);
	if (failed(rc))
		(void)step_unlink(dirfd, temporary);
	return rc;
}

static status prepare(const struct care_run *run, const struct care_item *item,
	struct supply *supply, const char *name)
{
	struct stat st;
	int source;
	status rc = care_item_open(run, item, &source, &st);

	if (failed(rc))
		return rc;
	rc = supply_may_have(run, item, &st);
	if (!failed(rc))
		rc = put_content(run, source, name, supply);
	(void)close(source);
	return rc;
}

status supply_prepare(
	const struct care_run *run, const struct care_item *item, struct supply *supply)
{
	char name[STORE_FILE_NAME_SIZE];
	status rc;

	*supply = (struct supply){.fd = -1};
	uuid_generate_time(supply->guid);
	store_file_name(supply->guid, name);
	rc = begin(supply, name);
	if (!failed(rc))
		rc = prepare(run, item, supply, name);
	if (failed(rc))
		supply_close(supply);
	return rc;
}

/* The sum last: one that is there is right. */
status supply_name(const struct care_run *run, const struct supply *supply)
{
	char name[STORE_FILE_NAME_SIZE], temporary[STORE_TEMPORARY_SIZE];

	store_file_name(supply->guid, name);
	store_temporary_name(name, temporary);
	if (step_rename_new(run->store->fd, temporary, run->store->fd, name))
		return step_errno(errno, run->store->fd, name);
	return store_put_prepared_sum(run->store, supply->guid);
}

void supply_cancel(const struct care_run *run, const struct supply *supply)
{
	char name[STORE_FILE_NAME_SIZE], temporary[STORE_TEMPORARY_SIZE];

	store_file_name(supply->guid, name);
	store_temporary_name(name, temporary);
	(void)step_unlink(run->store->fd, temporary);
	store_cancel_sum(run->store, supply->guid);
}

/* What is pending explains RC, where that is a failure, and must stay. */
void supply_discard(const struct care_run *run, const struct supply *supply, status rc)
{
	char name[STORE_FILE_NAME_SIZE];
	char *text = failed(rc) ? strdup(status_pending()) : NULL;

	store_file_name(supply->guid, name);
	if (!failed(store_exclude(run->store)) &&
		!failed(store_remove_sum(run->store, supply->guid)))
		(void)file_remove_at(run->store->fd, name);
	(void)store_pin(run->store);
	if (text)
		(void)status_fail(rc, "%s", text);
	free(text);
}

void supply_close(struct supply *supply)
{
	if (supply->fd >= 0)
		(void)close(supply->fd);
	supply->fd = -1;
	free(supply->path);
	supply->path = NULL;
}
