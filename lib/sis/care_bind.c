/*
 * A link is made on the file's own inode, so that there is nothing to replace and nothing
 * to lose: the kernel compares the file with the store file and shares the extents of what
 * is equal, both locked (FIDEDUPERANGE); the content is the same before, during and
 * after it. Then two attributes are added, and only both of them together make a link: a
 * crash in between leaves the plain file. Name, owner, mode, times, ACLs, attributes and
 * other names of the file are never touched.
 *
 * What has to be ruled out is a write between the comparison and the record, which would
 * then take the new content for the link's. A lease keeps writers waiting for so long.
 * Where none is to be had, everything is compared again after the record was made: what was
 * written before it is found by that, and what is written later changes mtime and ctime,
 * by which the record no longer holds.
 */
#include "sis/care_bind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file_step.h"
#include "sis/care_lease.h"
#include "sis/vouch.h"

#define PIECE_SIZE ((uint64_t)16 << 20)

/* The file, in its directory. */
struct target {
	int dirfd, fd;
	const char *name;
	char *path; /* the whole, for messages */
	struct stat st;
};

static status changed(const struct target *target, const char *how)
{
	return step_fail(
		STATUS_WIN32(ERROR_SHARING_VIOLATION), target->dirfd, target->name, how);
}

/* ---- opening ---- */

static void close_target(const struct target *target)
{
	if (target->fd >= 0)
		(void)close(target->fd);
	(void)close(target->dirfd);
	free(target->path);
}

static status open_target(
	const struct care_run *run, const struct care_item *item, struct target *target)
{
	status rc = volume_open_parent(
		run->volume, item->path, &target->dirfd, &target->name);

	if (failed(rc))
		return rc;
	target->path = care_path(run, item->path);
	rc = target->path
		     ? care_open_at(target->dirfd, target->name, &target->fd, &target->st)
		     : status_no_memory();
	if (!failed(rc) && (target->st.st_ino != item->inode ||
				   (uint64_t)target->st.st_size != item->size))
		rc = changed(target, "changed meanwhile");
	if (failed(rc))
		close_target(target);
	return rc;
}

/* ---- content ---- */

/* The last piece ends where both files end, so that their last blocks are shared too. */
static status share(const struct supply *supply, const struct target *target)
{
	const uint64_t size = supply->sum.size;
	uint64_t offset = 0;

	while (offset < size) {
		uint64_t left = size - offset;
		ssize_t shared = step_share_equal(target->fd, supply->fd, (off_t)offset,
			(size_t)(left < PIECE_SIZE ? left : PIECE_SIZE));

		if (shared < 0 && errno == EILSEQ)
			return changed(target, "changed meanwhile");
		if (shared < 0)
			return step_errno(errno, target->dirfd, target->name);
		if (shared == 0)
			return step_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED), target->dirfd,
				target->name, "the file system does not share all of it");
		offset += (uint64_t)shared;
	}
	return STATUS_OK;
}

/* ---- attributes ---- */

static status add_attributes(const struct care_run *run, const struct supply *supply,
	const struct target *target, uint64_t index)
{
	struct sis_link link = {.reserved = REPARSE_MARK,
		.index = index,
		.link_file_id = target->st.st_ino,
		.store_file_id = supply->inode,
		.content_checksum = supply->sum.content_checksum};
	uint8_t reparse[REPARSE_SIZE];
	status rc;

	uuid_copy(link.store_file, supply->guid);
	reparse_build(&link, reparse);
	rc = volume_set_reparse(
		run->volume, target->dirfd, target->name, reparse, sizeof(reparse));
	if (failed(rc))
		return rc;
	return vouch_record(run->store, target->fd, target->path, reparse);
}

/* Does the name still mean this file? */
static bool is_there(const struct target *target)
{
	struct stat st;

	return fstatat(target->dirfd, target->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_dev == target->st.st_dev && st.st_ino == target->st.st_ino &&
	       st.st_size == target->st.st_size;
}

/* Without the record, which goes first, nothing is a link. What is pending explains why
 * they are removed, and stays unless that fails too. */
static void remove_attributes(const struct care_run *run, const struct target *target)
{
	(void)vouch_forget(target->fd, target->name);
	if (is_there(target))
		(void)volume_remove_reparse(run->volume, target->dirfd, target->name);
}

static status check_unchanged(
	const struct supply *supply, const struct target *target, bool leased)
{
	if (leased && !care_lease_is_whole(target->fd))
		return changed(target, "somebody wants to write to it");
	if (!is_there(target))
		return changed(target, "changed meanwhile");
	return leased ? STATUS_OK : share(supply, target);
}

/* ---- all of it ---- */

static status bind_target(const struct care_run *run, const struct supply *supply,
	const struct target *target, uint64_t index)
{
	bool leased;
	status rc = care_lease_take(target->fd, target->name, &leased);

	if (failed(rc))
		return rc;
	rc = share(supply, target);
	if (!failed(rc)) {
		rc = add_attributes(run, supply, target, index);
		if (!failed(rc))
			rc = check_unchanged(supply, target, leased);
		if (failed(rc))
			remove_attributes(run, target);
	}
	if (leased)
		care_lease_end(target->fd);
	return rc;
}

status care_bind(const struct care_run *run, const struct supply *supply,
	const struct care_item *item, uint64_t index)
{
	struct target target = {.fd = -1};
	status rc = open_target(run, item, &target);

	if (failed(rc))
		return rc;
	rc = supply_may_have(run, item, &target.st);
	if (!failed(rc))
		rc = bind_target(run, supply, &target, index);
	close_target(&target);
	return rc;
}
