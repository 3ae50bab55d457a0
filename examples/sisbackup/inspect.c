/*
 * A file is reached by a descriptor and its /proc/self/fd name, which the system follows to
 * this very file, whatever becomes of its name: by O_PATH symbolic links, devices and files
 * without a right to read them too. Regular files are opened for reading, which saves the
 * library doing so for every link.
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
#include "common/same.h"
#include "sisbackup/attributes.h"
#include "sisbackup/holes.h"

#define PROC_SIZE     64
#define TRIES         3
#define NTFS_REPARSE  "system.ntfs_reparse_data"
#define NTFS_MARK     "trusted.backupapi_sis"
#define REPARSE       "user.ntfs_reparse_data"
#define SIS_TAG_BYTES "\x07\x00\x00\x80"

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

/* Has the attribute NAME the reparse point of a single-instance link? A link of NTFS
 * shows as a symbolic link with an invented target. */
static bool has_link_point(const char *proc, const char *name)
{
	char tag[REPARSE_LIMIT];
	ssize_t n = getxattr(proc, name, tag, sizeof(tag));

	return n >= 4 && memcmp(tag, SIS_TAG_BYTES, 4) == 0;
}

static bool read_target(int fd, const char *proc, const char *path, struct entry *entry)
{
	char target[PATH_MAX];
	ssize_t n;

	if (has_link_point(proc, NTFS_REPARSE))
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
static bool read_link(
	struct pass *pass, int fd, const char *path, struct entry *entry, bool *is_link)
{
	unsigned char buffer[REPARSE_LIMIT];
	uint32_t size = 0;

	if (!pass_reparse_point(pass, fd, path, buffer, &size, is_link))
		return false;
	if (*is_link) {
		entry->kind = ENTRY_LINK;
		entry->reparse = xmalloc(size);
		memcpy(entry->reparse, buffer, size);
		entry->reparse_size = size;
	}
	return true;
}

/* Every link has an attribute, which is listed but on NTFS; there it shows as a symbolic
 * link, or with a plug-in as a file, and when a restore was killed that had just begun to
 * fill it, as a file with the library's mark. */
static bool may_be_link(const struct inspect_volume *volume, const struct entry *entry,
	const char *proc, bool any_attribute)
{
	if (!volume->pass || (entry->kind != ENTRY_FILE && entry->kind != ENTRY_SYMLINK))
		return false;
	return any_attribute ||
	       (volume->ntfs && (getxattr(proc, NTFS_REPARSE, NULL, 0) > 0 ||
					getxattr(proc, NTFS_MARK, NULL, 0) > 0));
}

static void number_device(struct entry *entry)
{
	if (entry->kind == ENTRY_CHAR || entry->kind == ENTRY_BLOCK)
		entry->target = xasprintf(
			"%u:%u", major(entry->st.st_rdev), minor(entry->st.st_rdev));
}

static int open_path(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	/* ntfs-3g, after a file became another kind. */
	if (fd < 0 && errno == EIO)
		fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd;
}

/* But on NTFS, where nothing may keep links open. */
static int open_self(int dirfd, const char *name, bool ntfs)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct stat st;
	int fd = -1;

	if (!ntfs && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISREG(st.st_mode))
		fd = openat(dirfd, name, flags | O_NOATIME);
	return fd < 0 ? open_path(dirfd, name) : fd;
}

/* FD is of a regular file, so that only somebody's lease can keep the call waiting. */
static int open_waiting(int fd)
{
	char proc[PROC_SIZE];

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	return open(proc, O_RDONLY | O_NOCTTY | O_CLOEXEC);
}

/* A file of zeros, to everybody, that says it is a link: a restore that was killed leaves
 * these. */
static bool is_unfinished(int fd, const char *proc, const struct entry *entry)
{
	bool hollow;
	int reading;

	if (entry->kind != ENTRY_FILE || entry->size == 0 ||
		!has_link_point(proc, REPARSE))
		return false;
	reading = open_waiting(fd);
	if (reading < 0)
		return false; /* nor can it be saved */
	hollow = holes_only(reading);
	close(reading);
	return hollow;
}

static bool any_left_out;

static bool leave_out(const char *name)
{
	bool out = attributes_left_out(name);

	any_left_out = any_left_out || out;
	return out;
}

static bool describe_self(int fd, const char *proc, const char *path, struct entry *entry)
{
	bool acls;
	int err;

	if (fstat(fd, &entry->st) != 0)
		return report_errno(errno, path);
	entry->kind = kind_of(entry->st.st_mode);
	if (entry->kind == ENTRY_FILE)
		entry->size = (uint64_t)entry->st.st_size;
	any_left_out = false;
	err = xattrs_read(fd, proc, leave_out, &entry->xattrs, &acls);
	if (err == 0)
		err = meta_describe(proc, &entry->st, acls, &entry->meta);
	return err == 0 || report_errno(err, path);
}

/* A link's buffer, and *CHANGED where the file did not keep still meanwhile. */
static bool describe_link(
	int fd, const char *path, struct pass *pass, struct entry *entry, bool *changed)
{
	struct stat st;
	bool is_link;

	if (!read_link(pass, fd, path, entry, &is_link))
		return false;
	*changed = is_link && (fstat(fd, &st) != 0 || !same_file(&st, &entry->st));
	return true;
}

static bool describe(int fd, const char *path, const struct inspect_volume *volume,
	struct entry *entry, bool *changed)
{
	char proc[PROC_SIZE];

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	*changed = false;
	if (!describe_self(fd, proc, path, entry))
		return false;
	if (may_be_link(volume, entry, proc, any_left_out) &&
		!describe_link(fd, path, volume->pass, entry, changed))
		return false;
	if (*changed)
		return true;
	if (any_left_out && is_unfinished(fd, proc, entry))
		return report_problem(ERROR_FILE_NOT_FOUND, path,
			"not saved: a link without content that nobody vouches for, as a "
			"restore that was killed leaves it");
	number_device(entry);
	return entry->kind != ENTRY_SYMLINK || read_target(fd, proc, path, entry);
}

bool inspect(int dirfd, const char *name, const char *path,
	const struct inspect_volume *volume, struct entry *entry, bool *gone)
{
	for (int i = 0; i < TRIES; i++) {
		int fd = open_self(dirfd, name, volume->ntfs);
		bool ok, changed;

		*gone = fd < 0 && errno == ENOENT;
		if (fd < 0)
			return !*gone && report_errno(errno, path);
		ok = describe(fd, path, volume, entry, &changed);
		close(fd);
		if (!ok || !changed)
			return ok;
		entry_clear(entry);
	}
	return report_problem(ERROR_BUSY, path, "changes while it is looked at");
}

/* A file that ENTRY was made from, and that has a lease on it. -1: errno. */
static int open_leased(int dirfd, const char *name, const struct entry *entry)
{
	int path_fd = open_path(dirfd, name), fd = -1, err;
	struct stat st;

	if (path_fd < 0)
		return -1;
	if (fstat(path_fd, &st) == 0 && S_ISREG(st.st_mode) &&
		same_file(&st, &entry->st)) {
		fd = open_waiting(path_fd);
		err = errno;
	} else {
		err = ENOENT;
	}
	close(path_fd);
	errno = err;
	return fd;
}

int inspect_open(int dirfd, const char *name, const char *path, const struct entry *entry,
	bool *changed)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct stat st;
	int fd = openat(dirfd, name, flags | O_NOATIME);

	if (fd < 0 && errno == EPERM)
		fd = openat(dirfd, name, flags);
	if (fd < 0 && errno == EWOULDBLOCK)
		fd = open_leased(dirfd, name, entry);
	*changed = fd < 0 && (errno == ENOENT || errno == ELOOP);
	if (fd < 0) {
		if (!*changed)
			report_errno(errno, path);
		return -1;
	}
	if (fstat(fd, &st) == 0 && same_file(&st, &entry->st))
		return fd;
	*changed = true;
	close(fd);
	return -1;
}

bool inspect_unchanged(int dirfd, const char *name, int fd, const struct entry *entry)
{
	struct stat st;

	return fstat(fd, &st) == 0 && same_file(&st, &entry->st) &&
	       fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       same_file(&st, &entry->st);
}
