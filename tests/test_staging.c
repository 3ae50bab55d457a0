#include "session/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store.h"
#include "support.h"

static struct store *store;

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
}

static void teardown(void)
{
	store_free(store);
}

static struct registration *registration_of(const char *const *names)
{
	struct registration *r = registration_new();

	ck_assert_ptr_nonnull(r);
	for (size_t i = 0; names[i]; i++) {
		const char *path = store_path(store, names[i]);

		ck_assert_int_eq(registration_add_target(r, path, path), STATUS_OK);
	}
	return r;
}

START_TEST(the_staging_path_lies_beside_the_target)
{
	char *path = staging_path("/srv/ca/index.txt");

	ck_assert_str_eq(path, "/srv/ca/.backupapi-restore/index.txt");
	free(path);
	path = staging_path("/index.txt");
	ck_assert_str_eq(path, "/.backupapi-restore/index.txt");
	free(path);
}
END_TEST

START_TEST(what_is_staged_is_told_from_what_is_in_place)
{
	struct staging s = staging_start(FILE_TRUSTED);
	const char *name;
	bool there;

	store_stage(store, "serial", "new\n");
	ck_assert_int_eq(
		staging_enter(&s, store_path(store, "serial"), &name), STATUS_OK);
	ck_assert_int_eq(staging_has(&s, name, &there), STATUS_OK);
	ck_assert(there);
	ck_assert_int_eq(
		staging_enter(&s, store_path(store, "index.txt"), &name), STATUS_OK);
	ck_assert_int_eq(staging_has(&s, name, &there), STATUS_OK);
	ck_assert(!there);
	ck_assert_int_eq(staging_enter(&s, store_path(store, "newcerts/01.pem"), &name),
		STATUS_OK);
	ck_assert_int_eq(s.fd, -1);
	ck_assert_int_eq(staging_has(&s, name, &there), STATUS_OK);
	ck_assert(!there);
	staging_drop(&s);
}
END_TEST

START_TEST(only_a_regular_file_can_be_staged)
{
	struct staging s = staging_start(FILE_TRUSTED);
	const char *name;
	bool there = true;

	store_stage(store, "serial", "new\n");
	ck_assert_int_eq(
		symlink("serial", store_path(store, STAGING_DIR "/index.txt")), 0);
	ck_assert_int_eq(
		staging_enter(&s, store_path(store, "index.txt"), &name), STATUS_OK);
	ck_assert_int_eq(staging_has(&s, name, &there), STATUS_WIN32(ERROR_INVALID_DATA));
	ck_assert(!there);
	ck_assert_ptr_nonnull(strstr(status_pending(), "index.txt"));
	staging_drop(&s);
}
END_TEST

START_TEST(a_link_is_no_staging_directory_even_for_root)
{
	static const char *const names[] = {"01.pem", NULL};
	struct registration *r = registration_of(names);
	struct staging s = staging_start(FILE_TRUSTED);
	const char *name;

	ck_assert_int_eq(symlink("newcerts", store_path(store, STAGING_DIR)), 0);
	ck_assert_int_eq(staging_enter(&s, store_path(store, "01.pem"), &name),
		STATUS_WIN32(ERROR_ACCESS_DENIED));
	ck_assert_int_eq(s.target.fd, -1);
	ck_assert_int_eq(
		staging_discard(r, STAGING_ALL), STATUS_WIN32(ERROR_ACCESS_DENIED));
	ck_assert(support_exists(store_path(store, "newcerts/01.pem")));
	registration_free(r);
}
END_TEST

START_TEST(leaving_removes_a_staging_directory_only_when_it_is_empty)
{
	struct staging s = staging_start(FILE_TRUSTED);
	const char *name;

	store_stage(store, "serial", "new\n");
	ck_assert_int_eq(
		staging_enter(&s, store_path(store, "serial"), &name), STATUS_OK);
	ck_assert_int_eq(staging_leave(&s), STATUS_OK);
	ck_assert(support_exists(store_path(store, STAGING_DIR "/serial")));
	ck_assert_int_eq(unlink(store_path(store, STAGING_DIR "/serial")), 0);
	ck_assert_int_eq(
		staging_enter(&s, store_path(store, "serial"), &name), STATUS_OK);
	ck_assert_int_eq(staging_leave(&s), STATUS_OK);
	ck_assert(!support_exists(store_path(store, STAGING_DIR)));
}
END_TEST

static int removed_dirs;

static void count_removed_dirs(const struct file_event *event)
{
	if (event->step == FILE_RMDIR && event->done)
		removed_dirs++;
}

START_TEST(removing_the_directory_is_announced_like_every_step)
{
	static const char *const names[] = {"serial", NULL};
	struct registration *r = registration_of(names);

	store_stage(store, "serial", "new\n");
	file_step_hook = count_removed_dirs;
	ck_assert_int_eq(staging_discard(r, STAGING_ALL), STATUS_OK);
	file_step_hook = NULL;
	ck_assert_int_eq(removed_dirs, 1);
	registration_free(r);
}
END_TEST

START_TEST(only_what_is_older_goes_where_a_time_is_given)
{
	static const char *const names[] = {"serial", "index.txt", NULL};
	struct registration *r = registration_of(names);
	struct stat st;

	store_stage(store, "serial", "old\n");
	store_let_age();
	store_stage(store, "index.txt", "new\n");
	ck_assert_int_eq(stat(store_path(store, STAGING_DIR "/index.txt"), &st), 0);
	ck_assert_int_eq(staging_discard(r, (int64_t)st.st_ctim.tv_sec * 1000000000 +
						    st.st_ctim.tv_nsec),
		STATUS_OK);
	ck_assert(!support_exists(store_path(store, STAGING_DIR "/serial")));
	store_expect(store, STAGING_DIR "/index.txt", "new\n");
	registration_free(r);
}
END_TEST

START_TEST(discarding_takes_the_targets_files_and_leaves_all_else)
{
	static const char *const names[] = {"serial", "index.txt", "newcerts/01.pem",
		"gone/dir/x", "newcerts/none", NULL};
	struct registration *r = registration_of(names);

	store_stage(store, "serial", "new\n");
	store_stage(store, "index.txt", "new\n");
	store_stage(store, "not-a-target", "kept\n");
	store_stage(store, "newcerts/01.pem", "new\n");
	ck_assert_int_eq(staging_discard(r, STAGING_ALL), STATUS_OK);
	ck_assert(!support_exists(store_path(store, STAGING_DIR "/serial")));
	ck_assert(!support_exists(store_path(store, STAGING_DIR "/index.txt")));
	store_expect(store, STAGING_DIR "/not-a-target", "kept\n");
	ck_assert(!support_exists(store_path(store, "newcerts/" STAGING_DIR)));
	store_expect(store, "serial", "03\n");
	ck_assert_int_eq(
		staging_discard(r, STAGING_ALL), STATUS_OK); /* nothing left: fine */
	registration_free(r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("staging");
	TCase *tests = tcase_create("staging");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, the_staging_path_lies_beside_the_target);
	tcase_add_test(tests, what_is_staged_is_told_from_what_is_in_place);
	tcase_add_test(tests, only_a_regular_file_can_be_staged);
	tcase_add_test(tests, a_link_is_no_staging_directory_even_for_root);
	tcase_add_test(tests, leaving_removes_a_staging_directory_only_when_it_is_empty);
	tcase_add_test(tests, removing_the_directory_is_announced_like_every_step);
	tcase_add_test(tests, only_what_is_older_goes_where_a_time_is_given);
	tcase_add_test(tests, discarding_takes_the_targets_files_and_leaves_all_else);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
