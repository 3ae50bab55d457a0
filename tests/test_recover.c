/* Recovery of plain files; test_recover_sqlite.c has what only a database shows, and the
 * fault tests die at every step of it. */
#include "session/recover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "session/staging.h"
#include "store.h"
#include "support.h"

static struct store *store;

static const char *const whole[] = {
	"index.txt", "newcerts/01.pem", "newcerts/02.pem", "serial", NULL};
static const char *const new_contents[] = {
	"V\t351231235959Z\t\t02\tunknown\t/CN=two\n", "new one\n", "new two\n", "03\n"};

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

/* What recovery put aside so far: "" for nothing. */
static const char *replaced_name(void)
{
	static char name[256];
	struct server *server = store_server();
	struct registration *r;

	ck_assert_int_eq(registration_load(server, &r), STATUS_OK);
	(void)snprintf(name, sizeof(name), "%s", r && r->replaced ? r->replaced : "");
	registration_free(r);
	server_free(server);
	return name;
}

static void expect_unrecovered(void)
{
	ck_assert_str_eq(replaced_name(), "");
	ck_assert(store_pending());
	ck_assert_int_eq(store_state(), SERVICE_STOPPED);
	store_expect(store, "serial", "03\n");
	store_expect(store, "newcerts/01.pem", "certificate one\n");
	ck_assert(!store_was_replaced(store, "newcerts/01.pem", NULL));
}

static void expect_recovered(void)
{
	ck_assert(!store_pending());
	ck_assert_int_eq(store_state(), SERVICE_SERVING);
	ck_assert(store_history().certsrv.needs_full);
	ck_assert(!support_exists(store_path(store, STAGING_DIR)));
	ck_assert(!support_exists(store_path(store, "newcerts/" STAGING_DIR)));
}

/* ---- what must be in order ---- */

START_TEST(nothing_registered_is_nothing_to_do)
{
	ck_assert_int_eq(store_recover(), STATUS_OK);
	ck_assert_int_eq(store_state(), SERVICE_SERVING);
	ck_assert(!store_history().certsrv.needs_full);
}
END_TEST

START_TEST(a_restore_that_is_not_completed_waits)
{
	struct restore *r = prepare();

	ck_assert_int_eq(store_register(r, store, whole), STATUS_OK);
	ck_assert_int_eq(
		store_recover(), hrRestoreInProgress); /* the handle holds the store */
	restore_end(r);
	ck_assert_int_eq(store_recover(), hrRestoreInProgress);
	ck_assert_ptr_nonnull(strstr(status_pending(), "not completed"));
	expect_unrecovered();
}
END_TEST

START_TEST(a_running_backup_holds_recovery_off)
{
	struct backup *b;

	ck_assert_int_eq(
		backup_prepare(store_server(), FAMILY_DS, BACKUP_FULL, &b), STATUS_OK);
	store_restored(store, whole, new_contents);
	ck_assert_int_eq(store_recover(), hrBackupInProgress);
	expect_unrecovered();
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	expect_recovered();
}
END_TEST

START_TEST(a_database_neither_staged_nor_there_stops_recovery_before_it_moves_anything)
{
	struct restore *r = prepare();

	ck_assert_int_eq(store_register(r, store, whole), STATUS_OK);
	store_stage(store, "index.txt", new_contents[0]);
	store_stage(store, "newcerts/01.pem", new_contents[1]);
	ck_assert_int_eq(unlink(store_path(store, "newcerts/02.pem")), 0);
	complete(r);
	ck_assert_int_eq(store_recover(), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_ptr_nonnull(strstr(status_pending(), "02.pem"));
	expect_unrecovered();
	store_stage(store, "newcerts/02.pem", new_contents[2]);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	expect_recovered();
}
END_TEST

START_TEST(so_does_a_directory_in_a_databases_place)
{
	struct restore *r = prepare();

	ck_assert_int_eq(store_register(r, store, whole), STATUS_OK);
	store_stage(store, "index.txt", new_contents[0]);
	ck_assert_int_eq(unlink(store_path(store, "index.txt")), 0);
	ck_assert_int_eq(mkdir(store_path(store, "index.txt"), 0700), 0);
	complete(r);
	ck_assert_int_eq(store_recover(), STATUS_WIN32(ERROR_INVALID_DATA));
	ck_assert_ptr_nonnull(strstr(status_pending(), "index.txt"));
	expect_unrecovered();
}
END_TEST

START_TEST(so_does_a_pipe_that_stands_for_a_restored_file)
{
	struct restore *r = prepare();

	ck_assert_int_eq(store_register(r, store, whole), STATUS_OK);
	ck_assert_int_eq(unlink(store_path(store, "index.txt")), 0);
	ck_assert_int_eq(mkfifo(store_path(store, "index.txt"), 0600), 0);
	complete(r);
	ck_assert_int_eq(store_recover(), STATUS_WIN32(ERROR_INVALID_DATA));
	expect_unrecovered();
}
END_TEST

START_TEST(logs_registered_for_a_store_that_keeps_none_are_missing)
{
	const struct restore_request q = {
		.map_given = true, .backup_log_path = "/media/logs", .low = 1, .high = 2};
	struct restore *r = prepare();

	ck_assert_int_eq(restore_register(r, &q), STATUS_OK);
	complete(r);
	ck_assert_int_eq(store_recover(), hrMissingRestoreLogFiles);
	expect_unrecovered();
}
END_TEST

/* ---- what it does ---- */

START_TEST(staged_files_replace_the_old_ones_which_are_kept)
{
	store_restored(store, whole, new_contents);
	store_expect(
		store, "newcerts/01.pem", "certificate one\n"); /* not before recovery */
	ck_assert_int_eq(store_recover(), STATUS_OK);
	expect_recovered();
	for (size_t i = 0; whole[i]; i++) {
		store_expect(store, whole[i], new_contents[i]);
		ck_assert(store_was_replaced(store, whole[i], NULL));
	}
	ck_assert(store_was_replaced(store, "newcerts/01.pem", "certificate one\n"));
	ck_assert(store_was_replaced(store, "newcerts/02.pem", "certificate two\n"));
	ck_assert_int_eq(store_recover(), STATUS_OK); /* nothing is left to do */
}
END_TEST

START_TEST(files_come_with_the_mode_they_were_staged_with)
{
	struct stat st;

	store_restored(store, whole, new_contents);
	ck_assert_int_eq(chmod(store_path(store, STAGING_DIR "/serial"), 0640), 0);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	ck_assert_int_eq(stat(store_path(store, "serial"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
}
END_TEST

START_TEST(files_restored_in_place_stay_and_may_be_mixed_with_staged_ones)
{
	struct restore *r = prepare();

	support_write(store_path(store, "newcerts/01.pem"), "in place\n"); /* before */
	ck_assert_int_eq(store_register(r, store, whole), STATUS_OK);
	support_write(store_path(store, "index.txt"), new_contents[0]); /* and after */
	store_stage(store, "newcerts/02.pem", "staged\n");
	complete(r);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	expect_recovered();
	store_expect(store, "newcerts/01.pem", "in place\n");
	store_expect(store, "newcerts/02.pem", "staged\n");
	store_expect(store, "index.txt", new_contents[0]);
	ck_assert(!store_was_replaced(store, "newcerts/01.pem", NULL));
	ck_assert(!store_was_replaced(store, "index.txt", NULL));
	ck_assert(store_was_replaced(store, "newcerts/02.pem", "certificate two\n"));
}
END_TEST

START_TEST(a_lost_store_comes_back_from_staged_files)
{
	store_restored(store, whole, new_contents);
	for (size_t i = 0; whole[i]; i++)
		ck_assert_int_eq(unlink(store_path(store, whole[i])), 0);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	expect_recovered();
	for (size_t i = 0; whole[i]; i++)
		store_expect(store, whole[i], new_contents[i]);
}
END_TEST

START_TEST(matches_of_a_glob_that_the_set_lacks_are_moved_away)
{
	static const char *const names[] = {
		"index.txt", "newcerts/02.pem", "serial", NULL};
	static const char *const contents[] = {
		"V\t351231235959Z\t\t02\tunknown\t/CN=two\n", "two\n", "03\n"};

	support_write(store_path(store, "newcerts/unrelated"), "no match\n");
	store_restored(store, names, contents);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	expect_recovered();
	ck_assert(!support_exists(store_path(store, "newcerts/01.pem")));
	ck_assert(store_was_replaced(store, "newcerts/01.pem", "certificate one\n"));
	store_expect(store, "newcerts/unrelated", "no match\n");
}
END_TEST

START_TEST(but_not_those_written_since_the_restore_was_prepared)
{
	static const char *const names[] = {"index.txt", "serial", NULL};
	struct restore *r = prepare();

	ck_assert_int_eq(store_register(r, store, names), STATUS_OK);
	support_write(store_path(store, "newcerts/01.pem"), "the caller's\n");
	complete(r);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	store_expect(store, "newcerts/01.pem", "the caller's\n");
	ck_assert(!support_exists(store_path(store, "newcerts/02.pem")));
	ck_assert(store_was_replaced(store, "newcerts/02.pem", "certificate two\n"));
}
END_TEST

START_TEST(without_a_map_all_databases_keep_their_places)
{
	const struct restore_request q = {.map_given = true};
	struct restore *r;

	support_write(store_path(store, "newcerts/01.pem"), "restored before\n");
	r = prepare();
	ck_assert_int_eq(restore_register(r, &q), STATUS_OK);
	complete(r);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	expect_recovered();
	store_expect(store, "newcerts/01.pem", "restored before\n");
	store_expect(store, "newcerts/02.pem", "certificate two\n");
	ck_assert(!store_was_replaced(store, "newcerts/01.pem", NULL));
}
END_TEST

START_TEST(a_map_takes_a_database_to_a_new_place_and_leaves_the_old_one)
{
	const char *from[] = {
		store_path(store, "index.txt"), store_path(store, "serial")};
	const char *to[] = {
		store_path(store, "index.txt"), store_path(store, "moved/serial")};
	const struct restore_request q = {
		.map_given = true, .map_count = 2, .old_names = from, .new_names = to};
	struct restore *r = prepare();

	ck_assert_int_eq(restore_register(r, &q), STATUS_OK);
	store_stage(store, "index.txt", "");
	store_stage(store, "moved/serial", "09\n");
	complete(r);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	store_expect(store, "moved/serial", "09\n");
	store_expect(store, "serial", "03\n");
	ck_assert(!store_was_replaced(store, "serial", NULL));
	ck_assert(!support_exists(store_path(store, "moved/" STAGING_DIR)));
}
END_TEST

START_TEST(state_dir_on_another_file_system_keeps_the_old_files_too)
{
	struct stat here, there;
	struct store elsewhere = *store;

	if (stat("/dev/shm", &there) < 0 || stat(store->data, &here) < 0 ||
		here.st_dev == there.st_dev) {
		printf("skipped: /dev/shm is no other file system\n");
		return;
	}
	ck_assert_int_eq(setenv("TMPDIR", "/dev/shm", 1), 0);
	elsewhere.state = support_tmpdir();
	ck_assert_int_eq(unsetenv("TMPDIR"), 0);
	store_configure(&elsewhere, NULL);
	store_restored(&elsewhere, whole, new_contents);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	store_expect(store, "newcerts/01.pem", "new one\n");
	ck_assert(store_was_replaced(&elsewhere, "newcerts/01.pem", "certificate one\n"));
}
END_TEST

/* ---- afterwards ---- */

START_TEST(a_restored_store_asks_for_a_full_backup)
{
	struct history h;

	store_back_up();
	ck_assert(!store_history().certsrv.needs_full);
	store_restored(store, whole, new_contents);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	h = store_history();
	ck_assert(h.certsrv.full.taken && h.certsrv.needs_full);
	ck_assert_uint_eq(h.certsrv.next_generation, 0);
	store_back_up();
	ck_assert(!store_history().certsrv.needs_full);
}
END_TEST

START_TEST(a_service_is_neither_recovered_under_nor_started_by_recovery)
{
	char *running = support_path(store->dir, "running");
	char extra[9000];

	(void)snprintf(extra, sizeof(extra),
		"[service]\nstart = /bin/touch %s\nstop = /bin/rm -f %s\n"
		"status = /bin/sh -c \"test -e %s || exit 3\"\n",
		running, running, running);
	store_configure(store, extra);
	store_restored(store, whole, new_contents);
	store_control(SERVICE_START);
	ck_assert_int_eq(store_recover(), STATUS_WIN32(ERROR_SERVICE_ALREADY_RUNNING));
	ck_assert_str_eq(replaced_name(), "");
	store_expect(store, "newcerts/01.pem", "certificate one\n");
	store_control(SERVICE_STOP);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	store_expect(store, "newcerts/01.pem", "new one\n");
	ck_assert(!store_pending());
	ck_assert(!support_exists(running));
	free(running);
}
END_TEST

/* A crash between bringing a store without a service online and removing the
 * registration: its users may have changed it since. */
START_TEST(a_store_that_is_online_again_is_left_alone)
{
	struct server *server = store_server();
	struct registration *r;

	store_restored(store, whole, new_contents);
	ck_assert_int_eq(registration_load(server, &r), STATUS_OK);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	r->replaced = strdup("replaced-20260101T000000Z");
	ck_assert_int_eq(registration_save(server, r), STATUS_OK);
	support_write(store_path(store, "newcerts/03.pem"), "issued since\n");
	support_write(store_path(store, "serial"), "04\n");
	ck_assert_int_eq(store_recover(), STATUS_OK);
	expect_recovered();
	store_expect(store, "newcerts/03.pem", "issued since\n");
	store_expect(store, "serial", "04\n");
	registration_free(r);
	server_free(server);
}
END_TEST

static void add_conditions(Suite *suite)
{
	TCase *tests = tcase_create("conditions");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, nothing_registered_is_nothing_to_do);
	tcase_add_test(tests, a_restore_that_is_not_completed_waits);
	tcase_add_test(tests, a_running_backup_holds_recovery_off);
	tcase_add_test(tests,
		a_database_neither_staged_nor_there_stops_recovery_before_it_moves_anything);
	tcase_add_test(tests, so_does_a_directory_in_a_databases_place);
	tcase_add_test(tests, so_does_a_pipe_that_stands_for_a_restored_file);
	tcase_add_test(tests, logs_registered_for_a_store_that_keeps_none_are_missing);
	suite_add_tcase(suite, tests);
}

int main(void)
{
	Suite *suite = suite_create("recovery");
	TCase *tests = tcase_create("recovery");

	add_conditions(suite);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, staged_files_replace_the_old_ones_which_are_kept);
	tcase_add_test(tests, files_come_with_the_mode_they_were_staged_with);
	tcase_add_test(
		tests, files_restored_in_place_stay_and_may_be_mixed_with_staged_ones);
	tcase_add_test(tests, a_lost_store_comes_back_from_staged_files);
	tcase_add_test(tests, matches_of_a_glob_that_the_set_lacks_are_moved_away);
	tcase_add_test(tests, but_not_those_written_since_the_restore_was_prepared);
	tcase_add_test(tests, without_a_map_all_databases_keep_their_places);
	tcase_add_test(
		tests, a_map_takes_a_database_to_a_new_place_and_leaves_the_old_one);
	tcase_add_test(tests, state_dir_on_another_file_system_keeps_the_old_files_too);
	tcase_add_test(tests, a_restored_store_asks_for_a_full_backup);
	tcase_add_test(
		tests, a_service_is_neither_recovered_under_nor_started_by_recovery);
	tcase_add_test(tests, a_store_that_is_online_again_is_left_alone);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
