#include "sis/care_run.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file_step.h"
#include "sis/vouch.h"

/* The version that reparse_parse takes, the only one. */
#define FORMAT_VERSION 5

static void fill_info(
	const struct link_state *state, struct backupapi_sis_link_info *info)
{
	uuid_unparse_lower(state->link.store_file, info->guid);
	info->version = FORMAT_VERSION;
	info->link_index = state->link.index;
	info->link_file_id = state->link.link_file_id;
	info->store_file_id = state->link.store_file_id;
	info->content_checksum = state->link.content_checksum;
	info->size = (uint64_t)state->st.st_size;
	info->intact = state->intact;
	info->vouched = state->vouched;
	info->store_file = state->store_file;
	info->made_here = state->link.reserved == REPARSE_MARK;
}

/* On NTFS a link shows as a symbolic link, whose size says nothing. */
static void correct_size(const struct care_run *run, const struct link_state *state,
	struct backupapi_sis_link_info *info)
{
	struct stat st;

	if (!S_ISLNK(state->st.st_mode))
		return;
	info->size = 0;
	if (run->store && !failed(store_stat(run->store, state->link.store_file, &st)))
		info->size = (uint64_t)st.st_size;
}

/* Without a common store nothing is known but the fields themselves. */
static status look_without_store(
	const struct care_run *run, int dirfd, const char *name, struct link_state *state)
{
	size_t size;
	status rc;

	*state = (struct link_state){0};
	if (fstatat(dirfd, name, &state->st, AT_SYMLINK_NOFOLLOW))
		return step_errno(errno, dirfd, name);
	rc = volume_get_reparse(
		run->volume, dirfd, name, state->buffer, REPARSE_SIZE, &size);
	if (failed(rc))
		return rc;
	return reparse_parse(
		state->buffer, size < REPARSE_SIZE ? size : REPARSE_SIZE, &state->link);
}

static status show(const struct care_run *run, const char *path,
	struct backupapi_sis_link_info *info)
{
	struct link_state state;
	const char *name;
	int dirfd;
	status rc = volume_open_parent(run->volume, path, &dirfd, &name);

	if (failed(rc))
		return rc;
	rc = run->store ? vouch_look(run->store, dirfd, name, &state)
			: look_without_store(run, dirfd, name, &state);
	if (!failed(rc)) {
		fill_info(&state, info);
		correct_size(run, &state, info);
	}
	(void)close(dirfd);
	return rc;
}

status sis_show(const char *root, const char *path, struct backupapi_sis_link_info *info)
{
	struct backupapi_sis_summary summary = {0};
	const struct sis_care care = {.summary = &summary};
	struct care_run run;
	status rc = care_begin(root, &care, &run);

	*info = (struct backupapi_sis_link_info){0};
	if (!failed(rc))
		rc = show(&run, path, info);
	care_end(&run);
	return rc;
}
