/* Where a map sends a store that is one directory; the configured one is /srv/db. */
#include "session/home.h"

#include <stdlib.h>
#include <string.h>

#include "log_engine_files.h"
#include "support.h"

#define BAD STATUS_WIN32(ERROR_INVALID_PARAMETER)

static char name[] = "ca01", home[] = "/srv/db", log_dir[] = "/srv/db",
	    other_logs[] = "/logs";
static char inner_logs[] = "/srv/db/txn", region_dir[] = "/dev/shm/x";
static char *databases[] = {home};
static struct server server;
static struct registration *reg;

static const struct engine plain_directory = {
	.name = "plain", .traits = ENGINE_DIRECTORY, .survey = NULL};
static const struct engine of_files = {.name = "files", .traits = ENGINE_LOGS};
static const struct engine by_names = {
	.name = "names", .traits = ENGINE_LOGS | ENGINE_DIRECTORY | ENGINE_LOGGED_NAMES};

static void set_up(void)
{
	server = (struct server){.name = name,
		.store = {.databases = {.items = databases, .count = 1, .capacity = 1},
			.log_dir = log_dir,
			.region_dir = region_dir}};
	reg = registration_new();
	ck_assert_ptr_nonnull(reg);
	reg->maker = 0;
}

static void tear_down(void)
{
	registration_free(reg);
}

struct entry {
	const char *old_path, *new_path;
};

static void map(const struct entry *entries, size_t count)
{
	for (size_t i = 0; i < count && entries[i].old_path; i++)
		ck_assert_int_eq(registration_add_target(
					 reg, entries[i].old_path, entries[i].new_path),
			STATUS_OK);
}

static void expect_home(const struct engine *engine, const char *expected)
{
	char *found = NULL;
	status rc = home_find(&server, engine, reg, &found);

	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
	ck_assert_str_eq(found, expected);
	free(found);
}

static void expect_refused(const struct engine *engine, const char *entry)
{
	char *found = home;

	ck_assert_int_eq(home_find(&server, engine, reg, &found), BAD);
	ck_assert_ptr_null(found);
	ck_assert_msg(strncmp(status_pending(), entry, strlen(entry)) == 0, "%s",
		status_pending());
}

START_TEST(other_engines_have_no_home)
{
	char *found = home;

	ck_assert_int_eq(home_find(&server, &of_files, reg, &found), STATUS_OK);
	ck_assert_ptr_null(found);
}
END_TEST

START_TEST(without_a_map_it_is_the_configured_one)
{
	expect_home(&by_names, "/srv/db");
	expect_home(&plain_directory, "/srv/db");
}
END_TEST

static const struct {
	struct entry entries[3];
	const char *home;
} good[] = {
	/* everything stays */
	{{{"/srv/db/a.db", "/srv/db/a.db"}, {"/srv/db/sub/b.db", "/srv/db/sub/b.db"}},
		"/srv/db"},
	/* only files of a subdirectory: the configured home tells */
	{{{"/srv/db/sub/b.db", "/srv/db/sub/b.db"}}, "/srv/db"},
	{{{"/srv/db/sub/b.db", "/new/sub/b.db"}}, "/new"},
	/* away */
	{{{"/srv/db/a.db", "/new/a.db"}, {"/srv/db/sub/b.db", "/new/sub/b.db"}}, "/new"},
	{{{"/srv/db/a.db", "/srv/db/x/a.db"}}, "/srv/db/x"},
	/* from another machine's place to here */
	{{{"/far/a.db", "/srv/db/a.db"}, {"/far/sub/b.db", "/srv/db/sub/b.db"}},
		"/srv/db"},
	{{{"/far/sub/b.db", "/srv/db/sub/b.db"}}, "/srv/db"},
	/* and from there to a third */
	{{{"/far/db/a.db", "/new/a.db"}, {"/far/db/sub/b.db", "/new/sub/b.db"}}, "/new"},
	{{{"/far/db/x/a.db", "/new/x/a.db"}, {"/far/db/y/b.db", "/new/y/b.db"}}, "/new"},
	/* a common beginning of names is no directory */
	{{{"/far/db1/a.db", "/new/db1/a.db"}, {"/far/db2/a.db", "/new/db2/a.db"}},
		"/new"},
};

START_TEST(a_map_may_move_the_home)
{
	map(good[_i].entries, 3);
	expect_home(&by_names, good[_i].home);
	expect_home(&plain_directory, good[_i].home);
}
END_TEST

static const struct {
	struct entry entries[3];
	const char *entry;
} bad[] = {
	{{{"/srv/db/a.db", "/srv/db/b.db"}}, "/srv/db/b.db: "},
	{{{"/srv/db/a.db", "/new/a.db"}, {"/srv/db/b.db", "/srv/db/b.db"}},
		"/srv/db/b.db: "},
	{{{"/srv/db/a.db", "/new/a.db"}, {"/srv/db/sub/b.db", "/new/b.db"}},
		"/new/b.db: "},
	{{{"/srv/db/a.db", "/new/a.db"}, {"/srv/db/sub/b.db", "/new/sub/c.db"}},
		"/new/sub/c.db: "},
	{{{"/srv/db/a.db", "/new/a.db"}, {"/elsewhere/b.db", "/new/b.db"}},
		"/new/a.db: "},
	{{{"/srv/db/a.db", "/a.db"}}, "/a.db: "},
};

START_TEST(a_map_that_renames_is_refused_with_its_entry)
{
	map(bad[_i].entries, 3);
	expect_refused(&by_names, bad[_i].entry);
}
END_TEST

START_TEST(an_engine_that_does_not_replay_may_rename_but_not_leave_the_directory)
{
	static const struct entry renamed[] = {
		{"/srv/db/a.db", "/new/x.db"}, {"/srv/db/sub/b.db", "/new/y.db"}};
	static const struct entry apart[] = {
		{"/srv/db/a.db", "/new/a.db"}, {"/srv/db/b.db", "/other/b.db"}};

	map(renamed, 2);
	expect_home(&plain_directory, "/new");
	tear_down();
	set_up();
	map(apart, 2);
	expect_refused(&plain_directory, "/other/b.db: ");
}
END_TEST

static const struct {
	struct entry entries[2];
	bool root; /* is even root refused? */
	status code;
} outside[] = {
	/* beside it, above it */
	{{{"/srv/db/a.db", "/new/a.db"}}, false, STATUS_WIN32(ERROR_ACCESS_DENIED)},
	{{{"/srv/db/db/a.db", "/srv/db/a.db"}}, true, BAD},
	{{{"/srv/db/srv/db/a.db", "/srv/db/a.db"}}, true, BAD},
};

START_TEST(a_user_may_not_move_the_home_out_of_the_configured_directory)
{
	const status as_root = outside[_i].root ? outside[_i].code : STATUS_OK;
	char *found = NULL;

	map(outside[_i].entries, 2);
	ck_assert_int_eq(home_find(&server, &by_names, reg, &found), as_root);
	free(found);
	reg->maker = 1234;
	ck_assert_int_eq(home_find(&server, &by_names, reg, &found), outside[_i].code);
	ck_assert_ptr_null(found);
}
END_TEST

START_TEST(but_deeper_into_it)
{
	const struct entry deeper[] = {{"/srv/db/a.db", "/srv/db/x/a.db"}};

	reg->maker = 1234;
	map(deeper, 1);
	expect_home(&by_names, "/srv/db/x");
}
END_TEST

static const struct entry files[] = {
	{"/srv/db", "/srv/db"}, {"/srv/db", "/srv/other"}, {"/srv/other", "/srv/db"}};

START_TEST(a_configured_path_that_is_restored_as_a_file_is_no_home)
{
	char *found = home;

	map(&files[_i], 1);
	ck_assert_int_eq(home_find(&server, &plain_directory, reg, &found),
		STATUS_WIN32(ERROR_BAD_CONFIGURATION));
	ck_assert_ptr_null(found);
	ck_assert_ptr_nonnull(strstr(status_pending(), "/srv/db: engine plain takes"));
}
END_TEST

/* ---- logs ---- */

static void expect_logs(const struct engine *engine, const char *at, const char *expected)
{
	char *found = NULL;
	status rc = home_log_dir(&server, engine, reg, at, &found);

	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
	ck_assert_str_eq(found, expected);
	free(found);
}

START_TEST(the_registered_log_path_wins)
{
	reg->log_path = strdup("/given");
	expect_logs(&by_names, "/new", "/given");
	expect_logs(&of_files, NULL, "/given");
}
END_TEST

START_TEST(one_that_repeats_the_configured_one_says_nothing)
{
	reg->log_path = strdup(log_dir);
	expect_logs(&by_names, "/new", "/new");
	expect_logs(&of_files, NULL, log_dir);
}
END_TEST

START_TEST(logs_move_with_the_home_that_they_are_in)
{
	server.store.log_dir_given = true;
	expect_logs(&by_names, "/new", "/new");
	expect_logs(&by_names, "/srv/db", "/srv/db");
	server.store.log_dir = inner_logs;
	expect_logs(&by_names, "/new", "/new/txn");
	expect_logs(&by_names, "/srv/db", "/srv/db/txn");
}
END_TEST

START_TEST(logs_that_nobody_configured_are_at_home)
{
	server.store.log_dir = other_logs; /* a default, from when everything was lost */
	expect_logs(&by_names, "/srv/db", "/srv/db");
	expect_logs(&by_names, "/new", "/new");
	expect_logs(&plain_directory, "/new", "/logs");
	expect_logs(&of_files, NULL, "/logs");
}
END_TEST

START_TEST(a_new_home_does_not_take_the_old_ones_log_directory)
{
	char *found = home;

	server.store.log_dir = other_logs;
	server.store.log_dir_given = true;
	expect_logs(&by_names, "/srv/db", "/logs");
	ck_assert_int_eq(home_log_dir(&server, &by_names, reg, "/new", &found), BAD);
	ck_assert_ptr_null(found);
	ck_assert_ptr_nonnull(strstr(status_pending(), "/new"));
	expect_logs(&plain_directory, "/new", "/logs");
}
END_TEST

START_TEST(the_store_is_relocated_shallowly)
{
	char new_text[] = "/new", *new_home = new_text, *none = NULL;
	struct store_config moved = home_relocate(&server.store, &new_home, other_logs);

	ck_assert_uint_eq(moved.databases.count, 1);
	ck_assert_ptr_eq(moved.databases.items[0], new_text);
	ck_assert_ptr_eq(moved.log_dir, other_logs);
	ck_assert_ptr_eq(moved.region_dir, region_dir);
	moved = home_relocate(&server.store, &none, log_dir);
	ck_assert_ptr_eq(moved.databases.items, databases);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("home");
	TCase *t = tcase_create("home");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, other_engines_have_no_home);
	tcase_add_test(t, without_a_map_it_is_the_configured_one);
	tcase_add_loop_test(
		t, a_map_may_move_the_home, 0, (int)(sizeof(good) / sizeof(good[0])));
	tcase_add_loop_test(t, a_map_that_renames_is_refused_with_its_entry, 0,
		(int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(
		t, an_engine_that_does_not_replay_may_rename_but_not_leave_the_directory);
	tcase_add_loop_test(t,
		a_user_may_not_move_the_home_out_of_the_configured_directory, 0,
		(int)(sizeof(outside) / sizeof(outside[0])));
	tcase_add_test(t, but_deeper_into_it);
	tcase_add_loop_test(t, a_configured_path_that_is_restored_as_a_file_is_no_home, 0,
		(int)(sizeof(files) / sizeof(files[0])));
	tcase_add_test(t, the_registered_log_path_wins);
	tcase_add_test(t, one_that_repeats_the_configured_one_says_nothing);
	tcase_add_test(t, logs_move_with_the_home_that_they_are_in);
	tcase_add_test(t, logs_that_nobody_configured_are_at_home);
	tcase_add_test(t, a_new_home_does_not_take_the_old_ones_log_directory);
	tcase_add_test(t, the_store_is_relocated_shallowly);
	suite_add_tcase(suite, t);
	return support_run(suite);
}
