#include "sis/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sis_fixture.h"
#include "support.h"

#define INVALID_NAME STATUS_WIN32(ERROR_INVALID_NAME)
#define DENIED       STATUS_WIN32(ERROR_ACCESS_DENIED)
#define NO_PATH      STATUS_WIN32(ERROR_PATH_NOT_FOUND)
#define NO_FILE      STATUS_WIN32(ERROR_FILE_NOT_FOUND)
#define NO_REPARSE   STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT)

static struct volume *open_volume(const char *root)
{
	struct volume *volume;

	ck_assert_int_eq(volume_open(root, &volume), STATUS_OK);
	return volume;
}

static status parent(const struct volume *volume, const char *path, char *name_found)
{
	const char *name;
	int dirfd;
	status rc = volume_open_parent(volume, path, &dirfd, &name);

	if (!failed(rc)) {
		(void)strcpy(name_found, name);
		(void)close(dirfd);
	} else {
		ck_assert_int_eq(dirfd, -1);
	}
	return rc;
}

START_TEST(the_kind_is_recognised)
{
	char *root = sis_volume((enum volume_type)_i);
	struct volume *volume;

	if (!root)
		return;
	volume = open_volume(root);
	ck_assert_int_eq(volume->kind, _i == ON_NTFS ? VOLUME_NTFS : VOLUME_POSIX);
	ck_assert_str_eq(volume->root, root);
	volume_close(volume);
}
END_TEST

START_TEST(roots_are_directories_in_any_spelling)
{
	char *dir = support_tmpdir(), *link = sis_path(dir, "link");
	char *file = sis_path(dir, "file"), *slashes = sis_path(dir, "//");
	struct volume *volume;

	support_write(file, "");
	ck_assert_int_eq(symlink(dir, link), 0);
	ck_assert_int_eq(volume_open(sis_path(dir, "missing"), &volume), NO_PATH);
	ck_assert_ptr_null(volume);
	ck_assert_int_eq(volume_open(file, &volume), NO_PATH);
	ck_assert_int_eq(volume_open("relative", &volume), INVALID_NAME);
	volume = open_volume(slashes);
	ck_assert_str_eq(volume->root, dir);
	volume_close(volume);
	volume = open_volume(link); /* the caller's own choice */
	volume_close(volume);
	volume = open_volume("");
	ck_assert_str_eq(volume->root, "");
	volume_close(volume);
	volume = open_volume("/");
	ck_assert_str_eq(volume->root, "");
	volume_close(volume);
	volume_close(NULL);
}
END_TEST

START_TEST(paths_below_are_found)
{
	char *dir = support_tmpdir(), *sub = sis_path(dir, "sub"), name[64];
	struct volume *volume = open_volume(dir);
	char path[4200];

	ck_assert_int_eq(mkdir(sub, 0755), 0);
	ck_assert_int_eq(parent(volume, "file", name), STATUS_OK);
	ck_assert_str_eq(name, "file");
	ck_assert_int_eq(parent(volume, "sub/file", name), STATUS_OK);
	ck_assert_int_eq(parent(volume, "sub//./file", name), STATUS_OK);
	ck_assert_int_eq(parent(volume, sis_path(sub, "x"), name), STATUS_OK);
	ck_assert_str_eq(name, "x");
	(void)snprintf(path, sizeof(path), "/%s//sub//y", dir);
	ck_assert_int_eq(parent(volume, path, name), STATUS_OK);
	ck_assert_str_eq(name, "y");
	ck_assert_int_eq(parent(volume, "missing/file", name), NO_FILE);
	volume_close(volume);
	volume = open_volume("");
	ck_assert_int_eq(parent(volume, "/tmp/z", name), STATUS_OK);
	ck_assert_str_eq(name, "z");
	volume_close(volume);
}
END_TEST

START_TEST(nothing_leads_out_of_the_volume)
{
	char *top = support_tmpdir(), *dir = sis_path(top, "volume"), name[64];
	char *beside = sis_path(top, "volume2"), *link = sis_path(dir, "link");
	struct volume *volume;
	char path[4200];

	ck_assert_int_eq(mkdir(dir, 0755), 0);
	ck_assert_int_eq(mkdir(beside, 0755), 0);
	ck_assert_int_eq(symlink(beside, link), 0);
	volume = open_volume(dir);
	ck_assert_int_eq(parent(volume, sis_path(beside, "f"), name), INVALID_NAME);
	ck_assert_int_eq(parent(volume, sis_path(top, "f"), name), INVALID_NAME);
	ck_assert_int_eq(parent(volume, dir, name), INVALID_NAME);
	ck_assert_int_eq(parent(volume, "", name), INVALID_NAME);
	ck_assert_int_eq(parent(volume, "link/f", name), DENIED);
	ck_assert_int_eq(parent(volume, sis_path(link, "f"), name), DENIED);
	ck_assert_int_eq(parent(volume, "../volume2/f", name), INVALID_NAME);
	ck_assert_int_eq(parent(volume, "..", name), INVALID_NAME);
	ck_assert_int_eq(parent(volume, ".", name), INVALID_NAME);
	ck_assert_int_eq(parent(volume, "sub/", name), INVALID_NAME);
	(void)snprintf(path, sizeof(path), "%s/x/../../volume2/f", dir);
	ck_assert(failed(parent(volume, path, name)));
	volume_close(volume);
}
END_TEST

START_TEST(other_file_systems_below_are_not_entered)
{
	char *root = sis_volume(ON_EXT4), *below, name[64];
	struct volume *volume;

	if (!root)
		return;
	below = sis_path(root, "below");
	ck_assert_int_eq(mkdir(below, 0755), 0);
	volume = open_volume(root);
	ck_assert_int_eq(parent(volume, "below/f", name), STATUS_OK);
	ck_assert_int_eq(mount("none", below, "tmpfs", 0, ""), 0);
	ck_assert_int_eq(
		parent(volume, "below/f", name), STATUS_WIN32(ERROR_NOT_SAME_DEVICE));
	ck_assert_int_eq(umount(below), 0);
	volume_close(volume);
}
END_TEST

START_TEST(the_volume_of_a_file_is_the_closest_with_a_store_of_roots)
{
	char *top = support_tmpdir(), *sub = sis_path(top, "a");
	char *deep = sis_path(sub, "b"), *file = sis_path(deep, "file");
	struct volume *volume;

	ck_assert_int_eq(mkdir(sub, 0755), 0);
	ck_assert_int_eq(mkdir(deep, 0755), 0);
	ck_assert_int_eq(volume_of(file, &volume), NO_PATH);
	ck_assert_ptr_null(volume);
	ck_assert_int_eq(mkdir(sis_path(top, STORE_NAME), 0700), 0);
	ck_assert_int_eq(volume_of(file, &volume), STATUS_OK);
	ck_assert_str_eq(volume->root, top);
	volume_close(volume);
	ck_assert_int_eq(mkdir(sis_path(sub, STORE_NAME), 0700), 0);
	ck_assert_int_eq(volume_of(file, &volume), STATUS_OK);
	ck_assert_str_eq(volume->root, sub);
	volume_close(volume);
	ck_assert_int_eq(volume_of("file", &volume), INVALID_NAME);
	ck_assert_int_eq(volume_of(sis_path(deep, ".."), &volume), INVALID_NAME);
	ck_assert_int_eq(volume_of(sis_path(deep, "../file"), &volume), INVALID_NAME);
	ck_assert_int_eq(volume_of("/nonexistent/file", &volume), NO_PATH);
}
END_TEST

START_TEST(a_users_store_means_nothing_below_another_volume)
{
	char *top = support_tmpdir(), *sub = sis_path(top, "a");
	char *deep = sis_path(sub, "b"), *file = sis_path(deep, "file");
	struct volume *volume;

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(mkdir(sub, 0755), 0);
	ck_assert_int_eq(mkdir(deep, 0755), 0);
	ck_assert_int_eq(mkdir(sis_path(deep, STORE_NAME), 0700), 0);
	ck_assert_int_eq(chown(sis_path(deep, STORE_NAME), 1000, 1000), 0);
	ck_assert_int_eq(volume_of(file, &volume), STATUS_OK);
	ck_assert_str_eq(volume->root, deep);
	volume_close(volume);
	ck_assert_int_eq(mkdir(sis_path(sub, STORE_NAME), 0700), 0);
	ck_assert_int_eq(chown(sis_path(sub, STORE_NAME), 1001, 1001), 0);
	ck_assert_int_eq(volume_of(file, &volume), STATUS_OK);
	ck_assert_str_eq(volume->root, sub);
	volume_close(volume);
	ck_assert_int_eq(mkdir(sis_path(top, STORE_NAME), 0700), 0);
	ck_assert_int_eq(volume_of(file, &volume), STATUS_OK);
	ck_assert_str_eq(volume->root, top);
	volume_close(volume);
}
END_TEST

START_TEST(symbolic_links_below_a_volume_are_not_followed_to_a_file)
{
	char *top = support_tmpdir(), *outside = support_tmpdir();
	struct volume *volume;

	ck_assert_int_eq(mkdir(sis_path(outside, "dir"), 0755), 0);
	ck_assert_int_eq(mkdir(sis_path(outside, STORE_NAME), 0700), 0);
	ck_assert_int_eq(symlink(outside, sis_path(top, "link")), 0);
	/* Part of the volume's name. */
	ck_assert_int_eq(volume_of(sis_path(top, "link/dir/file"), &volume), STATUS_OK);
	ck_assert_str_eq(volume->root, sis_path(top, "link"));
	volume_close(volume);
	ck_assert_int_eq(mkdir(sis_path(top, STORE_NAME), 0700), 0);
	ck_assert_int_eq(volume_of(sis_path(top, "link/dir/file"), &volume), DENIED);
	ck_assert_ptr_null(volume);
	ck_assert_int_eq(volume_of(sis_path(top, "none/file"), &volume), NO_PATH);
}
END_TEST

static int leased;

static void give_lease_up(int number)
{
	(void)number;
	(void)fcntl(leased, F_SETLEASE, F_UNLCK);
}

START_TEST(a_leased_file_is_waited_for_and_nothing_else)
{
	char *dir = support_tmpdir();
	const struct sigaction action = {.sa_handler = give_lease_up};
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

	support_write(sis_path(dir, "file"), "text");
	ck_assert_int_eq(mkfifo(sis_path(dir, "fifo"), 0600), 0);
	leased = open(sis_path(dir, "file"), O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(sigaction(SIGIO, &action, NULL), 0);
	if (fcntl(leased, F_SETLEASE, F_WRLCK) == 0) {
		fd = volume_open_regular(dirfd, "file", O_RDONLY);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(fcntl(leased, F_GETLEASE), F_UNLCK);
		(void)close(fd);
	}
	fd = volume_open_regular(dirfd, "fifo", O_RDONLY);
	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	ck_assert_int_lt(volume_open_regular(dirfd, "fifo", O_WRONLY), 0);
	ck_assert_int_eq(errno, ENXIO);
	ck_assert_int_eq(symlink("file", sis_path(dir, "link")), 0);
	ck_assert_int_lt(volume_open_regular(dirfd, "link", O_RDONLY), 0);
	ck_assert_int_eq(errno, ELOOP);
	(void)close(leased);
	(void)close(dirfd);
}
END_TEST

START_TEST(reparse_points_are_kept_on_every_kind)
{
	char *root = sis_volume((enum volume_type)_i);
	uint8_t read[100];
	struct volume *volume;
	struct stat st;
	size_t size;

	if (!root)
		return;
	volume = open_volume(root);
	sis_put(sis_path(root, "file"), "", 0);
	ck_assert_int_eq(volume_get_reparse(volume, volume->fd, "file", read, 100, &size),
		NO_REPARSE);
	ck_assert_int_eq(volume_remove_reparse(volume, volume->fd, "file"), NO_REPARSE);
	ck_assert_int_eq(
		volume_set_reparse(volume, volume->fd, "file", sis_real_link, 72),
		STATUS_OK);
	ck_assert_int_eq(fstatat(volume->fd, "file", &st, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert_int_eq(volume_get_reparse(volume, volume->fd, "file", read, 100, &size),
		STATUS_OK);
	ck_assert_uint_eq(size, 72);
	ck_assert_mem_eq(read, sis_real_link, 72);
	ck_assert_int_eq(volume_get_reparse(volume, volume->fd, "file", read, 10, &size),
		STATUS_OK);
	ck_assert_uint_eq(size, 72);
	ck_assert_int_eq(volume_remove_reparse(volume, volume->fd, "file"), STATUS_OK);
	ck_assert_int_eq(fstatat(volume->fd, "file", &st, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert(S_ISREG(st.st_mode));
	ck_assert_int_eq(volume_get_reparse(volume, volume->fd, "file", read, 100, &size),
		NO_REPARSE);
	ck_assert_int_eq(volume_get_reparse(volume, volume->fd, "none", read, 100, &size),
		NO_FILE);
	volume_close(volume);
}
END_TEST

/* It is the link itself that is asked, never what it points to. */
START_TEST(symbolic_links_have_none)
{
	char *dir = support_tmpdir();
	struct volume *volume = open_volume(dir);
	uint8_t read[72];
	size_t size;

	sis_put_bare(sis_path(dir, "file"), sis_real_link, 10);
	ck_assert_int_eq(symlink("file", sis_path(dir, "link")), 0);
	ck_assert_int_eq(volume_get_reparse(volume, volume->fd, "link", read, 72, &size),
		NO_REPARSE);
	ck_assert_int_eq(
		volume_set_reparse(volume, volume->fd, "link", sis_real_link, 72),
		DENIED);
	volume_close(volume);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("volume");
	TCase *tcase = tcase_create("volume");

	tcase_add_unchecked_fixture(tcase, sis_volumes_make, NULL);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, the_kind_is_recognised, 0, VOLUME_TYPES);
	tcase_add_test(tcase, roots_are_directories_in_any_spelling);
	tcase_add_test(tcase, paths_below_are_found);
	tcase_add_test(tcase, nothing_leads_out_of_the_volume);
	tcase_add_test(tcase, other_file_systems_below_are_not_entered);
	tcase_add_test(tcase, a_users_store_means_nothing_below_another_volume);
	tcase_add_test(tcase, symbolic_links_below_a_volume_are_not_followed_to_a_file);
	tcase_add_test(tcase, a_leased_file_is_waited_for_and_nothing_else);
	tcase_add_test(tcase, the_volume_of_a_file_is_the_closest_with_a_store_of_roots);
	tcase_add_loop_test(
		tcase, reparse_points_are_kept_on_every_kind, 0, VOLUME_TYPES);
	tcase_add_test(tcase, symbolic_links_have_none);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
