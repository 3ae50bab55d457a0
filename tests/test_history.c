/*
 * test_history.c - the durable record of completed backups
 */
#include "server/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

#define DAMAGED STATUS_WIN32(ERROR_INVALID_DATA)

static struct server server;
static char *path;

static const struct history sample = {
	.full = {.taken = true,
		.time = 1700000000,
		.family = FAMILY_CERTSRV,
		.log_low = 3,
		.log_high = UINT32_MAX},
	.incremental = {.taken = true,
		.time = -1,
		.family = FAMILY_DS,
		.log_low = 0,
		.log_high = 0},
	.next_generation = 17,
	.needs_full = true,
	.incremental_disabled = true,
};

static void set_up(void)
{
	server = (struct server){.name = support_tmpdir()};
	server.state_dir = support_path(server.name, "state");
	path = support_path(server.state_dir, "history");
}

static void tear_down(void)
{
	free(server.state_dir);
	free(path);
}

static void assert_backups_equal(
	const struct history_backup *a, const struct history_backup *b)
{
	ck_assert_int_eq(a->taken, b->taken);
	ck_assert_int_eq(a->time, b->time);
	ck_assert_uint_eq(a->family, b->family);
	ck_assert_uint_eq(a->log_low, b->log_low);
	ck_assert_uint_eq(a->log_high, b->log_high);
}

static void assert_loads(const struct history *expected)
{
	struct history found;

	memset(&found, 0xa5, sizeof(found));
	ck_assert_int_eq(history_load(&server, &found), STATUS_OK);
	assert_backups_equal(&found.full, &expected->full);
	assert_backups_equal(&found.incremental, &expected->incremental);
	ck_assert_uint_eq(found.next_generation, expected->next_generation);
	ck_assert_int_eq(found.needs_full, expected->needs_full);
	ck_assert_int_eq(found.incremental_disabled, expected->incremental_disabled);
}

static const struct history none;

static void assert_damaged(void)
{
	struct history found = sample;

	ck_assert_int_eq(history_load(&server, &found), DAMAGED);
	ck_assert_mem_eq(status_pending(), path, strlen(path));
	ck_assert(!found.full.taken && !found.needs_full);
}

START_TEST(a_missing_file_or_state_dir_is_an_empty_history)
{
	assert_loads(&none);
	ck_assert(!support_exists(server.state_dir));
	ck_assert_int_eq(mkdir(server.state_dir, 0700), 0);
	assert_loads(&none);
}
END_TEST

START_TEST(what_was_saved_is_loaded)
{
	struct history h = sample;
	struct stat st;

	ck_assert_int_eq(history_save(&server, &h), STATUS_OK);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	assert_loads(&h);
	h.full.taken = false;
	ck_assert_int_eq(history_save(&server, &h), STATUS_OK);
	h.full = none.full;
	assert_loads(&h);
	h = sample;
	h.incremental = none.incremental;
	h.needs_full = false;
	ck_assert_int_eq(history_save(&server, &h), STATUS_OK);
	assert_loads(&h);
	ck_assert_int_eq(history_save(&server, &none), STATUS_OK);
	assert_loads(&none);
}
END_TEST

START_TEST(damage_anywhere_is_never_a_fresh_start)
{
	char *text;
	size_t size;

	ck_assert_int_eq(history_save(&server, &sample), STATUS_OK);
	text = support_read(path);
	size = strlen(text);
	for (size_t i = 0; i < size * 8; i++) {
		FILE *f = fopen(path, "we");

		ck_assert_ptr_nonnull(f);
		text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
		ck_assert_uint_eq(fwrite(text, 1, size, f), size);
		ck_assert_int_eq(fclose(f), 0);
		text[i / 8] = (char)(text[i / 8] ^ (1 << i % 8));
		assert_damaged();
	}
	while (size-- > 0) {
		text[size] = '\0';
		support_write(path, text);
		assert_damaged();
	}
	free(text);
}
END_TEST

START_TEST(a_state_dir_that_is_not_trusted_is_an_error)
{
	struct history found;

	ck_assert_int_eq(history_save(&server, &sample), STATUS_OK);
	ck_assert_int_eq(chmod(server.state_dir, 0755), 0);
	ck_assert_int_eq(
		history_load(&server, &found), STATUS_WIN32(ERROR_ACCESS_DENIED));
	ck_assert_int_eq(history_save(&server, &none), STATUS_WIN32(ERROR_ACCESS_DENIED));
	ck_assert_int_eq(chmod(server.state_dir, 0700), 0);
	assert_loads(&sample);
}
END_TEST

START_TEST(a_history_that_could_not_be_read_is_not_written)
{
	struct history h = sample;

	ck_assert_int_eq(history_save(&server, &sample), STATUS_OK);
	h.full.log_low = 2;
	h.full.log_high = 1;
	ck_assert_int_eq(
		history_save(&server, &h), STATUS_WIN32(ERROR_INVALID_PARAMETER));
	h = sample;
	h.incremental.family = 0;
	ck_assert_int_eq(
		history_save(&server, &h), STATUS_WIN32(ERROR_INVALID_PARAMETER));
	assert_loads(&sample);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("history");
	TCase *t = tcase_create("history");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_missing_file_or_state_dir_is_an_empty_history);
	tcase_add_test(t, what_was_saved_is_loaded);
	tcase_add_test(t, damage_anywhere_is_never_a_fresh_start);
	tcase_add_test(t, a_state_dir_that_is_not_trusted_is_an_error);
	tcase_add_test(t, a_history_that_could_not_be_read_is_not_written);
	suite_add_tcase(suite, t);
	return suite;
}

int main(void)
{
	return support_run(make_suite());
}
