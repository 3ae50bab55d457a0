/* What recovery must get right for SQLite: journals of the old database mix into a new
 * one of the same name, without any check noticing. */
#include "session/recover.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "session/staging.h"
#include "store.h"
#include "support.h"

#define ROWS 2000

static struct store *store;
static char *saved; /* a backup of ca.db with ROWS rows */

static void copy(const char *from, const char *to)
{
	char *data;
	size_t size;
	FILE *f;

	ck_assert_int_eq(
		file_read_at(AT_FDCWD, from, 1 << 24, &data, &size, NULL), STATUS_OK);
	f = fopen(to, "we");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(data, 1, size, f), size);
	ck_assert_int_eq(fclose(f), 0);
	free(data);
}

static int rows(const char *path)
{
	return store_sql_int(path, "select count(*) from t");
}

/* A -wal that was left behind by a writer that died after SAVED was taken. */
static void make_stale_wal(void)
{
	static const char changes[] =
		"pragma wal_autocheckpoint=0; update t set x = 'altered' where n > 1000;"
		"with recursive c(i) as (select 2001 union all select i+1 from c where "
		"i<3000)"
		"insert into t select i, 'added' from c";
	char *kept = support_path(store->dir, "kept-wal");
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(store_path(store, "ca.db"), &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, changes, NULL, NULL, NULL), SQLITE_OK);
	copy(store_path(store, "ca.db-wal"), kept);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK); /* which removes the -wal */
	copy(kept, store_path(store, "ca.db-wal"));
	free(kept);
}

static void setup(void)
{
	store = store_make(STORE_SQLITE, NULL);
	store_sql(store_path(store, "ca.db"),
		"pragma journal_mode=wal; delete from t;"
		"with recursive c(i) as (select 1 union all select i+1 from c where "
		"i<2000)"
		"insert into t select i, 'restored' from c");
	saved = support_path(store->dir, "saved.db");
	copy(store_path(store, "ca.db"), saved);
	make_stale_wal();
}

static void teardown(void)
{
	free(saved);
	store_free(store);
}

static const char *const ca_db[] = {"ca.db", NULL};

/* Registers ca.db (no map where NAMES is NULL), to be finished by complete(). */
static struct restore *begin(const char *const *names)
{
	const struct restore_request no_map = {.map_given = true};
	struct restore *r;

	store_control(SERVICE_STOP);
	store_let_age();
	r = store_restore(FAMILY_CERTSRV);
	ck_assert_int_eq(
		names ? store_register(r, store, names) : restore_register(r, &no_map),
		STATUS_OK);
	return r;
}

static void complete(struct restore *r)
{
	ck_assert_int_eq(restore_complete(r, STATUS_OK), STATUS_OK);
	restore_end(r);
}

static void expect_exactly_the_backup(void)
{
	const char *path = store_path(store, "ca.db");

	ck_assert(!support_exists(store_path(store, "ca.db-wal")));
	ck_assert_int_eq(rows(path), ROWS);
	ck_assert_int_eq(
		store_sql_int(path, "select count(*) from t where x = 'restored'"), ROWS);
	ck_assert(store_was_replaced(store, "ca.db-wal", NULL));
	ck_assert_int_eq(store_state(), SERVICE_SERVING);
	ck_assert(!store_pending());
}

START_TEST(the_stale_wal_of_this_test_does_mix_when_it_is_left_there)
{
	char *path = support_path(store->dir, "mixed.db");
	char *wal = support_path(store->dir, "mixed.db-wal");

	copy(saved, path);
	copy(store_path(store, "ca.db-wal"), wal);
	ck_assert_int_eq(rows(path), 3000);
	free(path);
	free(wal);
}
END_TEST

START_TEST(a_staged_database_is_the_backup_although_a_stale_wal_was_there)
{
	struct restore *r = begin(ca_db);

	store_stage_file(store, "ca.db", saved);
	complete(r);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	expect_exactly_the_backup();
	ck_assert(store_was_replaced(store, "ca.db", NULL));
}
END_TEST

START_TEST(so_is_one_restored_in_place)
{
	struct restore *r = begin(ca_db);

	copy(saved, store_path(store, "ca.db"));
	complete(r);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	expect_exactly_the_backup();
}
END_TEST

START_TEST(and_one_restored_in_place_without_a_map)
{
	struct restore *r = begin(NULL);

	copy(saved, store_path(store, "ca.db"));
	complete(r);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	expect_exactly_the_backup();
}
END_TEST

START_TEST(all_three_kinds_of_journals_go)
{
	struct restore *r;

	support_write(store_path(store, "ca.db-journal"), "stale journal");
	support_write(store_path(store, "ca.db-shm"), "stale shm");
	r = begin(ca_db);
	store_stage_file(store, "ca.db", saved);
	complete(r);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	ck_assert(store_was_replaced(store, "ca.db-journal", "stale journal"));
	ck_assert(store_was_replaced(store, "ca.db-shm", "stale shm"));
	expect_exactly_the_backup();
}
END_TEST

START_TEST(a_stray_database_goes_with_its_journals)
{
	struct restore *r;

	store_sql(store_path(store, "extra1.db"), "create table t(n)");
	support_write(store_path(store, "extra1.db-wal"), "its wal");
	r = begin(ca_db);
	store_stage_file(store, "ca.db", saved);
	complete(r);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	ck_assert(!support_exists(store_path(store, "extra1.db")));
	ck_assert(!support_exists(store_path(store, "extra1.db-wal")));
	ck_assert(store_was_replaced(store, "extra1.db", NULL));
	ck_assert(store_was_replaced(store, "extra1.db-wal", "its wal"));
}
END_TEST

START_TEST(a_database_sent_elsewhere_leaves_the_old_one_with_its_journals)
{
	const char *from = store_path(store, "ca.db"),
		   *to = store_path(store, "extra-new.db");
	const struct restore_request q = {
		.map_given = true, .map_count = 1, .old_names = &from, .new_names = &to};
	struct restore *r;

	store_control(SERVICE_STOP);
	store_let_age();
	r = store_restore(FAMILY_DS);
	ck_assert_int_eq(restore_register(r, &q), STATUS_OK);
	store_stage_file(store, "extra-new.db", saved);
	complete(r);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	ck_assert_int_eq(rows(store_path(store, "extra-new.db")), ROWS);
	ck_assert(support_exists(store_path(store, "ca.db")));
	ck_assert(support_exists(store_path(store, "ca.db-wal")));
	ck_assert(!store_was_replaced(store, "ca.db", NULL));
}
END_TEST

/* Pages of noise behind a good header. */
static void stage_damaged(void)
{
	char *staged = staging_path(store_path(store, "ca.db"));
	FILE *f;

	store_stage_file(store, "ca.db", saved);
	f = fopen(staged, "r+e");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fseek(f, 4096, SEEK_SET), 0);
	for (int i = 0; i < 8192; i++)
		ck_assert_int_ne(fputc(i * 37 % 251, f), EOF);
	ck_assert_int_eq(fclose(f), 0);
	free(staged);
}

START_TEST(a_damaged_database_keeps_the_service_down_until_a_good_one_is_restored)
{
	struct restore *r = begin(ca_db);

	stage_damaged();
	complete(r);
	ck_assert_int_eq(store_recover(), hrDatabaseCorrupted);
	ck_assert_ptr_nonnull(strstr(status_pending(), "ca.db"));
	ck_assert(store_pending());
	ck_assert_int_eq(store_state(), SERVICE_STOPPED);
	ck_assert_int_eq(store_recover(), hrDatabaseCorrupted);

	r = begin(ca_db);
	store_stage_file(store, "ca.db", saved);
	complete(r);
	ck_assert_int_eq(store_recover(), STATUS_OK);
	expect_exactly_the_backup();
}
END_TEST

START_TEST(with_engine_auto_the_staged_file_says_what_it_is)
{
	struct restore *r;
	char *config = support_path(store->conf, STORE_NAME ".conf");
	char *text = support_read(config), *engine = strstr(text, "engine = sqlite");

	ck_assert_ptr_nonnull(engine);
	memcpy(engine, "engine = auto  ", 15);
	support_write(config, text);
	r = begin(ca_db);
	stage_damaged();
	ck_assert_int_eq(unlink(store_path(store, "ca.db")), 0);
	complete(r);
	ck_assert_int_eq(
		store_recover(), hrDatabaseCorrupted); /* flat would have taken it */
	free(text);
	free(config);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("recovery of SQLite stores");
	TCase *tests = tcase_create("sqlite");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, the_stale_wal_of_this_test_does_mix_when_it_is_left_there);
	tcase_add_test(
		tests, a_staged_database_is_the_backup_although_a_stale_wal_was_there);
	tcase_add_test(tests, so_is_one_restored_in_place);
	tcase_add_test(tests, and_one_restored_in_place_without_a_map);
	tcase_add_test(tests, all_three_kinds_of_journals_go);
	tcase_add_test(tests, a_stray_database_goes_with_its_journals);
	tcase_add_test(tests,
		a_database_sent_elsewhere_leaves_the_old_one_with_its_journals);
	tcase_add_test(tests,
		a_damaged_database_keeps_the_service_down_until_a_good_one_is_restored);
	tcase_add_test(tests, with_engine_auto_the_staged_file_says_what_it_is);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
