#include "sis/backup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sis/reparse.h"
#include "sis_fixture.h"
#include "support.h"

static char *root;
static struct sis_backup *backup;
static uint8_t link_a[72], link_b[72];

static void setup(void)
{
	struct names files = {0};

	root = support_tmpdir();
	sis_put_store_file(root, SIS_GUID_A, "a", 1);
	sis_reparse(SIS_GUID_A, 1, "a", 1, link_a);
	sis_reparse(SIS_GUID_B, 2, "b", 1, link_b);
	ck_assert_int_eq(sis_backup_begin(root, &backup, &files), STATUS_OK);
	ck_assert_uint_eq(files.count, 0); /* no MaxIndex yet */
	names_free(&files);
}

static void teardown(void)
{
	sis_backup_end(backup);
}

static char *inside(const char *name)
{
	return sis_path(sis_path(root, STORE_NAME), name);
}

static status ask(const uint8_t reparse[72], void *context, void **matching, char **path)
{
	status rc;

	*matching = &root;
	*path = root;
	rc = sis_backup_link(backup, reparse, 72, context, matching, path);
	if (*path)
		(void)sis_keep(*path);
	return rc;
}

START_TEST(a_volume_needs_a_store)
{
	struct names files = {0};
	struct sis_backup *other = backup;

	ck_assert_int_eq(sis_backup_begin(support_tmpdir(), &other, &files),
		STATUS_WIN32(ERROR_PATH_NOT_FOUND));
	ck_assert_ptr_null(other);
	ck_assert_uint_eq(files.count, 0);
}
END_TEST

START_TEST(the_internal_files_are_named)
{
	struct names files = {0};
	struct sis_backup *other;

	sis_put(inside(STORE_MAX_INDEX), "12345678", 8);
	ck_assert_int_eq(sis_backup_begin(root, &other, &files), STATUS_OK);
	ck_assert_uint_eq(files.count, 1);
	ck_assert_str_eq(files.items[0], inside(STORE_MAX_INDEX));
	ck_assert_str_eq(sis_backup_store_path(other), sis_path(root, STORE_NAME));
	names_free(&files);
	sis_backup_end(other);
}
END_TEST

START_TEST(the_first_link_names_the_file_and_later_ones_the_first)
{
	int first, second;
	void *matching;
	char *path;

	ck_assert_int_eq(ask(link_a, &first, &matching, &path), STATUS_OK);
	ck_assert_ptr_null(matching);
	ck_assert_str_eq(path, inside(SIS_GUID_A ".sis"));
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(ask(link_a, &second, &matching, &path), STATUS_OK);
		ck_assert_ptr_eq(matching, &first);
		ck_assert_ptr_null(path);
	}
	sis_put_store_file(root, SIS_GUID_B, "b", 1);
	ck_assert_int_eq(ask(link_b, NULL, &matching, &path), STATUS_OK);
	ck_assert_ptr_null(matching);
	ck_assert_str_eq(path, inside(SIS_GUID_B ".sis"));
	ck_assert_int_eq(ask(link_b, &second, &matching, &path), STATUS_OK);
	ck_assert_ptr_null(matching); /* the first one's context */
	ck_assert_ptr_null(path);
}
END_TEST

START_TEST(a_name_that_was_lost_is_given_again)
{
	void *matching;
	char *path;

	ck_assert_int_eq(ask(link_a, &root, &matching, &path), STATUS_OK);
	sis_backup_forget(backup);
	ck_assert_int_eq(ask(link_a, &backup, &matching, &path), STATUS_OK);
	ck_assert_ptr_null(matching);
	ck_assert_str_eq(path, inside(SIS_GUID_A ".sis"));
}
END_TEST

START_TEST(odd_store_files_are_refused_and_asked_again)
{
	void *matching;
	char *path;

	ck_assert_int_eq(
		ask(link_b, NULL, &matching, &path), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_ptr_null(path);
	ck_assert_ptr_null(matching);
	ck_assert_int_eq(mkdir(inside(SIS_GUID_B ".sis"), 0700), 0);
	ck_assert_int_eq(
		ask(link_b, NULL, &matching, &path), STATUS_WIN32(ERROR_INVALID_DATA));
	ck_assert_int_eq(rmdir(inside(SIS_GUID_B ".sis")), 0);
	ck_assert_int_eq(symlink("/etc/passwd", inside(SIS_GUID_B ".sis")), 0);
	ck_assert_int_eq(
		ask(link_b, NULL, &matching, &path), STATUS_WIN32(ERROR_INVALID_DATA));
	ck_assert_int_eq(unlink(inside(SIS_GUID_B ".sis")), 0);
	sis_put_store_file(root, SIS_GUID_B, "b", 1);
	ck_assert_int_eq(ask(link_b, NULL, &matching, &path), STATUS_OK);
}
END_TEST

START_TEST(damaged_reparse_data_is_refused)
{
	void *matching;
	char *path;

	link_a[30] ^= 1;
	ck_assert_int_eq(ask(link_a, NULL, &matching, &path),
		STATUS_WIN32(ERROR_INVALID_REPARSE_DATA));
	link_a[0] ^= 1;
	ck_assert_int_eq(ask(link_a, NULL, &matching, &path),
		STATUS_WIN32(ERROR_REPARSE_TAG_MISMATCH));
	ck_assert_ptr_null(path);
}
END_TEST

START_TEST(no_store_file_disappears_during_the_pass)
{
	struct volume *volume;
	struct store *store;

	ck_assert_int_eq(volume_open(root, &volume), STATUS_OK);
	ck_assert_int_eq(store_open(volume, false, &store), STATUS_OK);
	ck_assert_int_eq(store_exclude(store), STATUS_WIN32(ERROR_BUSY));
	sis_backup_end(backup);
	ck_assert_int_eq(store_exclude(store), STATUS_OK);
	store_close(store);
	setup();
	volume_close(volume);
}
END_TEST

/* Many store files, each with many links in any order; every context is the right one. */
START_TEST(many_store_files)
{
	enum { FILES = 2000, LINKS = 20000 };
	static uint8_t links[FILES][72];
	static int contexts[FILES];
	static bool named[FILES];
	uint32_t x = 1;

	for (unsigned i = 0; i < FILES; i++) {
		char guid[64];

		(void)snprintf(guid, sizeof(guid), "%08x-0000-1000-8000-0123456789ab", i);
		sis_put_store_file(root, guid, "", 0);
		sis_reparse(guid, i, "", 0, links[i]);
	}
	for (unsigned i = 0; i < LINKS; i++) {
		unsigned file = i < FILES ? i : (x = x * 1664525u + 1013904223u) % FILES;
		void *matching;
		char *path;

		ck_assert_int_eq(
			ask(links[file], &contexts[file], &matching, &path), STATUS_OK);
		ck_assert_ptr_eq(matching, named[file] ? &contexts[file] : NULL);
		ck_assert_int_eq(path == NULL, named[file]);
		named[file] = true;
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sis_backup");
	TCase *tcase = tcase_create("sis_backup");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_volume_needs_a_store);
	tcase_add_test(tcase, the_internal_files_are_named);
	tcase_add_test(tcase, the_first_link_names_the_file_and_later_ones_the_first);
	tcase_add_test(tcase, a_name_that_was_lost_is_given_again);
	tcase_add_test(tcase, odd_store_files_are_refused_and_asked_again);
	tcase_add_test(tcase, damaged_reparse_data_is_refused);
	tcase_add_test(tcase, no_store_file_disappears_during_the_pass);
	tcase_add_test(tcase, many_store_files);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
