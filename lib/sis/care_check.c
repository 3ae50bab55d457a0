/*
 * Store files first, so that the links to a damaged one can be named in the walk that
 * follows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "sis/care_need.h"

#define READ_SIZE ((size_t)256 * 1024)

struct check {
	struct stored_files files;
	uint64_t max_index;
	bool index_known;
};

/* ---- store files ---- */

static status stored_damaged(
	struct care_run *run, struct stored_file *file, const char *reason)
{
	char name[STORE_FILE_NAME_SIZE], *path;
	status rc;

	file->damaged = true;
	store_file_name(file->guid, name);
	path = care_store_path(name);
	rc = path ? care_damaged(run, path, reason) : status_no_memory();
	free(path);
	return rc;
}

/* After a failure that only concerns this file; others are passed on. */
static status stored_unreadable(struct care_run *run, struct stored_file *file, status rc)
{
	char *reason;

	if (rc == STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY) ||
		rc == STATUS_WIN32(ERROR_TOO_MANY_OPEN_FILES))
		return rc;
	reason = strdup(status_pending());
	rc = reason ? stored_damaged(run, file, reason) : status_no_memory();
	free(reason);
	return rc;
}

static status check_sum(struct care_run *run, struct stored_file *file)
{
	struct store_sum sum, recorded;
	status rc = store_compute_sum(run->store, file->guid, &sum);

	if (failed(rc))
		return stored_unreadable(run, file, rc);
	rc = store_get_sum(run->store, file->guid, &recorded);
	/* Windows records none. */
	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		return STATUS_OK;
	if (failed(rc))
		return stored_unreadable(run, file, rc);
	if (sum.size != recorded.size)
		return stored_damaged(run, file, "is not as long as is recorded for it");
	if (memcmp(sum.sha256, recorded.sha256, sizeof(sum.sha256)) != 0 ||
		sum.content_checksum != recorded.content_checksum)
		return stored_damaged(
			run, file, "has not the content that is recorded for it");
	return STATUS_OK;
}

static status check_stored(struct care_run *run, void *context, struct stored_file *file)
{
	status rc;

	(void)context;
	rc = file->regular ? check_sum(run, file)
			   : stored_damaged(run, file,
				     "is not a regular file of the common store's owner");
	return failed(rc) ? rc : care_progress(run, file->size);
}

static status add_size(struct care_run *run, void *context, struct stored_file *file)
{
	(void)context;
	run->total_bytes += file->size;
	return STATUS_OK;
}

static status report_orphan(struct care_run *run, void *context, struct stored_file *file)
{
	char name[STORE_FILE_NAME_SIZE], *path;
	status rc;

	(void)context;
	if (file->needed || !file->regular)
		return STATUS_OK;
	store_file_name(file->guid, name);
	path = care_store_path(name);
	if (!path)
		return status_no_memory();
	run->care->summary->orphaned++;
	rc = care_tell(run, BACKUPAPI_SIS_ORPHANED, path, NULL, NULL, file->size);
	free(path);
	return rc;
}

/* ---- links ---- */

static status compute_checksum(const struct care_file *file, uint64_t *checksum)
{
	struct content_checksum c = {0};
	uint64_t offset = 0;
	struct stat st;
	uint8_t *buffer;
	size_t got;
	status rc;
	int fd;

	rc = care_open_at(file->dirfd, file->name, &fd, &st);
	if (failed(rc))
		return rc;
	buffer = malloc(READ_SIZE);
	rc = buffer ? STATUS_OK : status_no_memory();
	do {
		got = 0;
		if (!failed(rc))
			rc = file_pread(fd, buffer, READ_SIZE, offset, &got, file->path);
		content_checksum_add(&c, buffer, got);
		offset += got;
	} while (!failed(rc) && got == READ_SIZE);
	free(buffer);
	(void)close(fd);
	*checksum = content_checksum_end(&c);
	return rc;
}

/* A file with data that does not read as its store file: was it written to, and is plain
 * now, or is the store file not what it was? */
static status has_link_content(const struct care_file *file, bool *has)
{
	uint64_t checksum = 0;
	status rc;

	*has = false;
	if (file->state.link.reserved != REPARSE_MARK)
		return STATUS_OK;
	rc = compute_checksum(file, &checksum);
	*has = !failed(rc) && checksum == file->state.link.content_checksum;
	return rc;
}

static status link_damaged(
	struct care_run *run, const struct care_file *file, const char *what)
{
	char name[STORE_FILE_NAME_SIZE];
	char reason[STORE_FILE_NAME_SIZE + 64];

	store_file_name(file->state.link.store_file, name);
	(void)snprintf(reason, sizeof(reason), "its common-store file %s %s", name, what);
	return care_damaged(run, file->path, reason);
}

/* The checksum in the link is the store file's, as far as it can be told. */
static status check_checksum(
	struct care_run *run, const struct care_file *file, struct stored_file *stored)
{
	const uint64_t checksum = file->state.link.content_checksum;
	struct store_sum sum;
	status rc;

	if (file->state.link.reserved != REPARSE_MARK) {
		if (stored->foreign_known && stored->foreign_checksum != checksum)
			return care_damaged(run, file->path,
				"its content checksum is not that of other links to the "
				"same file");
		stored->foreign_known = true;
		stored->foreign_checksum = checksum;
		return STATUS_OK;
	}
	rc = store_get_sum(run->store, stored->guid, &sum);
	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		rc = store_compute_sum(run->store, stored->guid, &sum);
	if (failed(rc))
		return stored_unreadable(run, stored, rc);
	if (sum.content_checksum != checksum)
		return link_damaged(run, file, "has another content checksum");
	return STATUS_OK;
}

static status check_index(
	struct care_run *run, const struct check *check, const struct care_file *file)
{
	if (!check->index_known || file->state.link.index <= check->max_index)
		return STATUS_OK;
	return care_damaged(run, file->path, "its link index is above MaxIndex");
}

static status check_intact_link(
	struct care_run *run, struct check *check, const struct care_file *file)
{
	struct stored_file *stored =
		stored_files_find(&check->files, file->state.link.store_file);
	status rc;

	run->care->summary->links++;
	if (!stored || !file->state.store_file)
		return link_damaged(run, file, "is missing");
	if (stored->damaged)
		return link_damaged(run, file, "is damaged");
	rc = check_checksum(run, file, stored);
	return failed(rc) ? rc : check_index(run, check, file);
}

/* A link of old: written to since, or no longer told as one since the store file is not
 * what it was. */
static status check_other(
	struct care_run *run, const struct check *check, const struct care_file *file)
{
	const struct stored_file *stored =
		stored_files_find(&check->files, file->state.link.store_file);
	const bool missing = !stored || !file->state.store_file;
	bool has;
	status rc;

	if (file->state.bare)
		return stored && file->state.store_file &&
				       stored->size != (uint64_t)file->st.st_size
			       ? link_damaged(run, file, "is not as long as the link")
			       : STATUS_OK;
	if (!missing && !stored->damaged)
		return STATUS_OK;
	rc = has_link_content(file, &has);
	if (failed(rc))
		return care_skip(run, file->path, rc);
	return has ? link_damaged(run, file, missing ? "is missing" : "is damaged")
		   : STATUS_OK;
}

/* On NTFS links to what is not there are all that nobody vouches for. */
static status check_unvouched(struct care_run *run, const struct care_file *file)
{
	if (!file->state.bare || file->st.st_size == 0)
		return STATUS_OK;
	if (run->volume->kind == VOLUME_NTFS)
		return link_damaged(run, file, "is missing");
	return care_damaged(run, file->path,
		"it has no content, and nobody vouches for it as a link: it was being "
		"restored, or was never finished");
}

static status check_damaged_point(struct care_run *run, const struct care_file *file)
{
	static const char reason[] = "its reparse data is damaged";

	if (care_counts(run, file))
		return care_damaged(run, file->path, reason);
	return care_skip(run, file->path,
		status_fail(file->look, "%s, and nobody vouches for it", reason));
}

static status check_file(
	struct care_run *run, void *context, const struct care_file *file)
{
	struct check *check = context;
	struct stored_file *stored;

	run->care->summary->files++;
	run->care->summary->bytes += (uint64_t)file->st.st_size;
	if (file->look == STATUS_WIN32(ERROR_INVALID_REPARSE_DATA))
		return check_damaged_point(run, file);
	if (failed(file->look))
		return STATUS_OK;
	stored = stored_files_find(&check->files, file->state.link.store_file);
	if (stored && care_needs(file))
		stored->needed = true;
	if (file->state.unfinished)
		return care_damaged(run, file->path, "it " VOUCH_UNFINISHED);
	if (vouch_is_link(&file->state))
		return check_intact_link(run, check, file);
	return file->state.vouched ? check_other(run, check, file)
				   : check_unvouched(run, file);
}

/* ---- all of it ---- */

static status read_max_index(struct care_run *run, struct check *check)
{
	const char *reason = "is so high that few link indexes, or none, are left";
	status rc = store_get_index(run->store, &check->max_index);
	char *path;

	check->index_known = !failed(rc);
	if (rc == STATUS_WIN32(ERROR_INVALID_DATA))
		reason = "must hold 8 bytes, the highest link index";
	else if (failed(rc) || check->max_index <= STORE_INDEX_CREDIBLE)
		return rc;
	path = care_store_path(STORE_MAX_INDEX);
	rc = path ? care_damaged(run, path, reason) : status_no_memory();
	free(path);
	return rc;
}

static status check_volume(struct care_run *run, struct check *check)
{
	status rc = care_need_store(run);

	if (!failed(rc))
		rc = store_pin(run->store);
	if (!failed(rc))
		rc = stored_files_read(run, &check->files);
	if (!failed(rc))
		rc = read_max_index(run, check);
	if (!failed(rc))
		rc = stored_files_each(run, &check->files, add_size, NULL);
	if (!failed(rc))
		rc = stored_files_each(run, &check->files, check_stored, NULL);
	if (!failed(rc))
		rc = care_walk(run, false, check_file, check);
	if (!failed(rc))
		rc = stored_files_report_damaged(run, &check->files);
	return failed(rc) ? rc
			  : stored_files_each(run, &check->files, report_orphan, NULL);
}

status sis_check(const char *root, const struct sis_care *care)
{
	struct check check = {0};
	struct care_run run;
	status rc = care_begin(root, care, &run);

	if (!failed(rc))
		rc = check_volume(&run, &check);
	if (!failed(rc) && care->summary->damaged > 0)
		rc = status_fail(STATUS_WIN32(ERROR_CRC), "%s/: damage was found",
			run.volume->root);
	stored_files_free(&check.files);
	care_end(&run);
	return rc;
}
