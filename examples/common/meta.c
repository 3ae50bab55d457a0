#include "common/meta.h"

#include <acl/libacl.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/acl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/report.h"
#include "common/str.h"

/* "/proc/self/fd/" and a number */
#define PROC_SIZE 32

/* No ACL here, or no ACLs at all on this file system. */
static bool means_none(int err)
{
	return err == ENOTSUP || err == ENODATA || err == ENOSYS;
}

/* *TEXT is NULL where the mode says it all. 0 or errno. */
static int read_acl(const char *path, acl_type_t type, char **text)
{
	acl_t acl = acl_get_file(path, type);
	char *raw;
	int err = 0;

	*text = NULL;
	if (!acl)
		return means_none(errno) ? 0 : errno;
	if (type == ACL_TYPE_DEFAULT ? acl_entries(acl) > 0
				     : acl_equiv_mode(acl, NULL) != 0) {
		raw = acl_to_any_text(acl, NULL, ',', TEXT_NUMERIC_IDS);
		if (raw)
			*text = xstrdup(raw);
		else
			err = errno;
		acl_free(raw);
	}
	acl_free(acl);
	return err;
}

/* Many files have one owner: the user database is asked once for it. */
static char *user_name(uid_t uid)
{
	static struct {
		bool known;
		uid_t uid;
		char *name;
	} last;
	const struct passwd *user;

	if (!last.known || last.uid != uid) {
		user = getpwuid(uid);
		free(last.name);
		last.name = user ? xstrdup(user->pw_name) : NULL;
		last.uid = uid;
		last.known = true;
	}
	return last.name ? xstrdup(last.name) : NULL;
}

static char *group_name(gid_t gid)
{
	static struct {
		bool known;
		gid_t gid;
		char *name;
	} last;
	const struct group *group;

	if (!last.known || last.gid != gid) {
		group = getgrgid(gid);
		free(last.name);
		last.name = group ? xstrdup(group->gr_name) : NULL;
		last.gid = gid;
		last.known = true;
	}
	return last.name ? xstrdup(last.name) : NULL;
}

int meta_describe(const char *path, const struct stat *st, bool acls, struct meta *meta)
{
	int err = 0;

	memset(meta, 0, sizeof(*meta));
	meta->mode = st->st_mode & 07777;
	meta->uid = st->st_uid;
	meta->gid = st->st_gid;
	meta->mtime = st->st_mtim;
	meta->atime = st->st_atim;
	if (acls)
		err = read_acl(path, ACL_TYPE_ACCESS, &meta->acl);
	if (acls && err == 0 && S_ISDIR(st->st_mode))
		err = read_acl(path, ACL_TYPE_DEFAULT, &meta->default_acl);
	if (err) {
		meta_free(meta);
		return err;
	}
	meta->user = user_name(st->st_uid);
	meta->group = group_name(st->st_gid);
	return 0;
}

/* What a service keeps is data: nothing in it is to run as somebody. On directories these
 * bits say who owns and who removes what is in them. */
static mode_t harmless(mode_t mode, const struct stat *st)
{
	return S_ISDIR(st->st_mode) ? mode : mode & 0777;
}

static void path_of_fd(int fd, char path[PROC_SIZE])
{
	snprintf(path, PROC_SIZE, "/proc/self/fd/%d", fd);
}

int meta_read(int fd, struct meta *meta)
{
	char path[PROC_SIZE];
	struct stat st;
	int err;

	memset(meta, 0, sizeof(*meta));
	if (fstat(fd, &st) != 0)
		return errno;
	path_of_fd(fd, path);
	err = meta_describe(path, &st, true, meta);
	meta->mode = harmless(meta->mode, &st);
	return err;
}

uid_t meta_wanted_uid(const struct meta *meta)
{
	static char *known;
	static uid_t uid;
	const struct passwd *user;

	if (!meta->user)
		return meta->uid;
	if (!known || strcmp(known, meta->user) != 0) {
		user = getpwnam(meta->user);
		if (!user)
			return meta->uid;
		free(known);
		known = xstrdup(meta->user);
		uid = user->pw_uid;
	}
	return uid;
}

gid_t meta_wanted_gid(const struct meta *meta)
{
	static char *known;
	static gid_t gid;
	const struct group *group;

	if (!meta->group)
		return meta->gid;
	if (!known || strcmp(known, meta->group) != 0) {
		group = getgrnam(meta->group);
		if (!group)
			return meta->gid;
		free(known);
		known = xstrdup(meta->group);
		gid = group->gr_gid;
	}
	return gid;
}

static bool apply_owner(int fd, const char *label, const struct meta *meta)
{
	static bool told;
	struct stat st;
	uid_t uid = meta_wanted_uid(meta);
	gid_t gid = meta_wanted_gid(meta);

	if (fstat(fd, &st) != 0)
		return report_errno(errno, label);
	if ((st.st_uid == uid && st.st_gid == gid) || fchown(fd, uid, gid) == 0)
		return true;
	if (errno != EPERM || geteuid() == 0)
		return report_errno(errno, label);
	if (st.st_gid != gid && fchown(fd, (uid_t)-1, gid) != 0 && errno != EPERM)
		return report_errno(errno, label);
	if (!told && st.st_uid != uid)
		report_note("without root's rights, files of other users become yours");
	told = told || st.st_uid != uid;
	return true;
}

static int set_acl(const char *path, const char *text, acl_type_t type)
{
	acl_t acl = text ? acl_from_text(text) : NULL;
	int err = 0;

	if (!text)
		return 0;
	if (!acl)
		return errno;
	if (acl_set_file(path, type, acl) != 0)
		err = errno;
	acl_free(acl);
	return err;
}

/* By way of /proc: there is no function for a default ACL that takes a descriptor. */
static bool apply_acls(int fd, const char *label, const struct meta *meta)
{
	char path[PROC_SIZE];
	int err;

	path_of_fd(fd, path);
	err = meta_set_acls(path, meta);
	return err == 0 || report_errno(err, label);
}

static bool apply_mode(int fd, const char *label, const struct meta *meta)
{
	struct stat st;

	return (fstat(fd, &st) == 0 && fchmod(fd, harmless(meta->mode, &st)) == 0) ||
	       report_errno(errno, label);
}

bool meta_apply(int fd, const char *label, const struct meta *meta)
{
	struct timespec times[2] = {meta->atime, meta->mtime};

	if (!apply_owner(fd, label, meta) || !apply_mode(fd, label, meta))
		return false;
	if (!apply_acls(fd, label, meta))
		return false;
	if (futimens(fd, times) != 0)
		return report_errno(errno, label);
	return true;
}

int meta_set_acls(const char *path, const struct meta *meta)
{
	int err = set_acl(path, meta->acl, ACL_TYPE_ACCESS);

	return err ? err : set_acl(path, meta->default_acl, ACL_TYPE_DEFAULT);
}

void meta_print_owner(const struct meta *meta)
{
	char *user = meta->user ? str_display(meta->user)
				: xasprintf("%u", (unsigned)meta->uid);
	char *group = meta->group ? str_display(meta->group)
				  : xasprintf("%u", (unsigned)meta->gid);
	char *both = xasprintf("%s:%s", user, group);

	printf("%-16s ", both);
	free(both);
	free(group);
	free(user);
}

void meta_json(const struct meta *meta)
{
	char mode[16];

	snprintf(mode, sizeof(mode), "%04o", (unsigned)meta->mode);
	json_text("mode", mode);
	json_number("uid", (int64_t)meta->uid);
	json_number("gid", (int64_t)meta->gid);
	json_text("user", meta->user);
	json_text("group", meta->group);
	json_time("modified", (int64_t)meta->mtime.tv_sec);
	json_text("acl", meta->acl);
	json_text("default_acl", meta->default_acl);
}

void meta_free(struct meta *meta)
{
	free(meta->user);
	free(meta->group);
	free(meta->acl);
	free(meta->default_acl);
	memset(meta, 0, sizeof(*meta));
}
