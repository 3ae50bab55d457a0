/* A backup through the CertSrv functions; certbcli_handles has dead handles and blocks.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "certbcli_calls.h"

#define INDEX_NAME L"\\\\ca01\\certs\\index.txt"

static struct store *store;

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
}

static void teardown(void)
{
	store_free(store);
}

/* ---- lists ---- */

typedef HRESULT (*list_function)(HCSBC, WCHAR **, DWORD *);

static const list_function list_functions[] = {CertSrvBackupGetDatabaseNamesW,
	CertSrvBackupGetBackupLogsW, CertSrvBackupGetDynamicFileListW,
	CertSrvRestoreGetDatabaseLocationsW};

#define LIST_FUNCTIONS (sizeof(list_functions) / sizeof(list_functions[0]))

START_TEST(lists_need_both_pointers)
{
	list_function function = list_functions[_i];
	HCSBC hbc = begin_backup();
	WCHAR *list = POISON;
	DWORD size = POISON_SIZE;

	FAILS(function(hbc, NULL, &size), WIN32(ERROR_INVALID_PARAMETER));
	ck_assert_uint_eq(size, 0);
	FAILS(function(hbc, &list, NULL), WIN32(ERROR_INVALID_PARAMETER));
	ck_assert_ptr_null(list);
	FAILS(function(hbc, NULL, NULL), WIN32(ERROR_INVALID_PARAMETER));
	WORKS(function(hbc, &list, &size));
	(void)list_count(list, size);
	CertSrvBackupFree(list);
	WORKS(CertSrvBackupEnd(hbc));
}
END_TEST

START_TEST(databases_are_tagged_unc_names)
{
	HCSBC hbc = begin_backup();
	WCHAR *list = POISON;
	DWORD size = POISON_SIZE;

	WORKS(CertSrvBackupGetDatabaseNamesW(hbc, &list, &size));
	ck_assert_uint_eq(list_count(list, size), 4);
	ck_assert(list_has(list, CSBFT_CERTSERVER_DATABASE, INDEX_NAME));
	ck_assert(list_has(list, CSBFT_CERTSERVER_DATABASE, L"\\\\ca01\\certs\\serial"));
	ck_assert(list_has(
		list, CSBFT_CERTSERVER_DATABASE, L"\\\\ca01\\certs\\newcerts\\01.pem"));
	ck_assert(list_has(
		list, CSBFT_CERTSERVER_DATABASE, L"\\\\ca01\\certs\\newcerts\\02.pem"));
	CertSrvBackupFree(list);
	WORKS(CertSrvBackupEnd(hbc));
}
END_TEST

START_TEST(a_store_without_logs_gives_an_empty_list)
{
	HCSBC hbc = begin_backup();
	WCHAR *list = POISON;
	DWORD size = POISON_SIZE;

	WORKS(CertSrvBackupGetBackupLogsW(hbc, &list, &size));
	ck_assert_uint_eq(list_count(list, size), 0);
	ck_assert_uint_eq(size, 2 * sizeof(WCHAR));
	CertSrvBackupFree(list);
	WORKS(CertSrvBackupEnd(hbc));
}
END_TEST

START_TEST(dynamic_files_have_no_tag)
{
	HCSBC hbc = begin_backup();
	WCHAR *list = POISON;
	DWORD size = POISON_SIZE;

	WORKS(CertSrvBackupGetDynamicFileListW(hbc, &list, &size));
	ck_assert_uint_eq(list_count(list, size), 0);
	CertSrvBackupFree(list);
	support_write(store_path(store, "crl/a.crl"), "list");
	support_write(store_path(store, "ca.pem"), "certificate");
	WORKS(CertSrvBackupGetDynamicFileListW(hbc, &list, &size));
	ck_assert_uint_eq(list_count(list, size), 2);
	ck_assert(list_has(list, 0, L"\\\\ca01\\certs\\crl\\a.crl"));
	ck_assert(list_has(list, 0, L"\\\\ca01\\certs\\ca.pem"));
	CertSrvBackupFree(list);
	WORKS(CertSrvBackupEnd(hbc));
}
END_TEST

START_TEST(locations_are_databases_and_two_directories)
{
	HCSBC hbc = begin_backup();
	WCHAR *list = POISON;
	DWORD size = POISON_SIZE;
	int directories = 0;

	WORKS(CertSrvRestoreGetDatabaseLocationsW(hbc, &list, &size));
	ck_assert_uint_eq(list_count(list, size), 6);
	ck_assert(list_has(list, CSBFT_CERTSERVER_DATABASE, INDEX_NAME));
	for (const WCHAR *p = list; *p; p += wcslen(p) + 1)
		directories += *p == CSBFT_LOG_DIR          ? 1
			       : *p == CSBFT_CHECKPOINT_DIR ? 10
							    : 0;
	ck_assert_int_eq(directories, 11);
	CertSrvBackupFree(list);
	WORKS(CertSrvBackupEnd(hbc));
}
END_TEST

START_TEST(posix_names_are_listed_where_configured)
{
	WCHAR expected[4096];
	WCHAR *list = POISON;
	DWORD size = POISON_SIZE;
	HCSBC hbc;

	store_configure(store, "[server]\nnames = posix\n");
	hbc = begin_backup();
	WORKS(CertSrvBackupGetDatabaseNamesW(hbc, &list, &size));
	(void)swprintf(expected, 4096, L"%hs", store_path(store, "index.txt"));
	ck_assert(list_has(list, CSBFT_CERTSERVER_DATABASE, expected));
	CertSrvBackupFree(list);
	WORKS(CertSrvBackupEnd(hbc));
}
END_TEST

START_TEST(odd_file_names_come_back_as_they_are)
{
	/* not UTF-8; a backslash; U+F05C, which stands for one; an encoded surrogate */
	static const char *const names[] = {"odd/\x80\xff", "odd/a\\b",
		"odd/\xef\x81\x9c", "odd/\xed\xb2\x80", "odd/ blank \n",
		"odd/\xc3\xa4\xf0\x9f\x94\x91"};
	char extra[5000];
	WCHAR *list = NULL;
	DWORD size = 0;
	HCSBC hbc;

	ck_assert_int_eq(mkdir(store_path(store, "odd"), 0755), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		support_write(store_path(store, names[i]), names[i]);
	(void)snprintf(
		extra, sizeof(extra), "database = %s\n", store_path(store, "odd/*"));
	store_configure(store, extra);
	hbc = begin_backup();
	WORKS(CertSrvBackupGetDatabaseNamesW(hbc, &list, &size));
	ck_assert_uint_eq(list_count(list, size), 4 + sizeof(names) / sizeof(names[0]));
	CertSrvBackupFree(list);
	deliver_all(hbc);
	WORKS(CertSrvBackupTruncateLogs(hbc));
	WORKS(CertSrvBackupEnd(hbc));
}
END_TEST

/* ---- one file ---- */

START_TEST(a_listed_name_opens_in_every_spelling)
{
	WCHAR posix[4096], tagged[4096], through_root[4096];
	const WCHAR *const names[] = {L"D" INDEX_NAME, INDEX_NAME, posix, tagged,
		through_root, L"\\\\CA01\\certs\\index.txt"};
	HCSBC hbc = begin_backup();
	WCHAR *list = NULL;
	DWORD size = 0;

	(void)swprintf(posix, 4096, L"%hs", store_path(store, "index.txt"));
	(void)swprintf(tagged, 4096, L"D%ls", posix);
	(void)swprintf(through_root, 4096, L"\\\\ca01\\posix$%ls", posix);
	for (WCHAR *p = through_root; *p; p++)
		if (*p == L'/')
			*p = L'\\';
	WORKS(CertSrvBackupGetDatabaseNamesW(hbc, &list, &size));
	CertSrvBackupFree(list);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		deliver(hbc, names[i], store_path(store, "index.txt"), 7);
	WORKS(CertSrvBackupEnd(hbc));
}
END_TEST

START_TEST(only_listed_names_open)
{
	static const WCHAR *const names[] = {L"", L"D", L"!", L"\\\\", L"\\\\ca01", L"/",
		L"\\\\ca01\\certs", L"\\\\ca01\\certs\\newcerts",
		L"\\\\ca01\\certs\\nothing", L"\\\\ca01\\certs\\newcerts\\..\\index.txt",
		L"\\\\ca01\\certs\\.\\index.txt", L"\\\\ca01\\posix$\\etc\\passwd",
		L"/etc/passwd", L"D/etc/passwd", L"\\\\other\\certs\\index.txt",
		L"\\\\ca01\\nothing\\index.txt", L"index.txt", L"\\\\ca01\\certs\\ca.pem",
		L"\\\\ca01\\certs\\index.txt\\x", L"\xdc80\xdcff",
		L"DD\\\\ca01\\certs\\index.txt"};
	HCSBC hbc = begin_backup();
	WCHAR *list = NULL;
	DWORD size = 0;

	support_write(store_path(store, "ca.pem"), "a dynamic file");
	WORKS(CertSrvBackupGetDatabaseNamesW(hbc, &list, &size));
	CertSrvBackupFree(list);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		LARGE_INTEGER length = {.QuadPart = -1};

		FAILS(CertSrvBackupOpenFileW(hbc, names[i], 0, &length),
			WIN32(ERROR_FILE_NOT_FOUND));
		ck_assert_int_eq(length.QuadPart, 0);
	}
	WORKS(CertSrvBackupEnd(hbc));
}
END_TEST

START_TEST(nothing_opens_before_it_was_listed)
{
	HCSBC hbc = begin_backup();
	LARGE_INTEGER length = {.QuadPart = -1};

	FAILS(CertSrvBackupOpenFileW(hbc, INDEX_NAME, 0, &length),
		WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_int_eq(length.QuadPart, 0);
	WORKS(CertSrvBackupEnd(hbc));
}
END_TEST

START_TEST(open_refuses_bad_arguments)
{
	static const WCHAR beyond_unicode[] = {L'/', 0x7fffffff, 0};
	HCSBC hbc = begin_backup();
	LARGE_INTEGER length = {.QuadPart = -1};

	FAILS(CertSrvBackupOpenFileW(hbc, NULL, 0, &length),
		WIN32(ERROR_INVALID_PARAMETER));
	ck_assert_int_eq(length.QuadPart, 0);
	FAILS(CertSrvBackupOpenFileW(hbc, INDEX_NAME, 0, NULL),
		WIN32(ERROR_INVALID_PARAMETER));
	length.QuadPart = -1;
	FAILS(CertSrvBackupOpenFileW(hbc, beyond_unicode, 0, &length),
		WIN32(ERROR_NO_UNICODE_TRANSLATION));
	ck_assert_int_eq(length.QuadPart, 0);
	WORKS(CertSrvBackupEnd(hbc));
}
END_TEST

START_TEST(any_read_hint_will_do)
{
	static const DWORD hints[] = {
		0, 1, 4096, 65536, 65537, 1 << 20, 0x7fffffff, 0xffffffff};
	HCSBC hbc = begin_backup();
	LARGE_INTEGER length;
	WCHAR *list = NULL;
	DWORD size = 0;

	WORKS(CertSrvBackupGetDatabaseNamesW(hbc, &list, &size));
	CertSrvBackupFree(list);
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		WORKS(CertSrvBackupOpenFileW(hbc, INDEX_NAME, hints[i], &length));
		WORKS(CertSrvBackupClose(hbc));
	}
	WORKS(CertSrvBackupEnd(hbc));
}
END_TEST

START_TEST(read_refuses_bad_arguments)
{
	HCSBC hbc = begin_backup();
	LARGE_INTEGER length;
	WCHAR *list = NULL;
	char buffer[16];
	DWORD size = 0, got = POISON_SIZE;

	WORKS(CertSrvBackupGetDatabaseNamesW(hbc, &list, &size));
	CertSrvBackupFree(list);
	FAILS(CertSrvBackupRead(hbc, buffer, sizeof(buffer), &got), hrInvalidHandle);
	ck_assert_uint_eq(got, 0);
	FAILS(CertSrvBackupClose(hbc), hrInvalidHandle);
	WORKS(CertSrvBackupOpenFileW(hbc, INDEX_NAME, 0, &length));
	got = POISON_SIZE;
	FAILS(CertSrvBackupRead(hbc, NULL, sizeof(buffer), &got),
		WIN32(ERROR_INVALID_PARAMETER));
	ck_assert_uint_eq(got, 0);
	got = POISON_SIZE;
	FAILS(CertSrvBackupRead(hbc, buffer, 0, &got), WIN32(ERROR_INVALID_PARAMETER));
	ck_assert_uint_eq(got, 0);
	FAILS(CertSrvBackupRead(hbc, buffer, sizeof(buffer), NULL),
		WIN32(ERROR_INVALID_PARAMETER));
	WORKS(CertSrvBackupRead(hbc, buffer, sizeof(buffer), &got));
	ck_assert_uint_eq(got, sizeof(buffer));
	WORKS(CertSrvBackupClose(hbc));
	WORKS(CertSrvBackupEnd(hbc));
}
END_TEST

START_TEST(the_end_of_a_file_can_be_read_again_and_again)
{
	HCSBC hbc = begin_backup();
	LARGE_INTEGER length;
	WCHAR *list = NULL;
	char buffer[4096];
	DWORD size = 0, got = POISON_SIZE;

	WORKS(CertSrvBackupGetDatabaseNamesW(hbc, &list, &size));
	CertSrvBackupFree(list);
	WORKS(CertSrvBackupOpenFileW(hbc, INDEX_NAME, 0, &length));
	WORKS(CertSrvBackupRead(hbc, buffer, sizeof(buffer), &got));
	ck_assert_int_eq(got, length.QuadPart);
	for (int i = 0; i < 3; i++) {
		got = POISON_SIZE;
		WORKS(CertSrvBackupRead(hbc, buffer, sizeof(buffer), &got));
		ck_assert_uint_eq(got, 0);
	}
	WORKS(CertSrvBackupClose(hbc));
	WORKS(CertSrvBackupEnd(hbc));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("certbcli_files");
	TCase *tc = tcase_create("backup");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, lists_need_both_pointers, 0, (int)LIST_FUNCTIONS);
	tcase_add_test(tc, databases_are_tagged_unc_names);
	tcase_add_test(tc, a_store_without_logs_gives_an_empty_list);
	tcase_add_test(tc, dynamic_files_have_no_tag);
	tcase_add_test(tc, locations_are_databases_and_two_directories);
	tcase_add_test(tc, posix_names_are_listed_where_configured);
	tcase_add_test(tc, odd_file_names_come_back_as_they_are);
	tcase_add_test(tc, a_listed_name_opens_in_every_spelling);
	tcase_add_test(tc, only_listed_names_open);
	tcase_add_test(tc, nothing_opens_before_it_was_listed);
	tcase_add_test(tc, open_refuses_bad_arguments);
	tcase_add_test(tc, any_read_hint_will_do);
	tcase_add_test(tc, read_refuses_bad_arguments);
	tcase_add_test(tc, the_end_of_a_file_can_be_read_again_and_again);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
