/*
 * A file is reached by an O_PATH descriptor and its /proc/self/fd name, which the system
 * follows to this very file, whatever becomes of its name: symbolic links, devices and
 * files without a right to read them included.
 */
#include "sisbackup/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/report.h"
#include "sisbackup/pass.h"

#define PROC_SIZE     64
#define NTFS_REPARSE  "system.ntfs_reparse_data"
#define SIS_TAG_BYTES "\x07\x00\x00\x80"

/* What makes a link is saved as its reparse buffer, and made anew at a restore. */
static bool is_link_attribute(const char *name)
{
	static const char *const own[] = {
		"user.ntfs_reparse_data", "user.backupapi_sis", "trusted.backupapi_sis"};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!strcmp(name, own[i]))
			return true;
	return false;
}

static enum entry_kind kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return ENTRY_DIRECTORY;
	case S_IFLNK:
		return ENTRY_SYMLINK;
	case S_IFIFO:
		return ENTRY_FIFO;
	case S_IFSOCK:
		return ENTRY_SOCKET;
	case S_IFCHR:
		return ENTRY_CHAR;
	case S_IFBLK:
		return ENTRY_BLOCK;
	default:
		return ENTRY_FILE;
	}
}

/* A link of NTFS shows as a symbolic link with an invented target. */
static bool is_ntfs_link(const char *proc)
{
	char tag[REPARSE_LIMIT];
	ssize_t n = getxattr(proc, NTFS_REPARSE, tag, sizeof(tag));

	return n >= 4 && memcmp(tag, SIS_TAG_BYTES, 4) == 0;
}

static bool read_target(int fd, const char *proc, const char *path, struct entry *entry)
{
	char target[PATH_MAX];
	ssize_t n;

	if (is_ntfs_link(proc))
		return report_problem(ERROR_FILE_NOT_FOUND, path,
			"a single-instance link whose common-store file is missing");
	n = readlinkat(fd, "", target, sizeof(target));
	if (n < 0)
		return report_errno(errno, path);
	if ((size_t)n == sizeof(target))
		return report_errno(ENAMETOOLONG, path);
	entry->target = xstrndup(target, (size_t)n);
	return true;
}

/* *IS_LINK, with the reparse buffer in ENTRY. False: reported. */
static bool read_link(const char *path, struct entry *entry, bool *is_link)
{
	unsigned char buffer[REPARSE_LIMIT];
	uint32_t size = 0;
	int32_t rc = backupapi_get_reparse_point(path, buffer, sizeof(buffer), &size);

	*is_link = !FAILED(rc);
	if (*is_link) {
		entry->kind = ENTRY_LINK;
		entry->reparse = xmalloc(size);
		memcpy(entry->reparse, buffer, size);
		entry->reparse_size = size;
		return true;
	}
	return rc == HRESULT_FROM_WIN32(ERROR_NOT_A_REPARSE_POINT) ||
	       report_call(rc, path);
}

/* Every link has an attribute, which is listed but on NTFS; there it shows as a symbolic
 * link, or with a plug-in as a file. */
static bool may_be_link(const struct entry *entry, const char *proc, bool any_attribute)
{
	char byte;

	if (entry->kind != ENTRY_FILE && entry->kind != ENTRY_SYMLINK)
		return false;
	return any_attribute || getxattr(proc, NTFS_REPARSE, &byte, 0) > 0;
}

static void number_device(struct entry *entry)
{
	if (entry->kind == ENTRY_CHAR || entry->kind == ENTRY_BLOCK)
		entry->target = xasprintf("%u:%u", major(entry->st.st_rdev),
			minor(entry->st.st_rdev));
}

static bool any_skipped;

static bool skip_attribute(const char *name)
{
	bool skip = is_link_attribute(name);

	any_skipped = any_skipped || skip;
	return skip;
}

static bool describe(
	int fd, const char *path, bool links, struct entry *entry)
{
	char proc[PROC_SIZE];
	bool acls, is_link = false;
	int err;

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	entry->kind = kind_of(entry->st.st_mode);
	if (entry->kind == ENTRY_FILE)
		entry->size = (uint64_t)entry->st.st_size;
	any_skipped = false;
	err = xattrs_read(proc, skip_attribute, &entry->xattrs, &acls);
	if (err == 0)
		err = meta_describe(proc, &entry->st, acls, &entry->meta);
	if (err)
		return report_errno(err, path);
	if (links && may_be_link(entry, proc, any_skipped) &&
		!read_link(path, entry, &is_link))
		return false;
	number_device(entry);
	return is_link || entry->kind != ENTRY_SYMLINK ||
	       read_target(fd, proc, path, entry);
}

static int open_path(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	/* ntfs-3g, after a file became another kind. */
	if (fd < 0 && errno == EIO)
		fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd;
}

bool inspect(int dirfd, const char *name, const char *path, bool links, struct entry *entry,
	bool *gone)
{
	int fd = open_path(dirfd, name);
	bool ok;

	*gone = fd < 0 && errno == ENOENT;
	if (fd < 0)
		return !*gone && report_errno(errno, path);
	ok = fstat(fd, &entry->st) == 0 ? describe(fd, path, links, entry)
					: report_errno(errno, path);
	close(fd);
	return ok;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size && same_time(a->st_mtim, b->st_mtim) &&
	       same_time(a->st_ctim, b->st_ctim);
}

int inspect_open(int dirfd, const char *name, const char *path, const struct entry *entry,
	bool *changed)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct stat st;
	int fd = openat(dirfd, name, flags | O_NOATIME);

	if (fd < 0 && errno == EPERM)
		fd = openat(dirfd, name, flags);
	*changed = fd < 0 && (errno == ENOENT || errno == ELOOP);
	if (fd < 0) {
		if (!*changed)
			report_errno(errno, path);
		return -1;
	}
	if (fstat(fd, &st) == 0 && same(&st, &entry->st))
		return fd;
	*changed = true;
	close(fd);
	return -1;
}

bool inspect_unchanged(int dirfd, const char *name, int fd, const struct entry *entry)
{
	struct stat st;

	return fstat(fd, &st) == 0 && same(&st, &entry->st) &&
	       fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       same(&st, &entry->st);
}
