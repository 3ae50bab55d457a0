/*
 * The end of a restore pass: the marks of files that will be filled, their content, and the
 * records that make them links, with a sync of the whole file system after each. No content
 * outlives a crash that its mark did not, and no record one that its content did not.
 * Syncing each of 100,000 links by itself would take minutes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file_step.h"
#include "base/trace.h"
#include "sis/extents.h"
#include "sis/restore_pass.h"
#include "sis/vouch.h"

/* The first failure with its explanation, which later ones would overwrite. */
struct failure {
	status rc;
	char *text;
};

static void note(struct failure *first, status rc)
{
	if (!failed(rc))
		return;
	trace(TRACE_ERROR, "%s", status_pending());
	if (failed(first->rc))
		return;
	first->rc = rc;
	first->text = strdup(status_pending());
}

static status report(struct failure *first)
{
	status rc = first->rc;

	if (failed(rc) && first->text)
		rc = status_fail(rc, "%s", first->text);
	free(first->text);
	return rc;
}

/* ---- content ---- */

static status unresolved(
	const struct sis_restore *restore, const struct restored_link *link)
{
	char name[STORE_FILE_NAME_SIZE];

	store_file_name(link->file->guid, name);
	return status_fail(STATUS_WIN32(ERROR_FILE_NOT_FOUND),
		"%s: stays unresolved, since %s/%s was not restored, or is damaged",
		link->path, restore->store_path, name);
}

static status refused(const struct restored_link *link)
{
	return status_fail(STATUS_WIN32(ERROR_CRC),
		"%s: stays unresolved, since its length or its content checksum is not "
		"that of its common-store file, or of the other links to it",
		link->path);
}

/* A majority, if there is one, is what is left when different votes cancel out. */
static void vote(const struct restored_link *link)
{
	struct restored_file *file = link->file;

	if (link->marked || (link->has_size && link->size != file->sum.size))
		return;
	if (link->checksum == file->foreign_checksum || !file->foreign_votes) {
		file->foreign_checksum = link->checksum;
		file->foreign_votes++;
	} else {
		file->foreign_votes--;
	}
}

static bool agrees(const struct restored_link *link)
{
	return claim_holds(link, &link->file->sum) &&
	       (link->marked || link->checksum == link->file->foreign_checksum);
}

typedef status (*link_deed)(const struct sis_restore *restore, struct restored_link *link,
	int dirfd, const char *name);

static status at_link(
	const struct sis_restore *restore, struct restored_link *link, link_deed deed)
{
	const char *name;
	int dirfd;
	status rc = volume_open_parent(restore->volume, link->path, &dirfd, &name);

	if (failed(rc))
		return rc;
	rc = deed(restore, link, dirfd, name);
	(void)close(dirfd);
	return rc;
}

static status begin_link(struct sis_restore *restore, struct restored_link *link)
{
	status rc;

	if (!link->file->good || (link->file->doubted && !link->marked))
		return unresolved(restore, link);
	if (!agrees(link))
		return refused(link);
	rc = at_link(restore, link, resolve_begin);
	link->ready = !failed(rc);
	return rc;
}

static status fill_link(struct sis_restore *restore, struct restored_link *link)
{
	status rc;

	if (!link->ready)
		return STATUS_OK;
	rc = at_link(restore, link, resolve_content);
	link->resolved = !failed(rc);
	return rc;
}

/* ---- vouching ---- */

/* For a link that has its content, not being vouched for only means being a plain file;
 * bare, it would be a file of zeros. */
static status record(
	const struct sis_restore *restore, const struct restored_link *link, int fd)
{
	status rc = vouch_record(restore->store, fd, link->path, link->reparse);
	bool bare;

	if (rc != STATUS_WIN32(ERROR_NOT_SUPPORTED))
		return rc;
	trace(TRACE_INFO, "%s", status_pending());
	return failed(extents_none(fd, link->path, &bare)) || bare
		       ? rc
		       : vouch_forget(fd, link->path);
}

static status has_content(const struct restored_link *link, int fd, int source, bool *has)
{
	status rc = extents_same(fd, source, link->path, has);

	if (!failed(rc) && !*has && link->left_bare)
		rc = extents_none(fd, link->path, has);
	if (!failed(rc) && !*has)
		rc = vouch_compare(fd, source, link->path, has);
	return rc;
}

/* After it was recorded: what was written before is found here, and what is written later
 * changes the times that are in the record. */
static status check_content(
	const struct sis_restore *restore, const struct restored_link *link, int fd)
{
	bool has;
	int source;
	status rc = store_open_file(restore->store, link->file->guid, &source);

	if (failed(rc))
		return rc;
	rc = has_content(link, fd, source, &has);
	(void)close(source);
	if (failed(rc) || has)
		return rc;
	return status_fail(STATUS_WIN32(ERROR_SHARING_VIOLATION),
		"%s: was written to while it was restored, and is a plain file",
		link->path);
}

static status vouch_open(
	const struct sis_restore *restore, const struct restored_link *link, int fd)
{
	struct stat st;
	status rc = fstat(fd, &st) ? status_errno(errno, "%s", link->path)
				   : resolve_check_same(link, &st);

	if (!failed(rc))
		rc = record(restore, link, fd);
	if (failed(rc))
		return rc;
	rc = check_content(restore, link, fd);
	if (failed(rc)) /* what is pending explains why, unless this fails too */
		(void)vouch_forget(fd, link->path);
	return rc;
}

static status settle_name(const struct sis_restore *restore, struct restored_link *link,
	int dirfd, const char *name)
{
	int fd;
	status rc;

	if (restore->volume->kind == VOLUME_NTFS)
		return resolve_settle_ntfs(restore, link, dirfd, name);
	fd = volume_open_regular(dirfd, name, O_RDONLY);
	if (fd < 0)
		return step_errno(errno, dirfd, name);
	rc = vouch_open(restore, link, fd);
	(void)close(fd);
	return rc;
}

static status vouch_link(struct sis_restore *restore, struct restored_link *link)
{
	return link->resolved ? at_link(restore, link, settle_name) : STATUS_OK;
}

/* ---- all of them ---- */

static status sync_all(const struct sis_restore *restore)
{
	return step_sync_all(restore->store->fd)
		       ? status_errno(errno, "%s", restore->store_path)
		       : STATUS_OK;
}

static status raise_index(const struct sis_restore *restore)
{
	const uint64_t floor = restore->max_index > restore->begin_index
				       ? restore->max_index
				       : restore->begin_index;

	return restore->link_count ? store_repair_index(restore->store, floor)
				   : STATUS_OK;
}

/* A store file that was restored before its links, and that none of them bears out. */
static void set_aside_contradicted(const struct sis_restore *restore)
{
	struct restored_file *file;
	size_t i = 0;

	while ((file = guid_table_next(&restore->files, &i)) != NULL)
		if (file->good && file->contradicted && !file->recorded)
			claim_set_aside(restore, file);
}

/* One after the other and, where there are any, a sync. Fails if that does. */
static status for_each_link(struct sis_restore *restore, struct failure *first,
	status (*step)(struct sis_restore *restore, struct restored_link *link))
{
	status rc;

	for (size_t i = 0; i < restore->link_count; i++)
		note(first, step(restore, &restore->links[i]));
	rc = restore->link_count ? sync_all(restore) : STATUS_OK;
	note(first, rc);
	return rc;
}

status resolve_links(struct sis_restore *restore)
{
	struct failure first = {0};

	note(&first, claim_bring_back(restore));
	set_aside_contradicted(restore);
	for (size_t i = 0; i < restore->link_count; i++)
		vote(&restore->links[i]);
	note(&first, raise_index(restore));
	if (!failed(for_each_link(restore, &first, begin_link)) &&
		!failed(for_each_link(restore, &first, fill_link)))
		(void)for_each_link(restore, &first, vouch_link);
	return report(&first);
}
