/* Through the public function, which does nothing else: logs, checkpoints and others. */
#include <stdlib.h>
#include <sys/stat.h>

#include "ese_events.h"
#include "ese_store.h"

static char *make_log(const char *name, uint32_t major)
{
	const struct ese_store_log log = {.generation = 0x51,
		.major = major,
		.update_minor = 16,
		.signature = 22,
		.created = 5,
		.previous_created = 4,
		.used = 9,
		.seed = 2};
	char *path = support_path(dir, name);

	(void)ese_store_write_log(path, &log);
	return path;
}

START_TEST(logs_of_both_versions)
{
	for (uint32_t major = 7; major <= 8; major++) {
		char *path = make_log("edb00051.log", major);
		struct backupapi_ese_info *info = inspect(path);

		ck_assert_uint_eq(info->kind, BACKUPAPI_ESE_KIND_LOG);
		ck_assert_int_eq(info->damage, 0);
		ck_assert_uint_eq(info->copies, BACKUPAPI_ESE_FIRST_COPY);
		ck_assert_uint_eq(info->log.generation, 0x51);
		ck_assert_uint_eq(info->log.version_major, major);
		ck_assert_uint_eq(info->log.signature.random, 22);
		ck_assert_uint_eq(info->log.segments, major == 8 ? 15 : 0);
		ck_assert_uint_eq(info->log.segments_unused, major == 8 ? 6 : 0);
		ck_assert_uint_eq(info->log.records, major == 7 ? 9 : 0);
		backupapi_free(info);
		damage(path, 5000, 1);
		info = inspect(path);
		ck_assert_int_eq(info->damage, hrLogFileCorrupt);
		ck_assert_uint_eq(info->log.generation, 0x51);
		backupapi_free(info);
		free(path);
	}
}
END_TEST

START_TEST(a_log_of_any_name_is_known_by_its_header)
{
	char *path = make_log("saved", 8);
	struct backupapi_ese_info *info = inspect(path);

	ck_assert_uint_eq(info->kind, BACKUPAPI_ESE_KIND_LOG);
	ck_assert_int_eq(info->damage, 0);
	backupapi_free(info);
	free(path);
}
END_TEST

START_TEST(a_renamed_log)
{
	char *path = make_log("edb00052.log", 8);
	struct backupapi_ese_info *info = inspect(path);

	ck_assert_int_eq(info->damage, BACKUPAPI_ESE_WRONG_GENERATION);
	ck_assert_uint_eq(info->problems, 1);
	ck_assert_uint_eq(info->log.segments, 15);
	backupapi_free(info);
	free(path);
}
END_TEST

START_TEST(damaged_log_headers_and_sizes)
{
	char *path = make_log("edb00051.log", 8);
	struct backupapi_ese_info *info;

	ck_assert_int_eq(truncate(path, 61440), 0);
	info = inspect(path);
	ck_assert_int_eq(info->damage, BACKUPAPI_ESE_WRONG_LOG_SIZE);
	backupapi_free(info);
	damage(path, 700, 1);
	info = inspect(path);
	ck_assert_uint_eq(info->kind, BACKUPAPI_ESE_KIND_LOG);
	ck_assert_int_eq(info->damage, hrLogFileCorrupt);
	ck_assert_uint_eq(info->log.generation, 0);
	backupapi_free(info);
	ck_assert_int_eq(truncate(path, 0), 0);
	info = inspect(path);
	ck_assert_int_eq(info->damage, hrLogFileCorrupt);
	backupapi_free(info);
	free(path);
}
END_TEST

START_TEST(checkpoints)
{
	char *path = support_path(dir, "edb.chk");
	struct backupapi_ese_info *info;

	ese_store_write_checkpoint(path, 0x51, 22);
	info = inspect(path);
	ck_assert_uint_eq(info->kind, BACKUPAPI_ESE_KIND_CHECKPOINT);
	ck_assert_int_eq(info->damage, 0);
	ck_assert_uint_eq(info->checkpoint.checkpoint.generation, 0x51);
	ck_assert_uint_eq(info->checkpoint.log_signature.random, 22);
	backupapi_free(info);
	damage(path, 10, 1);
	info = inspect(path);
	ck_assert_int_eq(info->damage, hrCheckpointCorrupt);
	ck_assert_uint_eq(info->copies, BACKUPAPI_ESE_SECOND_COPY);
	ck_assert_uint_eq(info->checkpoint.checkpoint.generation, 0x51);
	backupapi_free(info);
	damage(path, 4106, 1);
	info = inspect(path);
	ck_assert_int_eq(info->damage, hrCheckpointCorrupt);
	ck_assert_uint_eq(info->copies, 0);
	backupapi_free(info);
	free(path);
}
END_TEST

START_TEST(spare_logs_and_flush_maps_are_recognised)
{
	static const char *const names[] = {
		"edbtmp.log", "res1.log", "edbres00001.jrs", "EDBTMP.LOG"};
	uint8_t data[8192] = {0};
	struct backupapi_ese_info *info;
	char *path;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path = support_path(dir, names[i]);
		support_write(path, "anything");
		info = inspect(path);
		ck_assert_uint_eq(info->kind, BACKUPAPI_ESE_KIND_SPARE_LOG);
		ck_assert_int_eq(info->damage, 0);
		backupapi_free(info);
		free(path);
	}
	path = support_path(dir, "edb.jfm");
	ese_store_put32(data + 667, 7);
	ese_store_seal(data, 4096);
	ese_store_write(path, data, sizeof(data));
	info = inspect(path);
	ck_assert_uint_eq(info->kind, BACKUPAPI_ESE_KIND_FLUSH_MAP);
	backupapi_free(info);
	free(path);
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, logs_of_both_versions);
	tcase_add_test(tcase, a_log_of_any_name_is_known_by_its_header);
	tcase_add_test(tcase, a_renamed_log);
	tcase_add_test(tcase, damaged_log_headers_and_sizes);
	tcase_add_test(tcase, checkpoints);
	tcase_add_test(tcase, spare_logs_and_flush_maps_are_recognised);
}

int main(void)
{
	Suite *suite = suite_create("ese_inspect_logs");
	TCase *tcase = tcase_create("ese_inspect_logs");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, NULL);
	add_tests(tcase);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
