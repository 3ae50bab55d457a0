/* Changes while a store is copied, and what the times of its files tell of them. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flat_store.h"

/* What happens ahead of the copy, or behind it, of the file WHEN; a limited number of
 * TIMES. */
static struct {
	const char *when;
	bool ahead;
	int times;
	void (*what)(void);
} change;

static void forget(void)
{
	change.when = NULL;
	teardown();
}

/* ---- changes in the middle of the copying ---- */

status __real_spool_copy(
	struct spool *into, const char *path, int fd, uint64_t size, uint64_t *copied);
status __wrap_spool_copy(
	struct spool *into, const char *path, int fd, uint64_t size, uint64_t *copied);

/* Linked in the place of spool_copy. */
status __wrap_spool_copy(
	struct spool *into, const char *path, int fd, uint64_t size, uint64_t *copied)
{
	bool now = change.when && strcmp(strrchr(path, '/') + 1, change.when) == 0 &&
		   change.times > 0;
	status rc;

	change.times -= now;
	if (now && change.ahead)
		change.what();
	rc = __real_spool_copy(into, path, fd, size, copied);
	if (now && !change.ahead)
		change.what();
	return rc;
}

static void replace_a(void)
{
	support_write(spare, "after!");
	ck_assert_int_eq(rename(spare, a), 0);
}

static void write_to_a(void)
{
	let_settle();
	put("a", "after!");
}

static void add_m(void)
{
	put("m", "appeared");
}

static void remove_a(void)
{
	(void)unlink(a);
}

static void remove_z(void)
{
	(void)unlink(z);
}

static void cut_z(void)
{
	ck_assert_int_eq(truncate(z, 2), 0);
}

static void prepare_change(const char *when, bool ahead, int times, void (*what)(void))
{
	put("a", "before");
	put("z", "steady");
	want("*");
	let_settle();
	change.when = when;
	change.ahead = ahead;
	change.times = times;
	change.what = what;
}

START_TEST(a_file_that_is_replaced_after_its_copy_is_copied_again)
{
	prepare_change("z", false, 1, replace_a);
	copy_well();
	expect_frozen("a", "after!");
	expect_frozen("z", "steady");
}
END_TEST

START_TEST(a_file_that_is_written_after_its_copy_is_copied_again)
{
	prepare_change("z", false, 1, write_to_a);
	copy_well();
	expect_frozen("a", "after!");
}
END_TEST

START_TEST(a_file_that_appears_during_the_copying_is_copied_too)
{
	prepare_change("a", false, 1, add_m);
	copy_well();
	expect_frozen("m", "appeared");
}
END_TEST

START_TEST(a_file_that_vanishes_after_its_copy_is_left_out)
{
	prepare_change("z", false, 1, remove_a);
	copy_well();
	ck_assert_uint_eq(spool.count, 1);
	expect_frozen("z", "steady");
}
END_TEST

START_TEST(a_file_that_vanishes_ahead_of_its_copy_is_left_out)
{
	prepare_change("a", false, 1, remove_z);
	copy_well();
	ck_assert_uint_eq(spool.count, 1);
	expect_frozen("a", "before");
}
END_TEST

START_TEST(a_file_that_shrinks_while_it_is_copied_is_copied_again)
{
	prepare_change("z", true, 1, cut_z);
	copy_well();
	expect_frozen("z", "st");
}
END_TEST

START_TEST(a_file_that_keeps_changing_is_named)
{
	prepare_change("z", false, 1000, replace_a);
	expect_failure(STATUS_WIN32(ERROR_BUSY), "/a: changed");
}
END_TEST

/* ---- never a mixture ---- */

static void replace(const char *name, const char *text)
{
	char path[4096], new_path[4200];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", data, name);
	(void)snprintf(new_path, sizeof(new_path), "%s.new", path);
	fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) < 0 || close(fd) < 0)
		_exit(1);
}

static void rename_new(const char *name)
{
	char path[4096], new_path[4200];

	(void)snprintf(path, sizeof(path), "%s/%s", data, name);
	(void)snprintf(new_path, sizeof(new_path), "%s.new", path);
	if (rename(new_path, path) < 0)
		_exit(1);
}

/* As openssl ca does it: all new files first, then the renames. PAUSE_US in between. */
static void update_both(unsigned generation, unsigned pause_us)
{
	const struct timespec pause = {.tv_nsec = (long)pause_us * 1000};
	char text[32];

	(void)snprintf(text, sizeof(text), "%u", generation);
	replace("one", text);
	replace("two", text);
	rename_new("one");
	(void)nanosleep(&pause, NULL);
	rename_new("two");
}

static void write_forever(void)
{
	const struct timespec rest = {.tv_nsec = 60 * 1000000};

	for (unsigned generation = 1;; generation++) {
		update_both(generation, generation % 3 * 1000);
		if (generation % 4 == 0)
			(void)nanosleep(&rest, NULL);
	}
}

START_TEST(both_files_are_of_one_generation_whatever_the_writer_does)
{
	int good = 0;
	pid_t writer;

	put("one", "0");
	put("two", "0");
	want("one");
	want("two");
	ck_assert_int_ge(writer = fork(), 0);
	if (writer == 0)
		write_forever();
	/* Also where the writer had little time to rest. */
	for (int i = 0; i < 25 || good == 0; i++) {
		status rc = copy();

		ck_assert_msg(rc == STATUS_OK || rc == STATUS_WIN32(ERROR_BUSY), "%s",
			status_pending());
		if (rc == STATUS_OK) {
			char *one = frozen("one"), *two = frozen("two");

			ck_assert_str_eq(one, two);
			free(one);
			free(two);
			good++;
		}
		restart();
	}
	ck_assert_int_eq(kill(writer, SIGKILL), 0);
	ck_assert_int_eq(waitpid(writer, NULL, 0), writer);
	ck_assert_int_gt(good, 0);
}
END_TEST

static void write_to_a_at_once(void)
{
	put("a", "after!");
}

START_TEST(a_change_within_one_tick_of_the_clock_does_not_slip_through)
{
	for (int i = 0; i < 8; i++) {
		prepare_change("z", false, 1, write_to_a_at_once);
		put("a", "before");
		copy_well();
		expect_frozen("a", "after!");
		restart();
	}
}
END_TEST

/* What the test before this one shows, also on a kernel whose clock has finer ticks. */
START_TEST(a_change_a_moment_ago_is_given_the_time_to_be_the_last)
{
	struct timespec after;
	struct stat st;

	put("a", "a");
	want("a");
	copy_well();
	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &after), 0);
	ck_assert_int_eq(stat(a, &st), 0);
	ck_assert_int_ge((after.tv_sec - st.st_ctim.tv_sec) * 1000000000 + after.tv_nsec -
				 st.st_ctim.tv_nsec,
		20 * 1000000);
}
END_TEST

START_TEST(a_file_system_that_keeps_whole_seconds_is_given_two)
{
	struct timespec times[2] = {0};

	put("a", "a");
	want("a");
	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &times[0]), 0);
	times[0].tv_nsec = 0;
	times[1] = times[0];
	ck_assert_int_eq(utimensat(AT_FDCWD, a, times, 0), 0);
	let_settle();
	copy_well();
	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &times[0]), 0);
	ck_assert_int_ge(times[0].tv_sec - times[1].tv_sec, 2);
}
END_TEST

START_TEST(a_time_in_the_future_does_not_block_for_ever)
{
	struct timespec times[2] = {0};

	put("a", "a");
	want("a");
	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &times[0]), 0);
	times[0].tv_sec += 86400;
	times[1] = times[0];
	ck_assert_int_eq(utimensat(AT_FDCWD, a, times, 0), 0);
	copy_well();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("flat_copy");
	TCase *tc = tcase_create("changes");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, forget);
	tcase_add_test(tc, a_file_that_is_replaced_after_its_copy_is_copied_again);
	tcase_add_test(tc, a_file_that_is_written_after_its_copy_is_copied_again);
	tcase_add_test(tc, a_file_that_appears_during_the_copying_is_copied_too);
	tcase_add_test(tc, a_file_that_vanishes_after_its_copy_is_left_out);
	tcase_add_test(tc, a_file_that_vanishes_ahead_of_its_copy_is_left_out);
	tcase_add_test(tc, a_file_that_shrinks_while_it_is_copied_is_copied_again);
	tcase_add_test(tc, a_file_that_keeps_changing_is_named);
	tcase_add_test(tc, both_files_are_of_one_generation_whatever_the_writer_does);
	tcase_add_test(tc, a_change_within_one_tick_of_the_clock_does_not_slip_through);
	tcase_add_test(tc, a_change_a_moment_ago_is_given_the_time_to_be_the_last);
	tcase_add_test(tc, a_file_system_that_keeps_whole_seconds_is_given_two);
	tcase_add_test(tc, a_time_in_the_future_does_not_block_for_ever);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
