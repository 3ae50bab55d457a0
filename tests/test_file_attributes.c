/*
 * What a copy on another file system keeps of its original.
 */
#include "base/file_attributes.h"

#include <sys/xattr.h>

#include "two_dirs.h"

#define ACL_ACCESS  "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"

/* An ACL as the kernel takes it: version 2, then entries of tag, permissions, id. */
static const unsigned char acl_for_user_1234[] = {2, 0, 0, 0, /* version */
	1, 0, 6, 0, 0xff, 0xff, 0xff, 0xff,                   /* owner rw- */
	2, 0, 4, 0, 0xd2, 0x04, 0, 0,                         /* user 1234 r-- */
	4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,                   /* group --- */
	16, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,                  /* mask r-- */
	32, 0, 0, 0, 0xff, 0xff, 0xff, 0xff /* others --- */};

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

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, crossing_keeps_owner_mode_and_times);
	tcase_add_test(tc, crossing_keeps_extended_attributes_or_fails);
	tcase_add_test(tc, crossing_keeps_the_acl);
	tcase_add_test(tc, crossing_lets_no_default_acl_widen_access);
}

int main(void)
{
	Suite *suite = suite_create("file_attributes");
	TCase *tc = tcase_create("two file systems");

	tcase_add_checked_fixture(tc, set_up_crossing, tear_down);
	if (have_two_devices())
		add_tests(tc);
	else
		(void)fputs("skipped: /dev/shm is no second file system here\n", stderr);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
