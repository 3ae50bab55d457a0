/*
 * test_record.c - durable text records: strict, escaped, checked
 */
#include "server/record.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "support.h"

#define DAMAGED STATUS_WIN32(ERROR_INVALID_DATA)

static char *dir;
static char *path;
static int dirfd_;

static void set_up(void)
{
	dir = support_tmpdir();
	path = support_path(dir, "r");
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dirfd_, 0);
}

static void tear_down(void)
{
	(void)close(dirfd_);
	free(path);
}

/* BODY with the checksum that belongs to it. */
static void write_sealed(const char *body, size_t size)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(body, 1, size, f), size);
	ck_assert_int_gt(
		fprintf(f, "checksum = %016" PRIx64 "\n", hash_bytes(body, size)), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static status load(struct record *r)
{
	return record_load(r, dirfd_, dir, "r", 4096, "test 1", NULL);
}

static void load_body(struct record *r, const char *body)
{
	write_sealed(body, strlen(body));
	ck_assert_int_eq(load(r), STATUS_OK);
}

static void assert_damaged(status rc)
{
	ck_assert_int_eq(rc, DAMAGED);
	ck_assert_mem_eq(status_pending(), path, strlen(path));
}

START_TEST(what_was_written_is_read)
{
	static const char hostile[] =
		" %41\n\r\t\x01\x7f\xff\xc3\xbc = a=b \xed\xb2\x80 ";
	struct buffer b = {0};
	struct record r;
	struct stat st;
	char *text;

	record_begin(&b, "test 1");
	record_add_text(&b, "text", hostile);
	record_add_text(&b, "empty", "");
	record_add_number(&b, "low", INT64_MIN);
	record_add_number(&b, "high", INT64_MAX);
	record_add_number(&b, "flag", 1);
	ck_assert_int_eq(record_save(&b, dirfd_, "r"), STATUS_OK);
	buffer_free(&b);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	text = support_read(path);
	ck_assert_mem_eq(text, "format = test 1\ntext = ", 23);
	free(text);

	ck_assert_int_eq(load(&r), STATUS_OK);
	ck_assert(record_next_is(&r, "text"));
	ck_assert(!record_next_is(&r, "tex"));
	ck_assert(!record_next_is(&r, "empty"));
	ck_assert_str_eq(record_text(&r, "text"), hostile);
	ck_assert_str_eq(record_text(&r, "empty"), "");
	ck_assert_int_eq(record_number(&r, "low", INT64_MIN, INT64_MAX), INT64_MIN);
	ck_assert_int_eq(record_number(&r, "high", INT64_MIN, INT64_MAX), INT64_MAX);
	ck_assert(record_flag(&r, "flag"));
	ck_assert(!record_next_is(&r, "checksum"));
	ck_assert_int_eq(record_close(&r), STATUS_OK);
}
END_TEST

START_TEST(a_missing_file_is_told_apart)
{
	struct record r;

	ck_assert_int_eq(load(&r), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
}
END_TEST

START_TEST(an_incomplete_file_is_damaged)
{
	static const char *const texts[] = {"", "\n", "format = test 1\n",
		"checksum = cbf29ce484222325\n",
		"format = test 1\nchecksum = 0000000000000000\n"};
	struct record r;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		support_write(path, texts[i]);
		assert_damaged(load(&r));
	}
}
END_TEST

START_TEST(every_flipped_bit_and_every_cut_is_damage)
{
	static const char body[] = "format = test 1\na = 1\n";
	struct record r;
	char *text;
	size_t size;

	write_sealed(body, strlen(body));
	text = support_read(path);
	size = strlen(text);
	for (size_t i = 0; i < size * 8; i++) {
		FILE *f = fopen(path, "we");

		ck_assert_ptr_nonnull(f);
		text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
		ck_assert_uint_eq(fwrite(text, 1, size, f), size);
		ck_assert_int_eq(fclose(f), 0);
		text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
		assert_damaged(load(&r));
	}
	while (size-- > 0) {
		text[size] = '\0';
		support_write(path, text);
		assert_damaged(load(&r));
	}
	free(text);
}
END_TEST

START_TEST(text_behind_the_checksum_is_damage)
{
	static const char body[] = "format = test 1\n";
	struct record r;
	FILE *f;

	write_sealed(body, strlen(body));
	f = fopen(path, "ae");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs("\n", f), 0);
	ck_assert_int_eq(fclose(f), 0);
	assert_damaged(load(&r));
}
END_TEST

START_TEST(another_format_or_version_is_refused)
{
	struct record r;

	write_sealed("format = test 2\n", 16);
	assert_damaged(load(&r));
	write_sealed("formal = test 1\n", 16);
	assert_damaged(load(&r));
}
END_TEST

START_TEST(a_body_that_ends_in_the_middle_of_a_line_is_damaged)
{
	struct record r;

	write_sealed("format = test 1\na = 1", 21);
	assert_damaged(load(&r));
}
END_TEST

START_TEST(NUL_bytes_are_damage)
{
	struct record r;

	write_sealed("format = test 1\na = \0\n", 22);
	assert_damaged(load(&r));
}
END_TEST

START_TEST(a_file_beyond_the_limit_is_damaged)
{
	struct record r;
	char *body = malloc(5000);

	ck_assert_ptr_nonnull(body);
	memset(body, 'x', 5000);
	memcpy(body, "format = test 1\na = ", 20);
	body[4999] = '\n';
	write_sealed(body, 5000);
	assert_damaged(load(&r));
	free(body);
}
END_TEST

START_TEST(unexpected_lines_are_damage)
{
	struct record r;

	load_body(&r, "format = test 1\na = 1\nb = 2\n");
	ck_assert_str_eq(record_text(&r, "a"), "1");
	assert_damaged(record_close(&r));

	load_body(&r, "format = test 1\nb = 2\n");
	ck_assert_str_eq(record_text(&r, "a"), "");
	ck_assert(!record_next_is(&r, "b"));
	ck_assert_int_eq(record_number(&r, "b", 0, 9), 0);
	assert_damaged(record_close(&r));

	load_body(&r, "format = test 1\n");
	ck_assert_str_eq(record_text(&r, "checksum"), "");
	assert_damaged(record_close(&r));

	load_body(&r, "format = test 1\na=1\n");
	ck_assert_str_eq(record_text(&r, "a"), "");
	assert_damaged(record_close(&r));
}
END_TEST

START_TEST(bad_numbers_and_escapes_are_damage)
{
	static const char *const bad[] = {"", " 1", "1 ", "+1", "01", "0x1", "1.0", "-1",
		"11", "99999999999999999999", "-0", "one", "1%"};
	char body[128];
	struct record r;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(body, sizeof(body), "format = test 1\nn = %s\n", bad[i]);
		load_body(&r, body);
		ck_assert_int_eq(record_number(&r, "n", 0, 10), 0);
		assert_damaged(record_close(&r));
	}
	load_body(&r, "format = test 1\nt = %zz\n");
	ck_assert_str_eq(record_text(&r, "t"), "");
	assert_damaged(record_close(&r));
	load_body(&r, "format = test 1\nf = 2\n");
	ck_assert(!record_flag(&r, "f"));
	assert_damaged(record_close(&r));
}
END_TEST

START_TEST(the_first_refusal_stands)
{
	struct record r;

	load_body(&r, "format = test 1\na = 1\n");
	record_refuse(&r, "first");
	record_refuse(&r, "second");
	ck_assert_str_eq(record_text(&r, "a"), "");
	assert_damaged(record_close(&r));
	ck_assert_ptr_nonnull(strstr(status_pending(), "first"));
}
END_TEST

START_TEST(a_write_that_lacked_memory_is_not_saved)
{
	struct buffer b = {0};

	record_begin(&b, "test 1");
	b.short_of_memory = true;
	ck_assert_int_eq(
		record_save(&b, dirfd_, "r"), STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY));
	ck_assert(!support_exists(path));
	buffer_free(&b);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("record");
	TCase *t = tcase_create("record");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, what_was_written_is_read);
	tcase_add_test(t, a_missing_file_is_told_apart);
	tcase_add_test(t, an_incomplete_file_is_damaged);
	tcase_add_test(t, every_flipped_bit_and_every_cut_is_damage);
	tcase_add_test(t, text_behind_the_checksum_is_damage);
	tcase_add_test(t, another_format_or_version_is_refused);
	tcase_add_test(t, a_body_that_ends_in_the_middle_of_a_line_is_damaged);
	tcase_add_test(t, NUL_bytes_are_damage);
	tcase_add_test(t, a_file_beyond_the_limit_is_damaged);
	tcase_add_test(t, unexpected_lines_are_damage);
	tcase_add_test(t, bad_numbers_and_escapes_are_damage);
	tcase_add_test(t, the_first_refusal_stands);
	tcase_add_test(t, a_write_that_lacked_memory_is_not_saved);
	suite_add_tcase(suite, t);
	return suite;
}

int main(void)
{
	return support_run(make_suite());
}
