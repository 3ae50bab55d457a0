/*
 * The daemon is sleep(1), under a name of its own so that it can be deleted.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/service_backend.h"
#include "support.h"

#define TIMEOUT     STATUS_WIN32(ERROR_SERVICE_REQUEST_TIMEOUT)
#define NOT_OFFERED STATUS_WIN32(ERROR_INVALID_SERVICE_CONTROL)
#define BAD_DATA    STATUS_WIN32(ERROR_INVALID_DATA)
#define BAD_CONFIG  STATUS_WIN32(ERROR_BAD_CONFIGURATION)
#define NOBODY      65534

static char name[] = "ca01";
static char *top, *pidfile, *program;
static struct server server;

/* ---- fixture and helpers ---- */

static void copy_program(const char *from, const char *to)
{
	char block[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	ssize_t got;

	ck_assert_int_ge(in, 0);
	ck_assert_int_ge(out, 0);
	while ((got = read(in, block, sizeof(block))) > 0)
		ck_assert_int_eq(write(out, block, (size_t)got), got);
	ck_assert_int_eq(got, 0);
	ck_assert_int_eq(close(in), 0);
	ck_assert_int_eq(close(out), 0);
}

/* Starts PROGRAM with ARGUMENTS in the background and notes its pid. */
static char *start_line(const char *arguments)
{
	char *line;

	ck_assert_int_gt(asprintf(&line,
				 "/bin/sh -c \"'%s' %s </dev/null >/dev/null 2>&1 & "
				 "echo $! > '%s'\"",
				 program, arguments, pidfile),
		0);
	return line;
}

static void set_up(void)
{
	top = support_tmpdir();
	ck_assert_int_eq(chmod(top, 0755), 0);
	pidfile = support_path(top, "daemon.pid");
	program = support_path(top, "daemon");
	copy_program("/bin/sleep", program);
	server = (struct server){.name = name, .has_service = true};
	server.service.pidfile = pidfile;
	server.service.program = program;
	server.service.start = start_line("1000");
	server.service.timeout_seconds = 20;
}

static pid_t daemon_pid(void)
{
	char *text = support_read(pidfile);
	pid_t pid = 0;

	ck_assert(service_pidfile_parse(text, &pid));
	free(text);
	return pid;
}

static void tear_down(void)
{
	enum service_state state;

	if (server.service.program && service_get_state(&server, &state) == STATUS_OK &&
		state != SERVICE_STOPPED)
		ck_assert_int_eq(kill(daemon_pid(), SIGKILL), 0);
	free(server.service.start);
	free(program);
	free(pidfile);
}

static void assert_state(enum service_state expected)
{
	enum service_state state = (enum service_state)99;

	ck_assert_int_eq(service_get_state(&server, &state), STATUS_OK);
	ck_assert_int_eq(state, expected);
}

static void assert_state_fails(status expected)
{
	enum service_state state;

	ck_assert_int_eq(service_get_state(&server, &state), expected);
}

static void control(enum service_control what, enum service_state expected)
{
	status rc = service_control(&server, what, NULL);

	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
	assert_state(expected);
}

static void write_pid(pid_t pid)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%ld\n", (long)pid);
	support_write(pidfile, text);
}

/* ---- parsing ---- */

START_TEST(the_first_line_is_the_pid)
{
	pid_t pid;

	ck_assert(service_pidfile_parse("1", &pid));
	ck_assert_int_eq(pid, 1);
	ck_assert(service_pidfile_parse("12345\n", &pid));
	ck_assert_int_eq(pid, 12345);
	ck_assert(service_pidfile_parse(" 2147483647 \r\n/var/lib/data\n5432\n", &pid));
	ck_assert_int_eq(pid, 2147483647);
}
END_TEST

START_TEST(all_else_is_no_pid)
{
	static const char *const texts[] = {"", "\n", "0", "-1", "+1", "12a", "12 13",
		"2147483648", "99999999999999999999999", "0x10", "\n12", "pid 12"};
	pid_t pid;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_msg(!service_pidfile_parse(texts[i], &pid), "%s", texts[i]);
}
END_TEST

START_TEST(the_state_stands_behind_the_name)
{
	ck_assert_int_eq(service_pidfile_parse_stat("12 (slapd) S 1 12"), 'S');
	ck_assert_int_eq(service_pidfile_parse_stat("12 (a) T (b) R) T 1 12"), 'T');
	ck_assert_int_eq(service_pidfile_parse_stat("12 (slapd)"), '\0');
	ck_assert_int_eq(service_pidfile_parse_stat("12 (slapd) "), '\0');
	ck_assert_int_eq(service_pidfile_parse_stat(""), '\0');
}
END_TEST

/* ---- the state ---- */

START_TEST(without_a_pidfile_or_a_process_it_is_stopped)
{
	int wait_status;
	pid_t pid;

	assert_state(SERVICE_STOPPED);
	pid = fork();
	if (pid == 0)
		_exit(0);
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	write_pid(pid);
	assert_state(SERVICE_STOPPED);
}
END_TEST

START_TEST(a_damaged_pidfile_is_an_error_that_names_it)
{
	support_write(pidfile, "garbage\n");
	assert_state_fails(BAD_DATA);
	ck_assert_ptr_nonnull(strstr(status_pending(), pidfile));
	support_write(pidfile, "");
	assert_state_fails(BAD_DATA);
	ck_assert_int_eq(unlink(pidfile), 0);
	ck_assert_int_eq(mkfifo(pidfile, 0644), 0);
	assert_state_fails(BAD_DATA);
}
END_TEST

START_TEST(a_pid_that_another_program_has_now_is_not_taken)
{
	write_pid(getpid());
	assert_state(SERVICE_STOPPED);
	ck_assert_int_eq(service_control(&server, SERVICE_STOP, NULL), STATUS_OK);
}
END_TEST

START_TEST(a_process_that_ended_but_was_not_waited_for_is_stopped)
{
	char *const argv[] = {program, (char[]){"0"}, NULL};
	int wait_status;
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0) {
		(void)execv(program, argv);
		_exit(127);
	}
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	write_pid(pid);
	assert_state(SERVICE_STOPPED);
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(wait_status), 0);
}
END_TEST

START_TEST(a_pidfile_needs_a_program)
{
	server.service.program = NULL;
	assert_state_fails(BAD_CONFIG);
}
END_TEST

START_TEST(a_daemon_survives_the_upgrade_of_its_program)
{
	control(SERVICE_START, SERVICE_SERVING);
	ck_assert_int_eq(unlink(program), 0);
	assert_state(SERVICE_SERVING);
	copy_program("/bin/sleep", program);
	assert_state(SERVICE_SERVING);
	control(SERVICE_STOP, SERVICE_STOPPED);
}
END_TEST

START_TEST(a_program_may_have_several_names)
{
	char *symbolic = support_path(top, "symbolic"), *hard = support_path(top, "hard");

	ck_assert_int_eq(symlink(program, symbolic), 0);
	ck_assert_int_eq(link(program, hard), 0);
	control(SERVICE_START, SERVICE_SERVING);
	server.service.program = symbolic;
	assert_state(SERVICE_SERVING);
	server.service.program = hard;
	assert_state(SERVICE_SERVING);
	control(SERVICE_STOP, SERVICE_STOPPED);
	server.service.program = program;
	free(symbolic);
	free(hard);
}
END_TEST

static int ask_as_nobody(void)
{
	enum service_state state;

	if (setgid(NOBODY) || setuid(NOBODY))
		return 1;
	return service_get_state(&server, &state) == STATUS_WIN32(ERROR_ACCESS_DENIED)
		       ? 0
		       : 2;
}

START_TEST(a_process_that_may_not_be_looked_at_is_not_taken_for_stopped)
{
	int wait_status;
	pid_t pid;

	control(SERVICE_START, SERVICE_SERVING);
	pid = fork();
	if (pid == 0)
		_exit(ask_as_nobody());
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert_int_eq(wait_status, 0);
}
END_TEST

/* ---- control ---- */

START_TEST(a_daemon_is_controlled_by_signals)
{
	control(SERVICE_START, SERVICE_SERVING);
	control(SERVICE_SUSPEND, SERVICE_SUSPENDED);
	control(SERVICE_RESUME, SERVICE_SERVING);
	control(SERVICE_SUSPEND, SERVICE_SUSPENDED);
	control(SERVICE_START, SERVICE_SERVING);
	control(SERVICE_STOP, SERVICE_STOPPED);
}
END_TEST

START_TEST(a_suspended_daemon_can_be_stopped)
{
	control(SERVICE_START, SERVICE_SERVING);
	control(SERVICE_SUSPEND, SERVICE_SUSPENDED);
	control(SERVICE_STOP, SERVICE_STOPPED);
}
END_TEST

START_TEST(commands_go_before_signals)
{
	static char suspend[] = "/bin/false", stop[] = "/bin/sh -c \"echo no; exit 9\"";

	control(SERVICE_START, SERVICE_SERVING);
	server.service.suspend = suspend;
	server.service.stop = stop;
	ck_assert_int_eq(service_control(&server, SERVICE_SUSPEND, NULL),
		STATUS_WIN32(ERROR_GEN_FAILURE));
	ck_assert_int_eq(service_control(&server, SERVICE_STOP, NULL),
		STATUS_WIN32(ERROR_GEN_FAILURE));
	ck_assert_ptr_nonnull(strstr(status_pending(), "exit status 9: no"));
	assert_state(SERVICE_SERVING);
}
END_TEST

START_TEST(starting_needs_a_command)
{
	free(server.service.start);
	server.service.start = NULL;
	ck_assert_int_eq(service_control(&server, SERVICE_START, NULL), NOT_OFFERED);
}
END_TEST

START_TEST(a_daemon_that_does_not_stop_is_a_timeout)
{
	char *ready = support_path(top, "ready"), *arguments;

	ck_assert_int_gt(asprintf(&arguments,
				 "-c 'trap : TERM; echo > %s; "
				 "while :; do /bin/sleep 0.1; done'",
				 ready),
		0);
	copy_program("/bin/sh", program);
	free(server.service.start);
	server.service.start = start_line(arguments);
	control(SERVICE_START, SERVICE_SERVING);
	while (!support_exists(ready))
		(void)usleep(10000);
	server.service.timeout_seconds = 1;
	ck_assert_int_eq(service_control(&server, SERVICE_STOP, NULL), TIMEOUT);
	ck_assert_ptr_nonnull(
		strstr(status_pending(), "ca01: the service is not stopped"));
	assert_state(SERVICE_SERVING);
	free(arguments);
	free(ready);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, the_first_line_is_the_pid);
	tcase_add_test(tc, all_else_is_no_pid);
	tcase_add_test(tc, the_state_stands_behind_the_name);
	tcase_add_test(tc, without_a_pidfile_or_a_process_it_is_stopped);
	tcase_add_test(tc, a_damaged_pidfile_is_an_error_that_names_it);
	tcase_add_test(tc, a_pid_that_another_program_has_now_is_not_taken);
	tcase_add_test(tc, a_process_that_ended_but_was_not_waited_for_is_stopped);
	tcase_add_test(tc, a_pidfile_needs_a_program);
	tcase_add_test(tc, a_daemon_survives_the_upgrade_of_its_program);
	tcase_add_test(tc, a_program_may_have_several_names);
	tcase_add_test(tc, a_daemon_is_controlled_by_signals);
	tcase_add_test(tc, a_suspended_daemon_can_be_stopped);
	tcase_add_test(tc, commands_go_before_signals);
	tcase_add_test(tc, starting_needs_a_command);
	tcase_add_test(tc, a_daemon_that_does_not_stop_is_a_timeout);
	if (geteuid() == 0)
		tcase_add_test(
			tc, a_process_that_may_not_be_looked_at_is_not_taken_for_stopped);
}

int main(void)
{
	Suite *suite = suite_create("service_pidfile");
	TCase *tc = tcase_create("service_pidfile");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
