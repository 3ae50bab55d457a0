/* When a session counts as a backup, and what an incremental one continues; on the engine
 * with logs of test_backup.c. What truncation does to that is in test_backup_truncate.c. */
#include "session/backup.h"

#include <stdlib.h>
#include <string.h>

#include "log_engine.h"
#include "store.h"
#include "support.h"

#define SEQUENCE hrInvalidBackupSequence

static struct store *store;

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
	log_engine = (struct log_engine){.in_use = true, .low = 3, .high = 5};
}

static void teardown(void)
{
	ck_assert_int_eq(log_engine.live, 0);
	ck_assert_int_eq(log_engine.files_open, 0);
	store_free(store);
}

/* What an incremental backup goes on from. */
static void take_base(uint32_t next_generation)
{
	store_put_history((struct history){.certsrv = {.full = {.taken = true, .time = 1},
						   .next_generation = next_generation}});
}

/* ---- completeness and the record ---- */

/* Reads all that is listed but the file SKIPPED (NULL: nothing), and CUT (NULL: none) not
 * to its end. */
static void deliver(
	struct backup *b, enum backup_type type, const char *skipped, const char *cut)
{
	const struct engine_files *lists[2] = {NULL, NULL};
	char byte[1];
	size_t got;

	for (int which = type == BACKUP_FULL ? 0 : 1; which < 2; which++) {
		status rc = which ? backup_logs(b, &lists[1])
				  : backup_databases(b, &lists[0]);

		ck_assert_int_eq(rc, STATUS_OK);
		for (size_t i = 0; i < lists[which]->count; i++) {
			const char *path = lists[which]->items[i].path;
			uint64_t size;

			if (skipped && strcmp(path, skipped) == 0)
				continue;
			if (!cut || strcmp(path, cut) != 0) {
				free(store_stream(b, path, 3, NULL));
				continue;
			}
			ck_assert_int_eq(backup_open(b, path, 0, &size), STATUS_OK);
			ck_assert_int_eq(backup_read(b, byte, 1, &got), STATUS_OK);
			ck_assert_int_eq(backup_close(b), STATUS_OK);
		}
	}
}

START_TEST(a_complete_full_backup_is_recorded_before_end_returns)
{
	struct backup *b = store_prepare(BACKUP_FULL);
	struct history_chain h;

	deliver(b, BACKUP_FULL, NULL, NULL);
	ck_assert(!store_history().certsrv.full.taken);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	h = store_history().certsrv;
	ck_assert(h.full.taken && !h.incremental.taken && !h.needs_full);
	ck_assert_uint_eq(h.full.log_low, 3);
	ck_assert_uint_eq(h.full.log_high, 5);
	ck_assert_uint_eq(h.next_generation, 5);
	ck_assert_int_gt(h.full.time, 1700000000);
}
END_TEST

START_TEST(an_empty_file_need_not_be_read)
{
	struct backup *b = store_prepare(BACKUP_FULL);

	deliver(b, BACKUP_FULL, LOG_ENGINE_EMPTY, NULL);
	ck_assert_int_eq(backup_truncate(b), STATUS_OK);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert(store_history().certsrv.full.taken);
}
END_TEST

START_TEST(a_file_not_opened_or_cut_short_makes_a_backup_incomplete)
{
	static const char *const files[] = {
		LOG_ENGINE_DATABASE, LOG_ENGINE_LOG(3), LOG_ENGINE_LOG(5)};
	const char *skipped = _i % 2 ? files[_i / 2] : NULL;
	const char *cut = _i % 2 ? NULL : files[_i / 2];
	struct backup *b = store_prepare(BACKUP_FULL);

	deliver(b, BACKUP_FULL, skipped, cut);
	ck_assert_int_eq(backup_truncate(b), SEQUENCE);
	ck_assert_uint_eq(log_engine.kept_from, 0);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert(!store_history().certsrv.full.taken);
}
END_TEST

START_TEST(a_file_cut_short_and_then_read_again_whole_counts)
{
	struct backup *b = store_prepare(BACKUP_FULL);

	deliver(b, BACKUP_FULL, NULL, LOG_ENGINE_LOG(4));
	ck_assert_int_eq(backup_truncate(b), SEQUENCE);
	free(store_stream(b, LOG_ENGINE_LOG(4), 64, NULL));
	ck_assert_int_eq(backup_truncate(b), STATUS_OK);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert(store_history().certsrv.full.taken);
}
END_TEST

START_TEST(a_backup_whose_logs_were_never_listed_is_incomplete)
{
	struct backup *b = store_prepare(BACKUP_FULL);
	const struct engine_files *files;

	ck_assert_int_eq(backup_databases(b, &files), STATUS_OK);
	free(store_stream(b, LOG_ENGINE_DATABASE, 64, NULL));
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert(!store_history().certsrv.full.taken);
}
END_TEST

START_TEST(a_full_backup_whose_databases_were_never_listed_is_incomplete)
{
	struct backup *b = store_prepare(BACKUP_FULL);
	const struct engine_files *files;

	ck_assert_int_eq(backup_logs(b, &files), STATUS_OK);
	for (size_t i = 0; i < files->count; i++)
		free(store_stream(b, files->items[i].path, 64, NULL));
	ck_assert_int_eq(backup_truncate(b), SEQUENCE);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert(!store_history().certsrv.full.taken);
}
END_TEST

START_TEST(an_abandoned_backup_is_not_recorded)
{
	struct backup *b = store_prepare(BACKUP_FULL);

	deliver(b, BACKUP_FULL, NULL, NULL);
	ck_assert_int_eq(backup_end(b, false), STATUS_OK);
	ck_assert(!store_history().certsrv.full.taken);
}
END_TEST

START_TEST(damage_found_while_reading_fails_the_read_and_the_backup_stays_incomplete)
{
	struct backup *b = store_prepare(BACKUP_FULL);
	const struct engine_files *files;
	char buffer[64];
	uint64_t size;
	size_t got;

	ck_assert_int_eq(backup_databases(b, &files), STATUS_OK);
	ck_assert_int_eq(backup_open(b, LOG_ENGINE_DATABASE, 0, &size), STATUS_OK);
	log_engine.read_result = hrReadVerifyFailure;
	ck_assert_int_eq(
		backup_read(b, buffer, sizeof(buffer), &got), hrReadVerifyFailure);
	log_engine.read_result = STATUS_OK;
	ck_assert_int_eq(backup_close(b), STATUS_OK);
	ck_assert_int_eq(backup_logs(b, &files), STATUS_OK);
	for (size_t i = 0; i < files->count; i++)
		free(store_stream(b, files->items[i].path, 64, NULL));
	ck_assert_int_eq(backup_truncate(b), SEQUENCE);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert(!store_history().certsrv.full.taken);
}
END_TEST

/* ---- the chain ---- */

START_TEST(each_family_continues_its_own_chain)
{
	struct backup *b = store_prepare(BACKUP_FULL);

	deliver(b, BACKUP_FULL, NULL, NULL);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert_int_eq(
		backup_prepare(store_server(), FAMILY_DS, BACKUP_INCREMENTAL, &b),
		hrMissingFullBackup);
	ck_assert_int_eq(
		backup_prepare(store_server(), FAMILY_DS, BACKUP_FULL, &b), STATUS_OK);
	log_engine.high = 7;
	deliver(b, BACKUP_FULL, NULL, NULL);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert_uint_eq(store_history().ds.next_generation, 7);
	ck_assert_uint_eq(store_history().certsrv.next_generation, 5);
	b = store_prepare(BACKUP_INCREMENTAL);
	ck_assert_uint_eq(log_engine.how.first_generation, 5);
	ck_assert_int_eq(backup_end(b, false), STATUS_OK);
}
END_TEST

START_TEST(an_incremental_backup_begins_where_its_base_ended)
{
	struct backup *b;
	struct history_chain h;

	take_base(4);
	b = store_prepare(BACKUP_INCREMENTAL);
	ck_assert(log_engine.how.incremental);
	ck_assert_uint_eq(log_engine.how.first_generation, 4);
	deliver(b, BACKUP_INCREMENTAL, NULL, NULL);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	h = store_history().certsrv;
	ck_assert(h.full.taken && h.incremental.taken);
	ck_assert_uint_eq(h.incremental.log_low, 4);
	ck_assert_uint_eq(h.incremental.log_high, 5);
	ck_assert_uint_eq(h.next_generation, 4); /* it did not truncate: differential */
}
END_TEST

START_TEST(incremental_backups_are_refused_for_these_reasons)
{
	static const struct {
		struct history_chain chain;
		status expected;
	} cases[] = {
		{{.next_generation = 0}, hrMissingFullBackup},
		{{.full = {.taken = true}, .needs_full = true}, hrMissingFullBackup},
		{{.full = {.taken = true}, .incremental_disabled = true},
			hrIncrementalBackupDisabled},
	};
	struct backup *b;

	store_put_history((struct history){.certsrv = cases[_i].chain});
	ck_assert_int_eq(
		backup_prepare(store_server(), FAMILY_CERTSRV, BACKUP_INCREMENTAL, &b),
		cases[_i].expected);
	ck_assert_ptr_null(b);
	b = store_prepare(BACKUP_FULL); /* nothing was left locked */
	deliver(b, BACKUP_FULL, NULL, NULL);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	b = store_prepare(BACKUP_INCREMENTAL); /* and the full one lifts the reason */
	ck_assert_int_eq(backup_end(b, false), STATUS_OK);
}
END_TEST

START_TEST(an_engine_that_cannot_begin_leaves_nothing_locked)
{
	struct backup *b;

	log_engine.begin_result = hrLogFileNotFound;
	ck_assert_int_eq(backup_prepare(store_server(), FAMILY_DS, BACKUP_FULL, &b),
		hrLogFileNotFound);
	ck_assert_ptr_null(b);
	log_engine.begin_result = STATUS_OK;
	ck_assert_int_eq(backup_end(store_prepare(BACKUP_FULL), true), STATUS_OK);
}
END_TEST

START_TEST(a_damaged_history_fails_the_end_but_frees_the_session)
{
	struct backup *b = store_prepare(BACKUP_FULL);
	char *path = support_path(store->state, "history");

	deliver(b, BACKUP_FULL, NULL, NULL);
	support_write(path, "noise\n");
	ck_assert_int_eq(backup_end(b, true), STATUS_WIN32(ERROR_INVALID_DATA));
	ck_assert_ptr_nonnull(strstr(status_pending(), "history"));
	ck_assert_int_eq(backup_end(store_prepare(BACKUP_FULL), false), STATUS_OK);
	free(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("complete backups");
	TCase *tests = tcase_create("completeness and chain");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_complete_full_backup_is_recorded_before_end_returns);
	tcase_add_test(tests, an_empty_file_need_not_be_read);
	tcase_add_loop_test(
		tests, a_file_not_opened_or_cut_short_makes_a_backup_incomplete, 0, 6);
	tcase_add_test(tests, a_file_cut_short_and_then_read_again_whole_counts);
	tcase_add_test(tests, a_backup_whose_logs_were_never_listed_is_incomplete);
	tcase_add_test(
		tests, a_full_backup_whose_databases_were_never_listed_is_incomplete);
	tcase_add_test(tests, an_abandoned_backup_is_not_recorded);
	tcase_add_test(tests,
		damage_found_while_reading_fails_the_read_and_the_backup_stays_incomplete);
	tcase_add_test(tests, each_family_continues_its_own_chain);
	tcase_add_test(tests, an_incremental_backup_begins_where_its_base_ended);
	tcase_add_loop_test(
		tests, incremental_backups_are_refused_for_these_reasons, 0, 3);
	tcase_add_test(tests, an_engine_that_cannot_begin_leaves_nothing_locked);
	tcase_add_test(tests, a_damaged_history_fails_the_end_but_frees_the_session);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
