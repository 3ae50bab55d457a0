/* Recovery of a store that is a directory with logs. */
#include "session/recover.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recover_logs.h"

START_TEST(a_chain_of_sets_is_replayed_and_the_rest_put_aside)
{
	support_write(store_path(store, "stray.db"), "not in the set\n");
	support_write(store_path(store, "__db.001"), "region\n");
	support_write(store_path(store, "guardian"), "clean\n");
	support_write(store_path(store, "notes.txt"), "a tool's own\n");
	restore_both_sets();
	expect_recovered(ALL_CHANGES);
	store_expect(store, "log.3", "log A 3\nA3.1\nA3.2\nA3.3\nend\n");
	store_expect(store, "log.4", "log A 4\nA4.1\nA4.2\nA4.3\nend\n");
	store_expect(store, "log.5", "log A 5\nA5.1\nA5.2\nrecovered\n");
	ck_assert(store_was_replaced(store, "log.3", "log A 3\nold\n"));
	ck_assert(store_was_replaced(store, "stray.db", "not in the set\n"));
	ck_assert(store_was_replaced(store, "__db.001", "region\n"));
	ck_assert(store_was_replaced(store, "guardian", "clean\n"));
	store_expect(store, "notes.txt", "a tool's own\n");
	ck_assert_uint_eq(log_replay.low, 3);
	ck_assert_uint_eq(log_replay.high, 5);
	ck_assert_str_eq(log_replay.home, store->data);
	ck_assert_uint_eq(log_replay.databases, 2);
	ck_assert(store_history().certsrv.needs_full && store_history().ds.needs_full);
	ck_assert(support_exists(incr)); /* the caller's */
}
END_TEST

START_TEST(sets_may_be_registered_in_any_order_after_the_full_one)
{
	struct restore *r = begin_restore();
	char *last = make_set(store->dir, "last");

	put_log(last, 'A', 5);
	put_part(last, 'A', 6, 1);
	stage_databases();
	ck_assert_int_eq(register_full_to(r, NULL, NULL, 3, 4), STATUS_OK);
	ck_assert_int_eq(
		register_logs(r, _i ? incr : last, _i ? 4 : 5, _i ? 5 : 6), STATUS_OK);
	ck_assert_int_eq(
		register_logs(r, _i ? last : incr, _i ? 5 : 4, _i ? 6 : 5), STATUS_OK);
	complete(r);
	expect_recovered("A3.1 A3.2 A3.3 A4.1 A4.2 A4.3 A5.1 A5.2 A5.3 A6.1 ");
	free(last);
}
END_TEST

START_TEST(what_lies_in_the_log_directory_rolls_forward)
{
	put_log(store->data, 'A', 3);
	put_log(store->data, 'A', 4);
	put_log(store->data, 'A', 5);
	put_log(store->data, 'A', 6);
	put_unfinished(store->data, 'A', 7, 2);
	put_log(store->data, 'A', 9);
	restore_both_sets();
	expect_recovered(ALL_CHANGES "A5.3 A6.1 A6.2 A6.3 A7.1 A7.2 ");
	ck_assert_uint_eq(log_replay.high, 7);
	ck_assert(!support_exists(store_path(store, "log.9")));
	ck_assert(store_was_replaced(store, "log.9", NULL));
	/* what replay wrote to is a copy */
	ck_assert(store_was_replaced(store, "log.7", "log A 7\nA7.1\nA7.2\n"));
	ck_assert(!store_was_replaced(store, "log.6", NULL));
}
END_TEST

START_TEST(a_missing_set_can_be_supplied_later)
{
	char *last = make_set(store->dir, "last");
	struct restore *r = begin_restore();
	struct registration *reg;

	put_log(last, 'A', 6);
	ck_assert_int_eq(register_full_to(r, NULL, NULL, 3, 4), STATUS_OK);
	stage_databases();
	ck_assert_int_eq(register_logs(r, last, 6, 6), STATUS_OK);
	complete(r);
	ck_assert_int_eq(store_recover(), hrMissingRestoreLogFiles);
	ck_assert(store_pending());
	ck_assert_int_eq(store_state(), SERVICE_STOPPED);
	store_expect(store, "id.db", "old id\n");
	store_expect(store, "log.3", "log A 3\nold\n");
	ck_assert(!store_was_replaced(store, "id.db", NULL));

	r = store_restore(FAMILY_CERTSRV);
	put_log(incr, 'A', 5);
	ck_assert_int_eq(register_logs(r, incr, 4, 5), STATUS_OK);
	reg = store_registration();
	ck_assert_int_eq(reg->state, REGISTRATION_OPEN);
	registration_free(reg);
	ck_assert_int_eq(store_recover(), hrRestoreInProgress);
	complete(r);
	expect_recovered(ALL_CHANGES "A5.3 A6.1 A6.2 A6.3 ");
	free(last);
}
END_TEST

START_TEST(a_set_without_logs_is_of_no_moment)
{
	struct restore *r = begin_restore();

	stage_databases();
	ck_assert_int_eq(register_full_to(r, NULL, NULL, 0, 0), STATUS_OK);
	complete(r);
	ck_assert_int_eq(store_recover(), hrMissingRestoreLogFiles);
	store_expect(store, "id.db", "old id\n");
	ck_assert(store_pending());
}
END_TEST

START_TEST(an_engine_that_sees_for_itself_is_asked)
{
	struct restore *r;

	log_engine.engine = &log_engine_of_files;
	r = begin_restore();
	stage_databases();
	ck_assert_int_eq(register_full_to(r, NULL, NULL, 0, 0), STATUS_OK);
	complete(r);
	expect_recovered("");
	ck_assert_uint_eq(log_replay.low, 0);
	ck_assert_str_eq(log_replay.home, "");
	ck_assert(store_was_replaced(store, "log.3", "log A 3\nold\n"));
}
END_TEST

/* ---- places ---- */

static void stage_in(const char *home)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/sub", home);
	ck_assert_int_eq(mkdir(home, 0700), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/id.db", home);
	support_write(path, "new id\n");
	(void)snprintf(path, sizeof(path), "%s/sub/entries.db", home);
	support_write(path, "new entries\n");
}

START_TEST(a_new_home_leaves_the_old_one_alone)
{
	char *home = support_path(store->dir, "home");
	char *log = support_path(home, "log.4");
	struct restore *r = begin_restore();
	char *text;

	support_write(store_path(store, "stray.db"), "not in the set\n");
	support_write(store_path(store, "__db.001"), "region\n");
	ck_assert_int_eq(register_full_to(r, home, NULL, 3, 4), STATUS_OK);
	stage_in(home);
	complete(r);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	ck_assert_str_eq(log_replay.changes, FULL_CHANGES);
	ck_assert_str_eq(log_replay.home, home);
	text = support_read(log);
	ck_assert_str_eq(text, "log A 4\nA4.1\nrecovered\n");
	store_expect(store, "id.db", "old id\n");
	store_expect(store, "stray.db", "not in the set\n");
	store_expect(store, "__db.001", "region\n");
	store_expect(store, "log.3", "log A 3\nold\n");
	free(text);
	free(log);
	free(home);
}
END_TEST

START_TEST(logs_go_where_they_were_registered_for)
{
	char *logs = support_path(store->dir, "txn");
	char *log = support_path(logs, "log.4");
	struct restore *r = begin_restore();
	struct stat st;

	stage_databases();
	ck_assert_int_eq(register_full_to(r, NULL, logs, 3, 4), STATUS_OK);
	complete(r);
	expect_recovered(FULL_CHANGES);
	ck_assert(support_exists(log));
	ck_assert_int_eq(stat(logs, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	store_expect(
		store, "log.3", "log A 3\nold\n"); /* not the log directory any more */
	free(log);
	free(logs);
}
END_TEST

START_TEST(a_map_that_renames_is_refused_at_once)
{
	const char *old_name = store_path(store, "id.db");
	const char *new_name = store_path(store, "other.db");
	const struct restore_request q = {.map_given = true,
		.old_names = &old_name,
		.new_names = &new_name,
		.map_count = 1,
		.backup_log_path = full,
		.low = 3,
		.high = 4};
	struct restore *r = begin_restore();

	ck_assert_int_eq(restore_register(r, &q), STATUS_WIN32(ERROR_INVALID_PARAMETER));
	ck_assert(!store_pending());
	restore_end(r);
}
END_TEST

START_TEST(the_home_itself_in_a_map_is_no_file)
{
	const char *names[] = {store->data, store_path(store, "id.db")};
	const struct restore_request q = {.map_given = true,
		.old_names = names,
		.new_names = names,
		.map_count = 2,
		.backup_log_path = full,
		.low = 3,
		.high = 4};
	struct restore *r = begin_restore();
	struct registration *reg;

	ck_assert_int_eq(restore_register(r, &q), STATUS_OK);
	reg = store_registration();
	ck_assert_uint_eq(reg->target_count, 1);
	registration_free(reg);
	restore_end(r);
}
END_TEST

/* ---- staged logs ---- */

/* Moves the full set's logs to a directory of a tool's below DIR. */
static char *stage_logs(const char *dir)
{
	char *staging = support_path(dir, STAGING_DIR), *staged;
	char command[9000];

	ck_assert(mkdir(staging, 0700) == 0 || errno == EEXIST);
	staged = support_path(staging, "logs");
	(void)snprintf(command, sizeof(command), "cp -r '%s' '%s'", full, staged);
	ck_assert_int_eq(system(command), 0);
	free(staging);
	return staged;
}

START_TEST(logs_that_a_tool_has_staged_go_once_all_is_done)
{
	struct restore *r = begin_restore();
	char *caller = full;

	full = stage_logs(store->data);
	ck_assert_int_eq(register_full_to(r, NULL, NULL, 3, 4), STATUS_OK);
	stage_databases();
	complete(r);
	log_replay.result = hrDatabaseCorrupted;
	ck_assert_int_eq(store_recover(), hrDatabaseCorrupted);
	ck_assert(support_exists(full));
	log_replay.result = STATUS_OK;
	expect_recovered(FULL_CHANGES); /* the staging directory is gone, too */
	free(full);
	full = caller;
}
END_TEST

START_TEST(what_else_is_in_that_directory_stays)
{
	struct restore *r = begin_restore();
	char *caller = full, *more;

	full = stage_logs(store->dir);
	more = support_path(full, "more");
	ck_assert_int_eq(mkdir(more, 0700), 0);
	ck_assert_int_eq(register_full_to(r, NULL, NULL, 3, 4), STATUS_OK);
	stage_databases();
	complete(r);
	expect_recovered(FULL_CHANGES);
	ck_assert(support_exists(more));
	free(more);
	free(full);
	full = caller;
}
END_TEST

START_TEST(older_staged_logs_are_not_taken_for_the_new_sets)
{
	char *caller = full, *old;
	struct restore *r;

	full = stage_logs(store->dir);
	old = support_path(full, "log.9");
	support_write(old, "of another restore\n");
	r = begin_restore();
	ck_assert_int_eq(register_full_to(r, NULL, NULL, 3, 4), STATUS_OK);
	ck_assert(!support_exists(old));
	ck_assert(support_exists(full)); /* the tool may be about to fill it */
	restore_end(r);
	free(old);
	free(full);
	full = caller;
}
END_TEST

START_TEST(recoverys_own_staging_directory_is_no_place_for_a_set)
{
	char *staging = support_path(store->data, STAGING_DIR);
	struct restore *r = begin_restore();

	ck_assert_int_eq(register_full_to(r, NULL, NULL, 3, 4), STATUS_OK);
	ck_assert_int_eq(
		register_logs(r, staging, 4, 5), STATUS_WIN32(ERROR_INVALID_PARAMETER));
	restore_end(r);
	free(staging);
}
END_TEST

/* ---- a run that fails ---- */

START_TEST(a_failed_replay_is_taken_up_again)
{
	log_replay.result = hrDatabaseCorrupted;
	log_replay.makes_log = true;
	restore_both_sets();
	ck_assert_int_eq(store_recover(), hrDatabaseCorrupted);
	ck_assert(store_pending());
	ck_assert_int_eq(store_state(), SERVICE_STOPPED);
	support_write(store_path(store, "__db.001"), "left by replay\n");
	log_replay.result = STATUS_OK;
	expect_recovered(ALL_CHANGES);
	store_expect(store, "log.6", "log A 6\n"); /* replay's own is no stray */
	ck_assert(!support_exists(store_path(store, "__db.001")));
}
END_TEST

START_TEST(no_set_can_be_added_once_files_were_moved)
{
	struct restore *r;

	log_replay.result = hrDatabaseCorrupted;
	restore_both_sets();
	ck_assert_int_eq(store_recover(), hrDatabaseCorrupted);
	r = store_restore(FAMILY_CERTSRV);
	ck_assert_int_eq(register_logs(r, incr, 6, 6), STATUS_WIN32(ERROR_INVALID_STATE));
	restore_end(r);
	log_replay.result = STATUS_OK;
	expect_recovered(ALL_CHANGES);
}
END_TEST

START_TEST(a_new_full_set_can_replace_the_failed_one)
{
	struct restore *r;

	log_replay.result = hrDatabaseCorrupted;
	restore_both_sets();
	ck_assert_int_eq(store_recover(), hrDatabaseCorrupted);
	log_replay.result = STATUS_OK;
	r = store_restore(FAMILY_CERTSRV);
	ck_assert_int_eq(register_full_to(r, NULL, NULL, 3, 4), STATUS_OK);
	stage_databases();
	complete(r);
	expect_recovered(ALL_CHANGES); /* the logs of the first one roll forward */
}
END_TEST

/* What the first one half restored is no state for a service, and its staged files, which
 * would tell old from new, are gone. */
START_TEST(there_is_no_way_back_from_there_to_a_half_restored_state)
{
	struct server *server = store_server();
	struct registration *reg;
	struct restore *r;

	log_replay.result = hrDatabaseCorrupted;
	restore_both_sets();
	ck_assert_int_eq(store_recover(), hrDatabaseCorrupted);
	for (int i = 0; i < 3; i++) { /* also from a third one, completed or not */
		r = store_restore(FAMILY_CERTSRV);
		ck_assert_int_eq(register_full_to(r, NULL, NULL, 3, 4), STATUS_OK);
		stage_databases();
		if (i < 2)
			complete(r);
		else
			restore_end(r);
		ck_assert_int_eq(store_recover(),
			i < 2 ? hrDatabaseCorrupted : hrRestoreInProgress);
		reg = store_registration();
		ck_assert_uint_eq(reg->former.count, (size_t)i + 1);
		registration_free(reg);
		ck_assert_int_eq(
			restore_cancel(server), STATUS_WIN32(ERROR_INVALID_STATE));
		ck_assert_ptr_nonnull(strstr(status_pending(), "/replaced-"));
		ck_assert(store_pending());
		ck_assert_int_eq(store_recover(), hrRestoreInProgress);
		ck_assert_ptr_nonnull(strstr(status_pending(), "ERROR_CANCELLED"));
	}
	log_replay.result = STATUS_OK;
	restore_both_sets();
	expect_recovered(ALL_CHANGES);
	server_free(server);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("recovery with logs");
	TCase *t = tcase_create("recovery with logs");

	tcase_add_checked_fixture(t, setup_logs, teardown_logs);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_chain_of_sets_is_replayed_and_the_rest_put_aside);
	tcase_add_loop_test(
		t, sets_may_be_registered_in_any_order_after_the_full_one, 0, 2);
	tcase_add_test(t, what_lies_in_the_log_directory_rolls_forward);
	tcase_add_test(t, a_missing_set_can_be_supplied_later);
	tcase_add_test(t, a_set_without_logs_is_of_no_moment);
	tcase_add_test(t, an_engine_that_sees_for_itself_is_asked);
	tcase_add_test(t, a_new_home_leaves_the_old_one_alone);
	tcase_add_test(t, logs_go_where_they_were_registered_for);
	tcase_add_test(t, a_map_that_renames_is_refused_at_once);
	tcase_add_test(t, the_home_itself_in_a_map_is_no_file);
	tcase_add_test(t, logs_that_a_tool_has_staged_go_once_all_is_done);
	tcase_add_test(t, what_else_is_in_that_directory_stays);
	tcase_add_test(t, older_staged_logs_are_not_taken_for_the_new_sets);
	tcase_add_test(t, recoverys_own_staging_directory_is_no_place_for_a_set);
	tcase_add_test(t, a_failed_replay_is_taken_up_again);
	tcase_add_test(t, no_set_can_be_added_once_files_were_moved);
	tcase_add_test(t, a_new_full_set_can_replace_the_failed_one);
	tcase_add_test(t, there_is_no_way_back_from_there_to_a_half_restored_state);
	suite_add_tcase(suite, t);
	return support_run(suite);
}
