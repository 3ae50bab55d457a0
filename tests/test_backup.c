/* The rules of a session, on an engine with logs that lives in memory, so that every state
 * can be reached; test_backup_store.c does it on real stores. */
#include "session/backup.h"

#include <stdlib.h>
#include <string.h>

#include "log_engine.h"
#include "server/history.h"
#include "store.h"
#include "support.h"

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

static struct history history(void)
{
	struct server *server = store_server();
	struct history h;

	ck_assert_int_eq(history_load(server, &h), STATUS_OK);
	server_free(server);
	return h;
}

static void put_history(struct history h)
{
	struct server *server = store_server();

	ck_assert_int_eq(history_save(server, &h), STATUS_OK);
	server_free(server);
}

static struct backup *prepare(enum backup_type type)
{
	struct backup *b = NULL;
	status rc = backup_prepare(store_server(), FAMILY_CERTSRV, type, &b);

	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
	return b;
}

/* What an incremental backup goes on from. */
static void take_base(uint32_t next_generation)
{
	put_history((struct history){
		.full = {.taken = true, .time = 1, .family = FAMILY_CERTSRV},
		.next_generation = next_generation});
}

/* ---- the state table ---- */

enum state { DATABASES, DATABASE_FILE, BEFORE_LOGS, LOGS, LOG_FILE, STATES };

static struct backup *reach(enum state state)
{
	const struct engine_files *files;
	struct backup *b;
	uint64_t size;

	if (state == BEFORE_LOGS)
		take_base(4);
	b = prepare(state == BEFORE_LOGS ? BACKUP_INCREMENTAL : BACKUP_FULL);
	if (state == BEFORE_LOGS)
		return b;
	ck_assert_int_eq(backup_databases(b, &files), STATUS_OK);
	if (state == LOGS || state == LOG_FILE)
		ck_assert_int_eq(backup_logs(b, &files), STATUS_OK);
	if (state == DATABASE_FILE)
		ck_assert_int_eq(backup_open(b, LOG_ENGINE_DATABASE, 0, &size), STATUS_OK);
	if (state == LOG_FILE)
		ck_assert_int_eq(backup_open(b, LOG_ENGINE_LOG(3), 0, &size), STATUS_OK);
	return b;
}

static status call_databases(struct backup *b)
{
	const struct engine_files *files;

	return backup_databases(b, &files);
}

static status call_logs(struct backup *b)
{
	const struct engine_files *files;

	return backup_logs(b, &files);
}

static status call_dynamic(struct backup *b)
{
	struct names list = {0};
	status rc = backup_dynamic(b, &list);

	names_free(&list);
	return rc;
}

static status call_open_database(struct backup *b)
{
	uint64_t size;

	return backup_open(b, LOG_ENGINE_DATABASE, 0, &size);
}

static status call_open_log(struct backup *b)
{
	uint64_t size;

	return backup_open(b, LOG_ENGINE_LOG(4), 0, &size);
}

static status call_read(struct backup *b)
{
	char buffer[4];
	size_t got;

	return backup_read(b, buffer, sizeof(buffer), &got);
}

#define NOT_LISTED STATUS_WIN32(ERROR_FILE_NOT_FOUND)
#define SEQUENCE   hrInvalidBackupSequence

/* The contract, call by call. The sessions were not read completely, so that
 * TruncateLogs is refused everywhere; the tests below have where it is not. */
static const struct {
	const char *name;
	status (*call)(struct backup *);
	status expected[STATES];
} calls[] = {
	{"databases", call_databases,
		{STATUS_OK, STATUS_OK, SEQUENCE, SEQUENCE, SEQUENCE}},
	{"logs", call_logs, {STATUS_OK, SEQUENCE, STATUS_OK, STATUS_OK, SEQUENCE}},
	{"dynamic", call_dynamic, {STATUS_OK, STATUS_OK, STATUS_OK, STATUS_OK, STATUS_OK}},
	{"open a database", call_open_database,
		{STATUS_OK, hrAlreadyOpen, NOT_LISTED, SEQUENCE, hrAlreadyOpen}},
	{"open a log", call_open_log,
		{NOT_LISTED, hrAlreadyOpen, NOT_LISTED, STATUS_OK, hrAlreadyOpen}},
	{"read", call_read,
		{hrInvalidHandle, STATUS_OK, hrInvalidHandle, hrInvalidHandle, STATUS_OK}},
	{"close", backup_close,
		{hrInvalidHandle, STATUS_OK, hrInvalidHandle, hrInvalidHandle, STATUS_OK}},
	{"truncate", backup_truncate, {SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE}},
};

#define CALLS ((int)(sizeof(calls) / sizeof(calls[0])))

START_TEST(each_call_in_each_state_gives_the_code_of_the_contract)
{
	for (int state = 0; state < STATES; state++) {
		struct backup *b = reach((enum state)state);
		status rc = calls[_i].call(b);

		ck_assert_msg(rc == calls[_i].expected[state], "%s in state %d: %s", calls[_i].name,
			state, status_name(rc));
		ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	}
}
END_TEST

START_TEST(a_refused_call_changes_nothing)
{
	struct backup *b = reach(DATABASE_FILE);
	char buffer[64];
	size_t got;

	ck_assert_int_eq(call_open_database(b), hrAlreadyOpen);
	ck_assert_int_eq(call_logs(b), SEQUENCE);
	ck_assert_int_eq(backup_truncate(b), SEQUENCE);
	ck_assert_int_eq(backup_read(b, buffer, sizeof(buffer), &got), STATUS_OK);
	ck_assert_uint_eq(got, 8);
	ck_assert_mem_eq(buffer, "database", 8);
	ck_assert_int_eq(backup_close(b), STATUS_OK);
	ck_assert_int_eq(call_logs(b), STATUS_OK);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
}
END_TEST

START_TEST(the_databases_cannot_be_listed_after_truncation)
{
	struct backup *b = prepare(BACKUP_FULL);
	const struct engine_files *files;

	ck_assert_int_eq(backup_databases(b, &files), STATUS_OK);
	free(store_stream(b, LOG_ENGINE_DATABASE, 64, NULL));
	ck_assert_int_eq(backup_logs(b, &files), STATUS_OK);
	for (size_t i = 0; i < files->count; i++)
		free(store_stream(b, files->items[i].path, 64, NULL));
	ck_assert_int_eq(backup_truncate(b), STATUS_OK);
	ck_assert_int_eq(call_databases(b), SEQUENCE);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
}
END_TEST

START_TEST(a_list_that_fails_can_be_asked_for_again)
{
	struct backup *b = prepare(BACKUP_FULL);
	const struct engine_files *files;

	log_engine.list_result = STATUS_WIN32(ERROR_IO_DEVICE);
	ck_assert_int_eq(backup_databases(b, &files), STATUS_WIN32(ERROR_IO_DEVICE));
	ck_assert_int_eq(backup_logs(b, &files), STATUS_WIN32(ERROR_IO_DEVICE));
	log_engine.list_result = STATUS_OK;
	ck_assert_int_eq(backup_databases(b, &files), STATUS_OK);
	ck_assert_uint_eq(files->count, 2);
	ck_assert_int_eq(backup_logs(b, &files), STATUS_OK);
	ck_assert_uint_eq(files->count, 3);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
}
END_TEST

START_TEST(a_list_asked_for_twice_is_the_same)
{
	struct backup *b = prepare(BACKUP_FULL);
	const struct engine_files *first, *second;

	ck_assert_int_eq(backup_databases(b, &first), STATUS_OK);
	ck_assert_int_eq(backup_databases(b, &second), STATUS_OK);
	ck_assert_ptr_eq(first->items, second->items);
	ck_assert_uint_eq(second->count, 2);
	ck_assert_int_eq(backup_logs(b, &first), STATUS_OK);
	log_engine.high = 9;
	ck_assert_int_eq(backup_logs(b, &second), STATUS_OK);
	ck_assert_uint_eq(second->count, 3);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
}
END_TEST

START_TEST(an_open_that_fails_leaves_no_file_open)
{
	struct backup *b = reach(DATABASES);

	log_engine.open_result = STATUS_WIN32(ERROR_FILE_NOT_FOUND);
	ck_assert_int_eq(call_open_database(b), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_int_eq(call_read(b), hrInvalidHandle);
	log_engine.open_result = STATUS_OK;
	ck_assert_int_eq(call_open_database(b), STATUS_OK);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
}
END_TEST

/* ---- completeness and the record ---- */

/* Reads all that is listed but the file SKIPPED (NULL: nothing), and CUT (NULL: none) not
 * to its end. */
static void deliver(struct backup *b, enum backup_type type, const char *skipped,
	const char *cut)
{
	const struct engine_files *lists[2] = {NULL, NULL};
	char byte[1];
	size_t got;

	for (int which = type == BACKUP_FULL ? 0 : 1; which < 2; which++) {
		status rc = which ? backup_logs(b, &lists[1]) : backup_databases(b, &lists[0]);

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
	struct backup *b = prepare(BACKUP_FULL);
	struct history h;

	deliver(b, BACKUP_FULL, NULL, NULL);
	ck_assert(!history().full.taken);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	h = history();
	ck_assert(h.full.taken && !h.incremental.taken && !h.needs_full);
	ck_assert_uint_eq(h.full.family, FAMILY_CERTSRV);
	ck_assert_uint_eq(h.full.log_low, 3);
	ck_assert_uint_eq(h.full.log_high, 5);
	ck_assert_uint_eq(h.next_generation, 5);
	ck_assert_int_gt(h.full.time, 1700000000);
}
END_TEST

START_TEST(an_empty_file_need_not_be_read)
{
	struct backup *b = prepare(BACKUP_FULL);

	deliver(b, BACKUP_FULL, LOG_ENGINE_EMPTY, NULL);
	ck_assert_int_eq(backup_truncate(b), STATUS_OK);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert(history().full.taken);
}
END_TEST

START_TEST(a_file_not_opened_or_cut_short_makes_a_backup_incomplete)
{
	static const char *const files[] = {LOG_ENGINE_DATABASE, LOG_ENGINE_LOG(3),
		LOG_ENGINE_LOG(5)};
	const char *skipped = _i % 2 ? files[_i / 2] : NULL;
	const char *cut = _i % 2 ? NULL : files[_i / 2];
	struct backup *b = prepare(BACKUP_FULL);

	deliver(b, BACKUP_FULL, skipped, cut);
	ck_assert_int_eq(backup_truncate(b), SEQUENCE);
	ck_assert_uint_eq(log_engine.kept_from, 0);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert(!history().full.taken);
}
END_TEST

START_TEST(a_file_cut_short_and_then_read_again_whole_counts)
{
	struct backup *b = prepare(BACKUP_FULL);

	deliver(b, BACKUP_FULL, NULL, LOG_ENGINE_LOG(4));
	ck_assert_int_eq(backup_truncate(b), SEQUENCE);
	free(store_stream(b, LOG_ENGINE_LOG(4), 64, NULL));
	ck_assert_int_eq(backup_truncate(b), STATUS_OK);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert(history().full.taken);
}
END_TEST

START_TEST(a_backup_whose_logs_were_never_listed_is_incomplete)
{
	struct backup *b = prepare(BACKUP_FULL);
	const struct engine_files *files;

	ck_assert_int_eq(backup_databases(b, &files), STATUS_OK);
	free(store_stream(b, LOG_ENGINE_DATABASE, 64, NULL));
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert(!history().full.taken);
}
END_TEST

START_TEST(a_full_backup_whose_databases_were_never_listed_is_incomplete)
{
	struct backup *b = prepare(BACKUP_FULL);
	const struct engine_files *files;

	ck_assert_int_eq(backup_logs(b, &files), STATUS_OK);
	for (size_t i = 0; i < files->count; i++)
		free(store_stream(b, files->items[i].path, 64, NULL));
	ck_assert_int_eq(backup_truncate(b), SEQUENCE);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert(!history().full.taken);
}
END_TEST

START_TEST(an_abandoned_backup_is_not_recorded)
{
	struct backup *b = prepare(BACKUP_FULL);

	deliver(b, BACKUP_FULL, NULL, NULL);
	ck_assert_int_eq(backup_end(b, false), STATUS_OK);
	ck_assert(!history().full.taken);
}
END_TEST

START_TEST(damage_found_while_reading_fails_the_read_and_the_backup_stays_incomplete)
{
	struct backup *b = reach(DATABASE_FILE);
	const struct engine_files *files;
	char buffer[64];
	size_t got;

	log_engine.read_result = hrReadVerifyFailure;
	ck_assert_int_eq(backup_read(b, buffer, sizeof(buffer), &got), hrReadVerifyFailure);
	log_engine.read_result = STATUS_OK;
	ck_assert_int_eq(backup_close(b), STATUS_OK);
	ck_assert_int_eq(backup_logs(b, &files), STATUS_OK);
	for (size_t i = 0; i < files->count; i++)
		free(store_stream(b, files->items[i].path, 64, NULL));
	ck_assert_int_eq(backup_truncate(b), SEQUENCE);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert(!history().full.taken);
}
END_TEST

/* ---- the chain ---- */

START_TEST(truncation_keeps_the_newest_log_and_is_refused_a_base_when_it_fails)
{
	struct backup *b;

	take_base(4);
	b = prepare(BACKUP_INCREMENTAL);
	deliver(b, BACKUP_INCREMENTAL, NULL, NULL);
	log_engine.truncate_result = STATUS_WIN32(ERROR_ACCESS_DENIED);
	ck_assert_int_eq(backup_truncate(b), STATUS_WIN32(ERROR_ACCESS_DENIED));
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert_uint_eq(history().next_generation, 4);

	log_engine.truncate_result = STATUS_OK;
	b = prepare(BACKUP_INCREMENTAL);
	deliver(b, BACKUP_INCREMENTAL, NULL, NULL);
	ck_assert_int_eq(backup_truncate(b), STATUS_OK);
	ck_assert_uint_eq(log_engine.kept_from, 5);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert_uint_eq(history().next_generation, 5);
}
END_TEST

START_TEST(an_incremental_backup_begins_where_its_base_ended)
{
	struct backup *b;
	struct history h;

	take_base(4);
	b = prepare(BACKUP_INCREMENTAL);
	ck_assert(log_engine.how.incremental);
	ck_assert_uint_eq(log_engine.how.first_generation, 4);
	deliver(b, BACKUP_INCREMENTAL, NULL, NULL);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	h = history();
	ck_assert(h.full.taken && h.incremental.taken);
	ck_assert_uint_eq(h.incremental.log_low, 4);
	ck_assert_uint_eq(h.incremental.log_high, 5);
	ck_assert_uint_eq(h.next_generation, 4); /* it did not truncate: differential */
}
END_TEST

START_TEST(incremental_backups_are_refused_for_these_reasons)
{
	static const struct {
		struct history history;
		status expected;
	} cases[] = {
		{{.next_generation = 0}, hrMissingFullBackup},
		{{.full = {.taken = true, .family = FAMILY_DS}, .needs_full = true},
			hrMissingFullBackup},
		{{.full = {.taken = true, .family = FAMILY_DS}, .incremental_disabled = true},
			hrIncrementalBackupDisabled},
	};
	struct backup *b;

	put_history(cases[_i].history);
	ck_assert_int_eq(backup_prepare(store_server(), FAMILY_CERTSRV, BACKUP_INCREMENTAL, &b),
		cases[_i].expected);
	ck_assert_ptr_null(b);
	b = prepare(BACKUP_FULL); /* nothing was left locked */
	deliver(b, BACKUP_FULL, NULL, NULL);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	b = prepare(BACKUP_INCREMENTAL); /* and the full one lifts the reason */
	ck_assert_int_eq(backup_end(b, false), STATUS_OK);
}
END_TEST

START_TEST(an_engine_that_cannot_begin_leaves_nothing_locked)
{
	struct backup *b;

	log_engine.begin_result = hrLogFileNotFound;
	ck_assert_int_eq(
		backup_prepare(store_server(), FAMILY_DS, BACKUP_FULL, &b), hrLogFileNotFound);
	ck_assert_ptr_null(b);
	log_engine.begin_result = STATUS_OK;
	ck_assert_int_eq(backup_end(prepare(BACKUP_FULL), true), STATUS_OK);
}
END_TEST

START_TEST(a_damaged_history_fails_the_end_but_frees_the_session)
{
	struct backup *b = prepare(BACKUP_FULL);
	char *path = support_path(store->state, "history");

	deliver(b, BACKUP_FULL, NULL, NULL);
	support_write(path, "noise\n");
	ck_assert_int_eq(backup_end(b, true), STATUS_WIN32(ERROR_INVALID_DATA));
	ck_assert_ptr_nonnull(strstr(status_pending(), "history"));
	ck_assert_int_eq(backup_end(prepare(BACKUP_FULL), false), STATUS_OK);
	free(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backup");
	TCase *table = tcase_create("calls"), *rest = tcase_create("completeness and chain");

	tcase_add_checked_fixture(table, setup, teardown);
	tcase_add_loop_test(
		table, each_call_in_each_state_gives_the_code_of_the_contract, 0, CALLS);
	tcase_add_test(table, a_refused_call_changes_nothing);
	tcase_add_test(table, the_databases_cannot_be_listed_after_truncation);
	tcase_add_test(table, a_list_that_fails_can_be_asked_for_again);
	tcase_add_test(table, a_list_asked_for_twice_is_the_same);
	tcase_add_test(table, an_open_that_fails_leaves_no_file_open);
	suite_add_tcase(suite, table);

	tcase_add_checked_fixture(rest, setup, teardown);
	tcase_add_test(rest, a_complete_full_backup_is_recorded_before_end_returns);
	tcase_add_test(rest, an_empty_file_need_not_be_read);
	tcase_add_loop_test(rest, a_file_not_opened_or_cut_short_makes_a_backup_incomplete, 0, 6);
	tcase_add_test(rest, a_file_cut_short_and_then_read_again_whole_counts);
	tcase_add_test(rest, a_backup_whose_logs_were_never_listed_is_incomplete);
	tcase_add_test(rest, a_full_backup_whose_databases_were_never_listed_is_incomplete);
	tcase_add_test(rest, an_abandoned_backup_is_not_recorded);
	tcase_add_test(
		rest, damage_found_while_reading_fails_the_read_and_the_backup_stays_incomplete);
	tcase_add_test(rest, truncation_keeps_the_newest_log_and_is_refused_a_base_when_it_fails);
	tcase_add_test(rest, an_incremental_backup_begins_where_its_base_ended);
	tcase_add_loop_test(rest, incremental_backups_are_refused_for_these_reasons, 0, 3);
	tcase_add_test(rest, an_engine_that_cannot_begin_leaves_nothing_locked);
	tcase_add_test(rest, a_damaged_history_fails_the_end_but_frees_the_session);
	suite_add_tcase(suite, rest);
	return support_run(suite);
}
