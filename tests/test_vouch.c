#include "sis/vouch.h"

#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sis/extents.h"
#include "sis_fixture.h"
#include "support.h"

#define SIZE      ((size_t)100000)
#define BY_ROOT   "trusted.backupapi_sis"
#define BY_OWNER  "user.backupapi_sis"
#define ATTRIBUTE "user.ntfs_reparse_data"

static char *root, *content, *link_path;
static struct volume *volume;
static struct store *store;
static uint8_t reparse[72];

/* A volume with a store file; false where there is none of this type here. */
static bool begin(int type)
{
	root = sis_volume((enum volume_type)type);
	if (!root)
		return false;
	content = sis_content(SIZE, 7);
	sis_put_store_file(root, SIS_GUID_A, content, SIZE);
	sis_reparse(SIS_GUID_A, 1, content, SIZE, reparse);
	link_path = sis_path(root, "link");
	ck_assert_int_eq(volume_open(root, &volume), STATUS_OK);
	ck_assert_int_eq(store_open(volume, false, &store), STATUS_OK);
	ck_assert_int_eq(store_pin(store), STATUS_OK);
	return true;
}

static void end(void)
{
	store_close(store);
	volume_close(volume);
}

static void vouch(void)
{
	int fd = open(link_path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(fsync(fd), 0);
	ck_assert_int_eq(vouch_record(store, fd, link_path, reparse), STATUS_OK);
	(void)close(fd);
}

/* With content of its own, which is shared where that can be. */
static void put_filled(void)
{
	int fd, source;
	uuid_t guid;

	sis_put_bare(link_path, reparse, SIZE);
	sis_put(link_path, content, SIZE);
	ck_assert_int_eq(setxattr(link_path, ATTRIBUTE, reparse, 72, 0), 0);
	fd = open(link_path, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(uuid_parse(SIS_GUID_A, guid), 0);
	ck_assert_int_eq(store_open_file(store, guid, &source), STATUS_OK);
	(void)extents_share(fd, source, link_path);
	(void)close(source);
	(void)close(fd);
}

static struct link_state look(void)
{
	struct link_state state;

	ck_assert_int_eq(vouch_look(store, volume->fd, "link", &state), STATUS_OK);
	ck_assert_mem_eq(state.buffer, reparse, 72);
	return state;
}

static bool is_link(void)
{
	struct link_state state = look();

	return vouch_is_link(&state);
}

static void write_byte(off_t at, char byte)
{
	int fd = open(link_path, O_WRONLY | O_CLOEXEC);

	ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
	(void)close(fd);
}

START_TEST(a_link_that_was_vouched_for_is_one)
{
	struct link_state state;

	if (!begin(_i))
		return;
	put_filled();
	state = look();
	ck_assert(state.intact && !state.vouched && state.store_file && !state.bare);
	ck_assert(!vouch_is_link(&state));
	vouch();
	state = look();
	ck_assert(state.intact && state.vouched && vouch_is_link(&state));
	sis_put_bare(link_path, reparse, SIZE);
	ck_assert_int_eq(removexattr(link_path, BY_ROOT), 0);
	state = look();
	ck_assert(state.intact && state.bare && !state.vouched);
	vouch();
	ck_assert(is_link());
	end();
}
END_TEST

/* A record can be made for what somebody wrote at that moment. */
START_TEST(a_record_does_not_overrule_other_extents)
{
	if (!begin(_i))
		return;
	put_filled();
	write_byte(100, (char)(content[100] ^ 1));
	vouch();
	ck_assert(look().vouched && !is_link());
	write_byte(100, content[100]);
	ck_assert(is_link()); /* other extents, but the same content */
	end();
}
END_TEST

START_TEST(one_that_was_written_to_is_none_whatever_its_mtime_says)
{
	struct stat st;

	if (!begin(_i))
		return;
	put_filled();
	vouch();
	ck_assert_int_eq(stat(link_path, &st), 0);
	write_byte(0, (char)(content[0] + 1));
	ck_assert(!is_link());
	ck_assert_int_eq(utimensat(AT_FDCWD, link_path,
				 (struct timespec[]){st.st_atim, st.st_mtim}, 0),
		0);
	ck_assert(!is_link());
	ck_assert(look().vouched);
	put_filled();
	vouch();
	ck_assert(is_link());
	ck_assert_int_eq(truncate(link_path, (off_t)SIZE - 1), 0);
	ck_assert(!is_link());
	put_filled();
	vouch();
	ck_assert_int_eq(truncate(link_path, (off_t)SIZE + 1), 0);
	ck_assert(!is_link());
	end();
}
END_TEST

START_TEST(one_that_was_emptied_is_not_bare)
{
	if (!begin(_i))
		return;
	put_filled();
	vouch();
	ck_assert_int_eq(truncate(link_path, 0), 0);
	ck_assert(!is_link());
	ck_assert_int_eq(truncate(link_path, (off_t)SIZE), 0);
	ck_assert(!is_link());
	ck_assert(look().bare);
	end();
}
END_TEST

START_TEST(a_mapping_written_after_the_record_is_noticed)
{
	char *map;
	int fd;

	if (!begin(_i))
		return;
	put_filled();
	fd = open(link_path, O_RDWR | O_CLOEXEC);
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(map, MAP_FAILED);
	ck_assert_int_eq(map[5000], content[5000]);
	vouch();
	ck_assert(is_link());
	map[5000] ^= 1;
	ck_assert(!is_link());
	ck_assert_int_eq(munmap(map, SIZE), 0);
	(void)close(fd);
	end();
}
END_TEST

START_TEST(times_and_modes_set_afterwards_do_not_unmake_a_link)
{
	const struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};

	if (!begin(_i))
		return;
	put_filled();
	vouch();
	ck_assert_int_eq(utimensat(AT_FDCWD, link_path, old, 0), 0);
	ck_assert_int_eq(chmod(link_path, 0600), 0);
	ck_assert(is_link());
	end();
}
END_TEST

/* The predicted ctime must be the real one, or every look would read all content. */
START_TEST(the_record_has_the_ctime_that_writing_it_gave)
{
	uint8_t record[80];
	struct stat st;
	uint64_t seconds = 0;
	uint32_t nanoseconds = 0;
	int hits = 0;

	if (!begin(_i))
		return;
	for (int turn = 0; turn < 50; turn++) {
		put_filled();
		vouch();
		ck_assert_int_eq(getxattr(link_path, BY_ROOT, record, 80), 80);
		ck_assert_int_eq(stat(link_path, &st), 0);
		memcpy(&seconds, record + 28, 8);
		memcpy(&nanoseconds, record + 36, 4);
		hits += le64toh(seconds) == (uint64_t)st.st_ctim.tv_sec &&
			le32toh(nanoseconds) == (uint32_t)st.st_ctim.tv_nsec;
	}
	ck_assert_int_ge(hits, 45);
	end();
}
END_TEST

/* ---- forgery ---- */

START_TEST(a_record_is_good_for_its_own_reparse_point_alone)
{
	uint8_t other[72];

	if (!begin(_i))
		return;
	sis_put_bare(link_path, reparse, SIZE);
	vouch();
	ck_assert(is_link());
	sis_put_store_file(root, SIS_GUID_B, content, SIZE);
	sis_reparse(SIS_GUID_B, 1, content, SIZE, other);
	ck_assert_int_eq(setxattr(link_path, ATTRIBUTE, other, 72, 0), 0);
	memcpy(reparse, other, 72);
	ck_assert(!look().vouched);
	end();
}
END_TEST

/* The record of a link of the owner's, as a user could write it on files that he may
 * write. */
START_TEST(an_owners_record_counts_on_the_owners_files_alone)
{
	uint8_t record[80];

	if (!begin(_i))
		return;
	sis_put_bare(link_path, reparse, SIZE);
	vouch();
	ck_assert_int_eq(getxattr(link_path, BY_ROOT, record, 80), 80);
	ck_assert_int_eq(removexattr(link_path, BY_ROOT), 0);
	ck_assert(!is_link());
	ck_assert_int_eq(setxattr(link_path, BY_OWNER, record, 80, 0), 0);
	ck_assert(is_link());
	ck_assert_int_eq(chmod(link_path, 0664), 0);
	ck_assert(!is_link());
	ck_assert_int_eq(chmod(link_path, 0646), 0);
	ck_assert(!is_link());
	ck_assert_int_eq(chmod(link_path, 0644), 0);
	ck_assert(is_link());
	ck_assert_int_eq(chown(link_path, 4321, 4321), 0);
	ck_assert(!is_link());
	end();
}
END_TEST

START_TEST(damaged_records_do_not_vouch)
{
	uint8_t record[80];

	if (!begin(_i))
		return;
	sis_put_bare(link_path, reparse, SIZE);
	vouch();
	ck_assert_int_eq(getxattr(link_path, BY_ROOT, record, 80), 80);
	for (size_t i = 0; i < 80; i++) {
		record[i] ^= 1;
		ck_assert_int_eq(setxattr(link_path, BY_ROOT, record, 80, 0), 0);
		/* Size and times only tell how to look. */
		if (i < 4 || i >= 48)
			ck_assert(!is_link());
		record[i] ^= 1;
	}
	ck_assert_int_eq(setxattr(link_path, BY_ROOT, record, 79, 0), 0);
	ck_assert(!is_link());
	end();
}
END_TEST

/* ---- store files ---- */

START_TEST(a_missing_or_odd_store_file)
{
	struct link_state state;
	char *file;

	if (!begin(_i))
		return;
	file = store_path(store, SIS_GUID_A ".sis");
	put_filled();
	vouch();
	ck_assert_int_eq(unlink(file), 0);
	state = look();
	ck_assert(!state.store_file && !vouch_is_link(&state));
	ck_assert_int_eq(mkdir(file, 0700), 0);
	ck_assert(!look().store_file);
	ck_assert_int_eq(rmdir(file), 0);
	ck_assert_int_eq(symlink(link_path, file), 0);
	ck_assert(!look().store_file);
	/* Without data of its own it is missed loudly instead of being saved as zeros. */
	ck_assert_int_eq(unlink(link_path), 0);
	sis_put_bare(link_path, reparse, SIZE);
	vouch();
	ck_assert(is_link());
	free(file);
	end();
}
END_TEST

START_TEST(what_has_no_good_reparse_point_is_told_apart)
{
	struct link_state state;
	uint8_t changed[72];

	if (!begin(_i))
		return;
	sis_put(link_path, content, 10);
	ck_assert_int_eq(vouch_look(store, volume->fd, "link", &state),
		STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT));
	ck_assert_int_eq(vouch_look(store, volume->fd, STORE_NAME, &state),
		STATUS_WIN32(ERROR_NOT_A_REPARSE_POINT));
	ck_assert_int_eq(vouch_look(store, volume->fd, "none", &state),
		STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	memcpy(changed, reparse, 72);
	changed[20] ^= 1;
	ck_assert_int_eq(setxattr(link_path, ATTRIBUTE, changed, 72, 0), 0);
	ck_assert_int_eq(vouch_look(store, volume->fd, "link", &state),
		STATUS_WIN32(ERROR_INVALID_REPARSE_DATA));
	ck_assert_int_eq(setxattr(link_path, ATTRIBUTE, "", 0, 0), 0);
	ck_assert_int_eq(vouch_look(store, volume->fd, "link", &state),
		STATUS_WIN32(ERROR_INVALID_REPARSE_DATA));
	changed[0] = 3;
	ck_assert_int_eq(setxattr(link_path, ATTRIBUTE, changed, 72, 0), 0);
	ck_assert_int_eq(vouch_look(store, volume->fd, "link", &state),
		STATUS_WIN32(ERROR_REPARSE_TAG_MISMATCH));
	end();
}
END_TEST

START_TEST(links_on_ntfs_are_honoured_where_their_store_file_is)
{
	struct link_state state;

	root = sis_volume(ON_NTFS);
	if (!root)
		return;
	sis_put_store_file(root, SIS_GUID_B, "content", 7);
	link_path = sis_path(root, "link");
	sis_put(link_path, "", 0);
	ck_assert_int_eq(truncate(link_path, 7), 0);
	ck_assert_int_eq(volume_open(root, &volume), STATUS_OK);
	ck_assert_int_eq(store_open(volume, false, &store), STATUS_OK);
	ck_assert_int_eq(
		volume_set_reparse(volume, volume->fd, "link", sis_real_link, 72),
		STATUS_OK);
	memcpy(reparse, sis_real_link, 72);
	state = look();
	ck_assert(!state.vouched && !state.store_file && !vouch_is_link(&state));
	sis_put_store_file(root, SIS_GUID_A, "content", 7);
	state = look();
	ck_assert(state.vouched && state.store_file);
	store_close(store);
	volume_close(volume);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vouch");
	TCase *tcase = tcase_create("vouch");
	const int first = ON_TMP, last = ON_BTRFS + 1;

	if (geteuid() != 0)
		return 77; /* root's attributes are what it is about */
	tcase_add_unchecked_fixture(tcase, sis_volumes_make, NULL);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, a_link_that_was_vouched_for_is_one, first, last);
	tcase_add_loop_test(
		tcase, a_record_does_not_overrule_other_extents, ON_XFS, ON_BTRFS + 1);
	tcase_add_loop_test(tcase,
		one_that_was_written_to_is_none_whatever_its_mtime_says, first, last);
	tcase_add_loop_test(tcase, one_that_was_emptied_is_not_bare, first, last);
	tcase_add_loop_test(
		tcase, a_mapping_written_after_the_record_is_noticed, first, last);
	tcase_add_loop_test(
		tcase, times_and_modes_set_afterwards_do_not_unmake_a_link, first, last);
	tcase_add_loop_test(
		tcase, the_record_has_the_ctime_that_writing_it_gave, first, last);
	tcase_add_loop_test(
		tcase, a_record_is_good_for_its_own_reparse_point_alone, first, last);
	tcase_add_loop_test(
		tcase, an_owners_record_counts_on_the_owners_files_alone, first, last);
	tcase_add_loop_test(tcase, damaged_records_do_not_vouch, first, last);
	tcase_add_loop_test(tcase, a_missing_or_odd_store_file, first, last);
	tcase_add_loop_test(
		tcase, what_has_no_good_reparse_point_is_told_apart, first, last);
	tcase_add_test(tcase, links_on_ntfs_are_honoured_where_their_store_file_is);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
