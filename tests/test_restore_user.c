/* Restores by a user who may write the store and nothing else, recovered by root: what
 * such a user can make root do. Needs root, to become that user. */
#include "user_store.h"

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session/control.h"
#include "session/recover.h"
#include "session/staging.h"

#define OTHER_USER 65533

/* ---- registering ---- */

static void user_registers(void)
{
	struct restore *r = prepare();

	must(register_through_file(r, whole), STATUS_OK, "register");
	store_stage(store, "newcerts/01.pem", "the user's\n");
	restore_end(r);
}

static void expect_user_registration(enum registration_state state)
{
	struct registration *r = store_registration();
	struct stat st;

	ck_assert_ptr_nonnull(r);
	ck_assert_int_eq(r->state, state);
	ck_assert_uint_eq(r->maker, USER);
	ck_assert(r->in_store);
	registration_free(r);
	ck_assert_int_eq(stat(store_path(store, REGISTERED), &st), 0);
	ck_assert_uint_eq(st.st_uid, USER);
}

START_TEST(who_may_write_the_store_registers_through_a_file_in_it)
{
	as_user(USER, user_registers);
	expect_user_registration(REGISTRATION_OPEN);
	ck_assert(store_pending());
	ck_assert_int_eq(store_recover(), hrRestoreInProgress);
}
END_TEST

static void user_registers_without_file(void)
{
	struct restore *r = prepare();

	must(store_register(r, store, whole), STATUS_WIN32(ERROR_ACCESS_DENIED),
		"register");
	restore_end(r);
}

START_TEST(but_not_without_the_file)
{
	as_user(USER, user_registers_without_file);
	ck_assert(!store_pending());
}
END_TEST

static void user_registers_outside(void)
{
	const char *from = store_path(store, "newcerts/01.pem");
	char *to = support_path(victims, "01.pem");
	const char *const new_name = to;
	const struct restore_request q = {.map_given = true,
		.map_count = 1,
		.old_names = &from,
		.new_names = &new_name,
		.through_file = true};
	struct restore *r = prepare();

	must(restore_register(r, &q), STATUS_WIN32(ERROR_ACCESS_DENIED), "register");
	restore_end(r);
	free(to);
}

START_TEST(targets_outside_the_configured_directories_are_refused)
{
	as_user(USER, user_registers_outside);
	ck_assert(!store_pending());
}
END_TEST

static void user_is_refused(void)
{
	struct restore *r;

	must(restore_prepare(store_server(), FAMILY_CERTSRV, true, &r),
		STATUS_WIN32(ERROR_ACCESS_DENIED), "prepare");
}

START_TEST(one_who_may_not_write_the_store_cannot_even_prepare)
{
	as_user(OTHER_USER, user_is_refused);
	ck_assert(!store_pending());
}
END_TEST

/* ---- completing and recovering ---- */

START_TEST(root_completes_such_a_registration_and_the_maker_stays)
{
	struct restore *r;

	as_user(USER, user_registers);
	r = prepare();
	ck_assert_int_eq(restore_complete(r, STATUS_OK), STATUS_OK);
	restore_end(r);
	expect_user_registration(REGISTRATION_COMPLETE);
}
END_TEST

START_TEST(root_recovers_it_with_the_makers_rights)
{
	struct stat st;

	as_user(USER, user_restores);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	ck_assert(!store_pending());
	store_expect(store, "newcerts/01.pem", "the user's\n");
	ck_assert(store_was_replaced(store, "newcerts/01.pem", "certificate one\n"));
	ck_assert_int_eq(stat(store_path(store, "newcerts/01.pem"), &st), 0);
	ck_assert_uint_eq(st.st_uid, USER);
	ck_assert_uint_eq(geteuid(), 0);
}
END_TEST

START_TEST(a_registration_of_roots_own_takes_its_place)
{
	static const char *const serial_only[] = {"serial", NULL};
	struct registration *found;
	struct restore *r;

	as_user(USER, user_registers);
	r = prepare();
	ck_assert_int_eq(store_register(r, store, serial_only), STATUS_OK);
	restore_end(r);
	ck_assert(!support_exists(store_path(store, REGISTERED)));
	found = store_registration();
	ck_assert_uint_eq(found->maker, 0);
	ck_assert(!found->in_store);
	registration_free(found);
}
END_TEST

static void other_user_interferes(void)
{
	struct restore *r;

	if (restore_prepare(store_server(), FAMILY_CERTSRV, true, &r) != STATUS_OK)
		return; /* that is no way in either */
	must(restore_complete(r, STATUS_OK), STATUS_WIN32(ERROR_ACCESS_DENIED),
		"complete");
	must(register_through_file(r, whole), STATUS_WIN32(ERROR_ACCESS_DENIED),
		"register");
	restore_end(r);
}

START_TEST(another_user_can_neither_complete_nor_replace_it)
{
	ck_assert_int_eq(chmod(store->data, 0777), 0);
	as_user(USER, user_registers);
	as_user(OTHER_USER, other_user_interferes);
	expect_user_registration(REGISTRATION_OPEN);
}
END_TEST

static int said[2], asked[2];

static void user_holds_a_handle(void)
{
	struct restore *r = prepare();
	char byte = 'r';

	if (write(said[1], &byte, 1) != 1 || read(asked[0], &byte, 1) != 1)
		_exit(1);
	restore_end(r);
}

START_TEST(a_users_live_handle_holds_root_off)
{
	struct restore *r;
	char byte;
	int wait_status;
	pid_t pid;

	ck_assert_int_eq(pipe(said), 0);
	ck_assert_int_eq(pipe(asked), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		as_user(USER, user_holds_a_handle);
		_exit(42);
	}
	ck_assert_int_eq(read(said[0], &byte, 1), 1);
	ck_assert_int_eq(restore_prepare(store_server(), FAMILY_DS, true, &r),
		hrRestoreInProgress);
	ck_assert_int_eq(write(asked[1], &byte, 1), 1);
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert(WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 42);
	restore_end(prepare());
}
END_TEST

/* ---- attacks ---- */

static void expect_refused(void)
{
	ck_assert_int_eq(store_recover(), STATUS_WIN32(ERROR_ACCESS_DENIED));
	ck_assert(store_pending());
	expect_victim_untouched();
}

/* newcerts becomes a way into root's directory. */
static void swap_newcerts(void)
{
	if (rename(store_path(store, "newcerts"), store_path(store, "away")) < 0 ||
		symlink(victims, store_path(store, "newcerts")) < 0)
		_exit(1);
}

START_TEST(a_link_swapped_in_after_registering_is_not_followed)
{
	as_user(USER, user_restores);
	as_user(USER, swap_newcerts);
	expect_refused();
}
END_TEST

static void user_restores_through_a_link(void)
{
	struct restore *r = prepare();

	swap_newcerts();
	if (register_through_file(r, whole) == STATUS_OK)
		must(restore_complete(r, STATUS_OK), STATUS_OK, "complete");
	restore_end(r);
}

START_TEST(nor_is_one_that_was_there_before)
{
	as_user(USER, user_restores_through_a_link);
	if (store_pending())
		expect_refused();
}
END_TEST

static void make_staging_a_link(void)
{
	const char *staging = store_path(store, "newcerts/" STAGING_DIR);

	if (unlink(store_path(store, "newcerts/" STAGING_DIR "/01.pem")) < 0 ||
		rmdir(staging) < 0 || symlink(victims, staging) < 0)
		_exit(1);
}

START_TEST(nor_is_a_staging_directory_that_is_a_link)
{
	as_user(USER, user_restores);
	as_user(USER, make_staging_a_link);
	expect_refused();
	store_expect(store, "newcerts/01.pem", "certificate one\n");
}
END_TEST

static void make_staged_file_a_link(void)
{
	const char *staged = store_path(store, "newcerts/" STAGING_DIR "/01.pem");
	char *victim = support_path(victims, "01.pem");

	if (unlink(staged) < 0 || symlink(victim, staged) < 0)
		_exit(1);
	free(victim);
}

START_TEST(nor_is_a_staged_file_that_is_a_link)
{
	as_user(USER, user_restores);
	as_user(USER, make_staged_file_a_link);
	ck_assert_int_eq(store_recover(), STATUS_WIN32(ERROR_INVALID_DATA));
	ck_assert(store_pending());
}
END_TEST

/* As if made by a program that leaves the library's own checks out. */
static void user_forges_outside_target(void)
{
	struct server *server = store_server();
	struct registration *r = registration_new();
	char *victim = support_path(victims, "01.pem");

	if (!r)
		_exit(1);
	r->in_store = true;
	r->family = FAMILY_CERTSRV;
	r->state = REGISTRATION_COMPLETE;
	must(registration_add_target(r, victim, victim), STATUS_OK, "target");
	must(registration_add_logs(r, NULL, 0, 0), STATUS_OK, "logs");
	must(registration_save(server, r), STATUS_OK, "save");
	registration_free(r);
	server_free(server);
	free(victim);
}

START_TEST(a_forged_registration_does_not_reach_outside)
{
	as_user(USER, user_forges_outside_target);
	ck_assert(store_pending());
	expect_refused();
	ck_assert_ptr_nonnull(strstr(status_pending(), "victims"));
}
END_TEST

START_TEST(what_the_maker_may_not_change_is_not_changed_for_him)
{
	static const char *const names[] = {"newcerts/02.pem", NULL};

	as_user(USER, user_restores);
	give("newcerts", 0); /* root took the directory back */
	give("newcerts/" STAGING_DIR, 0);
	expect_refused();
	store_expect(store, "newcerts/01.pem", "certificate one\n");
	ck_assert(!store_was_replaced(store, names[0], NULL));
}
END_TEST

static void cannot_tell_whether_a_restore_is_registered(void)
{
	struct server *server;

	must(store_recover(), STATUS_WIN32(ERROR_ACCESS_DENIED), "recover");
	must(server_find(FAMILY_ANY, NULL, &server), STATUS_OK, "find");
	must(control_service(server, SERVICE_START, NULL),
		STATUS_WIN32(ERROR_ACCESS_DENIED), "start");
	server_free(server);
}

START_TEST(without_rights_on_state_dir_nothing_is_recovered_or_started)
{
	static const char *const contents[] = {"", "one\n", "two\n", "09\n"};

	store_restored(store, whole, contents);
	as_user(USER, cannot_tell_whether_a_restore_is_registered);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	store_expect(store, "serial", "09\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("restores by ordinary users");
	TCase *tests = tcase_create("users");

	if (geteuid() != 0) {
		printf("skipped: only root can become other users\n");
		return SKIPPED;
	}
	tcase_add_checked_fixture(tests, user_store_setup, user_store_teardown);
	tcase_add_test(tests, who_may_write_the_store_registers_through_a_file_in_it);
	tcase_add_test(tests, but_not_without_the_file);
	tcase_add_test(
		tests, without_rights_on_state_dir_nothing_is_recovered_or_started);
	tcase_add_test(tests, targets_outside_the_configured_directories_are_refused);
	tcase_add_test(tests, one_who_may_not_write_the_store_cannot_even_prepare);
	tcase_add_test(tests, root_completes_such_a_registration_and_the_maker_stays);
	tcase_add_test(tests, root_recovers_it_with_the_makers_rights);
	tcase_add_test(tests, a_registration_of_roots_own_takes_its_place);
	tcase_add_test(tests, another_user_can_neither_complete_nor_replace_it);
	tcase_add_test(tests, a_users_live_handle_holds_root_off);
	tcase_add_test(tests, a_link_swapped_in_after_registering_is_not_followed);
	tcase_add_test(tests, nor_is_one_that_was_there_before);
	tcase_add_test(tests, nor_is_a_staging_directory_that_is_a_link);
	tcase_add_test(tests, nor_is_a_staged_file_that_is_a_link);
	tcase_add_test(tests, a_forged_registration_does_not_reach_outside);
	tcase_add_test(tests, what_the_maker_may_not_change_is_not_changed_for_him);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
