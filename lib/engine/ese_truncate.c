/*
 * Deleting logs that nobody needs (ese_set.h). Where it is not known from which log on
 * recovery begins, all of them stay.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/trace.h"
#include "engine/ese_checkpoint.h"
#include "engine/ese_logset_path.h"
#include "engine/ese_set.h"

static status read_checkpoint(
	const struct ese_logset *found, struct ese_checkpoint *checkpoint)
{
	char *path = ese_logset_path(found, found->checkpoint);
	uint64_t size;
	int fd;
	status rc = path ? ese_open_at(found->dirfd, found->checkpoint, path, &fd, &size)
			 : status_no_memory();

	if (!failed(rc)) {
		rc = ese_checkpoint_read(fd, path, checkpoint);
		(void)close(fd);
	}
	free(path);
	return rc;
}

static status missing(const struct ese_set *set)
{
	return status_fail(ESE_NO_CHECKPOINT,
		"%s: has no checkpoint %s.chk, so it is not known which logs recovery "
		"needs: none is deleted",
		set->system_dir, set->log_dir.set.base);
}

static status read_from_system_dir(
	const struct ese_set *set, struct ese_checkpoint *checkpoint)
{
	struct ese_logset found;
	int fd;
	status rc = ese_open_dir(set->system_dir, &fd);

	if (failed(rc))
		return rc;
	if (fd < 0)
		return missing(set);
	rc = ese_logset_read(fd, set->system_dir, set->log_dir.set.base, &found);
	if (!failed(rc))
		rc = found.checkpoint ? read_checkpoint(&found, checkpoint)
				      : missing(set);
	ese_logset_free(&found);
	(void)close(fd);
	return rc;
}

static status find_checkpoint(
	const struct ese_set *set, struct ese_checkpoint *checkpoint)
{
	const struct ese_logset *logs = &set->log_dir.set;
	status rc = strcmp(set->system_dir, logs->path) == 0 && logs->checkpoint
			    ? read_checkpoint(logs, checkpoint)
			    : read_from_system_dir(set, checkpoint);

	if (failed(rc))
		return rc;
	if (!ese_signature_equal(&checkpoint->log_signature, &set->logs[0].log.signature))
		return status_fail(hrBadCheckpointSignature,
			"%s: the checkpoint is of other logs than those in %s: none is "
			"deleted",
			set->system_dir, logs->path);
	return STATUS_OK;
}

static status delete_below(const struct ese_logset *logs, uint32_t limit)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < logs->count && !failed(rc); i++) {
		const struct ese_logset_item *item = &logs->items[i];

		if (item->current || item->generation >= limit)
			break;
		rc = file_remove_at(logs->dirfd, item->name);
		if (!failed(rc))
			trace(TRACE_INFO, "%s/%s: deleted", logs->path, item->name);
	}
	return rc;
}

status ese_set_truncate(const struct ese_set *set, uint32_t keep_from)
{
	struct ese_checkpoint checkpoint;
	uint32_t limit = keep_from;
	status rc;

	if (set->log_count == 0)
		return STATUS_OK;
	rc = find_checkpoint(set, &checkpoint);
	if (failed(rc))
		return rc;
	if (checkpoint.checkpoint.generation < limit)
		limit = checkpoint.checkpoint.generation;
	/* A checkpoint may be newer than the database beside it. */
	if (set->need.low && set->need.low < limit)
		limit = set->need.low;
	return delete_below(&set->log_dir.set, limit);
}
