/* The rules of a session, on an engine with logs that lives in memory, so that every state
 * can be reached; test_backup_store.c does it on real stores. */
#include "session/backup.h"

#include <stdlib.h>
#include <string.h>

#include "log_engine.h"
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

/* What an incremental backup goes on from. */
static void take_base(uint32_t next_generation)
{
	store_put_history((struct history){.certsrv = {.full = {.taken = true, .time = 1},
						   .next_generation = next_generation}});
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
	b = store_prepare(state == BEFORE_LOGS ? BACKUP_INCREMENTAL : BACKUP_FULL);
	if (state == BEFORE_LOGS)
		return b;
	ck_assert_int_eq(backup_databases(b, &files), STATUS_OK);
	if (state == LOGS || state == LOG_FILE)
		ck_assert_int_eq(backup_logs(b, &files), STATUS_OK);
	if (state == DATABASE_FILE)
		ck_assert_int_eq(
			backup_open(b, LOG_ENGINE_DATABASE, 0, &size), STATUS_OK);
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
	{"dynamic", call_dynamic,
		{STATUS_OK, STATUS_OK, STATUS_OK, STATUS_OK, STATUS_OK}},
	{"open a database", call_open_database,
		{STATUS_OK, hrAlreadyOpen, NOT_LISTED, SEQUENCE, hrAlreadyOpen}},
	{"open a log", call_open_log,
		{NOT_LISTED, hrAlreadyOpen, NOT_LISTED, STATUS_OK, hrAlreadyOpen}},
	{"read", call_read,
		{hrInvalidHandle, STATUS_OK, hrInvalidHandle, hrInvalidHandle,
			STATUS_OK}},
	{"close", backup_close,
		{hrInvalidHandle, STATUS_OK, hrInvalidHandle, hrInvalidHandle,
			STATUS_OK}},
	{"truncate", backup_truncate, {SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE}},
};

#define CALLS ((int)(sizeof(calls) / sizeof(calls[0])))

START_TEST(each_call_in_each_state_gives_the_code_of_the_contract)
{
	for (int state = 0; state < STATES; state++) {
		struct backup *b = reach((enum state)state);
		status rc = calls[_i].call(b);

		ck_assert_msg(rc == calls[_i].expected[state], "%s in state %d: %s",
			calls[_i].name, state, status_name(rc));
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

/* Also where it failed: the engine has let go of the logs by then. */
START_TEST(after_truncation_the_engine_is_asked_nothing)
{
	struct backup *b = store_prepare(BACKUP_FULL);
	const struct engine_files *files;
	status result = _i ? STATUS_WIN32(ERROR_ACCESS_DENIED) : STATUS_OK;

	log_engine.truncate_result = result;
	ck_assert_int_eq(backup_databases(b, &files), STATUS_OK);
	free(store_stream(b, LOG_ENGINE_DATABASE, 64, NULL));
	ck_assert_int_eq(backup_logs(b, &files), STATUS_OK);
	for (size_t i = 0; i < files->count; i++)
		free(store_stream(b, files->items[i].path, 64, NULL));
	ck_assert_int_eq(backup_truncate(b), result);
	log_engine.list_result = log_engine.open_result = STATUS_WIN32(ERROR_IO_DEVICE);
	log_engine.truncate_result = STATUS_WIN32(ERROR_IO_DEVICE);
	ck_assert_int_eq(call_databases(b), SEQUENCE);
	ck_assert_int_eq(call_logs(b), STATUS_OK); /* the same list */
	ck_assert_int_eq(call_dynamic(b), STATUS_OK);
	ck_assert_int_eq(call_open_log(b), SEQUENCE);
	ck_assert_int_eq(call_read(b), hrInvalidHandle);
	ck_assert_int_eq(backup_close(b), hrInvalidHandle);
	ck_assert_int_eq(backup_truncate(b), _i ? SEQUENCE : STATUS_OK); /* it is done */
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert(store_history().certsrv.full.taken);
}
END_TEST

START_TEST(a_list_that_fails_can_be_asked_for_again)
{
	struct backup *b = store_prepare(BACKUP_FULL);
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
	struct backup *b = store_prepare(BACKUP_FULL);
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

int main(void)
{
	Suite *suite = suite_create("backup");
	TCase *tests = tcase_create("calls");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(
		tests, each_call_in_each_state_gives_the_code_of_the_contract, 0, CALLS);
	tcase_add_test(tests, a_refused_call_changes_nothing);
	tcase_add_loop_test(tests, after_truncation_the_engine_is_asked_nothing, 0, 2);
	tcase_add_test(tests, a_list_that_fails_can_be_asked_for_again);
	tcase_add_test(tests, a_list_asked_for_twice_is_the_same);
	tcase_add_test(tests, an_open_that_fails_leaves_no_file_open);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
