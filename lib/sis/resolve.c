/*
 * The end of a restore pass. Content first, then one sync of the whole file system, then
 * the records that make files links, then another: a record never outlives a crash that
 * its content did not. Syncing each of 100,000 links by itself would take minutes.
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

static status fill_link(struct sis_restore *restore, struct restored_link *link)
{
	const char *name;
	int dirfd;
	status rc;

	if (!link->file->good)
		return unresolved(restore, link);
	rc = volume_open_parent(restore->volume, link->path, &dirfd, &name);
	if (failed(rc))
		return rc;
	rc = resolve_content(restore, link, dirfd, name);
	(void)close(dirfd);
	link->resolved = !failed(rc);
	return rc;
}

/* ---- vouching ---- */

/* For a link that has its content, not being vouched for only means being a plain file;
 * bare, it would be a file of zeros. */
static status record(
	struct sis_restore *restore, const struct restored_link *link, int fd)
{
	status rc = vouch_record(restore->store, fd, link->path, link->reparse);
	bool bare;

	if (rc != STATUS_WIN32(ERROR_NOT_SUPPORTED))
		return rc;
	trace(TRACE_INFO, "%s", status_pending());
	return failed(extents_none(fd, link->path, &bare)) || bare ? rc : STATUS_OK;
}

static status vouch_link(struct sis_restore *restore, const struct restored_link *link)
{
	const char *name;
	int dirfd, fd;
	status rc = volume_open_parent(restore->volume, link->path, &dirfd, &name);

	if (failed(rc))
		return rc;
	do
		fd = openat(dirfd, name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	if (fd < 0) {
		rc = step_errno(errno, dirfd, name);
	} else {
		rc = record(restore, link, fd);
		(void)close(fd);
	}
	(void)close(dirfd);
	return rc;
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

status resolve_links(struct sis_restore *restore)
{
	struct failure first = {0};
	status rc;

	note(&first, raise_index(restore));
	for (size_t i = 0; i < restore->link_count; i++)
		note(&first, fill_link(restore, &restore->links[i]));
	rc = sync_all(restore);
	note(&first, rc);
	if (failed(rc) || restore->volume->kind == VOLUME_NTFS)
		return report(&first);
	for (size_t i = 0; i < restore->link_count; i++)
		if (restore->links[i].resolved)
			note(&first, vouch_link(restore, &restore->links[i]));
	note(&first, sync_all(restore));
	return report(&first);
}
