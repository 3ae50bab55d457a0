/* Making links: nothing of a file is lost, whoever writes meanwhile. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "care_fixture.h"
#include "sis/extents.h"

#define SIZE 70001

static struct stat stat_of(const char *name)
{
	char *path = support_path(dir, name);
	struct stat st;

	ck_assert_int_eq(lstat(path, &st), 0);
	free(path);
	return st;
}

static bool shares(const char *name)
{
	char *path = support_path(dir, name), *store = care_store_file(dir, name);
	int fd = open(path, O_RDONLY), store_fd = open(store, O_RDONLY);
	bool same;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(store_fd, 0);
	ck_assert_int_eq(extents_same(fd, store_fd, path, &same), STATUS_OK);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(close(store_fd), 0);
	free(path);
	free(store);
	return same;
}

/* ---- what becomes a link ---- */

START_TEST(duplicates_become_links_that_share_one_store_file)
{
	care_write(dir, "a", SIZE, 1);
	care_write(dir, "b", SIZE, 1);
	care_write(dir, "c", SIZE, 2);
	ck_assert_int_eq(link_all(), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 2);
	ck_assert_uint_eq(done.summary.duplicates, 1);
	ck_assert_uint_eq(done.summary.saved_bytes, SIZE);
	ck_assert_uint_eq(done.summary.store_files, 1);
	ck_assert_uint_eq(done.counts[BACKUPAPI_SIS_LINKED], 2);
	ck_assert(shares("a") && shares("b"));
	ck_assert(care_is_link(dir, "a") && care_is_link(dir, "b"));
	ck_assert(!care_is_link(dir, "c"));
	ck_assert(care_has(dir, "a", SIZE, 1) && care_has(dir, "b", SIZE, 1));
	expect_sound();
}
END_TEST

START_TEST(a_link_keeps_all_that_the_file_had)
{
	const struct timespec times[2] = {
		{.tv_sec = 1000, .tv_nsec = 1}, {.tv_sec = 2000}};
	char *path = support_path(dir, "b"), *other = support_path(dir, "other");
	struct stat before, after;
	char value[8];

	care_write(dir, "a", SIZE, 1);
	care_write(dir, "b", SIZE, 1);
	ck_assert_int_eq(chown(path, 1234, 4321), 0);
	ck_assert_int_eq(chmod(path, 06751), 0);
	ck_assert_int_eq(setxattr(path, "user.colour", "green", 5, 0), 0);
	ck_assert_int_eq(link(path, other), 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
	before = stat_of("b");
	ck_assert_int_eq(link_all(), STATUS_OK);
	ck_assert_uint_eq(done.summary.files, 2);
	ck_assert_uint_eq(done.summary.changed, 2);
	after = stat_of("b");
	ck_assert_uint_eq(after.st_ino, before.st_ino);
	ck_assert_uint_eq(after.st_nlink, 2);
	ck_assert_uint_eq(after.st_mode, before.st_mode);
	ck_assert_uint_eq(after.st_uid, 1234);
	ck_assert_uint_eq(after.st_gid, 4321);
	ck_assert_int_eq(
		memcmp(&after.st_atim, &before.st_atim, sizeof(after.st_atim)), 0);
	ck_assert_int_eq(
		memcmp(&after.st_mtim, &before.st_mtim, sizeof(after.st_mtim)), 0);
	ck_assert_int_eq(getxattr(path, "user.colour", value, sizeof(value)), 5);
	ck_assert(care_is_link(dir, "b") && care_is_link(dir, "other"));
	free(other);
	free(path);
}
END_TEST

START_TEST(files_of_any_length_share_their_last_block)
{
	static const size_t sizes[] = {1, 4095, 4096, 4097, 65536, 65537, (17 << 20) + 3};
	const size_t size = sizes[_i];

	care_write(dir, "a", size, 1);
	care_write(dir, "b", size, 1);
	ck_assert_int_eq(link_all(), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 2);
	/* btrfs keeps what is short enough beside the inode. */
	ck_assert((shares("a") && shares("b")) || (type == ON_BTRFS && size < 4096));
	ck_assert(care_is_link(dir, "b") && care_has(dir, "b", size, 1));
}
END_TEST

START_TEST(holes_and_reserved_space_are_no_content)
{
	char *path = support_path(dir, "b");
	int fd;

	care_write(dir, "a", SIZE, 1);
	care_write(dir, "b", SIZE, 1);
	care_write(dir, "empty", 0, 1);
	care_write(dir, "empty2", 0, 1);
	for (int i = 0; i < 2; i++) {
		char *sparse = support_path(dir, i ? "hole2" : "hole");

		care_write(dir, i ? "hole2" : "hole", 10, 3);
		ck_assert_int_eq(truncate(sparse, 1 << 20), 0);
		free(sparse);
	}
	ck_assert_int_ge(fd = open(path, O_WRONLY), 0);
	ck_assert_int_eq(fallocate(fd, FALLOC_FL_KEEP_SIZE, SIZE, 1 << 20), 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(link_all(), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 4);
	ck_assert(shares("b") && shares("hole") && shares("hole2"));
	ck_assert_int_lt(stat_of("hole2").st_blocks, 64);
	ck_assert(!care_is_link(dir, "empty"));
	free(path);
}
END_TEST

START_TEST(a_later_duplicate_takes_the_store_file_that_is_there)
{
	char *first, *second;

	care_write(dir, "a", SIZE, 1);
	care_write(dir, "b", SIZE, 1);
	ck_assert_int_eq(link_all(), STATUS_OK);
	care_write(dir, "c", SIZE, 1);
	ck_assert_int_eq(link_all(), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 1);
	ck_assert_uint_eq(done.summary.saved_bytes, SIZE);
	first = care_store_file(dir, "a");
	second = care_store_file(dir, "c");
	ck_assert_str_eq(first, second);
	free(first);
	free(second);
	ck_assert_int_eq(link_all(), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 0);
	expect_sound();
}
END_TEST

START_TEST(a_damaged_store_file_gets_no_more_links)
{
	char *first, *second, *sum;

	care_write(dir, "a", SIZE, 1);
	care_write(dir, "b", SIZE, 1);
	ck_assert_int_eq(link_all(), STATUS_OK);
	first = care_store_file(dir, "a");
	sum = strdup(first);
	memcpy(strrchr(sum, '.'), ".sum", 4);
	support_write(sum, "nonsense");
	care_write(dir, "c", SIZE, 1);
	care_write(dir, "d", SIZE, 1);
	ck_assert_int_eq(link_all(), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 2);
	ck_assert_uint_eq(done.summary.skipped, 1);
	second = care_store_file(dir, "c");
	ck_assert_str_ne(first, second);
	free(first);
	free(second);
	free(sum);
}
END_TEST

START_TEST(a_link_that_was_written_to_can_become_one_again)
{
	care_write(dir, "a", SIZE, 1);
	care_write(dir, "b", SIZE, 1);
	ck_assert_int_eq(link_all(), STATUS_OK);
	care_write(dir, "b", SIZE, 2);
	ck_assert(!care_is_link(dir, "b") && care_is_link(dir, "a"));
	ck_assert(care_has(dir, "a", SIZE, 1));
	care_write(dir, "c", SIZE, 2);
	ck_assert_int_eq(link_all(), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 2);
	ck_assert(care_is_link(dir, "b") && care_is_link(dir, "c"));
	ck_assert(care_has(dir, "b", SIZE, 2));
}
END_TEST

START_TEST(indexes_are_above_all_that_are_in_use)
{
	char *max = support_path(dir, "SIS Common Store/MaxIndex");
	struct backupapi_sis_link_info a, c;

	care_write(dir, "a", SIZE, 1);
	care_write(dir, "b", SIZE, 1);
	ck_assert_int_eq(link_all(), STATUS_OK);
	ck_assert_int_eq(unlink(max), 0);
	care_write(dir, "c", SIZE, 1);
	ck_assert_int_eq(link_all(), STATUS_OK);
	ck_assert_int_eq(sis_show(dir, "a", &a), STATUS_OK);
	ck_assert_int_eq(sis_show(dir, "c", &c), STATUS_OK);
	ck_assert_uint_gt(c.link_index, a.link_index + 1);
	expect_sound();
	free(max);
}
END_TEST

/* ---- more than is synced at once ---- */

#define PAIRS 300u

static void name_of(unsigned pair, int which, char name[32])
{
	(void)snprintf(name, 32, "%u.%d", pair, which);
}

static void write_pairs(void)
{
	char name[32];

	for (unsigned i = 0; i < PAIRS; i++)
		for (int j = 0; j < 2; j++) {
			name_of(i, j, name);
			care_write(dir, name, 4096 + i % 3, i);
		}
}

static void expect_pairs(bool links)
{
	char name[32];

	for (unsigned i = 0; i < PAIRS; i++)
		for (int j = 0; j < 2; j++) {
			name_of(i, j, name);
			ck_assert(care_has(dir, name, 4096 + i % 3, i));
			ck_assert(!links || care_is_link(dir, name));
		}
}

START_TEST(many_sets_at_once)
{
	write_pairs();
	ck_assert_int_eq(link_all(), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 2 * PAIRS);
	ck_assert_uint_eq(done.summary.duplicates, PAIRS);
	ck_assert_uint_eq(done.summary.store_files, PAIRS);
	ck_assert_uint_eq(done.counts[BACKUPAPI_SIS_LINKED], 2 * PAIRS);
	expect_pairs(true);
	expect_sound();
	ck_assert_uint_eq(done.summary.store_files, PAIRS);
}
END_TEST

static void expect_nothing_but(unsigned store_files)
{
	char command[600];

	(void)snprintf(command, sizeof(command),
		"test $(ls -A '%s/" STORE_NAME
		"' | grep -cv -e '^MaxIndex$' -e '^.lock$') = %u",
		dir, 2 * store_files);
	ck_assert_int_eq(system(command), 0);
}

/* What tidying up does afterwards hides nothing. */
static void expect_explained(status rc, const char *reason)
{
	ck_assert_int_eq(status_publish(rc), rc);
	ck_assert_msg(strstr(status_detail(), reason), "%s", status_detail());
	ck_assert_msg(strstr(status_detail(), dir), "%s", status_detail());
}

/* One set is done, and those that waited with it leave nothing. */
START_TEST(a_caller_who_ends_it_leaves_no_store_files_without_links)
{
	write_pairs();
	care_log_begin(&done);
	done.end_at = BACKUPAPI_SIS_LINKED;
	ck_assert_int_eq(
		sis_link_duplicates(dir, 0, &done.care), STATUS_WIN32(ERROR_CANCELLED));
	expect_explained(STATUS_WIN32(ERROR_CANCELLED), "ended by the caller");
	ck_assert_uint_eq(done.counts[BACKUPAPI_SIS_LINKED], 1);
	expect_nothing_but(1);
	expect_pairs(false);
	expect_sound();
}
END_TEST

static void use_all_indexes_up(void)
{
	struct volume *volume;
	struct store *store;

	ck_assert_int_eq(volume_open(dir, &volume), STATUS_OK);
	ck_assert_int_eq(store_open(volume, true, &store), STATUS_OK);
	ck_assert_int_eq(store_raise_index(store, STORE_INDEX_LIMIT), STATUS_OK);
	store_close(store);
	volume_close(volume);
}

START_TEST(without_indexes_nothing_is_linked_and_the_reason_is_told)
{
	write_pairs();
	use_all_indexes_up();
	ck_assert_int_eq(link_all(), STATUS_WIN32(ERROR_INVALID_STATE));
	expect_explained(STATUS_WIN32(ERROR_INVALID_STATE), "no link indexes are left");
	ck_assert_uint_eq(done.summary.changed, 0);
	expect_nothing_but(0);
	expect_pairs(false);
	ck_assert_int_eq(check(), STATUS_WIN32(ERROR_CRC));
	ck_assert_ptr_nonnull(strstr(done.paths, STORE_MAX_INDEX));
}
END_TEST

static int end_at_a_megabyte(void *context, const struct backupapi_sis_event *event)
{
	(void)context;
	return event->kind == BACKUPAPI_SIS_PROGRESS && event->done_bytes > 1u << 20;
}

START_TEST(a_caller_who_ends_it_earlier_leaves_no_temporary_files)
{
	write_pairs();
	care_log_begin(&done);
	done.care.callback = end_at_a_megabyte;
	ck_assert_int_eq(
		sis_link_duplicates(dir, 0, &done.care), STATUS_WIN32(ERROR_CANCELLED));
	expect_nothing_but((unsigned)(done.summary.changed / 2));
	expect_pairs(false);
	expect_sound();
}
END_TEST

static void add_tests(Suite *suite, const char *name, void (*setup)(void))
{
	TCase *tests = tcase_create(name);

	tcase_add_unchecked_fixture(tests, care_volumes_make, NULL);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 200);
	tcase_add_test(tests, duplicates_become_links_that_share_one_store_file);
	tcase_add_test(tests, a_link_keeps_all_that_the_file_had);
	tcase_add_loop_test(tests, files_of_any_length_share_their_last_block, 0, 7);
	tcase_add_test(tests, holes_and_reserved_space_are_no_content);
	tcase_add_test(tests, a_later_duplicate_takes_the_store_file_that_is_there);
	tcase_add_test(tests, a_damaged_store_file_gets_no_more_links);
	tcase_add_test(tests, a_link_that_was_written_to_can_become_one_again);
	tcase_add_test(tests, indexes_are_above_all_that_are_in_use);
	tcase_add_test(tests, many_sets_at_once);
	tcase_add_test(tests, a_caller_who_ends_it_leaves_no_store_files_without_links);
	tcase_add_test(tests, without_indexes_nothing_is_linked_and_the_reason_is_told);
	tcase_add_test(tests, a_caller_who_ends_it_earlier_leaves_no_temporary_files);
	suite_add_tcase(suite, tests);
}

int main(void)
{
	Suite *suite = suite_create("care_link");

	if (!care_can_mount("mkfs.xfs")) {
		printf("skipped: needs root, loop devices and mkfs.xfs\n");
		return 77;
	}
	add_tests(suite, "xfs", setup_xfs);
	if (care_can_mount("mkfs.btrfs"))
		add_tests(suite, "btrfs", setup_btrfs);
	return support_run(suite);
}
