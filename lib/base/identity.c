/*
 * The file system identity and the raw setgroups call are a thread's own; the C library's
 * setgroups would change every thread's.  What cannot be verified counts as failed:
 * acting as root by mistake is the one thing that must not happen here.
 */
#include "base/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#endif

#include "base/trace.h"

#ifdef __linux__

/* On 32-bit machines the plain call takes 16-bit ids. */
#ifdef SYS_setgroups32
#define SET_GROUPS SYS_setgroups32
#else
#define SET_GROUPS SYS_setgroups
#endif

#define CAPABILITY(number) (UINT64_C(1) << (number))

/* What lets a thread pass over the file system's checks. */
static const uint64_t file_capabilities =
	CAPABILITY(CAP_CHOWN) | CAPABILITY(CAP_DAC_OVERRIDE) |
	CAPABILITY(CAP_DAC_READ_SEARCH) | CAPABILITY(CAP_FOWNER) |
	CAPABILITY(CAP_FSETID) | CAPABILITY(CAP_MKNOD) | CAPABILITY(CAP_MAC_OVERRIDE) |
	CAPABILITY(CAP_LINUX_IMMUTABLE);

static uid_t current_fsuid(void)
{
	return (uid_t)setfsuid((uid_t)-1);
}

static gid_t current_fsgid(void)
{
	return (gid_t)setfsgid((gid_t)-1);
}

static int set_groups(int count, const gid_t *groups)
{
	return (int)syscall(SET_GROUPS, (size_t)count, groups);
}

/* ---- the groups of a user ---- */

/* The entry and its strings, in *MEMORY (free()); *USER is NULL where the user database
 * does not know UID. 0 or an errno. */
static int find_user(uid_t uid, struct passwd *entry, struct passwd **user, char **memory)
{
	*user = NULL;
	*memory = NULL;
	for (size_t size = 1024; size <= (size_t)1 << 24; size *= 2) {
		char *grown = realloc(*memory, size);
		int err;

		if (!grown)
			return ENOMEM;
		*memory = grown;
		err = getpwuid_r(uid, entry, *memory, size, user);
		if (err == ERANGE || err == EINTR)
			continue;
		/* These are some systems' ways to say that there is none. */
		if (err == ENOENT || err == ESRCH || err == EBADF || err == EPERM)
			err = 0;
		return err;
	}
	return ERANGE;
}

static int list_groups(const struct passwd *user, gid_t gid, gid_t **groups, int *count)
{
	int room = 16;

	*groups = NULL;
	for (;;) {
		gid_t *grown = realloc(*groups, (size_t)room * sizeof(**groups));

		if (!grown)
			return ENOMEM;
		*groups = grown;
		*count = room;
		if (getgrouplist(user->pw_name, gid, *groups, count) >= 0)
			return 0;
		if (room > 1 << 20)
			return ERANGE;
		room = *count > room ? *count : room * 2;
	}
}

static int only_group(gid_t gid, gid_t **groups, int *count)
{
	*groups = malloc(sizeof(**groups));
	if (!*groups)
		return ENOMEM;
	(*groups)[0] = gid;
	*count = 1;
	return 0;
}

static int groups_of(uid_t uid, gid_t gid, gid_t **groups, int *count)
{
	struct passwd entry, *user;
	char *memory;
	int err = find_user(uid, &entry, &user, &memory);

	*groups = NULL;
	if (!err)
		err = user ? list_groups(user, gid, groups, count)
			   : only_group(gid, groups, count);
	free(memory);
	return err;
}

/* ---- the thread's identity ---- */

static int save_groups(struct identity *former)
{
	int count = getgroups(0, NULL);

	if (count < 0)
		return errno;
	former->groups = malloc(((size_t)count + 1) * sizeof(gid_t));
	if (!former->groups)
		return ENOMEM;
	former->group_count = getgroups(count, former->groups);
	return former->group_count < 0 ? errno : 0;
}

/* The kernel drops them with the file system uid, unless a securebit forbids that. */
static int check_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
	uint64_t effective;

	if (syscall(SYS_capget, &header, data))
		return errno;
	effective = (uint64_t)data[1].effective << 32 | data[0].effective;
	return effective & file_capabilities ? EPERM : 0;
}

/* The calls return what was before, and no error: reading back tells. */
static int become(uid_t uid, gid_t gid, int group_count, const gid_t *groups)
{
	if (set_groups(group_count, groups))
		return errno;
	(void)setfsgid(gid);
	(void)setfsuid(uid);
	if (current_fsgid() != gid || current_fsuid() != uid)
		return EPERM;
	return check_capabilities();
}

static int assume(uid_t uid, gid_t gid, struct identity *former)
{
	gid_t *groups;
	int count = 0;
	int err = groups_of(uid, gid, &groups, &count);

	if (!err)
		err = save_groups(former);
	if (!err) {
		former->assumed = true;
		err = become(uid, gid, count, groups);
	}
	free(groups);
	return err;
}

status identity_assume(uid_t uid, gid_t gid, struct identity *former)
{
	int err;

	*former = (struct identity){0};
	if (geteuid() != 0 || uid == 0)
		return STATUS_OK;
	if (current_fsuid() != 0)
		return status_fail(STATUS_WIN32(ERROR_INVALID_STATE),
			"user %lu: this thread acts as another user already",
			(unsigned long)uid);
	err = assume(uid, gid, former);
	if (!err)
		return STATUS_OK;
	identity_restore(former);
	return status_errno(
		err, "user %lu: cannot act with this user's rights", (unsigned long)uid);
}

void identity_restore(struct identity *former)
{
	if (former->assumed) {
		const uid_t uid = geteuid();
		const gid_t gid = getegid();

		(void)setfsuid(uid);
		(void)setfsgid(gid);
		if (set_groups(former->group_count, former->groups) ||
			current_fsuid() != uid || current_fsgid() != gid)
			trace(TRACE_ERROR, "a thread could not get its own rights back");
	}
	free(former->groups);
	*former = (struct identity){0};
}

#else

status identity_assume(uid_t uid, gid_t gid, struct identity *former)
{
	(void)gid;
	*former = (struct identity){0};
	if (geteuid() != 0 || uid == 0)
		return STATUS_OK;
	return status_fail(STATUS_WIN32(ERROR_NOT_SUPPORTED),
		"user %lu: one thread cannot act as another user on this system",
		(unsigned long)uid);
}

void identity_restore(struct identity *former)
{
	*former = (struct identity){0};
}

#endif

status identity_do(uid_t uid, gid_t gid, status (*what)(void *context), void *context)
{
	struct identity former;
	status rc = identity_assume(uid, gid, &former);

	if (failed(rc))
		return rc;
	rc = what(context);
	identity_restore(&former);
	return rc;
}
