/* Sessions in a worker: what it may tell, and death on either side. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/protocol.h"
#include "sqlite_store.h"

enum { DEATHS = 20 };

static struct sqlite_store store;
static char *libexec; /* of the real worker */

static void setup(void)
{
	libexec = getenv("BACKUPAPI_LIBEXECDIR");
	ck_assert_msg(
		libexec != NULL, "BACKUPAPI_LIBEXECDIR must name the worker's directory");
	libexec = strdup(libexec);
	ck_assert_ptr_nonnull(libexec);
	sqlite_store_make(&store, "*.db");
}

/* Leaves the environment as it was for tests that share a process (CK_FORK=no). */
static void teardown(void)
{
	sqlite_store_free(&store);
	ck_assert_int_eq(setenv("BACKUPAPI_LIBEXECDIR", libexec, 1), 0);
	ck_assert_int_eq(unsetenv("FAKE_WORKER_INDEX"), 0);
	ck_assert_int_eq(unsetenv("FAKE_WORKER_COUNT"), 0);
	free(libexec);
	libexec = NULL;
}

static char *beside_this_test(const char *name)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	ck_assert_int_gt(length, 0);
	path[length] = '\0';
	*strrchr(path, '/') = '\0';
	return support_path(path, name);
}

/* From now on workers are tests/fake_worker.c in MODE. */
static void use_fake(const char *mode)
{
	char *dir = support_tmpdir(), *fake = beside_this_test("fake_worker");
	char *link = support_path(dir, "backupapi-worker");
	char *real = support_path(libexec, "backupapi-worker");

	ck_assert_int_eq(symlink(fake, link), 0);
	ck_assert_int_eq(setenv("REAL_WORKER", real, 1), 0);
	ck_assert_int_eq(setenv("BACKUPAPI_LIBEXECDIR", dir, 1), 0);
	ck_assert_int_eq(setenv("FAKE_WORKER_MODE", mode, 1), 0);
	free(real);
	free(link);
	free(fake);
}

static void assert_childless(void)
{
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

/* ---- what a worker may tell ---- */

START_TEST(answer_to_a_probe_is_believed_only_as_far_as_it_can_be)
{
	static const struct {
		const char *mode, *more;
		status code;
		const char *problem;
	} answers[] = {
		{"fine", "0", STATUS_WIN32(ERROR_NOT_SUPPORTED), "no engine no?such"},
		{"fine", "1", hrCommunicationError, "more engines"},
		{"fine", "-1", hrCommunicationError, "fewer engines"},
		{"probes-wrongly", "0", hrCommunicationError, "unexpected"},
	};
	char *path = sqlite_make(&store, "ca.db", "delete", 1);
	const struct engine *engine;

	use_fake(answers[_i].mode);
	ck_assert_int_eq(setenv("FAKE_WORKER_MORE", answers[_i].more, 1), 0);
	ck_assert_int_eq(engine_for_file(NULL, path, &engine), answers[_i].code);
	ck_assert_ptr_null(engine);
	sqlite_assert_detail(answers[_i].problem);
	assert_childless();
	free(path);
}
END_TEST

/* Lines of an index, with DIR for the store's directory, and why it is refused. */
static const struct {
	const char *lines;
	const char *problem; /* NULL: fine */
} indexes[] = {
	{"0 4096 DIR/a.db\n65536 0 DIR/b.db",
		"beyond the spool's end"}, /* it has 10000 bytes */
	{"0 4096 DIR/a.db\n4096 5904 DIR/b.db", NULL},
	{"0 4096 DIR/a.db\n4096 5905 DIR/b.db", "beyond the spool's end"},
	{"18446744073709551615 2 DIR/a.db", "beyond the spool's end"},
	{"1 18446744073709551615 DIR/a.db", "beyond the spool's end"},
	{"0 4096 DIR/a.db\n4095 10 DIR/b.db", "overlap"},
	{"4096 10 DIR/a.db\n0 10 DIR/b.db", "overlap"},
	{"0 10 DIR/b.db\n10 10 DIR/a.db", "out of order"},
	{"0 10 DIR/a.db\n10 10 DIR/a.db", "out of order"},
	{"0 10 /etc/shadow", "not configured"},
	{"0 10 DIR/a.txt", "not configured"},
	{"0 10 DIR/sub/a.db", "not configured"},
	{"0 10 DIR/.hidden.db", "not configured"},
	{"0 10 DIR", "not configured"},
	{"0 10 DIR/../store/a.db", "malformed"},
	{"0 10 store/a.db", "malformed"},
};

static char *expand_dir(const char *lines)
{
	struct buffer text = {0};

	for (const char *c = lines; *c; c++) {
		if (strncmp(c, "DIR", 3) == 0) {
			buffer_text(&text, store.dir);
			c += 2;
		} else {
			buffer_add(&text, c, 1);
		}
	}
	ck_assert(!buffer_failed(&text));
	return text.data;
}

START_TEST(index_is_believed_only_as_far_as_it_can_be)
{
	char *lines = expand_dir(indexes[_i].lines);
	struct engine_session *session;
	status rc;

	use_fake("fine");
	ck_assert_int_eq(setenv("FAKE_WORKER_INDEX", lines, 1), 0);
	rc = sqlite_try_session(&store, &session);
	if (indexes[_i].problem) {
		ck_assert_int_eq(rc, hrCommunicationError);
		ck_assert_msg(strstr(status_pending(), indexes[_i].problem) != NULL, "%s",
			status_pending());
	} else {
		ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
		worker_spool_end(session);
	}
	assert_childless();
	free(lines);
}
END_TEST

START_TEST(index_of_100000_files_comes_through)
{
	struct engine_files files = {0};
	struct engine_session *session;

	use_fake("fine");
	ck_assert_int_eq(setenv("FAKE_WORKER_COUNT", "100000", 1), 0);
	ck_assert_int_eq(setenv("FAKE_WORKER_DIR", store.dir, 1), 0);
	session = sqlite_session(&store);
	ck_assert_int_eq(worker_spool_databases(session, &files), STATUS_OK);
	ck_assert_uint_eq(files.count, 100000);
	ck_assert_str_eq(strrchr(files.items[99999].path, '/'), "/0099999.db");
	engine_files_free(&files);
	worker_spool_end(session);
}
END_TEST

START_TEST(endless_index_is_cut_off)
{
	struct engine_session *session;

	use_fake("fine");
	ck_assert_int_eq(setenv("FAKE_WORKER_COUNT", "2000000", 1), 0);
	ck_assert_int_eq(setenv("FAKE_WORKER_DIR", store.dir, 1), 0);
	ck_assert_int_eq(sqlite_try_session(&store, &session), hrCommunicationError);
	ck_assert_ptr_nonnull(strstr(status_pending(), "too many"));
}
END_TEST

/* ---- death of the worker ---- */

START_TEST(worker_killed_at_any_moment_is_an_error_and_nothing_hangs)
{
	char *path = sqlite_make(&store, "ca.db", "wal", 20000);
	int killed = 0;

	use_fake("mortal");
	for (int i = 0; i < DEATHS; i++) {
		struct engine_session *session;
		char delay[20];
		status rc;

		(void)snprintf(delay, sizeof(delay), "%d", i * 4000);
		ck_assert_int_eq(setenv("FAKE_WORKER_DELAY", delay, 1), 0);
		rc = sqlite_try_session(&store, &session);
		if (failed(rc)) {
			killed++;
			ck_assert_int_eq(rc, hrCommunicationError);
			ck_assert_msg(strstr(status_pending(), "signal 9") != NULL, "%s",
				status_pending());
		}
		worker_spool_end(session);
		assert_childless();
	}
	ck_assert_int_gt(killed, 0);
	sqlite_run(
		path, "PRAGMA busy_timeout = 0; INSERT INTO t VALUES(20001, 'goes on')");
	free(path);
}
END_TEST

START_TEST(frozen_state_outlives_its_worker)
{
	char *path = sqlite_make(&store, "ca.db", "delete", 1000);
	char *copy = support_path(store.spool, "copy.db");
	struct engine_session *session = sqlite_session(&store);

	ck_assert_int_eq(kill(sqlite_worker(), SIGKILL), 0);
	sqlite_save(session, path, copy);
	worker_spool_end(session);
	assert_childless();
	ck_assert_int_eq(sqlite_number(copy, "SELECT count(*) FROM t"), 1000);
	free(copy);
	free(path);
}
END_TEST

START_TEST(sessions_side_by_side_do_not_mix)
{
	char *path = sqlite_make(&store, "ca.db", "wal", 10);
	char *one = support_path(store.spool, "one.db"),
	     *two = support_path(store.spool, "two.db");
	struct engine_session *first = sqlite_session(&store), *second;

	sqlite_run(path, "INSERT INTO t VALUES(11, '')");
	second = sqlite_session(&store);
	sqlite_save(second, path, two);
	sqlite_save(first, path, one);
	worker_spool_end(first);
	worker_spool_end(second);
	assert_childless();
	ck_assert_int_eq(sqlite_number(one, "SELECT count(*) FROM t"), 10);
	ck_assert_int_eq(sqlite_number(two, "SELECT count(*) FROM t"), 11);
	free(one);
	free(two);
	free(path);
}
END_TEST

/* ---- death of the caller ---- */

/* All children of this process are gone within a second, those of its dead children too,
 * apart from SURVIVOR. */
static bool orphans_end(pid_t survivor)
{
	for (int i = 0; i < 1000; i++) {
		char path[64], *list, *at;
		bool others = false;

		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		(void)snprintf(path, sizeof(path), "/proc/self/task/%ld/children",
			(long)getpid());
		list = support_read(path);
		at = list;
		for (long child; (child = strtol(at, &at, 10)) > 0;)
			others |= child != survivor;
		free(list);
		if (!others)
			return true;
		(void)usleep(1000);
	}
	return false;
}

static pid_t start_caller(void)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		for (;;) {
			struct engine_session *session;

			if (failed(sqlite_try_session(&store, &session)))
				_exit(3);
			worker_spool_end(session);
		}
	}
	return pid;
}

START_TEST(caller_killed_at_any_moment_leaves_no_worker_and_no_lock)
{
	char *path = sqlite_make(&store, "ca.db", _i ? "wal" : "delete", 10000),
	     *other = NULL;
	const char *paths[] = {path};
	pid_t writer;

	if (_i == 2)
		other = sqlite_make(&store, "b.db", "delete", 10);
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	writer = sqlite_writer(paths, 1);
	srand(7);
	for (int i = 0; i < DEATHS; i++) {
		pid_t caller = start_caller();
		long rows;

		(void)usleep((useconds_t)(rand() % 60000));
		stop_process(caller);
		ck_assert_msg(orphans_end(writer), "the worker survived its caller");
		rows = sqlite_number(path, "SELECT max(n) FROM t");
		for (int wait = 0; sqlite_number(path, "SELECT max(n) FROM t") == rows;
			wait++) {
			ck_assert_msg(wait < 2000, "the writer stands still");
			(void)usleep(1000);
		}
	}
	worker_spool_end(sqlite_session(&store));
	stop_process(writer);
	free(other);
	free(path);
}
END_TEST

/* The caller forks, with a session, and is killed; the child lives on. */
START_TEST(forked_child_does_not_keep_the_worker_alive)
{
	char *path = sqlite_make(&store, "ca.db", "delete", 10);
	pid_t caller, child;
	int report[2];

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	ck_assert_int_eq(pipe2(report, O_CLOEXEC), 0);
	caller = fork();
	ck_assert_int_ge(caller, 0);
	if (caller == 0) {
		(void)sqlite_session(&store);
		child = fork();
		if (child > 0 && write(report[1], &child, sizeof(child)) != sizeof(child))
			_exit(1);
		for (;;)
			(void)pause();
	}
	ck_assert_int_eq(close(report[1]), 0);
	ck_assert_int_eq(read(report[0], &child, sizeof(child)), (ssize_t)sizeof(child));
	ck_assert_int_eq(close(report[0]), 0);
	stop_process(caller);
	ck_assert_msg(orphans_end(child), "the worker survived its caller");
	stop_process(child);
	free(path);
}
END_TEST

START_TEST(forked_child_ends_only_its_own_copy)
{
	char *path = sqlite_make(&store, "ca.db", "delete", 10);
	struct engine_session *session = sqlite_session(&store);
	pid_t worker = sqlite_worker(), child = fork();
	siginfo_t info = {0};
	int how;

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		worker_spool_end(session);
		free(path);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &how, 0), child);
	ck_assert_int_eq(how, 0);
	(void)usleep(100000);
	ck_assert_int_eq(
		waitid(P_PID, (id_t)worker, &info, WEXITED | WNOHANG | WNOWAIT), 0);
	ck_assert_msg(info.si_pid == 0, "the child ended its parent's worker");
	worker_spool_end(session);
	assert_childless();
	free(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("worker");
	TCase *tcase = tcase_create("worker");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 100);
	tcase_add_loop_test(
		tcase, answer_to_a_probe_is_believed_only_as_far_as_it_can_be, 0, 4);
	tcase_add_loop_test(tcase, index_is_believed_only_as_far_as_it_can_be, 0,
		sizeof(indexes) / sizeof(indexes[0]));
	tcase_add_test(tcase, index_of_100000_files_comes_through);
	tcase_add_test(tcase, endless_index_is_cut_off);
	tcase_add_test(tcase, worker_killed_at_any_moment_is_an_error_and_nothing_hangs);
	tcase_add_test(tcase, frozen_state_outlives_its_worker);
	tcase_add_test(tcase, sessions_side_by_side_do_not_mix);
	tcase_add_loop_test(
		tcase, caller_killed_at_any_moment_leaves_no_worker_and_no_lock, 0, 3);
	tcase_add_test(tcase, forked_child_does_not_keep_the_worker_alive);
	tcase_add_test(tcase, forked_child_ends_only_its_own_copy);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
