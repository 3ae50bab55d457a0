/*
 * Children are asked what they see: /bin/sh and /proc tell.
 */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

#define TIMEOUT   STATUS_WIN32(ERROR_SERVICE_REQUEST_TIMEOUT)
#define NOT_FOUND STATUS_WIN32(ERROR_FILE_NOT_FOUND)

static char shell[] = "/bin/sh", dash_c[] = "-c";

/* ---- helpers ---- */

static int64_t now_ms(void)
{
	struct timespec t;

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static status run_shell(
	const char *script, unsigned seconds, struct buffer *output, int *exit_status)
{
	char *copy = strdup(script);
	char *const argv[] = {shell, dash_c, copy, NULL};
	status rc = process_run(argv, seconds, output, exit_status);

	free(copy);
	return rc;
}

/* Runs SCRIPT and returns what it printed (free()). */
static char *output_of(const char *script)
{
	struct buffer output = {0};
	int exit_status;

	ck_assert_int_eq(run_shell(script, 30, &output, &exit_status), STATUS_OK);
	ck_assert_int_eq(exit_status, 0);
	buffer_text(&output, "");
	return output.data;
}

static void assert_prints(const char *script, const char *expected)
{
	char *printed = output_of(script);

	ck_assert_str_eq(printed, expected);
	free(printed);
}

/* Gives the pipe's writing end the number TO; the reading end gets out of its way. */
static bool place(int ends[2], int to)
{
	if (ends[0] == to) {
		ends[0] = fcntl(to, F_DUPFD_CLOEXEC, 20);
		(void)close(to);
	}
	if (ends[1] != to) {
		if (dup3(ends[1], to, O_CLOEXEC) != to)
			return false;
		(void)close(ends[1]);
	}
	return ends[0] >= 0;
}

/* Starts SCRIPT with a pipe, placed at the number TO, as its descriptor 3, and catches
 * what comes out of it. Asserts nothing: Check's own descriptor may be 3. */
static bool start_and_catch(const char *script, int to, char *text, size_t size)
{
	char *copy = strdup(script);
	char *const argv[] = {shell, dash_c, copy, NULL};
	size_t length = 0;
	int ends[2], exit_status;
	ssize_t got;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) || !place(ends, to) || process_start(argv, to, &pid))
		return false;
	(void)close(to);
	while ((got = read(ends[0], text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	(void)close(ends[0]);
	free(copy);
	return process_wait(pid, &exit_status) == STATUS_OK && exit_status == 0;
}

static int free_number(int from)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, from);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(close(fd), 0);
	return fd;
}

static void start_and_read(const char *script, char *text, size_t size)
{
	ck_assert(start_and_catch(script, free_number(15), text, size));
}

/* Is there a process PID that has not ended? */
static bool lives(pid_t pid)
{
	char path[64], text[512] = "";
	FILE *f;
	bool alive = false;

	(void)snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fgets(text, sizeof(text), f))
		alive = !strstr(text, ") Z");
	(void)fclose(f);
	return alive;
}

static void assert_dies(pid_t pid)
{
	for (int64_t end = now_ms() + 10000; lives(pid) && now_ms() < end;)
		(void)usleep(5000);
	ck_assert(!lives(pid));
}

/* Runs DEED in a child of the test, for what changes the process; its number names the
 * failing check. */
static void in_child(int (*deed)(void))
{
	int wait_status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(deed());
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert(WIFEXITED(wait_status));
	ck_assert_int_eq(WEXITSTATUS(wait_status), 0);
}

/* ---- starting ---- */

START_TEST(a_started_program_has_fd3_and_nothing_else)
{
	char text[256];
	int leaked = open("/dev/null", O_RDONLY);

	ck_assert_int_ge(leaked, 4);
	ck_assert_int_lt(leaked, 30);
	start_and_read(
		"i=0; while [ $i -lt 30 ]; do [ -e /proc/$$/fd/$i ] && echo $i >&3; "
		"i=$((i+1)); done",
		text, sizeof(text));
	ck_assert_str_eq(text, "0\n1\n2\n3\n");
	ck_assert_int_eq(close(leaked), 0);
}
END_TEST

static int fd3_is_3_already(void)
{
	char text[64];

	return start_and_catch("echo here >&3", 3, text, sizeof(text)) &&
			       strcmp(text, "here\n") == 0
		       ? 0
		       : 1;
}

START_TEST(fd3_may_be_3_already)
{
	in_child(fd3_is_3_already);
}
END_TEST

START_TEST(a_started_program_reads_and_writes_nothing)
{
	char text[256];

	start_and_read("x=$(readlink /proc/$$/fd/0 /proc/$$/fd/1); echo \"$x\" >&3", text,
		sizeof(text));
	ck_assert_str_eq(text, "/dev/null\n/dev/null\n");
}
END_TEST

static int no_standard_descriptors(void)
{
	char text[256];

	(void)close(0);
	(void)close(1);
	(void)close(2);
	return start_and_catch("x=$(cd /proc/$$/fd && readlink 0 1 2); echo \"$x\" >&3",
		       50, text, sizeof(text)) &&
			       strcmp(text, "/dev/null\n/dev/null\n/dev/null\n") == 0
		       ? 0
		       : 1;
}

START_TEST(a_caller_without_standard_descriptors_may_start_programs)
{
	in_child(no_standard_descriptors);
}
END_TEST

START_TEST(a_started_program_leads_its_own_group)
{
	char text[512];
	long pid, parent, group;
	const char *rest;

	start_and_read("cat /proc/$$/stat >&3; :", text, sizeof(text));
	rest = strrchr(text, ')');
	ck_assert_ptr_nonnull(rest);
	ck_assert_int_eq(sscanf(text, "%ld", &pid), 1);
	ck_assert_int_eq(sscanf(rest, ") %*c %ld %ld", &parent, &group), 2);
	ck_assert_int_eq(group, pid);
	ck_assert_int_eq(parent, getpid());
}
END_TEST

/* Apart from signals 32 and 33, which the C library uses itself. */
static bool are_signals_clean(const char *text)
{
	unsigned long long blocked, ignored;

	return sscanf(text, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored) == 2 &&
	       blocked == 0 && (ignored & ~0x180000000ull) == 0;
}

static int strange_signals(void)
{
	static const char ask[] = "grep -E 'Sig(Blk|Ign)' /proc/self/status >&3";
	sigset_t all;
	char text[512], *printed;
	bool clean;

	if (sigfillset(&all) || sigprocmask(SIG_SETMASK, &all, NULL) ||
		signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
		signal(SIGUSR1, SIG_IGN) == SIG_ERR ||
		signal(SIGRTMIN + 3, SIG_IGN) == SIG_ERR)
		return 1;
	if (!start_and_catch(ask, 50, text, sizeof(text)) || !are_signals_clean(text))
		return 2;
	printed = output_of("grep -E 'Sig(Blk|Ign)' /proc/self/status");
	clean = are_signals_clean(printed);
	free(printed);
	return clean ? 0 : 3;
}

START_TEST(programs_get_default_signals_and_an_empty_mask)
{
	in_child(strange_signals);
}
END_TEST

/* Under valgrind posix_spawn is made of fork, and cannot tell that exec failed. */
static bool under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload");
}

START_TEST(what_cannot_be_started_is_not_found)
{
	char missing[] = "/nowhere/at/all", directory[] = "/tmp", *file;
	char *argv[] = {missing, NULL};
	struct buffer output = {0};
	int exit_status;
	pid_t pid;

	ck_assert_int_eq(process_start(argv, -1, &pid), NOT_FOUND);
	ck_assert_int_eq(pid, -1);
	ck_assert_ptr_nonnull(strstr(status_pending(), missing));
	ck_assert_int_eq(process_run(argv, 5, &output, &exit_status), NOT_FOUND);
	argv[0] = directory;
	ck_assert_int_eq(process_run(argv, 5, &output, &exit_status), NOT_FOUND);
	file = support_path(support_tmpdir(), "not-executable");
	support_write(file, "text");
	argv[0] = file;
	ck_assert_int_eq(process_run(argv, 5, NULL, &exit_status), NOT_FOUND);
	free(file);
	buffer_free(&output);
}
END_TEST

/* ---- waiting ---- */

static int wait_for(const char *script)
{
	char *copy = strdup(script);
	char *const argv[] = {shell, dash_c, copy, NULL};
	int exit_status = 99;
	pid_t pid;

	ck_assert_int_eq(process_start(argv, -1, &pid), STATUS_OK);
	ck_assert_int_eq(process_wait(pid, &exit_status), STATUS_OK);
	ck_assert(!lives(pid));
	free(copy);
	return exit_status;
}

START_TEST(wait_tells_exit_status_or_signal)
{
	ck_assert_int_eq(wait_for("exit 0"), 0);
	ck_assert_int_eq(wait_for("exit 7"), 7);
	ck_assert_int_eq(wait_for("kill -KILL $$"), 128 + SIGKILL);
}
END_TEST

static int ignored_children(void)
{
	struct buffer output = {0};
	int exit_status = 99;

	if (signal(SIGCHLD, SIG_IGN) == SIG_ERR)
		return 1;
	if (wait_for("sleep 0.1; exit 7") != -1)
		return 2;
	if (run_shell("echo out; exit 3", 10, &output, &exit_status) != STATUS_OK)
		return 3;
	if (exit_status != -1 || strcmp(output.data, "out\n") != 0)
		return 4;
	if (run_shell("sleep 100", 1, &output, &exit_status) != TIMEOUT)
		return 5;
	buffer_free(&output);
	return 0;
}

START_TEST(a_caller_that_ignores_its_children_gets_no_status)
{
	in_child(ignored_children);
}
END_TEST

START_TEST(nobody_elses_children_are_waited_for)
{
	int exit_status, wait_status;
	pid_t other = fork();

	ck_assert_int_ge(other, 0);
	if (other == 0)
		_exit(17);
	ck_assert_int_eq(run_shell("sleep 0.1", 10, NULL, &exit_status), STATUS_OK);
	ck_assert_int_eq(waitpid(other, &wait_status, 0), other);
	ck_assert_int_eq(WEXITSTATUS(wait_status), 17);
}
END_TEST

/* ---- running ---- */

START_TEST(run_gives_output_of_both_kinds_and_the_status)
{
	struct buffer output = {0};
	int exit_status;

	buffer_text(&output, "before|");
	ck_assert_int_eq(
		run_shell("echo out; echo err >&2; exit 5", 30, &output, &exit_status),
		STATUS_OK);
	ck_assert_int_eq(exit_status, 5);
	ck_assert_str_eq(output.data, "before|out\nerr\n");
	buffer_free(&output);
	ck_assert_int_eq(run_shell("kill -TERM $$", 30, NULL, &exit_status), STATUS_OK);
	ck_assert_int_eq(exit_status, 128 + SIGTERM);
}
END_TEST

START_TEST(run_gives_an_empty_input_and_no_descriptors)
{
	int leaked = open("/dev/null", O_RDONLY);

	ck_assert_int_ge(leaked, 0);
	assert_prints("cat", "");
	assert_prints("readlink /proc/self/fd/0; test -e /proc/$$/fd/3 || echo none",
		"/dev/null\nnone\n");
	ck_assert_int_eq(close(leaked), 0);
}
END_TEST

static int run_without_standard_descriptors(void)
{
	char *printed;
	int result;

	(void)close(0);
	(void)close(1);
	(void)close(2);
	printed = output_of("readlink /proc/self/fd/0; echo err >&2");
	result = strcmp(printed, "/dev/null\nerr\n") == 0 ? 0 : 1;
	free(printed);
	return result;
}

START_TEST(run_works_without_standard_descriptors)
{
	in_child(run_without_standard_descriptors);
}
END_TEST

START_TEST(run_kills_the_whole_group_at_the_timeout)
{
	struct buffer output = {0};
	const int64_t begin = now_ms();
	int exit_status;
	long pid;

	ck_assert_int_eq(
		run_shell("sleep 1000 & echo $!; wait", 1, &output, &exit_status),
		TIMEOUT);
	ck_assert_int_ge(now_ms() - begin, 1000);
	ck_assert_int_lt(now_ms() - begin, 5000);
	ck_assert_ptr_nonnull(strstr(status_pending(), shell));
	ck_assert_int_eq(sscanf(output.data, "%ld", &pid), 1);
	assert_dies((pid_t)pid);
	buffer_free(&output);
}
END_TEST

START_TEST(run_does_not_wait_for_a_daemon_that_keeps_the_pipe)
{
	struct buffer output = {0};
	const int64_t begin = now_ms();
	int exit_status;
	long pid;

	ck_assert_int_eq(
		run_shell("sleep 1000 & echo $!", 30, &output, &exit_status), STATUS_OK);
	ck_assert_int_eq(exit_status, 0);
	ck_assert_int_lt(now_ms() - begin, 10000);
	ck_assert_int_eq(sscanf(output.data, "%ld", &pid), 1);
	ck_assert(lives((pid_t)pid));
	ck_assert_int_eq(kill((pid_t)pid, SIGKILL), 0);
	assert_dies((pid_t)pid);
	buffer_free(&output);
}
END_TEST

START_TEST(run_does_not_follow_a_daemon_that_never_stops_writing)
{
	struct buffer output = {0};
	const int64_t begin = now_ms();
	int exit_status;
	long pid;

	ck_assert_int_eq(run_shell("(trap '' PIPE; while :; do echo y; done) & echo $!",
				 30, &output, &exit_status),
		STATUS_OK);
	ck_assert_int_lt(now_ms() - begin, 10000);
	ck_assert_int_eq(sscanf(strpbrk(output.data, "0123456789"), "%ld", &pid), 1);
	ck_assert_int_eq(kill((pid_t)pid, SIGKILL), 0);
	assert_dies((pid_t)pid);
	buffer_free(&output);
}
END_TEST

START_TEST(run_keeps_the_first_mebibyte_and_goes_on)
{
	struct buffer output = {0};
	int exit_status;

	ck_assert_int_eq(run_shell("printf first; head -c 3000000 /dev/zero; exit 6", 30,
				 &output, &exit_status),
		STATUS_OK);
	ck_assert_int_eq(exit_status, 6);
	ck_assert_uint_eq(output.size, 1 << 20);
	ck_assert_mem_eq(output.data, "first", 5);
	buffer_free(&output);
}
END_TEST

static void on_alarm(int signal)
{
	(void)signal;
}

static int run_under_alarms(void)
{
	const struct itimerval every_ms = {
		.it_interval = {0, 1000}, .it_value = {0, 1000}};
	struct sigaction action = {.sa_handler = on_alarm};
	struct buffer output = {0};
	int exit_status;

	if (sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &every_ms, NULL))
		return 1;
	if (run_shell("sleep 0.2; echo done", 30, &output, &exit_status) || exit_status)
		return 2;
	if (strcmp(output.data, "done\n") != 0)
		return 3;
	buffer_free(&output);
	return wait_for("sleep 0.1; exit 4") == 4 ? 0 : 4;
}

START_TEST(signals_of_the_caller_do_not_disturb)
{
	in_child(run_under_alarms);
}
END_TEST

static void add_start_tests(TCase *tc)
{
	tcase_add_test(tc, a_started_program_has_fd3_and_nothing_else);
	tcase_add_test(tc, fd3_may_be_3_already);
	tcase_add_test(tc, a_started_program_reads_and_writes_nothing);
	tcase_add_test(tc, a_caller_without_standard_descriptors_may_start_programs);
	tcase_add_test(tc, a_started_program_leads_its_own_group);
	tcase_add_test(tc, programs_get_default_signals_and_an_empty_mask);
	if (!under_valgrind())
		tcase_add_test(tc, what_cannot_be_started_is_not_found);
	tcase_add_test(tc, wait_tells_exit_status_or_signal);
	tcase_add_test(tc, a_caller_that_ignores_its_children_gets_no_status);
	tcase_add_test(tc, nobody_elses_children_are_waited_for);
}

static void add_run_tests(TCase *tc)
{
	tcase_add_test(tc, run_gives_output_of_both_kinds_and_the_status);
	tcase_add_test(tc, run_gives_an_empty_input_and_no_descriptors);
	tcase_add_test(tc, run_works_without_standard_descriptors);
	tcase_add_test(tc, run_kills_the_whole_group_at_the_timeout);
	tcase_add_test(tc, run_does_not_wait_for_a_daemon_that_keeps_the_pipe);
	tcase_add_test(tc, run_does_not_follow_a_daemon_that_never_stops_writing);
	tcase_add_test(tc, run_keeps_the_first_mebibyte_and_goes_on);
	tcase_add_test(tc, signals_of_the_caller_do_not_disturb);
}

int main(void)
{
	Suite *suite = suite_create("process");
	TCase *tc = tcase_create("process");

	tcase_set_timeout(tc, 60);
	add_start_tests(tc);
	add_run_tests(tc);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
