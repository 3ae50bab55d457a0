/*
 * The order matters: changing the owner clears capabilities, an ACL changes the mode's
 * bits for the group, and everything but the times changes the times.
 */
#include "sisbackup/attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/report.h"
#include "common/str.h"

#define PROC_SIZE 64

/* Errors that say: not here, or not for you. */
static bool means_lost(int err)
{
	return err == EPERM || err == EACCES || err == ENOTSUP || err == ENOSYS ||
	       err == EINVAL || err == E2BIG || err == ENOSPC || err == ENODATA;
}

/* Was a step that ended with ERR a loss, at worst? */
static bool step(int err, unsigned flag, const char *label, unsigned *lost)
{
	if (err == 0)
		return true;
	if (!means_lost(err))
		return report_errno(err, label);
	*lost |= flag;
	return true;
}

static int set_owner(const char *proc, const struct meta *meta)
{
	uid_t uid = meta_wanted_uid(meta);
	gid_t gid = meta_wanted_gid(meta);
	struct stat st;
	int err;

	if (stat(proc, &st) != 0)
		return errno;
	if ((st.st_uid == uid && st.st_gid == gid) || chown(proc, uid, gid) == 0)
		return 0;
	err = errno;
	/* At least the group, where one may. */
	if (st.st_gid != gid && chown(proc, (uid_t)-1, gid) == 0 && st.st_uid == uid)
		err = 0;
	return err;
}

/* A program that was to run as its owner must not run as somebody else instead. */
static int set_mode(const char *proc, const struct entry *entry)
{
	mode_t mode = entry->meta.mode;
	struct stat st;

	if (entry->kind == ENTRY_SYMLINK)
		return 0;
	if (stat(proc, &st) != 0)
		return errno;
	if (!S_ISDIR(st.st_mode) && (st.st_uid != meta_wanted_uid(&entry->meta) ||
					    st.st_gid != meta_wanted_gid(&entry->meta)))
		mode &= ~(mode_t)(S_ISUID | S_ISGID);
	return chmod(proc, mode) == 0 ? 0 : errno;
}

/* A directory's default ACL gave what was created there one of its own. */
static void drop_inherited(const char *proc, const struct meta *meta)
{
	if (!meta->acl)
		(void)removexattr(proc, "system.posix_acl_access");
	if (!meta->default_acl)
		(void)removexattr(proc, "system.posix_acl_default");
}

static int set_times(const char *proc, const struct meta *meta)
{
	const struct timespec times[2] = {meta->atime, meta->mtime};

	return utimensat(AT_FDCWD, proc, times, 0) == 0 ? 0 : errno;
}

/* Some file systems take everything and keep nothing. */
static int look_for_losses(const char *proc, const struct entry *entry, unsigned *lost)
{
	struct stat st;

	if (stat(proc, &st) != 0)
		return errno;
	if (st.st_uid != meta_wanted_uid(&entry->meta) ||
		st.st_gid != meta_wanted_gid(&entry->meta))
		*lost |= LOST_OWNERS;
	if (entry->kind != ENTRY_SYMLINK && (st.st_mode & 07777) != entry->meta.mode)
		*lost |= LOST_MODES;
	if (st.st_mtim.tv_sec != entry->meta.mtime.tv_sec)
		*lost |= LOST_TIMES;
	return 0;
}

static bool apply(
	const char *proc, const char *label, const struct entry *entry, unsigned *lost)
{
	const struct meta *meta = &entry->meta;
	int err;

	if (!step(set_owner(proc, meta), LOST_OWNERS, label, lost) ||
		!step(xattrs_apply(proc, &entry->xattrs), LOST_ATTRIBUTES, label, lost))
		return false;
	if (entry->kind != ENTRY_SYMLINK)
		drop_inherited(proc, meta);
	if (!step(set_mode(proc, entry), LOST_MODES, label, lost) ||
		!step(meta_set_acls(proc, meta), LOST_ACLS, label, lost) ||
		!step(set_times(proc, meta), LOST_TIMES, label, lost))
		return false;
	err = look_for_losses(proc, entry, lost);
	return err == 0 || report_errno(err, label);
}

bool attributes_left_out(const char *name)
{
	static const char *const link[] = {
		"user.ntfs_reparse_data", "user.backupapi_sis", "trusted.backupapi_sis"};

	for (size_t i = 0; i < sizeof(link) / sizeof(link[0]); i++)
		if (!strcmp(name, link[i]))
			return true;
	return !strncmp(name, "system.", strlen("system."));
}

bool attributes_apply(
	int fd, const char *label, const struct entry *entry, unsigned *lost)
{
	char proc[PROC_SIZE];

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	return apply(proc, label, entry, lost);
}

bool attributes_apply_at(int dirfd, const char *name, const char *label,
	const struct entry *entry, unsigned *lost)
{
	int fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return report_errno(errno, label);
	ok = attributes_apply(fd, label, entry, lost);
	close(fd);
	return ok;
}

void attributes_warn(unsigned lost, const char *volume)
{
	static const char *const names[] = {"owners", "modes", "access control lists",
		"extended attributes", "times"};
	char text[128] = "", *shown;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(lost & 1u << i))
			continue;
		if (*text)
			strcat(text, ", ");
		strcat(text, names[i]);
	}
	if (!*text)
		return;
	shown = str_display(volume);
	report_note("%s: not all of these could be kept there: %s", shown, text);
	free(shown);
}
