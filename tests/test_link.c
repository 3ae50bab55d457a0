/* The caller's side of the connection, against workers that misbehave. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/link.h"
#include "support.h"

static char *libexec;

/* The worker of DIR is TARGET. */
static void install(const char *target)
{
	char *path = support_path(libexec, "backupapi-worker");

	ck_assert_int_eq(symlink(target, path), 0);
	free(path);
}

/* tests/fake_worker.c, in the directory of this test. */
static void install_fake(const char *mode)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 20);

	ck_assert_int_gt(length, 0);
	path[length] = '\0';
	(void)strcpy(strrchr(path, '/') + 1, "fake_worker");
	install(path);
	ck_assert_int_eq(setenv("FAKE_WORKER_MODE", mode, 1), 0);
}

static void install_script(const char *text)
{
	char *path = support_path(libexec, "backupapi-worker");

	support_write(path, text);
	ck_assert_int_eq(chmod(path, 0755), 0);
	free(path);
}

static void setup(void)
{
	libexec = support_tmpdir();
	ck_assert_int_eq(setenv("BACKUPAPI_LIBEXECDIR", libexec, 1), 0);
}

/* No worker is left, not even a dead one. */
static void assert_childless(void)
{
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

static status try_start(struct link **link)
{
	static char engine[] = "sqlite";
	struct hello hello = {.engine = engine, .uid = geteuid(), .gid = getegid()};
	status rc = link_start(&hello, -1, link);

	ck_assert((*link == NULL) == failed(rc));
	return rc;
}

static void assert_start_fails(status code, const char *why)
{
	struct link *link;
	status rc = try_start(&link);

	ck_assert_msg(rc == code, "0x%08x: %s", (unsigned)rc, status_pending());
	ck_assert_msg(strstr(status_pending(), "/backupapi-worker") != NULL, "%s",
		status_pending());
	ck_assert_msg(strstr(status_pending(), why) != NULL, "%s: not %s",
		status_pending(), why);
	assert_childless();
}

static status begin(struct link *link)
{
	const struct engine_begin how = {0};
	struct buffer body = {0};
	status rc;

	protocol_put_begin(&body, &how);
	rc = link_call(link, MESSAGE_BEGIN, &body, NULL, NULL);
	buffer_free(&body);
	return rc;
}

static void assert_begin_fails(const char *why)
{
	struct link *link;

	ck_assert_msg(try_start(&link) == STATUS_OK, "%s", status_pending());
	ck_assert_int_eq(begin(link), hrCommunicationError);
	ck_assert_msg(strstr(status_pending(), why) != NULL, "%s: not %s",
		status_pending(), why);
	assert_childless();
	/* And again: nothing to talk to any more. */
	ck_assert_int_eq(begin(link), hrCommunicationError);
	link_end(link);
}

/* ---- before there is a worker ---- */

START_TEST(missing_program_is_named)
{
	assert_start_fails(STATUS_WIN32(ERROR_FILE_NOT_FOUND), libexec);
}
END_TEST

/* Where posix_spawn does not notice it (under valgrind), the exit status tells. */
START_TEST(program_that_is_none_is_named)
{
	struct link *link;

	install_script("");
	ck_assert(failed(try_start(&link)));
	ck_assert_msg(strstr(status_pending(), libexec) != NULL, "%s", status_pending());
	assert_childless();
}
END_TEST

START_TEST(relative_directory_is_refused)
{
	struct link *link;

	ck_assert_int_eq(setenv("BACKUPAPI_LIBEXECDIR", "lib/worker", 1), 0);
	ck_assert_int_eq(try_start(&link), STATUS_WIN32(ERROR_BAD_CONFIGURATION));
	ck_assert_ptr_nonnull(strstr(status_pending(), "lib/worker"));
}
END_TEST

/* ---- greetings ---- */

START_TEST(program_that_ends_at_once_is_told_with_its_exit_status)
{
	install("/bin/false");
	assert_start_fails(hrCommunicationError, "exit status was 1");
}
END_TEST

START_TEST(program_killed_at_once_is_told_with_its_signal)
{
	install_script("#!/bin/sh\nkill -KILL $$\n");
	assert_start_fails(hrCommunicationError, "signal 9");
}
END_TEST

START_TEST(flood_is_cut_off)
{
	static const char *const modes[] = {"flood-zero", "flood-ones"};

	install_fake(modes[_i]);
	assert_start_fails(hrCommunicationError, "not a message");
}
END_TEST

START_TEST(script_that_floods_is_cut_off)
{
	install_script("#!/bin/sh\nexec cat /dev/zero >&3\n");
	assert_start_fails(hrCommunicationError, "not a message");
}
END_TEST

START_TEST(other_version_is_told_with_both)
{
	install_fake("stale-version");
	assert_start_fails(hrCommunicationError, "0.9.0");
	ck_assert_ptr_nonnull(strstr(status_pending(), BACKUPAPI_VERSION));
}
END_TEST

START_TEST(other_protocol_is_told)
{
	install_fake("stale-protocol");
	assert_start_fails(hrCommunicationError, "protocol 99");
}
END_TEST

START_TEST(refusal_is_passed_on_without_control_characters)
{
	struct link *link;

	install_fake("refuse");
	ck_assert_int_eq(try_start(&link), hrError);
	ck_assert_str_eq(status_pending(), "no thanks??[31m");
	assert_childless();
}
END_TEST

START_TEST(result_is_no_welcome)
{
	install_fake("no-welcome");
	assert_start_fails(hrCommunicationError, "no welcome");
}
END_TEST

START_TEST(silence_ends)
{
	static const char *const modes[] = {"silent", "half"};
	time_t start = time(NULL);

	install_fake(modes[_i]);
	assert_start_fails(hrCommunicationError, "nothing was heard");
	ck_assert_int_ge(time(NULL) - start, PROTOCOL_STALL_SECONDS - 1);
	ck_assert_int_le(time(NULL) - start, PROTOCOL_STALL_SECONDS + 20);
}
END_TEST

/* ---- requests ---- */

START_TEST(failure_is_passed_on_and_the_connection_stays)
{
	struct link *link;

	install_fake("fails");
	ck_assert_int_eq(try_start(&link), STATUS_OK);
	ck_assert_int_eq(begin(link), hrDatabaseLocked);
	ck_assert_str_eq(status_pending(), "ca.db: no?way");
	ck_assert_int_eq(begin(link), STATUS_OK); /* the fake's second answer */
	link_end(link);
	assert_childless();
}
END_TEST

START_TEST(worker_that_dies_is_told_with_its_end)
{
	static const char *const ends[][2] = {
		{"killed", "signal 9"}, {"exits", "exit status was 7"}};

	install_fake(ends[_i][0]);
	assert_begin_fails(ends[_i][1]);
}
END_TEST

START_TEST(nonsense_ends_the_connection)
{
	static const char *const modes[][2] = {{"flood-later", "not a message"},
		{"welcomes-again", "unexpected"}, {"index-too-early", "unexpected"}};

	install_fake(modes[_i][0]);
	assert_begin_fails(modes[_i][1]);
}
END_TEST

START_TEST(worker_that_hangs_up_but_lives_is_killed)
{
	install_fake("hangs-up");
	assert_begin_fails("closed");
}
END_TEST

START_TEST(worker_that_does_not_end_is_killed)
{
	time_t start = time(NULL);
	struct link *link;

	install_fake("stubborn");
	ck_assert_int_eq(try_start(&link), STATUS_OK);
	ck_assert_int_eq(begin(link), STATUS_OK);
	link_end(link);
	ck_assert_int_le(time(NULL) - start, 2 * LINK_END_SECONDS + 15);
	assert_childless();
}
END_TEST

/* The one child that this process has. */
static pid_t only_child(void)
{
	siginfo_t info = {0};
	char path[64];
	int child = 0;
	FILE *f;

	(void)snprintf(
		path, sizeof(path), "/proc/self/task/%ld/children", (long)getpid());
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%d", &child), 1);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(
		waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT), 0);
	ck_assert_msg(info.si_pid == 0, "process %d has ended", child);
	return child;
}

START_TEST(worker_that_is_spared_lives_on_and_is_reaped_later)
{
	struct link *link;
	siginfo_t info;
	pid_t child;

	install_fake("stubborn");
	ck_assert_int_eq(try_start(&link), STATUS_OK);
	link_spare(link);
	ck_assert_int_eq(begin(link), STATUS_OK);
	link_end(link);
	child = only_child();
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	ck_assert_int_eq(setenv("FAKE_WORKER_MODE", "fine", 1), 0);
	ck_assert_int_eq(try_start(&link), STATUS_OK);
	link_end(link);
	assert_childless();
}
END_TEST

START_TEST(message_that_is_too_long_is_not_sent)
{
	struct buffer body = {.size = PROTOCOL_MESSAGE_LIMIT + 1};
	struct link *link;

	install_fake("fine");
	ck_assert_int_eq(try_start(&link), STATUS_OK);
	ck_assert_int_eq(link_call(link, MESSAGE_RECOVER, &body, NULL, NULL),
		STATUS_WIN32(ERROR_INVALID_PARAMETER));
	ck_assert_int_eq(begin(link), STATUS_OK);
	link_end(link);
	assert_childless();
}
END_TEST

START_TEST(ignored_sigchld_does_no_harm)
{
	struct link *link;

	ck_assert(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	install_fake("fine");
	ck_assert_int_eq(try_start(&link), STATUS_OK);
	ck_assert_int_eq(begin(link), STATUS_OK);
	link_end(link);
	assert_childless();
	ck_assert(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
}
END_TEST

START_TEST(ending_nothing_is_fine)
{
	link_end(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("link");
	TCase *tcase = tcase_create("link");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 100);
	tcase_add_test(tcase, missing_program_is_named);
	tcase_add_test(tcase, program_that_is_none_is_named);
	tcase_add_test(tcase, relative_directory_is_refused);
	tcase_add_test(tcase, program_that_ends_at_once_is_told_with_its_exit_status);
	tcase_add_test(tcase, program_killed_at_once_is_told_with_its_signal);
	tcase_add_loop_test(tcase, flood_is_cut_off, 0, 2);
	tcase_add_test(tcase, script_that_floods_is_cut_off);
	tcase_add_test(tcase, other_version_is_told_with_both);
	tcase_add_test(tcase, other_protocol_is_told);
	tcase_add_test(tcase, refusal_is_passed_on_without_control_characters);
	tcase_add_test(tcase, result_is_no_welcome);
	tcase_add_loop_test(tcase, silence_ends, 0, 2);
	tcase_add_test(tcase, failure_is_passed_on_and_the_connection_stays);
	tcase_add_loop_test(tcase, worker_that_dies_is_told_with_its_end, 0, 2);
	tcase_add_loop_test(tcase, nonsense_ends_the_connection, 0, 3);
	tcase_add_test(tcase, worker_that_hangs_up_but_lives_is_killed);
	tcase_add_test(tcase, worker_that_does_not_end_is_killed);
	tcase_add_test(tcase, worker_that_is_spared_lives_on_and_is_reaped_later);
	tcase_add_test(tcase, message_that_is_too_long_is_not_sent);
	tcase_add_test(tcase, ignored_sigchld_does_no_harm);
	tcase_add_test(tcase, ending_nothing_is_fine);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
