/* Completing, failing and cancelling what was registered. */
#include "session/restore.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "session/staging.h"
#include "store.h"
#include "support.h"

static struct store *store;

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
	store_control(SERVICE_STOP);
}

static void teardown(void)
{
	store_free(store);
}

static const char *const serial_only[] = {"serial", NULL};

static enum registration_state state_of_registration(void)
{
	struct registration *r = store_registration();
	enum registration_state state;

	ck_assert_ptr_nonnull(r);
	state = r->state;
	registration_free(r);
	return state;
}

static status cancel(void)
{
	struct server *server = store_server();
	status rc = restore_cancel(server);

	server_free(server);
	return rc;
}

static status register_incremental(struct restore *r)
{
	const struct restore_request q = {.map_given = false};

	return restore_register(r, &q);
}

/* ---- complete ---- */

START_TEST(nothing_registered_cannot_be_completed)
{
	struct restore *r = store_restore(FAMILY_CERTSRV);

	ck_assert_int_eq(restore_complete(r, STATUS_OK), hrInvalidHandle);
	ck_assert_int_eq(restore_complete(r, hrError), hrInvalidHandle);
	restore_end(r);
}
END_TEST

START_TEST(a_failure_code_keeps_the_service_down_until_a_good_restore)
{
	struct restore *r = store_restore(FAMILY_CERTSRV);
	struct registration *found;

	ck_assert_int_eq(store_register(r, store, serial_only), STATUS_OK);
	ck_assert_int_eq(restore_complete(r, hrDiskIO), STATUS_OK);
	found = store_registration();
	ck_assert_int_eq(found->state, REGISTRATION_FAILED);
	ck_assert_int_eq(found->failure, hrDiskIO);
	registration_free(found);
	ck_assert_int_eq(
		restore_complete(r, STATUS_OK), STATUS_WIN32(ERROR_INVALID_STATE));
	ck_assert_int_eq(register_incremental(r), hrNoFullRestore);
	restore_end(r);
	ck_assert_int_eq(store_recover(), hrRestoreInProgress);
	ck_assert_ptr_nonnull(strstr(status_pending(), "hrDiskIO"));
	ck_assert_int_eq(store_state(), SERVICE_STOPPED);

	r = store_restore(FAMILY_CERTSRV);
	ck_assert_int_eq(store_register(r, store, serial_only), STATUS_OK);
	store_stage(store, "serial", "07\n");
	ck_assert_int_eq(restore_complete(r, STATUS_OK), STATUS_OK);
	restore_end(r);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	ck_assert_int_eq(store_state(), SERVICE_SERVING);
}
END_TEST

START_TEST(a_warning_code_completes)
{
	struct restore *r = store_restore(FAMILY_CERTSRV);

	ck_assert_int_eq(store_register(r, store, serial_only), STATUS_OK);
	ck_assert_int_eq(restore_complete(r, 1), STATUS_OK);
	ck_assert_int_eq(state_of_registration(), REGISTRATION_COMPLETE);
	ck_assert_int_eq(restore_complete(r, STATUS_OK), STATUS_OK);
	restore_end(r);
}
END_TEST

/* ---- cancel ---- */

START_TEST(cancelling_gives_the_old_state_back)
{
	struct restore *r = store_restore(FAMILY_CERTSRV);

	ck_assert_int_eq(store_register(r, store, serial_only), STATUS_OK);
	store_stage(store, "serial", "new\n");
	ck_assert_int_eq(restore_complete(r, hrDiskIO), STATUS_OK);
	ck_assert_int_eq(cancel(), hrRestoreInProgress); /* the handle lives */
	restore_end(r);
	ck_assert_int_eq(cancel(), STATUS_OK);
	ck_assert(!store_pending());
	ck_assert(!support_exists(store_path(store, STAGING_DIR)));
	store_expect(store, "serial", "03\n");
	ck_assert_int_eq(cancel(), hrInvalidHandle);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	ck_assert_int_eq(store_state(), SERVICE_STOPPED); /* nobody started it */
}
END_TEST

/* Staged files may be gone, which would have told what is restored. */
START_TEST(what_recovery_began_and_another_replaces_cannot_be_cancelled)
{
	struct registration *found;
	struct server *server = store_server();

	store_restored(store, serial_only, serial_only);
	found = store_registration();
	found->replaced = strdup("replaced-20260101T000000Z");
	found->state = REGISTRATION_FAILED;
	found->failure = STATUS_WIN32(ERROR_ALREADY_EXISTS);
	ck_assert_int_eq(registration_save(server, found), STATUS_OK);
	registration_free(found);
	server_free(server);
	ck_assert_int_eq(cancel(), STATUS_WIN32(ERROR_INVALID_STATE));
	ck_assert_ptr_nonnull(strstr(status_pending(), "replaced-20260101T000000Z"));
	ck_assert_int_eq(state_of_registration(), REGISTRATION_FAILED);
	store_expect(store, STAGING_DIR "/serial", "serial");
}
END_TEST

/* ---- in the middle of giving up ---- */

static enum file_step die_at;

static void die_ahead(const struct file_event *event)
{
	if (!event->done && event->step == die_at && event->name &&
		strcmp(event->name, "serial") == 0)
		_exit(42);
}

/* Completed with two staged files, then CALL dies as it removes the first of them. */
static void die_while_discarding(void (*call)(void))
{
	static const char *const names[] = {"index.txt", "serial", NULL};
	int wait_status;
	pid_t pid;

	store_restored(store, names, names);
	store_let_age();
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		die_at = FILE_UNLINK;
		file_step_hook = die_ahead;
		call();
		_exit(1);
	}
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert(WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 42);
	ck_assert(!support_exists(store_path(store, STAGING_DIR "/index.txt")));
	ck_assert(support_exists(store_path(store, STAGING_DIR "/serial")));
}

static void cancel_it(void)
{
	(void)cancel();
}

static void register_anew(void)
{
	static const char *const names[] = {"index.txt", "serial", NULL};

	(void)store_register(store_restore(FAMILY_CERTSRV), store, names);
}

START_TEST(half_discarded_sets_are_never_recovered_from)
{
	struct restore *r;

	die_while_discarding(_i ? cancel_it : register_anew);
	ck_assert_int_eq(store_recover(), hrRestoreInProgress);
	r = store_restore(FAMILY_CERTSRV);
	ck_assert_int_eq(
		restore_complete(r, STATUS_OK), STATUS_WIN32(ERROR_INVALID_STATE));
	restore_end(r);
	ck_assert_int_eq(cancel(), STATUS_OK);
	store_expect(store, "serial", "03\n");
	ck_assert(!support_exists(store_path(store, STAGING_DIR)));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("completing restores");
	TCase *tests = tcase_create("completing restores");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, nothing_registered_cannot_be_completed);
	tcase_add_test(tests, a_failure_code_keeps_the_service_down_until_a_good_restore);
	tcase_add_test(tests, a_warning_code_completes);
	tcase_add_test(tests, cancelling_gives_the_old_state_back);
	tcase_add_test(
		tests, what_recovery_began_and_another_replaces_cannot_be_cancelled);
	tcase_add_loop_test(tests, half_discarded_sets_are_never_recovered_from, 0, 2);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
