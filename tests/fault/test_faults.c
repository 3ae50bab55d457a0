/* A restore dies ahead of each of its steps in turn, or the power fails there; another
 * process must find the old state, a registration that can be taken up again, or the
 * finished restore, and nothing lost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../support.h"
#include "powerloss.h"
#include "scene.h"

#define FINISHED 40
#define DIED     41

static char *work; /* a private directory, in memory where that is possible */

/* ---- dying ---- */

static int steps, die_ahead_of;
static bool power_fails;
static enum powerloss how;
static char *after; /* where the tree that is left goes */

/* > 0: what dies first is only the process; the recovery that follows loses power ahead
 * of this step of its own, and with it what the first one had not synced. */
static int power_fails_in_recovery;
static int recovery_ended[2]; /* a pipe: one byte says how */

static void recover_until_power_fails(pid_t first)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	char end = FINISHED;

	while (getppid() == first)
		(void)nanosleep(&moment, NULL);
	steps = 0;
	die_ahead_of = power_fails_in_recovery;
	power_fails_in_recovery = 0;
	(void)store_recover();
	if (write(recovery_ended[1], &end, 1) != 1)
		abort();
	_exit(FINISHED);
}

static void die(void)
{
	const pid_t self = getpid();
	const char end = DIED;

	if (power_fails_in_recovery) {
		if (fork() == 0)
			recover_until_power_fails(self);
		_exit(DIED);
	}
	if (power_fails)
		powerloss_rebuild(how, after);
	if (recovery_ended[1] >= 0 && write(recovery_ended[1], &end, 1) != 1)
		abort();
	_exit(DIED);
}

/* A lock's file is made under a mutex that fork takes. */
static bool is_lock(const struct file_event *event)
{
	return event->step == FILE_CREATE && strstr(event->name, ".lock");
}

static void count_and_die(const struct file_event *event)
{
	if (event->done && power_fails)
		powerloss_note(event);
	if (event->done || (power_fails_in_recovery && is_lock(event)))
		return;
	if (++steps == die_ahead_of)
		die();
}

static void arm(int step)
{
	steps = 0;
	die_ahead_of = step;
	file_step_hook = count_and_die;
}

/* ---- processes ---- */

static int in_child(void (*call)(const struct scene *), const struct scene *scene)
{
	int wait_status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		call(scene);
		_exit(FINISHED);
	}
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
}

static void restore_and_recover(const struct scene *scene)
{
	if (power_fails)
		powerloss_begin(scene->store->dir);
	arm(die_ahead_of);
	scene_restore(scene);
	ck_assert_int_eq(store_recover(), STATUS_OK);
}

static void recover_and_die(const struct scene *scene)
{
	(void)scene;
	arm(die_ahead_of);
	(void)store_recover();
}

/* ---- one run ---- */

static void remove_tree(const char *path)
{
	char command[4200];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", path);
	ck_assert_int_eq(system(command), 0);
}

/* The rebuilt tree takes the real one's place. */
static void lose_power(const struct scene *scene)
{
	remove_tree(scene->store->dir);
	ck_assert_int_eq(rename(after, scene->store->dir), 0);
}

/* Of the recovery that follows the first death: did the power fail in it? */
static bool second_end_was_power_loss(void)
{
	char end = 0;

	ck_assert_int_eq(close(recovery_ended[1]), 0);
	ck_assert_int_eq(read(recovery_ended[0], &end, 1), 1);
	ck_assert_int_eq(close(recovery_ended[0]), 0);
	recovery_ended[1] = -1;
	return end == DIED;
}

static int die_first(const struct scene *scene, int step, int second)
{
	bool lost = power_fails;
	int end;

	die_ahead_of = step;
	power_fails_in_recovery = power_fails ? second : 0;
	if (power_fails_in_recovery)
		ck_assert_int_eq(pipe(recovery_ended), 0);
	end = in_child(restore_and_recover, scene);
	if (power_fails_in_recovery && end == DIED)
		lost = second_end_was_power_loss();
	if (end == DIED && lost)
		lose_power(scene);
	return end;
}

/* Dies ahead of STEP; false where there are fewer. SECOND > 0: the recovery that follows
 * dies ahead of that step of its own. */
static bool survive(enum store_kind kind, const char *state_base, int step, int second)
{
	struct scene *scene = scene_make(kind, work, state_base);
	int end;

	end = die_first(scene, step, second);
	ck_assert_msg(
		end == DIED || end == FINISHED, "step %d: the restore failed", step);
	if (end == DIED && second && !power_fails) {
		die_ahead_of = second;
		ck_assert_int_ne(in_child(recover_and_die, scene), -1);
	}
	ck_assert_msg(in_child(end == DIED ? scene_finish : scene_expect_finished,
			      scene) == FINISHED,
		"died ahead of step %d%s: see the message above", step,
		second ? ", then again in recovery" : "");
	remove_tree(scene->store->dir);
	scene_free(scene);
	return end == DIED;
}

static void count_restore(const struct scene *scene)
{
	arm(0);
	scene_restore(scene);
	_exit(steps);
}

/* Where recovery begins, which alone cares what file system state_dir is on. */
static int first_step_of_recovery(enum store_kind kind, const char *state_base)
{
	struct scene *scene = scene_make(kind, work, state_base);
	int count = in_child(count_restore, scene);

	ck_assert_int_gt(count, 10);
	remove_tree(scene->store->dir);
	remove_tree(state_base);
	scene_free(scene);
	return count + 1;
}

static void survive_from(
	enum store_kind kind, const char *state_base, int step, int stride, bool twice)
{
	while (survive(kind, state_base, step, twice ? 1 + step * 7 % 47 : 0)) {
		if (state_base)
			remove_tree(state_base);
		step += stride;
		ck_assert_int_lt(step, 1000);
	}
	printf("%d steps, each %d.\n", step - stride, stride);
	ck_assert_int_gt(step, 40);
}

static void survive_all(enum store_kind kind)
{
	survive_from(kind, NULL, 1, 1, false);
}

/* FAULTS_STRIDE=1: every step. */
static int read_stride(void)
{
	const char *text = getenv("FAULTS_STRIDE");
	int stride = text ? atoi(text) : 3;

	ck_assert_int_gt(stride, 0);
	return stride;
}

/* What differs from survive_all is how one file is copied, step by step, and that repeats
 * with each: beginning with another step of each STORE, all are met. */
static void survive_elsewhere(enum store_kind kind, const char *state_base, int store)
{
	const int stride = read_stride();
	int first = first_step_of_recovery(kind, state_base);

	survive_from(kind, state_base, first + store % stride, stride, false);
}

/* Of the pairs of deaths only some are tried in any case. */
static void survive_pairs(enum store_kind kind, int round)
{
	const int stride = read_stride();

	survive_from(kind, NULL, 1 + round % stride, stride, true);
}

/* ---- tests ---- */

static void setup(void)
{
	if (!getenv("TMPDIR") && access("/dev/shm", W_OK) == 0)
		ck_assert_int_eq(setenv("TMPDIR", "/dev/shm", 1), 0);
	work = support_tmpdir();
	after = support_path(work, "after");
	power_fails = false;
	recovery_ended[0] = recovery_ended[1] = -1;
}

static void teardown(void)
{
	free(after);
}

static const enum store_kind kinds[] = {STORE_FLAT, STORE_DIRECTORY,
#ifdef HAVE_SQLITE
	STORE_SQLITE
#endif
};

#define KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))

START_TEST(a_restore_survives_death_at_every_step)
{
	survive_all(kinds[_i]);
}
END_TEST

START_TEST(and_a_second_death_in_recovery)
{
	survive_pairs(kinds[_i], 0);
}
END_TEST

START_TEST(and_death_when_old_files_go_to_another_file_system)
{
	const char *base =
		strcmp(getenv("TMPDIR"), "/dev/shm") == 0 ? "/var/tmp" : "/dev/shm";
	struct stat here, there;
	char *state;

	if (stat(work, &here) < 0 || stat(base, &there) < 0 ||
		here.st_dev == there.st_dev || access(base, W_OK) < 0) {
		printf("skipped: %s is no other file system\n", base);
		return;
	}
	ck_assert_int_eq(setenv("TMPDIR", base, 1), 0);
	state = support_path(support_tmpdir(), "state");
	survive_elsewhere(kinds[_i], state, _i);
	free(state);
}
END_TEST

START_TEST(a_restore_survives_power_loss_at_every_step)
{
	power_fails = true;
	how = (enum powerloss)(_i % POWERLOSS_KINDS);
	survive_all(kinds[_i / POWERLOSS_KINDS]);
}
END_TEST

START_TEST(and_when_it_fails_in_the_recovery_from_a_death)
{
	power_fails = true;
	how = (enum powerloss)(_i % POWERLOSS_KINDS);
	survive_pairs(kinds[_i / POWERLOSS_KINDS], _i % POWERLOSS_KINDS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("faults");
	TCase *tests = tcase_create("faults");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 300);
	tcase_add_loop_test(tests, a_restore_survives_death_at_every_step, 0, KINDS);
	tcase_add_loop_test(tests, and_a_second_death_in_recovery, 0, KINDS);
	tcase_add_loop_test(
		tests, and_death_when_old_files_go_to_another_file_system, 0, KINDS);
	tcase_add_loop_test(tests, a_restore_survives_power_loss_at_every_step, 0,
		KINDS * POWERLOSS_KINDS);
	tcase_add_loop_test(tests, and_when_it_fails_in_the_recovery_from_a_death, 0,
		KINDS * POWERLOSS_KINDS);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
