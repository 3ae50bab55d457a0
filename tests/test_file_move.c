/*
 * Moving, also between two file systems: the temporary directory's and /dev/shm.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "support.h"

#define EXISTS       STATUS_WIN32(ERROR_ALREADY_EXISTS)
#define OTHER_DEVICE STATUS_WIN32(ERROR_NOT_SAME_DEVICE)
#define TEMPORARY    ".to.backupapi-new"
#define ACL_ACCESS   "system.posix_acl_access"
#define ACL_DEFAULT  "system.posix_acl_default"
#define DIED         42
#define BIG          ((size_t)300000)

/* An ACL as the kernel takes it: version 2, then entries of tag, permissions, id. */
static const unsigned char acl_for_user_1234[] = {2, 0, 0, 0, /* version */
	1, 0, 6, 0, 0xff, 0xff, 0xff, 0xff,                   /* owner rw- */
	2, 0, 4, 0, 0xd2, 0x04, 0, 0,                         /* user 1234 r-- */
	4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,                   /* group --- */
	16, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,                  /* mask r-- */
	32, 0, 0, 0, 0xff, 0xff, 0xff, 0xff /* others --- */};

static int here, there; /* directories, THERE on another file system where it says so */
static bool crossing;
static int event_count, dies_at;
static bool no_copy_range;

/* A kernel that cannot copy between these file systems, when wanted. */
ssize_t copy_file_range(
	int from, off_t *in, int to, off_t *out, size_t size, unsigned flags)
{
	static char block[1000];
	ssize_t got;

	(void)flags;
	if (no_copy_range) {
		errno = EXDEV;
		return -1;
	}
	got = pread(from, block, size < sizeof(block) ? size : sizeof(block), *in);
	return got <= 0 ? got : pwrite(to, block, (size_t)got, *out);
}

/* ---- fixtures ---- */

static int open_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void set_up_same(void)
{
	here = open_path(support_tmpdir());
	there = open_path(support_tmpdir());
	crossing = false;
	no_copy_range = false;
	file_step_hook = NULL;
}

/* Two file systems, or this test program says so once and has fewer tests. */
static bool have_two_devices(void)
{
	const char *base = getenv("TMPDIR");
	struct stat a, b;

	return stat(base ? base : "/tmp", &a) == 0 && stat("/dev/shm", &b) == 0 &&
	       access("/dev/shm", W_OK) == 0 && a.st_dev != b.st_dev;
}

static void set_up_crossing(void)
{
	char *former = getenv("TMPDIR") ? strdup(getenv("TMPDIR")) : NULL;

	set_up_same();
	ck_assert_int_eq(close(there), 0);
	ck_assert_int_eq(setenv("TMPDIR", "/dev/shm", 1), 0);
	there = open_path(support_tmpdir());
	ck_assert_int_eq(former ? setenv("TMPDIR", former, 1) : unsetenv("TMPDIR"), 0);
	free(former);
	crossing = true;
}

static void tear_down(void)
{
	file_step_hook = NULL;
	ck_assert_int_eq(close(here), 0);
	ck_assert_int_eq(close(there), 0);
}

/* ---- helpers ---- */

static int create(int dir, const char *name, const void *data, size_t size)
{
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, size), (ssize_t)size);
	return fd;
}

static void create_text(int dir, const char *name, const char *text)
{
	ck_assert_int_eq(close(create(dir, name, text, strlen(text))), 0);
}

static bool exists(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static struct stat stat_of(int dir, const char *name)
{
	struct stat st;

	ck_assert_int_eq(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

static void assert_content(int dir, const char *name, const void *data, size_t size)
{
	char *found;
	size_t length;

	ck_assert_int_eq(file_read_at(dir, name, (size_t)1 << 30, &found, &length, NULL),
		STATUS_OK);
	ck_assert_uint_eq(length, size);
	ck_assert(memcmp(found, data, size) == 0);
	free(found);
}

static void assert_text(int dir, const char *name, const char *text)
{
	assert_content(dir, name, text, strlen(text));
}

static unsigned char *make_noise(void)
{
	unsigned char *noise = malloc(BIG);

	ck_assert_ptr_nonnull(noise);
	for (size_t i = 0; i < BIG; i++)
		noise[i] = (unsigned char)(i * 2654435761u >> 13);
	return noise;
}

static status move(void)
{
	return file_move_at(here, "from", there, "to");
}

static void assert_moved(void)
{
	ck_assert_int_eq(move(), STATUS_OK);
	ck_assert(!exists(here, "from"));
	ck_assert(!exists(there, TEMPORARY));
}

/* Extended attributes and ACLs are not everywhere; false where NAME's cannot be set. */
static bool set_attribute(
	int dir, const char *name, const char *attribute, const void *value, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	bool set;

	ck_assert_int_ge(fd, 0);
	set = fsetxattr(fd, attribute, value, size, 0) == 0;
	ck_assert(set || errno == ENOTSUP || errno == EPERM);
	ck_assert_int_eq(close(fd), 0);
	return set;
}

static ssize_t get_attribute(
	int dir, const char *name, const char *attribute, void *value, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	ck_assert_int_ge(fd, 0);
	got = fgetxattr(fd, attribute, value, size);
	ck_assert_int_eq(close(fd), 0);
	return got;
}

static bool supports(int dir, const char *attribute, const void *value, size_t size)
{
	bool supported;

	create_text(dir, "probe", "");
	supported = set_attribute(dir, "probe", attribute, value, size);
	ck_assert_int_eq(unlinkat(dir, "probe", 0), 0);
	return supported;
}

/* ---- on any file systems ---- */

START_TEST(move_takes_content_to_the_new_name)
{
	create_text(here, "from", "precious");
	assert_moved();
	assert_text(there, "to", "precious");
}
END_TEST

START_TEST(move_never_replaces)
{
	create_text(here, "from", "new");
	create_text(there, "to", "old");
	ck_assert_int_eq(move(), EXISTS);
	assert_text(here, "from", "new");
	assert_text(there, "to", "old");
	ck_assert_int_eq(unlinkat(there, "to", 0), 0);
	ck_assert_int_eq(symlinkat("nowhere", there, "to"), 0);
	ck_assert_int_eq(move(), EXISTS);
	assert_text(here, "from", "new");
}
END_TEST

START_TEST(move_needs_its_original)
{
	ck_assert_int_eq(move(), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert(!exists(there, "to"));
}
END_TEST

static enum file_step last_steps[3];

static void note_last(const struct file_event *event)
{
	if (!event->done)
		return;
	last_steps[0] = last_steps[1];
	last_steps[1] = last_steps[2];
	last_steps[2] = event->step;
}

START_TEST(move_ends_with_both_directories_synced)
{
	create_text(here, "from", "x");
	file_step_hook = note_last;
	assert_moved();
	ck_assert_int_eq(last_steps[1], FILE_SYNC_DIR);
	ck_assert_int_eq(last_steps[2], FILE_SYNC_DIR);
	ck_assert(last_steps[0] == (crossing ? FILE_SYNC_DIR : FILE_RENAME));
}
END_TEST

static void die_there(const struct file_event *event)
{
	(void)event;
	if (event_count++ == dies_at)
		_exit(DIED);
}

static int move_in_child(void)
{
	int wait_status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		event_count = 0;
		file_step_hook = die_there;
		_exit(failed(move()) ? 1 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert(WIFEXITED(wait_status));
	return WEXITSTATUS(wait_status);
}

START_TEST(move_that_dies_at_any_step_loses_nothing_and_can_be_repeated)
{
	int result = DIED;

	for (dies_at = 0; result == DIED; dies_at++) {
		create_text(here, "from", "precious");
		result = move_in_child();
		ck_assert(exists(here, "from") || exists(there, "to"));
		if (exists(there, "to"))
			assert_text(there, "to", "precious");
		if (exists(here, "from")) {
			assert_text(here, "from", "precious");
			assert_moved();
		}
		assert_text(there, "to", "precious");
		ck_assert_int_eq(unlinkat(there, "to", 0), 0);
	}
	ck_assert_int_eq(result, 0);
	ck_assert_int_ge(dies_at, crossing ? 20 : 6);
}
END_TEST

/* ---- within one file system ---- */

START_TEST(move_takes_directories_and_links_within_a_file_system)
{
	ck_assert_int_eq(mkdirat(here, "from", 0755), 0);
	assert_moved();
	ck_assert(S_ISDIR(stat_of(there, "to").st_mode));
	ck_assert_int_eq(unlinkat(there, "to", AT_REMOVEDIR), 0);
	ck_assert_int_eq(symlinkat("nowhere", here, "from"), 0);
	assert_moved();
	ck_assert(S_ISLNK(stat_of(there, "to").st_mode));
}
END_TEST

START_TEST(moving_unsynced_syncs_nothing)
{
	create_text(here, "from", "x");
	last_steps[1] = last_steps[2] = FILE_CREATE;
	file_step_hook = note_last;
	ck_assert_int_eq(file_move_unsynced_at(here, "from", there, "to"), STATUS_OK);
	ck_assert_int_eq(last_steps[1], FILE_CREATE);
	ck_assert_int_eq(last_steps[2], FILE_RENAME);
	assert_text(there, "to", "x");
}
END_TEST

/* ---- across file systems ---- */

START_TEST(crossing_keeps_owner_mode_and_times)
{
	const struct timespec times[2] = {{1000000000, 5}, {1100000000, 7}};
	const bool root = geteuid() == 0;
	struct stat st;
	int fd = create(here, "from", "x", 1);

	if (root)
		ck_assert_int_eq(fchown(fd, 1234, 4321), 0);
	ck_assert_int_eq(fchmod(fd, 04610), 0);
	ck_assert_int_eq(futimens(fd, times), 0);
	ck_assert_int_eq(close(fd), 0);
	assert_moved();
	st = stat_of(there, "to");
	ck_assert_uint_eq(st.st_uid, root ? 1234 : geteuid());
	ck_assert_uint_eq(st.st_gid, root ? 4321 : getegid());
	ck_assert_uint_eq(st.st_mode & 07777, 04610);
	ck_assert_int_eq(st.st_mtim.tv_sec, 1100000000);
	ck_assert_int_eq(st.st_mtim.tv_nsec, 7);
	ck_assert_int_eq(st.st_atim.tv_sec, 1000000000);
}
END_TEST

START_TEST(crossing_keeps_extended_attributes_or_fails)
{
	char value[16];

	create_text(here, "from", "x");
	if (!set_attribute(here, "from", "user.note", "remember", 8)) {
		(void)fputs("skipped: no extended attributes here\n", stderr);
		return;
	}
	if (!supports(there, "user.note", "remember", 8)) {
		ck_assert_int_eq(move(), status_from_errno(ENOTSUP));
		assert_text(here, "from", "x");
		ck_assert(!exists(there, "to"));
		ck_assert(!exists(there, TEMPORARY));
		return;
	}
	assert_moved();
	ck_assert_int_eq(
		get_attribute(there, "to", "user.note", value, sizeof(value)), 8);
	ck_assert_mem_eq(value, "remember", 8);
}
END_TEST

START_TEST(crossing_keeps_the_acl)
{
	unsigned char found[64];

	create_text(here, "from", "x");
	if (!set_attribute(here, "from", ACL_ACCESS, acl_for_user_1234,
		    sizeof(acl_for_user_1234)) ||
		!supports(there, ACL_ACCESS, acl_for_user_1234,
			sizeof(acl_for_user_1234))) {
		(void)fputs("skipped: no ACLs here\n", stderr);
		return;
	}
	assert_moved();
	ck_assert_int_eq(get_attribute(there, "to", ACL_ACCESS, found, sizeof(found)),
		sizeof(acl_for_user_1234));
	ck_assert_mem_eq(found, acl_for_user_1234, sizeof(acl_for_user_1234));
	ck_assert_uint_eq(stat_of(there, "to").st_mode & 07777, 0640);
}
END_TEST

START_TEST(crossing_lets_no_default_acl_widen_access)
{
	unsigned char found[64];

	create_text(here, "from", "x");
	ck_assert_int_eq(fchmodat(here, "from", 0640, 0), 0);
	if (fsetxattr(there, ACL_DEFAULT, acl_for_user_1234, sizeof(acl_for_user_1234),
		    0)) {
		ck_assert_int_eq(errno, ENOTSUP);
		(void)fputs("skipped: no default ACLs here\n", stderr);
		return;
	}
	assert_moved();
	ck_assert_int_eq(
		get_attribute(there, "to", ACL_ACCESS, found, sizeof(found)), -1);
	ck_assert_int_eq(errno, ENODATA);
	ck_assert_uint_eq(stat_of(there, "to").st_mode & 07777, 0640);
}
END_TEST

static void move_noise(void)
{
	unsigned char *noise = make_noise();

	ck_assert_int_eq(close(create(here, "from", noise, BIG)), 0);
	assert_moved();
	assert_content(there, "to", noise, BIG);
	free(noise);
}

START_TEST(crossing_copies_every_byte_with_and_without_the_kernels_help)
{
	move_noise();
	ck_assert_int_eq(unlinkat(there, "to", 0), 0);
	no_copy_range = true;
	move_noise();
}
END_TEST

START_TEST(crossing_keeps_holes)
{
	const off_t end = (off_t)64 << 20;
	struct stat st;
	char back[3];
	size_t got;
	int fd = create(here, "from", "a", 1);

	ck_assert_int_eq(pwrite(fd, "mid", 3, end / 2), 3);
	ck_assert_int_eq(ftruncate(fd, end), 0);
	ck_assert_int_eq(close(fd), 0);
	assert_moved();
	st = stat_of(there, "to");
	ck_assert_int_eq(st.st_size, end);
	ck_assert_int_lt(st.st_blocks, 8192); /* of 512 bytes: 4 MiB of 64 */
	fd = openat(there, "to", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(
		file_pread(fd, back, 3, (uint64_t)end / 2, &got, "to"), STATUS_OK);
	ck_assert_mem_eq(back, "mid", 3);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(crossing_is_for_regular_files_only)
{
	ck_assert_int_eq(mkdirat(here, "from", 0755), 0);
	ck_assert_int_eq(move(), OTHER_DEVICE);
	ck_assert_int_eq(unlinkat(here, "from", AT_REMOVEDIR), 0);
	ck_assert_int_eq(symlinkat("/etc/passwd", here, "from"), 0);
	ck_assert_int_eq(move(), OTHER_DEVICE);
	ck_assert_int_eq(unlinkat(here, "from", 0), 0);
	ck_assert_int_eq(mkfifoat(here, "from", 0600), 0);
	ck_assert_int_eq(move(), OTHER_DEVICE);
	ck_assert(!exists(there, "to"));
}
END_TEST

START_TEST(crossing_finishes_only_a_true_copy)
{
	const struct timespec times[2] = {{1000000000, 0}, {1000000000, 0}};
	int a = create(here, "from", "same size", 9),
	    b = create(there, "to", "SAME SIZE", 9);

	ck_assert_int_eq(futimens(a, times), 0);
	ck_assert_int_eq(futimens(b, times), 0);
	ck_assert_int_eq(move(), EXISTS);
	assert_text(here, "from", "same size");
	ck_assert_int_eq(pwrite(b, "same size", 9, 0), 9);
	ck_assert_int_eq(move(), EXISTS); /* written later */
	ck_assert_int_eq(futimens(b, times), 0);
	assert_moved();
	assert_text(there, "to", "same size");
	ck_assert_int_eq(close(a), 0);
	ck_assert_int_eq(close(b), 0);
}
END_TEST

static void append_on_first_write(const struct file_event *event)
{
	int fd;

	if (event->step != FILE_WRITE || !event->done)
		return;
	file_step_hook = NULL;
	fd = openat(here, "from", O_WRONLY | O_APPEND | O_CLOEXEC);
	ck_assert_int_eq(write(fd, "more", 4), 4);
	ck_assert_int_eq(close(fd), 0);
}

START_TEST(crossing_notices_a_writer)
{
	create_text(here, "from", "text");
	file_step_hook = append_on_first_write;
	ck_assert_int_eq(move(), STATUS_WIN32(ERROR_SHARING_VIOLATION));
	assert_text(here, "from", "textmore");
	ck_assert(!exists(there, "to"));
	ck_assert(!exists(there, TEMPORARY));
}
END_TEST

static void shrink_before_write(const struct file_event *event)
{
	if (event->step != FILE_WRITE)
		return;
	file_step_hook = NULL;
	create_text(here, "from", "");
}

START_TEST(crossing_notices_a_file_that_shrinks)
{
	create_text(here, "from", "text");
	file_step_hook = shrink_before_write;
	ck_assert_int_eq(move(), STATUS_WIN32(ERROR_SHARING_VIOLATION));
	assert_text(here, "from", "");
	ck_assert(!exists(there, "to"));
	ck_assert(!exists(there, TEMPORARY));
}
END_TEST

static void add_common_tests(TCase *tc)
{
	tcase_add_test(tc, move_takes_content_to_the_new_name);
	tcase_add_test(tc, move_never_replaces);
	tcase_add_test(tc, move_needs_its_original);
	tcase_add_test(tc, move_ends_with_both_directories_synced);
	tcase_add_test(tc, move_that_dies_at_any_step_loses_nothing_and_can_be_repeated);
}

static TCase *same_tests(void)
{
	TCase *tc = tcase_create("one file system");

	tcase_add_checked_fixture(tc, set_up_same, tear_down);
	add_common_tests(tc);
	tcase_add_test(tc, move_takes_directories_and_links_within_a_file_system);
	tcase_add_test(tc, moving_unsynced_syncs_nothing);
	return tc;
}

static TCase *crossing_tests(void)
{
	TCase *tc = tcase_create("two file systems");

	tcase_add_checked_fixture(tc, set_up_crossing, tear_down);
	add_common_tests(tc);
	tcase_add_test(tc, crossing_keeps_owner_mode_and_times);
	tcase_add_test(tc, crossing_keeps_extended_attributes_or_fails);
	tcase_add_test(tc, crossing_keeps_the_acl);
	tcase_add_test(tc, crossing_lets_no_default_acl_widen_access);
	tcase_add_test(tc, crossing_copies_every_byte_with_and_without_the_kernels_help);
	tcase_add_test(tc, crossing_keeps_holes);
	tcase_add_test(tc, crossing_is_for_regular_files_only);
	tcase_add_test(tc, crossing_finishes_only_a_true_copy);
	tcase_add_test(tc, crossing_notices_a_writer);
	tcase_add_test(tc, crossing_notices_a_file_that_shrinks);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("file_move");

	suite_add_tcase(suite, same_tests());
	if (have_two_devices())
		suite_add_tcase(suite, crossing_tests());
	else
		(void)fputs("skipped: /dev/shm is no second file system here\n", stderr);
	return support_run(suite);
}
