/* SIGKILL at every step of link and unlink, and at any moment. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "care_fixture.h"

#define SIZE 70001

static int in_child(void (*deed)(void))
{
	int wait_status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		deed();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	return wait_status;
}

static int steps, die_ahead_of;

static void count_and_die(const struct file_event *event)
{
	if (!event->done && ++steps == die_ahead_of)
		(void)kill(getpid(), SIGKILL);
}

static void link_and_die(void)
{
	steps = 0;
	file_step_hook = count_and_die;
	(void)link_all();
}

static void make_scene(void)
{
	care_write(dir, "a", SIZE, 1);
	care_write(dir, "b", SIZE, 1);
	care_write(dir, "c", 100, 2);
	care_write(dir, "d", 100, 2);
}

static void expect_scene(void)
{
	ck_assert(care_has(dir, "a", SIZE, 1) && care_has(dir, "b", SIZE, 1));
	ck_assert(care_has(dir, "c", 100, 2) && care_has(dir, "d", 100, 2));
}

static bool has_temporary(void)
{
	char command[600];

	(void)snprintf(
		command, sizeof(command), "find '%s' -name '*-new' | grep -q .", dir);
	return system(command) == 0;
}

/* Whatever was left, all is sound once it was done again. */
static void expect_repaired(int where)
{
	expect_scene();
	ck_assert_int_eq(link_all(), STATUS_OK);
	ck_assert_msg(!has_temporary(), "died ahead of step %d: a temporary file", where);
	care_log_begin(&done);
	ck_assert_int_eq(sis_gc(dir, false, &done.care), STATUS_OK);
	expect_sound();
	ck_assert_msg(done.summary.links == 4, "died ahead of step %d: %u links", where,
		(unsigned)done.summary.links);
	expect_scene();
}

START_TEST(death_at_every_step_leaves_the_old_file_or_the_link)
{
	int wait_status = -1;

	for (die_ahead_of = 1; wait_status != 0; die_ahead_of++) {
		free(dir);
		dir = sis_volume(type);
		make_scene();
		wait_status = in_child(link_and_die);
		ck_assert(wait_status == 0 || WIFSIGNALED(wait_status));
		expect_repaired(die_ahead_of);
		ck_assert_int_lt(die_ahead_of, 500);
	}
	printf("%d steps\n", die_ahead_of - 1);
	ck_assert_int_gt(die_ahead_of, 40);
}
END_TEST

START_TEST(and_death_at_any_moment)
{
	unsigned seed = 4;

	for (int i = 0; i < 20; i++) {
		int wait_status;
		pid_t pid;

		free(dir);
		dir = sis_volume(type);
		make_scene();
		ck_assert_int_ge(pid = fork(), 0);
		if (pid == 0) {
			(void)link_all();
			_exit(0);
		}
		(void)usleep((unsigned)rand_r(&seed) % 20000);
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
		expect_repaired(0);
	}
}
END_TEST

static void unlink_and_die(void)
{
	steps = 0;
	file_step_hook = count_and_die;
	(void)sis_unlink(dir, "bare");
}

START_TEST(death_at_every_step_of_unlink_leaves_the_link_or_the_file)
{
	int wait_status = -1;

	for (die_ahead_of = 1; wait_status != 0; die_ahead_of++) {
		char *temporary;

		free(dir);
		dir = sis_volume(type);
		care_make_bare(dir, SIZE, true);
		wait_status = in_child(unlink_and_die);
		ck_assert(wait_status == 0 || WIFSIGNALED(wait_status));
		if (care_is_link(dir, "bare"))
			ck_assert_int_eq(sis_unlink(dir, "bare"), STATUS_OK);
		ck_assert(care_has(dir, "bare", SIZE, 1));
		temporary = support_path(dir, ".bare.backupapi-new");
		ck_assert(!support_exists(temporary));
		free(temporary);
		ck_assert_int_lt(die_ahead_of, 100);
	}
	ck_assert_int_gt(die_ahead_of, 8);
}
END_TEST

static void add_tests(Suite *suite, const char *name, void (*setup)(void), bool link)
{
	TCase *tests = tcase_create(name);

	tcase_add_unchecked_fixture(tests, care_volumes_make, NULL);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 200);
	if (link) {
		tcase_add_test(
			tests, death_at_every_step_leaves_the_old_file_or_the_link);
		tcase_add_test(tests, and_death_at_any_moment);
	}
	tcase_add_test(tests, death_at_every_step_of_unlink_leaves_the_link_or_the_file);
	suite_add_tcase(suite, tests);
}

int main(void)
{
	Suite *suite = suite_create("care_kill");

	if (!care_can_mount("mkfs.xfs")) {
		printf("skipped: needs root, loop devices and mkfs.xfs\n");
		return 77;
	}
	add_tests(suite, "xfs", setup_xfs, true);
	if (care_can_mount("mkfs.btrfs"))
		add_tests(suite, "btrfs", setup_btrfs, true);
	add_tests(suite, "tmpfs", setup_tmpfs, false);
	return support_run(suite);
}
