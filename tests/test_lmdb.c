/* The LMDB engine, in this process: environments with writers that never pause. */
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/lmdb.h"
#include "engine/mdb_format.h"
#include "forked.h"
#include "lmdb_store.h"

static struct hosted_store store;
static char *data; /* the environment's data file */

static void setup(void)
{
	ck_assert(signal(SIGPIPE, SIG_IGN) != SIG_ERR); /* as in the worker */
	hosted_make(&store, &lmdb_hosted_engine, "");
	data = hosted_path(&store, "data.mdb");
}

static void teardown(void)
{
	free(data);
	hosted_free(&store);
}

static void make_entries(long count, size_t value_size)
{
	MDB_env *env = lmdb_open(store.dir, MDB_NOSYNC, LMDB_MAP_SIZE);

	lmdb_put(env, "entries", 0, 1, count, 1000, value_size);
	mdb_env_close(env);
}

struct environment {
	const char *path;
	unsigned flags;
};

static int count_entries(void *context)
{
	const struct environment *environment = context;
	MDB_env *env = lmdb_open(environment->path, environment->flags, 0);
	MDB_stat stat;
	MDB_txn *txn;
	MDB_dbi dbi;
	int count = 0;

	if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn))
		return FORKED_DIED;
	if (mdb_dbi_open(txn, "entries", 0, &dbi) == 0 && mdb_stat(txn, dbi, &stat) == 0)
		count = (int)stat.ms_entries;
	mdb_txn_abort(txn);
	mdb_env_close(env);
	return count;
}

/* As many as there are now, whoever writes. In a process of its own: LMDB wants an
 * environment to be opened once at a time. */
static long committed(const char *path, unsigned flags)
{
	struct environment environment = {.path = path, .flags = flags};
	int count = forked(fork, count_entries, &environment);

	ck_assert_int_ne(count, FORKED_DIED);
	return count;
}

/* ---- under a writer ---- */

static const struct {
	unsigned flags;
	bool compact;
} ways[] = {{0, false}, {0, true}, {MDB_WRITEMAP, false}, {MDB_WRITEMAP, true}};

START_TEST(copy_has_every_committed_entry_while_a_writer_goes_on)
{
	struct lmdb_writing writing = {.path = store.dir,
		.flags = ways[_i].flags,
		.first = 2001,
		.map_size = 1 << 20};
	const int rounds = support_under_valgrind() ? 2 : 8;
	char *copy = hosted_path(&store, "copy");
	pid_t writer;

	make_entries(2000, 300);
	store.config.compact = ways[_i].compact;
	writer = hosted_start(lmdb_write_on, &writing);
	for (int round = 0; round < rounds; round++) {
		long before;

		hosted_pause(30);
		before = committed(store.dir, MDB_RDONLY);
		hosted_save(&store, data, copy);
		ck_assert_int_eq(hosted_verify(&store, copy), STATUS_OK);
		ck_assert_int_ge(lmdb_count(copy, "entries"), before);
		ck_assert_int_eq(unlink(copy), 0);
	}
	hosted_stop(writer);
	free(copy);
}
END_TEST

START_TEST(state_does_not_change_after_begin)
{
	struct lmdb_writing writing = {
		.path = store.dir, .first = 2001, .map_size = LMDB_MAP_SIZE};
	char *copy = hosted_path(&store, "copy"), *again = hosted_path(&store, "again");
	struct engine_session *session;
	long frozen;
	pid_t writer;

	make_entries(2000, 300);
	writer = hosted_start(lmdb_write_on, &writing);
	session = hosted_begin(&store);
	hosted_read(&store, data, copy);
	frozen = lmdb_count(copy, "entries");
	while (committed(store.dir, MDB_RDONLY) < frozen + 100)
		hosted_pause(10);
	hosted_read(&store, data, again);
	ck_assert_int_eq(lmdb_count(again, "entries"), frozen);
	hosted_end(&store, session);
	hosted_stop(writer);
	free(again);
	free(copy);
}
END_TEST

/* Who reads the spool, and how fast, is nothing to the writers. */
START_TEST(no_reader_is_left_once_begin_returns)
{
	struct engine_session *session;

	make_entries(500, 300);
	for (int compact = 0; compact < 2; compact++) {
		store.config.compact = compact;
		session = hosted_begin(&store);
		ck_assert_int_eq(lmdb_readers(store.dir, 0), 0);
		hosted_end(&store, session);
	}
}
END_TEST

static void read_until_killed(void *context)
{
	MDB_env *env = lmdb_open(store.dir, MDB_RDONLY, 0);
	const int *ready = context;
	MDB_txn *txn;

	if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) || write(*ready, "x", 1) != 1)
		_exit(1);
	for (;;)
		(void)pause();
}

START_TEST(dead_reader_is_cleared)
{
	int ends[2];
	char byte;
	pid_t reader;

	make_entries(500, 300);
	ck_assert_int_eq(pipe(ends), 0);
	reader = hosted_start(read_until_killed, &ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	/* Somebody else has the environment open all the time: nobody would reset it. */
	struct lmdb_writing writing = {
		.path = store.dir, .first = 501, .map_size = LMDB_MAP_SIZE};
	pid_t writer = hosted_start(lmdb_write_on, &writing);

	while (committed(store.dir, MDB_RDONLY) < 510)
		hosted_pause(10);
	hosted_stop(reader);
	ck_assert_int_eq(lmdb_readers(store.dir, MDB_RDONLY), 1);
	hosted_end(&store, hosted_begin(&store));
	ck_assert_int_eq(lmdb_readers(store.dir, MDB_RDONLY), 0);
	hosted_stop(writer);
	(void)close(ends[0]);
	(void)close(ends[1]);
}
END_TEST

/* ---- shapes of environments ---- */

START_TEST(empty_environment_is_copied)
{
	char *copy = hosted_path(&store, "copy");

	mdb_env_close(lmdb_open(store.dir, 0, LMDB_MAP_SIZE));
	for (int compact = 0; compact < 2; compact++) {
		store.config.compact = compact;
		hosted_save(&store, data, copy);
		ck_assert_int_eq(hosted_verify(&store, copy), STATUS_OK);
		ck_assert_int_eq(unlink(copy), 0);
	}
	free(copy);
}
END_TEST

START_TEST(rich_environment_is_copied_page_by_page)
{
	char *copy = hosted_path(&store, "copy");
	const char *trees[] = {"small", "big"};
	const long counts[] = {3000, 90};

	lmdb_make_rich(data);
	for (int compact = 0; compact < 2; compact++) {
		store.config.compact = compact;
		hosted_save(&store, data, copy);
		ck_assert_int_eq(hosted_verify(&store, copy), STATUS_OK);
		for (size_t i = 0; i < 2; i++)
			ck_assert_int_eq(lmdb_count(copy, trees[i]), counts[i]);
		ck_assert_int_eq(unlink(copy), 0);
	}
	free(copy);
}
END_TEST

START_TEST(compact_copy_leaves_free_pages_out)
{
	char *copy = hosted_path(&store, "copy");
	struct stat original, copied;
	MDB_env *env = lmdb_open(store.dir, MDB_NOSYNC, LMDB_MAP_SIZE);
	MDB_txn *txn;
	MDB_dbi dbi;

	lmdb_put(env, "junk", 0, 1, 2000, 500, 3000);
	ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
	ck_assert_int_eq(mdb_dbi_open(txn, "junk", 0, &dbi), 0);
	ck_assert_int_eq(mdb_drop(txn, dbi, 1), 0);
	ck_assert_int_eq(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
	store.config.compact = true;
	hosted_save(&store, data, copy);
	ck_assert_int_eq(stat(data, &original), 0);
	ck_assert_int_eq(stat(copy, &copied), 0);
	ck_assert_int_lt(copied.st_size * 10, original.st_size);
	free(copy);
}
END_TEST

START_TEST(notes_of_389_ds_come_along)
{
	char *info = hosted_path(&store, "INFO.mdb"), *copy = hosted_path(&store, "copy");
	char *text;

	make_entries(10, 20);
	support_write(info, "LIBVERSION=9024\n");
	hosted_save(&store, info, copy);
	text = support_read(copy);
	ck_assert_str_eq(text, "LIBVERSION=9024\n");
	ck_assert_int_eq(hosted_verify(&store, info), STATUS_OK);
	free(text);
	free(copy);
	free(info);
}
END_TEST

/* ---- what cannot be copied ---- */

START_TEST(missing_environment_is_named)
{
	ck_assert_int_eq(hosted_begin_fails(&store), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	hosted_assert_detail("store/data.mdb");
	ck_assert_int_eq(rmdir(store.dir), 0);
	ck_assert_int_eq(hosted_begin_fails(&store), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	hosted_assert_detail("/store");
}
END_TEST

START_TEST(one_directory_is_wanted)
{
	make_entries(10, 20);
	ck_assert_int_eq(names_add(&store.config.databases, "/second"), STATUS_OK);
	ck_assert_int_eq(
		hosted_begin_fails(&store), STATUS_WIN32(ERROR_BAD_CONFIGURATION));
	hosted_assert_detail("the environment's directory");
}
END_TEST

START_TEST(incremental_session_is_refused)
{
	const struct engine_begin how = {.incremental = true, .first_generation = 3};
	struct engine_session *session;

	make_entries(10, 20);
	ck_assert_int_eq(store.host.engine.begin(
				 &store.host.engine, &store.config, &how, &session),
		hrCircularLogging);
	ck_assert_ptr_null(session);
}
END_TEST

static void patch(off_t offset, const void *bytes, size_t size)
{
	int fd = open(data, O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, bytes, size, offset), (ssize_t)size);
	ck_assert_int_eq(close(fd), 0);
}

enum {
	META = sizeof(struct lmdb_page),
	PAGE_SIZE_AT = META + offsetof(struct lmdb_meta, free.key_size),
};

static const struct {
	size_t offset; /* in both meta pages */
	uint32_t value;
	status code;
	const char *said;
} foreign[] = {
	{META + offsetof(struct lmdb_meta, version), 2, STATUS_WIN32(ERROR_NOT_SUPPORTED),
		"format 2"},
	{META, 0xdec0efbe, STATUS_WIN32(ERROR_NOT_SUPPORTED), "byte order"},
	{META, 0x12345678, hrDatabaseCorrupted, "not an LMDB file"},
	{PAGE_SIZE_AT, 0, hrDatabaseCorrupted, "damaged"},
	{PAGE_SIZE_AT, 4095, hrDatabaseCorrupted,
		"damaged"}, /* LMDB would divide by it */
};

START_TEST(file_of_another_kind_is_refused_with_the_reason)
{
	make_entries(10, 20);
	for (size_t page = 0; page < LMDB_METAS; page++)
		patch((off_t)(page * 4096 + foreign[_i].offset), &foreign[_i].value,
			sizeof(foreign[_i].value));
	ck_assert_int_eq(hosted_begin_fails(&store), foreign[_i].code);
	hosted_assert_detail("data.mdb");
	hosted_assert_detail(foreign[_i].said);
	ck_assert_int_eq(hosted_verify(&store, data), foreign[_i].code);
}
END_TEST

START_TEST(other_word_size_is_refused_with_the_reason)
{
	const uint32_t magic = LMDB_MAGIC, none = 0;
	const off_t others = META == 16 ? 12 : 16;

	make_entries(10, 20);
	patch(META, &none, sizeof(none));
	patch(others, &magic, sizeof(magic));
	ck_assert_int_eq(hosted_begin_fails(&store), STATUS_WIN32(ERROR_NOT_SUPPORTED));
	hosted_assert_detail(META == 16 ? "32-bit" : "64-bit");
}
END_TEST

START_TEST(lock_file_of_another_version_is_refused)
{
	char *lock = hosted_path(&store, "lock.mdb");
	struct lmdb_writing writing = {
		.path = store.dir, .first = 11, .map_size = LMDB_MAP_SIZE};
	pid_t writer;
	int fd;

	make_entries(10, 20);
	/* In use, or it would be made anew. */
	writer = hosted_start(lmdb_write_on, &writing);
	while (committed(store.dir, MDB_RDONLY) < 20)
		hosted_pause(10);
	fd = open(lock, O_WRONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, "\xff\xff", 2, 4), 2);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(hosted_begin_fails(&store), STATUS_WIN32(ERROR_NOT_SUPPORTED));
	hosted_assert_detail("another version of LMDB");
	hosted_stop(writer);
	free(lock);
}
END_TEST

/* Compacting follows page numbers: damage must be found before LMDB does that. */
START_TEST(damage_is_found_before_lmdb_compacts)
{
	struct stat st;

	make_entries(5000, 300);
	store.config.compact = true;
	ck_assert_int_eq(stat(data, &st), 0);
	for (off_t page = 2; page < st.st_size / 4096; page++)
		patch(page * 4096 + (off_t)offsetof(struct lmdb_page, lower),
			"\xff\xff\xff\xff", 4);
	ck_assert_int_eq(hosted_begin_fails(&store), hrDatabaseCorrupted);
	hosted_assert_detail("data.mdb: page ");
}
END_TEST

START_TEST(dead_caller_ends_the_copy)
{
	make_entries(20000, 1000);
	for (int compact = 0; compact < 2; compact++) {
		store.config.compact = compact;
		store.looks_left = 4;
		ck_assert_int_eq(
			hosted_begin_fails(&store), STATUS_WIN32(ERROR_CANCELLED));
		ck_assert_int_eq(lmdb_readers(store.dir, 0), 0);
	}
}
END_TEST

START_TEST(full_spool_names_its_directory)
{
	make_entries(5000, 1000);
	if (mount("none", store.spool_dir, "tmpfs", 0, "size=1m") < 0) {
		(void)puts("full_spool_names_its_directory: skipped, cannot mount");
		return;
	}
	for (int compact = 0; compact < 2; compact++) {
		status rc;

		store.config.compact = compact;
		rc = hosted_begin_fails(&store);
		ck_assert_msg(
			rc == STATUS_WIN32(ERROR_DISK_FULL), "%s", status_pending());
		hosted_assert_detail(store.spool_dir);
	}
	ck_assert_int_eq(umount(store.spool_dir), 0);
}
END_TEST

/* ---- after a restore ---- */

START_TEST(recovery_and_verification_leave_nothing_beside_the_file)
{
	char *lock = hosted_path(&store, "lock.mdb"), *beside;
	struct engine_recovery recovery = {.databases = &store.config.databases};

	make_entries(100, 300);
	ck_assert_int_eq(unlink(lock), 0);
	ck_assert_int_eq(hosted_verify(&store, data), STATUS_OK);
	free(store.config.databases.items[0]);
	store.config.databases.items[0] = strdup(data);
	ck_assert_int_eq(
		store.host.engine.recover(&store.host.engine, &store.config, &recovery),
		STATUS_OK);
	ck_assert(!support_exists(lock));
	ck_assert_int_gt(asprintf(&beside, "%s-lock", data), 0);
	ck_assert(!support_exists(beside));
	free(beside);
	free(lock);
}
END_TEST

START_TEST(recovery_names_what_is_damaged)
{
	struct engine_recovery recovery = {.databases = &store.config.databases};
	struct stat st;

	make_entries(2000, 300);
	ck_assert_int_eq(stat(data, &st), 0);
	ck_assert_int_eq(truncate(data, st.st_size / 2), 0);
	free(store.config.databases.items[0]);
	store.config.databases.items[0] = strdup(data);
	ck_assert_int_eq(
		store.host.engine.recover(&store.host.engine, &store.config, &recovery),
		hrDatabaseCorrupted);
	hosted_assert_detail("data.mdb");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lmdb");
	TCase *tcase = tcase_create("lmdb");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 100);
	tcase_add_loop_test(
		tcase, copy_has_every_committed_entry_while_a_writer_goes_on, 0, 4);
	tcase_add_test(tcase, state_does_not_change_after_begin);
	tcase_add_test(tcase, no_reader_is_left_once_begin_returns);
	tcase_add_test(tcase, dead_reader_is_cleared);
	tcase_add_test(tcase, empty_environment_is_copied);
	tcase_add_test(tcase, rich_environment_is_copied_page_by_page);
	tcase_add_test(tcase, compact_copy_leaves_free_pages_out);
	tcase_add_test(tcase, notes_of_389_ds_come_along);
	tcase_add_test(tcase, missing_environment_is_named);
	tcase_add_test(tcase, one_directory_is_wanted);
	tcase_add_test(tcase, incremental_session_is_refused);
	tcase_add_loop_test(tcase, file_of_another_kind_is_refused_with_the_reason, 0, 5);
	tcase_add_test(tcase, other_word_size_is_refused_with_the_reason);
	tcase_add_test(tcase, lock_file_of_another_version_is_refused);
	tcase_add_test(tcase, damage_is_found_before_lmdb_compacts);
	tcase_add_test(tcase, dead_caller_ends_the_copy);
	tcase_add_test(tcase, full_spool_names_its_directory);
	tcase_add_test(tcase, recovery_and_verification_leave_nothing_beside_the_file);
	tcase_add_test(tcase, recovery_names_what_is_damaged);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
