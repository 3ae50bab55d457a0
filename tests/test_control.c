#include "session/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"
#include "support.h"

static struct store *store;

static const char *const names[] = {
	"index.txt", "newcerts/01.pem", "newcerts/02.pem", "serial", NULL};
static const char *const contents[] = {
	"V\t351231235959Z\t\t02\tunknown\t/CN=two\n", "new one\n", "new two\n", "03\n"};

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
}

static void teardown(void)
{
	store_free(store);
}

static status control(enum service_control what, struct buffer *output)
{
	struct server *server = store_server();
	status rc = control_service(server, what, output);

	server_free(server);
	return rc;
}

static void leave_registered(status result)
{
	struct restore *r;

	store_control(SERVICE_STOP);
	r = store_restore(FAMILY_CERTSRV);
	ck_assert_int_eq(store_register(r, store, names), STATUS_OK);
	if (failed(result))
		ck_assert_int_eq(restore_complete(r, result), STATUS_OK);
	restore_end(r);
}

START_TEST(without_a_restore_controls_pass_through)
{
	ck_assert_int_eq(control(SERVICE_SUSPEND, NULL), STATUS_OK);
	ck_assert_int_eq(store_state(), SERVICE_SUSPENDED);
	ck_assert_int_eq(control(SERVICE_RESUME, NULL), STATUS_OK);
	ck_assert_int_eq(store_state(), SERVICE_SERVING);
	ck_assert_int_eq(control(SERVICE_STOP, NULL), STATUS_OK);
	ck_assert_int_eq(store_state(), SERVICE_STOPPED);
	ck_assert_int_eq(control(SERVICE_START, NULL), STATUS_OK);
	ck_assert_int_eq(store_state(), SERVICE_SERVING);
}
END_TEST

START_TEST(a_restore_that_is_not_completed_or_failed_keeps_the_service_down)
{
	leave_registered(_i ? hrError : STATUS_OK);
	ck_assert_int_eq(control(SERVICE_START, NULL), hrRestoreInProgress);
	ck_assert_int_eq(control(SERVICE_RESUME, NULL), hrRestoreInProgress);
	ck_assert_int_eq(store_state(), SERVICE_STOPPED);
	ck_assert_int_eq(control(SERVICE_STOP, NULL), STATUS_OK);
	ck_assert(store_pending());
}
END_TEST

START_TEST(starting_recovers_a_completed_restore_first)
{
	store_restored(store, names, contents);
	ck_assert_int_eq(control(SERVICE_START, NULL), STATUS_OK);
	ck_assert_int_eq(store_state(), SERVICE_SERVING);
	ck_assert(!store_pending());
	store_expect(store, "newcerts/01.pem", "new one\n");
}
END_TEST

START_TEST(a_recovery_that_fails_keeps_the_service_down)
{
	static const char *const without_index[] = {NULL, "one\n", "two\n", "03\n"};

	store_restored(store, names, without_index);
	ck_assert_int_eq(remove(store_path(store, "index.txt")), 0);
	ck_assert_int_eq(
		control(SERVICE_START, NULL), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_int_eq(store_state(), SERVICE_STOPPED);
	ck_assert(store_pending());
}
END_TEST

START_TEST(the_daemon_starts_on_what_was_recovered_and_its_output_is_handed_on)
{
	char *running = support_path(store->dir, "running");
	struct buffer output = {0};
	char extra[16384], *seen;

	(void)snprintf(extra, sizeof(extra),
		"[service]\nstart = /bin/sh -c \"echo starting; cp %s %s\"\nstop = "
		"/bin/rm -f %s\n"
		"status = /bin/sh -c \"test -e %s || exit 3\"\n",
		store_path(store, "newcerts/01.pem"), running, running, running);
	store_configure(store, extra);
	store_restored(store, names, contents);
	ck_assert_int_eq(control(SERVICE_START, &output), STATUS_OK);
	seen = support_read(running);
	ck_assert_str_eq(seen, "new one\n");
	ck_assert(!buffer_failed(&output));
	ck_assert_ptr_nonnull(strstr(output.data, "starting"));
	ck_assert_int_eq(store_state(), SERVICE_SERVING);
	buffer_free(&output);
	free(seen);
	free(running);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control");
	TCase *tests = tcase_create("control");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, without_a_restore_controls_pass_through);
	tcase_add_loop_test(tests,
		a_restore_that_is_not_completed_or_failed_keeps_the_service_down, 0, 2);
	tcase_add_test(tests, starting_recovers_a_completed_restore_first);
	tcase_add_test(tests, a_recovery_that_fails_keeps_the_service_down);
	tcase_add_test(tests,
		the_daemon_starts_on_what_was_recovered_and_its_output_is_handed_on);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
