#include "sis/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sis_fixture.h"
#include "support.h"

#define DENIED  STATUS_WIN32(ERROR_ACCESS_DENIED)
#define INVALID STATUS_WIN32(ERROR_INVALID_DATA)
#define NO_FILE STATUS_WIN32(ERROR_FILE_NOT_FOUND)
#define BUSY    STATUS_WIN32(ERROR_BUSY)

static char *root;
static struct volume *volume;
static struct store *store;

static void setup(void)
{
	root = support_tmpdir();
	ck_assert_int_eq(volume_open(root, &volume), STATUS_OK);
	ck_assert_int_eq(store_open(volume, true, &store), STATUS_OK);
}

static void teardown(void)
{
	store_close(store);
	volume_close(volume);
}

/* A path in the store. */
static char *inside(const char *name)
{
	char *path = store_path(store, name);

	ck_assert_ptr_nonnull(path);
	return sis_keep(path);
}

static void guid_of(const char *text, uuid_t guid)
{
	ck_assert_int_eq(uuid_parse(text, guid), 0);
}

START_TEST(the_directory_is_made_private_and_once)
{
	struct store *again;
	struct stat st;

	ck_assert_int_eq(stat(inside(""), &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0700);
	ck_assert_uint_eq(store->owner, geteuid());
	ck_assert_int_eq(store_open(volume, true, &again), STATUS_OK);
	store_close(again);
	ck_assert_int_eq(store_open(volume, false, &again), STATUS_OK);
	store_close(again);
}
END_TEST

START_TEST(what_is_no_store_is_refused)
{
	char *other = support_tmpdir(), *path = sis_path(other, STORE_NAME);
	struct volume *v;
	struct store *s;

	ck_assert_int_eq(volume_open(other, &v), STATUS_OK);
	ck_assert_int_eq(store_open(v, false, &s), STATUS_WIN32(ERROR_PATH_NOT_FOUND));
	ck_assert_ptr_null(s);
	ck_assert_int_eq(symlink(inside(""), path), 0);
	ck_assert_int_eq(store_open(v, false, &s), DENIED);
	ck_assert_int_eq(store_open(v, true, &s), DENIED);
	ck_assert_int_eq(unlink(path), 0);
	support_write(path, "");
	ck_assert_int_eq(store_open(v, true, &s), DENIED);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(chmod(path, 0720), 0);
	ck_assert_int_eq(store_open(v, false, &s), DENIED);
	ck_assert_int_eq(chmod(path, 0702), 0);
	ck_assert_int_eq(store_open(v, false, &s), DENIED);
	volume_close(v);
}
END_TEST

START_TEST(names_are_guids_and_nothing_else)
{
	static const char *const wrong[] = {"", "MaxIndex", SIS_GUID_A, SIS_GUID_A ".sum",
		"{" SIS_GUID_A "}.sis", SIS_GUID_A ".sis ", "../" SIS_GUID_A ".sis",
		"0b0e49226d3411ea9b8300505688148e.sis",
		" b0e4922-6d34-11ea-9b83-00505688148e.sis",
		"gb0e4922-6d34-11ea-9b83-00505688148e.sis",
		"0b0e4922-6d34-11ea-9b83-0050568814-8.sis"};
	char name[STORE_FILE_NAME_SIZE];
	uuid_t guid;

	ck_assert(store_parse_name(SIS_GUID_A ".sis", guid));
	store_file_name(guid, name);
	ck_assert_str_eq(name, SIS_GUID_A ".sis");
	ck_assert(store_parse_name("0B0E4922-6D34-11EA-9B83-00505688148E.SIS", guid));
	store_file_name(guid, name);
	ck_assert_str_eq(name, SIS_GUID_A ".sis");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(!store_parse_name(wrong[i], guid), "%s", wrong[i]);
}
END_TEST

START_TEST(only_regular_files_are_store_files)
{
	struct stat st;
	uuid_t guid;
	int fd;

	guid_of(SIS_GUID_A, guid);
	ck_assert_int_eq(store_stat(store, guid, &st), NO_FILE);
	ck_assert_int_eq(store_open_file(store, guid, &fd), NO_FILE);
	ck_assert_int_eq(mkdir(inside(SIS_GUID_A ".sis"), 0700), 0);
	ck_assert_int_eq(store_stat(store, guid, &st), INVALID);
	ck_assert_int_eq(store_open_file(store, guid, &fd), INVALID);
	ck_assert_int_eq(rmdir(inside(SIS_GUID_A ".sis")), 0);
	ck_assert_int_eq(symlink("/etc/passwd", inside(SIS_GUID_A ".sis")), 0);
	ck_assert_int_eq(store_stat(store, guid, &st), INVALID);
	ck_assert_int_eq(store_open_file(store, guid, &fd), INVALID);
	ck_assert_int_eq(fd, -1);
	ck_assert_int_eq(unlink(inside(SIS_GUID_A ".sis")), 0);
	ck_assert_int_eq(mkfifo(inside(SIS_GUID_A ".sis"), 0600), 0);
	ck_assert_int_eq(store_open_file(store, guid, &fd), INVALID);
	ck_assert_int_eq(unlink(inside(SIS_GUID_A ".sis")), 0);
	if (mknod(inside(SIS_GUID_A ".sis"), S_IFCHR | 0600, makedev(1, 3)) == 0) {
		ck_assert_int_eq(store_open_file(store, guid, &fd), INVALID);
		ck_assert_int_eq(unlink(inside(SIS_GUID_A ".sis")), 0);
	}
	support_write(inside(SIS_GUID_A ".sis"), "content");
	ck_assert_int_eq(store_stat(store, guid, &st), STATUS_OK);
	ck_assert_int_eq(st.st_size, 7);
	ck_assert_int_eq(store_open_file(store, guid, &fd), STATUS_OK);
	(void)close(fd);
}
END_TEST

/* A user could have made a hard link to a file of root's there. */
START_TEST(a_users_store_has_only_that_users_files)
{
	struct stat st;
	uuid_t guid;

	if (geteuid() != 0)
		return;
	guid_of(SIS_GUID_A, guid);
	support_write(inside(SIS_GUID_A ".sis"), "root's");
	ck_assert_int_eq(chown(inside(""), 4321, 4321), 0);
	store_close(store);
	ck_assert_int_eq(store_open(volume, false, &store), STATUS_OK);
	ck_assert_int_eq(store_stat(store, guid, &st), DENIED);
	ck_assert_int_eq(chown(inside(SIS_GUID_A ".sis"), 4321, 4321), 0);
	ck_assert_int_eq(store_stat(store, guid, &st), STATUS_OK);
}
END_TEST

/* ---- locks ---- */

START_TEST(many_pin_and_one_excludes)
{
	struct store *other, *third;

	ck_assert_int_eq(store_open(volume, false, &other), STATUS_OK);
	ck_assert_int_eq(store_open(volume, false, &third), STATUS_OK);
	ck_assert_int_eq(store_pin(store), STATUS_OK);
	ck_assert_int_eq(store_pin(other), STATUS_OK);
	ck_assert_int_eq(store_exclude(third), BUSY);
	store_close(other);
	ck_assert_int_eq(store_exclude(third), BUSY);
	store_close(store);
	ck_assert_int_eq(store_exclude(third), STATUS_OK);
	ck_assert_int_eq(store_open(volume, false, &store), STATUS_OK);
	ck_assert_int_eq(store_pin(store), BUSY);
	ck_assert_int_eq(store_exclude(store), BUSY);
	store_close(third);
	ck_assert_int_eq(store_pin(store), STATUS_OK);
}
END_TEST

START_TEST(a_pin_dies_with_its_process_and_not_with_a_child)
{
	int ends[2], result;
	struct store *other;
	char byte;
	pid_t child;

	ck_assert_int_eq(store_pin(store), STATUS_OK);
	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		(void)close(ends[1]);
		_exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
	}
	(void)close(ends[0]);
	store_close(store);
	ck_assert_int_eq(store_open(volume, false, &store), STATUS_OK);
	ck_assert_int_eq(store_exclude(store), STATUS_OK); /* though the child lives */
	(void)close(ends[1]);
	ck_assert_int_eq(waitpid(child, &result, 0), child);
	ck_assert_int_eq(store_open(volume, false, &other), STATUS_OK);
	ck_assert_int_eq(store_pin(other), BUSY);
	store_close(other);
}
END_TEST

/* ---- MaxIndex ---- */

START_TEST(indexes_go_up_and_are_on_disk_first)
{
	uint64_t index;

	ck_assert_int_eq(store_get_index(store, &index), STATUS_OK);
	ck_assert_uint_eq(index, 0);
	ck_assert_int_eq(store_next_index(store, &index), STATUS_OK);
	ck_assert_uint_eq(index, 1);
	ck_assert_int_eq(store_raise_index(store, 0x0102030405060708), STATUS_OK);
	ck_assert_mem_eq(sis_keep(support_read(inside(STORE_MAX_INDEX))),
		"\x08\x07\x06\x05\x04\x03\x02\x01", 8);
	ck_assert_int_eq(store_raise_index(store, 5), STATUS_OK);
	ck_assert_int_eq(store_next_indexes(store, 10, &index), STATUS_OK);
	ck_assert_uint_eq(index, 0x0102030405060709);
	ck_assert_int_eq(store_get_index(store, &index), STATUS_OK);
	ck_assert_uint_eq(index, 0x0102030405060712);
}
END_TEST

START_TEST(the_last_index_is_the_last)
{
	uint64_t index;

	ck_assert_int_eq(store_raise_index(store, STORE_INDEX_LIMIT - 2), STATUS_OK);
	ck_assert_int_eq(
		store_next_indexes(store, 3, &index), STATUS_WIN32(ERROR_INVALID_STATE));
	ck_assert_uint_eq(index, 0);
	ck_assert_int_eq(store_next_index(store, &index), STATUS_OK);
	ck_assert_int_eq(store_next_index(store, &index), STATUS_OK);
	ck_assert_uint_eq(index, STORE_INDEX_LIMIT);
	ck_assert_int_eq(
		store_next_index(store, &index), STATUS_WIN32(ERROR_INVALID_STATE));
	ck_assert_int_eq(store_get_index(store, &index), STATUS_OK);
	ck_assert_uint_eq(index, STORE_INDEX_LIMIT);
}
END_TEST

START_TEST(an_impossible_max_index_is_damaged_and_repaired_from_the_links)
{
	uint64_t index;

	sis_put(inside(STORE_MAX_INDEX), "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	ck_assert_int_eq(store_get_index(store, &index), INVALID);
	ck_assert_int_eq(store_next_index(store, &index), INVALID);
	ck_assert_int_eq(store_repair_index(store, UINT64_MAX), STATUS_OK);
	ck_assert_int_eq(store_get_index(store, &index), STATUS_OK);
	ck_assert_uint_eq(index, 0);
	ck_assert_int_eq(store_repair_index(store, 41), STATUS_OK);
	ck_assert_int_eq(store_next_index(store, &index), STATUS_OK);
	ck_assert_uint_eq(index, 42);
}
END_TEST

START_TEST(an_older_max_index_gives_no_index_out_twice)
{
	uint64_t index;

	ck_assert_int_eq(store_raise_index(store, 100), STATUS_OK);
	sis_put(inside(STORE_MAX_INDEX), "\x05\0\0\0\0\0\0\0", 8);
	ck_assert_int_eq(store_next_index(store, &index), STATUS_OK);
	ck_assert_uint_eq(index, 101);
	sis_put(inside(STORE_MAX_INDEX), "\x05\0\0\0\0\0\0\0", 8);
	ck_assert_int_eq(store_repair_index(store, 7), STATUS_OK);
	ck_assert_int_eq(store_get_index(store, &index), STATUS_OK);
	ck_assert_uint_eq(index, 101);
	ck_assert_int_eq(unlink(inside(STORE_MAX_INDEX)), 0);
	ck_assert_int_eq(store_next_index(store, &index), STATUS_OK);
	ck_assert_uint_eq(index, 102);
	/* What was kept is not believed when it is damaged. */
	sis_put(inside(STORE_LOCK), "\xff\xff\xff\0\0\0\0\0abcdefgh", 16);
	ck_assert_int_eq(store_next_index(store, &index), STATUS_OK);
	ck_assert_uint_eq(index, 103);
}
END_TEST

START_TEST(root_puts_nothing_into_the_store_of_just_anybody)
{
	char *top = support_tmpdir();
	struct volume *v;
	struct store *s;

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(volume_open(top, &v), STATUS_OK);
	ck_assert_int_eq(mkdir(sis_path(top, STORE_NAME), 0700), 0);
	ck_assert_int_eq(chown(sis_path(top, STORE_NAME), 1000, 1000), 0);
	ck_assert_int_eq(store_open(v, true, &s), DENIED);
	ck_assert_ptr_null(s);
	ck_assert_int_eq(store_open(v, false, &s), STATUS_OK);
	store_close(s);
	ck_assert_int_eq(chown(top, 1000, 1000), 0);
	ck_assert_int_eq(store_open(v, true, &s), STATUS_OK);
	store_close(s);
	volume_close(v);
}
END_TEST

START_TEST(a_damaged_max_index_is_not_guessed_at)
{
	static const char *const damaged[] = {"", "short", "123456789"};
	uint64_t index;

	for (size_t i = 0; i < 3; i++) {
		support_write(inside(STORE_MAX_INDEX), damaged[i]);
		ck_assert_int_eq(store_get_index(store, &index), INVALID);
		ck_assert_int_eq(store_next_index(store, &index), INVALID);
		ck_assert_int_eq(store_raise_index(store, 7), INVALID);
		ck_assert_str_eq(
			sis_keep(support_read(inside(STORE_MAX_INDEX))), damaged[i]);
		ck_assert_int_eq(store_repair_index(store, 7), STATUS_OK);
		ck_assert_int_eq(store_get_index(store, &index), STATUS_OK);
		ck_assert_uint_eq(index, 7);
	}
	ck_assert_int_eq(unlink(inside(STORE_MAX_INDEX)), 0);
	ck_assert_int_eq(symlink("/etc/hostname", inside(STORE_MAX_INDEX)), 0);
	ck_assert_int_eq(store_next_index(store, &index), DENIED);
}
END_TEST

/* Each of the processes must get other numbers, without gaps. */
START_TEST(two_processes_never_get_one_index_twice)
{
	const uint64_t each = 50;
	uint64_t first = 0, index, seen = 0;
	int ends[2], result;
	pid_t child;

	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	for (uint64_t i = 0; i < each; i++) {
		ck_assert_int_eq(store_next_index(store, &index), STATUS_OK);
		ck_assert_uint_gt(index, first);
		first = index;
		if (child == 0)
			ck_assert_int_eq(
				write(ends[1], &index, sizeof(index)), sizeof(index));
		else
			seen += index;
	}
	if (child == 0)
		_exit(0);
	ck_assert_int_eq(waitpid(child, &result, 0), child);
	(void)close(ends[1]);
	for (uint64_t i = 0; i < each; i++) {
		ck_assert_int_eq(read(ends[0], &index, sizeof(index)), sizeof(index));
		seen += index;
	}
	ck_assert_uint_eq(seen, 2 * each * (2 * each + 1) / 2);
	ck_assert_int_eq(store_get_index(store, &index), STATUS_OK);
	ck_assert_uint_eq(index, 2 * each);
}
END_TEST

START_TEST(a_full_disk_leaves_the_old_index)
{
	char *full = sis_volume(ON_TMPFS), *filler;
	struct volume *v;
	struct store *s;
	uint64_t index;
	int fd;

	if (!full)
		return;
	ck_assert_int_eq(volume_open(full, &v), STATUS_OK);
	ck_assert_int_eq(store_open(v, true, &s), STATUS_OK);
	ck_assert_int_eq(store_raise_index(s, 41), STATUS_OK);
	filler = sis_path(full, "filler");
	fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	for (int size = 1 << 20; size; size /= 2)
		while (posix_fallocate(fd, lseek(fd, 0, SEEK_END), size) == 0)
			;
	ck_assert_int_eq(store_next_index(s, &index), STATUS_WIN32(ERROR_DISK_FULL));
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(store_next_index(s, &index), STATUS_OK);
	ck_assert_uint_eq(index, 43); /* one may be lost, but none is given out twice */
	(void)close(fd);
	ck_assert_int_eq(unlink(filler), 0);
	store_close(s);
	volume_close(v);
}
END_TEST

/* ---- sums ---- */

START_TEST(sums_come_back_and_damage_is_noticed)
{
	static const uint8_t sha_of_abc[] = {
		0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};
	struct store_sum sum, read;
	uuid_t guid;
	char *record;

	guid_of(SIS_GUID_A, guid);
	ck_assert_int_eq(store_compute_sum(store, guid, &sum), NO_FILE);
	ck_assert_int_eq(store_get_sum(store, guid, &sum), NO_FILE);
	support_write(inside(SIS_GUID_A ".sis"), "abc");
	ck_assert_int_eq(store_compute_sum(store, guid, &sum), STATUS_OK);
	ck_assert_uint_eq(sum.size, 3);
	ck_assert_mem_eq(sum.sha256, sha_of_abc, sizeof(sha_of_abc));
	ck_assert_uint_eq(sum.content_checksum, 0x636261);
	ck_assert_int_eq(store_set_sum(store, guid, &sum), STATUS_OK);
	ck_assert_int_eq(store_get_sum(store, guid, &read), STATUS_OK);
	ck_assert_mem_eq(&read, &sum, sizeof(sum));
	record = inside(SIS_GUID_A ".sum");
	for (off_t at = 0; at < 64; at++) {
		int fd = open(record, O_RDWR | O_CLOEXEC);
		uint8_t byte, changed;

		ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
		changed = byte ^ 4;
		ck_assert_int_eq(pwrite(fd, &changed, 1, at), 1);
		ck_assert_int_eq(store_get_sum(store, guid, &read), INVALID);
		ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
		(void)close(fd);
	}
	ck_assert_int_eq(store_get_sum(store, guid, &read), STATUS_OK);
	ck_assert_int_eq(truncate(record, 63), 0);
	ck_assert_int_eq(store_get_sum(store, guid, &read), INVALID);
	ck_assert_int_eq(store_remove_sum(store, guid), STATUS_OK);
	ck_assert_int_eq(store_get_sum(store, guid, &read), NO_FILE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sis_store");
	TCase *tcase = tcase_create("sis_store");

	tcase_add_unchecked_fixture(tcase, sis_volumes_make, NULL);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, the_directory_is_made_private_and_once);
	tcase_add_test(tcase, what_is_no_store_is_refused);
	tcase_add_test(tcase, names_are_guids_and_nothing_else);
	tcase_add_test(tcase, only_regular_files_are_store_files);
	tcase_add_test(tcase, a_users_store_has_only_that_users_files);
	tcase_add_test(tcase, many_pin_and_one_excludes);
	tcase_add_test(tcase, a_pin_dies_with_its_process_and_not_with_a_child);
	tcase_add_test(tcase, indexes_go_up_and_are_on_disk_first);
	tcase_add_test(tcase, the_last_index_is_the_last);
	tcase_add_test(
		tcase, an_impossible_max_index_is_damaged_and_repaired_from_the_links);
	tcase_add_test(tcase, an_older_max_index_gives_no_index_out_twice);
	tcase_add_test(tcase, root_puts_nothing_into_the_store_of_just_anybody);
	tcase_add_test(tcase, a_damaged_max_index_is_not_guessed_at);
	tcase_add_test(tcase, two_processes_never_get_one_index_twice);
	tcase_add_test(tcase, a_full_disk_leaves_the_old_index);
	tcase_add_test(tcase, sums_come_back_and_damage_is_noticed);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
