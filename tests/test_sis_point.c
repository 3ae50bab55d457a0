/* Which common store a file is judged by. */
#include <backupapi/sis.h>

#include <sisbkup.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sis/point.h"
#include "sis/vouch.h"
#include "sis_fixture.h"
#include "support.h"

#define SIZE  ((size_t)50000)
#define ALICE 4321

static char *root, *home;
static uint8_t reparse[72];

static int32_t error(uint32_t code)
{
	return (int32_t)(0x80070000u | code);
}

static void vouch(const char *volume_root, const char *name)
{
	char *path = sis_path(volume_root, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct volume *volume;
	struct store *store;

	ck_assert_int_eq(fsync(fd), 0);
	ck_assert_int_eq(volume_open(volume_root, &volume), STATUS_OK);
	ck_assert_int_eq(store_open(volume, false, &store), STATUS_OK);
	ck_assert_int_eq(store_pin(store), STATUS_OK);
	ck_assert_int_eq(vouch_record(store, fd, path, reparse), STATUS_OK);
	store_close(store);
	volume_close(volume);
	(void)close(fd);
}

/* Root's volume, with alice's home, in which she has a store of her own. */
static void setup(void)
{
	char *content = sis_content(SIZE, 9);

	root = support_tmpdir();
	home = sis_path(root, "alice");
	sis_reparse(SIS_GUID_A, 3, content, SIZE, reparse);
	sis_put_store_file(root, SIS_GUID_A, content, SIZE);
	ck_assert_int_eq(mkdir(home, 0755), 0);
	ck_assert_int_eq(chown(home, ALICE, ALICE), 0);
	ck_assert_int_eq(mkdir(sis_path(home, STORE_NAME), 0700), 0);
	ck_assert_int_eq(chown(sis_path(home, STORE_NAME), ALICE, ALICE), 0);
}

/* A bare link of hers, with a record such as she can write. */
static char *forge(void)
{
	char *path = sis_path(home, "forged");
	uint8_t record[80];

	sis_put_bare(sis_path(home, "template"), reparse, SIZE);
	vouch(home, "template");
	ck_assert_int_eq(getxattr(sis_path(home, "template"), "trusted.backupapi_sis",
				 record, sizeof(record)),
		80);
	sis_put_bare(path, reparse, SIZE);
	ck_assert_int_eq(setxattr(path, "user.backupapi_sis", record, 80, 0), 0);
	ck_assert_int_eq(chown(path, ALICE, ALICE), 0);
	return path;
}

START_TEST(a_users_own_store_makes_no_links_on_roots_volume)
{
	const int32_t none = error(ERROR_NOT_A_REPARSE_POINT);
	char *path = forge();
	uint8_t buffer[72];
	uint32_t needed;

	ck_assert_int_eq(backupapi_get_reparse_point(path, buffer, 72, &needed), none);
	ck_assert_int_eq(
		backupapi_sis_get_reparse_point(root, path, buffer, 72, &needed), none);
	/* It would be one on a volume of hers. */
	ck_assert_int_eq(
		backupapi_sis_get_reparse_point(home, path, buffer, 72, &needed), 0);
	ck_assert_mem_eq(buffer, reparse, 72);
}
END_TEST

START_TEST(a_link_is_given_by_the_volume_that_was_named)
{
	uint8_t buffer[72];
	uint32_t needed;

	sis_put_bare(sis_path(root, "link"), reparse, SIZE);
	vouch(root, "link");
	ck_assert_int_eq(backupapi_sis_get_reparse_point(root, "link", NULL, 0, &needed),
		error(ERROR_INSUFFICIENT_BUFFER));
	ck_assert_uint_eq(needed, 72);
	ck_assert_int_eq(
		backupapi_sis_get_reparse_point(root, "link", buffer, 72, &needed), 0);
	ck_assert_mem_eq(buffer, reparse, 72);
	ck_assert_int_eq(backupapi_sis_get_reparse_point(
				 root, sis_path(root, "link"), buffer, 72, &needed),
		0);
	ck_assert_int_eq(symlink(root, sis_path(home, "up")), 0);
	ck_assert_int_eq(backupapi_sis_get_reparse_point(
				 root, "alice/up/link", buffer, 72, &needed),
		error(ERROR_ACCESS_DENIED));
	ck_assert_int_eq(backupapi_get_reparse_point(
				 sis_path(home, "up/link"), buffer, 72, &needed),
		error(ERROR_ACCESS_DENIED));
	ck_assert_int_eq(backupapi_sis_get_reparse_point(
				 home, sis_path(root, "link"), buffer, 72, &needed),
		error(ERROR_INVALID_NAME));
	ck_assert_int_eq(backupapi_sis_get_reparse_point(
				 sis_path(root, "none"), "link", buffer, 72, &needed),
		error(ERROR_PATH_NOT_FOUND));
	ck_assert_int_eq(
		backupapi_sis_get_reparse_point(NULL, "link", buffer, 72, &needed),
		error(ERROR_INVALID_PARAMETER));
	ck_assert_int_eq(backupapi_sis_get_reparse_point(root, NULL, buffer, 72, &needed),
		error(ERROR_INVALID_PARAMETER));
}
END_TEST

static PVOID begin_backup(void)
{
	WCHAR wide[4096] = {0};
	PVOID pass;
	PWCHAR store, *files;
	ULONG count;

	for (size_t i = 0; root[i]; i++)
		wide[i] = (WCHAR)root[i];
	ck_assert_int_eq(
		SisCreateBackupStructure(wide, &pass, &store, &count, &files), 1);
	SisFreeAllocatedMemory(store);
	return pass;
}

static int32_t get_open(PVOID pass, const char *name, int flags, uint8_t buffer[72])
{
	char *path = sis_path(root, name);
	int fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC);
	uint32_t needed = 99;
	int32_t rc;

	ck_assert_int_ge(fd, 0);
	rc = backupapi_sis_get_reparse_point_fd(pass, fd, path, buffer, 72, &needed);
	ck_assert_uint_eq(needed, rc == 0 ? 72 : 0);
	(void)close(fd);
	return rc;
}

START_TEST(an_open_file_is_judged_by_the_store_of_the_pass)
{
	static const int ways[] = {O_PATH, O_RDONLY, O_WRONLY, O_RDWR};
	const int32_t none = error(ERROR_NOT_A_REPARSE_POINT);
	PVOID pass = begin_backup();
	uint8_t buffer[72];
	uint32_t needed;

	sis_put_bare(sis_path(root, "link"), reparse, SIZE);
	vouch(root, "link");
	sis_put_bare(sis_path(root, "unvouched"), reparse, SIZE);
	sis_put(sis_path(root, "plain"), "x", 1);
	ck_assert_int_eq(symlink("link", sis_path(root, "symlink")), 0);
	(void)forge();
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		memset(buffer, 0, sizeof(buffer));
		ck_assert_int_eq(get_open(pass, "link", ways[i], buffer), 0);
		ck_assert_mem_eq(buffer, reparse, 72);
		ck_assert_int_eq(get_open(pass, "unvouched", ways[i], buffer), none);
		ck_assert_int_eq(get_open(pass, "plain", ways[i], buffer), none);
		ck_assert_int_eq(get_open(pass, "alice/forged", ways[i], buffer), none);
	}
	ck_assert_int_eq(get_open(pass, "symlink", O_PATH, buffer), none);
	ck_assert_int_eq(get_open(pass, "", O_PATH, buffer), none);
	ck_assert_int_eq(
		backupapi_sis_get_reparse_point_fd(pass, -1, "x", buffer, 72, &needed),
		error(ERROR_INVALID_HANDLE));
	ck_assert_int_eq(SisFreeBackupStructure(pass), 1);
	ck_assert_int_eq(
		get_open(pass, "link", O_PATH, buffer), error(ERROR_INVALID_HANDLE));
}
END_TEST

static void save_link(PVOID pass, uint8_t *buffer, ULONG size)
{
	const BOOL good = size >= 72;
	PWCHAR *files;
	ULONG count;
	PVOID first;

	ck_assert_int_eq(SisCSFilesToBackupForLink(
				 pass, buffer, size, root, &first, &count, &files),
		good);
	if (!good) {
		ck_assert_uint_eq(backupapi_get_last_error(), ERROR_INVALID_REPARSE_DATA);
		return;
	}
	for (ULONG i = 0; i < count; i++)
		SisFreeAllocatedMemory(files[i]);
	SisFreeAllocatedMemory(files);
}

/* Exactly as much memory as is said, so that a sanitizer sees every byte too many. */
START_TEST(buffers_of_any_size_up_to_20000_are_taken_or_refused)
{
	PVOID pass = begin_backup();
	char *path = sis_path(root, "link");

	sis_put(path, "x", 1);
	for (uint32_t size = 0; size <= 20000; size += size < 100 ? 1 : 199) {
		uint8_t *exact = malloc(size ? size : 1);

		ck_assert_ptr_nonnull(exact);
		memset(exact, 0xee, size);
		memcpy(exact, reparse, size < 72 ? size : 72);
		ck_assert_int_eq(backupapi_set_reparse_point(path, exact, size),
			size < 72 ? error(ERROR_INVALID_REPARSE_DATA) : 0);
		save_link(pass, exact, size);
		free(exact);
	}
	ck_assert_int_eq(getxattr(path, "user.ntfs_reparse_data", NULL, 0), 72);
	ck_assert_int_eq(SisFreeBackupStructure(pass), 1);
}
END_TEST

START_TEST(files_of_another_file_system_are_not_of_the_pass)
{
	PVOID pass = begin_backup();
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	uint8_t buffer[72];
	uint32_t needed;

	ck_assert_int_eq(
		backupapi_sis_get_reparse_point_fd(pass, fd, "x", buffer, 72, &needed),
		error(ERROR_NOT_SAME_DEVICE));
	ck_assert_int_eq(
		backupapi_sis_get_reparse_point_fd(pass, fd, NULL, buffer, 72, &needed),
		error(ERROR_INVALID_PARAMETER));
	ck_assert_int_eq(
		backupapi_sis_get_reparse_point_fd(pass, fd, "x", NULL, 72, &needed),
		error(ERROR_INVALID_PARAMETER));
	ck_assert_int_eq(
		backupapi_sis_get_reparse_point_fd(pass, fd, "x", buffer, 72, NULL),
		error(ERROR_INVALID_PARAMETER));
	(void)close(fd);
	ck_assert_int_eq(SisFreeBackupStructure(pass), 1);
}
END_TEST

static size_t ranges_of(int fd, const char *path)
{
	struct extents_list list = {0};
	size_t count;

	ck_assert_int_eq(
		fd < 0 ? point_ranges(path, &list) : point_ranges_of(fd, path, &list),
		STATUS_OK);
	count = list.count;
	extents_free(&list);
	return count;
}

/* Somebody puts another file in the place of the one that is open. */
START_TEST(an_open_file_counts_and_not_what_has_its_name)
{
	char *name = sis_path(root, "link"), *moved = sis_path(root, "moved");
	uint8_t buffer[72] = {0};
	int fd;

	sis_put_bare(name, reparse, SIZE);
	vouch(root, "link");
	fd = open(name, O_PATH | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(rename(name, moved), 0);
	sis_put(name, "x", 1);
	ck_assert_int_eq(
		point_get(name, buffer), STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT));
	ck_assert_int_eq(point_get_of(fd, name, buffer), STATUS_OK);
	ck_assert_mem_eq(buffer, reparse, 72);
	ck_assert_uint_eq(ranges_of(-1, name), 1);
	ck_assert_uint_eq(ranges_of(fd, name), 0);
	ck_assert_int_eq(removexattr(moved, "user.ntfs_reparse_data"), 0);
	ck_assert_int_eq(point_set_of(fd, name, reparse, 72), STATUS_OK);
	ck_assert_int_eq(getxattr(moved, "user.ntfs_reparse_data", buffer, 72), 72);
	ck_assert_int_eq(getxattr(name, "user.ntfs_reparse_data", buffer, 72), -1);
	ck_assert_int_eq(point_set_of(fd, name, reparse, 71),
		STATUS_WIN32(ERROR_INVALID_REPARSE_DATA));
	(void)close(fd);
}
END_TEST

/* Only names reach a reparse point there, and this one is another file's by then. */
START_TEST(on_ntfs_a_reparse_point_is_set_while_the_name_is_the_open_files)
{
	const char *volume = sis_volume(ON_NTFS);
	uint8_t buffer[72];
	char *name, *moved;
	int fd;

	if (!volume)
		return;
	name = sis_path(volume, "link");
	moved = sis_path(volume, "moved");
	sis_put(name, "x", 1);
	fd = open(name, O_PATH | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(rename(name, moved), 0);
	ck_assert_int_eq(
		point_set_of(fd, name, reparse, 72), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	sis_put(name, "y", 1);
	ck_assert_int_eq(
		point_set_of(fd, name, reparse, 72), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_int_eq(getxattr(name, "system.ntfs_reparse_data", buffer, 72), -1);
	ck_assert_int_eq(getxattr(moved, "system.ntfs_reparse_data", buffer, 72), -1);
	ck_assert_int_eq(point_set_of(fd, moved, reparse, 72), STATUS_OK);
	ck_assert_int_eq(lgetxattr(moved, "system.ntfs_reparse_data", buffer, 72), 72);
	ck_assert_mem_eq(buffer, reparse, 72);
	ck_assert_int_eq(getxattr(name, "system.ntfs_reparse_data", buffer, 72), -1);
	(void)close(fd);
}
END_TEST

START_TEST(what_may_not_be_read_may_get_a_reparse_point)
{
	char *path = sis_path(root, "write only");
	uint8_t buffer[72];
	int fd;

	sis_put(path, "x", 1);
	ck_assert_int_eq(chmod(root, 0755), 0);
	ck_assert_int_eq(chmod(path, 0200), 0);
	ck_assert_int_eq(chown(path, ALICE, ALICE), 0);
	fd = open(path, O_PATH | O_CLOEXEC);
	ck_assert_int_eq(seteuid(ALICE), 0);
	ck_assert_int_eq(point_set_of(fd, path, reparse, 72), STATUS_OK);
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(getxattr(path, "user.ntfs_reparse_data", buffer, 72), 72);
	ck_assert_int_eq(chmod(path, 0), 0);
	ck_assert_int_eq(seteuid(ALICE), 0);
	ck_assert_int_eq(
		point_set_of(fd, path, reparse, 72), STATUS_WIN32(ERROR_ACCESS_DENIED));
	ck_assert_int_eq(seteuid(0), 0);
	(void)close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sis_point");
	TCase *tcase = tcase_create("sis_point");

	if (geteuid() != 0)
		return 77; /* two users are needed */
	tcase_add_unchecked_fixture(tcase, sis_volumes_make, NULL);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, a_users_own_store_makes_no_links_on_roots_volume);
	tcase_add_test(tcase, a_link_is_given_by_the_volume_that_was_named);
	tcase_add_test(tcase, an_open_file_is_judged_by_the_store_of_the_pass);
	tcase_add_test(tcase, buffers_of_any_size_up_to_20000_are_taken_or_refused);
	tcase_add_test(tcase, files_of_another_file_system_are_not_of_the_pass);
	tcase_add_test(tcase, an_open_file_counts_and_not_what_has_its_name);
	tcase_add_test(
		tcase, on_ntfs_a_reparse_point_is_set_while_the_name_is_the_open_files);
	tcase_add_test(tcase, what_may_not_be_read_may_get_a_reparse_point);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
