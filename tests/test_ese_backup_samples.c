/* Backups and restores of files that Windows wrote (ese_samples.h). */
#include <string.h>
#include <unistd.h>

#include "base/names.h"
#include "ese_samples.h"
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

static void copy_srum(void)
{
	static const char *const files[] = {"SRUDB.dat", "SRU0004E.log", "SRU0004F.log",
		"SRU00050.log", "SRU00051.log", "SRU.log", "SRU.chk", "SRUtmp.log",
		"SRUres00001.jrs", "SRUres00002.jrs"};
	char lines[4096], name[64];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(name, sizeof(name), "srum-4k-dirty/%s", files[i]);
		ese_samples_copy(name, site->data, files[i]);
	}
	(void)snprintf(lines, sizeof(lines), "database = %s\n",
		ese_site_path(site, "SRUDB.dat"));
	ese_site_configure(site, lines);
}

static struct ese_session begin(bool ds)
{
	struct ese_session session;
	HRESULT hr = ese_begin(ds, ESE_FULL, &session);

	ck_assert_msg(hr == S_OK, "%s", backupapi_error_detail());
	return session;
}

START_TEST(a_clean_database_is_delivered)
{
	ese_samples_copy("search-32k-clean.edb.gz", site->data, "search.edb");
	ese_back_up(_i, ESE_FULL, false, NULL);
}
END_TEST

START_TEST(a_dirty_set_is_delivered_with_its_logs)
{
	struct ese_session session;
	struct names logs;

	copy_srum();
	session = begin(_i);
	ese_deliver(&session, ESE_FULL, ese_site_path(site, "SRU.log"), NULL);
	logs = ese_logs(&session);
	ck_assert_uint_eq(logs.count, 2);
	ck_assert_str_eq(logs.items[0], ese_site_path(site, "SRU00051.log"));
	/* nothing but its header is written */
	ck_assert_str_eq(logs.items[1], ese_site_path(site, "SRU00052.log.part-4096"));
	names_free(&logs);
	ese_end(&session);
}
END_TEST

START_TEST(a_dirty_set_is_restored_and_found_complete)
{
	static const char *const databases[] = {"SRUDB.dat", NULL};
	static const char *const written[][2] = {{"srum-4k-dirty/SRUDB.dat", "SRUDB.dat"},
		{"srum-4k-dirty/SRU00051.log", "SRU00051.log"},
		{"srum-4k-dirty/SRU.log", "SRU.log"}};
	char *set = ese_site_directory(site, "set");
	struct ese_session session;
	void *handle;

	copy_srum();
	session = begin(true);
	ese_deliver(&session, ESE_FULL, ese_site_path(site, "SRU.log"), set);
	ese_end(&session);
	ck_assert_int_eq(unlink(ese_site_path(site, "SRUDB.dat")), 0);
	ck_assert_int_eq(unlink(ese_site_path(site, "SRU00051.log")), 0);
	ck_assert_int_eq(unlink(ese_site_path(site, "SRU.log")), 0);
	handle = ese_restore_begin();
	ese_restore_full(site, handle, set, databases, 0x51, 0x52);
	ck_assert_msg(
		ese_restore_recover(handle) == S_OK, "%s", backupapi_error_detail());
	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
		size_t size, restored_size;
		uint8_t *original = ese_samples_read(written[i][0], &size);
		uint8_t *restored = ese_store_read(
			ese_site_path(site, written[i][1]), &restored_size);

		ck_assert_uint_eq(size, restored_size);
		ck_assert_msg(memcmp(original, restored, size) == 0, "%s", written[i][1]);
		free(original);
		free(restored);
	}
	ck_assert(ese_site_was_replaced(site, "SRU00050.log"));
	ck_assert(ese_site_was_replaced(site, "SRU.chk"));
	ck_assert(ese_site_was_replaced(site, "SRUtmp.log"));
	free(set);
}
END_TEST

/* The log that it needs is not among the samples. */
START_TEST(a_dirty_set_with_a_log_that_is_made_is_delivered_and_restored)
{
	static const char *const databases[] = {"qmgr.edb", NULL};
	char *set = ese_site_directory(site, "set");
	size_t size, restored_size;
	uint8_t *original = ese_samples_read("qmgr-16k-dirty.db", &size), *restored;
	struct ese_session session;
	struct names logs;
	void *handle;

	ese_samples_copy("qmgr-16k-dirty.db", site->data, "qmgr.edb");
	ese_samples_write_log(
		"qmgr-16k-dirty.db", 0xe, ese_site_path(site, "edb0000E.log"));
	session = begin(_i);
	ese_deliver(&session, ESE_FULL, NULL, set);
	logs = ese_logs(&session);
	ck_assert_uint_eq(logs.count, 1);
	ck_assert_str_eq(logs.items[0], ese_site_path(site, "edb0000E.log"));
	names_free(&logs);
	ese_end(&session);
	ck_assert_int_eq(unlink(ese_site_path(site, "qmgr.edb")), 0);
	handle = ese_restore_begin();
	ese_restore_full(site, handle, set, databases, 0xe, 0xe);
	ck_assert_msg(
		ese_restore_recover(handle) == S_OK, "%s", backupapi_error_detail());
	restored = ese_store_read(ese_site_path(site, "qmgr.edb"), &restored_size);
	ck_assert_uint_eq(size, restored_size);
	ck_assert(memcmp(original, restored, size) == 0);
	free(restored);
	free(original);
	free(set);
}
END_TEST

START_TEST(a_set_whose_log_is_missing_is_refused)
{
	struct ese_session session;

	ese_samples_copy("qmgr-16k-dirty.db", site->data, "qmgr.edb");
	FAILS(ese_begin(_i, ESE_FULL, &session), hrMissingLogFile);
	ese_detail_has("0xE to 0xE");
	copy_srum();
	ck_assert_int_eq(unlink(ese_site_path(site, "SRU00051.log")), 0);
	FAILS(ese_begin(_i, ESE_FULL, &session), hrMissingLogFile);
	ese_detail_has("0x51 to 0x51");
}
END_TEST

START_TEST(foreign_pages_fail_the_read)
{
	struct ese_session session;
	uint8_t *data, *original;
	size_t size, whole;
	struct names names;

	ese_samples_copy("srum-4k-bad-tail.dat", site->data, "tail.edb");
	original = ese_samples_read("srum-4k-bad-tail.dat", &whole);
	session = begin(false);
	names = ese_databases(&session);
	FAILS(ese_fetch(&session, names.items[0], 4096, &data, &size),
		hrReadVerifyFailure);
	ese_detail_has("page 143 at offset 589824");
	ck_assert_uint_eq(size, 589824);
	ck_assert(memcmp(data, original, size) == 0);
	free(data);
	free(original);
	names_free(&names);
	ese_end(&session);
}
END_TEST

/* Trace goes to stderr: what a child says there is read back. */
static char *trace_of_backup(bool ds)
{
	const char *path = ese_site_path(site, "../trace");
	char *text;
	int saved = dup(STDERR_FILENO);
	FILE *f = freopen(path, "we", stderr);

	ck_assert_ptr_nonnull(f);
	ese_back_up(ds, ESE_FULL, false, NULL);
	ck_assert_int_eq(fflush(stderr), 0);
	ck_assert_int_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	(void)close(saved);
	text = support_read(path);
	return text;
}

START_TEST(foreign_pages_can_be_only_reported)
{
	char *text, name[64];
	size_t lines = 0;

	ese_samples_copy("srum-4k-bad-tail.dat", site->data, "tail.edb");
	ese_site_configure(site, "verify = report\n");
	text = trace_of_backup(_i);
	for (const char *p = text; (p = strstr(p, "its checksum is wrong")); p++)
		lines++;
	ck_assert_uint_eq(lines, 16);
	for (unsigned page = 143; page <= 158; page++) {
		(void)snprintf(name, sizeof(name), "page %u at offset %u:", page,
			(page + 1) * 4096);
		ck_assert_msg(strstr(text, name) != NULL, "%s", name);
	}
	free(text);
}
END_TEST

int main(void)
{
	const int missing = ese_samples_missing();
	Suite *suite = suite_create("ese_backup_samples");
	TCase *samples = tcase_create("samples");

	if (missing)
		return missing;
	if (setenv("BACKUPAPI_LOG", "error", 1) != 0)
		return EXIT_FAILURE;
	tcase_add_checked_fixture(samples, set_up, tear_down);
	tcase_set_timeout(samples, 120);
	tcase_add_loop_test(samples, a_clean_database_is_delivered, 0, 2);
	tcase_add_loop_test(samples, a_dirty_set_is_delivered_with_its_logs, 0, 2);
	tcase_add_test(samples, a_dirty_set_is_restored_and_found_complete);
	tcase_add_loop_test(samples,
		a_dirty_set_with_a_log_that_is_made_is_delivered_and_restored, 0, 2);
	tcase_add_loop_test(samples, a_set_whose_log_is_missing_is_refused, 0, 2);
	tcase_add_test(samples, foreign_pages_fail_the_read);
	tcase_add_loop_test(samples, foreign_pages_can_be_only_reported, 0, 2);
	suite_add_tcase(suite, samples);
	return support_run(suite);
}
