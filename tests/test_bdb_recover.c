/* Replaying restored logs, and checking what came of it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bdb_store.h"
#include "engine/bdb_names.h"

static struct bdb_store store;

static void teardown(void)
{
	bdb_store_free(&store);
}

static status restore_one(const char *set, const char *home)
{
	const char *sets[] = {set};

	return bdb_restore(sets, 1, home);
}

/* libdb 5.3.28 does not free all that it has when a recovery fails. */
static void assert_refused(const char *set, const char *home, status expected)
{
	struct outcome {
		status rc;
		char detail[1000];
	} *outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int how;
	pid_t pid;

	ck_assert_ptr_ne(outcome, MAP_FAILED);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		outcome->rc = restore_one(set, home);
		(void)snprintf(
			outcome->detail, sizeof(outcome->detail), "%s", status_pending());
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &how, 0), pid);
	ck_assert_msg(outcome->rc == expected, "%08x, not %08x: %s",
		(unsigned)outcome->rc, (unsigned)expected, outcome->detail);
	ck_assert_ptr_nonnull(strstr(outcome->detail, home));
	(void)munmap(outcome, sizeof(*outcome));
}

static void damage(const char *dir, const char *name, off_t at)
{
	char *path = support_path(dir, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "%s", path);
	ck_assert_int_eq(pwrite(fd, "damaged by a test", 17, at), 17);
	ck_assert_int_eq(close(fd), 0);
	free(path);
}

static void blank(const char *path, off_t at)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "%s", path);
	ck_assert_int_eq(pwrite(fd, "\0\0\0\0", 4, at), 4);
	ck_assert_int_eq(close(fd), 0);
}

/* The first log of an environment that has no databases. */
static void make_log_of_its_own(const char *home)
{
	DB_ENV *env;

	ck_assert_int_eq(db_env_create(&env, 0), 0);
	ck_assert_int_eq(env->open(env, home,
				 DB_CREATE | DB_PRIVATE | DB_INIT_LOCK | DB_INIT_LOG |
					 DB_INIT_MPOOL | DB_INIT_TXN,
				 0600),
		0);
	ck_assert_int_eq(env->txn_checkpoint(env, 0, 0, DB_FORCE), 0);
	ck_assert_int_eq(env->close(env, 0), 0);
}

START_TEST(nothing_of_the_recovery_is_left)
{
	char *set, *home = NULL, *region;

	bdb_store_make(&store, 0);
	bdb_store_fill(&store, 1, 1000);
	set = bdb_backup(&store, 0, "set");
	home = support_path(store.base, "restored");
	ck_assert_msg(restore_one(set, home) == STATUS_OK, "%s", status_pending());
	region = support_path(home, "__db.001");
	ck_assert(!support_exists(region));
	/* And again, as after a crash behind the replay. */
	ck_assert_msg(restore_one(set, home) == STATUS_OK, "%s", status_pending());
	ck_assert_uint_eq(bdb_records(home), 1000);
	free(set);
	free(home);
	free(region);
}
END_TEST

START_TEST(missing_log_amid_the_others_is_refused)
{
	char *set, *home, *logs, *name, *path;

	bdb_store_make(&store, 0);
	bdb_store_fill(&store, 1, 100);
	set = support_path(store.base, "set");
	ck_assert_int_eq(mkdir(set, 0700), 0);
	{
		struct engine_session *session = bdb_session(&store, 0);

		bdb_store_fill(&store, 101, 3000);
		bdb_save(&store, session, set);
		bdb_host.engine.end(session);
	}
	logs = support_path(set, "logs");
	name = bdb_log_name(bdb_lowest_log(logs) + 2);
	path = support_path(logs, name);
	ck_assert_int_eq(unlink(path), 0);
	home = support_path(store.base, "restored");
	assert_refused(set, home, hrMissingRestoreLogFiles);
	free(set);
	free(home);
	free(logs);
	free(name);
	free(path);
}
END_TEST

/* libdb would begin a new log there and call the databases, of no single moment, recovered. */
START_TEST(logs_that_are_elsewhere_are_refused_and_nothing_is_made)
{
	struct engine_recovery recovery = {.low = 1, .high = 1};
	struct store_config config = {0};
	struct names none = {0};
	char *home, *logs, *made;

	bdb_store_make(&store, 0);
	bdb_store_fill(&store, 1, 100);
	free(bdb_backup(&store, 0, "set"));
	home = support_path(store.base, "set");
	logs = support_path(store.base, "empty");
	made = support_path(logs, "log.0000000001");
	ck_assert_int_eq(mkdir(logs, 0700), 0);
	recovery.home = home;
	recovery.log_dir = logs;
	recovery.databases = &none;
	bdb_host.engine = bdb_hosted_engine;
	ck_assert_int_eq(bdb_host.engine.recover(&bdb_host.engine, &config, &recovery),
		hrMissingRestoreLogFiles);
	bdb_assert_detail("empty/log.0000000001");
	ck_assert(!support_exists(made));
	free(made);
	free(logs);
	free(home);
}
END_TEST

START_TEST(no_logs_at_all_are_refused)
{
	struct engine_recovery recovery = {.home = "/nowhere", .log_dir = "/nowhere"};
	struct store_config config = {0};

	bdb_store_make(&store, 0);
	bdb_host.engine = bdb_hosted_engine;
	ck_assert_int_eq(bdb_host.engine.recover(&bdb_host.engine, &config, &recovery),
		hrMissingRestoreLogFiles);
}
END_TEST

START_TEST(damaged_database_is_not_called_recovered)
{
	char *set, *home;

	bdb_store_make(&store, 0);
	bdb_store_fill(&store, 1, 3000);
	set = bdb_backup(&store, 0, "set");
	/* A page that no log of the set writes again. */
	damage(set, "sub/records.db", 4096 * 20 + 20);
	home = support_path(store.base, "restored");
	ck_assert_int_eq(restore_one(set, home), hrDatabaseCorrupted);
	bdb_assert_detail("sub/records.db");
	free(set);
	free(home);
}
END_TEST

START_TEST(second_data_directory_is_not_called_restored)
{
	char *set, *home, *config;

	bdb_store_make(&store, 0);
	bdb_store_fill(&store, 1, 100);
	set = bdb_backup(&store, 0, "set");
	config = support_path(set, "DB_CONFIG");
	support_write(config, "set_data_dir .\nadd_data_dir ..\n");
	home = support_path(store.base, "restored");
	ck_assert_int_eq(restore_one(set, home), STATUS_WIN32(ERROR_BAD_CONFIGURATION));
	bdb_assert_detail("databases are in");
	support_write(config, " set_data_dir .\n");
	ck_assert_int_eq(restore_one(set, home), STATUS_OK);
	free(set);
	free(home);
	free(config);
}
END_TEST

/* Looked for by what files hold, such a database is none. */
START_TEST(database_without_a_sound_first_page_is_not_called_recovered)
{
	struct engine_recovery recovery = {.low = 1, .high = 1};
	struct store_config config = {0};
	struct names databases = {0};
	char *set, *path;

	bdb_store_make(&store, 0);
	bdb_store_fill(&store, 1, 3000);
	set = bdb_backup(&store, 0, "set");
	path = support_path(set, "sub/records.db");
	if (_i == 0)
		blank(path, 12);
	else
		ck_assert_int_eq(truncate(path, 0), 0);
	/* As restored, but of logs that write it no more. */
	make_log_of_its_own(set);
	ck_assert_int_eq(names_add(&databases, path), STATUS_OK);
	recovery.home = recovery.log_dir = set;
	recovery.databases = &databases;
	bdb_host.engine = bdb_hosted_engine;
	ck_assert_int_eq(bdb_host.engine.recover(&bdb_host.engine, &config, &recovery),
		hrDatabaseCorrupted);
	bdb_assert_detail("sub/records.db");
	/* What replay removed is another matter. */
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_msg(bdb_host.engine.recover(&bdb_host.engine, &config, &recovery) ==
			      STATUS_OK,
		"%s", status_pending());
	names_free(&databases);
	free(path);
	free(set);
}
END_TEST

/* The environment that logged its directory by its full path is still there. */
START_TEST(replay_elsewhere_leaves_the_old_home_alone)
{
	char *set, *home, *old, *new;
	DB *db;

	bdb_store_make(&store, BDB_REGION_APART);
	{
		struct engine_session *session = bdb_session(&store, 0);

		db = bdb_store_database(&store, "sub/young.db", DB_BTREE, 0);
		bdb_put(store.env, db, 1, 50, 100);
		ck_assert_int_eq(db->close(db, 0), 0);
		set = support_path(store.base, "set");
		ck_assert_int_eq(mkdir(set, 0700), 0);
		bdb_save(&store, session, set);
		bdb_host.engine.end(session);
	}
	/* Only the logs have it, and the old place no more. */
	new = support_path(set, "sub/young.db");
	ck_assert_int_eq(unlink(new), 0);
	free(new);
	ck_assert_int_eq(store.env->dbremove(
				 store.env, NULL, "sub/young.db", NULL, DB_AUTO_COMMIT),
		0);
	home = support_path(store.base, "restored");
	ck_assert_msg(restore_one(set, home) == STATUS_OK, "%s", status_pending());
	old = support_path(store.data, "sub/young.db");
	new = support_path(home, "sub/young.db");
	ck_assert(!support_exists(old));
	ck_assert(support_exists(new));
	free(set);
	free(home);
	free(old);
	free(new);
}
END_TEST

static void fill(DB *db, uint32_t first, uint32_t last)
{
	bdb_put(store.env, db, first, last, 100);
}

/* Whoever has been told a full path, libdb included, looks for it there. */
START_TEST(database_opened_by_its_full_path_goes_to_no_other_place)
{
	char *set, *home, *path, *copy, command[9000];
	const char *sets[1];
	DB *db;

	bdb_store_make(&store, 0);
	bdb_store_fill(&store, 1, 100);
	path = support_path(store.data, "sub/full.db");
	db = bdb_store_database(&store, path, DB_BTREE, 0);
	fill(db, 1, 50);
	set = bdb_backup(&store, 0, "set");
	home = support_path(store.base, "restored");
	ck_assert_int_eq(restore_one(set, home), STATUS_WIN32(ERROR_BAD_CONFIGURATION));
	bdb_assert_detail("by its full path");
	bdb_assert_detail(store.data);
	copy = support_path(home, "sub/records.db");
	(void)snprintf(
		command, sizeof(command), "cmp -s '%s' '%s/sub/records.db'", copy, set);
	ck_assert_msg(system(command) == 0, "something was replayed");
	/* At home it is recovered. */
	ck_assert_int_eq(db->close(db, 0), 0);
	bdb_store_close(&store);
	ck_assert_int_eq(unlink(path), 0);
	sets[0] = set;
	ck_assert_msg(
		bdb_restore(sets, 1, store.data) == STATUS_OK, "%s", status_pending());
	ck_assert(support_exists(path));
	free(set);
	free(home);
	free(path);
	free(copy);
}
END_TEST

/* Their names stand for nothing on the disk. */
START_TEST(databases_in_memory_are_in_nobodys_way)
{
	static const char *const names[] = {
		"memory.db", "sub/records.db", "/nowhere/named/by/its/full/path.db"};
	char *set, *home;
	DB *db;

	bdb_store_make(&store, 0);
	ck_assert_int_eq(db_create(&db, store.env, 0), 0);
	ck_assert_int_eq(db->open(db, NULL, NULL, names[_i], DB_BTREE,
				 DB_CREATE | DB_AUTO_COMMIT, 0600),
		0);
	fill(db, 1, 50);
	bdb_store_fill(&store, 1, 1000);
	ck_assert_int_eq(store.env->txn_checkpoint(store.env, 0, 0, DB_FORCE), 0);
	fill(db, 51, 100);
	set = bdb_backup(&store, 0, "set");
	home = support_path(store.base, "restored");
	ck_assert_msg(restore_one(set, home) == STATUS_OK, "%s", status_pending());
	ck_assert_uint_eq(bdb_records(home), 1000);
	ck_assert_int_eq(db->close(db, 0), 0);
	free(set);
	free(home);
}
END_TEST

START_TEST(files_are_checked_one_by_one)
{
	char *path, *text;

	bdb_store_make(&store, 0);
	bdb_store_fill(&store, 1, 2000);
	bdb_store_close(&store);
	bdb_host.engine = bdb_hosted_engine;
	path = support_path(store.data, "sub/records.db");
	ck_assert_msg(bdb_host.engine.verify(&bdb_host.engine, path) == STATUS_OK, "%s",
		status_pending());
	damage(store.data, "sub/records.db", 4096 * 5 + 20);
	ck_assert_int_eq(
		bdb_host.engine.verify(&bdb_host.engine, path), hrDatabaseCorrupted);
	bdb_assert_detail(path);
	free(path);
	path = support_path(store.data, "log.0000000001");
	ck_assert_int_eq(bdb_host.engine.verify(&bdb_host.engine, path), STATUS_OK);
	damage(store.data, "log.0000000001", 5000);
	ck_assert_int_eq(
		bdb_host.engine.verify(&bdb_host.engine, path), hrLogFileCorrupt);
	free(path);
	text = support_path(store.data, "text");
	support_write(text, "no database");
	ck_assert_int_eq(
		bdb_host.engine.verify(&bdb_host.engine, text), hrDatabaseCorrupted);
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bdb_recover");
	TCase *tcase = tcase_create("recover");

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, nothing_of_the_recovery_is_left);
	tcase_add_test(tcase, missing_log_amid_the_others_is_refused);
	tcase_add_test(tcase, logs_that_are_elsewhere_are_refused_and_nothing_is_made);
	tcase_add_test(tcase, no_logs_at_all_are_refused);
	tcase_add_test(tcase, damaged_database_is_not_called_recovered);
	tcase_add_test(tcase, second_data_directory_is_not_called_restored);
	tcase_add_loop_test(
		tcase, database_without_a_sound_first_page_is_not_called_recovered, 0, 2);
	tcase_add_test(tcase, replay_elsewhere_leaves_the_old_home_alone);
	tcase_add_test(tcase, database_opened_by_its_full_path_goes_to_no_other_place);
	tcase_add_loop_test(tcase, databases_in_memory_are_in_nobodys_way, 0, 3);
	tcase_add_test(tcase, files_are_checked_one_by_one);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
