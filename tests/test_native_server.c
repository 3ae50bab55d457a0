#include <string.h>
#include <sys/stat.h>
#include <time.h>
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

/* ---- servers ---- */

START_TEST(status_tells_all_about_a_server)
{
	struct backupapi_server_info *info = POISON;
	const char *p;
	uint32_t count = 0;

	WORKS(backupapi_server_status("ca01", &info));
	ck_assert_uint_eq(info->size, sizeof(*info));
	ck_assert_str_eq(info->name, "ca01");
	ck_assert_str_eq(info->authority, "Test CA");
	ck_assert_str_eq(info->engine, "flat");
	ck_assert_str_eq(info->state_dir, store->state);
	ck_assert_ptr_nonnull(strstr(info->config_file, "ca01.conf"));
	ck_assert_uint_eq(info->families, BACKUPAPI_FAMILY_CERTSRV | BACKUPAPI_FAMILY_DS);
	for (p = info->databases; *p; p += strlen(p) + 1)
		count++;
	ck_assert_uint_eq(count, 4);
	ck_assert_uint_eq(info->database_count, 4);
	ck_assert_str_eq(info->databases, store_path(store, "index.txt"));
	ck_assert_int_eq(info->log_dir[0], '/');
	ck_assert_int_eq(info->system_dir[0], '/');
	ck_assert_uint_eq(info->state, BACKUPAPI_STATE_SERVING);
	ck_assert_uint_eq(info->has_logs, 0);
	ck_assert_uint_eq(info->restore, BACKUPAPI_RESTORE_NONE);
	ck_assert_int_eq(info->last_full_time, 0);
	ck_assert_uint_eq(info->full_required, 1);
	ck_assert_uint_eq(info->next_generation, 0);
	ck_assert_uint_eq(info->tombstone_days, 180);
	backupapi_free(info);
}
END_TEST

static void put_chains(void)
{
	store_put_history(
		(struct history){.certsrv = {.full = {.taken = true, .time = 1000},
					 .incremental = {.taken = true, .time = 2000}},
			.ds = {.full = {.taken = true, .time = 3000},
				.incremental = {.taken = true, .time = 4000}}});
}

START_TEST(status_tells_of_the_backups_of_each_family)
{
	struct backupapi_server_info *info = POISON;

	put_chains();
	WORKS(backupapi_server_status(NULL, &info));
	ck_assert_uint_eq(info->size, sizeof(*info));
	ck_assert_int_eq(info->last_full_time, 1000);
	ck_assert_int_eq(info->last_incremental_time, 2000);
	ck_assert_int_eq(info->ds_last_full_time, 3000);
	ck_assert_int_eq(info->ds_last_incremental_time, 4000);
	ck_assert_uint_eq(info->ds_full_required, 1); /* it has no logs */
	ck_assert_uint_eq(info->ds_next_generation, 0);
	ck_assert_uint_eq(info->engine_recognised, 0);
	backupapi_free(info);
}
END_TEST

/* TEXT of the configuration becomes spaces. */
static void unconfigure(const char *text)
{
	char *path = support_path(store->conf, STORE_NAME ".conf");
	char *whole = support_read(path), *at = strstr(whole, text);

	ck_assert_ptr_nonnull(at);
	memset(at, ' ', strlen(text));
	support_write(path, whole);
	free(whole);
	free(path);
}

START_TEST(of_a_server_of_one_family_the_first_set_is_that_familys)
{
	struct backupapi_server_info *info = POISON;

	put_chains();
	unconfigure(_i ? "family = ds" : "family = certsrv");
	if (!_i)
		unconfigure("authority = Test CA");
	WORKS(backupapi_server_status(NULL, &info));
	ck_assert_int_eq(info->last_full_time, _i ? 1000 : 3000);
	ck_assert_int_eq(info->last_incremental_time, _i ? 2000 : 4000);
	ck_assert_int_eq(info->ds_last_full_time, _i ? 0 : 3000);
	ck_assert_uint_eq(info->ds_full_required, _i ? 0 : 1);
	backupapi_free(info);
}
END_TEST

START_TEST(status_tells_of_a_restore)
{
	struct backupapi_server_info *info = POISON;
	int64_t now = time(NULL);
	WCHAR serial[] = L"/serial";
	CSEDB_RSTMAPW map = {serial, serial};
	HCSBC hbc = begin_restore();

	WORKS(CertSrvRestoreRegisterW(hbc, NULL, NULL, &map, 1, NULL, 0, 0));
	WORKS(CertSrvRestoreRegisterComplete(hbc, WIN32(ERROR_CRC)));
	WORKS(CertSrvRestoreEnd(hbc));
	WORKS(backupapi_server_status(NULL, &info));
	ck_assert_uint_eq(info->state, BACKUPAPI_STATE_STOPPED);
	ck_assert_uint_eq(info->restore, BACKUPAPI_RESTORE_FAILED);
	ck_assert_int_eq(info->restore_result, WIN32(ERROR_CRC));
	ck_assert_uint_eq(info->restore_maker, geteuid());
	ck_assert_int_ge(info->restore_time, now - 1);
	ck_assert_int_le(info->restore_time, now + 60);
	backupapi_free(info);
}
END_TEST

START_TEST(status_refuses_bad_arguments)
{
	struct backupapi_server_info *info = POISON;

	FAILS(backupapi_server_status("ca01", NULL), WIN32(ERROR_INVALID_PARAMETER));
	FAILS(backupapi_server_status("nobody", &info), WIN32(RPC_S_SERVER_UNAVAILABLE));
	ck_assert_ptr_null(info);
	info = POISON;
	FAILS(backupapi_server_status("a/b", &info), WIN32(ERROR_INVALID_NAME));
	ck_assert_ptr_null(info);
}
END_TEST

static void control_says(uint32_t control, const char *expected)
{
	char *output = POISON;

	WORKS(backupapi_server_control("ca01", control, &output));
	ck_assert_ptr_nonnull(output);
	ck_assert_str_eq(output, expected);
	backupapi_free(output);
}

START_TEST(control_reaches_every_state)
{
	use_service(store);
	control_says(BACKUPAPI_CONTROL_SUSPEND, "said suspend\n");
	ck_assert_int_eq(store_state(), SERVICE_SUSPENDED);
	control_says(BACKUPAPI_CONTROL_RESUME, "said resume\n");
	ck_assert_int_eq(store_state(), SERVICE_SERVING);
	control_says(BACKUPAPI_CONTROL_STOP, "said stop\n");
	ck_assert_int_eq(store_state(), SERVICE_STOPPED);
	control_says(BACKUPAPI_CONTROL_START, "said start\n");
	ck_assert_int_eq(store_state(), SERVICE_SERVING);
	WORKS(backupapi_server_control("ca01", BACKUPAPI_CONTROL_STOP, NULL));
	ck_assert_int_eq(store_state(), SERVICE_STOPPED);
}
END_TEST

START_TEST(control_gives_output_also_when_it_fails)
{
	char *output = POISON;

	store_configure(store,
		"[service]\nstart = /bin/true\nstop = /bin/sh -c 'echo cannot; exit 7'\n"
		"status = /bin/true\n");
	FAILS(backupapi_server_control(NULL, BACKUPAPI_CONTROL_STOP, &output),
		WIN32(ERROR_GEN_FAILURE));
	ck_assert_ptr_nonnull(output);
	ck_assert_str_eq(output, "cannot\n");
	backupapi_free(output);
}
END_TEST

START_TEST(control_refuses_bad_arguments)
{
	static const uint32_t bad[] = {0, 5, 0xffffffff};
	char *output;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		output = POISON;
		FAILS(backupapi_server_control("ca01", bad[i], &output),
			WIN32(ERROR_INVALID_PARAMETER));
		ck_assert_ptr_null(output);
	}
	output = POISON;
	FAILS(backupapi_server_control("nobody", BACKUPAPI_CONTROL_STOP, &output),
		WIN32(RPC_S_SERVER_UNAVAILABLE));
	ck_assert_ptr_null(output);
}
END_TEST

START_TEST(list_has_good_servers_and_reasons_for_bad_files)
{
	char *path = support_path(store->conf, "bad.conf");
	char *names = POISON, *broken = POISON;
	uint32_t size = POISON_SIZE;

	WORKS(backupapi_server_list(&names, &size, &broken));
	ck_assert_uint_eq(size, sizeof("ca01\0"));
	ck_assert_mem_eq(names, "ca01\0", size);
	ck_assert_mem_eq(broken, "\0", 2);
	backupapi_free(names);
	backupapi_free(broken);
	support_write(path, "[server]\nnonsense\n");
	ck_assert_int_eq(chmod(path, 0644), 0);
	WORKS(backupapi_server_list(&names, &size, &broken));
	ck_assert_mem_eq(names, "ca01\0", size);
	ck_assert_ptr_nonnull(strstr(broken, "bad.conf:2:"));
	backupapi_free(names);
	backupapi_free(broken);
	WORKS(backupapi_server_list(&names, NULL, NULL));
	backupapi_free(names);
	size = POISON_SIZE;
	broken = POISON;
	FAILS(backupapi_server_list(NULL, &size, &broken),
		WIN32(ERROR_INVALID_PARAMETER));
	ck_assert_uint_eq(size, 0);
	ck_assert_ptr_null(broken);
	free(path);
}
END_TEST

/* ---- sessions ---- */

START_TEST(recover_and_cancel_without_a_restore)
{
	WORKS(backupapi_recover("ca01"));
	FAILS(backupapi_cancel_restore("ca01"), hrInvalidHandle);
	FAILS(backupapi_recover("nobody"), WIN32(RPC_S_SERVER_UNAVAILABLE));
	FAILS(backupapi_cancel_restore("nobody"), WIN32(RPC_S_SERVER_UNAVAILABLE));
}
END_TEST

START_TEST(a_live_restore_cannot_be_cancelled)
{
	HCSBC hbc = begin_restore();

	FAILS(backupapi_cancel_restore(NULL), hrRestoreInProgress);
	WORKS(CertSrvRestoreEnd(hbc));
}
END_TEST

START_TEST(staging_is_beside_the_file)
{
	static const char *const bad[] = {
		"", "a", "/", "/a/", "/.", "/..", "/a/.", "/a/.."};
	char *staged;

	GIVES(staged, backupapi_restore_staging_path("/a/b.db"));
	ck_assert_str_eq(staged, "/a/.backupapi-restore/b.db");
	backupapi_free(staged);
	GIVES(staged, backupapi_restore_staging_path("/b"));
	ck_assert_str_eq(staged, "/.backupapi-restore/b");
	backupapi_free(staged);
	GIVES_NULL(backupapi_restore_staging_path(NULL), WIN32(ERROR_INVALID_PARAMETER));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		GIVES_NULL(backupapi_restore_staging_path(bad[i]),
			WIN32(ERROR_INVALID_NAME));
}
END_TEST

START_TEST(verify_knows_formats_with_and_without_checks)
{
	const char *serial = store_path(store, "serial");

	FAILS(backupapi_verify_file("flat", NULL), WIN32(ERROR_INVALID_PARAMETER));
	FAILS(backupapi_verify_file("nothing", serial), WIN32(ERROR_NOT_SUPPORTED));
	FAILS(backupapi_verify_file("flat", store_path(store, "missing")),
		WIN32(ERROR_FILE_NOT_FOUND));
	backupapi_set_last_error(OTHER_ERROR);
	ck_assert_int_eq(backupapi_verify_file("flat", serial), S_FALSE);
	ck_assert_int_eq(backupapi_verify_file(NULL, serial), S_FALSE);
	ck_assert_uint_eq(backupapi_get_last_error(), OTHER_ERROR);
}
END_TEST

#ifdef HAVE_SQLITE
START_TEST(verify_finds_a_damaged_database)
{
	const char *path = store_path(store, "some.db");
	FILE *f;

	store_sql(path, "create table t(x); insert into t values(zeroblob(100000));"
			"create index i on t(x);");
	WORKS(backupapi_verify_file(NULL, path));
	WORKS(backupapi_verify_file("sqlite", path));
	f = fopen(path, "r+e");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fseek(f, 4096, SEEK_SET), 0);
	for (int i = 0; i < 4096; i++)
		ck_assert_int_eq(fputc(0xff, f), 0xff);
	ck_assert_int_eq(fclose(f), 0);
	FAILS(backupapi_verify_file(NULL, path), hrDatabaseCorrupted);
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("native_server");
	TCase *tc = tcase_create("native");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, status_tells_all_about_a_server);
	tcase_add_test(tc, status_tells_of_the_backups_of_each_family);
	tcase_add_loop_test(
		tc, of_a_server_of_one_family_the_first_set_is_that_familys, 0, 2);
	tcase_add_test(tc, status_tells_of_a_restore);
	tcase_add_test(tc, status_refuses_bad_arguments);
	tcase_add_test(tc, control_reaches_every_state);
	tcase_add_test(tc, control_gives_output_also_when_it_fails);
	tcase_add_test(tc, control_refuses_bad_arguments);
	tcase_add_test(tc, list_has_good_servers_and_reasons_for_bad_files);
	tcase_add_test(tc, recover_and_cancel_without_a_restore);
	tcase_add_test(tc, a_live_restore_cannot_be_cancelled);
	tcase_add_test(tc, staging_is_beside_the_file);
	tcase_add_test(tc, verify_knows_formats_with_and_without_checks);
#ifdef HAVE_SQLITE
	tcase_add_test(tc, verify_finds_a_damaged_database);
#endif
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
