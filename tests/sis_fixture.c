#include "sis_fixture.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "sis/reparse.h"
#include "support.h"

const uint8_t sis_real_link[72] = {0x07, 0x00, 0x00, 0x80, 0x40, 0x00, 0x00, 0x00, 0x05,
	0x00, 0x00, 0x00, 0x10, 0xb0, 0x11, 0xb1, 0x22, 0x49, 0x0e, 0x0b, 0x34, 0x6d,
	0xea, 0x11, 0x9b, 0x83, 0x00, 0x50, 0x56, 0x88, 0x14, 0x8e, 0x69, 0x35, 0x21,
	0x02, 0x00, 0x00, 0x00, 0x00, 0x3c, 0x6a, 0x2e, 0x00, 0x00, 0x00, 0x01, 0x00,
	0x30, 0xb9, 0x03, 0x00, 0x00, 0x00, 0x06, 0x00, 0x10, 0xcc, 0x45, 0x97, 0x4c,
	0x85, 0xb8, 0x89, 0x63, 0x39, 0x22, 0x2c, 0x9e, 0x05, 0x4b, 0xbd};

static const char *const make[VOLUME_TYPES] = {
	[ON_EXT4] =
		"truncate -s 64M %1$s && mkfs.ext4 -q %1$s && mount -o loop %1$s %2$s",
	[ON_XFS] = "truncate -s 320M %1$s && mkfs.xfs -q -m reflink=1 %1$s && "
		   "mount -o loop %1$s %2$s",
	[ON_BTRFS] =
		"truncate -s 160M %1$s && mkfs.btrfs -q %1$s && mount -o loop %1$s %2$s",
	[ON_NTFS] = "truncate -s 64M %1$s && mkfs.ntfs -q -F %1$s",
	[ON_TMPFS] = "mount -t tmpfs -o size=64m %1$s %2$s", /* named so; none is made */
};

static char *mounts[VOLUME_TYPES];

static void **kept;
static size_t kept_count;

void *sis_keep(void *block)
{
	kept = realloc(kept, (kept_count + 1) * sizeof(*kept));
	ck_assert_ptr_nonnull(kept);
	kept[kept_count++] = block;
	return block;
}

char *sis_path(const char *dir, const char *name)
{
	return sis_keep(support_path(dir, name));
}

bool sis_may_skip(void)
{
	const char *set = getenv("BACKUPAPI_TEST_NO_SKIP");

	return !set || strcmp(set, "1") != 0;
}

void sis_skipped(const char *what)
{
	if (!sis_may_skip())
		ck_abort_msg("BACKUPAPI_TEST_NO_SKIP is set, but: %s", what);
	(void)fprintf(stderr, "skipped: %s\n", what);
}

static char *mount_one(enum volume_type type, const char *dir)
{
	char image[4200], point[4200], mounting[18000], command[18100];

	(void)snprintf(image, sizeof(image), "%s/image-%d", dir, (int)type);
	(void)snprintf(point, sizeof(point), "%s/mount-%d", dir, (int)type);
	ck_assert_int_eq(mkdir(point, 0755), 0);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)snprintf(mounting, sizeof(mounting), make[type], image, point);
#pragma GCC diagnostic pop
	(void)snprintf(command, sizeof(command), "( %s ) > /dev/null 2>&1", mounting);
	if (system(command) != 0) {
		sis_skipped(command);
		return NULL;
	}
	return strdup(point);
}

/* ntfs-3g stays in this process's mount namespace and would keep it, with all that is
 * mounted there, alive; so it ends with this process. */
static pid_t ntfs_pid;
static pid_t owner;

/* Ahead of the removal of the directory that all is mounted in. */
static void unmount_all(void)
{
	if (getpid() != owner)
		return;
	for (int type = 0; type < VOLUME_TYPES; type++)
		if (type != ON_TMP && mounts[type])
			(void)umount2(mounts[type], MNT_DETACH);
	if (ntfs_pid <= 0)
		return;
	(void)kill(ntfs_pid, SIGTERM);
	(void)waitpid(ntfs_pid, NULL, 0);
}

static pid_t start_ntfs(const char *image, const char *point)
{
	const pid_t parent = getpid();
	const pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent)
			(void)execlp("ntfs-3g", "ntfs-3g", "-o", "no_detach", image,
				point, (char *)NULL);
		_exit(127);
	}
	return pid;
}

/* POINT is another file system as soon as it is mounted. */
static bool wait_for_mount(const char *point, dev_t before)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	struct stat st;

	for (int tries = 0; tries < 1000; tries++) {
		if (stat(point, &st) == 0 && st.st_dev != before)
			return true;
		if (waitpid(ntfs_pid, NULL, WNOHANG) != 0)
			return false;
		(void)nanosleep(&pause, NULL);
	}
	return false;
}

static void serve_ntfs(const char *dir)
{
	char image[4200];
	struct stat st;

	(void)snprintf(image, sizeof(image), "%s/image-%d", dir, (int)ON_NTFS);
	ck_assert_int_eq(stat(mounts[ON_NTFS], &st), 0);
	ntfs_pid = start_ntfs(image, mounts[ON_NTFS]);
	if (ntfs_pid > 0 && wait_for_mount(mounts[ON_NTFS], st.st_dev))
		return;
	sis_skipped("cannot mount with ntfs-3g");
	mounts[ON_NTFS] = NULL;
	ntfs_pid = 0;
}

static bool private_mounts(void)
{
	return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", "none", MS_REC | MS_PRIVATE, "") == 0;
}

void sis_volumes_make(void)
{
	const char *dir = support_tmpdir();

	mounts[ON_TMP] = strdup(dir);
	if (!private_mounts()) {
		sis_skipped("only root can mount file systems");
		return;
	}
	owner = getpid();
	ck_assert_int_eq(atexit(unmount_all), 0);
	for (int type = 0; type < VOLUME_TYPES; type++)
		if (make[type])
			mounts[type] = mount_one((enum volume_type)type, dir);
	if (mounts[ON_NTFS])
		serve_ntfs(dir);
}

char *sis_volume(enum volume_type type)
{
	char *path;

	if (!mounts[type])
		return NULL;
	ck_assert_int_ge(asprintf(&path, "%s/volume-XXXXXX", mounts[type]), 0);
	ck_assert_ptr_nonnull(mkdtemp(path));
	return sis_keep(path);
}

bool sis_shares_extents(enum volume_type type)
{
	return type == ON_XFS || type == ON_BTRFS;
}

char *sis_content(size_t size, unsigned seed)
{
	char *data = sis_keep(malloc(size + 1));
	uint32_t x = seed * 2654435761u + 1;

	ck_assert_ptr_nonnull(data);
	for (size_t i = 0; i < size; i++) {
		x = x * 1664525u + 1013904223u;
		data[i] = (char)(x >> 24);
	}
	return data;
}

void sis_put(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_msg(fd >= 0, "cannot create %s", path);
	ck_assert_int_eq(file_write_all(fd, data, size, path), STATUS_OK);
	ck_assert_int_eq(close(fd), 0);
}

char *sis_get(const char *path, size_t *size)
{
	struct stat st;
	char *data;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "cannot open %s", path);
	ck_assert_int_eq(fstat(fd, &st), 0);
	data = sis_keep(malloc((size_t)st.st_size + 1));
	ck_assert_ptr_nonnull(data);
	ck_assert_int_eq(
		file_pread(fd, data, (size_t)st.st_size, 0, size, path), STATUS_OK);
	ck_assert_uint_eq(*size, (size_t)st.st_size);
	(void)close(fd);
	return data;
}

void sis_put_store_file(const char *root, const char *guid, const void *data, size_t size)
{
	char path[4400];

	(void)snprintf(path, sizeof(path), "%s/" STORE_NAME, root);
	(void)mkdir(path, 0700);
	(void)snprintf(path, sizeof(path), "%s/" STORE_NAME "/%s.sis", root, guid);
	sis_put(path, data, size);
}

void sis_reparse(const char *guid, uint64_t index, const void *content, size_t size,
	uint8_t reparse[72])
{
	struct content_checksum checksum = {0};
	struct sis_link link = {.reserved = REPARSE_MARK, .index = index};

	content_checksum_add(&checksum, content, size);
	link.content_checksum = content_checksum_end(&checksum);
	ck_assert_int_eq(uuid_parse(guid, link.store_file), 0);
	reparse_build(&link, reparse);
}

void sis_put_bare(const char *path, const uint8_t reparse[72], size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_msg(fd >= 0, "cannot create %s", path);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_msg(setxattr(path, "user.ntfs_reparse_data", reparse, 72, 0) == 0,
		"cannot set an attribute of %s", path);
}
