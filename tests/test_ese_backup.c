/* Backups of ESE stores: what is streamed, and what is found to be wrong with it. */
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <backupapi/ese.h>

#include "base/names.h"
#include "ese_site.h"

static struct ese_site *site;

static void set_up(void)
{
	site = ese_site_make();
}

static void tear_down(void)
{
	ese_site_free(site);
}

static struct ese_session begin(void)
{
	struct ese_session session;
	HRESULT hr = ese_begin(false, ESE_FULL, &session);

	ck_assert_msg(hr == S_OK, "%s", backupapi_error_detail());
	return session;
}

static struct ese_session begin_listed(void)
{
	struct ese_session session = begin();
	struct names names = ese_databases(&session);

	names_free(&names);
	return session;
}

static void refused(HRESULT code, const char *part)
{
	struct ese_session session;

	FAILS(ese_begin(false, ESE_FULL, &session), code);
	ck_assert_ptr_null(session.handle);
	ese_detail_has(part);
}

/* Reads DIR/data/NAME, which fails; the bytes before. */
static size_t read_fails(const struct ese_session *session, const char *name,
	size_t piece, HRESULT code, const char *part)
{
	uint8_t *data;
	size_t size;

	FAILS(ese_fetch(session, ese_site_path(site, name), piece, &data, &size), code);
	ese_detail_has(part);
	free(data);
	return size;
}

/* ---- content ---- */

static const uint32_t page_sizes[] = {2048, 4096, 8192, 16384, 32768};
static const size_t pieces[] = {1000, 4096, 4097, 24576, 50000, 1 << 20};

START_TEST(any_buffer_gets_the_bytes_of_the_file)
{
	const struct ese_store_database database = {
		.page_size = page_sizes[_i],
		.pages = 21,
		.unused_every = 4,
		.legacy_every = 3,
		.state = 3,
		.signature = 1,
		.seed = 5,
	};
	struct ese_session session;
	size_t expected_size;
	uint8_t *expected;

	ese_store_write_database(ese_site_path(site, "a.edb"), &database);
	expected = ese_store_read(ese_site_path(site, "a.edb"), &expected_size);
	session = begin();
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct names names = ese_databases(&session);
		uint8_t *data;
		size_t size;

		ck_assert_uint_eq(names.count, 1);
		WORKS(ese_fetch(&session, names.items[0], pieces[i], &data, &size));
		ck_assert_uint_eq(size, expected_size);
		ck_assert(memcmp(data, expected, size) == 0);
		free(data);
		names_free(&names);
	}
	ese_end(&session);
	free(expected);
}
END_TEST

START_TEST(both_families_deliver_databases_and_logs)
{
	ese_site_database(site, "a.edb", 3, 4);
	ese_site_database(site, "b.edb", 0, 0);
	ese_site_logs(site, 2, 6);
	ese_back_up(false, ESE_FULL, false, NULL);
	ese_back_up(true, ESE_FULL, false, NULL);
}
END_TEST

START_TEST(the_engine_is_recognised)
{
	char lines[4096];

	(void)snprintf(lines, sizeof(lines), "engine = auto\nlog_dir = %s\n", site->data);
	ese_site_configure(site, lines);
	ese_site_database(site, "a.edb", 3, 4);
	ese_site_logs(site, 3, 5);
	ese_back_up(false, ESE_FULL, false, NULL);
}
END_TEST

/* ---- damage ---- */

START_TEST(a_damaged_page_fails_the_read_again_and_again)
{
	const size_t piece = pieces[_i];
	struct ese_session session;
	size_t before;

	ese_site_database(site, "a.edb", 0, 0);
	ese_site_damage(site, "a.edb", 11 * 4096 + 100, 0x18);
	session = begin_listed();
	before = read_fails(
		&session, "a.edb", piece, hrReadVerifyFailure, "page 10 at offset 45056");
	ck_assert_uint_le(before, 11 * 4096);
	ck_assert_uint_gt(before + piece, 11 * 4096);
	ck_assert_uint_eq(read_fails(&session, "a.edb", piece, hrReadVerifyFailure,
				  "page 10 at offset 45056"),
		before);
	ese_end(&session);
}
END_TEST

START_TEST(damage_that_is_only_reported_is_handed_out)
{
	ese_site_database(site, "a.edb", 0, 0);
	ese_site_damage(site, "a.edb", 4096 + 700, 0xff);
	ese_site_damage(site, "a.edb", 11 * 4096 + 100, 0x18);
	ese_site_damage(site, "a.edb", 31 * 4096 + 1, 0x80);
	ese_site_configure(site, "verify = report\n");
	ese_back_up(false, ESE_FULL, false, NULL);
	ese_back_up(true, ESE_FULL, false, NULL);
}
END_TEST

START_TEST(a_single_wrong_bit_is_located_and_not_repaired)
{
	struct ese_session session;

	ese_site_database(site, "a.edb", 0, 0);
	ese_site_damage(site, "a.edb", 12 * 4096 + 1000, 0x04);
	session = begin_listed();
	read_fails(&session, "a.edb", _i ? 24576 : 333, hrReadVerifyFailure,
		"bit 2 of byte 1000");
	ese_end(&session);
}
END_TEST

static void swap_pages(const char *name, size_t a, size_t b)
{
	size_t size;
	uint8_t *data = ese_store_read(ese_site_path(site, name), &size);
	uint8_t page[4096];

	memcpy(page, data + a * 4096, sizeof(page));
	memcpy(data + a * 4096, data + b * 4096, sizeof(page));
	memcpy(data + b * 4096, page, sizeof(page));
	ese_store_write(ese_site_path(site, name), data, size);
	free(data);
}

START_TEST(swapped_pages_are_in_the_wrong_place)
{
	struct ese_session session;

	ese_site_database(site, "a.edb", 0, 0);
	swap_pages("a.edb", 7, 9);
	session = begin_listed();
	ck_assert_uint_eq(read_fails(&session, "a.edb", 4096, BACKUPAPI_ESE_WRONG_PAGE,
				  "page 6 at offset 28672"),
		7 * 4096);
	ese_end(&session);
}
END_TEST

START_TEST(a_number_that_no_page_of_the_file_has_is_damage)
{
	struct ese_session session;

	ese_site_database(site, "a.edb", 0, 0);
	ese_site_damage(site, "a.edb", 7 * 4096 + 3, 0x80);
	session = begin_listed();
	ck_assert_uint_eq(read_fails(&session, "a.edb", 4096, hrReadVerifyFailure,
				  "page 6 at offset 28672"),
		7 * 4096);
	ese_detail_has("bit 7 of byte 3");
	ese_end(&session);
}
END_TEST

START_TEST(a_database_that_is_cut_off_is_refused)
{
	ese_site_database(site, "a.edb", 0, 0);
	ck_assert_int_eq(truncate(ese_site_path(site, "a.edb"), 20 * 4096 + 1), 0);
	refused(hrDatabaseInvalidPages, "a.edb");
	ck_assert_int_eq(truncate(ese_site_path(site, "a.edb"), 2 * 4096), 0);
	refused(hrDatabaseInvalidPages, "a.edb");
}
END_TEST

START_TEST(both_copies_of_the_header_are_verified)
{
	struct ese_session session;

	ese_site_database(site, "a.edb", 0, 0);
	ese_site_damage(site, "a.edb", _i * 4096 + 300, 1);
	session = begin_listed();
	ck_assert_uint_eq(
		read_fails(&session, "a.edb", 4096, hrReadVerifyFailure,
			_i ? "second copy of the header" : "first copy of the header"),
		(size_t)_i * 4096);
	ese_end(&session);
	ese_site_damage(site, "a.edb", (1 - _i) * 4096 + 300, 1);
	refused(hrDatabaseCorrupted, "a.edb");
}
END_TEST

START_TEST(pages_without_checksums_are_not_verified)
{
	const struct ese_store_database database = {
		.page_size = 4096, .pages = 9, .state = 1, .signature = 1, .seed = 5};
	struct ese_session session;

	ese_store_write_database(ese_site_path(site, "a.edb"), &database);
	ese_site_damage(site, "a.edb", 5 * 4096 + 300, 1);
	ese_back_up(false, ESE_FULL, false, NULL);
	ese_site_damage(site, "a.edb", 300, 1);
	session = begin_listed();
	read_fails(&session, "a.edb", 4096, hrReadVerifyFailure, "header");
	ese_end(&session);
}
END_TEST

START_TEST(what_is_no_database_is_refused)
{
	support_write(ese_site_path(site, "a.edb"), "not a database\n");
	refused(hrDatabaseCorrupted, "a.edb");
	ck_assert_int_eq(unlink(ese_site_path(site, "a.edb")), 0);
	refused(WIN32(ERROR_FILE_NOT_FOUND), "*.edb");
}
END_TEST

/* ---- changes meanwhile ---- */

START_TEST(a_file_that_changes_meanwhile_is_named)
{
	const struct timespec times[2] = {{1, 0}, {1, 0}};
	struct ese_session session;
	uint8_t *data;
	size_t size;

	ese_site_database(site, "a.edb", 0, 0);
	ese_site_database(site, "b.edb", 0, 0);
	session = begin_listed();
	WORKS(ese_fetch(&session, ese_site_path(site, "a.edb"), 4096, &data, &size));
	free(data);
	ck_assert_int_eq(utimensat(-1, ese_site_path(site, "b.edb"), times, 0), 0);
	read_fails(&session, "b.edb", 4096, WIN32(ERROR_BUSY), "b.edb: changed");
	ck_assert_int_eq(unlink(ese_site_path(site, "b.edb")), 0);
	read_fails(&session, "b.edb", 4096, WIN32(ERROR_BUSY), "b.edb: vanished");
	ese_end(&session);
}
END_TEST

START_TEST(a_file_that_changes_while_it_is_read_is_not_delivered_whole)
{
	const struct timespec times[2] = {{1, 0}, {1, 0}};
	struct ese_session session;
	LARGE_INTEGER length;
	WCHAR *list;
	char *buffer = malloc(1 << 20);
	DWORD size, got;

	ck_assert_ptr_nonnull(buffer);
	ese_site_database(site, "a.edb", 0, 0);
	session = begin();
	WORKS(CertSrvBackupGetDatabaseNamesW(session.handle, &list, &size));
	WORKS(CertSrvBackupOpenFileW(session.handle, list, 0, &length));
	WORKS(CertSrvBackupRead(session.handle, buffer, 8192, &got));
	ck_assert_int_eq(utimensat(-1, ese_site_path(site, "a.edb"), times, 0), 0);
	FAILS(CertSrvBackupRead(session.handle, buffer, 1 << 20, &got),
		WIN32(ERROR_BUSY));
	WORKS(CertSrvBackupClose(session.handle));
	CertSrvBackupFree(list);
	ese_end(&session);
	free(buffer);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ese_backup");
	TCase *content = tcase_create("content"), *damage = tcase_create("damage");
	TCase *changes = tcase_create("changes");

	tcase_add_checked_fixture(content, set_up, tear_down);
	tcase_add_loop_test(content, any_buffer_gets_the_bytes_of_the_file, 0, 5);
	tcase_add_test(content, both_families_deliver_databases_and_logs);
	tcase_add_test(content, the_engine_is_recognised);
	suite_add_tcase(suite, content);

	tcase_add_checked_fixture(damage, set_up, tear_down);
	tcase_add_loop_test(damage, a_damaged_page_fails_the_read_again_and_again, 0, 6);
	tcase_add_test(damage, damage_that_is_only_reported_is_handed_out);
	tcase_add_loop_test(damage, a_single_wrong_bit_is_located_and_not_repaired, 0, 2);
	tcase_add_test(damage, swapped_pages_are_in_the_wrong_place);
	tcase_add_test(damage, a_number_that_no_page_of_the_file_has_is_damage);
	tcase_add_test(damage, a_database_that_is_cut_off_is_refused);
	tcase_add_loop_test(damage, both_copies_of_the_header_are_verified, 0, 2);
	tcase_add_test(damage, pages_without_checksums_are_not_verified);
	tcase_add_test(damage, what_is_no_database_is_refused);
	suite_add_tcase(suite, damage);

	tcase_add_checked_fixture(changes, set_up, tear_down);
	tcase_add_test(changes, a_file_that_changes_meanwhile_is_named);
	tcase_add_test(
		changes, a_file_that_changes_while_it_is_read_is_not_delivered_whole);
	suite_add_tcase(suite, changes);
	return support_run(suite);
}
