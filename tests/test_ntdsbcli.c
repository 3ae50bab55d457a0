/* A backup through the Ds functions, in both forms; ntdsbcli_handles has dead handles,
 * ntdsbcli_free blocks and tokens, ntdsbcli_logs stores with logs. */
#include <stdlib.h>
#include <string.h>

#include "ds_form.h"

#define INDEX_NAME "\\\\ca01\\certs\\index.txt"
#define INVALID    WIN32(ERROR_INVALID_PARAMETER)

static struct store *store;

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
}

static void teardown(void)
{
	store_free(store);
}

/* ---- prepare ---- */

/* Prepare refuses with CODE and leaves nothing behind. */
static void refuses(const struct ds_form *form, const char *server, ULONG grbit,
	ULONG type, HRESULT code)
{
	PVOID token = POISON;
	DWORD size = POISON_SIZE;
	HBC hbc = POISON;

	FAILS(form->prepare(server, grbit, type, &token, &size, &hbc), code);
	ck_assert_ptr_null(hbc);
	ck_assert_ptr_null(token);
	ck_assert_uint_eq(size, 0);
}

START_TEST(prepare_refuses_bad_flags)
{
	static const ULONG bad_types[] = {0, BACKUP_TYPE_LOGS_ONLY,
		BACKUP_TYPE_INCREMENTAL, 3, 5, 8, 0x80000001, 0xffffffff};
	const struct ds_form *form = &ds_forms[_i];

	refuses(form, NULL, 1, BACKUP_TYPE_FULL, INVALID);
	refuses(form, NULL, 0xffffffff, BACKUP_TYPE_FULL, INVALID);
	for (size_t i = 0; i < sizeof(bad_types) / sizeof(bad_types[0]); i++)
		refuses(form, NULL, 0, bad_types[i], INVALID);
}
END_TEST

START_TEST(prepare_needs_its_pointers)
{
	const struct ds_form *form = &ds_forms[_i];
	PVOID token = POISON;
	DWORD size = POISON_SIZE;
	HBC hbc = POISON;

	FAILS(form->prepare(NULL, 0, BACKUP_TYPE_FULL, &token, &size, NULL), INVALID);
	ck_assert_ptr_null(token);
	ck_assert_uint_eq(size, 0);
	FAILS(form->prepare(NULL, 0, BACKUP_TYPE_FULL, NULL, NULL, NULL), INVALID);
	size = POISON_SIZE;
	FAILS(form->prepare(NULL, 0, BACKUP_TYPE_FULL, NULL, &size, &hbc),
		hrInvalidParam);
	ck_assert_ptr_null(hbc);
	ck_assert_uint_eq(size, 0);
	hbc = token = POISON;
	FAILS(form->prepare(NULL, 0, BACKUP_TYPE_FULL, &token, NULL, &hbc),
		hrInvalidParam);
	ck_assert_ptr_null(hbc);
	ck_assert_ptr_null(token);
	hbc = POISON;
	FAILS(form->prepare(NULL, 0, BACKUP_TYPE_FULL, NULL, NULL, &hbc), hrInvalidParam);
	ck_assert_ptr_null(hbc);
}
END_TEST

START_TEST(one_backup_at_a_time)
{
	const struct ds_form *form = &ds_forms[_i];
	HBC first = ds_begin(form);

	refuses(form, NULL, 0, BACKUP_TYPE_FULL, hrBackupInProgress);
	WORKS(DsBackupEnd(first));
	WORKS(DsBackupEnd(ds_begin(form)));
}
END_TEST

START_TEST(one_backup_at_a_time_across_families)
{
	const struct ds_form *form = &ds_forms[_i];
	HCSBC other = begin_backup(), second = POISON;
	HBC hbc;

	refuses(form, NULL, 0, BACKUP_TYPE_FULL, hrBackupInProgress);
	WORKS(CertSrvBackupEnd(other));
	hbc = ds_begin(form);
	FAILS(CertSrvBackupPrepareW(NULL, 0, CSBACKUP_TYPE_FULL, &second),
		hrBackupInProgress);
	ck_assert_ptr_null(second);
	WORKS(DsBackupEnd(hbc));
}
END_TEST

START_TEST(only_a_serving_store_is_backed_up)
{
	const struct ds_form *form = &ds_forms[_i];

	use_service(store);
	WORKS(backupapi_server_control(NULL, BACKUPAPI_CONTROL_SUSPEND, NULL));
	refuses(form, NULL, 0, BACKUP_TYPE_FULL, hrCouldNotConnect);
	WORKS(backupapi_server_control(NULL, BACKUPAPI_CONTROL_STOP, NULL));
	refuses(form, NULL, 0, BACKUP_TYPE_FULL, hrCouldNotConnect);
}
END_TEST

START_TEST(a_pending_restore_bars_a_backup)
{
	const struct ds_form *form = &ds_forms[_i];
	EDB_RSTMAPA none = {NULL, NULL};
	HBC hbc = ds_begin_restore(form);

	WORKS(form->reg(hbc, "/a", "/b", &none, 0, "/c", 0, 0));
	WORKS(DsRestoreEnd(hbc));
	refuses(form, NULL, 0, BACKUP_TYPE_FULL, hrRestoreInProgress);
	WORKS(backupapi_cancel_restore(NULL));
}
END_TEST

/* ---- order of calls ---- */

static void refuses_logs(const struct ds_form *form, HBC hbc, HRESULT code)
{
	void *list = POISON;
	DWORD size = POISON_SIZE;

	FAILS(form->logs(hbc, &list, &size), code);
	ck_assert_ptr_null(list);
	ck_assert_uint_eq(size, 0);
}

static void lists_names(const struct ds_form *form, HBC hbc)
{
	struct ds_names names = ds_databases(form, hbc);

	ck_assert_uint_eq(names.count, 4);
	ds_names_free(&names);
}

static void lists_no_logs(const struct ds_form *form, HBC hbc)
{
	struct ds_names names = ds_logs(form, hbc);

	ck_assert_uint_eq(names.count, 0);
	ds_names_free(&names);
}

START_TEST(an_open_file_bars_logs_truncation_and_other_files)
{
	const struct ds_form *form = &ds_forms[_i];
	HBC hbc = ds_begin(form);
	LARGE_INTEGER length;

	lists_names(form, hbc);
	WORKS(form->open(hbc, INDEX_NAME, DS_READ_SIZE, &length));
	refuses_logs(form, hbc, hrInvalidBackupSequence);
	FAILS(DsBackupTruncateLogs(hbc), hrInvalidBackupSequence);
	length.QuadPart = -1;
	FAILS(form->open(hbc, INDEX_NAME, DS_READ_SIZE, &length), hrAlreadyOpen);
	ck_assert_int_eq(length.QuadPart, 0);
	lists_names(form, hbc);
	WORKS(DsBackupEnd(hbc));
}
END_TEST

START_TEST(listing_the_logs_ends_the_database_phase)
{
	const struct ds_form *form = &ds_forms[_i];
	HBC hbc = ds_begin(form);
	LARGE_INTEGER length = {.QuadPart = -1};
	void *list = POISON;
	DWORD size = POISON_SIZE;

	lists_names(form, hbc);
	lists_no_logs(form, hbc);
	FAILS(form->names(hbc, &list, &size), hrInvalidBackupSequence);
	ck_assert_ptr_null(list);
	ck_assert_uint_eq(size, 0);
	FAILS(form->open(hbc, INDEX_NAME, DS_READ_SIZE, &length),
		hrInvalidBackupSequence);
	ck_assert_int_eq(length.QuadPart, 0);
	lists_no_logs(form, hbc);
	WORKS(DsBackupEnd(hbc));
}
END_TEST

START_TEST(only_a_complete_backup_truncates)
{
	const struct ds_form *form = &ds_forms[_i];
	HBC hbc = ds_begin(form);

	FAILS(DsBackupTruncateLogs(hbc), hrInvalidBackupSequence);
	lists_names(form, hbc);
	free(ds_stream(form, hbc, INDEX_NAME, NULL));
	lists_no_logs(form, hbc);
	FAILS(DsBackupTruncateLogs(hbc), hrInvalidBackupSequence);
	WORKS(DsBackupEnd(hbc));

	hbc = ds_begin(form);
	ds_deliver(form, hbc);
	WORKS(DsBackupTruncateLogs(hbc));
	WORKS(DsBackupEnd(hbc));
}
END_TEST

static bool taken(void)
{
	return store_history().ds.full.taken;
}

START_TEST(only_a_complete_backup_is_recorded)
{
	const struct ds_form *form = &ds_forms[_i];
	HBC hbc = ds_begin(form);

	WORKS(DsBackupEnd(hbc));
	ck_assert(!taken());
	hbc = ds_begin(form);
	ds_deliver(form, hbc);
	WORKS(backupapi_backup_abandon(hbc));
	ck_assert(!taken());
	hbc = ds_begin(form);
	ds_deliver(form, hbc);
	WORKS(DsBackupEnd(hbc));
	ck_assert(taken());
	ck_assert(!store_history().certsrv.full.taken);
}
END_TEST

/* ---- reading ---- */

static const DWORD bad_sizes[] = {
	0, 1, 8191, 8192, 16384, 24575, 24577, 32767, 40000, 0x7fffffff, 0xffffffff};

#define BAD_SIZES (sizeof(bad_sizes) / sizeof(bad_sizes[0]))

START_TEST(hints_are_whole_pages_and_three_at_least)
{
	static const DWORD good[] = {24576, 32768, 1 << 20, 1 << 30, 0xffffe000};
	const struct ds_form *form = &ds_forms[_i];
	HBC hbc = ds_begin(form);
	LARGE_INTEGER length;

	lists_names(form, hbc);
	for (size_t i = 0; i < BAD_SIZES; i++) {
		length.QuadPart = -1;
		FAILS(form->open(hbc, INDEX_NAME, bad_sizes[i], &length), INVALID);
		ck_assert_int_eq(length.QuadPart, 0);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		WORKS(form->open(hbc, INDEX_NAME, good[i], &length));
		ck_assert_int_gt(length.QuadPart, 0);
		WORKS(DsBackupClose(hbc));
	}
	WORKS(DsBackupEnd(hbc));
}
END_TEST

START_TEST(reads_are_whole_pages_and_three_at_least)
{
	HBC hbc = ds_begin(&ds_forms[0]);
	static char buffer[65536];
	LARGE_INTEGER length;
	DWORD got = POISON_SIZE;

	lists_names(&ds_forms[0], hbc);
	FAILS(DsBackupRead(hbc, buffer, DS_READ_SIZE, &got), hrInvalidHandle);
	ck_assert_uint_eq(got, 0);
	FAILS(DsBackupClose(hbc), hrInvalidHandle);
	WORKS(DsBackupOpenFileA(hbc, INDEX_NAME, DS_READ_SIZE, &length));
	for (size_t i = 0; i < BAD_SIZES; i++) {
		got = POISON_SIZE;
		FAILS(DsBackupRead(hbc, buffer, bad_sizes[i], &got), INVALID);
		ck_assert_uint_eq(got, 0);
	}
	got = POISON_SIZE;
	FAILS(DsBackupRead(hbc, NULL, DS_READ_SIZE, &got), INVALID);
	ck_assert_uint_eq(got, 0);
	FAILS(DsBackupRead(hbc, buffer, DS_READ_SIZE, NULL), INVALID);
	WORKS(DsBackupRead(hbc, buffer, sizeof(buffer), &got));
	ck_assert_int_eq(got, length.QuadPart);
	WORKS(DsBackupClose(hbc));
	WORKS(DsBackupEnd(hbc));
}
END_TEST

/* The end of the open file as every loop sees it: a success that is not S_OK and leaves
 * the last error alone, then failures. */
static void check_end(HBC hbc)
{
	static char buffer[DS_READ_SIZE];
	DWORD got = POISON_SIZE;
	HRESULT hr;

	backupapi_set_last_error(OTHER_ERROR);
	hr = DsBackupRead(hbc, buffer, sizeof(buffer), &got);
	ck_assert_int_eq(hr, 38);
	ck_assert(SUCCEEDED(hr));
	ck_assert_uint_eq(got, 0);
	ck_assert_uint_eq(backupapi_get_last_error(), OTHER_ERROR);
	for (int i = 0; i < 3; i++) {
		got = POISON_SIZE;
		FAILS(DsBackupRead(hbc, buffer, sizeof(buffer), &got), WIN32(38));
		ck_assert_uint_eq(got, 0);
	}
}

START_TEST(the_end_of_a_file_is_told_once_and_fails_then)
{
	HBC hbc = ds_begin(&ds_forms[0]);
	static char buffer[DS_READ_SIZE];
	LARGE_INTEGER length;
	DWORD got;

	lists_names(&ds_forms[0], hbc);
	for (int i = 0; i < 2; i++) { /* opened again it is told again */
		WORKS(DsBackupOpenFileA(hbc, INDEX_NAME, DS_READ_SIZE, &length));
		WORKS(DsBackupRead(hbc, buffer, sizeof(buffer), &got));
		ck_assert_int_eq(got, length.QuadPart);
		check_end(hbc);
		WORKS(DsBackupClose(hbc));
	}
	WORKS(DsBackupEnd(hbc));
}
END_TEST

START_TEST(an_empty_file_is_at_its_end_from_the_first)
{
	HBC hbc;
	LARGE_INTEGER length = {.QuadPart = -1};

	support_write(store_path(store, "newcerts/03.pem"), "");
	hbc = ds_begin(&ds_forms[0]);
	{
		struct ds_names names = ds_databases(&ds_forms[0], hbc);

		ds_names_free(&names);
	}
	WORKS(DsBackupOpenFileA(
		hbc, "\\\\ca01\\certs\\newcerts\\03.pem", DS_READ_SIZE, &length));
	ck_assert_int_eq(length.QuadPart, 0);
	check_end(hbc);
	WORKS(DsBackupClose(hbc));
	WORKS(DsBackupEnd(hbc));
}
END_TEST

/* No read gives S_OK and nothing, whatever the file's length. */
START_TEST(large_files_come_in_pieces)
{
	static const size_t lengths[] = {DS_READ_SIZE - 1, DS_READ_SIZE, DS_READ_SIZE + 1,
		5 * DS_READ_SIZE, 1000003};
	char *text = malloc(1000004);
	char extra[5000];
	HBC hbc;

	ck_assert_ptr_nonnull(text);
	(void)snprintf(extra, sizeof(extra), "database = %s\n", store_path(store, "big"));
	store_configure(store, extra);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		for (size_t j = 0; j < lengths[i]; j++)
			text[j] = (char)('a' + j % 23);
		text[lengths[i]] = '\0';
		support_write(store_path(store, "big"), text);
		hbc = ds_begin(&ds_forms[0]);
		ds_deliver(&ds_forms[0], hbc);
		WORKS(DsBackupEnd(hbc));
	}
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ntdsbcli");
	TCase *tc = tcase_create("backup");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, prepare_refuses_bad_flags, 0, DS_FORMS);
	tcase_add_loop_test(tc, prepare_needs_its_pointers, 0, DS_FORMS);
	tcase_add_loop_test(tc, one_backup_at_a_time, 0, DS_FORMS);
	tcase_add_loop_test(tc, one_backup_at_a_time_across_families, 0, DS_FORMS);
	tcase_add_loop_test(tc, only_a_serving_store_is_backed_up, 0, DS_FORMS);
	tcase_add_loop_test(tc, a_pending_restore_bars_a_backup, 0, DS_FORMS);
	tcase_add_loop_test(
		tc, an_open_file_bars_logs_truncation_and_other_files, 0, DS_FORMS);
	tcase_add_loop_test(tc, listing_the_logs_ends_the_database_phase, 0, DS_FORMS);
	tcase_add_loop_test(tc, only_a_complete_backup_truncates, 0, DS_FORMS);
	tcase_add_loop_test(tc, only_a_complete_backup_is_recorded, 0, DS_FORMS);
	tcase_add_loop_test(tc, hints_are_whole_pages_and_three_at_least, 0, DS_FORMS);
	tcase_add_test(tc, reads_are_whole_pages_and_three_at_least);
	tcase_add_test(tc, the_end_of_a_file_is_told_once_and_fails_then);
	tcase_add_test(tc, an_empty_file_is_at_its_end_from_the_first);
	tcase_add_test(tc, large_files_come_in_pieces);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
