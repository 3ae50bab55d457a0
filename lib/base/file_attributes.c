/*
 * Extended attributes: those of `user.` and `trusted.`, and the POSIX ACL.  The others
 * say where a file lies (security labels, a file system's own) and not what it is; the
 * target gives its own.
 */
#include "base/file_attributes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/file_step.h"

#define ACL_ATTRIBUTE "system.posix_acl_access"

static bool unsupported(int err)
{
	return err == ENOTSUP || err == ENOSYS;
}

/* The names of FD's attributes, each with its NUL; *NAMES (free()) is NULL where there
 * are none. 0 or an errno. */
static int list_attributes(int fd, char **names, size_t *size)
{
	*names = NULL;
	*size = 0;
	for (;;) {
		ssize_t length = flistxattr(fd, NULL, 0);

		if (length < 0)
			return unsupported(errno) ? 0 : errno;
		if (length == 0)
			return 0;
		free(*names);
		*names = malloc((size_t)length);
		if (!*names)
			return ENOMEM;
		length = flistxattr(fd, *names, (size_t)length);
		if (length >= 0) {
			*size = (size_t)length;
			return 0;
		}
		if (errno != ERANGE)
			return errno;
	}
}

/* One attribute may have grown between the two calls: again. One that vanished is none.
 */
static int copy_attribute(int from, int to, const char *name)
{
	for (;;) {
		ssize_t size = fgetxattr(from, name, NULL, 0);
		void *value;
		int err = 0;

		if (size < 0)
			return errno == ENODATA ? 0 : errno;
		value = malloc((size_t)size + 1);
		if (!value)
			return ENOMEM;
		size = fgetxattr(from, name, value, (size_t)size);
		if (size < 0 || step_set_attribute(to, name, value, (size_t)size))
			err = errno;
		free(value);
		if (size >= 0 || err != ERANGE)
			return err == ENODATA ? 0 : err;
	}
}

static bool belongs_to_file(const char *name)
{
	return strncmp(name, "user.", 5) == 0 || strncmp(name, "trusted.", 8) == 0 ||
	       strcmp(name, ACL_ATTRIBUTE) == 0;
}

static status copy_listed(
	int from, int to, const char *names, size_t size, const char *path)
{
	bool has_acl = false;

	for (size_t i = 0; i < size; i += strlen(names + i) + 1) {
		const char *name = names + i;
		int err = belongs_to_file(name) ? copy_attribute(from, to, name) : 0;

		if (err)
			return status_errno(
				err, "%s: cannot give it the attribute %s", path, name);
		has_acl = has_acl || strcmp(name, ACL_ATTRIBUTE) == 0;
	}
	/* The target directory's default ACL would let others in. */
	if (!has_acl && step_remove_attribute(to, ACL_ATTRIBUTE) && errno != ENODATA &&
		!unsupported(errno))
		return status_errno(errno, "%s: cannot remove its ACL", path);
	return STATUS_OK;
}

static status copy_extended(int from, int to, const char *path)
{
	size_t size;
	char *names;
	int err = list_attributes(from, &names, &size);
	status rc;

	if (err)
		rc = status_errno(err, "%s: cannot read the original's attributes", path);
	else
		rc = copy_listed(from, to, names, size, path);
	free(names);
	return rc;
}

/* The owner first: changing it clears bits of the mode; the times last. */
status file_copy_attributes(
	int from, const struct stat *original, int to, const char *path)
{
	const struct timespec times[2] = {original->st_atim, original->st_mtim};
	struct stat st;
	status rc;

	if (fstat(to, &st))
		return status_errno(errno, "%s", path);
	if ((st.st_uid != original->st_uid || st.st_gid != original->st_gid) &&
		step_chown(to, original->st_uid, original->st_gid))
		return status_errno(errno, "%s: cannot give it its owner", path);
	rc = copy_extended(from, to, path);
	if (failed(rc))
		return rc;
	if (step_chmod(to, original->st_mode & 07777))
		return status_errno(errno, "%s: cannot give it its mode", path);
	if (step_times(to, times))
		return status_errno(errno, "%s: cannot give it its times", path);
	return STATUS_OK;
}
