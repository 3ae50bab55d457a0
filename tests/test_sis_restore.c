#include "sis/restore.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>

#include "sis/extents.h"
#include "sis_restore_pass.h"

START_TEST(links_read_as_their_store_file_and_keep_the_rest)
{
	const struct timespec old[2] = {{.tv_sec = 1000000001}, {.tv_sec = 1000000002}};
	struct stat st;
	bool same;
	int a, b;

	if (!begin(_i))
		return;
	put_link("one");
	put_link("two");
	ck_assert_int_eq(chown(sis_path(root, "one"), 4321, 1234), 0);
	ck_assert_int_eq(chmod(sis_path(root, "one"), 06750), 0);
	ck_assert_int_eq(setxattr(sis_path(root, "one"), "user.mine", "value", 5, 0), 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, sis_path(root, "one"), old, 0), 0);
	ck_assert_int_eq(tell("one", reparse, true), STATUS_OK);
	ck_assert_int_eq(tell("two", reparse, false), STATUS_OK);
	put_store_file();
	check_content("one", false);
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	check_content("one", true);
	check_content("two", true);
	ck_assert(is_link("one") && is_link("two"));
	ck_assert_uint_eq(max_index(), 77);
	ck_assert_int_eq(stat(sis_path(root, "one"), &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 06750);
	ck_assert_uint_eq(st.st_uid, 4321);
	ck_assert_uint_eq(st.st_gid, 1234);
	ck_assert_int_eq(st.st_mtim.tv_sec, 1000000002);
	ck_assert_int_eq(getxattr(sis_path(root, "one"), "user.mine", NULL, 0), 5);
	a = open(sis_path(root, "one"), O_RDONLY | O_CLOEXEC);
	b = open(inside(SIS_GUID_A ".sis"), O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(extents_same(a, b, "one", &same), STATUS_OK);
	ck_assert_int_eq(same, sis_shares_extents((enum volume_type)_i));
	(void)close(a);
	(void)close(b);
}
END_TEST

START_TEST(bare_links_stay_bare_where_extents_cannot_be_shared)
{
	if (!begin(_i))
		return;
	sis_restore_set_bare(restore, true);
	put_link("link");
	ck_assert_int_eq(tell("link", reparse, true), STATUS_OK);
	put_store_file();
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	check_content("link", sis_shares_extents((enum volume_type)_i));
	ck_assert(is_link("link"));
}
END_TEST

START_TEST(a_reparse_point_that_is_missing_is_set)
{
	if (!begin(_i))
		return;
	put_link("link");
	ck_assert_int_eq(
		removexattr(sis_path(root, "link"), "user.ntfs_reparse_data"), 0);
	ck_assert_int_eq(tell("link", reparse, true), STATUS_OK);
	put_store_file();
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	ck_assert(is_link("link"));
}
END_TEST

START_TEST(store_files_that_are_there_are_not_asked_for)
{
	if (!begin(_i))
		return;
	sis_put_store_file(root, SIS_GUID_A, content, SIZE);
	put_link("link");
	ck_assert_int_eq(tell("link", reparse, false), STATUS_OK);
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	check_content("link", true);
	ck_assert(is_link("link"));
	/* Again, now that its sum is recorded, and after it was damaged. */
	begin_pass();
	put_link("more");
	ck_assert_int_eq(tell("more", reparse, false), STATUS_OK);
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	content[100] ^= 1;
	sis_put_store_file(root, SIS_GUID_A, content, SIZE);
	content[100] ^= 1;
	begin_pass();
	put_link("third");
	ck_assert_int_eq(tell("third", reparse, true), STATUS_OK);
	put_store_file();
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	check_content("third", true);
}
END_TEST

/* Nothing tells whether the content is right: Windows' checksum is not known. */
START_TEST(a_store_file_that_nothing_proves_is_asked_for)
{
	if (!begin(ON_TMP))
		return;
	sis_put_store_file(root, SIS_GUID_A, content, SIZE);
	sis_put_bare(sis_path(root, "link"), sis_real_link, SIZE);
	ck_assert_int_eq(tell("link", sis_real_link, true), STATUS_OK);
	put_store_file();
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	check_content("link", true);
	ck_assert_uint_eq(max_index(), 0x02213569);
}
END_TEST

START_TEST(store_files_may_come_first)
{
	if (!begin(ON_TMP))
		return;
	put_store_file();
	put_link("link");
	ck_assert_int_eq(tell("link", reparse, false), STATUS_OK);
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	check_content("link", true);
}
END_TEST

START_TEST(damaged_store_files_resolve_nothing)
{
	if (!begin(ON_TMP))
		return;
	put_link("link");
	ck_assert_int_eq(tell("link", reparse, true), STATUS_OK);
	ck_assert_int_eq(
		sis_restore_store_file(restore, inside(SIS_GUID_A ".sis")), NO_FILE);
	content[SIZE - 1] ^= 1;
	sis_put_store_file(root, SIS_GUID_A, content, SIZE);
	ck_assert_int_eq(sis_restore_store_file(restore, inside(SIS_GUID_A ".sis")), CRC);
	content[SIZE - 1] ^= 1;
	sis_put_store_file(root, SIS_GUID_A, content, SIZE - 1);
	ck_assert_int_eq(sis_restore_store_file(restore, inside(SIS_GUID_A ".sis")), CRC);
	ck_assert_int_eq(sis_restore_end(restore), NO_FILE);
	ck_assert_ptr_nonnull(strstr(status_pending(), "link"));
	check_content("link", false);
	/* Restored again, all is well. */
	begin_pass();
	put_link("link");
	ck_assert_int_eq(tell("link", reparse, true), STATUS_OK);
	put_store_file();
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	check_content("link", true);
}
END_TEST

START_TEST(one_bad_link_leaves_the_others_resolved)
{
	if (!begin(ON_TMP))
		return;
	put_link("good");
	put_link("gone");
	put_link("changed");
	put_link("last");
	ck_assert_int_eq(tell("gone", reparse, true), STATUS_OK);
	ck_assert_int_eq(tell("good", reparse, false), STATUS_OK);
	ck_assert_int_eq(tell("changed", reparse, false), STATUS_OK);
	ck_assert_int_eq(tell("last", reparse, false), STATUS_OK);
	put_store_file();
	ck_assert_int_eq(unlink(sis_path(root, "gone")), 0);
	sis_put(sis_path(root, "changed"), "new", 3);
	ck_assert_int_eq(truncate(sis_path(root, "changed"), SIZE), 0);
	ck_assert_int_eq(sis_restore_end(restore), NO_FILE); /* the first failure */
	check_content("good", true);
	check_content("last", true);
	ck_assert(is_link("last") && !is_link("changed"));
	ck_assert_int_eq(
		strncmp(sis_keep(support_read(sis_path(root, "changed"))), "new", 4), 0);
}
END_TEST

START_TEST(links_are_regular_files_below_the_volume)
{
	char *beside;

	if (!begin(ON_TMP))
		return;
	beside = sis_path(support_tmpdir(), "link");
	sis_put_bare(beside, reparse, SIZE);
	ck_assert_int_eq(symlink(beside, sis_path(root, "symlink")), 0);
	ck_assert_int_eq(mkdir(sis_path(root, "dir"), 0755), 0);
	ck_assert_int_eq(mkfifo(sis_path(root, "fifo"), 0644), 0);
	ck_assert_int_eq(symlink("dir", sis_path(root, "dirlink")), 0);
	put_link("dir/link");
	put_link(STORE_NAME "/link");
	ck_assert_int_eq(tell("symlink", reparse, false), DENIED);
	ck_assert_int_eq(tell("dirlink/link", reparse, false), DENIED);
	ck_assert_int_eq(tell("dir", reparse, false), INVALID);
	ck_assert_int_eq(tell("fifo", reparse, false), INVALID);
	ck_assert_int_eq(tell("none", reparse, false), NO_FILE);
	ck_assert_int_eq(tell("dir/../dir/link", reparse, false), BAD_NAME);
	ck_assert_int_eq(tell("../link", reparse, false), BAD_NAME);
	ck_assert_int_eq(tell(STORE_NAME "/link", reparse, false), DENIED);
	reparse[40] ^= 1;
	ck_assert_int_eq(tell("dir/link", reparse, false),
		STATUS_WIN32(ERROR_INVALID_REPARSE_DATA));
	reparse[40] ^= 1;
	ck_assert_int_eq(tell("dir/link", reparse, true), STATUS_OK);
	/* A link that is swapped for something else before the end is not followed. */
	ck_assert_int_eq(unlink(sis_path(root, "dir/link")), 0);
	ck_assert_int_eq(symlink(beside, sis_path(root, "dir/link")), 0);
	put_store_file();
	ck_assert(failed(sis_restore_end(restore)));
	(void)strcpy(root, "/");
	check_content(beside, false);
}
END_TEST

START_TEST(only_files_of_the_store_are_taken)
{
	static const char *const wrong[] = {"link", STORE_NAME, STORE_NAME "/x",
		STORE_NAME "/" SIS_GUID_A, STORE_NAME "/" SIS_GUID_A ".sum",
		STORE_NAME "/.lock", STORE_NAME "/../" SIS_GUID_A ".sis",
		STORE_NAME "/0B0E4922-6D34-11EA-9B83-00505688148E.sis", SIS_GUID_A ".sis",
		STORE_NAME "/dir/" SIS_GUID_A ".sis", "dir/" SIS_GUID_A ".sis"};

	if (!begin(ON_TMP))
		return;
	ck_assert_int_eq(mkdir(sis_path(root, "dir"), 0755), 0);
	ck_assert_int_eq(mkdir(inside("dir"), 0755), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_int_eq(
			sis_restore_store_file(restore, sis_path(root, wrong[i])),
			BAD_NAME);
	ck_assert_int_eq(
		sis_restore_store_file(restore, "/etc/" SIS_GUID_A ".sis"), BAD_NAME);
	ck_assert_int_eq(mkdir(inside(SIS_GUID_A ".sis"), 0700), 0);
	ck_assert_int_eq(
		sis_restore_store_file(restore, inside(SIS_GUID_A ".sis")), INVALID);
	put_link("link");
	ck_assert_int_eq(tell("link", reparse, false), INVALID);
	ck_assert_int_eq(rmdir(inside(SIS_GUID_A ".sis")), 0);
	ck_assert_int_eq(symlink("/etc/passwd", inside(SIS_GUID_A ".sis")), 0);
	ck_assert_int_eq(
		sis_restore_store_file(restore, inside(SIS_GUID_A ".sis")), INVALID);
	sis_restore_abandon(restore);
}
END_TEST

START_TEST(of_two_max_indexes_the_higher_wins)
{
	const char *path;

	if (!begin(ON_TMP))
		return;
	path = inside(STORE_MAX_INDEX);
	ck_assert_int_eq(sis_restore_store_file(restore, path), NO_FILE);
	sis_put(path, "\x05\0\0\0\0\0\0\0", 8);
	ck_assert_int_eq(sis_restore_store_file(restore, path), STATUS_OK);
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	ck_assert_uint_eq(max_index(), 5);
	begin_pass();
	sis_put(path, "\x03\0\0\0\0\0\0\0", 8);
	ck_assert_int_eq(sis_restore_store_file(restore, path), STATUS_OK);
	ck_assert_uint_eq(max_index(), 5);
	sis_put(path, "\x09\0\0\0\0\0\0\0", 8);
	ck_assert_int_eq(sis_restore_store_file(restore, path), STATUS_OK);
	ck_assert_uint_eq(max_index(), 9);
	sis_put(path, "\x09\0\0", 3);
	ck_assert_int_eq(sis_restore_store_file(restore, path), CRC);
	put_link("link");
	ck_assert_int_eq(tell("link", reparse, true), STATUS_OK);
	put_store_file();
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	ck_assert_uint_eq(max_index(), 77);
}
END_TEST

START_TEST(a_full_disk_leaves_links_bare)
{
	char *filler;
	int fd;

	if (!begin(ON_TMPFS))
		return;
	put_link("link");
	ck_assert_int_eq(tell("link", reparse, true), STATUS_OK);
	put_store_file();
	filler = sis_path(root, "filler");
	fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	/* Two pages are left: for MaxIndex, and too few for the link. */
	for (int size = 1 << 20; size >= 4096; size /= 2)
		while (posix_fallocate(fd, lseek(fd, 0, SEEK_END), size) == 0)
			;
	ck_assert_int_eq(ftruncate(fd, lseek(fd, 0, SEEK_END) - 8192), 0);
	(void)close(fd);
	ck_assert_int_eq(sis_restore_end(restore), STATUS_WIN32(ERROR_DISK_FULL));
	check_content("link", false);
	ck_assert(!is_link("link"));
	ck_assert_int_eq(unlink(filler), 0);
	begin_pass();
	ck_assert_int_eq(tell("link", reparse, false), STATUS_OK);
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	check_content("link", true);
	ck_assert(is_link("link"));
}
END_TEST

/* Without a plug-in nobody could read them as links. */
START_TEST(on_ntfs_links_become_plain_files_unless_they_may_stay_bare)
{
	struct volume *volume;
	uint8_t read[72];
	size_t size;

	if (!begin(ON_NTFS))
		return;
	ck_assert_int_eq(volume_open(root, &volume), STATUS_OK);
	for (int bare = 0; bare < 2; bare++) {
		const char *name = bare ? "bare" : "plain";

		if (bare)
			begin_pass();
		sis_restore_set_bare(restore, bare);
		sis_put(sis_path(root, name), "", 0);
		ck_assert_int_eq(truncate(sis_path(root, name), SIZE), 0);
		ck_assert_int_eq(
			volume_set_reparse(volume, volume->fd, name, reparse, 72),
			STATUS_OK);
		ck_assert_int_eq(tell(name, reparse, !bare), STATUS_OK);
		put_store_file();
		ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
		ck_assert_int_eq(
			volume_get_reparse(volume, volume->fd, name, read, 72, &size),
			bare ? STATUS_OK : STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT));
	}
	check_content("plain", true);
	ck_assert(is_link("bare"));
	volume_close(volume);
}
END_TEST

START_TEST(many_links_to_many_store_files)
{
	enum { FILES = 50, LINKS = 2000 };
	char name[64], guid[64], text[64];
	uint8_t buffer[72];
	size_t size;

	if (!begin(_i))
		return;
	for (int i = 0; i < LINKS; i++) {
		int length = snprintf(text, sizeof(text), "content %d", i % FILES);

		(void)snprintf(guid, sizeof(guid), "%08x-0000-1000-8000-0123456789ab",
			(unsigned)i % FILES);
		(void)snprintf(name, sizeof(name), "link-%d", i);
		sis_reparse(guid, (uint64_t)i, text, (size_t)length, buffer);
		sis_put_bare(sis_path(root, name), buffer, (size_t)length);
		ck_assert_int_eq(tell(name, buffer, i < FILES), STATUS_OK);
	}
	for (int i = FILES - 1; i >= 0; i--) {
		int length = snprintf(text, sizeof(text), "content %d", i);

		(void)snprintf(guid, sizeof(guid), "%08x-0000-1000-8000-0123456789ab",
			(unsigned)i);
		sis_put_store_file(root, guid, text, (size_t)length);
		(void)strcat(guid, ".sis");
		ck_assert_int_eq(
			sis_restore_store_file(restore, inside(guid)), STATUS_OK);
	}
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	for (int i = 0; i < LINKS; i++) {
		char *data;

		(void)snprintf(text, sizeof(text), "content %d", i % FILES);
		(void)snprintf(name, sizeof(name), "link-%d", i);
		data = sis_get(sis_path(root, name), &size);
		ck_assert_uint_eq(size, strlen(text));
		ck_assert_mem_eq(data, text, size);
		ck_assert(is_link(name));
	}
	ck_assert_uint_eq(max_index(), LINKS - 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sis_restore");
	TCase *tcase = tcase_create("sis_restore");
	const int first = ON_TMP, last = ON_BTRFS + 1;

	if (geteuid() != 0)
		return 77; /* root restores, and gives files away */
	tcase_add_unchecked_fixture(tcase, sis_volumes_make, NULL);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(
		tcase, links_read_as_their_store_file_and_keep_the_rest, first, last);
	tcase_add_loop_test(
		tcase, bare_links_stay_bare_where_extents_cannot_be_shared, first, last);
	tcase_add_loop_test(tcase, a_reparse_point_that_is_missing_is_set, first, last);
	tcase_add_loop_test(
		tcase, store_files_that_are_there_are_not_asked_for, first, last);
	tcase_add_test(tcase, a_store_file_that_nothing_proves_is_asked_for);
	tcase_add_test(tcase, store_files_may_come_first);
	tcase_add_test(tcase, damaged_store_files_resolve_nothing);
	tcase_add_test(tcase, one_bad_link_leaves_the_others_resolved);
	tcase_add_test(tcase, links_are_regular_files_below_the_volume);
	tcase_add_test(tcase, only_files_of_the_store_are_taken);
	tcase_add_test(tcase, of_two_max_indexes_the_higher_wins);
	tcase_add_test(tcase, a_full_disk_leaves_links_bare);
	tcase_add_test(tcase, on_ntfs_links_become_plain_files_unless_they_may_stay_bare);
	tcase_add_loop_test(tcase, many_links_to_many_store_files, first, last);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
