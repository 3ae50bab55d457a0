#include "session/dynamic.h"

#include <stdio.h>
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

static status list(struct names *names)
{
	struct server *server = store_server();
	status rc;

	*names = (struct names){0};
	rc = dynamic_files(server, names);
	server_free(server);
	return rc;
}

START_TEST(files_and_globs_are_listed_sorted_as_they_are_now)
{
	struct names found;

	support_write(store_path(store, "crl/b.crl"), "b");
	support_write(store_path(store, "crl/a.crl"), "a");
	support_write(store_path(store, "crl/not-this"), "n");
	support_write(store_path(store, "ca.pem"), "ca");
	ck_assert_int_eq(list(&found), STATUS_OK);
	ck_assert_uint_eq(found.count, 3);
	ck_assert_str_eq(found.items[0], store_path(store, "ca.pem"));
	ck_assert_str_eq(found.items[1], store_path(store, "crl/a.crl"));
	ck_assert_str_eq(found.items[2], store_path(store, "crl/b.crl"));
	names_free(&found);

	ck_assert_int_eq(unlink(store_path(store, "crl/a.crl")), 0);
	ck_assert_int_eq(list(&found), STATUS_OK);
	ck_assert_uint_eq(found.count, 2);
	names_free(&found);
}
END_TEST

START_TEST(what_does_not_exist_is_left_out)
{
	struct names found;

	ck_assert_int_eq(list(&found), STATUS_OK);
	ck_assert_uint_eq(found.count, 0);
	ck_assert_int_eq(rmdir(store_path(store, "crl")), 0);
	ck_assert_int_eq(list(&found), STATUS_OK);
	ck_assert_uint_eq(found.count, 0);
}
END_TEST

START_TEST(a_file_that_two_patterns_name_is_listed_once)
{
	struct names found;
	char extra[4200];

	(void)snprintf(
		extra, sizeof(extra), "dynamic = %s\n", store_path(store, "crl/a.crl"));
	store_configure(store, extra);
	support_write(store_path(store, "crl/a.crl"), "a");
	ck_assert_int_eq(list(&found), STATUS_OK);
	ck_assert_uint_eq(found.count, 1);
	names_free(&found);
}
END_TEST

START_TEST(a_glob_that_meets_a_link_to_nothing_fails_rather_than_leave_files_out)
{
	struct names found;

	support_write(store_path(store, "crl/z.crl"), "z");
	ck_assert_int_eq(symlink("nowhere", store_path(store, "crl/a.crl")), 0);
	ck_assert_int_eq(list(&found), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_ptr_nonnull(strstr(status_pending(), "a.crl"));
	ck_assert_uint_eq(found.count, 0);
}
END_TEST

START_TEST(a_directory_in_a_files_place_is_an_error_that_names_it)
{
	struct names found;

	ck_assert_int_eq(symlink("crl", store_path(store, "ca.pem")), 0);
	ck_assert(failed(list(&found)));
	ck_assert_ptr_nonnull(strstr(status_pending(), "ca.pem"));
	ck_assert_uint_eq(found.count, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dynamic files");
	TCase *tests = tcase_create("dynamic files");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, files_and_globs_are_listed_sorted_as_they_are_now);
	tcase_add_test(tests, what_does_not_exist_is_left_out);
	tcase_add_test(tests, a_file_that_two_patterns_name_is_listed_once);
	tcase_add_test(tests,
		a_glob_that_meets_a_link_to_nothing_fails_rather_than_leave_files_out);
	tcase_add_test(tests, a_directory_in_a_files_place_is_an_error_that_names_it);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
