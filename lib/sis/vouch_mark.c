/*
 * The mark of a file that is being filled: where the record will stand, which takes its
 * place in one step. Whoever may write the file may set it: it gives nobody anything.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/file_step.h"
#include "sis/vouch_encode.h"

/* No record begins like this. */
static const uint8_t beginning[MARK_BEGINNING] = "filling";

/* ---- marking ---- */

static void build(const uint8_t reparse[REPARSE_SIZE], uint8_t mark[MARK_SIZE])
{
	memcpy(mark, beginning, MARK_BEGINNING);
	memcpy(mark + MARK_BEGINNING, reparse, REPARSE_SIZE);
}

static bool is_not_for_us(int err)
{
	return err == EPERM || err == ENOTSUP;
}

static status not_marked(int err, const char *path)
{
	return status_errno(err, "%s: marking it as being restored", path);
}

status vouch_mark_openly(int fd, const char *path, const uint8_t reparse[REPARSE_SIZE])
{
	uint8_t mark[MARK_SIZE];

	build(reparse, mark);
	return step_set_attribute(fd, BY_OWNER, mark, sizeof(mark))
		       ? not_marked(errno, path)
		       : STATUS_OK;
}

/* What stands in the other attribute is not what the record will replace. */
status vouch_mark(int fd, const char *path, const uint8_t reparse[REPARSE_SIZE])
{
	uint8_t mark[MARK_SIZE];

	build(reparse, mark);
	if (step_set_attribute(fd, BY_ROOT, mark, sizeof(mark)))
		return is_not_for_us(errno) ? vouch_mark_openly(fd, path, reparse)
					    : not_marked(errno, path);
	if (step_remove_attribute(fd, BY_OWNER) && errno != ENODATA && errno != ENOTSUP)
		return not_marked(errno, path);
	return STATUS_OK;
}

status vouch_mark_at(int dirfd, const char *name, const uint8_t reparse[REPARSE_SIZE])
{
	uint8_t mark[MARK_SIZE];

	build(reparse, mark);
	if (step_set_attribute_at(dirfd, name, BY_ROOT, mark, sizeof(mark)) &&
		!is_not_for_us(errno))
		return step_errno(errno, dirfd, name);
	return STATUS_OK;
}

/* ---- looking ---- */

bool vouch_is_mark(const uint8_t *value, ssize_t size)
{
	return size == MARK_SIZE && memcmp(value, beginning, MARK_BEGINNING) == 0;
}

/* GET: getxattr or lgetxattr. */
static bool find_mark(ssize_t (*get)(const char *, const char *, void *, size_t),
	const char *path, uint8_t reparse[REPARSE_SIZE])
{
	uint8_t value[MARK_SIZE];

	if (!vouch_is_mark(value, get(path, BY_ROOT, value, sizeof(value))) &&
		!vouch_is_mark(value, get(path, BY_OWNER, value, sizeof(value))))
		return false;
	memcpy(reparse, value + MARK_BEGINNING, REPARSE_SIZE);
	return true;
}

bool vouch_find_mark(int dirfd, const char *name, uint8_t reparse[REPARSE_SIZE])
{
	char path[PATH_MAX];

	return step_proc_path(dirfd, name, path) == 0 &&
	       find_mark(lgetxattr, path, reparse);
}

bool vouch_find_mark_open(int fd, uint8_t reparse[REPARSE_SIZE])
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return find_mark(getxattr, path, reparse);
}
