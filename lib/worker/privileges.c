/* The groups go first, for the right to change them goes with the user; what was given up
 * is tried out, for a half-dropped root would be worse than an error. */
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

static status fail_to_become(int err, uid_t uid, gid_t gid)
{
	return status_errno(
		err, "store worker: cannot become user %u, group %u", uid, gid);
}

/* A user whom the user database does not know has no other groups. */
static int set_groups(uid_t uid, gid_t gid)
{
	const struct passwd *user = getpwuid(uid);

	return user ? initgroups(user->pw_name, gid) : setgroups(1, &gid);
}

static bool is_only(uid_t uid, gid_t gid)
{
	uid_t real_uid, effective_uid, saved_uid;
	gid_t real_gid, effective_gid, saved_gid;

	return getresuid(&real_uid, &effective_uid, &saved_uid) == 0 &&
	       getresgid(&real_gid, &effective_gid, &saved_gid) == 0 && real_uid == uid &&
	       effective_uid == uid && saved_uid == uid && real_gid == gid &&
	       effective_gid == gid && saved_gid == gid;
}

static bool can_come_back(gid_t gid)
{
	return setresuid((uid_t)-1, 0, (uid_t)-1) == 0 ||
	       (gid != 0 && setresgid((gid_t)-1, 0, (gid_t)-1) == 0);
}

status privileges_become(uid_t uid, gid_t gid)
{
	if (geteuid() != 0) {
		if (uid != geteuid())
			return fail_to_become(EPERM, uid, gid);
		return STATUS_OK;
	}
	if (uid == 0)
		return STATUS_OK;
	if (uid == (uid_t)-1 || gid == (gid_t)-1)
		return fail_to_become(EINVAL, uid, gid);
	if (set_groups(uid, gid) < 0 || setresgid(gid, gid, gid) < 0 ||
		setresuid(uid, uid, uid) < 0)
		return fail_to_become(errno, uid, gid);
	if (!is_only(uid, gid) || can_come_back(gid))
		return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"store worker: root's rights could not be given up");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail_to_become(errno, uid, gid);
	return STATUS_OK;
}
