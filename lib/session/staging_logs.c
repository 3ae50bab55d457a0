/* Logs that a restore tool has staged: in a directory of its own below a staging one. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_step.h"
#include "base/identity.h"
#include "base/names.h"
#include "base/stamp.h"
#include "session/staging.h"

/* Is one of the directories above PATH a staging one? */
static bool is_staged(const char *path)
{
	static const char dir[] = "/" STAGING_DIR "/";
	const char *at = strstr(path, dir);

	return at && at[strlen(dir)] != '\0';
}

/* ---- one directory ---- */

/* NAME, if that is a regular file whose inode was last changed ahead of BEFORE. */
static status remove_older(int fd, const char *dir, const char *name, int64_t before)
{
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? STATUS_OK
				       : status_errno(errno, "%s/%s", dir, name);
	if (!S_ISREG(st.st_mode) || !stamp_is_older(&st, before))
		return STATUS_OK;
	if (step_unlink(fd, name) && errno != ENOENT)
		return status_errno(errno, "%s/%s", dir, name);
	return STATUS_OK;
}

static status remove_files(int fd, const char *dir, int64_t before)
{
	struct names names = {0};
	status rc = file_list_dir(fd, dir, &names);

	for (size_t i = 0; i < names.count && !failed(rc); i++)
		rc = remove_older(fd, dir, names.items[i], before);
	names_free(&names);
	return rc;
}

/* DIR and the empty ones above it, up to the staging one. */
static void remove_dirs(char *dir, enum file_walk walk)
{
	bool more = true;

	while (more) {
		const char *name;
		int fd;

		if (failed(file_open_parent(dir, walk, &fd, &name)))
			return;
		more = strcmp(name, STAGING_DIR) != 0 && step_rmdir(fd, name) == 0;
		if (!more && strcmp(name, STAGING_DIR) == 0)
			(void)step_rmdir(fd, name);
		(void)close(fd);
		*strrchr(dir, '/') = '\0';
	}
}

static status discard_dir(const char *path, enum file_walk walk, int64_t before)
{
	char *dir;
	int fd;
	status rc = file_open_dir(path, walk, &fd);

	if (status_is_missing(rc))
		return STATUS_OK;
	if (failed(rc))
		return rc;
	rc = remove_files(fd, path, before);
	(void)close(fd);
	if (failed(rc) || before != STAGING_ALL)
		return rc;
	dir = strdup(path);
	if (!dir)
		return status_no_memory();
	remove_dirs(dir, walk);
	free(dir);
	return STATUS_OK;
}

/* ---- all of a registration's ---- */

struct discard {
	const struct registration *r;
	int64_t before;
};

static status discard(void *context)
{
	const struct discard *d = context;
	const struct registration *r = d->r;
	enum file_walk walk = r->maker == 0 ? FILE_TRUSTED : FILE_NO_SYMLINK;
	status rc = STATUS_OK;

	for (size_t i = 0; i < r->log_count && !failed(rc); i++) {
		const char *path = r->logs[i].backup_log_path;

		if (path && is_staged(path))
			rc = discard_dir(path, walk, d->before);
	}
	return rc;
}

status staging_discard_logs(const struct registration *r, int64_t before)
{
	struct discard d = {r, before};

	return identity_do(r->maker, r->maker_group, discard, &d);
}
