/* What counts as a duplicate, and what is left out. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "care_fixture.h"
#include "sis/inode_set.h"

#define SIZE 70001

static void setup(void)
{
	dir = sis_volume(ON_TMP);
}

static status scan(uint64_t minimum)
{
	care_log_begin(&done);
	return sis_scan(dir, minimum, &done.care);
}

static void make_dir(const char *name)
{
	char *path = support_path(dir, name);

	ck_assert_int_eq(mkdir(path, 0755), 0);
	free(path);
}

static void fail_if_changing(const struct file_event *event)
{
	ck_abort_msg("step %d on %s", (int)event->step, event->name ? event->name : "?");
}

START_TEST(files_with_the_same_content_are_found)
{
	make_dir("sub");
	make_dir("sub/deep");
	care_write(dir, "a", SIZE, 1);
	care_write(dir, "sub/b", SIZE, 1);
	care_write(dir, "sub/deep/c", SIZE, 1);
	care_write(dir, "d", SIZE, 2);
	care_write(dir, "e", SIZE + 1, 1);
	file_step_hook = fail_if_changing;
	ck_assert_int_eq(scan(0), STATUS_OK);
	ck_assert_uint_eq(done.summary.files, 5);
	ck_assert_uint_eq(done.summary.bytes, 5 * SIZE + 1);
	ck_assert_uint_eq(done.summary.duplicates, 2);
	ck_assert_uint_eq(done.summary.saved_bytes, 2 * SIZE);
	ck_assert_uint_eq(done.summary.changed, 0);
	ck_assert_uint_eq(done.counts[BACKUPAPI_SIS_DUPLICATE], 2);
	ck_assert_uint_eq(done.counts[BACKUPAPI_SIS_SCANNING], 3);
}
END_TEST

START_TEST(one_byte_makes_a_difference_wherever_it_is)
{
	static const long offsets[] = {0, 65535, 65536, 100000, 2999999};
	char *path = support_path(dir, "b");
	FILE *file;

	care_write(dir, "a", 3000000, 1);
	care_write(dir, "b", 3000000, 1);
	ck_assert_int_eq(scan(0), STATUS_OK);
	ck_assert_uint_eq(done.summary.duplicates, 1);
	ck_assert_ptr_nonnull(file = fopen(path, "r+"));
	ck_assert_int_eq(fseek(file, offsets[_i], SEEK_SET), 0);
	ck_assert_int_ne(fputs("\001\002", file), EOF);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(truncate(path, 3000000), 0);
	ck_assert_int_eq(scan(0), STATUS_OK);
	ck_assert_uint_eq(done.summary.duplicates, 0);
	free(path);
}
END_TEST

START_TEST(hard_links_count_once)
{
	char *a = support_path(dir, "a"), *b = support_path(dir, "b");

	care_write(dir, "a", SIZE, 1);
	ck_assert_int_eq(link(a, b), 0);
	ck_assert_int_eq(scan(0), STATUS_OK);
	ck_assert_uint_eq(done.summary.files, 1);
	ck_assert_uint_eq(done.summary.duplicates, 0);
	care_write(dir, "c", SIZE, 1);
	ck_assert_int_eq(scan(0), STATUS_OK);
	ck_assert_uint_eq(done.summary.files, 2);
	ck_assert_uint_eq(done.summary.duplicates, 1);
	free(a);
	free(b);
}
END_TEST

START_TEST(small_and_empty_files_are_left_out)
{
	care_write(dir, "a", 1000, 1);
	care_write(dir, "b", 1000, 1);
	care_write(dir, "c", 999, 2);
	care_write(dir, "d", 999, 2);
	care_write(dir, "e", 0, 2);
	care_write(dir, "f", 0, 2);
	ck_assert_int_eq(scan(0), STATUS_OK);
	ck_assert_uint_eq(done.summary.duplicates, 2);
	ck_assert_int_eq(scan(1000), STATUS_OK);
	ck_assert_uint_eq(done.summary.duplicates, 1);
	ck_assert_int_eq(scan(1001), STATUS_OK);
	ck_assert_uint_eq(done.summary.duplicates, 0);
}
END_TEST

START_TEST(symbolic_links_and_special_files_are_not_followed)
{
	char *outside = sis_volume(ON_TMP), *path = support_path(dir, "link");
	char *fifo = support_path(dir, "fifo"), *up = support_path(dir, "up");

	care_write(dir, "a", SIZE, 1);
	care_write(outside, "b", SIZE, 1);
	ck_assert_int_eq(symlink(outside, path), 0);
	ck_assert_int_eq(symlink("..", up), 0);
	ck_assert_int_eq(mkfifo(fifo, 0644), 0);
	ck_assert_int_eq(scan(0), STATUS_OK);
	ck_assert_uint_eq(done.summary.files, 1);
	ck_assert_uint_eq(done.summary.duplicates, 0);
	free(up);
	free(fifo);
	free(path);
	free(outside);
}
END_TEST

START_TEST(other_file_systems_are_not_entered)
{
	char *path = support_path(dir, "mount");

	care_write(dir, "a", SIZE, 1);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	if (geteuid() != 0 || mount("none", path, "tmpfs", 0, "size=1m")) {
		sis_skipped("cannot mount");
		free(path);
		return;
	}
	care_write(path, "b", SIZE, 1);
	ck_assert_int_eq(scan(0), STATUS_OK);
	ck_assert_int_eq(umount(path), 0);
	ck_assert_uint_eq(done.summary.files, 1);
	ck_assert_uint_eq(done.summary.skipped, 1);
	ck_assert_ptr_nonnull(strstr(done.reasons, path));
	ck_assert_ptr_nonnull(strstr(done.reasons, "is a mount point"));
	free(path);
}
END_TEST

static pid_t lessee;

static void give_back(int signal)
{
	(void)signal;
	_exit(0);
}

/* A child holds a write lease on NAME until somebody else wants to open it. */
static bool lease(const char *name)
{
	char *path = support_path(dir, name), answer = 'n';
	int ready[2], fd;

	ck_assert_int_eq(pipe(ready), 0);
	lessee = fork();
	ck_assert_int_ge(lessee, 0);
	if (lessee == 0) {
		(void)signal(SIGIO, give_back);
		fd = open(path, O_RDWR);
		answer = fd >= 0 && fcntl(fd, F_SETLEASE, F_WRLCK) == 0 ? 'y' : 'n';
		if (write(ready[1], &answer, 1) == 1)
			(void)sleep(50);
		_exit(1);
	}
	ck_assert_int_eq(read(ready[0], &answer, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	free(path);
	return answer == 'y';
}

START_TEST(a_file_under_a_write_lease_is_waited_for)
{
	int how;

	free(dir);
	dir = sis_volume(ON_TMPFS);
	if (!dir)
		return;
	care_write(dir, "a", SIZE, 1);
	care_write(dir, "b", SIZE, 1);
	ck_assert(lease("b"));
	ck_assert_int_eq(scan(0), STATUS_OK);
	ck_assert_int_eq(waitpid(lessee, &how, 0), lessee);
	ck_assert_int_eq(how, 0);
	ck_assert_uint_eq(done.summary.skipped, 0);
	ck_assert_uint_eq(done.summary.duplicates, 1);
}
END_TEST

static void vanish_unseen(const char *name)
{
	char *path = support_path(dir, name);

	ck_assert_int_eq(unlink(path), 0);
	free(path);
}

static int unlink_once(void *context, const struct backupapi_sis_event *event)
{
	bool *gone = context;

	if (event->kind == BACKUPAPI_SIS_PROGRESS && !*gone) {
		vanish_unseen("b");
		*gone = true;
	}
	return 0;
}

/* The first file of the three is read when the second one goes. */
START_TEST(a_file_that_vanishes_is_skipped)
{
	bool gone = false;
	struct sis_care care = {
		.callback = unlink_once, .context = &gone, .summary = &done.summary};

	care_log_begin(&done);
	care_write(dir, "a", SIZE, 1);
	care_write(dir, "b", SIZE, 1);
	care_write(dir, "c", SIZE, 1);
	ck_assert_int_eq(sis_scan(dir, 0, &care), STATUS_OK);
	ck_assert(gone);
	ck_assert_uint_eq(done.summary.duplicates, 1);
	ck_assert_uint_eq(done.summary.skipped, 1);
}
END_TEST

START_TEST(progress_reaches_its_total_and_the_caller_can_end_it)
{
	care_write(dir, "a", SIZE, 1);
	care_write(dir, "b", SIZE, 1);
	care_write(dir, "c", 20, 1);
	care_write(dir, "d", 20, 2);
	ck_assert_int_eq(scan(0), STATUS_OK);
	ck_assert_uint_ge(done.counts[BACKUPAPI_SIS_PROGRESS], 3);
	for (unsigned kind = BACKUPAPI_SIS_SCANNING; kind < 10; kind++) {
		const unsigned told = done.counts[kind];

		if (!told)
			continue;
		care_log_begin(&done);
		done.end_at = kind;
		ck_assert_int_eq(
			sis_scan(dir, 0, &done.care), STATUS_WIN32(ERROR_CANCELLED));
		ck_assert_uint_eq(done.counts[kind], 1);
		ck_assert_int_eq(scan(0), STATUS_OK);
	}
}
END_TEST

START_TEST(a_volume_that_is_none_fails)
{
	char *missing = support_path(dir, "missing");

	care_log_begin(&done);
	ck_assert_int_eq(
		sis_scan(missing, 0, &done.care), STATUS_WIN32(ERROR_PATH_NOT_FOUND));
	free(missing);
}
END_TEST

START_TEST(an_inode_is_new_once)
{
	struct inode_set set = {0};
	bool new_one;

	for (int round = 0; round < 2; round++)
		for (uint64_t i = 1; i < 5000; i++) {
			ck_assert_int_eq(
				inode_set_add(&set, i * 64, &new_one), STATUS_OK);
			ck_assert_int_eq(new_one, round == 0);
		}
	inode_set_free(&set);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("care_scan");
	TCase *tests = tcase_create("scan");

	tcase_add_unchecked_fixture(tests, care_volumes_make, NULL);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, files_with_the_same_content_are_found);
	tcase_add_loop_test(tests, one_byte_makes_a_difference_wherever_it_is, 0, 5);
	tcase_add_test(tests, hard_links_count_once);
	tcase_add_test(tests, small_and_empty_files_are_left_out);
	tcase_add_test(tests, symbolic_links_and_special_files_are_not_followed);
	tcase_add_test(tests, other_file_systems_are_not_entered);
	tcase_add_test(tests, a_file_under_a_write_lease_is_waited_for);
	tcase_add_test(tests, a_file_that_vanishes_is_skipped);
	tcase_add_test(tests, progress_reaches_its_total_and_the_caller_can_end_it);
	tcase_add_test(tests, a_volume_that_is_none_fails);
	tcase_add_test(tests, an_inode_is_new_once);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
