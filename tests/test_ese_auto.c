/* ESE stores whose engine and directories the configuration does not name: logs are beside
 * the database all the same. Each test twice: the database by its name, and by a glob. */
#include <unistd.h>

#include "ese_site_logs.h"

static const char *const databases[] = {"a.edb", NULL};

static char *full;

static void set_up_auto(void)
{
	set_up();
	full = ese_site_directory(site, "full");
}

static void tear_down_auto(void)
{
	free(full);
	tear_down();
}

/* LINES of [store] besides. */
static void configure(int glob, const char *lines)
{
	char text[8192];

	(void)snprintf(text, sizeof(text), "engine = auto\ndatabase = %s\n%s",
		ese_site_path(site, glob ? "*.edb" : "a.edb"), lines);
	ese_site_configure(site, text);
}

static void expect_directories(
	const char *engine, const char *log_dir, const char *system_dir)
{
	struct backupapi_server_info *info;

	ck_assert_msg(backupapi_server_status(NULL, &info) == S_OK, "%s",
		backupapi_error_detail());
	ck_assert_str_eq(info->engine, engine);
	ck_assert_str_eq(info->log_dir, log_dir);
	ck_assert_str_eq(info->system_dir, system_dir);
	backupapi_free(info);
}

static const char *state(const char *name)
{
	static char path[2][4096];
	static unsigned next;
	char *text = path[next++ % 2];

	(void)snprintf(text, sizeof(path[0]), "%s/%s", site->state, name);
	return text;
}

/* A full set with the logs 5 to 7, of which the last is not complete. */
static void make_set(int glob)
{
	configure(glob, "");
	ese_site_logs(site, 4, 7);
	ese_back_up(false, ESE_FULL, false, full);
}

static void restore(void)
{
	void *handle = ese_restore_begin();

	ese_restore_full(site, handle, full, databases, 5, 7);
	ck_assert_msg(
		ese_restore_recover(handle) == S_OK, "%s", backupapi_error_detail());
}

static void lose_logs(void)
{
	remove_file("edb00004.log");
	remove_file("edb00005.log");
	remove_file("edb00006.log");
	remove_file("edb.log");
}

static void expect_restored(void)
{
	ck_assert(there("a.edb") && there("edb.log"));
	ck_assert(there("edb00005.log") && there("edb00006.log"));
	ck_assert(!there("edb00007.log") && !there("edb00004.log"));
	ck_assert(!support_exists(state("logs")));
	ck_assert(!support_exists(state("system")));
	expect_directories("ese", site->data, site->data);
	ese_back_up(false, ESE_FULL, false, NULL);
}

START_TEST(a_dirty_database_is_saved_with_the_logs_beside_it)
{
	configure(_i, "");
	ese_site_logs(site, 4, 7);
	ck_assert_str_eq(
		listed(false, ESE_FULL), "edb00005.log edb00006.log edb00007.log.part");
	ck_assert_str_eq(
		listed(true, ESE_FULL), "edb00005.log edb00006.log edb00007.log.part");
	ese_back_up(_i, ESE_FULL, false, NULL);
}
END_TEST

START_TEST(a_clean_database_has_incremental_backups)
{
	ese_site_database(site, "a.edb", 0, 0);
	ese_site_consistent_at(site, "a.edb", 4096, 6);
	configure(_i, "");
	ese_site_logs(site, 4, 7);
	ese_back_up(false, ESE_FULL, false, NULL);
	remove_file("edb.log");
	ese_site_logs(site, 4, 8);
	ck_assert_str_eq(
		listed(false, ESE_INCREMENTAL), "edb00007.log edb00008.log.part");
	ese_back_up(false, ESE_INCREMENTAL, false, NULL);
}
END_TEST

START_TEST(logs_below_the_checkpoint_are_truncated)
{
	configure(_i, "");
	ese_site_logs(site, 3, 7);
	ese_store_write_checkpoint(ese_site_path(site, "edb.chk"), 5, ESE_SITE_SIGNATURE);
	ese_back_up(false, ESE_FULL, true, NULL);
	ck_assert(!there("edb00003.log") && !there("edb00004.log"));
	ck_assert(there("edb00005.log"));
}
END_TEST

START_TEST(what_the_configuration_names_counts)
{
	char lines[4200];
	char *logs = ese_site_directory(site, "elsewhere");

	configure(_i, "");
	expect_directories("ese", site->data, site->data);
	(void)snprintf(lines, sizeof(lines), "log_dir = %s\n", logs);
	configure(_i, lines);
	expect_directories("ese", logs, site->data);
	(void)snprintf(lines, sizeof(lines), "system_dir = %s\n", logs);
	configure(_i, lines);
	expect_directories("ese", site->data, logs);
	free(logs);
}
END_TEST

START_TEST(what_windows_would_mix_in_is_put_aside)
{
	make_set(_i);
	ese_store_write_checkpoint(ese_site_path(site, "edb.chk"), 3, ESE_SITE_SIGNATURE);
	support_write(ese_site_path(site, "edbtmp.log"), "being prepared\n");
	support_write(ese_site_path(site, "edb00020.log"), "of another time\n");
	restore();
	ck_assert(ese_site_was_replaced(site, "edb.chk"));
	ck_assert(ese_site_was_replaced(site, "edbtmp.log"));
	ck_assert(ese_site_was_replaced(site, "edb00020.log"));
	ck_assert(ese_site_was_replaced(site, "edb00004.log"));
	ck_assert(!there("edb.chk") && !there("edbtmp.log") && !there("edb00020.log"));
	expect_restored();
}
END_TEST

START_TEST(a_lost_database_goes_back_to_its_logs)
{
	make_set(_i);
	remove_file("a.edb");
	ese_store_write_checkpoint(ese_site_path(site, "edb.chk"), 3, ESE_SITE_SIGNATURE);
	expect_directories("ese", site->data, site->data);
	restore();
	ck_assert(ese_site_was_replaced(site, "edb.chk"));
	ck_assert(ese_site_was_replaced(site, "edb00004.log"));
	expect_restored();
}
END_TEST

START_TEST(a_checkpoint_alone_tells_what_was_lost)
{
	make_set(_i);
	remove_file("a.edb");
	lose_logs();
	ese_store_write_checkpoint(ese_site_path(site, "edb.chk"), 3, ESE_SITE_SIGNATURE);
	expect_directories("ese", site->data, site->data);
	restore();
	ck_assert(ese_site_was_replaced(site, "edb.chk"));
	expect_restored();
}
END_TEST

/* A restore tool repeats the directories that it was told of. */
static void restore_with_listed_directories(void)
{
	struct backupapi_server_info *info;
	CSEDB_RSTMAPW map;
	WCHAR *names[4];
	void *handle;

	ck_assert_int_eq(backupapi_server_status(NULL, &info), S_OK);
	handle = ese_restore_begin();
	GIVES(names[0], backupapi_name_from_path("ca01", info->system_dir));
	GIVES(names[1], backupapi_name_from_path("ca01", info->log_dir));
	GIVES(names[2], backupapi_name_from_path("ca01", ese_site_path(site, "a.edb")));
	GIVES(names[3], backupapi_name_from_path("ca01", full));
	map.pwszDatabaseName = map.pwszNewDatabaseName = names[2];
	WORKS(CertSrvRestoreRegisterW(
		handle, names[0], names[1], &map, 1, names[3], 5, 7));
	ese_restore_stage(full, ese_site_path(site, "a.edb"));
	ck_assert_msg(
		ese_restore_recover(handle) == S_OK, "%s", backupapi_error_detail());
	for (size_t i = 0; i < 4; i++)
		backupapi_free(names[i]);
	backupapi_free(info);
}

START_TEST(where_all_is_lost_the_restored_database_tells)
{
	make_set(_i);
	remove_file("a.edb");
	lose_logs();
	expect_directories("flat", state("logs"), state("system"));
	restore_with_listed_directories();
	expect_restored();
}
END_TEST

START_TEST(files_that_are_only_called_like_logs_say_nothing)
{
	configure(_i, "");
	remove_file("a.edb");
	support_write(ese_site_path(site, "app.log"), "started\n");
	support_write(ese_site_path(site, "app20260.log"), "stopped\n");
	support_write(ese_site_path(site, "app.chk"), "");
	expect_directories("flat", state("logs"), state("system"));
	support_write(ese_site_path(site, "a.edb"), "flat\n");
	ese_site_logs(site, 4, 7);
	expect_directories("flat", state("logs"), state("system"));
}
END_TEST

/* ---- a header that is damaged ---- */

static void clear_first_header(uint32_t page_size)
{
	size_t size;
	uint8_t *data = ese_store_read(ese_site_path(site, "a.edb"), &size);

	memset(data, 0, page_size);
	ese_store_write(ese_site_path(site, "a.edb"), data, size);
	free(data);
}

START_TEST(the_second_header_tells_too)
{
	const struct ese_store_database database = {
		.page_size = UINT32_C(2048) << _i,
		.pages = 5,
		.state = 3,
		.signature = 11,
		.log_signature = ESE_SITE_SIGNATURE,
		.seed = 1,
	};
	struct ese_session session;
	struct names names;
	uint8_t *data;
	size_t size;

	configure(0, "");
	ese_store_write_database(ese_site_path(site, "a.edb"), &database);
	clear_first_header(database.page_size);
	expect_directories("ese", site->data, site->data);
	WORKS(ese_begin(false, ESE_FULL, &session));
	names = ese_databases(&session);
	FAILS(ese_fetch(&session, names.items[0], 65536, &data, &size),
		hrReadVerifyFailure);
	ck_assert_uint_eq(size, 0);
	free(data);
	names_free(&names);
	ese_end(&session);
}
END_TEST

START_TEST(what_only_looks_like_a_second_header_is_none)
{
	configure(0, "");
	clear_first_header(4096);
	ese_site_damage(site, "a.edb", 4096 + 2000, 1);
	expect_directories("flat", state("logs"), state("system"));
	ese_back_up(false, ESE_FULL, false, NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ese_auto");
	TCase *places = tcase_create("places"), *headers = tcase_create("headers");

	tcase_add_checked_fixture(places, set_up_auto, tear_down_auto);
	tcase_add_loop_test(
		places, a_dirty_database_is_saved_with_the_logs_beside_it, 0, 2);
	tcase_add_loop_test(places, a_clean_database_has_incremental_backups, 0, 2);
	tcase_add_loop_test(places, logs_below_the_checkpoint_are_truncated, 0, 2);
	tcase_add_loop_test(places, what_the_configuration_names_counts, 0, 2);
	tcase_add_loop_test(places, what_windows_would_mix_in_is_put_aside, 0, 2);
	tcase_add_loop_test(places, a_lost_database_goes_back_to_its_logs, 0, 2);
	tcase_add_loop_test(places, a_checkpoint_alone_tells_what_was_lost, 0, 2);
	tcase_add_loop_test(places, where_all_is_lost_the_restored_database_tells, 0, 2);
	tcase_add_loop_test(
		places, files_that_are_only_called_like_logs_say_nothing, 0, 2);
	suite_add_tcase(suite, places);

	tcase_add_checked_fixture(headers, set_up_auto, tear_down_auto);
	tcase_add_loop_test(headers, the_second_header_tells_too, 0, 5);
	tcase_add_test(headers, what_only_looks_like_a_second_header_is_none);
	suite_add_tcase(suite, headers);
	return support_run(suite);
}
