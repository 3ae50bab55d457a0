/*
 * What must hold whatever else goes on around a restore: nobody's staged files get lost or
 * mixed in, a registration that fails changes nothing, nothing comes in between.
 */
#include "session/restore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session/control.h"
#include "session/locations.h"
#include "session/staging.h"
#include "store.h"
#include "support.h"

static struct store *store;

static const char *const whole[] = {
	"index.txt", "newcerts/01.pem", "newcerts/02.pem", "serial", NULL};
static const char *const contents[] = {
	"V\t351231235959Z\t\t02\tunknown\t/CN=two\n", "new one\n", "new two\n", "03\n"};
static const char *const serial_only[] = {"serial", NULL};
static const char *const index_only[] = {"index.txt", NULL};

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
}

static void teardown(void)
{
	store_free(store);
}

static struct restore *prepare(void)
{
	store_control(SERVICE_STOP);
	store_let_age();
	return store_restore(FAMILY_CERTSRV);
}

static void complete(struct restore *r)
{
	ck_assert_int_eq(restore_complete(r, STATUS_OK), STATUS_OK);
	restore_end(r);
}

static bool is_staged(const char *name)
{
	char *path = staging_path(store_path(store, name));
	bool there = support_exists(path);

	free(path);
	return there;
}

static status cancel(void)
{
	struct server *server = store_server();
	status rc = restore_cancel(server);

	server_free(server);
	return rc;
}

/* ---- staged files ---- */

START_TEST(what_is_staged_ahead_of_registering_is_restored)
{
	struct restore *r = prepare();

	store_stage(store, "serial", "05\n");
	ck_assert_int_eq(store_register(r, store, serial_only), STATUS_OK);
	complete(r);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	store_expect(store, "serial", "05\n");
	ck_assert(store_was_replaced(store, "serial", "03\n"));
}
END_TEST

START_TEST(leftovers_go_for_old_and_new_targets)
{
	struct restore *r = prepare();

	ck_assert_int_eq(store_register(r, store, index_only), STATUS_OK);
	store_stage(store, "index.txt", "left over\n");
	store_stage(store, "serial", "left over\n");
	restore_end(r);
	r = prepare();
	ck_assert_int_eq(store_register(r, store, serial_only), STATUS_OK);
	ck_assert(!is_staged("index.txt"));
	ck_assert(!is_staged("serial"));
	restore_end(r);
}
END_TEST

START_TEST(cancelling_removes_all_that_is_staged)
{
	struct restore *r = prepare();

	store_stage(store, "serial", "before\n");
	ck_assert_int_eq(store_register(r, store, whole), STATUS_OK);
	store_stage(store, "index.txt", "after\n");
	restore_end(r);
	ck_assert_int_eq(cancel(), STATUS_OK);
	ck_assert(!support_exists(store_path(store, STAGING_DIR)));
}
END_TEST

/* ---- a registration that fails ---- */

static status register_to(const char *new_name)
{
	struct restore *r = prepare();
	const char *const old_name = store_path(store, "serial");
	const struct restore_request q = {.map_given = true,
		.map_count = 1,
		.old_names = &old_name,
		.new_names = &new_name};
	status rc = restore_register(r, &q);

	restore_end(r);
	return rc;
}

START_TEST(a_registration_that_fails_leaves_the_completed_one_alone)
{
	struct registration *found;

	store_restored(store, whole, contents);
	ck_assert_int_eq(register_to("/"), STATUS_WIN32(ERROR_INVALID_NAME));
	found = store_registration();
	ck_assert_ptr_nonnull(found);
	ck_assert_int_eq(found->state, REGISTRATION_COMPLETE);
	registration_free(found);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	store_expect(store, "newcerts/01.pem", "new one\n");
}
END_TEST

/* ---- odd entries ---- */

static void make_odd_entries(void)
{
	ck_assert_int_eq(symlink("missing", store_path(store, "newcerts/gone.pem")), 0);
	ck_assert_int_eq(symlink("ring.pem", store_path(store, "newcerts/ring.pem")), 0);
	ck_assert_int_eq(mkfifo(store_path(store, "newcerts/pipe.pem"), 0600), 0);
	ck_assert_int_eq(mkdir(store_path(store, "newcerts/dir.pem"), 0700), 0);
}

START_TEST(odd_entries_are_no_locations)
{
	struct server *server = store_server();
	struct locations l;

	make_odd_entries();
	ck_assert_int_eq(locations_find(server, &l), STATUS_OK);
	ck_assert_uint_eq(l.count, 6);
	locations_free(&l);
	server_free(server);
}
END_TEST

START_TEST(odd_entries_do_not_stop_recovery_and_stay)
{
	struct stat st;

	store_restored(store, whole, contents);
	make_odd_entries();
	ck_assert_int_eq(store_recover(), STATUS_OK);
	store_expect(store, "newcerts/01.pem", "new one\n");
	ck_assert_int_eq(lstat(store_path(store, "newcerts/gone.pem"), &st), 0);
	ck_assert_int_eq(lstat(store_path(store, "newcerts/pipe.pem"), &st), 0);
}
END_TEST

/* ---- starting ---- */

static void configure_slow_start(void)
{
	char extra[16384];

	(void)snprintf(extra, sizeof(extra),
		"[service]\n"
		"start = /bin/sh -c \"touch %s/starting; "
		"while ! test -e %s/tried; do sleep 0.05; done; touch %s/running\"\n"
		"stop = /bin/rm -f %s/running\n"
		"status = /bin/sh -c \"test -e %s/running || exit 3\"\n",
		store->dir, store->dir, store->dir, store->dir, store->dir);
	store_configure(store, extra);
}

static void prepare_while_starting(void)
{
	char *starting = support_path(store->dir, "starting");
	char *tried = support_path(store->dir, "tried");
	struct restore *r = NULL;
	status rc;

	while (!support_exists(starting))
		(void)usleep(10000);
	rc = restore_prepare(store_server(), FAMILY_CERTSRV, true, &r);
	support_write(tried, "");
	free(tried);
	free(starting);
	_exit(rc == hrRestoreInProgress ? 42 : 1);
}

START_TEST(no_restore_begins_while_the_service_starts)
{
	struct server *server;
	int wait_status;
	pid_t pid;

	configure_slow_start();
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		prepare_while_starting();
	server = store_server();
	ck_assert_int_eq(control_service(server, SERVICE_START, NULL), STATUS_OK);
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert(WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 42);
	server_free(server);
}
END_TEST

START_TEST(a_live_handle_keeps_the_service_down)
{
	struct restore *r = prepare();
	struct server *server = store_server();

	ck_assert_int_eq(
		control_service(server, SERVICE_START, NULL), hrRestoreInProgress);
	ck_assert_int_eq(store_state(), SERVICE_STOPPED);
	restore_end(r);
	ck_assert_int_eq(control_service(server, SERVICE_START, NULL), STATUS_OK);
	server_free(server);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rules of restoring");
	TCase *tests = tcase_create("rules");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, what_is_staged_ahead_of_registering_is_restored);
	tcase_add_test(tests, leftovers_go_for_old_and_new_targets);
	tcase_add_test(tests, cancelling_removes_all_that_is_staged);
	tcase_add_test(tests, a_registration_that_fails_leaves_the_completed_one_alone);
	tcase_add_test(tests, odd_entries_are_no_locations);
	tcase_add_test(tests, odd_entries_do_not_stop_recovery_and_stay);
	tcase_add_test(tests, no_restore_begins_while_the_service_starts);
	tcase_add_test(tests, a_live_handle_keeps_the_service_down);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
