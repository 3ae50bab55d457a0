/* The TDB engine, in this process: a directory whose writer does as Samba does. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/tdb.h"
#include "engine/tdb_caller.h"
#include "forked.h"
#include "tdb_store.h"

static struct hosted_store store;

static const char *const counting[] = {
	"sam.ldb", "sam.ldb.d/metadata.tdb", TDB_PARTITION_A, TDB_PARTITION_B};
enum { COUNTING = sizeof(counting) / sizeof(counting[0]) };

static void setup(void)
{
	hosted_make(&store, &tdb_hosted_engine, "");
}

static void teardown(void)
{
	hosted_free(&store);
}

/* The number in the session's copy of a file, of which TDB's check says WANTED. */
static long checked_number(const char *name, status wanted)
{
	char *path = hosted_path(&store, name);
	char *copy = support_path(store.spool_dir, "copy");
	long number;

	hosted_read(&store, path, copy);
	number = tdb_store_number(copy);
	ck_assert_msg(
		hosted_verify(&store, copy) == wanted, "%s: %s", name, status_pending());
	ck_assert_int_eq(unlink(copy), 0);
	free(copy);
	free(path);
	return number;
}

static long copied_number(const char *name)
{
	return checked_number(name, STATUS_OK);
}

/* ---- under a writer ---- */

static const struct {
	bool lmdb;
	long pause_us;
} ways[] = {{false, 0}, {true, 0}, {false, 300}, {true, 300}};

START_TEST(copies_show_one_moment_while_a_writer_goes_on)
{
	struct tdb_writing writing = {
		.dir = store.dir, .lmdb = ways[_i].lmdb, .pause_us = ways[_i].pause_us};
	long last = -1;
	pid_t writer;

	tdb_store_make(store.dir, ways[_i].lmdb);
	/* However long the writer takes to get going. */
	writer = hosted_start(tdb_write_on, &writing);
	for (int round = 0; round < 12 || last <= 0; round++) {
		struct engine_session *session;
		long number;

		hosted_pause(20);
		session = hosted_begin(&store);
		number = copied_number(counting[0]);
		for (size_t i = 1; i < COUNTING; i++)
			ck_assert_int_eq(copied_number(counting[i]), number);
		hosted_end(&store, session);
		ck_assert_int_ge(number, last);
		last = number;
	}
	hosted_stop(writer);
}
END_TEST

/* Its changes are nowhere yet: there is nothing to wait for. */
START_TEST(transaction_that_is_only_begun_is_not_waited_for)
{
	struct tdb_stuck stuck = {.dir = store.dir};
	struct engine_session *session;
	int ends[2];
	char byte;
	pid_t pid;

	tdb_store_make(store.dir, false);
	ck_assert_int_eq(pipe(ends), 0);
	stuck.ready = ends[1];
	pid = hosted_start(tdb_get_stuck, &stuck);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	session = hosted_begin(&store);
	for (size_t i = 0; i < COUNTING; i++)
		ck_assert_int_eq(copied_number(counting[i]), 0);
	hosted_end(&store, session);
	hosted_stop(pid);
	(void)close(ends[0]);
	(void)close(ends[1]);
}
END_TEST

/* After some of these deaths TDB's check finds fault with space that TDB just lost: the
 * copy is neither better nor worse than the file, and has what TDB finds in it. */
static void assert_as_good(const char *name)
{
	char *path = hosted_path(&store, name);

	ck_assert_int_eq(checked_number(name, hosted_verify(&store, path)),
		tdb_store_number(path));
	free(path);
}

/* A writer that died when its changes were half written: TDB puts that right. It has written
 * some before, or TDB would have space to lose, and to check byte by byte, at each death. */
START_TEST(commit_that_was_cut_off_is_recovered_first)
{
	atomic_long *commits = mmap(NULL, sizeof(*commits), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct tdb_writing writing = {.dir = store.dir, .commits = commits};

	ck_assert_ptr_ne(commits, MAP_FAILED);
	tdb_store_make(store.dir, false);
	for (int round = 0; round < 6; round++) {
		struct engine_session *session;
		pid_t writer;

		atomic_store(commits, 0);
		writer = hosted_start(tdb_write_on, &writing);
		while (atomic_load(commits) < 3)
			hosted_pause(1);
		hosted_pause(round);
		hosted_stop(writer);
		session = hosted_begin(&store);
		for (size_t i = 0; i < COUNTING; i++)
			assert_as_good(counting[i]);
		hosted_end(&store, session);
	}
	ck_assert_int_eq(munmap(commits, sizeof(*commits)), 0);
}
END_TEST

static int can_lock(void *path)
{
	struct tdb_context *tdb = tdb_open(path, 0, TDB_DEFAULT, O_RDWR, 0);
	int locked = tdb && tdb_lockall_nonblock(tdb) == 0;

	if (tdb)
		(void)tdb_close(tdb);
	return locked;
}

START_TEST(nothing_is_locked_once_begin_returns)
{
	struct engine_session *session;

	tdb_store_make(store.dir, true);
	session = hosted_begin(&store);
	for (size_t i = 0; i < COUNTING - 1; i++) {
		char *path = hosted_path(&store, counting[i]);

		ck_assert_msg(
			forked(fork, can_lock, path) == 1, "%s is still locked", path);
		free(path);
	}
	hosted_end(&store, session);
}
END_TEST

/* ---- what is listed ---- */

START_TEST(whole_directory_is_listed_and_copied_byte_by_byte)
{
	static const char *const plain[] = {"encrypted_secrets.key", "tls/key.pem"};
	struct engine_files files = {0};
	struct engine_session *session;

	tdb_store_make(store.dir, false);
	session = hosted_begin(&store);
	ck_assert_int_eq(store.host.engine.databases(session, &files), STATUS_OK);
	ck_assert_uint_eq(files.count, COUNTING + 4);
	for (size_t i = 0; i < 2; i++) {
		char *path = hosted_path(&store, plain[i]);
		char *copy = support_path(store.spool_dir, "copy"), *a, *b;

		hosted_read(&store, path, copy);
		a = support_read(path);
		b = support_read(copy);
		ck_assert_str_eq(a, b);
		ck_assert_int_eq(unlink(copy), 0);
		free(a);
		free(b);
		free(copy);
		free(path);
	}
	engine_files_free(&files);
	hosted_end(&store, session);
}
END_TEST

START_TEST(database_locked_by_mutexes_is_left_out)
{
	char *path = hosted_path(&store, "volatile.tdb");
	struct engine_files files = {0};
	struct engine_session *session;
	struct tdb_context *tdb;

	tdb_store_make(store.dir, false);
	if (!tdb_runtime_check_for_robust_mutexes()) {
		(void)puts("database_locked_by_mutexes_is_left_out: skipped, no mutexes");
		free(path);
		return;
	}
	tdb = tdb_open(
		path, 10, TDB_CLEAR_IF_FIRST | TDB_MUTEX_LOCKING, O_RDWR | O_CREAT, 0600);
	ck_assert_ptr_nonnull(tdb);
	session = hosted_begin(&store);
	ck_assert_int_eq(store.host.engine.databases(session, &files), STATUS_OK);
	for (size_t i = 0; i < files.count; i++)
		ck_assert_str_ne(files.items[i].path, path);
	engine_files_free(&files);
	hosted_end(&store, session);
	ck_assert_int_eq(tdb_close(tdb), 0);
	free(path);
}
END_TEST

/* ---- after a restore ---- */

static status recover(void)
{
	struct names databases = {0};
	const struct engine_recovery recovery = {
		.databases = &databases, .home = store.dir};
	struct store_config config = store.config;
	status rc;

	config.databases = (struct names){0};
	ck_assert_int_eq(tdb_survey(&store.config, &databases, NULL), STATUS_OK);
	rc = store.host.engine.recover(&store.host.engine, &config, &recovery);
	names_free(&databases);
	return rc;
}

START_TEST(recovery_checks_every_file)
{
	char *path = hosted_path(&store, TDB_PARTITION_B);
	struct stat st;

	tdb_store_make(store.dir, _i);
	ck_assert_msg(recover() == STATUS_OK, "%s", status_pending());
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(truncate(path, st.st_size - 4096), 0);
	ck_assert_int_eq(recover(), hrDatabaseCorrupted);
	hosted_assert_detail(path);
	free(path);
}
END_TEST

START_TEST(recovery_misses_a_partition)
{
	static const char *const needed[] = {
		TDB_PARTITION_A, "sam.ldb.d/metadata.tdb", "sam.ldb"};

	tdb_store_make(store.dir, true);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		char *path = hosted_path(&store, needed[i]);

		ck_assert_int_eq(unlink(path), 0);
		ck_assert_int_eq(recover(), hrDatabaseInconsistent);
		hosted_assert_detail(path);
		free(path);
	}
}
END_TEST

START_TEST(recovery_wants_a_list_of_partitions)
{
	static const char none[] = "none----";
	char *path = hosted_path(&store, "sam.ldb");
	char *bytes;
	int fd;
	struct stat st;

	tdb_store_make(store.dir, false);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	bytes = malloc((size_t)st.st_size);
	ck_assert_ptr_nonnull(bytes);
	ck_assert_int_eq(pread(fd, bytes, (size_t)st.st_size, 0), st.st_size);
	for (off_t i = 0; i + 10 < st.st_size; i++)
		if (memcmp(bytes + i, "sam.ldb.d/", 10) == 0)
			ck_assert_int_eq(pwrite(fd, none, 8, i), 8);
	ck_assert_int_eq(close(fd), 0);
	free(bytes);
	ck_assert_int_eq(recover(), hrDatabaseInconsistent);
	hosted_assert_detail("names no partitions");
	free(path);
}
END_TEST

/* TDB's records have no checksums; what it follows is checked. */
START_TEST(flipped_bits_never_hurt)
{
	char *path = hosted_path(&store, "secrets.tdb");
	unsigned seed = 9, found = 0;
	struct stat st;
	int fd;

	tdb_store_make(store.dir, false);
	ck_assert_int_eq(stat(path, &st), 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	for (int i = 0; i < 3000; i++) {
		off_t offset = rand_r(&seed) % st.st_size;
		unsigned char byte, flipped;
		status rc;

		ck_assert_int_eq(pread(fd, &byte, 1, offset), 1);
		flipped = (unsigned char)(byte ^ 1u << rand_r(&seed) % 8);
		ck_assert_int_eq(pwrite(fd, &flipped, 1, offset), 1);
		rc = hosted_verify(&store, path);
		ck_assert_msg(!failed(rc) || rc == hrDatabaseCorrupted, "%ld: %s",
			(long)offset, status_pending());
		found += failed(rc);
		ck_assert_int_eq(pwrite(fd, &byte, 1, offset), 1);
	}
	ck_assert_uint_gt(found, 0);
	ck_assert_int_eq(hosted_verify(&store, path), STATUS_OK);
	ck_assert_int_eq(close(fd), 0);
	free(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tdb");
	TCase *tcase = tcase_create("tdb");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 100);
	tcase_add_loop_test(tcase, copies_show_one_moment_while_a_writer_goes_on, 0, 4);
	tcase_add_test(tcase, transaction_that_is_only_begun_is_not_waited_for);
	tcase_add_test(tcase, nothing_is_locked_once_begin_returns);
	tcase_add_test(tcase, whole_directory_is_listed_and_copied_byte_by_byte);
	tcase_add_test(tcase, database_locked_by_mutexes_is_left_out);
	tcase_add_loop_test(tcase, recovery_checks_every_file, 0, 2);
	tcase_add_test(tcase, recovery_misses_a_partition);
	tcase_add_test(tcase, recovery_wants_a_list_of_partitions);
	tcase_add_test(tcase, flipped_bits_never_hurt);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("tdb after deaths");
	tcase_set_timeout(tcase, 100);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, commit_that_was_cut_off_is_recovered_first);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
