/*
 * test_config_files.c - configuration files that are huge, or not to be trusted
 */
#include "config_file.h"

#include <time.h>

START_TEST(ten_megabytes_of_noise_give_a_quick_clean_error)
{
	size_t size = (size_t)10 << 20;
	unsigned char *noise = malloc(size);
	struct server *server;
	struct timespec before, after;
	uint32_t seed = 12345;

	ck_assert_ptr_nonnull(noise);
	for (size_t i = 0; i < size; i++) {
		seed = seed * 1664525u + 1013904223u;
		noise[i] = (unsigned char)(seed >> 24);
	}
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	ck_assert_int_eq(load_bytes(noise, size, &server), BAD);
	memset(noise, '\n', size);
	ck_assert_int_eq(load_bytes(noise, size, &server), BAD);
	memset(noise, 'a', size);
	ck_assert_int_eq(load_bytes(noise, size, &server), BAD);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	ck_assert_ptr_null(server);
	ck_assert_int_lt(after.tv_sec - before.tv_sec, 10);
	free(noise);
}
END_TEST

START_TEST(many_mistakes_take_linear_time)
{
	static const char line[] = "alias = a_b\n";
	size_t count = 500000, length = strlen(line);
	char *text = malloc(count * length);
	struct server *server;

	ck_assert_ptr_nonnull(text);
	for (size_t i = 0; i < count; i++)
		memcpy(text + i * length, line, length);
	memcpy(text, "[server]   \n", length);
	ck_assert_int_eq(load_bytes(text, count * length, &server), BAD);
	ck_assert_ptr_nonnull(strstr(status_pending(), ".conf:2: [server] alias"));
	free(text);
}
END_TEST

START_TEST(a_file_beyond_16_MiB_is_refused)
{
	struct server *server;

	support_write(path, MINIMAL);
	ck_assert_int_eq(chmod(path, 0600), 0);
	ck_assert_int_eq(truncate(path, ((off_t)16 << 20) + 1), 0);
	ck_assert_int_eq(config_load(dirfd_, dir, "ca01.conf", &server), BAD);
	ck_assert_ptr_nonnull(strstr(status_pending(), "ca01.conf"));
}
END_TEST

START_TEST(lines_of_100000_characters_are_read_whole)
{
	size_t length = 100000;
	char *value = malloc(length + 1), *text = malloc(4 * length);
	struct server *s;

	ck_assert_ptr_nonnull(value);
	ck_assert_ptr_nonnull(text);
	memset(value, 'x', length);
	value[0] = '/';
	value[length] = '\0';
	(void)snprintf(
		text, 4 * length, "# %s\n" MINIMAL "database = %s\n", value, value);
	s = load_good(text);
	ck_assert_str_eq(s->store.databases.items[1], value);
	server_free(s);
	free(value);
	free(text);
}
END_TEST

START_TEST(files_that_others_may_write_are_refused)
{
	static const mode_t modes[] = {0620, 0602, 0660, 0666};
	struct server *server;

	support_write(path, MINIMAL);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		ck_assert_int_eq(chmod(path, modes[i]), 0);
		ck_assert_int_eq(config_load(dirfd_, dir, "ca01.conf", &server), DENIED);
		ck_assert_ptr_null(server);
		ck_assert_ptr_nonnull(strstr(status_pending(), path));
	}
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_eq(config_load(dirfd_, dir, "ca01.conf", &server), STATUS_OK);
	server_free(server);
}
END_TEST

START_TEST(files_of_other_users_are_refused)
{
	struct server *server;

	if (geteuid() != 0)
		return; /* cannot give a file away */
	support_write(path, MINIMAL);
	ck_assert_int_eq(chmod(path, 0600), 0);
	ck_assert_int_eq(chown(path, 12345, 0), 0);
	ck_assert_int_eq(config_load(dirfd_, dir, "ca01.conf", &server), DENIED);
	ck_assert_ptr_nonnull(strstr(status_pending(), "12345"));
}
END_TEST

START_TEST(what_is_no_regular_file_is_refused_at_once)
{
	struct server *server;
	char *real = support_path(dir, "real");

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(config_load(dirfd_, dir, "ca01.conf", &server),
		STATUS_WIN32(ERROR_INVALID_DATA));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(config_load(dirfd_, dir, "ca01.conf", &server),
		STATUS_WIN32(ERROR_INVALID_DATA));
	ck_assert_int_eq(rmdir(path), 0);
	support_write(real, MINIMAL);
	ck_assert_int_eq(symlink(real, path), 0);
	ck_assert_int_eq(config_load(dirfd_, dir, "ca01.conf", &server), DENIED);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(config_load(dirfd_, dir, "ca01.conf", &server),
		STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_ptr_null(server);
	free(real);
}
END_TEST

START_TEST(a_file_that_may_not_be_read_is_named)
{
	struct server *server;

	if (geteuid() != 0)
		return; /* cannot become another user */
	support_write(path, MINIMAL);
	ck_assert_int_eq(chmod(path, 0600), 0);
	ck_assert_int_eq(chmod(dir, 0755), 0);
	ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_int_eq(config_load(dirfd_, dir, "ca01.conf", &server), DENIED);
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_ptr_null(server);
	ck_assert_msg(strstr(status_pending(), path) != NULL, "%s", status_pending());
	ck_assert_ptr_nonnull(strstr(status_pending(), "Permission denied"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config_files");
	TCase *t = tcase_create("config_files");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, ten_megabytes_of_noise_give_a_quick_clean_error);
	tcase_add_test(t, many_mistakes_take_linear_time);
	tcase_add_test(t, a_file_beyond_16_MiB_is_refused);
	tcase_add_test(t, lines_of_100000_characters_are_read_whole);
	tcase_add_test(t, files_that_others_may_write_are_refused);
	tcase_add_test(t, files_of_other_users_are_refused);
	tcase_add_test(t, what_is_no_regular_file_is_refused_at_once);
	tcase_add_test(t, a_file_that_may_not_be_read_is_named);
	suite_add_tcase(suite, t);
	return support_run(suite);
}
