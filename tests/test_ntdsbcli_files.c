/* What the Ds functions list and open: the A and the W form say the same of every name. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "base/unc.h"
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

static void list_databases(const struct ds_form *form, HBC hbc)
{
	struct ds_names names = ds_databases(form, hbc);

	ds_names_free(&names);
}

/* ---- lists ---- */

static void needs_both_pointers(const struct ds_form *form, ds_list *get, HBC hbc)
{
	void *list = POISON;
	DWORD size = POISON_SIZE;
	struct ds_names names;

	FAILS(get(hbc, NULL, &size), INVALID);
	ck_assert_uint_eq(size, 0);
	FAILS(get(hbc, &list, NULL), INVALID);
	ck_assert_ptr_null(list);
	FAILS(get(hbc, NULL, NULL), INVALID);
	WORKS(get(hbc, &list, &size));
	names = ds_take(form, list, size);
	ds_names_free(&names);
}

START_TEST(lists_need_both_pointers)
{
	const struct ds_form *form = &ds_forms[_i];
	HBC hbc = ds_begin(form), restore = POISON;

	needs_both_pointers(form, form->names, hbc);
	needs_both_pointers(form, form->logs, hbc);
	WORKS(form->restore_prepare(NULL, 0, NULL, 0, &restore));
	needs_both_pointers(form, form->locations, restore);
	WORKS(DsRestoreEnd(restore));
	WORKS(DsBackupEnd(hbc));
}
END_TEST

START_TEST(databases_are_tagged_unc_names)
{
	static const char *const expected[] = {INDEX_NAME, "\\\\ca01\\certs\\serial",
		"\\\\ca01\\certs\\newcerts\\01.pem", "\\\\ca01\\certs\\newcerts\\02.pem"};
	const struct ds_form *form = &ds_forms[_i];
	HBC hbc = ds_begin(form);
	struct ds_names names = ds_databases(form, hbc);

	ck_assert_uint_eq(names.count, 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert(ds_has(&names, 'D', expected[i]));
	ds_names_free(&names);
	WORKS(DsBackupEnd(hbc));
}
END_TEST

/* What callers compare with: the header's constants, in each form's characters. */
START_TEST(tags_are_the_headers_constants)
{
	HBC hbc = POISON;
	LPSTR narrow = NULL;
	LPWSTR wide = NULL;
	DWORD size;

	ck_assert_int_eq(BFT_NTDS_DATABASE, 'D');
	ck_assert_int_eq((unsigned char)BFT_LOG_DIR, 0x82);
	ck_assert_int_eq((unsigned char)BFT_CHECKPOINT_DIR, 0x83);
	WORKS(DsRestorePrepareA(NULL, 0, NULL, 0, &hbc));
	WORKS(DsRestoreGetDatabaseLocationsA(hbc, &narrow, &size));
	WORKS(DsRestoreGetDatabaseLocationsW(hbc, &wide, &size));
	WORKS(DsRestoreEnd(hbc));
	ck_assert_int_eq(narrow[0], BFT_NTDS_DATABASE);
	ck_assert_int_eq(wide[0], L'D');
	DsBackupFree(narrow);
	DsBackupFree(wide);
}
END_TEST

START_TEST(an_empty_list_is_two_nuls)
{
	const struct ds_form *form = &ds_forms[_i];
	HBC hbc = ds_begin(form);
	struct ds_names names;
	void *list = POISON;
	DWORD size = POISON_SIZE;

	WORKS(form->logs(hbc, &list, &size));
	ck_assert_uint_eq(size, 2 * form->character);
	names = ds_take(form, list, size);
	ck_assert_uint_eq(names.count, 0);
	ds_names_free(&names);
	WORKS(DsBackupEnd(hbc));
}
END_TEST

START_TEST(posix_names_are_listed_where_configured)
{
	const struct ds_form *form = &ds_forms[_i];
	struct ds_names names;
	HBC hbc;

	store_configure(store, "[server]\nnames = posix\n");
	hbc = ds_begin(form);
	names = ds_databases(form, hbc);
	ck_assert(ds_has(&names, 'D', store_path(store, "index.txt")));
	ds_names_free(&names);
	WORKS(DsBackupEnd(hbc));
}
END_TEST

/* ---- odd names ---- */

/* Not UTF-8 in every way; a backslash; U+F05C, which stands for one; surrogates; the
 * first and last characters of UTF-8's lengths. */
static const char *const odd_names[] = {"\x80\xff", "a\\b", "\xef\x81\x9c",
	"\xed\xb2\x80", "\xed\xa0\x80x", " blank \n", "\xc3", "\xe2\x82", "\xf0\x9f\x94",
	"\xc0\xaf", "\xf4\x90\x80\x80", "\xf8\x88", "\x7f", "\xc2\x80", "\xdf\xbf",
	"\xe0\xa0\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
	"\xc3\xa4\xf0\x9f\x94\x91"};

#define ODD_NAMES (sizeof(odd_names) / sizeof(odd_names[0]))

static void add_odd_files(const char *names)
{
	char extra[5000], name[64];

	ck_assert_int_eq(mkdir(store_path(store, "odd"), 0755), 0);
	for (size_t i = 0; i < ODD_NAMES; i++) {
		(void)snprintf(name, sizeof(name), "odd/%s", odd_names[i]);
		support_write(store_path(store, name), odd_names[i]);
	}
	(void)snprintf(extra, sizeof(extra), "database = %s\n[server]\nnames = %s\n",
		store_path(store, "odd/*"), names);
	store_configure(store, extra);
}

START_TEST(odd_file_names_come_back_as_they_are)
{
	const struct ds_form *form = &ds_forms[_i % DS_FORMS];
	struct ds_names names;
	HBC hbc;

	add_odd_files(_i < DS_FORMS ? "unc" : "posix");
	hbc = ds_begin(form);
	names = ds_databases(form, hbc);
	ck_assert_uint_eq(names.count, 4 + ODD_NAMES);
	ds_names_free(&names);
	ds_deliver(form, hbc);
	WORKS(DsBackupTruncateLogs(hbc));
	WORKS(DsBackupEnd(hbc));
}
END_TEST

static char *path_of(const char *name)
{
	const struct unc_share share = {
		.name = strdup("certs"), .path = strdup(store->data)};
	const struct unc_scheme scheme = {
		.server = STORE_NAME, .shares = &share, .share_count = 1};
	char *path = NULL;

	ck_assert_int_eq(unc_to_path(&scheme, name, &path), STATUS_OK);
	free(share.name);
	free(share.path);
	return path;
}

/* Both lists name the same files in the same order, and each form opens what the other
 * one listed. */
START_TEST(both_forms_name_the_same_files)
{
	struct ds_names narrow, wide;
	LARGE_INTEGER length;
	HBC hbc;

	add_odd_files("unc");
	hbc = ds_begin(&ds_forms[0]);
	narrow = ds_databases(&ds_forms[0], hbc);
	wide = ds_databases(&ds_forms[1], hbc);
	ck_assert_uint_eq(narrow.count, wide.count);
	for (size_t i = 0; i < narrow.count; i++) {
		char *a = path_of(narrow.items[i].name), *w = path_of(wide.items[i].name);

		ck_assert_str_eq(a, w);
		WORKS(DsBackupOpenFileA(hbc, wide.items[i].name, DS_READ_SIZE, &length));
		WORKS(DsBackupClose(hbc));
		WORKS(ds_forms[1].open(hbc, narrow.items[i].name, DS_READ_SIZE, &length));
		WORKS(DsBackupClose(hbc));
		free(a);
		free(w);
	}
	ds_names_free(&narrow);
	ds_names_free(&wide);
	WORKS(DsBackupEnd(hbc));
}
END_TEST

/* One character of each plane, and the last one but two: the same text in both forms,
 * and the character that it is. */
START_TEST(characters_of_every_plane_are_themselves)
{
	char extra[5000], name[64], utf8[5];
	struct ds_names narrow, wide;
	HBC hbc;

	ck_assert_int_eq(mkdir(store_path(store, "planes"), 0755), 0);
	for (uint32_t plane = 0; plane <= 16; plane++) {
		utf8[text_encode(plane << 16 | 0x4321, utf8)] = '\0';
		(void)snprintf(name, sizeof(name), "planes/%s", utf8);
		support_write(store_path(store, name), utf8);
	}
	(void)snprintf(
		extra, sizeof(extra), "database = %s\n", store_path(store, "planes/*"));
	store_configure(store, extra);
	hbc = ds_begin(&ds_forms[0]);
	narrow = ds_databases(&ds_forms[0], hbc);
	wide = ds_databases(&ds_forms[1], hbc);
	ck_assert_uint_eq(narrow.count, 4 + 17);
	ck_assert_uint_eq(wide.count, 4 + 17);
	for (uint32_t plane = 0; plane <= 16; plane++) {
		utf8[text_encode(plane << 16 | 0x4321, utf8)] = '\0';
		(void)snprintf(name, sizeof(name), "\\\\ca01\\certs\\planes\\%s", utf8);
		ck_assert(ds_has(&narrow, 'D', name));
		ck_assert(ds_has(&wide, 'D', name));
	}
	ds_names_free(&narrow);
	ds_names_free(&wide);
	ds_deliver(&ds_forms[_i], hbc);
	WORKS(DsBackupEnd(hbc));
}
END_TEST

/* ---- open ---- */

static void opens(const struct ds_form *form, HBC hbc, const char *name)
{
	char *content = ds_stream(form, hbc, name, NULL);
	char *expected = support_read(store_path(store, "index.txt"));

	ck_assert_str_eq(content, expected);
	free(content);
	free(expected);
}

START_TEST(a_listed_name_opens_in_every_spelling)
{
	const struct ds_form *form = &ds_forms[_i];
	const char *posix = store_path(store, "index.txt");
	char tagged[4200], through_root[4200];
	HBC hbc = ds_begin(form);

	(void)snprintf(tagged, sizeof(tagged), "D%s", posix);
	(void)snprintf(through_root, sizeof(through_root), "\\\\ca01\\posix$%s", posix);
	for (char *p = through_root; *p; p++)
		if (*p == '/')
			*p = '\\';
	list_databases(form, hbc);
	opens(form, hbc, INDEX_NAME);
	opens(form, hbc, "D" INDEX_NAME);
	opens(form, hbc, "\\\\CA01\\certs\\index.txt");
	opens(form, hbc, posix);
	opens(form, hbc, tagged);
	opens(form, hbc, through_root);
	WORKS(DsBackupEnd(hbc));
}
END_TEST

START_TEST(only_listed_names_open)
{
	static const char *const names[] = {"", "D", "!", "\x82", "\\\\", "\\\\ca01", "/",
		"\\\\ca01\\certs", "\\\\ca01\\certs\\newcerts",
		"\\\\ca01\\certs\\nothing", "\\\\ca01\\certs\\newcerts\\..\\index.txt",
		"\\\\ca01\\certs\\.\\index.txt", "\\\\ca01\\posix$\\etc\\passwd",
		"/etc/passwd", "D/etc/passwd", "\\\\other\\certs\\index.txt",
		"\\\\ca01\\nothing\\index.txt", "index.txt", "\\\\ca01\\certs\\ca.pem",
		"\\\\ca01\\certs\\index.txt\\x", "\xff\xfe", "\xed\xb2\x80\xed\xa0\x80",
		"DD\\\\ca01\\certs\\index.txt", "%s%s%s%n"};
	const struct ds_form *form = &ds_forms[_i];
	HBC hbc = ds_begin(form);
	LARGE_INTEGER length = {.QuadPart = -1};

	support_write(store_path(store, "ca.pem"), "a dynamic file");
	FAILS(form->open(hbc, INDEX_NAME, DS_READ_SIZE, &length),
		WIN32(ERROR_FILE_NOT_FOUND)); /* not listed yet */
	list_databases(form, hbc);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		length.QuadPart = -1;
		FAILS(form->open(hbc, names[i], DS_READ_SIZE, &length),
			WIN32(ERROR_FILE_NOT_FOUND));
		ck_assert_int_eq(length.QuadPart, 0);
	}
	WORKS(DsBackupEnd(hbc));
}
END_TEST

START_TEST(open_refuses_bad_arguments)
{
	static const WCHAR beyond_unicode[] = {L'/', 0x7fffffff, 0};
	const struct ds_form *form = &ds_forms[_i];
	char *endless = malloc(1000001);
	HBC hbc = ds_begin(form);
	LARGE_INTEGER length = {.QuadPart = -1};

	list_databases(form, hbc);
	FAILS(form->open(hbc, NULL, DS_READ_SIZE, &length), INVALID);
	ck_assert_int_eq(length.QuadPart, 0);
	FAILS(form->open(hbc, INDEX_NAME, DS_READ_SIZE, NULL), INVALID);
	length.QuadPart = -1;
	FAILS(DsBackupOpenFileW(hbc, beyond_unicode, DS_READ_SIZE, &length),
		WIN32(ERROR_NO_UNICODE_TRANSLATION));
	ck_assert_int_eq(length.QuadPart, 0);
	ck_assert_ptr_nonnull(endless);
	memset(endless, '/', 1000000);
	endless[1000000] = '\0';
	FAILS(form->open(hbc, endless, DS_READ_SIZE, &length),
		WIN32(ERROR_FILE_NOT_FOUND));
	free(endless);
	WORKS(DsBackupEnd(hbc));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ntdsbcli_files");
	TCase *tc = tcase_create("files");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, lists_need_both_pointers, 0, DS_FORMS);
	tcase_add_loop_test(tc, databases_are_tagged_unc_names, 0, DS_FORMS);
	tcase_add_test(tc, tags_are_the_headers_constants);
	tcase_add_loop_test(tc, an_empty_list_is_two_nuls, 0, DS_FORMS);
	tcase_add_loop_test(tc, posix_names_are_listed_where_configured, 0, DS_FORMS);
	tcase_add_loop_test(tc, odd_file_names_come_back_as_they_are, 0, 2 * DS_FORMS);
	tcase_add_test(tc, both_forms_name_the_same_files);
	tcase_add_loop_test(tc, characters_of_every_plane_are_themselves, 0, DS_FORMS);
	tcase_add_loop_test(tc, a_listed_name_opens_in_every_spelling, 0, DS_FORMS);
	tcase_add_loop_test(tc, only_listed_names_open, 0, DS_FORMS);
	tcase_add_loop_test(tc, open_refuses_bad_arguments, 0, DS_FORMS);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
