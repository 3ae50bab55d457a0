/* Restores where root and the store's owner meet: what the owner's links, files and forged
 * registrations can make root do. Needs root, to become that owner. */
#include "user_store.h"

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session/recover.h"
#include "session/staging.h"

static void root_registers(void)
{
	struct restore *r = prepare();

	ck_assert_int_eq(store_register(r, store, whole), STATUS_OK);
	restore_end(r);
}

/* newcerts becomes a way into root's directory. */
static void swap_newcerts(void)
{
	if (rename(store_path(store, "newcerts"), store_path(store, "away")) < 0 ||
		symlink(victims, store_path(store, "newcerts")) < 0)
		_exit(1);
}

/* ---- links in root's own restores ---- */

START_TEST(roots_recovery_does_not_follow_the_owners_link)
{
	struct restore *r = prepare();

	ck_assert_int_eq(store_register(r, store, whole), STATUS_OK);
	store_stage(store, "newcerts/01.pem", "restored\n");
	ck_assert_int_eq(restore_complete(r, STATUS_OK), STATUS_OK);
	restore_end(r);
	as_user(USER, swap_newcerts);
	ck_assert_int_eq(store_recover(), STATUS_WIN32(ERROR_ACCESS_DENIED));
	ck_assert_ptr_nonnull(
		strstr(status_pending(), "\"newcerts\" is a symbolic link"));
	store_expect(store, "serial", "03\n");
}
END_TEST

/* One that the map does not name, which recovery would move away. */
START_TEST(nor_for_files_that_are_not_restored)
{
	static const char *const serial_only[] = {"serial", NULL};
	struct restore *r = prepare();

	ck_assert_int_eq(store_register(r, store, serial_only), STATUS_OK);
	store_stage(store, "serial", "05\n");
	ck_assert_int_eq(restore_complete(r, STATUS_OK), STATUS_OK);
	restore_end(r);
	as_user(USER, swap_newcerts);
	ck_assert_int_eq(store_recover(), STATUS_WIN32(ERROR_ACCESS_DENIED));
	store_expect(store, "serial", "03\n");
}
END_TEST

static void link_deep(void)
{
	if (symlink(victims, store_path(store, "deep")) < 0)
		_exit(1);
}

/* Nor one that is configured by its name: found out before anything is moved. */
START_TEST(nor_for_a_database_by_name)
{
	static const char *const serial_only[] = {"serial", NULL};
	char more[4200];
	struct restore *r;

	(void)snprintf(
		more, sizeof(more), "database = %s\n", store_path(store, "deep/01.pem"));
	configure(more);
	r = prepare();
	ck_assert_int_eq(store_register(r, store, serial_only), STATUS_OK);
	store_stage(store, "serial", "05\n");
	ck_assert_int_eq(restore_complete(r, STATUS_OK), STATUS_OK);
	restore_end(r);
	as_user(USER, link_deep);
	ck_assert_int_eq(store_recover(), STATUS_WIN32(ERROR_ACCESS_DENIED));
	store_expect(store, "serial", "03\n");
}
END_TEST

START_TEST(roots_registration_does_not_clean_up_behind_the_owners_link)
{
	struct restore *r;
	char *staged = support_path(victims, STAGING_DIR), *file;

	ck_assert_int_eq(mkdir(staged, 0700), 0);
	file = support_path(staged, "01.pem");
	support_write(file, "of root\n");
	as_user(USER, swap_newcerts);
	store_let_age();
	r = prepare();
	ck_assert_int_eq(
		store_register(r, store, whole), STATUS_WIN32(ERROR_ACCESS_DENIED));
	restore_end(r);
	ck_assert(support_exists(file));
	ck_assert(!store_pending());
	ck_assert_int_eq(remove(file), 0);
	ck_assert_int_eq(remove(staged), 0);
	free(file);
	free(staged);
}
END_TEST

/* ---- two at a time ---- */

static void user_is_held_off(void)
{
	struct restore *r;

	must(restore_prepare(store_server(), FAMILY_CERTSRV, true, &r),
		hrRestoreInProgress, "prepare");
}

START_TEST(roots_live_handle_holds_the_owner_off)
{
	struct restore *r = prepare();

	as_user(USER, user_is_held_off);
	restore_end(r);
	as_user(USER, user_restores);
	ck_assert_int_eq(store_recover(), STATUS_OK);
}
END_TEST

START_TEST(cancelling_as_root_gives_up_roots_and_the_owners)
{
	struct registration *found;
	struct server *server = store_server();

	root_registers();
	as_user(USER, user_restores);
	ck_assert_int_eq(
		registration_load(server, &found), STATUS_WIN32(ERROR_INVALID_DATA));
	ck_assert_ptr_nonnull(strstr(status_pending(), "cancelling as root"));
	ck_assert_int_eq(restore_cancel(server), STATUS_OK);
	ck_assert(!store_pending());
	ck_assert(!support_exists(store_path(store, "newcerts/" STAGING_DIR)));
	server_free(server);
}
END_TEST

/* ---- forged registrations ---- */

#define FORGED "replaced-20200101T000000Z"

/* In which recovery seems to have begun, with a directory of root's. */
static void user_forges_replaced(void)
{
	struct server *server = store_server();
	struct registration *r = registration_new();
	const char *serial = store_path(store, "serial");

	if (!r)
		_exit(1);
	r->in_store = true;
	r->family = FAMILY_CERTSRV;
	r->state = REGISTRATION_COMPLETE;
	r->replaced = strdup(FORGED);
	must(registration_add_target(r, serial, serial), STATUS_OK, "target");
	must(registration_add_logs(r, NULL, 0, 0), STATUS_OK, "logs");
	must(registration_save(server, r), STATUS_OK, "save");
	registration_free(r);
	server_free(server);
}

static char *make_roots_replaced(void)
{
	char *path = support_path(store->state, FORGED);

	ck_assert_int_eq(mkdir(path, 0700), 0);
	return path;
}

START_TEST(a_forged_directory_of_roots_is_not_handed_over)
{
	char *path = make_roots_replaced();
	struct stat st;

	as_user(USER, user_forges_replaced);
	(void)store_recover();
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_uid, 0);
	ck_assert_int_eq(rmdir(path), 0); /* nothing was moved into it */
	free(path);
}
END_TEST

START_TEST(a_forged_begin_of_recovery_does_not_keep_root_from_cancelling)
{
	struct server *server = store_server();

	free(make_roots_replaced());
	as_user(USER, user_forges_replaced);
	ck_assert_int_eq(restore_cancel(server), STATUS_OK);
	ck_assert(!store_pending());
	server_free(server);
}
END_TEST

static void plant(void)
{
	if (rename(store_path(store, "of-root"), store_path(store, REGISTERED)) < 0)
		_exit(1);
}

START_TEST(a_file_of_roots_is_no_registration_of_roots)
{
	struct server *server = store_server();
	struct registration *found;

	as_user(USER, user_restores);
	ck_assert_int_eq(
		rename(store_path(store, REGISTERED), store_path(store, "of-root")), 0);
	give("of-root", 0);
	as_user(USER, plant);
	ck_assert_int_eq(
		registration_load(server, &found), STATUS_WIN32(ERROR_INVALID_DATA));
	server_free(server);
}
END_TEST

/* ---- the engine ---- */

static void user_restores_without_map(void)
{
	static const char *const none[] = {NULL};
	struct restore *r = prepare();

	must(register_through_file(r, none), STATUS_OK, "register");
	must(restore_complete(r, STATUS_OK), STATUS_OK, "complete");
	restore_end(r);
}

START_TEST(replaying_reads_with_the_makers_rights)
{
	as_user(USER, user_restores_without_map);
	give("newcerts/02.pem", 0);
	ck_assert_int_eq(chmod(store_path(store, "newcerts/02.pem"), 0600), 0);
	ck_assert_int_eq(store_recover(), hrDatabaseCorrupted);
	ck_assert_ptr_nonnull(strstr(status_pending(), "cannot be read"));
	give("newcerts/02.pem", USER);
	ck_assert_int_eq(store_recover(), STATUS_OK);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("restores of root in a user's store");
	TCase *tests = tcase_create("owner");

	if (geteuid() != 0) {
		printf("skipped: only root can become other users\n");
		return SKIPPED;
	}
	tcase_add_checked_fixture(tests, user_store_setup, user_store_teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, roots_recovery_does_not_follow_the_owners_link);
	tcase_add_test(tests, nor_for_files_that_are_not_restored);
	tcase_add_test(tests, nor_for_a_database_by_name);
	tcase_add_test(
		tests, roots_registration_does_not_clean_up_behind_the_owners_link);
	tcase_add_test(tests, roots_live_handle_holds_the_owner_off);
	tcase_add_test(tests, cancelling_as_root_gives_up_roots_and_the_owners);
	tcase_add_test(tests, a_forged_directory_of_roots_is_not_handed_over);
	tcase_add_test(
		tests, a_forged_begin_of_recovery_does_not_keep_root_from_cancelling);
	tcase_add_test(tests, a_file_of_roots_is_no_registration_of_roots);
	tcase_add_test(tests, replaying_reads_with_the_makers_rights);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
