#include "session/visit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

static char *dir, *one, *other;
static int syncs;

static void count(const struct file_event *event)
{
	if (event->step == FILE_SYNC_DIR && event->done)
		syncs++;
}

static void setup(void)
{
	dir = support_tmpdir();
	one = support_path(dir, "one");
	other = support_path(dir, "other");
	ck_assert_int_eq(mkdir(other, 0700), 0);
	syncs = 0;
	file_step_hook = count;
}

static void teardown(void)
{
	file_step_hook = NULL;
	free(one);
	free(other);
}

START_TEST(a_directory_is_opened_and_synced_once_for_all_of_its_files)
{
	struct visit v = visit_start(FILE_TRUSTED);
	char *second = support_path(dir, "second"), *below = support_path(other, "x");
	const char *name;
	int fd;

	ck_assert(!visit_is_at(&v, one));
	ck_assert_int_eq(visit_enter(&v, one, &name), STATUS_OK);
	ck_assert_str_eq(name, "one");
	fd = v.fd;
	ck_assert_int_eq(visit_enter(&v, second, &name), STATUS_OK);
	ck_assert_str_eq(name, "second");
	ck_assert_int_eq(v.fd, fd);
	ck_assert(visit_is_at(&v, other));
	ck_assert(!visit_is_at(&v, below));
	ck_assert_int_eq(syncs, 0);
	ck_assert_int_eq(visit_enter(&v, below, &name), STATUS_OK);
	ck_assert_int_eq(syncs, 1);
	ck_assert_int_eq(visit_leave(&v), STATUS_OK);
	ck_assert_int_eq(syncs, 2);
	ck_assert_int_eq(visit_leave(&v), STATUS_OK); /* nowhere: nothing to do */
	ck_assert_int_eq(syncs, 2);
	free(second);
	free(below);
}
END_TEST

START_TEST(a_directory_that_cannot_be_opened_leaves_the_visit_nowhere)
{
	struct visit v = visit_start(FILE_TRUSTED);
	char *missing = support_path(one, "x");
	const char *name;

	ck_assert_int_eq(visit_enter(&v, other, &name), STATUS_OK);
	ck_assert_int_eq(
		visit_enter(&v, missing, &name), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_int_eq(v.fd, -1);
	ck_assert_ptr_null(v.dir);
	ck_assert_int_eq(syncs, 1); /* the one that was left */
	visit_drop(&v);
	free(missing);
}
END_TEST

START_TEST(a_strict_visit_goes_through_no_link)
{
	struct visit v = visit_start(FILE_NO_SYMLINK);
	char *through = support_path(one, "x");
	const char *name;

	ck_assert_int_eq(symlink("other", one), 0);
	ck_assert_int_eq(
		visit_enter(&v, through, &name), STATUS_WIN32(ERROR_ACCESS_DENIED));
	ck_assert_int_eq(v.fd, -1);
	v.walk = FILE_TRUSTED;
	ck_assert_int_eq(visit_enter(&v, through, &name), STATUS_OK);
	visit_drop(&v);
	free(through);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("visit");
	TCase *tests = tcase_create("visit");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_directory_is_opened_and_synced_once_for_all_of_its_files);
	tcase_add_test(tests, a_directory_that_cannot_be_opened_leaves_the_visit_nowhere);
	tcase_add_test(tests, a_strict_visit_goes_through_no_link);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
