/* The same source gives the same results whatever its WCHAR is: the Sis functions. */
#include "widths.h"

#include <sys/stat.h>
#include <unistd.h>

#include "sis_fixture.h"

#define CONTENT_SIZE ((size_t)50000)

static const struct widths_sis *const all[WIDTHS] = {
	&widths_sis_wide, &widths_sis_utf16, &widths_sis_short, &widths_sis_winelib};

static char *volume, *link_path, *content;
static uint8_t reparse[72];

static void setup(void)
{
	volume = sis_path(support_tmpdir(), "volume \xf0\x9f\x98\x80\xff");
	link_path = sis_path(volume, "link \xf4\x80\x88\xb4\x80\\");
	ck_assert_int_eq(mkdir(volume, 0755), 0);
	content = sis_content(CONTENT_SIZE, 9);
	sis_reparse(SIS_GUID_A, 3, content, CONTENT_SIZE, reparse);
	sis_put_store_file(volume, SIS_GUID_A, content, CONTENT_SIZE);
}

START_TEST(sis_backup_passes_are_the_same)
{
	struct notes notes[WIDTHS];

	for (size_t i = 0; i < WIDTHS; i++) {
		all[i]->backup(notes_begin(&notes[i]), volume, reparse);
		notes_end(&notes[i]);
		check_no_blocks();
	}
	ck_assert_uint_eq(notes_count(&notes[0], SIS_GUID_A ".sis"), 1);
	ck_assert_uint_eq(notes_count(&notes[0], "\tthe same\n"), 1);
	ck_assert_uint_eq(notes_count(&notes[0], "(last error"), 0);
	notes_check_same(notes);
}
END_TEST

START_TEST(sis_restore_passes_are_the_same)
{
	struct notes notes[WIDTHS];
	char *store_file = sis_path(sis_path(volume, STORE_NAME), SIS_GUID_A ".sis");

	if (geteuid() != 0)
		return;
	for (size_t i = 0; i < WIDTHS; i++) {
		char *data;
		size_t size;

		ck_assert_int_eq(unlink(store_file), 0);
		(void)unlink(link_path);
		all[i]->restore(notes_begin(&notes[i]), volume, link_path, reparse,
			content, CONTENT_SIZE);
		notes_end(&notes[i]);
		data = sis_get(link_path, &size);
		ck_assert_uint_eq(size, CONTENT_SIZE);
		ck_assert_mem_eq(data, content, size);
		check_no_blocks();
	}
	/* The store file that was not there yet. */
	ck_assert_uint_eq(notes_count(&notes[0], "(last error"), 1);
	notes_check_same(notes);
}
END_TEST

START_TEST(what_is_no_unicode_is_refused_everywhere)
{
	struct notes notes[WIDTHS];

	for (size_t i = 0; i < WIDTHS; i++) {
		all[i]->invalid(notes_begin(&notes[i]));
		notes_end(&notes[i]);
		notes_check_untranslatable(&notes[i], 7 * 4);
		check_no_blocks();
	}
	notes_check_same(notes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("widths_sis");
	TCase *tcase = tcase_create("widths_sis");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, sis_backup_passes_are_the_same);
	tcase_add_test(tcase, sis_restore_passes_are_the_same);
	tcase_add_test(tcase, what_is_no_unicode_is_refused_everywhere);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
