#include "session/locations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log_engine_files.h"
#include "store.h"
#include "support.h"

static struct store *store;

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
}

static void teardown(void)
{
	store_free(store);
}

static void expect(
	const struct locations *l, size_t i, const char *path, enum location_kind kind)
{
	ck_assert_uint_lt(i, l->count);
	ck_assert_str_eq(l->items[i].path, path);
	ck_assert_int_eq(l->items[i].kind, kind);
}

START_TEST(databases_come_first_then_the_log_and_the_system_directory)
{
	struct server *server = store_server();
	struct locations l;

	ck_assert_int_eq(locations_find(server, &l), STATUS_OK);
	ck_assert_uint_eq(l.count, 6);
	expect(&l, 0, store_path(store, "index.txt"), LOCATION_DATABASE);
	expect(&l, 1, store_path(store, "newcerts/01.pem"), LOCATION_DATABASE);
	expect(&l, 2, store_path(store, "newcerts/02.pem"), LOCATION_DATABASE);
	expect(&l, 3, store_path(store, "serial"), LOCATION_DATABASE);
	expect(&l, 4, server->store.log_dir, LOCATION_LOG_DIR);
	expect(&l, 5, server->store.system_dir, LOCATION_SYSTEM_DIR);
	locations_free(&l);
	server_free(server);
}
END_TEST

START_TEST(a_named_database_is_listed_although_everything_is_lost)
{
	struct server *server = store_server();
	struct locations l;

	ck_assert_int_eq(unlink(store_path(store, "index.txt")), 0);
	ck_assert_int_eq(unlink(store_path(store, "newcerts/01.pem")), 0);
	ck_assert_int_eq(unlink(store_path(store, "newcerts/02.pem")), 0);
	ck_assert_int_eq(rmdir(store_path(store, "newcerts")), 0);
	ck_assert_int_eq(locations_find(server, &l), STATUS_OK);
	ck_assert_uint_eq(l.count, 4);
	expect(&l, 0, store_path(store, "index.txt"), LOCATION_DATABASE);
	expect(&l, 1, store_path(store, "serial"), LOCATION_DATABASE);
	locations_free(&l);
	server_free(server);
}
END_TEST

START_TEST(inside_is_below_a_configured_directory_component_by_component)
{
	struct server *server = store_server();
	char *log = support_path(server->store.log_dir, "x.log");
	char *system = support_path(server->store.system_dir, "deep/x.chk");
	char *sibling = malloc(strlen(store->data) + 8);

	ck_assert_ptr_nonnull(sibling);
	strcpy(stpcpy(sibling, store->data), "-old/x");
	ck_assert(locations_inside(server, store_path(store, "index.txt")));
	ck_assert(locations_inside(server, store_path(store, "other")));
	ck_assert(locations_inside(server, store_path(store, "newcerts/03.pem")));
	ck_assert(locations_inside(server, store_path(store, "deep/er")));
	ck_assert(locations_inside(server, log));
	ck_assert(locations_inside(server, system));
	ck_assert(!locations_inside(server, sibling));
	ck_assert(!locations_inside(server, store->data));
	ck_assert(!locations_inside(server, store->dir));
	ck_assert(!locations_inside(server, "/etc/passwd"));
	ck_assert(!locations_inside(server, "/"));
	free(log);
	free(system);
	free(sibling);
	server_free(server);
}
END_TEST

START_TEST(a_glob_above_its_directory_opens_up_what_lies_below_it_alone)
{
	char *pattern = strdup("/srv/ca*/db/x.db");
	struct server server = {
		.store = {.databases = {.items = &pattern, .count = 1, .capacity = 1},
			.log_dir = (char[]){"/var/ca/logs/"},
			.system_dir = (char[]){"/var/ca/system"}}};

	ck_assert(locations_inside(&server, "/srv/ca1/db/x.db"));
	ck_assert(locations_inside(&server, "/var/ca/logs/x"));
	ck_assert(!locations_inside(&server, "/var/ca/logsx"));
	ck_assert(!locations_inside(&server, "/srvx/ca1/db/x.db"));
	free(pattern);
}
END_TEST

/* ---- directories ---- */

static void setup_directory(void)
{
	store = store_make(STORE_DIRECTORY, NULL);
	log_engine =
		(struct log_engine){.in_use = true, .engine = &log_engine_of_directory};
}

static void teardown_directory(void)
{
	log_engine.in_use = false;
	store_free(store);
}

START_TEST(of_a_directory_its_engine_lists_the_files)
{
	struct server *server = store_server();
	struct locations l;

	ck_assert_int_eq(locations_find(server, &l), STATUS_OK);
	ck_assert_uint_eq(l.count, 4);
	expect(&l, 0, store_path(store, "id.db"), LOCATION_DATABASE);
	expect(&l, 1, store_path(store, "sub/entries.db"), LOCATION_DATABASE);
	expect(&l, 2, store->data, LOCATION_LOG_DIR);
	expect(&l, 3, server->store.system_dir, LOCATION_SYSTEM_DIR);
	locations_free(&l);
	server_free(server);
}
END_TEST

static void expect_no_database(void)
{
	struct server *server = store_server();
	struct locations l;

	ck_assert_int_eq(locations_find(server, &l), STATUS_OK);
	ck_assert_uint_eq(l.count, 2);
	expect(&l, 0, server->store.log_dir, LOCATION_LOG_DIR);
	locations_free(&l);
	server_free(server);
}

START_TEST(a_wiped_or_missing_directory_has_none)
{
	char command[4200];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'/*", store->data);
	ck_assert_int_eq(system(command), 0);
	expect_no_database();
	ck_assert_int_eq(rmdir(store->data), 0);
	expect_no_database();
}
END_TEST

static void configure_auto(void)
{
	char *path = support_path(store->conf, STORE_NAME ".conf");
	char *text = support_read(path);
	char *engine = strstr(text, "engine = bdb");

	ck_assert_ptr_nonnull(engine);
	memcpy(engine, "engine =auto", strlen("engine = bdb"));
	support_write(path, text);
	free(text);
	free(path);
}

/* The engine cannot be known then: the directory is no file that could be one. */
START_TEST(a_wiped_directory_of_an_unknown_engine_is_no_file)
{
	char command[4200];

	log_engine.in_use = false;
	configure_auto();
	(void)snprintf(command, sizeof(command), "rm -rf '%s'/*", store->data);
	ck_assert_int_eq(system(command), 0);
	expect_no_database();
}
END_TEST

START_TEST(inside_a_directory_is_what_lies_in_it)
{
	struct server *server = store_server();
	char *beside = support_path(store->dir, "beside.db");

	ck_assert(locations_inside(server, store_path(store, "id.db")));
	ck_assert(locations_inside(server, store_path(store, "sub/deep/new.db")));
	ck_assert(!locations_inside(server, beside));
	ck_assert(!locations_inside(server, store->data));
	ck_assert(!locations_named(server, store_path(store, "id.db")));
	free(beside);
	server_free(server);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("locations");
	TCase *tests = tcase_create("locations");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, databases_come_first_then_the_log_and_the_system_directory);
	tcase_add_test(tests, a_named_database_is_listed_although_everything_is_lost);
	tcase_add_test(
		tests, inside_is_below_a_configured_directory_component_by_component);
	tcase_add_test(
		tests, a_glob_above_its_directory_opens_up_what_lies_below_it_alone);
	suite_add_tcase(suite, tests);
	tests = tcase_create("directories");
	tcase_add_checked_fixture(tests, setup_directory, teardown_directory);
	tcase_add_test(tests, of_a_directory_its_engine_lists_the_files);
	tcase_add_test(tests, a_wiped_or_missing_directory_has_none);
	tcase_add_test(tests, a_wiped_directory_of_an_unknown_engine_is_no_file);
	tcase_add_test(tests, inside_a_directory_is_what_lies_in_it);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
