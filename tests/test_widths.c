/* The same source gives the same results whatever its WCHAR is, and all kinds in one
 * program; test_widths_sis has the Sis functions. */
#include "widths.h"

#include "base/text.h"
#include "store.h"

static const struct widths *const all[WIDTHS] = {
	&widths_wide, &widths_utf16, &widths_short, &widths_winelib};

/* ---- a store with names of every plane ---- */

static struct store *store;

static const char *const odd_names[] = {"a\\b", "\x80\xff", "\xef\x81\x9c",
	"\xed\xa0\xbd\xed\xb8\x80", "\xed\xb2\x80", "\xf0\x9f\x98\x80\x80",
	"\xef\xbf\xbf"};

static void put_named(const char *directory, const char *name, const char *extension)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s.%s", directory, name, extension);
	support_write(store_path(store, path), "content\n");
}

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
	for (uint32_t plane = 0; plane <= 16; plane++) {
		char name[32] = "plane ";

		name[6 + text_encode(plane << 16 | 0x1234, name + 6)] = '\0';
		put_named("newcerts", name, "pem");
		put_named("crl", name, "crl");
	}
	for (size_t i = 0; i < sizeof(odd_names) / sizeof(odd_names[0]); i++) {
		put_named("newcerts", odd_names[i], "pem");
		put_named("crl", odd_names[i], "crl");
	}
}

static void teardown(void)
{
	store_free(store);
}

START_TEST(kinds_have_their_widths)
{
	ck_assert_uint_eq(widths_wide.character, 4);
	ck_assert_uint_eq(widths_utf16.character, 2);
	ck_assert_uint_eq(widths_short.character, 2);
	ck_assert_uint_eq(widths_winelib.character, 2);
}
END_TEST

START_TEST(literals_are_the_same_text)
{
	struct notes notes[WIDTHS];

	for (size_t i = 0; i < WIDTHS; i++) {
		all[i]->literals(notes_begin(&notes[i]));
		notes_end(&notes[i]);
	}
	ck_assert_str_eq(notes[0].text,
		"NTDS Backup Interface\nNTDS Restore Interface\n"
		"\xc3\xa4\xef\xbf\xbf\xf0\x90\x80\x80\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\n"
		"21 82 44\n");
	notes_check_same(notes);
}
END_TEST

START_TEST(certsrv_backup_and_restore_are_the_same)
{
	struct notes notes[WIDTHS];

	for (size_t i = 0; i < WIDTHS; i++) {
		all[i]->certsrv(notes_begin(&notes[i]));
		notes_end(&notes[i]);
		check_no_blocks();
	}
	/* Two restores with 17 planes, 7 odd names and the 4 that were there. */
	ck_assert_uint_eq(
		notes_count(&notes[0], "backupapi_recover(NULL): 0x00000000\n"), 2);
	ck_assert_uint_eq(notes_count(&notes[0], "\tholds "), 28);
	ck_assert_uint_eq(notes_count(&notes[0], "\tis "), 28 + 24);
	ck_assert_uint_eq(notes_count(&notes[0], "(last error"), 6);
	store_expect(store, "newcerts/plane \xf4\x81\x88\xb4.pem", "content\n");
	store_expect(store, "newcerts/01.pem", "certificate one\n");
	notes_check_same(notes);
}
END_TEST

START_TEST(ds_backup_and_restore_are_the_same)
{
	struct notes notes[WIDTHS];

	for (size_t i = 0; i < WIDTHS; i++) {
		all[i]->ds(notes_begin(&notes[i]));
		notes_end(&notes[i]);
		check_no_blocks();
	}
	ck_assert_uint_eq(
		notes_count(&notes[0], "backupapi_recover(NULL): 0x00000000\n"), 1);
	ck_assert_uint_eq(notes_count(&notes[0], "\tholds "), 28);
	store_expect(store, "newcerts/plane \xf0\x91\x88\xb4.pem", "content\n");
	notes_check_same(notes);
}
END_TEST

START_TEST(what_is_no_unicode_is_refused_everywhere)
{
	struct notes notes[WIDTHS];

	for (size_t i = 0; i < WIDTHS; i++) {
		all[i]->invalid(notes_begin(&notes[i]));
		notes_end(&notes[i]);
		notes_check_untranslatable(&notes[i], 7 * (15 + 13 + 2));
		check_no_blocks();
	}
	notes_check_same(notes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("widths");
	TCase *tcase = tcase_create("widths");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, kinds_have_their_widths);
	tcase_add_test(tcase, literals_are_the_same_text);
	tcase_add_test(tcase, certsrv_backup_and_restore_are_the_same);
	tcase_add_test(tcase, ds_backup_and_restore_are_the_same);
	tcase_add_test(tcase, what_is_no_unicode_is_refused_everywhere);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
