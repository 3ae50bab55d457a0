/* Where recovery puts a store that is a directory, and when it does not take it for one. */
#include "session/recover.h"

#include <unistd.h>

#include "recover_logs.h"

/* ---- a default that hangs on what is in the directory ---- */

static void have_engine_found(void)
{
	char text[4400], *file = support_path(store->conf, STORE_NAME ".conf");

	(void)snprintf(text, sizeof(text),
		"[server]\nname = %s\nfamily = certsrv\nfamily = ds\nstate_dir = %s\n"
		"[store]\ndatabase = %s\n",
		STORE_NAME, store->state, store->data);
	support_write(file, text);
	free(file);
}

static char *default_log_dir(void)
{
	struct server *server = store_server();
	char *dir = strdup(server->store.log_dir);

	server_free(server);
	return dir;
}

/* A log path as a tool gives it that was told of it ahead of the restore. */
static void restore_with_default_logs(void)
{
	char *logs = default_log_dir();
	struct restore *r = begin_restore();

	ck_assert_str_ne(logs, store->data);
	ck_assert_int_eq(register_full_to(r, NULL, logs, 3, 4), STATUS_OK);
	stage_databases();
	complete(r);
	free(logs);
}

/* Makes the directory an environment, the default of whose logs is another one. */
static void make_environment(void)
{
	char *logs;

	support_write(store_path(store, "DB_CONFIG"), "set_cachesize 0 8388608 1\n");
	logs = default_log_dir();
	ck_assert_str_eq(logs, store->data);
	free(logs);
}

static void expect_logs_at_home(void)
{
	expect_recovered(FULL_CHANGES);
	ck_assert_str_eq(log_replay.log_dir, store->data);
	store_expect(store, "log.4", "log A 4\nA4.1\nrecovered\n");
}

START_TEST(a_second_run_replays_where_the_first_one_put_the_logs)
{
	have_engine_found();
	restore_with_default_logs();
	log_replay.result = hrDatabaseCorrupted;
	ck_assert_int_eq(store_recover(), hrDatabaseCorrupted);
	make_environment();
	log_replay.result = STATUS_OK;
	expect_logs_at_home();
}
END_TEST

START_TEST(a_file_that_a_tool_copies_there_changes_nothing)
{
	have_engine_found();
	restore_with_default_logs();
	make_environment();
	expect_logs_at_home();
}
END_TEST

START_TEST(nor_does_it_for_the_way_back)
{
	struct server *server;

	have_engine_found();
	restore_with_default_logs();
	log_replay.result = hrDatabaseCorrupted;
	ck_assert_int_eq(store_recover(), hrDatabaseCorrupted);
	make_environment();
	server = store_server();
	ck_assert_int_eq(restore_cancel(server), STATUS_OK);
	server_free(server);
	store_expect(store, "id.db", "old id\n");
	store_expect(store, "log.3", "log A 3\nold\n");
	ck_assert(!support_exists(store_path(store, "log.4")));
}
END_TEST

/* ---- no directory ---- */

START_TEST(a_file_where_the_engine_takes_a_directory_is_refused)
{
	const char *path;
	struct restore_request q = {.map_given = true,
		.old_names = &path,
		.new_names = &path,
		.map_count = 1,
		.backup_log_path = full,
		.low = 3,
		.high = 4};
	struct restore *r;

	free(store->data);
	store->data = support_path(store->dir, "data/x.mdb");
	have_engine_found();
	path = store->data;
	if (_i)
		support_write(path, "old\n");
	r = begin_restore();
	ck_assert_int_eq(restore_register(r, &q), STATUS_OK);
	free(store->data);
	store->data = support_path(store->dir, "data");
	store_stage(store, "x.mdb", "new\n");
	complete(r);
	ck_assert_int_eq(store_recover(), STATUS_WIN32(ERROR_BAD_CONFIGURATION));
	ck_assert_ptr_nonnull(strstr(status_pending(), "data/x.mdb: engine "));
	ck_assert_ptr_nonnull(strstr(status_pending(), "takes the environment's dir"));
	ck_assert(store_pending());
	store_expect(store, "id.db", "old id\n");
	store_expect(store, "log.3", "log A 3\nold\n");
}
END_TEST

START_TEST(nothing_at_all_is_not_called_restored)
{
	struct restore *r = begin_restore();
	const struct restore_request q = {
		.map_given = true, .backup_log_path = full, .low = 3, .high = 4};

	ck_assert_int_eq(restore_register(r, &q), STATUS_OK);
	complete(r);
	ck_assert_int_eq(unlink(store_path(store, "id.db")), 0);
	ck_assert_int_eq(unlink(store_path(store, "sub/entries.db")), 0);
	ck_assert_int_eq(store_recover(), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert(store_pending());
	store_expect(store, "log.3", "log A 3\nold\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("home of a recovery");
	TCase *t = tcase_create("home of a recovery");

	tcase_add_checked_fixture(t, setup_logs, teardown_logs);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_second_run_replays_where_the_first_one_put_the_logs);
	tcase_add_test(t, a_file_that_a_tool_copies_there_changes_nothing);
	tcase_add_test(t, nor_does_it_for_the_way_back);
	tcase_add_loop_test(
		t, a_file_where_the_engine_takes_a_directory_is_refused, 0, 2);
	tcase_add_test(t, nothing_at_all_is_not_called_restored);
	suite_add_tcase(suite, t);
	return support_run(suite);
}
