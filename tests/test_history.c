/*
 * test_history.c - the durable record of completed backups
 */
#include "server/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "support.h"

#define DAMAGED STATUS_WIN32(ERROR_INVALID_DATA)

static struct server server;
static char *path;

static const struct history sample = {
	.certsrv =
		{
			.full = {.taken = true,
				.time = 1700000000,
				.log_low = 3,
				.log_high = UINT32_MAX},
			.next_generation = 17,
			.needs_full = true,
		},
	.ds =
		{
			.full = {.taken = true,
				.time = 1700000001,
				.log_low = 4,
				.log_high = 5},
			.incremental = {.taken = true, .time = -1},
			.next_generation = 5,
			.incremental_disabled = true,
		},
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
	ck_assert_uint_eq(a->log_low, b->log_low);
	ck_assert_uint_eq(a->log_high, b->log_high);
}

static void assert_chains_equal(
	const struct history_chain *a, const struct history_chain *b)
{
	assert_backups_equal(&a->full, &b->full);
	assert_backups_equal(&a->incremental, &b->incremental);
	ck_assert_uint_eq(a->next_generation, b->next_generation);
	ck_assert_int_eq(a->needs_full, b->needs_full);
	ck_assert_int_eq(a->incremental_disabled, b->incremental_disabled);
}

static void assert_loads(const struct history *expected)
{
	struct history found;

	memset(&found, 0xa5, sizeof(found));
	ck_assert_int_eq(history_load(&server, &found), STATUS_OK);
	assert_chains_equal(&found.certsrv, &expected->certsrv);
	assert_chains_equal(&found.ds, &expected->ds);
}

static const struct history none;

static void assert_damaged(void)
{
	struct history found = sample;

	ck_assert_int_eq(history_load(&server, &found), DAMAGED);
	ck_assert_mem_eq(status_pending(), path, strlen(path));
	ck_assert(!found.certsrv.full.taken && !found.certsrv.needs_full);
	ck_assert(!found.ds.full.taken && !found.ds.incremental_disabled);
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
	h.certsrv.full.taken = false;
	ck_assert_int_eq(history_save(&server, &h), STATUS_OK);
	h.certsrv.full = none.certsrv.full;
	assert_loads(&h);
	h = sample;
	h.ds.incremental = none.ds.incremental;
	h.certsrv.needs_full = false;
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

/* LINES as the version with one chain for both families wrote them. */
static void write_former(const char *lines)
{
	char text[1024];
	int length = snprintf(text, sizeof(text), "format = history 1\n%s", lines);

	(void)snprintf(text + length, sizeof(text) - (size_t)length,
		"checksum = %016" PRIx64 "\n", hash_bytes(text, (size_t)length));
	ck_assert_int_eq(mkdir(server.state_dir, 0700), 0);
	support_write(path, text);
}

#define FORMER_FULL(family)                                                              \
	"full_time = 1700000000\nfull_family = " family                                  \
	"\nfull_log_low = 3\nfull_log_high = 4\n"
#define FORMER_END "next_generation = 4\nneeds_full = 1\nincremental_disabled = 1\n"

static const struct history_backup former_full = {
	.taken = true, .time = 1700000000, .log_low = 3, .log_high = 4};
static const struct history_backup former_incremental = {
	.taken = true, .time = 1700000001, .log_low = 4, .log_high = 5};

START_TEST(the_former_format_is_read_and_written_as_the_new_one)
{
	struct history h = {.certsrv = {.needs_full = true, .incremental_disabled = true},
		.ds = {.needs_full = true, .incremental_disabled = true}};
	struct history_chain *chain = _i ? &h.ds : &h.certsrv;
	char *text;

	chain->full = former_full;
	chain->incremental = former_incremental;
	chain->next_generation = 4;
	write_former(
		_i ? FORMER_FULL("2") "incremental_time = 1700000001\n"
				      "incremental_family = 2\nincremental_log_low = 4\n"
				      "incremental_log_high = 5\n" FORMER_END
		   : FORMER_FULL("1") "incremental_time = 1700000001\n"
				      "incremental_family = 1\nincremental_log_low = 4\n"
				      "incremental_log_high = 5\n" FORMER_END);
	assert_loads(&h);
	ck_assert_int_eq(history_save(&server, &h), STATUS_OK);
	text = support_read(path);
	ck_assert_ptr_eq(strstr(text, "format = history 2\n"), text);
	free(text);
	assert_loads(&h);
}
END_TEST

START_TEST(so_is_one_of_no_backup_yet)
{
	write_former("next_generation = 0\nneeds_full = 0\nincremental_disabled = 0\n");
	assert_loads(&none);
}
END_TEST

START_TEST(but_not_where_it_is_damaged)
{
	write_former(_i ? FORMER_END "needs_full = 1\n" : FORMER_FULL("4") FORMER_END);
	assert_damaged();
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
	h.ds.full.log_low = 2;
	h.ds.full.log_high = 1;
	ck_assert_int_eq(
		history_save(&server, &h), STATUS_WIN32(ERROR_INVALID_PARAMETER));
	h = sample;
	h.certsrv.incremental =
		(struct history_backup){.taken = true, .log_low = 2, .log_high = 1};
	ck_assert_int_eq(
		history_save(&server, &h), STATUS_WIN32(ERROR_INVALID_PARAMETER));
	assert_loads(&sample);
}
END_TEST

START_TEST(each_family_has_a_chain_of_its_own)
{
	struct history h = {0};

	ck_assert_ptr_eq(history_chain(&h, FAMILY_CERTSRV), &h.certsrv);
	ck_assert_ptr_eq(history_chain(&h, FAMILY_DS), &h.ds);
}
END_TEST

/* What CertSrv's chain makes a truncation by Ds up to log 9 keep; Ds, which has full
 * backups only, makes CertSrv keep nothing. */
START_TEST(a_truncation_keeps_what_the_other_family_continues_from)
{
	static const struct {
		struct history_chain other;
		uint32_t keep;
	} cases[] = {
		{{.next_generation = 4}, 9}, /* it has no full backup to continue */
		{{.full = {.taken = true}, .next_generation = 4}, 4},
		{{.full = {.taken = true}, .next_generation = 9}, 9},
		{{.full = {.taken = true}, .next_generation = 12}, 9},
		{{.full = {.taken = true}, .next_generation = 0}, 9},
		{{.full = {.taken = true}, .next_generation = 4, .needs_full = true}, 9},
		{{.full = {.taken = true},
			 .next_generation = 4,
			 .incremental_disabled = true},
			9},
	};
	const struct history_chain own = {.full = {.taken = true}, .next_generation = 2};
	struct history h = {.certsrv = cases[_i].other, .ds = own};

	ck_assert_uint_eq(history_keep_from(&h, FAMILY_DS, 9), cases[_i].keep);
	h = (struct history){.certsrv = own, .ds = cases[_i].other};
	ck_assert_uint_eq(history_keep_from(&h, FAMILY_CERTSRV, 9), 9);
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
	tcase_add_loop_test(
		t, the_former_format_is_read_and_written_as_the_new_one, 0, 2);
	tcase_add_test(t, so_is_one_of_no_backup_yet);
	tcase_add_loop_test(t, but_not_where_it_is_damaged, 0, 2);
	tcase_add_test(t, a_state_dir_that_is_not_trusted_is_an_error);
	tcase_add_test(t, a_history_that_could_not_be_read_is_not_written);
	tcase_add_test(t, each_family_has_a_chain_of_its_own);
	tcase_add_loop_test(
		t, a_truncation_keeps_what_the_other_family_continues_from, 0, 7);
	suite_add_tcase(suite, t);
	return suite;
}

int main(void)
{
	return support_run(make_suite());
}
