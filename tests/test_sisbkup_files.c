/* The native Sis functions, for single files. */
#include <backupapi/sis.h>

#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sisbkup_pass.h"

static int32_t error(uint32_t code)
{
	return (int32_t)(0x80070000u | code);
}

/* A link as a restore makes it. */
static char *make_link(void)
{
	PVOID pass = begin_restore();
	char *path = sis_path(root, "link");
	PWCHAR *files;
	ULONG count;

	sis_put(path, "", 0);
	ck_assert_int_eq(truncate(path, SIZE), 0);
	ck_assert_int_eq(backupapi_set_reparse_point(path, link_a, 72), 0);
	ck_assert_int_eq(
		SisRestoredLink(pass, wide_path("link"), link_a, 72, &count, &files), 1);
	ck_assert_uint_eq(count, 0);
	ck_assert_int_eq(SisFreeRestoreStructure(pass), 1);
	return path;
}

START_TEST(the_reparse_point_of_a_link_is_given)
{
	uint8_t buffer[100];
	uint32_t needed = 0;
	struct backupapi_range range;
	char *path;

	if (geteuid() != 0)
		return;
	path = make_link();
	ck_assert_int_eq(backupapi_get_reparse_point(path, NULL, 0, &needed),
		error(ERROR_INSUFFICIENT_BUFFER));
	ck_assert_uint_eq(needed, 72);
	ck_assert_int_eq(backupapi_get_reparse_point(path, buffer, 71, &needed),
		error(ERROR_INSUFFICIENT_BUFFER));
	ck_assert_int_eq(backupapi_get_reparse_point(path, buffer, 100, &needed), 0);
	ck_assert_uint_eq(needed, 72);
	ck_assert_mem_eq(buffer, link_a, 72);
	ck_assert_int_eq(backupapi_get_allocated_ranges(path, NULL, 0, &needed), 0);
	ck_assert_uint_eq(needed, 0);
	/* Written to, it is a plain file with all of its data. */
	sis_put(path, "new", 3);
	ck_assert_int_eq(backupapi_get_reparse_point(path, buffer, 100, &needed),
		error(ERROR_NOT_A_REPARSE_POINT));
	ck_assert_uint_eq(needed, 0);
	ck_assert_int_eq(backupapi_get_allocated_ranges(path, &range, 1, &needed), 0);
	ck_assert_uint_eq(needed, 1);
	ck_assert_uint_eq(range.offset, 0);
	ck_assert_uint_eq(range.length, 3);
}
END_TEST

START_TEST(an_ordinary_users_forgery_is_a_plain_file)
{
	char *path = sis_path(root, "forged");
	uint8_t buffer[72], record[80];
	uint32_t needed;

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(getxattr(make_link(), "trusted.backupapi_sis", record, 80), 80);
	sis_put_bare(path, link_a, SIZE);
	ck_assert_int_eq(setxattr(path, "user.backupapi_sis", record, 80, 0), 0);
	ck_assert_int_eq(chown(path, 4321, 4321), 0);
	ck_assert_int_eq(backupapi_get_reparse_point(path, buffer, 72, &needed),
		error(ERROR_NOT_A_REPARSE_POINT));
	ck_assert_int_eq(backupapi_get_allocated_ranges(path, NULL, 0, &needed), 0);
	ck_assert_uint_eq(needed, 0); /* it is all hole */
}
END_TEST

START_TEST(files_that_are_no_links)
{
	const int32_t none = error(ERROR_NOT_A_REPARSE_POINT);
	char *path = sis_path(root, "file");
	uint8_t buffer[72];
	uint32_t needed = 7;

	sis_put(path, "plain", 5);
	ck_assert_int_eq(backupapi_get_reparse_point(path, buffer, 72, &needed), none);
	ck_assert_uint_eq(needed, 0);
	ck_assert_int_eq(setxattr(path, "user.ntfs_reparse_data", "junk", 4, 0), 0);
	ck_assert_int_eq(backupapi_get_reparse_point(path, buffer, 72, &needed), none);
	ck_assert_int_eq(symlink("file", sis_path(root, "sym")), 0);
	ck_assert_int_eq(
		backupapi_get_reparse_point(sis_path(root, "sym"), buffer, 72, &needed),
		none);
	ck_assert_int_eq(
		backupapi_get_reparse_point(sis_path(root, "none"), buffer, 72, &needed),
		error(ERROR_FILE_NOT_FOUND));
	path = sis_path(support_tmpdir(), "elsewhere");
	sis_put_bare(path, link_a, SIZE);
	ck_assert_int_eq(backupapi_get_reparse_point(path, buffer, 72, &needed), none);
	ck_assert_int_eq(backupapi_get_reparse_point(NULL, buffer, 72, &needed),
		error(ERROR_INVALID_PARAMETER));
	ck_assert_int_eq(backupapi_get_reparse_point(path, NULL, 72, &needed),
		error(ERROR_INVALID_PARAMETER));
	ck_assert_int_eq(backupapi_get_reparse_point(path, buffer, 72, NULL),
		error(ERROR_INVALID_PARAMETER));
}
END_TEST

START_TEST(only_good_reparse_points_are_set_and_only_on_files)
{
	char *path = sis_path(root, "file");
	uint8_t read[72];

	sis_put(path, "", 0);
	ck_assert_int_eq(backupapi_set_reparse_point(path, link_a, 71),
		error(ERROR_INVALID_REPARSE_DATA));
	link_b[50] ^= 1;
	ck_assert_int_eq(backupapi_set_reparse_point(path, link_b, 72),
		error(ERROR_INVALID_REPARSE_DATA));
	link_b[3] ^= 1;
	ck_assert_int_eq(backupapi_set_reparse_point(path, link_b, 72),
		error(ERROR_REPARSE_TAG_MISMATCH));
	ck_assert_int_lt(getxattr(path, "user.ntfs_reparse_data", read, 72), 0);
	ck_assert_int_eq(backupapi_set_reparse_point(path, link_a, 72), 0);
	ck_assert_int_eq(getxattr(path, "user.ntfs_reparse_data", read, 72), 72);
	ck_assert_mem_eq(read, link_a, 72);
	ck_assert_int_eq(symlink("file", sis_path(root, "sym")), 0);
	ck_assert_int_eq(backupapi_set_reparse_point(sis_path(root, "sym"), link_a, 72),
		error(ERROR_ACCESS_DENIED));
	ck_assert_int_eq(
		backupapi_set_reparse_point(root, link_a, 72), error(ERROR_INVALID_DATA));
	ck_assert_int_eq(backupapi_set_reparse_point(sis_path(root, "none"), link_a, 72),
		error(ERROR_FILE_NOT_FOUND));
	ck_assert_int_eq(backupapi_set_reparse_point(path, NULL, 72),
		error(ERROR_INVALID_PARAMETER));
}
END_TEST

START_TEST(ranges_are_stored_as_far_as_there_is_room)
{
	char *path = sis_path(root, "sparse");
	struct backupapi_range ranges[3] = {{0}};
	uint32_t count;
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pwrite(fd, "x", 1, (off_t)i << 20), 1);
	(void)close(fd);
	ck_assert_int_eq(backupapi_get_allocated_ranges(path, ranges, 2, &count), 0);
	ck_assert_uint_eq(count, 3);
	ck_assert_uint_eq(ranges[0].offset, 0);
	ck_assert_uint_eq(ranges[1].offset, 1 << 20);
	ck_assert_uint_eq(ranges[2].length, 0);
	ck_assert_int_eq(backupapi_get_allocated_ranges(path, ranges, 3, &count), 0);
	ck_assert_uint_eq(ranges[2].offset + ranges[2].length, (2 << 20) + 1);
	ck_assert_int_eq(backupapi_get_allocated_ranges(root, ranges, 3, &count),
		error(ERROR_INVALID_DATA));
	ck_assert_int_eq(backupapi_get_allocated_ranges(path, NULL, 3, &count),
		error(ERROR_INVALID_PARAMETER));
	ck_assert_uint_eq(count, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sisbkup_files");
	TCase *tcase = tcase_create("sisbkup_files");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, the_reparse_point_of_a_link_is_given);
	tcase_add_test(tcase, an_ordinary_users_forgery_is_a_plain_file);
	tcase_add_test(tcase, files_that_are_no_links);
	tcase_add_test(tcase, only_good_reparse_points_are_set_and_only_on_files);
	tcase_add_test(tcase, ranges_are_stored_as_far_as_there_is_room);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
