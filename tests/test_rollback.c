/*
 * The way back from a restore that recovery could not finish, also cut off at any of its
 * steps.
 */
#include "session/rollback.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "session/staging.h"
#include "store.h"
#include "support.h"

#define DIED 42

static struct store *store;

/* 03.pem is new, and the index is none. */
static const char *const names[] = {
	"index.txt", "newcerts/01.pem", "newcerts/03.pem", "serial", NULL};
static const char *const damaged[] = {"nonsense\n", "new one\n", "new three\n", "05\n"};

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
}

static void teardown(void)
{
	file_step_hook = NULL;
	store_free(store);
}

static status cancel(void)
{
	struct server *server = store_server();
	status rc = restore_cancel(server);

	server_free(server);
	return rc;
}

static void expect_old_state(void)
{
	ck_assert(!store_pending());
	store_expect(store, "newcerts/01.pem", "certificate one\n");
	store_expect(store, "newcerts/02.pem", "certificate two\n");
	store_expect(store, "serial", "03\n");
	ck_assert(!support_exists(store_path(store, "newcerts/03.pem")));
	ck_assert(!support_exists(store_path(store, "newcerts/" STAGING_DIR)));
	ck_assert(!support_exists(store_path(store, STAGING_DIR)));
	ck_assert_int_eq(store_state(), SERVICE_STOPPED);
}

static void fail_to_recover(void)
{
	store_restored(store, names, damaged);
	ck_assert_int_eq(store_recover(), hrDatabaseCorrupted);
	store_expect(store, "newcerts/01.pem", "new one\n");
}

START_TEST(the_old_files_come_back_and_the_new_ones_are_kept)
{
	fail_to_recover();
	ck_assert_int_eq(cancel(), STATUS_OK);
	ck_assert(store_was_replaced(store, "newcerts/01.pem", "new one\n"));
	ck_assert(store_was_replaced(store, "newcerts/03.pem", "new three\n"));
	ck_assert(!store_was_replaced(store, "newcerts/02.pem", NULL));
	expect_old_state();
	ck_assert_int_eq(cancel(), hrInvalidHandle);
	store_control(SERVICE_START);
	store_back_up(); /* a whole set */
}
END_TEST

START_TEST(a_running_service_keeps_what_it_uses)
{
	fail_to_recover();
	store_control(SERVICE_START);
	ck_assert_int_eq(cancel(), STATUS_WIN32(ERROR_SERVICE_ALREADY_RUNNING));
	store_expect(store, "newcerts/01.pem", "new one\n");
	ck_assert(store_pending());
}
END_TEST

/* ---- cut off ---- */

/* The fault tests die at every step of recovery; here every third one must do. */
#define RECOVERY_STRIDE 3

static int steps_left;

static void die_in_time(const struct file_event *event)
{
	if (!event->done && steps_left-- == 0)
		_exit(DIED);
}

/* Does CALL, in a child, die at the step STEP? */
static bool dies_at(int step, status (*call)(void))
{
	int wait_status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		steps_left = step;
		file_step_hook = die_in_time;
		(void)call();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert(WIFEXITED(wait_status));
	return WEXITSTATUS(wait_status) == DIED;
}

static void start_again(void)
{
	store_free(store);
	store = store_make(STORE_FLAT, NULL);
}

START_TEST(going_back_can_be_cut_off_at_every_step)
{
	for (int step = 0;; step++) {
		fail_to_recover();
		if (!dies_at(step, cancel)) {
			ck_assert_int_gt(step, 20);
			break;
		}
		if (store_pending())
			ck_assert_int_eq(cancel(), STATUS_OK);
		expect_old_state();
		start_again();
	}
}
END_TEST

START_TEST(going_back_is_possible_wherever_recovery_was_cut_off)
{
	for (int step = 0;; step += RECOVERY_STRIDE) {
		store_restored(store, names, damaged);
		if (!dies_at(step, store_recover)) {
			ck_assert_int_gt(step, 20);
			break;
		}
		ck_assert_int_eq(cancel(), STATUS_OK);
		expect_old_state();
		start_again();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rollback");
	TCase *tests = tcase_create("rollback");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 300);
	tcase_add_test(tests, the_old_files_come_back_and_the_new_ones_are_kept);
	tcase_add_test(tests, a_running_service_keeps_what_it_uses);
	tcase_add_test(tests, going_back_can_be_cut_off_at_every_step);
	tcase_add_test(tests, going_back_is_possible_wherever_recovery_was_cut_off);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
