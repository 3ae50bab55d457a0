/* A worker that streams, and ends: orderly, or because one of the two sides died. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stream_session.h"

/* The worker is in the middle of streaming, its pipe is full. */
static struct engine_session *begin_to_stream(void)
{
	char *path = stream_make(session_store.home, "db.a", LARGE);
	struct engine_session *session = session_begin();

	ck_assert_uint_eq(session_open(session, path), LARGE);
	session_assert_read(session, 0, 1000);
	(void)usleep(100000);
	free(path);
	return session;
}

START_TEST(end_with_a_full_pipe_ends_the_engines_session_at_once)
{
	struct engine_session *session = begin_to_stream();
	time_t start = time(NULL);

	streamer.end(session);
	ck_assert_int_le(time(NULL) - start, 3);
	stream_assert_noted(&session_store, "ended");
	stream_assert_noted(&session_store, "lingered");
	stream_assert_childless();
}
END_TEST

/* vfork and clone know nothing of what a forked child must not keep. */
START_TEST(end_does_not_wait_for_a_forgotten_copy_of_the_pipe)
{
	struct engine_session *session = begin_to_stream();
	time_t start = time(NULL);
	pid_t child = _Fork();

	ck_assert_int_ge(child, 0);
	if (child == 0)
		for (;;)
			(void)pause();
	streamer.end(session);
	ck_assert_int_le(time(NULL) - start, 4);
	stream_assert_noted(&session_store, "ended");
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	stream_assert_childless();
}
END_TEST

static pid_t worker_pid(void)
{
	char path[64], *list;
	long pid;

	(void)snprintf(
		path, sizeof(path), "/proc/self/task/%ld/children", (long)getpid());
	list = support_read(path);
	pid = strtol(list, NULL, 10);
	free(list);
	ck_assert_int_gt(pid, 0);
	return (pid_t)pid;
}

START_TEST(a_worker_killed_in_the_middle_fails_the_read)
{
	struct engine_session *session = begin_to_stream();

	ck_assert_int_eq(kill(worker_pid(), SIGKILL), 0);
	session_assert_read_fails(session, LARGE, hrCommunicationError, "signal 9");
	streamer.close(session);
	streamer.end(session);
	stream_assert_childless();
}
END_TEST

/* CHILD, which this process did not start itself, is gone in a few seconds. */
static void await_orphans(pid_t survivor)
{
	for (int i = 0; i < 5000; i++) {
		pid_t ended = waitpid(-1, NULL, WNOHANG);

		if (ended < 0 && errno == ECHILD)
			return;
		if (ended == 0 && survivor > 0 && worker_pid() == survivor)
			return;
		(void)usleep(1000);
	}
	ck_abort_msg("the worker survived its caller");
}

/* The caller is killed while the worker waits for it to read; with _i, after it forked. */
START_TEST(a_killed_caller_ends_the_engines_session)
{
	pid_t caller, child = 0;
	int report[2];

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	ck_assert_int_eq(pipe2(report, O_CLOEXEC), 0);
	caller = fork();
	ck_assert_int_ge(caller, 0);
	if (caller == 0) {
		(void)begin_to_stream();
		child = _i ? fork() : 0;
		if (child == 0 && _i)
			for (;;)
				(void)pause();
		if (write(report[1], &child, sizeof(child)) != sizeof(child))
			_exit(1);
		for (;;)
			(void)pause();
	}
	ck_assert_int_eq(close(report[1]), 0);
	ck_assert_int_eq(read(report[0], &child, sizeof(child)), (ssize_t)sizeof(child));
	ck_assert_int_eq(close(report[0]), 0);
	ck_assert_int_eq(kill(caller, SIGKILL), 0);
	ck_assert_int_eq(waitpid(caller, NULL, 0), caller);
	stream_assert_noted(&session_store, "ended");
	await_orphans(child);
	if (child > 0) {
		ck_assert_int_eq(kill(child, SIGKILL), 0);
		ck_assert_int_eq(waitpid(child, NULL, 0), child);
	}
}
END_TEST

START_TEST(a_forked_child_ends_only_its_own_copy)
{
	struct engine_session *session = begin_to_stream();
	pid_t child = fork();
	int how;

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		streamer.end(session);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &how, 0), child);
	ck_assert_int_eq(how, 0);
	session_assert_read(session, 1000, LARGE - 1000);
	session_assert_at_end(session);
	streamer.end(session);
	stream_assert_childless();
}
END_TEST

START_TEST(open_descriptors_do_not_pile_up)
{
	char *pipe = stream_make(session_store.home, "db.a", ODD);
	char *plain = stream_make(session_store.home, "db.plain", ODD);
	struct engine_session *session = session_begin();
	int before, after;

	(void)session_open(session, pipe);
	streamer.close(session);
	before = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < 50; i++) {
		(void)session_open(session, i % 2 ? pipe : plain);
		if (i % 3)
			session_assert_read(session, 0, ODD);
	}
	streamer.close(session);
	after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(after, before + 1);
	ck_assert_int_eq(close(before), 0);
	ck_assert_int_eq(close(after), 0);
	streamer.end(session);
	free(pipe);
	free(plain);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("worker_stream_end");
	TCase *tc = tcase_create("worker_stream_end");

	tcase_add_checked_fixture(tc, session_setup, session_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, end_with_a_full_pipe_ends_the_engines_session_at_once);
	tcase_add_test(tc, end_does_not_wait_for_a_forgotten_copy_of_the_pipe);
	tcase_add_test(tc, a_worker_killed_in_the_middle_fails_the_read);
	tcase_add_loop_test(tc, a_killed_caller_ends_the_engines_session, 0, 2);
	tcase_add_test(tc, a_forked_child_ends_only_its_own_copy);
	tcase_add_test(tc, open_descriptors_do_not_pile_up);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
