#include "sis/care_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file_step.h"

status care_begin(const char *root, const struct sis_care *care, struct care_run *run)
{
	status rc;

	*run = (struct care_run){.care = care};
	rc = volume_open(root, &run->volume);
	if (!failed(rc))
		rc = store_open(run->volume, false, &run->store);
	return rc == STATUS_WIN32(ERROR_PATH_NOT_FOUND) && run->volume ? STATUS_OK : rc;
}

void care_end(struct care_run *run)
{
	store_close(run->store);
	volume_close(run->volume);
}

status care_need_store(const struct care_run *run)
{
	return run->store ? STATUS_OK
			  : step_fail(STATUS_WIN32(ERROR_PATH_NOT_FOUND), run->volume->fd,
				    STORE_NAME, "the volume has no common store");
}

char *care_path(const struct care_run *run, const char *path)
{
	char *full;

	return asprintf(&full, "%s/%s", run->volume->root, path) < 0 ? NULL : full;
}

char *care_store_path(const char *name)
{
	char *path;

	return asprintf(&path, STORE_NAME "/%s", name) < 0 ? NULL : path;
}

/* ---- the caller ---- */

static status deliver(const struct care_run *run, const struct backupapi_sis_event *event)
{
	if (run->care->callback(run->care->context, event) == 0)
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_CANCELLED), "%s/: ended by the caller",
		run->volume->root);
}

status care_tell(const struct care_run *run, uint32_t kind, const char *path,
	const char *other, const char *reason, uint64_t bytes)
{
	struct backupapi_sis_event event = {.kind = kind,
		.reason = reason,
		.bytes = bytes,
		.done_bytes = run->done_bytes,
		.total_bytes = run->total_bytes};
	char *full, *full_other = NULL;
	status rc = STATUS_OK;

	if (!run->care->callback)
		return STATUS_OK;
	full = care_path(run, path);
	if (other)
		full_other = care_path(run, other);
	event.path = full;
	event.other = full_other;
	if (!full || (other && !full_other))
		rc = status_no_memory();
	else
		rc = deliver(run, &event);
	free(full_other);
	free(full);
	return rc;
}

status care_progress(struct care_run *run, uint64_t bytes)
{
	struct backupapi_sis_event event = {.kind = BACKUPAPI_SIS_PROGRESS,
		.path = run->volume->root,
		.bytes = bytes};

	run->done_bytes += bytes;
	if (run->done_bytes > run->total_bytes)
		run->total_bytes = run->done_bytes;
	event.done_bytes = run->done_bytes;
	event.total_bytes = run->total_bytes;
	return run->care->callback ? deliver(run, &event) : STATUS_OK;
}

static bool concerns_all(status rc)
{
	return rc == STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY) ||
	       rc == STATUS_WIN32(ERROR_CANCELLED) ||
	       rc == STATUS_WIN32(ERROR_DISK_FULL) ||
	       rc == STATUS_WIN32(ERROR_WRITE_PROTECT) ||
	       rc == STATUS_WIN32(ERROR_TOO_MANY_OPEN_FILES);
}

/* The callback may call the library, and so overwrite what is pending. */
status care_skip(const struct care_run *run, const char *path, status rc)
{
	char *reason;

	if (concerns_all(rc))
		return rc;
	reason = strdup(status_pending());
	if (!reason)
		return status_no_memory();
	run->care->summary->skipped++;
	rc = care_tell(run, BACKUPAPI_SIS_SKIPPED, path, NULL, reason, 0);
	free(reason);
	return rc;
}

status care_damaged(const struct care_run *run, const char *path, const char *reason)
{
	run->care->summary->damaged++;
	return care_tell(run, BACKUPAPI_SIS_DAMAGED, path, NULL, reason, 0);
}

/* ---- files ---- */

static int open_quietly(int dirfd, const char *name)
{
	int fd = volume_open_regular(dirfd, name, O_RDONLY | O_NOATIME);

	return fd < 0 && errno == EPERM ? volume_open_regular(dirfd, name, O_RDONLY) : fd;
}

/* Looks before it opens: opening a device can do things. */
status care_open_at(int dirfd, const char *name, int *fd, struct stat *st)
{
	*fd = -1;
	if (fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW))
		return step_errno(errno, dirfd, name);
	if (S_ISREG(st->st_mode)) {
		*fd = open_quietly(dirfd, name);
		if (*fd < 0)
			return step_errno(errno, dirfd, name);
		if (fstat(*fd, st) == 0 && S_ISREG(st->st_mode))
			return STATUS_OK;
		(void)close(*fd);
		*fd = -1;
	}
	return step_fail(
		STATUS_WIN32(ERROR_INVALID_DATA), dirfd, name, "is not a regular file");
}

status care_open(const struct care_run *run, const char *path, int *fd, struct stat *st)
{
	const char *name;
	int dirfd;
	status rc = volume_open_parent(run->volume, path, &dirfd, &name);

	*fd = -1;
	if (failed(rc))
		return rc;
	rc = care_open_at(dirfd, name, fd, st);
	(void)close(dirfd);
	return rc;
}
