#include "session/current_log.h"

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
	store_free(store);
}

static status set(uint32_t generation)
{
	struct server *server = store_server();
	status rc = current_log_set(server, generation);

	server_free(server);
	return rc;
}

static status prepare(unsigned family)
{
	struct backup *b;
	status rc = backup_prepare(store_server(), family, BACKUP_INCREMENTAL, &b);

	if (!failed(rc))
		ck_assert_int_eq(backup_end(b, false), STATUS_OK);
	return rc;
}

static void take_bases(void)
{
	const struct history_chain base = {
		.full = {.taken = true, .time = 1}, .next_generation = 3};

	store_put_history((struct history){.certsrv = base, .ds = base});
}

START_TEST(the_next_incremental_of_both_families_begins_there)
{
	take_bases();
	ck_assert_int_eq(set(5), STATUS_OK);
	ck_assert_int_eq(prepare(FAMILY_CERTSRV), STATUS_OK);
	ck_assert_uint_eq(log_engine.how.first_generation, 5);
	log_engine.how.first_generation = 0;
	ck_assert_int_eq(prepare(FAMILY_DS), STATUS_OK);
	ck_assert_uint_eq(log_engine.how.first_generation, 5);
}
END_TEST

START_TEST(disabled_there_is_none_until_the_familys_next_full_backup)
{
	take_bases();
	ck_assert_int_eq(set(CURRENT_LOG_DISABLE), STATUS_OK);
	ck_assert_int_eq(prepare(FAMILY_CERTSRV), hrIncrementalBackupDisabled);
	ck_assert_int_eq(prepare(FAMILY_DS), hrIncrementalBackupDisabled);
	ck_assert_int_eq(set(4), STATUS_OK); /* which is no full backup */
	ck_assert_int_eq(prepare(FAMILY_CERTSRV), hrIncrementalBackupDisabled);
	store_back_up();
	ck_assert_int_eq(prepare(FAMILY_CERTSRV), STATUS_OK);
	ck_assert_uint_eq(log_engine.how.first_generation, 5);
	ck_assert_int_eq(prepare(FAMILY_DS), hrIncrementalBackupDisabled);
}
END_TEST

START_TEST(it_takes_the_place_of_no_full_backup)
{
	ck_assert_int_eq(set(4), STATUS_OK);
	ck_assert_int_eq(prepare(FAMILY_DS), hrMissingFullBackup);
	store_put_history((struct history){
		.ds = {.full = {.taken = true, .time = 1}, .needs_full = true}});
	ck_assert_int_eq(set(4), STATUS_OK);
	ck_assert_int_eq(prepare(FAMILY_DS), hrMissingFullBackup);
}
END_TEST

START_TEST(there_is_no_log_0)
{
	take_bases();
	ck_assert_int_eq(set(0), STATUS_WIN32(ERROR_INVALID_PARAMETER));
	ck_assert_uint_eq(store_history().ds.next_generation, 3);
}
END_TEST

START_TEST(a_store_without_logs_has_none_to_begin_with)
{
	take_bases();
	log_engine.in_use = false;
	ck_assert_int_eq(set(4), hrCircularLogging);
	ck_assert_int_eq(set(CURRENT_LOG_DISABLE), hrCircularLogging);
	ck_assert_uint_eq(store_history().ds.next_generation, 3);
}
END_TEST

START_TEST(a_damaged_history_stays_as_it_is)
{
	char *path = support_path(store->state, "history");
	char *text;

	support_write(path, "noise\n");
	ck_assert_int_eq(set(4), STATUS_WIN32(ERROR_INVALID_DATA));
	text = support_read(path);
	ck_assert_str_eq(text, "noise\n");
	free(text);
	free(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("current log");
	TCase *t = tcase_create("current log");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_next_incremental_of_both_families_begins_there);
	tcase_add_test(t, disabled_there_is_none_until_the_familys_next_full_backup);
	tcase_add_test(t, it_takes_the_place_of_no_full_backup);
	tcase_add_test(t, there_is_no_log_0);
	tcase_add_test(t, a_store_without_logs_has_none_to_begin_with);
	tcase_add_test(t, a_damaged_history_stays_as_it_is);
	suite_add_tcase(suite, t);
	return support_run(suite);
}
