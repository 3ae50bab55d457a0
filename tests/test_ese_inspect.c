/* Through the public function, which does nothing else. */
#include <stdlib.h>
#include <sys/stat.h>

#include "ese_events.h"
#include "ese_store.h"

static const struct ese_store_database dirty = {
	.page_size = 4096,
	.pages = 600,
	.unused_every = 7,
	.legacy_every = 5,
	.state = BACKUPAPI_ESE_STATE_DIRTY,
	.min_required = 0x51,
	.max_required = 0x52,
	.committed = 0x53,
	.signature = 11,
	.log_signature = 22,
};

static char *make(const struct ese_store_database *database)
{
	char *path = support_path(dir, "x.edb");

	ese_store_write_database(path, database);
	return path;
}

START_TEST(databases_of_every_page_size)
{
	for (uint32_t size = 2048; size <= 32768; size *= 2) {
		struct ese_store_database database = dirty;
		struct backupapi_ese_info *info;
		char *path;

		database.page_size = size;
		path = make(&database);
		info = inspect(path);
		ck_assert_uint_eq(info->kind, BACKUPAPI_ESE_KIND_DATABASE);
		ck_assert_int_eq(info->damage, 0);
		ck_assert_uint_eq(info->file_size, UINT64_C(602) * size);
		ck_assert_uint_eq(info->copies,
			BACKUPAPI_ESE_FIRST_COPY | BACKUPAPI_ESE_SECOND_COPY);
		ck_assert_uint_eq(info->database.page_size, size);
		ck_assert_uint_eq(info->database.pages, 600);
		ck_assert_uint_eq(info->database.pages_unused, 600 / 7);
		ck_assert_uint_eq(info->database.pages_good, 600 - 600 / 7);
		ck_assert_uint_eq(info->database.pages_legacy, 600 / 5 - 600 / 35);
		ck_assert_uint_eq(info->database.pages_bad, 0);
		ck_assert_uint_eq(events.done, info->file_size);
		ck_assert_uint_eq(events.total, info->file_size);
		backupapi_free(info);
		free(path);
	}
}
END_TEST

START_TEST(the_header_is_told)
{
	char *path = make(&dirty);
	struct backupapi_ese_info *info = inspect(path);

	ck_assert_uint_eq(info->database.state, BACKUPAPI_ESE_STATE_DIRTY);
	ck_assert_uint_eq(info->database.required_low, 0x51);
	ck_assert_uint_eq(info->database.required_high, 0x52);
	ck_assert_uint_eq(info->database.committed, 0x53);
	ck_assert_uint_eq(info->database.signature.random, 11);
	ck_assert_uint_eq(info->database.log_signature.random, 22);
	ck_assert_uint_eq(info->database.signature.created.utc, 1);
	ck_assert_uint_eq(info->database.version, 0x620);
	ck_assert_uint_eq(info->database.os_major, 10);
	backupapi_free(info);
	free(path);
}
END_TEST

START_TEST(each_bad_page_is_told)
{
	char *path = make(&dirty);
	struct backupapi_ese_info *info;

	damage(path, (3 + 1) * 4096 + 100, 0x10);
	damage(path, (300 + 1) * 4096 + 100, 0x11);
	damage(path, (601) * 4096 - 1, 0x11);
	info = inspect(path);
	ck_assert_int_eq(info->damage, hrReadVerifyFailure);
	ck_assert_uint_eq(info->problems, 3);
	ck_assert_uint_eq(info->database.pages_bad, 3);
	ck_assert_uint_eq(info->database.pages_single_bit, 1);
	ck_assert_uint_eq(events.items[0].page, 3);
	ck_assert_uint_eq(events.items[0].offset, 4 * 4096);
	ck_assert_int_eq(events.items[0].bit, 8 * 100 + 4);
	ck_assert_uint_eq(events.items[1].page, 300);
	ck_assert_int_eq(events.items[1].bit, -1);
	ck_assert_uint_eq(events.items[2].page, 599);
	backupapi_free(info);
	free(path);
}
END_TEST

START_TEST(swapped_pages_are_told_where_they_belong)
{
	char *path = make(&dirty);
	struct backupapi_ese_info *info;
	size_t size;
	uint8_t *data = ese_store_read(path, &size), page[4096];

	memcpy(page, data + 4 * 4096, 4096);
	memcpy(data + 4 * 4096, data + 9 * 4096, 4096);
	memcpy(data + 9 * 4096, page, 4096);
	ese_store_write(path, data, size);
	free(data);
	info = inspect(path);
	ck_assert_int_eq(info->damage, BACKUPAPI_ESE_WRONG_PAGE);
	ck_assert_uint_eq(info->problems, 2);
	ck_assert_uint_eq(events.items[0].page, 3);
	ck_assert_uint_eq(events.items[0].belongs, 8);
	ck_assert_uint_eq(events.items[1].page, 8);
	ck_assert_uint_eq(events.items[1].belongs, 3);
	backupapi_free(info);
	free(path);
}
END_TEST

START_TEST(a_checksum_that_no_page_of_the_file_has_is_a_wrong_bit)
{
	char *path = make(&dirty);
	struct backupapi_ese_info *info;

	damage(path, 4 * 4096 + 3, 0x80);
	damage(path, 9 * 4096, 0x01);
	info = inspect(path);
	ck_assert_uint_eq(info->problems, 2);
	ck_assert_int_eq(events.items[0].code, hrReadVerifyFailure);
	ck_assert_uint_eq(events.items[0].page, 3);
	ck_assert_int_eq(events.items[0].bit, 31);
	ck_assert_uint_eq(events.items[0].belongs, 0);
	/* there is a page 9 */
	ck_assert_int_eq(events.items[1].code, BACKUPAPI_ESE_WRONG_PAGE);
	ck_assert_uint_eq(events.items[1].page, 8);
	ck_assert_int_eq(events.items[1].bit, -1);
	ck_assert_uint_eq(events.items[1].belongs, 9);
	ck_assert_ptr_nonnull(strstr(events.reasons[1], "or its checksum is damaged"));
	backupapi_free(info);
	free(path);
}
END_TEST

START_TEST(a_damaged_copy_of_the_header_is_told_and_the_pages_are_checked)
{
	for (int second = 0; second < 2; second++) {
		char *path = make(&dirty);
		struct backupapi_ese_info *info;

		damage(path, second * 4096 + 60, 1);
		info = inspect(path);
		ck_assert_int_eq(info->damage, hrDatabaseCorrupted);
		ck_assert_uint_eq(info->problems, 1);
		ck_assert_uint_eq(info->copies,
			second ? BACKUPAPI_ESE_FIRST_COPY : BACKUPAPI_ESE_SECOND_COPY);
		ck_assert_ptr_nonnull(
			strstr(events.reasons[0], second ? "second copy" : "first copy"));
		ck_assert_uint_eq(info->database.pages_good, 600 - 600 / 7);
		backupapi_free(info);
		free(path);
	}
}
END_TEST

START_TEST(without_a_header_the_pages_are_not_known)
{
	char *path = make(&dirty);
	struct backupapi_ese_info *info;

	damage(path, 60, 1);
	damage(path, 4096 + 60, 1);
	info = inspect(path);
	ck_assert_uint_eq(info->kind, BACKUPAPI_ESE_KIND_DATABASE);
	ck_assert_int_eq(info->damage, hrDatabaseCorrupted);
	ck_assert_uint_eq(info->copies, 0);
	ck_assert_uint_eq(info->database.pages, 0);
	backupapi_free(info);
	free(path);
}
END_TEST

START_TEST(copies_that_differ_are_a_note)
{
	char *path = make(&dirty);
	struct backupapi_ese_info *info;
	size_t size;
	uint8_t *data = ese_store_read(path, &size);

	ese_store_put32(data + 4096 + 416, 0x77);
	ese_store_seal(data + 4096, 4096);
	ese_store_write(path, data, size);
	free(data);
	info = inspect(path);
	ck_assert_int_eq(info->damage, 0);
	ck_assert_uint_eq(events.notes, 1);
	ck_assert_uint_eq(info->database.committed, 0x53);
	backupapi_free(info);
	free(path);
}
END_TEST

START_TEST(cut_off_databases)
{
	char *path = make(&dirty);
	struct backupapi_ese_info *info;

	ck_assert_int_eq(truncate(path, 500 * 4096 + 17), 0);
	info = inspect(path);
	ck_assert_int_eq(info->damage, hrDatabaseInvalidPages);
	ck_assert_uint_eq(info->database.pages, 498);
	ck_assert_uint_eq(info->database.pages_bad, 0);
	ck_assert_uint_eq(info->database.pages_good + info->database.pages_unused, 498);
	backupapi_free(info);
	ck_assert_int_eq(truncate(path, 4096), 0);
	info = inspect(path);
	ck_assert_int_eq(info->damage, hrDatabaseCorrupted); /* the second copy is gone */
	ck_assert_uint_eq(info->problems, 2);
	ck_assert_int_eq(events.items[1].code, hrDatabaseInvalidPages);
	backupapi_free(info);
	free(path);
}
END_TEST

START_TEST(the_header_alone)
{
	char *path = make(&dirty);
	struct backupapi_ese_info *info;

	damage(path, 4 * 4096 + 100, 0x10);
	ck_assert_int_eq(
		backupapi_ese_inspect(path, BACKUPAPI_ESE_HEADER_ONLY, NULL, NULL, &info),
		S_OK);
	ck_assert_int_eq(info->damage, 0);
	ck_assert_uint_eq(info->database.pages, 600);
	ck_assert_uint_eq(info->database.pages_unchecked, 600);
	ck_assert_uint_eq(info->database.pages_good, 0);
	backupapi_free(info);
	free(path);
}
END_TEST

START_TEST(databases_without_checksums_are_not_checked)
{
	struct ese_store_database database = dirty;
	struct backupapi_ese_info *info;
	char *path;

	database.state = BACKUPAPI_ESE_STATE_CREATED;
	path = make(&database);
	damage(path, 4 * 4096 + 100, 0x10);
	info = inspect(path);
	ck_assert_int_eq(info->damage, 0);
	ck_assert_uint_eq(info->database.pages_unchecked, 600);
	backupapi_free(info);
	free(path);
}
END_TEST

/* The header of a copy that the engine streamed, and the page that it ends with. */
START_TEST(the_last_page_of_a_streamed_backup_is_no_page)
{
	char *path = make(&dirty);
	struct backupapi_ese_info *info;
	size_t size;
	uint8_t *data = ese_store_read(path, &size), *last = data + size - 4096;

	for (uint8_t *copy = data; copy <= data + 4096; copy += 4096) {
		ese_store_put32(copy + 184 + 16, 0x51);
		ese_store_seal(copy, 4096);
	}
	ese_store_fill(last, 4096, 99);
	ese_store_seal(last, 4096);
	ese_store_write(path, data, size);
	free(data);
	info = inspect(path);
	ck_assert_int_eq(info->damage, 0);
	ck_assert_uint_eq(info->database.full_current.low, 0x51);
	backupapi_free(info);
	damage(path, (off_t)size - 1, 1);
	info = inspect(path);
	ck_assert_int_eq(info->damage, hrReadVerifyFailure);
	ck_assert_uint_eq(info->problems, 1);
	backupapi_free(info);
	free(path);
}
END_TEST

/* ---- failures ---- */

static void refuse(const char *path, uint32_t options, int32_t code)
{
	struct backupapi_ese_info *info = (void *)&events;

	ck_assert_int_eq(
		backupapi_ese_inspect(path, options, take, &events, &info), code);
	ck_assert_ptr_null(info);
	ck_assert_uint_eq(backupapi_get_last_error(), (uint32_t)code);
	ck_assert_str_ne(backupapi_error_detail(), "");
}

START_TEST(what_is_none_of_them_is_refused)
{
	char *path = support_path(dir, "text");
	uint8_t data[70000] = {0};

	support_write(path, "just text");
	refuse(path, 0, HRESULT_FROM_WIN32(ERROR_INVALID_DATA));
	support_write(path, "");
	refuse(path, 0, HRESULT_FROM_WIN32(ERROR_INVALID_DATA));
	ese_store_write(path, data, sizeof(data));
	refuse(path, 0, HRESULT_FROM_WIN32(ERROR_INVALID_DATA));
	ese_store_fill(data, sizeof(data), 1);
	ese_store_write(path, data, sizeof(data));
	refuse(path, 0, HRESULT_FROM_WIN32(ERROR_INVALID_DATA));
	ese_store_put32(data + 667, 3);
	ese_store_write(path, data, sizeof(data));
	refuse(path, 0, HRESULT_FROM_WIN32(ERROR_INVALID_DATA));
	refuse(dir, 0, HRESULT_FROM_WIN32(ERROR_INVALID_DATA));
	ck_assert_int_eq(unlink(path), 0);
	refuse(path, 0, HRESULT_FROM_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	refuse(path, 0, HRESULT_FROM_WIN32(ERROR_INVALID_DATA));
	free(path);
}
END_TEST

START_TEST(arguments_are_checked)
{
	const int32_t invalid = HRESULT_FROM_WIN32(ERROR_INVALID_PARAMETER);
	char *path = make(&dirty);

	refuse(NULL, 0, invalid);
	refuse(path, 2, invalid);
	ck_assert_int_eq(backupapi_ese_inspect(path, 0, NULL, NULL, NULL), invalid);
	free(path);
}
END_TEST

START_TEST(the_callback_may_end_the_work)
{
	char *path = make(&dirty);

	for (size_t at = 1; at <= 3; at++) {
		events = (struct events){.give_up_at = at};
		refuse(path, 0, HRESULT_FROM_WIN32(ERROR_CANCELLED));
		ck_assert_uint_eq(events.seen, at);
	}
	damage(path, 4 * 4096 + 100, 0x10);
	events = (struct events){.give_up_at = 1};
	refuse(path, 0, HRESULT_FROM_WIN32(ERROR_CANCELLED));
	ck_assert_uint_eq(events.damage, 1);
	free(path);
}
END_TEST

START_TEST(nothing_is_left_allocated)
{
	struct backupapi_memory_stats before, after;
	char *path = make(&dirty);

	ck_assert_int_eq(
		backupapi_get_memory_stats(BACKUPAPI_MEMORY_NATIVE, &before), S_OK);
	backupapi_free(inspect(path));
	events = (struct events){.give_up_at = 1};
	refuse(path, 0, HRESULT_FROM_WIN32(ERROR_CANCELLED));
	ck_assert_int_eq(
		backupapi_get_memory_stats(BACKUPAPI_MEMORY_NATIVE, &after), S_OK);
	ck_assert_uint_eq(before.live_blocks, after.live_blocks);
	free(path);
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, databases_of_every_page_size);
	tcase_add_test(tcase, the_header_is_told);
	tcase_add_test(tcase, each_bad_page_is_told);
	tcase_add_test(tcase, swapped_pages_are_told_where_they_belong);
	tcase_add_test(tcase, a_checksum_that_no_page_of_the_file_has_is_a_wrong_bit);
	tcase_add_test(
		tcase, a_damaged_copy_of_the_header_is_told_and_the_pages_are_checked);
	tcase_add_test(tcase, without_a_header_the_pages_are_not_known);
	tcase_add_test(tcase, copies_that_differ_are_a_note);
	tcase_add_test(tcase, cut_off_databases);
	tcase_add_test(tcase, the_header_alone);
	tcase_add_test(tcase, databases_without_checksums_are_not_checked);
	tcase_add_test(tcase, the_last_page_of_a_streamed_backup_is_no_page);
	tcase_add_test(tcase, what_is_none_of_them_is_refused);
	tcase_add_test(tcase, arguments_are_checked);
	tcase_add_test(tcase, the_callback_may_end_the_work);
	tcase_add_test(tcase, nothing_is_left_allocated);
}

int main(void)
{
	Suite *suite = suite_create("ese_inspect");
	TCase *tcase = tcase_create("ese_inspect");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, NULL);
	add_tests(tcase);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
