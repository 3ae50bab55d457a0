#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "certbcli_calls.h"

static struct store *store;

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
}

static void teardown(void)
{
	store_free(store);
}

START_TEST(lists_the_files_that_are_there_sorted)
{
	char *files = POISON;
	uint32_t size = POISON_SIZE;
	const char *second;

	ck_assert_int_eq(
		mkdir(store_path(store, "crl"), 0700) == 0 || errno == EEXIST, 1);
	support_write(store_path(store, "crl/a.crl"), "a");
	support_write(store_path(store, "ca.pem"), "b");
	WORKS(backupapi_dynamic_files("ca01", &files, &size));
	ck_assert_str_eq(files, store_path(store, "ca.pem"));
	second = files + strlen(files) + 1;
	ck_assert_str_eq(second, store_path(store, "crl/a.crl"));
	ck_assert_int_eq(second[strlen(second) + 1], '\0');
	ck_assert_uint_eq(size, (size_t)(second - files) + strlen(second) + 2);
	backupapi_free(files);
	WORKS(backupapi_dynamic_files("ca01", &files, NULL));
	backupapi_free(files);
}
END_TEST

START_TEST(without_any_the_list_is_empty)
{
	char *files = POISON;
	uint32_t size = POISON_SIZE;

	(void)unlink(store_path(store, "ca.pem"));
	(void)unlink(store_path(store, "crl/a.crl"));
	WORKS(backupapi_dynamic_files("ca01", &files, &size));
	ck_assert_uint_eq(size, 2);
	ck_assert_int_eq(memcmp(files, "\0", 2), 0);
	backupapi_free(files);
}
END_TEST

START_TEST(a_file_that_cannot_be_backed_up_is_an_error)
{
	char *files = POISON;
	uint32_t size = POISON_SIZE;

	(void)unlink(store_path(store, "ca.pem"));
	ck_assert_int_eq(mkdir(store_path(store, "ca.pem"), 0700), 0);
	ck_assert_int_lt(backupapi_dynamic_files("ca01", &files, &size), 0);
	ck_assert_ptr_null(files);
	ck_assert_uint_eq(size, 0);
	ck_assert_ptr_nonnull(strstr(backupapi_error_detail(), "ca.pem"));
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
	char *files = POISON;
	uint32_t size = POISON_SIZE;

	FAILS(backupapi_dynamic_files("ca01", NULL, &size),
		WIN32(ERROR_INVALID_PARAMETER));
	ck_assert_uint_eq(size, 0);
	size = POISON_SIZE;
	FAILS(backupapi_dynamic_files("nobody", &files, &size),
		WIN32(RPC_S_SERVER_UNAVAILABLE));
	ck_assert_ptr_null(files);
	ck_assert_uint_eq(size, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("native_dynamic");
	TCase *tc = tcase_create("native_dynamic");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, lists_the_files_that_are_there_sorted);
	tcase_add_test(tc, without_any_the_list_is_empty);
	tcase_add_test(tc, a_file_that_cannot_be_backed_up_is_an_error);
	tcase_add_test(tc, bad_arguments_are_refused);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
