/*
 * What the links of a pass say of a store file, and whether the file is like that. A
 * record beside it (<guid>.sum) outweighs every link; without one a file is right if any
 * link says so, marked ones before Windows', and the links that say something else are
 * refused one by one: one wrong link spoils no other.
 *
 * The content of a store file that is on the volume already goes to a link unasked only
 * where the link knows its size and content checksum; a link without the mark has it
 * restored, and what is restored over a recorded file must have the recorded content.
 * Until it was, the file that was there is set aside: it comes back at the end of the pass,
 * and after a crash as what gc sets aside does.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file_step.h"
#include "base/trace.h"
#include "sis/restore_pass.h"
#include "sis/store_lock.h"

/* ---- what is said ---- */

bool claim_holds(const struct restored_link *link, const struct store_sum *sum)
{
	if (link->has_size && link->size != sum->size)
		return false;
	return !link->marked || link->checksum == sum->content_checksum;
}

/* Without links nothing speaks against it. */
static bool is_claimed(const struct sis_restore *restore,
	const struct restored_file *file, const struct store_sum *sum)
{
	bool any_marked = false, marked_holds = false, other_holds = false;

	for (size_t i = file->links; i; i = restore->links[i - 1].next) {
		const struct restored_link *link = &restore->links[i - 1];
		const bool holds = claim_holds(link, sum);

		any_marked |= link->marked;
		if (link->marked)
			marked_holds |= holds;
		else
			other_holds |= holds;
	}
	return file->links == 0 || (any_marked ? marked_holds : other_holds);
}

static status disagrees(const struct restored_link *link)
{
	return status_fail(STATUS_WIN32(ERROR_CRC),
		"%s: its length, or the content checksum in its reparse data, is not "
		"that of its common-store file",
		link->path);
}

/* ---- what is recorded ---- */

static status not_as_said(const struct sis_restore *restore,
	const struct restored_file *file, const char *why)
{
	char name[STORE_FILE_NAME_SIZE];

	store_file_name(file->guid, name);
	return step_fail(STATUS_WIN32(ERROR_CRC), restore->store->fd, name, why);
}

/* ERROR_CRC where there is a record, and it says something else than SUM. */
static status check_record(const struct sis_restore *restore,
	const struct restored_file *file, const struct store_sum *sum, bool *recorded)
{
	struct store_sum record;
	status rc = store_get_sum(restore->store, file->guid, &record);

	*recorded = false;
	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND) ||
		rc == STATUS_WIN32(ERROR_INVALID_DATA))
		return STATUS_OK;
	if (failed(rc))
		return rc;
	*recorded = true;
	if (record.size == sum->size &&
		memcmp(record.sha256, sum->sha256, sizeof(sum->sha256)) == 0)
		return STATUS_OK;
	return not_as_said(restore, file,
		"is damaged: its content is not what is recorded beside it");
}

/* Synced before it is recorded. */
static status record(const struct sis_restore *restore, struct restored_file *file)
{
	status rc;
	int fd;

	if (file->recorded)
		return STATUS_OK;
	rc = store_open_file(restore->store, file->guid, &fd);
	if (failed(rc))
		return rc;
	if (step_sync(fd))
		rc = status_errno(errno, "%s", restore->store_path);
	(void)close(fd);
	if (!failed(rc))
		rc = store_set_sum(restore->store, file->guid, &file->sum);
	file->recorded = !failed(rc);
	return rc;
}

/* ---- files that are there ---- */

/* One that nothing proves right, or that is damaged, is better restored again. */
static status look_at_present(struct sis_restore *restore,
	const struct restored_link *link, struct restored_file *file)
{
	struct store_sum sum;
	bool recorded;
	status rc = store_compute_sum(restore->store, file->guid, &sum);

	if (rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND))
		return STATUS_OK;
	if (failed(rc))
		return rc;
	rc = check_record(restore, file, &sum, &recorded);
	if (rc == STATUS_WIN32(ERROR_CRC)) {
		trace(TRACE_INFO, "%s", status_pending());
		return STATUS_OK;
	}
	if (failed(rc))
		return rc;
	if (!recorded && (!link->marked || !claim_holds(link, &sum)))
		return STATUS_OK;
	file->sum = sum;
	file->recorded = recorded;
	rc = record(restore, file);
	file->good = !failed(rc);
	return rc;
}

/* A file that is good, for a link that does not show what it was made for. What cannot be
 * set aside is overwritten as any other. */
static void ask_for(const struct sis_restore *restore, struct restored_file *file)
{
	status rc = STATUS_OK;

	file->good = false;
	if (file->named)
		return;
	rc = store_forget_aside(restore->store, file->guid);
	if (!failed(rc))
		rc = store_set_aside(restore->store, file->guid);
	file->aside = !failed(rc);
	if (failed(rc))
		trace(TRACE_ERROR, "%s", status_pending());
}

static status bring_back(struct sis_restore *restore, struct restored_file *file)
{
	status rc = store_settle_aside(restore->store, file->guid);

	file->aside = failed(rc);
	if (failed(rc) || file->good)
		return rc;
	rc = store_get_sum(restore->store, file->guid, &file->sum);
	file->good = file->recorded = file->doubted = !failed(rc);
	return rc;
}

status claim_bring_back(struct sis_restore *restore)
{
	struct restored_file *file;
	status rc, first = STATUS_OK;
	size_t i = 0;

	while ((file = guid_table_next(&restore->files, &i)) != NULL) {
		rc = file->aside ? bring_back(restore, file) : STATUS_OK;
		if (failed(rc))
			trace(TRACE_ERROR, "%s", status_pending());
		first = failed(first) ? first : rc;
	}
	return first;
}

status claim_check(struct sis_restore *restore, const struct restored_link *link,
	struct restored_file *file)
{
	status rc = STATUS_OK;

	if (!file->good && !file->named)
		rc = look_at_present(restore, link, file);
	if (failed(rc) || !file->good)
		return rc;
	if (!claim_holds(link, &file->sum)) {
		file->contradicted = true;
		return disagrees(link);
	}
	if (!link->marked && !file->restored)
		ask_for(restore, file);
	else if (!file->recorded)
		rc = record(restore, file);
	return rc;
}

/* ---- files that were restored ---- */

void claim_set_aside(const struct sis_restore *restore, struct restored_file *file)
{
	char guid[37];

	uuid_unparse_lower(file->guid, guid);
	file->good = false;
	if (failed(store_set_damaged(restore->store, file->guid)))
		trace(TRACE_ERROR, "%s", status_pending());
	else
		trace(TRACE_ERROR,
			"%s/%s" STORE_FILE_SUFFIX
			": damaged, renamed to %s" STORE_DAMAGED_SUFFIX,
			restore->store_path, guid, guid);
}

/* Without links nothing is known yet, and nothing is recorded. */
static status judge(struct sis_restore *restore, struct restored_file *file)
{
	bool recorded;
	status rc = check_record(restore, file, &file->sum, &recorded);

	if (failed(rc))
		return rc;
	file->recorded = recorded;
	if (!recorded && !is_claimed(restore, file, &file->sum)) {
		claim_set_aside(restore, file);
		return not_as_said(restore, file,
			"is damaged: not as long as its links, or without the content "
			"checksum that they say");
	}
	return file->links ? record(restore, file) : STATUS_OK;
}

status claim_restored(struct sis_restore *restore, struct restored_file *file)
{
	status rc;

	file->good = file->restored = file->recorded = false;
	rc = store_compute_sum(restore->store, file->guid, &file->sum);
	if (!failed(rc))
		rc = judge(restore, file);
	file->good = file->restored = !failed(rc);
	if (file->good && file->aside)
		file->aside = failed(store_forget_aside(restore->store, file->guid));
	return rc;
}
