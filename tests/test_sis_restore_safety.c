/* What wrong links, hostile backup sets, and other users at the same time cannot do to a
 * restore pass. */
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "sis_restore_pass.h"

START_TEST(only_the_links_that_disagree_are_refused)
{
	uint8_t other[72];

	if (!begin(ON_TMP))
		return;
	/* The wrong ones come first. */
	sis_put_bare(sis_path(root, "short"), reparse, SIZE - 1);
	ck_assert_int_eq(tell("short", reparse, true), STATUS_OK);
	sis_reparse(SIS_GUID_A, 78, "other", 5, other);
	put_link("other");
	ck_assert_int_eq(tell("other", other, false), STATUS_OK);
	put_link("link");
	ck_assert_int_eq(tell("link", reparse, false), STATUS_OK);
	put_store_file();
	put_link("late");
	ck_assert_int_eq(tell("late", other, false), CRC);
	ck_assert_int_eq(sis_restore_end(restore), CRC);
	ck_assert_ptr_nonnull(strstr(status_pending(), "short"));
	check_content("link", true);
	check_content("other", false);
	ck_assert(is_link("link") && !is_link("other") && !is_link("short"));
}
END_TEST

/* Their checksum tells nothing about the content, but that of most is right. */
START_TEST(of_windows_links_the_majority_is_right)
{
	static const char *const names[] = {"wrong", "one", "two"};
	struct sis_link link;
	uint8_t wrong[72];

	if (!begin(ON_TMP))
		return;
	ck_assert_int_eq(reparse_parse(sis_real_link, 72, &link), STATUS_OK);
	link.content_checksum++;
	reparse_build(&link, wrong);
	for (int i = 0; i < 3; i++) {
		const uint8_t *buffer = i ? sis_real_link : wrong;

		sis_put_bare(sis_path(root, names[i]), buffer, SIZE);
		ck_assert_int_eq(tell(names[i], buffer, i == 0), STATUS_OK);
	}
	put_store_file();
	ck_assert_int_eq(sis_restore_end(restore), CRC);
	check_content("wrong", false);
	check_content("one", true);
	check_content("two", true);
}
END_TEST

static void record_store_file(void)
{
	put_link("first");
	ck_assert_int_eq(tell("first", reparse, true), STATUS_OK);
	put_store_file();
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	begin_pass();
}

/* The GUID alone gives nobody the content. */
START_TEST(a_recorded_store_file_goes_to_no_unmarked_link_unasked)
{
	char *wrong;

	if (!begin(ON_TMP))
		return;
	record_store_file();
	sis_put_bare(sis_path(root, "thief"), sis_real_link, SIZE);
	ck_assert_int_eq(tell("thief", sis_real_link, true), STATUS_OK);
	ck_assert_int_eq(sis_restore_end(restore), NO_FILE);
	check_content("thief", false);
	begin_pass();
	ck_assert_int_eq(tell("thief", sis_real_link, true), STATUS_OK);
	wrong = sis_content(SIZE, 6);
	sis_put_store_file(root, SIS_GUID_A, wrong, SIZE);
	ck_assert_int_eq(sis_restore_store_file(restore, inside(SIS_GUID_A ".sis")), CRC);
	ck_assert_int_eq(sis_restore_end(restore), NO_FILE);
	check_content("thief", false);
	/* Restored with the recorded content all is well. */
	begin_pass();
	ck_assert_int_eq(tell("thief", sis_real_link, true), STATUS_OK);
	put_store_file();
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	check_content("thief", true);
}
END_TEST

static void check_store_file(bool right)
{
	size_t size;
	char *data = sis_get(inside(SIS_GUID_A ".sis"), &size);

	ck_assert_uint_eq(size, SIZE);
	ck_assert_int_eq(memcmp(data, content, SIZE) == 0, right);
}

/* However the caller writes, and whether he tells or not. */
START_TEST(a_good_store_file_is_back_when_a_bad_one_was_restored)
{
	char *bad = NULL;

	if (!begin(ON_TMP))
		return;
	record_store_file();
	bad = sis_content(SIZE, 6);
	for (int told = 0; told < 3; told++) {
		put_link("marked");
		ck_assert_int_eq(tell("marked", reparse, false), STATUS_OK);
		sis_put_bare(sis_path(root, "unmarked"), sis_real_link, SIZE);
		ck_assert_int_eq(tell("unmarked", sis_real_link, true), STATUS_OK);
		sis_put(inside(SIS_GUID_A ".sis"), bad, SIZE);
		for (int i = 0; i < told; i++)
			ck_assert_int_eq(sis_restore_store_file(
						 restore, inside(SIS_GUID_A ".sis")),
				CRC);
		check_store_file(false);
		ck_assert_int_eq(sis_restore_end(restore), NO_FILE);
		check_store_file(true);
		check_content("marked", true);
		check_content("unmarked", false);
		ck_assert(support_exists(inside(SIS_GUID_A ".damaged")));
		ck_assert(!support_exists(inside(SIS_GUID_A ".gone")));
		ck_assert_int_eq(unlink(sis_path(root, "marked")), 0);
		ck_assert_int_eq(unlink(sis_path(root, "unmarked")), 0);
		ck_assert_int_eq(unlink(inside(SIS_GUID_A ".damaged")), 0);
		begin_pass();
	}
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
}
END_TEST

START_TEST(nothing_stays_aside_when_a_right_one_was_restored)
{
	if (!begin(ON_TMP))
		return;
	record_store_file();
	sis_put_bare(sis_path(root, "unmarked"), sis_real_link, SIZE);
	ck_assert_int_eq(tell("unmarked", sis_real_link, true), STATUS_OK);
	ck_assert(!support_exists(inside(SIS_GUID_A ".sis")));
	put_store_file();
	ck_assert(!support_exists(inside(SIS_GUID_A ".gone")));
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	check_content("unmarked", true);
}
END_TEST

/* As for whoever looks for it after a crash. */
START_TEST(a_good_store_file_survives_the_end_of_the_process)
{
	struct volume *volume;
	struct store *store;
	uuid_t guid;
	char *bad;

	if (!begin(ON_TMP))
		return;
	record_store_file();
	sis_put_bare(sis_path(root, "unmarked"), sis_real_link, SIZE);
	ck_assert_int_eq(tell("unmarked", sis_real_link, true), STATUS_OK);
	sis_restore_abandon(restore);
	bad = sis_content(SIZE, 6);
	sis_put(inside(SIS_GUID_A ".sis"), bad, SIZE);
	ck_assert_int_eq(uuid_parse(SIS_GUID_A, guid), 0);
	ck_assert_int_eq(volume_open(root, &volume), STATUS_OK);
	ck_assert_int_eq(store_open(volume, false, &store), STATUS_OK);
	ck_assert_int_eq(store_settle_aside(store, guid), STATUS_OK);
	check_store_file(true);
	ck_assert_int_eq(store_set_aside(store, guid), STATUS_OK);
	sis_put_store_file(root, SIS_GUID_A, content, SIZE);
	ck_assert_int_eq(store_settle_aside(store, guid), STATUS_OK);
	check_store_file(true);
	ck_assert(!store_is_aside(store, guid));
	store_close(store);
	volume_close(volume);
}
END_TEST

START_TEST(a_link_that_is_open_is_told_by_its_descriptor)
{
	char *path, *store_file = NULL;
	int fd;

	if (!begin(ON_TMP))
		return;
	put_link("link");
	put_link("other");
	path = sis_path(root, "link");
	fd = open(sis_path(root, "other"), O_PATH | O_CLOEXEC);
	ck_assert_int_eq(
		sis_restore_link_open(restore, fd, path, reparse, 72, &store_file),
		STATUS_WIN32(ERROR_SHARING_VIOLATION));
	ck_assert_ptr_null(store_file);
	(void)close(fd);
	ck_assert_int_eq(
		sis_restore_link_open(restore, fd, path, reparse, 72, &store_file),
		STATUS_WIN32(ERROR_INVALID_HANDLE));
	ck_assert_int_eq(
		sis_restore_link_open(restore, -1, path, reparse, 72, &store_file),
		STATUS_WIN32(ERROR_INVALID_HANDLE));
	fd = open(path, O_PATH | O_CLOEXEC);
	ck_assert_int_eq(
		sis_restore_link_open(restore, fd, path, reparse, 72, &store_file),
		STATUS_OK);
	(void)close(fd);
	ck_assert_str_eq(store_file, inside(SIS_GUID_A ".sis"));
	free(store_file);
	put_store_file();
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	check_content("link", true);
	check_content("other", false);
}
END_TEST

START_TEST(a_recorded_store_file_is_not_restored_over_for_a_wrong_link)
{
	uint8_t other[72];

	if (!begin(ON_TMP))
		return;
	record_store_file();
	sis_put_bare(sis_path(root, "short"), reparse, SIZE - 1);
	ck_assert_int_eq(tell("short", reparse, false), CRC);
	sis_reparse(SIS_GUID_A, 78, "other", 5, other);
	put_link("other");
	ck_assert_int_eq(tell("other", other, false), CRC);
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
}
END_TEST

START_TEST(a_damaged_store_file_without_a_record_is_set_aside)
{
	if (!begin(ON_TMP))
		return;
	put_link("link");
	ck_assert_int_eq(tell("link", reparse, true), STATUS_OK);
	content[5] ^= 1;
	sis_put_store_file(root, SIS_GUID_A, content, SIZE);
	ck_assert_int_eq(sis_restore_store_file(restore, inside(SIS_GUID_A ".sis")), CRC);
	ck_assert(!support_exists(inside(SIS_GUID_A ".sis")));
	ck_assert(support_exists(inside(SIS_GUID_A ".damaged")));
	ck_assert_int_eq(sis_restore_end(restore), NO_FILE);
	/* Also where the file came before the link. */
	begin_pass();
	put_store_file();
	ck_assert(!support_exists(inside(SIS_GUID_A ".sum")));
	content[5] ^= 1;
	ck_assert_int_eq(tell("link", reparse, false), CRC);
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	ck_assert(!support_exists(inside(SIS_GUID_A ".sis")));
}
END_TEST

START_TEST(another_file_in_the_place_of_a_link_gets_nothing)
{
	if (!begin(_i))
		return;
	put_link("link");
	ck_assert_int_eq(tell("link", reparse, true), STATUS_OK);
	put_link("given");
	ck_assert_int_eq(tell("given", reparse, false), STATUS_OK);
	put_store_file();
	sis_put(sis_path(root, "mine"), "", 0);
	ck_assert_int_eq(truncate(sis_path(root, "mine"), SIZE), 0);
	ck_assert_int_eq(rename(sis_path(root, "mine"), sis_path(root, "link")), 0);
	ck_assert_int_eq(chown(sis_path(root, "given"), 1000, 1000), 0);
	ck_assert_int_eq(sis_restore_end(restore), STATUS_WIN32(ERROR_SHARING_VIOLATION));
	check_content("link", false);
	check_content("given", false);
	ck_assert(!is_link("link") && !is_link("given"));
	ck_assert_int_lt(
		getxattr(sis_path(root, "link"), "user.ntfs_reparse_data", NULL, 0), 0);
}
END_TEST

static unsigned syncs;
static bool swaps;

/* Writes, or puts another file in place, once the content is there, which the second sync
 * is for, and before it is vouched for. */
static void interfere(const struct file_event *event)
{
	char *path = sis_path(root, "link");
	struct stat st;
	int fd;

	if (event->step != FILE_SYNC || !event->done || event->name ||
		fstat(event->dirfd, &st) || !S_ISDIR(st.st_mode) || ++syncs != 2)
		return;
	if (swaps) {
		ck_assert_int_eq(rename(sis_path(root, "other"), path), 0);
		return;
	}
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(pwrite(fd, "mine", 4, 100), 4);
	(void)close(fd);
}

START_TEST(what_is_written_during_the_end_of_a_pass_is_kept)
{
	size_t size;

	if (!begin(_i))
		return;
	put_link("link");
	put_link("still");
	ck_assert_int_eq(tell("link", reparse, true), STATUS_OK);
	ck_assert_int_eq(tell("still", reparse, false), STATUS_OK);
	put_store_file();
	syncs = 0;
	file_step_hook = interfere;
	ck_assert_int_eq(sis_restore_end(restore), STATUS_WIN32(ERROR_SHARING_VIOLATION));
	file_step_hook = NULL;
	ck_assert_uint_ge(syncs, 2);
	ck_assert(!is_link("link") && is_link("still"));
	ck_assert_mem_eq(sis_get(sis_path(root, "link"), &size) + 100, "mine", 4);
}
END_TEST

START_TEST(another_file_in_the_place_of_a_link_is_not_vouched_for)
{
	if (!begin(ON_TMP))
		return;
	put_link("link");
	put_link("other");
	ck_assert_int_eq(tell("link", reparse, true), STATUS_OK);
	put_store_file();
	syncs = 0;
	swaps = true;
	file_step_hook = interfere;
	ck_assert_int_eq(sis_restore_end(restore), STATUS_WIN32(ERROR_SHARING_VIOLATION));
	file_step_hook = NULL;
	ck_assert_uint_ge(syncs, 2);
	ck_assert(!is_link("link"));
}
END_TEST

START_TEST(in_a_users_store_only_that_users_links_are_resolved)
{
	if (!begin(ON_TMP))
		return;
	sis_restore_abandon(restore);
	ck_assert_int_eq(chown(sis_path(root, STORE_NAME), 1000, 1000), 0);
	ck_assert_int_eq(chown(root, 1000, 1000), 0);
	begin_pass();
	put_link("roots");
	ck_assert_int_eq(tell("roots", reparse, false), DENIED);
	put_link("users");
	ck_assert_int_eq(chown(sis_path(root, "users"), 1000, 1000), 0);
	ck_assert_int_eq(tell("users", reparse, true), STATUS_OK);
	sis_put_store_file(root, SIS_GUID_A, content, SIZE);
	ck_assert_int_eq(chown(inside(SIS_GUID_A ".sis"), 1000, 1000), 0);
	ck_assert_int_eq(
		sis_restore_store_file(restore, inside(SIS_GUID_A ".sis")), STATUS_OK);
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	check_content("users", true);
	check_content("roots", false);
}
END_TEST

static const uint64_t too_high[] = {STORE_INDEX_CREDIBLE + 1, INT64_MAX, UINT64_MAX};

START_TEST(impossible_link_indexes_are_refused)
{
	uint8_t last[72];

	if (!begin(ON_TMP))
		return;
	sis_reparse(SIS_GUID_A, too_high[_i], content, SIZE, last);
	put_link("link");
	ck_assert_int_eq(
		tell("link", last, false), STATUS_WIN32(ERROR_INVALID_REPARSE_DATA));
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	ck_assert_uint_eq(max_index(), 0);
}
END_TEST

static void put_max_index(uint64_t index)
{
	const uint64_t bytes = htole64(index);

	sis_put(inside(STORE_MAX_INDEX), &bytes, sizeof(bytes));
}

static uint64_t next_index(void)
{
	struct volume *volume;
	struct store *store;
	uint64_t index;

	ck_assert_int_eq(volume_open(root, &volume), STATUS_OK);
	ck_assert_int_eq(store_open(volume, false, &store), STATUS_OK);
	ck_assert_int_eq(store_next_index(store, &index), STATUS_OK);
	store_close(store);
	volume_close(volume);
	return index;
}

START_TEST(an_impossible_max_index_is_not_restored)
{
	if (!begin(ON_TMP))
		return;
	put_max_index(too_high[_i]);
	ck_assert_int_eq(sis_restore_store_file(restore, inside(STORE_MAX_INDEX)), CRC);
	put_link("link");
	ck_assert_int_eq(tell("link", reparse, true), STATUS_OK);
	put_store_file();
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	ck_assert_uint_eq(max_index(), 77);
	/* Nor is one that was there when the pass began. */
	put_max_index(too_high[_i]);
	begin_pass();
	put_link("more");
	ck_assert_int_eq(tell("more", reparse, false), STATUS_OK);
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	ck_assert_uint_eq(max_index(), 77);
}
END_TEST

START_TEST(the_highest_index_that_a_link_may_have_leaves_others)
{
	uint8_t last[72];

	if (!begin(ON_TMP))
		return;
	sis_reparse(SIS_GUID_A, STORE_INDEX_CREDIBLE, content, SIZE, last);
	put_link("link");
	ck_assert_int_eq(tell("link", last, true), STATUS_OK);
	put_store_file();
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	ck_assert_uint_eq(max_index(), STORE_INDEX_CREDIBLE);
	ck_assert_uint_eq(next_index(), STORE_INDEX_CREDIBLE + 1);
	/* These were given out, and are not again. */
	begin_pass();
	put_link("more");
	ck_assert_int_eq(tell("more", reparse, false), STATUS_OK);
	ck_assert_int_eq(sis_restore_end(restore), STATUS_OK);
	ck_assert_uint_eq(next_index(), STORE_INDEX_CREDIBLE + 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sis_restore_safety");
	TCase *tcase = tcase_create("sis_restore_safety");
	const int first = ON_TMP, last = ON_BTRFS + 1;

	if (geteuid() != 0)
		return 77; /* root restores, and gives files away */
	tcase_add_unchecked_fixture(tcase, sis_volumes_make, NULL);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, only_the_links_that_disagree_are_refused);
	tcase_add_test(tcase, of_windows_links_the_majority_is_right);
	tcase_add_test(tcase, a_recorded_store_file_goes_to_no_unmarked_link_unasked);
	tcase_add_test(tcase, a_good_store_file_is_back_when_a_bad_one_was_restored);
	tcase_add_test(tcase, nothing_stays_aside_when_a_right_one_was_restored);
	tcase_add_test(tcase, a_good_store_file_survives_the_end_of_the_process);
	tcase_add_test(tcase, a_link_that_is_open_is_told_by_its_descriptor);
	tcase_add_test(
		tcase, a_recorded_store_file_is_not_restored_over_for_a_wrong_link);
	tcase_add_test(tcase, a_damaged_store_file_without_a_record_is_set_aside);
	tcase_add_loop_test(
		tcase, another_file_in_the_place_of_a_link_gets_nothing, first, last);
	tcase_add_loop_test(
		tcase, what_is_written_during_the_end_of_a_pass_is_kept, first, last);
	tcase_add_test(tcase, another_file_in_the_place_of_a_link_is_not_vouched_for);
	tcase_add_test(tcase, in_a_users_store_only_that_users_links_are_resolved);
	tcase_add_loop_test(tcase, impossible_link_indexes_are_refused, 0, 3);
	tcase_add_loop_test(tcase, an_impossible_max_index_is_not_restored, 0, 3);
	tcase_add_test(tcase, the_highest_index_that_a_link_may_have_leaves_others);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
