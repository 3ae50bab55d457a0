/*
 * Programs that are run to their end, or to the timeout.
 */
#include "base/process.h"

#include <sys/time.h>

#include "children.h"

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
	int64_t begin = 0;
	unsigned seconds;
	int exit_status;
	long pid;

	/* Until they suffice for the shell to say something. */
	for (seconds = 1; !output.size; seconds *= 2) {
		begin = now_ms();
		ck_assert_int_eq(run_shell("sleep 1000 & echo $!; wait", seconds, &output,
					 &exit_status),
			TIMEOUT);
		ck_assert_int_ge(now_ms() - begin, seconds * 1000);
	}
	ck_assert_ptr_nonnull(strstr(status_pending(), shell));
	ck_assert_int_eq(sscanf(output.data, "%ld", &pid), 1);
	assert_dies((pid_t)pid);
	buffer_free(&output);
}
END_TEST

START_TEST(run_does_not_wait_for_a_daemon_that_keeps_the_pipe)
{
	struct buffer output = {0};
	int exit_status;
	long pid;

	ck_assert_int_eq(
		run_shell("sleep 1000 & echo $!", 30, &output, &exit_status), STATUS_OK);
	ck_assert_int_eq(exit_status, 0);
	ck_assert_int_eq(sscanf(output.data, "%ld", &pid), 1);
	ck_assert(lives((pid_t)pid));
	ck_assert_int_eq(kill((pid_t)pid, SIGKILL), 0);
	assert_dies((pid_t)pid);
	buffer_free(&output);
}
END_TEST

START_TEST(run_does_not_follow_a_daemon_that_never_stops_writing)
{
	char *pidfile = support_path(support_tmpdir(), "pid"), *script, *text;
	struct buffer output = {0};
	int exit_status;
	long pid;

	/* Not said: of what is said only the beginning is kept. */
	ck_assert_int_gt(asprintf(&script,
				 "(trap '' PIPE; while :; do echo y; done) & "
				 "echo $! > %s",
				 pidfile),
		0);
	ck_assert_int_eq(run_shell(script, 30, &output, &exit_status), STATUS_OK);
	text = support_read(pidfile);
	ck_assert_int_eq(sscanf(text, "%ld", &pid), 1);
	ck_assert_int_eq(kill((pid_t)pid, SIGKILL), 0);
	assert_dies((pid_t)pid);
	buffer_free(&output);
	free(text);
	free(script);
	free(pidfile);
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

static void add_tests(TCase *tc)
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
	Suite *suite = suite_create("process_run");
	TCase *tc = tcase_create("process_run");

	tcase_set_timeout(tc, 60);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
