/*
 * A link that shares its store file's extents has all its content: without the two
 * attributes it is a plain file, and what it shares stays copy-on-write. One without data
 * is replaced, in one step, by a copy with its content: were it filled itself, a crash
 * would leave half of it.
 */
#include "sis/care_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"
#include "base/file_attributes.h"
#include "base/file_copy.h"
#include "base/file_step.h"
#include "base/file_temporary.h"
#include "sis/care_lease.h"
#include "sis/extents.h"
#include "sis/vouch.h"

/* A link in its directory; FD is -1 on NTFS, where nothing can open it. */
struct bare {
	const struct care_run *run;
	int dirfd, fd;
	const char *name;
	const struct link_state *state;
};

/* ---- with content ---- */

static status strip(const struct care_run *run, int dirfd, const char *name)
{
	struct stat st;
	int fd;
	status rc = care_open_at(dirfd, name, &fd, &st);

	if (failed(rc))
		return rc;
	rc = vouch_forget(fd, name);
	if (!failed(rc))
		rc = volume_remove_reparse(run->volume, dirfd, name);
	if (!failed(rc) && step_sync(fd))
		rc = step_errno(errno, dirfd, name);
	(void)close(fd);
	return rc;
}

/* ---- without ---- */

/* The store file of the link, which must have its recorded content. */
static status open_content(const struct bare *bare, int *source, struct store_sum *sum)
{
	const struct store *store = bare->run->store;
	const uint8_t *guid = bare->state->link.store_file;
	struct store_sum recorded;
	status rc = store_compute_sum(store, guid, sum);

	*source = -1;
	if (failed(rc))
		return rc;
	rc = store_get_sum(store, guid, &recorded);
	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		recorded = *sum;
	else if (failed(rc))
		return rc;
	if (recorded.size != sum->size || memcmp(recorded.sha256, sum->sha256, 32) != 0)
		return step_fail(STATUS_WIN32(ERROR_CRC), bare->dirfd, bare->name,
			"its common-store file is damaged");
	return store_open_file(store, guid, source);
}

static status copy_content(const struct bare *bare, int fd)
{
	struct store_sum sum;
	int source, err = 0;
	status rc = open_content(bare, &source, &sum);

	if (failed(rc))
		return rc;
	rc = extents_share(fd, source, bare->name);
	if (rc == STATUS_WIN32(ERROR_NOT_SUPPORTED)) {
		rc = STATUS_OK;
		err = file_copy_content(source, fd, (off_t)sum.size);
	}
	(void)close(source);
	return err ? step_errno(err, bare->dirfd, bare->name) : rc;
}

/* What ntfs-3g keeps of owner, rights and times, of a file that cannot be opened. */
static status copy_ntfs_attribute(
	const struct bare *bare, const char *temporary, const char *attribute)
{
	uint8_t value[4096];
	char path[PATH_MAX];
	ssize_t size;

	if (step_proc_path(bare->dirfd, bare->name, path))
		return step_errno(errno, bare->dirfd, bare->name);
	size = lgetxattr(path, attribute, value, sizeof(value));
	if (size < 0 && errno == ENODATA)
		return STATUS_OK;
	if (size < 0 || step_set_attribute_at(
				bare->dirfd, temporary, attribute, value, (size_t)size))
		return step_errno(errno, bare->dirfd, bare->name);
	return STATUS_OK;
}

static status copy_attributes(const struct bare *bare, int fd, const char *temporary)
{
	status rc;

	if (bare->fd < 0) {
		rc = copy_ntfs_attribute(bare, temporary, "system.ntfs_acl");
		return failed(rc) ? rc
				  : copy_ntfs_attribute(
					    bare, temporary, "system.ntfs_times");
	}
	rc = file_copy_attributes(bare->fd, &bare->state->st, fd, bare->name);
	if (!failed(rc))
		rc = vouch_forget(fd, temporary);
	return failed(rc)
		       ? rc
		       : volume_remove_reparse(bare->run->volume, bare->dirfd, temporary);
}

static status check_unchanged(const struct bare *bare)
{
	const struct stat *before = &bare->state->st;
	struct stat st;

	if (fstatat(bare->dirfd, bare->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		st.st_ino == before->st_ino && st.st_size == before->st_size &&
		st.st_ctim.tv_sec == before->st_ctim.tv_sec &&
		st.st_ctim.tv_nsec == before->st_ctim.tv_nsec)
		return STATUS_OK;
	return step_fail(STATUS_WIN32(ERROR_SHARING_VIOLATION), bare->dirfd, bare->name,
		"changed meanwhile");
}

static status fill_copy(const struct bare *bare, int fd, const char *temporary)
{
	status rc = copy_content(bare, fd);

	if (!failed(rc))
		rc = copy_attributes(bare, fd, temporary);
	if (!failed(rc) && step_sync(fd))
		rc = step_errno(errno, bare->dirfd, temporary);
	return failed(rc) ? rc : check_unchanged(bare);
}

static status replace(const struct bare *bare)
{
	char temporary[NAME_MAX + 1];
	int fd;
	status rc = file_temporary_create(bare->dirfd, bare->name, 0600, temporary, &fd);

	if (failed(rc))
		return rc;
	rc = fill_copy(bare, fd, temporary);
	(void)close(fd);
	if (!failed(rc) && step_rename(bare->dirfd, temporary, bare->dirfd, bare->name))
		rc = step_errno(errno, bare->dirfd, bare->name);
	if (failed(rc)) {
		(void)step_unlink(bare->dirfd, temporary);
		return rc;
	}
	return file_sync_dir(bare->dirfd, bare->name);
}

static status replace_leased(struct bare *bare)
{
	struct stat st;
	bool leased = false;
	status rc;

	if (bare->run->volume->kind == VOLUME_NTFS)
		return replace(bare);
	rc = care_open_at(bare->dirfd, bare->name, &bare->fd, &st);
	if (failed(rc))
		return rc;
	rc = care_lease_take(bare->fd, bare->name, &leased);
	if (!failed(rc))
		rc = replace(bare);
	if (leased)
		care_lease_end(bare->fd);
	(void)close(bare->fd);
	return rc;
}

/* The content comes from the store: only for a link that may have it. */
static status fill(const struct care_run *run, int dirfd, const char *name,
	const struct link_state *state)
{
	struct bare bare = {
		.run = run, .dirfd = dirfd, .fd = -1, .name = name, .state = state};

	if (!vouch_is_link(state))
		return step_fail(STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT), dirfd, name,
			"is no link that anybody vouches for");
	if (!state->store_file)
		return step_fail(STATUS_WIN32(ERROR_FILE_NOT_FOUND), dirfd, name,
			"its common-store file, which has its content, is missing");
	if (state->st.st_nlink > 1)
		return step_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED), dirfd, name,
			"a link without data of its own that has several names cannot be "
			"replaced under all of them in one step");
	return replace_leased(&bare);
}

/* ---- both ---- */

static status unlink_at(const struct care_run *run, int dirfd, const char *name)
{
	struct link_state state;
	status rc = vouch_look(run->store, dirfd, name, &state);

	/* Damaged reparse data of a file that has its content is only in the way. */
	if (rc == STATUS_WIN32(ERROR_INVALID_REPARSE_DATA) && S_ISREG(state.st.st_mode) &&
		state.st.st_blocks > 0 && run->volume->kind == VOLUME_POSIX)
		return strip(run, dirfd, name);
	if (rc == STATUS_WIN32(ERROR_REPARSE_TAG_MISMATCH))
		return step_fail(STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT), dirfd, name,
			"its reparse point is no single-instance link's");
	if (failed(rc))
		return rc;
	if (state.unfinished)
		return step_fail(
			STATUS_WIN32(ERROR_FILE_CORRUPT), dirfd, name, VOUCH_UNFINISHED);
	if (!state.bare || state.st.st_size == 0)
		return strip(run, dirfd, name);
	return fill(run, dirfd, name, &state);
}

static status unlink_path(const struct care_run *run, const char *path)
{
	const char *name;
	int dirfd;
	status rc = care_need_store(run);

	if (!failed(rc))
		rc = store_pin(run->store);
	if (!failed(rc))
		rc = volume_open_parent(run->volume, path, &dirfd, &name);
	if (failed(rc))
		return rc;
	rc = unlink_at(run, dirfd, name);
	(void)close(dirfd);
	return rc;
}

status sis_unlink(const char *root, const char *path)
{
	struct backupapi_sis_summary summary = {0};
	const struct sis_care care = {.summary = &summary};
	struct care_run run;
	status rc = care_begin(root, &care, &run);

	if (!failed(rc))
		rc = unlink_path(&run, path);
	care_end(&run);
	return rc;
}
