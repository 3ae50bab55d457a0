/* Looking after links: show, unlink, check and gc. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "care_fixture.h"
#include "sis/vouch.h"

#define SIZE 70001

/* Links a and b to one store file, c and d to another. */
static void make_links(void)
{
	care_write(dir, "a", SIZE, 1);
	care_write(dir, "b", SIZE, 1);
	care_write(dir, "c", 5000, 2);
	care_write(dir, "d", 5000, 2);
	care_log_begin(&done);
	ck_assert_int_eq(sis_link_duplicates(dir, 0, &done.care), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 4);
}

static char *in_store(const char *name)
{
	char relative[100];

	(void)snprintf(relative, sizeof(relative), STORE_NAME "/%s", name);
	return support_path(dir, relative);
}

static void expect_damage(unsigned count, const char *reason, const char *path)
{
	ck_assert_int_eq(check(), STATUS_WIN32(ERROR_CRC));
	ck_assert_msg(done.summary.damaged == count, "%u: %s",
		(unsigned)done.summary.damaged, done.reasons);
	ck_assert_msg(strstr(done.reasons, reason), "%s", done.reasons);
	ck_assert_msg(strstr(done.paths, path), "%s", done.paths);
}

/* ---- show ---- */

START_TEST(show_tells_what_a_link_says)
{
	struct backupapi_sis_link_info info;
	struct stat st;
	char *path = support_path(dir, "a"), *store;

	make_links();
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(sis_show(dir, path, &info), STATUS_OK);
	ck_assert_uint_eq(info.version, 5);
	ck_assert_uint_eq(info.size, SIZE);
	ck_assert_uint_eq(info.link_file_id, st.st_ino);
	ck_assert(info.intact && info.vouched && info.store_file && info.made_here);
	store = care_store_file(dir, "a");
	ck_assert_int_eq(stat(store, &st), 0);
	ck_assert_uint_eq(info.store_file_id, st.st_ino);
	care_write(dir, "a", SIZE, 3);
	ck_assert_int_eq(sis_show(dir, "a", &info), STATUS_OK);
	ck_assert(!info.intact && info.vouched);
	care_write(dir, "plain", 10, 3);
	ck_assert_int_eq(
		sis_show(dir, "plain", &info), STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT));
	ck_assert_str_eq(info.guid, "");
	ck_assert_int_eq(
		sis_show(dir, "missing", &info), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_int_eq(sis_show(dir, "../x", &info), STATUS_WIN32(ERROR_INVALID_NAME));
	free(store);
	free(path);
}
END_TEST

/* ---- unlink ---- */

START_TEST(unlink_gives_a_plain_file_with_the_content)
{
	char *path = support_path(dir, "a"), list[1000];
	struct stat before, after;

	make_links();
	ck_assert_int_eq(stat(path, &before), 0);
	ck_assert_int_eq(sis_unlink(dir, path), STATUS_OK);
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_uint_eq(after.st_ino, before.st_ino);
	ck_assert_int_eq(
		memcmp(&after.st_mtim, &before.st_mtim, sizeof(after.st_mtim)), 0);
	ck_assert_int_eq(listxattr(path, list, sizeof(list)), 0);
	ck_assert(care_has(dir, "a", SIZE, 1) && !care_is_link(dir, "a"));
	ck_assert(care_is_link(dir, "b"));
	ck_assert_int_eq(sis_unlink(dir, path), STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT));
	ck_assert_int_eq(check(), STATUS_OK);
	free(path);
}
END_TEST

START_TEST(a_link_without_data_gets_its_content)
{
	char *path = support_path(dir, "bare"), list[1000];
	struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 2000}};
	struct stat st;

	care_make_bare(dir, SIZE, true);
	ck_assert(care_is_link(dir, "bare"));
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
	ck_assert_int_eq(setxattr(path, "user.colour", "red", 3, 0), 0);
	ck_assert_int_eq(check(), STATUS_OK);
	ck_assert_int_eq(sis_unlink(dir, "bare"), STATUS_OK);
	ck_assert(care_has(dir, "bare", SIZE, 1) && !care_is_link(dir, "bare"));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(st.st_mtim.tv_sec, 2000);
	ck_assert_int_eq(listxattr(path, list, sizeof(list)), sizeof("user.colour"));
	free(path);
}
END_TEST

START_TEST(nobody_gets_content_by_writing_attributes)
{
	char *path = support_path(dir, "bare");
	struct stat st;

	care_make_bare(dir, SIZE, false);
	ck_assert_int_eq(
		sis_unlink(dir, "bare"), STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_blocks, 0);
	free(path);
}
END_TEST

START_TEST(a_link_without_data_is_not_filled_with_damage)
{
	char *store;

	care_make_bare(dir, SIZE, true);
	store = care_store_file(dir, "bare");
	ck_assert_int_eq(unlink(store), 0);
	ck_assert_int_eq(sis_unlink(dir, "bare"), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_int_eq(check(), STATUS_WIN32(ERROR_CRC));
	ck_assert_ptr_nonnull(strstr(done.reasons, "is missing"));
	free(store);
}
END_TEST

/* ---- check ---- */

START_TEST(a_sound_volume_passes)
{
	make_links();
	ck_assert_int_eq(check(), STATUS_OK);
	ck_assert_uint_eq(done.summary.links, 4);
	ck_assert_uint_eq(done.summary.files, 4);
	ck_assert_uint_eq(done.summary.store_files, 2);
	ck_assert_uint_eq(done.summary.damaged, 0);
	ck_assert_uint_eq(done.summary.orphaned, 0);
	care_write(dir, "b", SIZE, 7);
	ck_assert_int_eq(check(), STATUS_OK);
	ck_assert_uint_eq(done.summary.links, 3);
}
END_TEST

START_TEST(a_damaged_store_file_and_its_links_are_named)
{
	char *store;
	int fd;

	make_links();
	store = care_store_file(dir, "a");
	ck_assert_int_ge(fd = open(store, O_WRONLY), 0);
	ck_assert_int_eq(pwrite(fd, "damage", 6, 1000), 6);
	ck_assert_int_eq(close(fd), 0);
	expect_damage(3, "has not the content", store);
	ck_assert_ptr_nonnull(strstr(done.reasons, ".sis is damaged"));
	ck_assert_ptr_nonnull(strstr(done.paths, "/b\n"));
	ck_assert(care_has(dir, "a", SIZE, 1));
	free(store);
}
END_TEST

START_TEST(a_missing_store_file_is_damage_of_its_links)
{
	char *store;

	make_links();
	store = care_store_file(dir, "c");
	ck_assert_int_eq(unlink(store), 0);
	expect_damage(2, "is missing", "/d\n");
	care_write(dir, "c", 5000, 9);
	expect_damage(1, "is missing", "/d\n");
	free(store);
}
END_TEST

START_TEST(orphans_are_named_and_are_no_damage)
{
	char *store, *a = support_path(dir, "a");

	make_links();
	store = care_store_file(dir, "a");
	ck_assert_int_eq(unlink(a), 0);
	ck_assert_int_eq(check(), STATUS_OK);
	ck_assert_uint_eq(done.summary.orphaned, 0);
	care_write(dir, "b", SIZE, 4);
	ck_assert_int_eq(check(), STATUS_OK);
	ck_assert_uint_eq(done.summary.orphaned, 1);
	ck_assert_ptr_nonnull(strstr(done.paths, store));
	free(a);
	free(store);
}
END_TEST

START_TEST(what_a_restore_set_aside_as_damaged_is_named)
{
	char *damaged = in_store(SIS_GUID_B ".damaged");

	make_links();
	support_write(damaged, "not what any link says");
	ck_assert_int_eq(check(), STATUS_OK);
	ck_assert_uint_eq(done.summary.orphaned, 1);
	ck_assert_uint_eq(done.summary.store_files, 2);
	ck_assert_ptr_nonnull(strstr(done.paths, damaged));
	ck_assert(support_exists(damaged));
	free(damaged);
}
END_TEST

/* Vouched for again, with another index. */
static void set_index(const char *name, uint64_t index)
{
	char *path = support_path(dir, name);
	uint8_t reparse[72];
	struct volume *volume;
	struct sis_link link;
	struct store *store;
	int fd;

	ck_assert_int_eq(volume_open(dir, &volume), STATUS_OK);
	ck_assert_int_eq(store_open(volume, false, &store), STATUS_OK);
	ck_assert_int_eq(store_pin(store), STATUS_OK);
	ck_assert_int_eq(getxattr(path, "user.ntfs_reparse_data", reparse, 72), 72);
	ck_assert_int_eq(reparse_parse(reparse, 72, &link), STATUS_OK);
	link.index = index;
	reparse_build(&link, reparse);
	ck_assert_int_eq(setxattr(path, "user.ntfs_reparse_data", reparse, 72, 0), 0);
	ck_assert_int_ge(fd = open(path, O_RDWR | O_CLOEXEC), 0);
	ck_assert_int_eq(vouch_record(store, fd, path, reparse), STATUS_OK);
	ck_assert_int_eq(close(fd), 0);
	store_close(store);
	volume_close(volume);
	free(path);
}

START_TEST(an_index_that_was_never_given_out_hides_no_other)
{
	struct backupapi_sis_link_info info;
	char *max = in_store(STORE_MAX_INDEX);

	make_links();
	set_index("a", UINT64_MAX);
	set_index("b", 500);
	ck_assert(care_is_link(dir, "a") && care_is_link(dir, "b"));
	ck_assert_int_eq(unlink(max), 0);
	care_write(dir, "e", 3000, 3);
	care_write(dir, "f", 3000, 3);
	care_log_begin(&done);
	ck_assert_int_eq(sis_link_duplicates(dir, 0, &done.care), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 2);
	ck_assert_int_eq(sis_show(dir, "e", &info), STATUS_OK);
	ck_assert_uint_gt(info.link_index, 500);
	ck_assert_uint_le(info.link_index, 502);
	free(max);
}
END_TEST

START_TEST(max_index_must_be_there_and_above_all_links)
{
	char *max = in_store(STORE_MAX_INDEX);

	make_links();
	support_write(max, "short");
	expect_damage(1, "8 bytes", max);
	ck_assert_int_eq(truncate(max, 0), 0);
	ck_assert_int_eq(truncate(max, 8), 0);
	expect_damage(4, "above MaxIndex", "/a\n");
	free(max);
}
END_TEST

START_TEST(a_max_index_at_its_end_is_named_and_one_that_was_put_there_goes)
{
	static const uint8_t last[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f};
	char *max = in_store(STORE_MAX_INDEX);

	make_links();
	sis_put(max, last, sizeof(last));
	expect_damage(1, "few link indexes, or none", max);
	care_write(dir, "e", 3000, 3);
	care_write(dir, "f", 3000, 3);
	ck_assert_int_eq(link_all(), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 2);
	expect_sound();
	free(max);
}
END_TEST

START_TEST(damaged_reparse_data_is_named)
{
	char *path = support_path(dir, "a");
	uint8_t reparse[72];

	make_links();
	ck_assert_int_eq(getxattr(path, "user.ntfs_reparse_data", reparse, 72), 72);
	reparse[40] ^= 1;
	ck_assert_int_eq(setxattr(path, "user.ntfs_reparse_data", reparse, 72, 0), 0);
	expect_damage(1, "reparse data is damaged", "/a\n");
	ck_assert_int_eq(sis_unlink(dir, "a"), STATUS_OK);
	ck_assert(care_has(dir, "a", SIZE, 1));
	ck_assert_int_eq(check(), STATUS_OK);
	free(path);
}
END_TEST

START_TEST(without_a_store_there_is_nothing_to_check_or_clean)
{
	care_write(dir, "a", 10, 1);
	ck_assert_int_eq(check(), STATUS_WIN32(ERROR_PATH_NOT_FOUND));
	ck_assert_int_eq(gc(false), STATUS_WIN32(ERROR_PATH_NOT_FOUND));
	ck_assert_int_eq(sis_unlink(dir, "a"), STATUS_WIN32(ERROR_PATH_NOT_FOUND));
}
END_TEST

/* ---- gc ---- */

START_TEST(gc_removes_what_no_link_needs_and_nothing_else)
{
	char *a = support_path(dir, "a"), *store, *kept, *sum, *stale, *foreign;

	make_links();
	store = care_store_file(dir, "a");
	kept = care_store_file(dir, "c");
	sum = strdup(store);
	memcpy(strrchr(sum, '.'), ".sum", 4);
	stale = in_store(".x.sis.backupapi-new");
	foreign = in_store("notes.txt");
	support_write(stale, "half");
	support_write(foreign, "not ours");
	ck_assert_int_eq(unlink(a), 0);
	ck_assert_int_eq(gc(false), STATUS_OK);
	ck_assert(support_exists(store));
	ck_assert_int_eq(sis_unlink(dir, "b"), STATUS_OK);
	ck_assert_int_eq(gc(true), STATUS_OK);
	ck_assert_uint_eq(done.summary.orphaned, 1);
	ck_assert_uint_eq(done.summary.changed, 0);
	ck_assert(support_exists(store));
	ck_assert_int_eq(gc(false), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 1);
	ck_assert_uint_eq(done.summary.saved_bytes, SIZE);
	ck_assert(!support_exists(store) && !support_exists(sum));
	ck_assert(!support_exists(stale) && support_exists(foreign));
	ck_assert(support_exists(kept) && care_has(dir, "b", SIZE, 1));
	ck_assert_int_eq(check(), STATUS_OK);
	free(a);
	free(store);
	free(kept);
	free(sum);
	free(stale);
	free(foreign);
}
END_TEST

START_TEST(gc_waits_for_nobody)
{
	struct volume *volume;
	struct store *store;

	make_links();
	ck_assert_int_eq(volume_open(dir, &volume), STATUS_OK);
	ck_assert_int_eq(store_open(volume, false, &store), STATUS_OK);
	ck_assert_int_eq(store_pin(store), STATUS_OK);
	ck_assert_int_eq(gc(false), STATUS_WIN32(ERROR_BUSY));
	store_close(store);
	volume_close(volume);
	ck_assert_int_eq(gc(false), STATUS_OK);
}
END_TEST

/* Whether or not somebody vouches for it: its content is nowhere else. */
START_TEST(gc_keeps_what_a_link_without_data_needs)
{
	char *store;

	care_make_bare(dir, SIZE, _i != 0);
	store = care_store_file(dir, "bare");
	ck_assert_int_eq(gc(false), STATUS_OK);
	ck_assert(support_exists(store));
	free(store);
}
END_TEST

START_TEST(gc_removes_nothing_where_it_cannot_know)
{
	char *path = support_path(dir, "bare"), *store, *orphan;
	uint8_t reparse[72];

	care_make_bare(dir, SIZE, true);
	store = care_store_file(dir, "bare");
	sis_put_store_file(dir, SIS_GUID_B, "orphan", 6);
	orphan = in_store(SIS_GUID_B ".sis");
	ck_assert_int_eq(getxattr(path, "user.ntfs_reparse_data", reparse, 72), 72);
	reparse[20] ^= 4;
	ck_assert_int_eq(setxattr(path, "user.ntfs_reparse_data", reparse, 72, 0), 0);
	ck_assert_int_eq(gc(false), STATUS_WIN32(ERROR_INVALID_REPARSE_DATA));
	ck_assert(support_exists(store) && support_exists(orphan));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(gc(false), STATUS_OK);
	ck_assert(!support_exists(store) && !support_exists(orphan));
	free(path);
	free(store);
	free(orphan);
}
END_TEST

static void add_for_links(Suite *suite)
{
	TCase *tests = tcase_create("links");

	tcase_add_unchecked_fixture(tests, care_volumes_make, NULL);
	tcase_add_checked_fixture(tests, setup_xfs, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, show_tells_what_a_link_says);
	tcase_add_test(tests, unlink_gives_a_plain_file_with_the_content);
	tcase_add_test(tests, a_sound_volume_passes);
	tcase_add_test(tests, a_damaged_store_file_and_its_links_are_named);
	tcase_add_test(tests, a_missing_store_file_is_damage_of_its_links);
	tcase_add_test(tests, orphans_are_named_and_are_no_damage);
	tcase_add_test(tests, what_a_restore_set_aside_as_damaged_is_named);
	tcase_add_test(tests, an_index_that_was_never_given_out_hides_no_other);
	tcase_add_test(tests, max_index_must_be_there_and_above_all_links);
	tcase_add_test(
		tests, a_max_index_at_its_end_is_named_and_one_that_was_put_there_goes);
	tcase_add_test(tests, damaged_reparse_data_is_named);
	tcase_add_test(tests, gc_removes_what_no_link_needs_and_nothing_else);
	tcase_add_test(tests, gc_waits_for_nobody);
	suite_add_tcase(suite, tests);
}

static void add_for_bare(Suite *suite)
{
	TCase *tests = tcase_create("bare");

	tcase_add_unchecked_fixture(tests, care_volumes_make, NULL);
	tcase_add_checked_fixture(tests, setup_tmpfs, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_link_without_data_gets_its_content);
	tcase_add_test(tests, nobody_gets_content_by_writing_attributes);
	tcase_add_test(tests, a_link_without_data_is_not_filled_with_damage);
	tcase_add_test(tests, without_a_store_there_is_nothing_to_check_or_clean);
	tcase_add_loop_test(tests, gc_keeps_what_a_link_without_data_needs, 0, 2);
	tcase_add_test(tests, gc_removes_nothing_where_it_cannot_know);
	suite_add_tcase(suite, tests);
}

int main(void)
{
	Suite *suite = suite_create("care_keep");

	if (!care_can_mount("mkfs.xfs")) {
		printf("skipped: needs root, loop devices and mkfs.xfs\n");
		return 77;
	}
	add_for_links(suite);
	add_for_bare(suite);
	return support_run(suite);
}
