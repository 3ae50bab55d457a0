#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/spool.h"
#include "support.h"

static char *dir;
static struct spool spool;

static void setup(void)
{
	char *spool_dir;

	dir = support_tmpdir();
	spool_dir = support_path(dir, "spool");
	ck_assert_int_eq(mkdir(spool_dir, 0700), 0);
	ck_assert_int_eq(spool_create(spool_dir, &spool), STATUS_OK);
	free(spool_dir);
}

static void teardown(void)
{
	spool_free(&spool);
}

static int open_text(const char *text)
{
	char *path = support_path(dir, "source");
	int fd;

	support_write(path, text);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	free(path);
	return fd;
}

static void copy_text(const char *path, const char *text)
{
	int fd = open_text(text);
	uint64_t copied;

	ck_assert_int_eq(spool_copy(&spool, path, fd, strlen(text), &copied), STATUS_OK);
	ck_assert_uint_eq(copied, strlen(text));
	ck_assert_int_eq(close(fd), 0);
}

static void expect_copy(const char *path, const char *text)
{
	char buffer[64];
	uint64_t size;
	size_t got;

	ck_assert_int_eq(spool_open(&spool, path, &size), STATUS_OK);
	ck_assert_uint_eq(size, strlen(text));
	ck_assert_int_eq(spool_read(&spool, buffer, sizeof(buffer), &got), STATUS_OK);
	ck_assert_mem_eq(buffer, text, strlen(text));
	ck_assert_uint_eq(got, strlen(text));
	ck_assert_int_eq(spool_read(&spool, buffer, sizeof(buffer), &got), STATUS_OK);
	ck_assert_uint_eq(got, 0);
	spool_close(&spool);
}

START_TEST(copies_are_found_by_path_in_whatever_order_they_came)
{
	copy_text("/ca/serial", "03\n");
	copy_text("/ca/index.txt", "V\tand so on\n");
	copy_text("/ca/empty", "");
	copy_text("/ca/newcerts/01.pem", "certificate");
	spool_seal(&spool);
	expect_copy("/ca/newcerts/01.pem", "certificate");
	expect_copy("/ca/serial", "03\n");
	expect_copy("/ca/empty", "");
	expect_copy("/ca/index.txt", "V\tand so on\n");
	expect_copy("/ca/serial", "03\n");
}
END_TEST

START_TEST(the_list_is_sorted_by_path)
{
	struct engine_files files = {0};

	copy_text("/b", "bb");
	copy_text("/c", "");
	copy_text("/a", "a");
	spool_seal(&spool);
	ck_assert_int_eq(spool_list(&spool, &files), STATUS_OK);
	ck_assert_uint_eq(files.count, 3);
	ck_assert_str_eq(files.items[0].path, "/a");
	ck_assert_uint_eq(files.items[0].size, 1);
	ck_assert_int_eq(files.items[0].kind, ENGINE_DATABASE);
	ck_assert_uint_eq(files.items[0].generation, 0);
	ck_assert_str_eq(files.items[1].path, "/b");
	ck_assert_uint_eq(files.items[1].size, 2);
	ck_assert_str_eq(files.items[2].path, "/c");
	engine_files_free(&files);
}
END_TEST

START_TEST(an_empty_spool_lists_nothing_and_opens_nothing)
{
	struct engine_files files = {0};
	uint64_t size = 7;

	spool_seal(&spool);
	ck_assert_int_eq(spool_list(&spool, &files), STATUS_OK);
	ck_assert_uint_eq(files.count, 0);
	ck_assert_int_eq(
		spool_open(&spool, "/a", &size), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_uint_eq(size, 0);
	engine_files_free(&files);
}
END_TEST

START_TEST(pieces_of_any_size_add_up)
{
	char text[1001], got_text[1001];
	size_t got, total;
	uint64_t size;

	for (size_t i = 0; i < 1000; i++)
		text[i] = (char)('a' + i % 26);
	text[1000] = '\0';
	copy_text("/first", "x");
	copy_text("/long", text);
	spool_seal(&spool);
	for (size_t piece = 1; piece < 1200; piece += 97) {
		ck_assert_int_eq(spool_open(&spool, "/long", &size), STATUS_OK);
		for (total = 0; total < 1000; total += got) {
			ck_assert_int_eq(
				spool_read(&spool, got_text + total, piece, &got),
				STATUS_OK);
			ck_assert_uint_eq(
				got, piece < 1000 - total ? piece : 1000 - total);
		}
		ck_assert_mem_eq(got_text, text, 1000);
	}
}
END_TEST

START_TEST(copies_begin_on_boundaries_that_file_systems_can_share)
{
	copy_text("/a", "a");
	copy_text("/b", "b");
	ck_assert_int_eq(spool_note(&spool, "/c", (64 << 10) + 1), STATUS_OK);
	copy_text("/d", "d");
	spool_seal(&spool);
	ck_assert_uint_eq(spool.entries[0].offset, 0);
	ck_assert_uint_eq(spool.entries[1].offset, 64 << 10);
	ck_assert_uint_eq(spool.entries[2].offset, 128 << 10);
	ck_assert_uint_eq(spool.entries[3].offset, 256 << 10);
	expect_copy("/d", "d");
}
END_TEST

START_TEST(what_was_written_by_other_means_is_read_like_a_copy)
{
	copy_text("/a", "a");
	ck_assert_int_eq(pwrite(spool.fd, "noted", 5, (off_t)spool.end), 5);
	ck_assert_int_eq(spool_note(&spool, "/noted", 5), STATUS_OK);
	spool_seal(&spool);
	expect_copy("/noted", "noted");
}
END_TEST

START_TEST(a_file_that_shrank_tells_what_was_there)
{
	int fd = open_text("short");
	uint64_t copied;

	ck_assert_int_eq(spool_copy(&spool, "/a", fd, 1000000, &copied), STATUS_OK);
	ck_assert_uint_eq(copied, 5);
	spool_seal(&spool);
	expect_copy("/a", "short");
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(a_file_that_grew_is_copied_to_its_former_size)
{
	int fd = open_text("now it is longer");
	uint64_t copied;

	ck_assert_int_eq(spool_copy(&spool, "/a", fd, 3, &copied), STATUS_OK);
	ck_assert_uint_eq(copied, 3);
	spool_seal(&spool);
	expect_copy("/a", "now");
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(where_the_kernel_does_not_copy_read_and_write_do)
{
	int fd = open("/proc/version", O_RDONLY | O_CLOEXEC);
	char *version = support_read("/proc/version");
	char buffer[4096];
	uint64_t copied;
	size_t got;

	ck_assert_int_ge(fd, 0);
	copy_text("/first", "first");
	ck_assert_int_eq(
		spool_copy(&spool, "/version", fd, sizeof(buffer), &copied), STATUS_OK);
	ck_assert_uint_eq(copied, strlen(version));
	spool_seal(&spool);
	ck_assert_int_eq(spool_open(&spool, "/version", &copied), STATUS_OK);
	ck_assert_int_eq(spool_read(&spool, buffer, sizeof(buffer), &got), STATUS_OK);
	ck_assert_uint_eq(got, strlen(version));
	ck_assert_mem_eq(buffer, version, got);
	ck_assert_int_eq(close(fd), 0);
	free(version);
}
END_TEST

START_TEST(large_files_come_out_as_they_went_in)
{
	char *path = support_path(dir, "large");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	const uint64_t large = (5 << 20) + 12345;
	char word[8], buffer[8];
	uint64_t size;
	size_t got;

	ck_assert_int_ge(fd, 0);
	for (uint64_t at = 0; at + 8 <= large; at += 4096) {
		(void)snprintf(word, sizeof(word), "%07x", (unsigned)at & 0xfffffff);
		ck_assert_int_eq(pwrite(fd, word, 8, (off_t)at), 8);
	}
	ck_assert_int_eq(ftruncate(fd, (off_t)large), 0);
	ck_assert_int_eq(spool_copy(&spool, "/large", fd, large, &size), STATUS_OK);
	ck_assert_uint_eq(size, large);
	copy_text("/behind", "behind");
	spool_seal(&spool);
	ck_assert_int_eq(spool_open(&spool, "/large", &size), STATUS_OK);
	for (uint64_t at = 0; at + 4096 <= large; at += 4096) {
		char page[4096];

		ck_assert_int_eq(spool_read(&spool, page, sizeof(page), &got), STATUS_OK);
		ck_assert_uint_eq(got, sizeof(page));
		(void)snprintf(buffer, sizeof(buffer), "%07x", (unsigned)at & 0xfffffff);
		ck_assert_mem_eq(page, buffer, 8);
	}
	expect_copy("/behind", "behind");
	ck_assert_int_eq(close(fd), 0);
	free(path);
}
END_TEST

START_TEST(after_a_reset_nothing_is_left)
{
	struct stat st;
	uint64_t size;

	copy_text("/a", "former and longer");
	spool_seal(&spool);
	ck_assert_int_eq(spool_open(&spool, "/a", &size), STATUS_OK);
	ck_assert_int_eq(spool_reset(&spool), STATUS_OK);
	ck_assert_int_eq(fstat(spool.fd, &st), 0);
	ck_assert_int_eq(st.st_size, 0);
	ck_assert_ptr_null(spool.open);
	copy_text("/b", "new");
	spool_seal(&spool);
	ck_assert_int_eq(
		spool_open(&spool, "/a", &size), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	expect_copy("/b", "new");
}
END_TEST

START_TEST(bytes_that_are_gone_are_never_a_short_success)
{
	char buffer[16];
	uint64_t size;
	size_t got = 9;

	copy_text("/a", "0123456789");
	spool_seal(&spool);
	ck_assert_int_eq(spool_open(&spool, "/a", &size), STATUS_OK);
	ck_assert_int_eq(ftruncate(spool.fd, 4), 0);
	ck_assert_int_eq(
		spool_read(&spool, buffer, sizeof(buffer), &got), hrReadVerifyFailure);
	ck_assert_uint_eq(got, 0);
	ck_assert_ptr_nonnull(strstr(status_pending(), "/a"));
}
END_TEST

START_TEST(reading_needs_an_open_file)
{
	char buffer[4];
	uint64_t size;
	size_t got;

	copy_text("/a", "a");
	spool_seal(&spool);
	ck_assert_int_eq(spool_read(&spool, buffer, 4, &got), hrInvalidHandle);
	ck_assert_int_eq(spool_open(&spool, "/a", &size), STATUS_OK);
	spool_close(&spool);
	ck_assert_int_eq(spool_read(&spool, buffer, 4, &got), hrInvalidHandle);
	ck_assert_int_eq(
		spool_open(&spool, "/b", &size), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_int_eq(spool_read(&spool, buffer, 4, &got), hrInvalidHandle);
}
END_TEST

START_TEST(a_full_disk_is_said_of_the_spool_s_directory)
{
	int fd = open_text("text"), full = open("/dev/full", O_RDWR | O_CLOEXEC);
	uint64_t copied = 9;

	ck_assert_int_ge(full, 0);
	ck_assert_int_eq(close(spool.fd), 0);
	spool.fd = full;
	ck_assert_int_eq(
		spool_copy(&spool, "/a", fd, 4, &copied), STATUS_WIN32(ERROR_DISK_FULL));
	ck_assert_ptr_nonnull(strstr(status_pending(), spool.dir));
	ck_assert_uint_eq(copied, 0);
	ck_assert_uint_eq(spool.count, 0);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(a_source_that_cannot_be_read_is_named)
{
	int fd = open(dir, O_RDONLY | O_CLOEXEC);
	uint64_t copied = 9;

	ck_assert_int_ge(fd, 0);
	ck_assert(failed(spool_copy(&spool, "/the/source", fd, 4, &copied)));
	ck_assert_ptr_nonnull(strstr(status_pending(), "/the/source"));
	ck_assert_uint_eq(copied, 0);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(a_size_beyond_all_files_is_refused)
{
	ck_assert_int_eq(
		spool_note(&spool, "/a", UINT64_MAX), STATUS_WIN32(ERROR_FILE_TOO_LARGE));
	ck_assert_int_eq(spool_note(&spool, "/a", (uint64_t)1 << 62), STATUS_OK);
	ck_assert_int_eq(spool_note(&spool, "/b", 1), STATUS_WIN32(ERROR_FILE_TOO_LARGE));
}
END_TEST

START_TEST(the_spool_has_no_name)
{
	char *path = support_path(dir, "spool");
	DIR *stream = opendir(path);
	const struct dirent *entry;
	struct stat st;

	ck_assert_ptr_nonnull(stream);
	while ((entry = readdir(stream)) != NULL)
		ck_assert_int_eq(entry->d_name[0], '.');
	ck_assert_int_eq(closedir(stream), 0);
	ck_assert_int_eq(fstat(spool.fd, &st), 0);
	ck_assert_uint_eq(st.st_nlink, 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert(fcntl(spool.fd, F_GETFD) & FD_CLOEXEC);
	free(path);
}
END_TEST

START_TEST(a_missing_directory_is_an_error)
{
	char *path = support_path(dir, "missing");
	struct spool other;

	ck_assert(failed(spool_create(path, &other)));
	ck_assert_ptr_nonnull(strstr(status_pending(), "missing"));
	spool_free(&other);
	free(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spool");
	TCase *tc = tcase_create("spool");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, copies_are_found_by_path_in_whatever_order_they_came);
	tcase_add_test(tc, the_list_is_sorted_by_path);
	tcase_add_test(tc, an_empty_spool_lists_nothing_and_opens_nothing);
	tcase_add_test(tc, pieces_of_any_size_add_up);
	tcase_add_test(tc, copies_begin_on_boundaries_that_file_systems_can_share);
	tcase_add_test(tc, what_was_written_by_other_means_is_read_like_a_copy);
	tcase_add_test(tc, a_file_that_shrank_tells_what_was_there);
	tcase_add_test(tc, a_file_that_grew_is_copied_to_its_former_size);
	tcase_add_test(tc, where_the_kernel_does_not_copy_read_and_write_do);
	tcase_add_test(tc, large_files_come_out_as_they_went_in);
	tcase_add_test(tc, after_a_reset_nothing_is_left);
	tcase_add_test(tc, bytes_that_are_gone_are_never_a_short_success);
	tcase_add_test(tc, reading_needs_an_open_file);
	tcase_add_test(tc, a_full_disk_is_said_of_the_spool_s_directory);
	tcase_add_test(tc, a_source_that_cannot_be_read_is_named);
	tcase_add_test(tc, a_size_beyond_all_files_is_refused);
	tcase_add_test(tc, the_spool_has_no_name);
	tcase_add_test(tc, a_missing_directory_is_an_error);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
