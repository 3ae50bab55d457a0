/* Restores of ESE stores: what is put in place, and what is found to be missing or wrong. */
#include <unistd.h>

#include <backupapi/ese.h>

#include "ese_site.h"

static const char *const databases[] = {"a.edb", NULL};

static struct ese_site *site;
static char *full, *incremental, *other;

static void set_up(void)
{
	site = ese_site_make();
	full = ese_site_directory(site, "full");
	incremental = ese_site_directory(site, "incremental");
	other = ese_site_directory(site, "other");
}

static void tear_down(void)
{
	free(full);
	free(incremental);
	free(other);
	ese_site_free(site);
}

static bool there(const char *name)
{
	return support_exists(ese_site_path(site, name));
}

static void remove_file(const char *name)
{
	ck_assert_int_eq(unlink(ese_site_path(site, name)), 0);
}

/* A full set with logs 5 to 7, 7 unfinished, and an incremental one with 7 to 9. */
static void make_sets(void)
{
	ese_site_database(site, "a.edb", 5, 6);
	ese_site_logs(site, 4, 7);
	ese_back_up(false, ESE_FULL, false, full);
	remove_file("edb.log");
	ese_site_logs(site, 4, 9);
	ese_back_up(false, ESE_INCREMENTAL, false, incremental);
}

static void same_file(const char *dir, const char *name, const char *restored)
{
	char *path = support_path(dir, name);
	size_t size, restored_size;
	uint8_t *a = ese_store_read(path, &size);
	uint8_t *b = ese_store_read(ese_site_path(site, restored), &restored_size);

	ck_assert_uint_eq(size, restored_size);
	ck_assert(memcmp(a, b, size) == 0);
	free(a);
	free(b);
	free(path);
}

static void lose_everything(void)
{
	for (char name[] = "edb00004.log"; name[7] <= '8'; name[7]++)
		remove_file(name);
	remove_file("edb.log");
	remove_file("a.edb");
}

START_TEST(a_chain_of_sets_is_put_in_place)
{
	void *handle;

	make_sets();
	lose_everything();
	handle = ese_restore_begin();
	ese_restore_full(site, handle, full, databases, 5, 7);
	ese_restore_incremental(handle, incremental, 7, 9);
	ck_assert_msg(
		ese_restore_recover(handle) == S_OK, "%s", backupapi_error_detail());
	same_file(full, "a.edb", "a.edb");
	same_file(full, "edb00005.log", "edb00005.log");
	same_file(full, "edb00006.log", "edb00006.log");
	same_file(incremental, "edb00007.log", "edb00007.log");
	same_file(incremental, "edb00008.log", "edb00008.log");
	same_file(incremental, "edb00009.log.part-16384", "edb.log");
	ck_assert(!there("edb00009.log") && !there("edb00004.log"));
	/* and the next backup takes what was restored */
	ese_back_up(false, ESE_FULL, false, other);
	same_file(other, "edb00009.log.part-16384", "edb.log");
}
END_TEST

START_TEST(a_full_set_alone_is_complete)
{
	void *handle;

	make_sets();
	lose_everything();
	handle = ese_restore_begin();
	ese_restore_full(site, handle, full, databases, 5, 7);
	ck_assert_msg(
		ese_restore_recover(handle) == S_OK, "%s", backupapi_error_detail());
	same_file(full, "edb00007.log.part-16384", "edb.log");
}
END_TEST

START_TEST(logs_in_the_log_directory_roll_forward)
{
	void *handle;

	make_sets();
	handle = ese_restore_begin();
	ese_restore_full(site, handle, full, databases, 5, 7);
	ck_assert_msg(
		ese_restore_recover(handle) == S_OK, "%s", backupapi_error_detail());
	same_file(incremental, "edb00007.log", "edb00007.log");
	same_file(incremental, "edb00009.log.part-16384", "edb.log");
	ck_assert(ese_site_was_replaced(site, "edb00004.log"));
}
END_TEST

START_TEST(what_replay_would_mix_in_is_put_aside)
{
	static const char *const others[] = {
		"edb.chk", "edbtmp.log", "a.jfm", "edb00020.log", "edb.log"};
	void *handle;

	make_sets();
	lose_everything();
	ese_store_write_checkpoint(ese_site_path(site, "edb.chk"), 3, 1);
	support_write(ese_site_path(site, "edbtmp.log"), "being prepared\n");
	support_write(ese_site_path(site, "a.jfm"), "flush map\n");
	support_write(ese_site_path(site, "edb00020.log"), "of another time\n");
	support_write(ese_site_path(site, "edb.log"), "damaged\n");
	support_write(ese_site_path(site, "edbres00001.jrs"), "space\n");
	handle = ese_restore_begin();
	ese_restore_full(site, handle, full, databases, 5, 7);
	ck_assert_msg(
		ese_restore_recover(handle) == S_OK, "%s", backupapi_error_detail());
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert_msg(ese_site_was_replaced(site, others[i]), "%s", others[i]);
	ck_assert(!there("edb.chk") && !there("edbtmp.log") && !there("a.jfm"));
	ck_assert(there("edbres00001.jrs"));
}
END_TEST

START_TEST(a_missing_log_is_an_error)
{
	char *lost = support_path(incremental, "edb00008.log");
	void *handle;

	make_sets();
	lose_everything();
	ck_assert_int_eq(unlink(lost), 0);
	free(lost);
	handle = ese_restore_begin();
	ese_restore_full(site, handle, full, databases, 5, 7);
	ese_restore_incremental(handle, incremental, 7, 9);
	ck_assert_int_eq(ese_restore_recover(handle), hrMissingRestoreLogFiles);
	ck_assert(!there("edb00005.log"));
}
END_TEST

START_TEST(a_dirty_database_without_its_logs_is_not_recovered)
{
	void *handle;

	make_sets();
	lose_everything();
	handle = ese_restore_begin();
	ese_restore_full(site, handle, full, databases, 0, 0);
	ck_assert_int_eq(ese_restore_recover(handle), hrMissingRestoreLogFiles);
	ese_detail_has("need the logs 0x5 to 0x6");
}
END_TEST

static void damage_in(const char *set, const char *name, long offset)
{
	char *path = support_path(set, name);
	size_t size;
	uint8_t *data = ese_store_read(path, &size);

	data[offset] ^= 0x18;
	ese_store_write(path, data, size);
	free(data);
	free(path);
}

START_TEST(a_damaged_page_is_found_before_the_store_is_used)
{
	void *handle;

	make_sets();
	lose_everything();
	damage_in(full, "a.edb", 11 * 4096 + 200);
	ese_site_configure(site, _i ? "verify = report\n" : NULL);
	handle = ese_restore_begin();
	ese_restore_full(site, handle, full, databases, 5, 7);
	ck_assert_int_eq(ese_restore_recover(handle), _i ? S_OK : hrDatabaseCorrupted);
	if (!_i)
		ese_detail_has("page 10 at offset 45056");
}
END_TEST

START_TEST(a_damaged_log_is_found_before_anything_moves)
{
	void *handle;

	make_sets();
	lose_everything();
	damage_in(incremental, "edb00008.log", 4096 * 2 + 5);
	handle = ese_restore_begin();
	ese_restore_full(site, handle, full, databases, 5, 7);
	ese_restore_incremental(handle, incremental, 7, 9);
	ck_assert_int_eq(ese_restore_recover(handle), hrLogFileCorrupt);
	ese_detail_has("edb00008.log");
	ck_assert(!there("a.edb"));
}
END_TEST

START_TEST(sets_of_different_stores_do_not_mix)
{
	const struct ese_store_chain foreign = {.base = "edb",
		.extension = ".log",
		.low = 8,
		.high = 8,
		.major = 8,
		.signature = 99};
	void *handle;

	make_sets();
	lose_everything();
	ese_store_write_chain(incremental, &foreign);
	handle = ese_restore_begin();
	ese_restore_full(site, handle, full, databases, 5, 7);
	ese_restore_incremental(handle, incremental, 7, 9);
	ck_assert_int_eq(ese_restore_recover(handle), hrGivenLogFileHasBadSignature);
	ck_assert(!there("a.edb"));
}
END_TEST

START_TEST(a_clean_database_is_restored_without_logs)
{
	void *handle;

	ese_site_database(site, "a.edb", 0, 0);
	ese_back_up(true, ESE_FULL, false, full);
	remove_file("a.edb");
	handle = ese_restore_begin();
	ese_restore_full(site, handle, full, databases, 0, 0);
	ck_assert_msg(
		ese_restore_recover(handle) == S_OK, "%s", backupapi_error_detail());
	same_file(full, "a.edb", "a.edb");
}
END_TEST

/* ---- names and files ---- */

START_TEST(generations_are_read_off_the_names_of_a_list)
{
	static const struct {
		const WCHAR *name;
		uint32_t generation;
	} good[] = {{L"!/x/edb0000A.log", 10}, {L"/x/SRUFFFFF.JTX", 0xfffff},
		{L"/x/edb00100000.log", 0x100000}, {L"/x/edb0000B.log.part-8192", 11}};
	static const WCHAR *const bad[] = {
		L"/x/edb.chk", L"/x/edbtmp.log", L"/x/edb.log.part-8192", L"/x/a.edb"};
	uint32_t generation;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		WORKS(backupapi_log_generation(NULL, good[i].name, &generation));
		ck_assert_uint_eq(generation, good[i].generation);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		FAILS(backupapi_log_generation(NULL, bad[i], &generation),
			WIN32(ERROR_INVALID_NAME));
}
END_TEST

START_TEST(files_are_verified_by_their_format)
{
	ese_site_database(site, "a.edb", 0, 0);
	ese_site_logs(site, 1, 1);
	ese_store_write_checkpoint(ese_site_path(site, "edb.chk"), 1, 1);
	WORKS(backupapi_verify_file("ese", ese_site_path(site, "a.edb")));
	WORKS(backupapi_verify_file(NULL, ese_site_path(site, "a.edb")));
	WORKS(backupapi_verify_file("ese", ese_site_path(site, "edb.log")));
	WORKS(backupapi_verify_file("ese", ese_site_path(site, "edb.chk")));
	support_write(ese_site_path(site, "edbres00001.jrs"), "space\n");
	ck_assert_int_eq(
		backupapi_verify_file("ese", ese_site_path(site, "edbres00001.jrs")),
		S_FALSE);
	ese_site_damage(site, "a.edb", 4096 * 4 + 5, 0x21);
	ese_site_damage(site, "edb.log", 4096 * 2 + 5, 0x21);
	ese_site_damage(site, "edb.chk", 5, 0x21);
	ese_site_damage(site, "edb.chk", 4096 + 5, 0x21);
	FAILS(backupapi_verify_file("ese", ese_site_path(site, "a.edb")),
		hrDatabaseCorrupted);
	FAILS(backupapi_verify_file("ese", ese_site_path(site, "edb.log")),
		hrLogFileCorrupt);
	FAILS(backupapi_verify_file("ese", ese_site_path(site, "edb.chk")),
		hrCheckpointCorrupt);
	support_write(ese_site_path(site, "b.edb"), "no database at all\n");
	FAILS(backupapi_verify_file("ese", ese_site_path(site, "b.edb")),
		hrDatabaseCorrupted);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ese_restore");
	TCase *restores = tcase_create("restores"), *files = tcase_create("files");

	tcase_add_checked_fixture(restores, set_up, tear_down);
	tcase_add_test(restores, a_chain_of_sets_is_put_in_place);
	tcase_add_test(restores, a_full_set_alone_is_complete);
	tcase_add_test(restores, logs_in_the_log_directory_roll_forward);
	tcase_add_test(restores, what_replay_would_mix_in_is_put_aside);
	tcase_add_test(restores, a_missing_log_is_an_error);
	tcase_add_test(restores, a_dirty_database_without_its_logs_is_not_recovered);
	tcase_add_loop_test(
		restores, a_damaged_page_is_found_before_the_store_is_used, 0, 2);
	tcase_add_test(restores, a_damaged_log_is_found_before_anything_moves);
	tcase_add_test(restores, sets_of_different_stores_do_not_mix);
	tcase_add_test(restores, a_clean_database_is_restored_without_logs);
	suite_add_tcase(suite, restores);

	tcase_add_checked_fixture(files, set_up, tear_down);
	tcase_add_test(files, generations_are_read_off_the_names_of_a_list);
	tcase_add_test(files, files_are_verified_by_their_format);
	suite_add_tcase(suite, files);
	return support_run(suite);
}
