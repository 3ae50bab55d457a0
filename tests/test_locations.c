#include "session/locations.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	return support_run(suite);
}
