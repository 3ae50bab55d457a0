/*
 * Starting and waiting; test_process_run.c has the rest.
 */
#include "base/process.h"

#include <sys/stat.h>

#include "children.h"

/* ---- starting ---- */

START_TEST(a_started_program_has_fd3_and_nothing_else)
{
	char text[256];
	int leaked = fcntl(STDERR_FILENO, F_DUPFD, 4),
	    kept = fcntl(leaked, F_DUPFD_CLOEXEC, 4);

	ck_assert_int_ge(leaked, 4);
	ck_assert_int_lt(leaked, 30);
	ck_assert_int_ge(kept, 4);
	start_and_read(
		"i=0; while [ $i -lt 30 ]; do [ -e /proc/$$/fd/$i ] && echo $i >&3; "
		"i=$((i+1)); done",
		text, sizeof(text));
	ck_assert_str_eq(text, "0\n1\n2\n3\n");
	ck_assert_int_eq(close(leaked), 0);
	ck_assert_int_eq(close(kept), 0);
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

/* Asked without a shell, which would clear the mask itself. */
static int strange_signals(void)
{
	char grep[] = "/bin/grep", option[] = "-E", what[] = "Sig(Blk|Ign)",
	     where[] = "/proc/self/status";
	char *const argv[] = {grep, option, what, where, NULL};
	struct buffer output = {0};
	int exit_status;
	sigset_t all;
	bool clean;

	if (sigfillset(&all) || sigprocmask(SIG_SETMASK, &all, NULL) ||
		signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
		signal(SIGUSR1, SIG_IGN) == SIG_ERR ||
		signal(SIGRTMIN + 3, SIG_IGN) == SIG_ERR)
		return 1;
	if (process_run(argv, 30, &output, &exit_status) || exit_status)
		return 2;
	clean = are_signals_clean(output.data);
	buffer_free(&output);
	return clean ? 0 : 3;
}

START_TEST(programs_get_default_signals_and_an_empty_mask)
{
	in_child(strange_signals);
}
END_TEST

START_TEST(what_cannot_be_started_is_not_found)
{
	char missing[] = "/nowhere/at/all", *file;
	char *argv[] = {missing, NULL};
	struct buffer output = {0};
	int exit_status;
	pid_t pid;

	ck_assert_int_eq(process_start(argv, -1, &pid), NOT_FOUND);
	ck_assert_int_eq(pid, -1);
	ck_assert_ptr_nonnull(strstr(status_pending(), missing));
	ck_assert_int_eq(process_run(argv, 5, &output, &exit_status), NOT_FOUND);
	file = support_path(support_tmpdir(), "no-program");
	support_write(file, "text");
	ck_assert_int_eq(chmod(file, 0755), 0);
	argv[0] = file;
	ck_assert_int_eq(process_run(argv, 5, NULL, &exit_status), NOT_FOUND);
	free(file);
	buffer_free(&output);
}
END_TEST

/* The note belongs to the code: else the caller is told "no such file" and no name. */
static void assert_published(status rc, const char *program)
{
	(void)status_publish(rc);
	ck_assert_msg(strstr(status_detail(), program) != NULL, "%s", status_detail());
	ck_assert_ptr_nonnull(strstr(status_detail(), "cannot be started"));
}

START_TEST(what_may_not_be_started_is_denied_and_both_are_named)
{
	char *file = support_path(support_tmpdir(), "not-executable");
	char *missing = support_path(support_tmpdir(), "missing"), directory[] = "/tmp";
	char *argv[] = {file, NULL};
	status rc;
	pid_t pid;

	support_write(file, "#!/bin/sh\n");
	rc = process_start(argv, -1, &pid);
	ck_assert_int_eq(rc, STATUS_WIN32(ERROR_ACCESS_DENIED));
	assert_published(rc, file);
	argv[0] = directory;
	ck_assert_int_eq(
		process_start(argv, -1, &pid), STATUS_WIN32(ERROR_ACCESS_DENIED));
	argv[0] = missing;
	rc = process_start(argv, -1, &pid);
	ck_assert_int_eq(rc, NOT_FOUND);
	assert_published(rc, missing);
	free(file);
	free(missing);
}
END_TEST

/* ---- environment ---- */

START_TEST(programs_get_the_callers_environment_unless_he_has_fewer_rights)
{
	char *const *fixed = process_environment(true);

	ck_assert_ptr_eq(process_environment(false), environ);
	ck_assert_str_eq(fixed[0], "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	ck_assert_str_eq(fixed[1], "LC_ALL=C");
	ck_assert_ptr_null(fixed[2]);
}
END_TEST

/* ---- waiting ---- */

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

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, a_started_program_has_fd3_and_nothing_else);
	tcase_add_test(tc, fd3_may_be_3_already);
	tcase_add_test(tc, a_started_program_reads_and_writes_nothing);
	tcase_add_test(tc, a_caller_without_standard_descriptors_may_start_programs);
	tcase_add_test(tc, a_started_program_leads_its_own_group);
	tcase_add_test(tc, programs_get_default_signals_and_an_empty_mask);
	/* Under valgrind posix_spawn is made of fork, and cannot tell that exec failed. */
	if (!support_under_valgrind()) {
		tcase_add_test(tc, what_cannot_be_started_is_not_found);
		tcase_add_test(tc, what_may_not_be_started_is_denied_and_both_are_named);
	}
	tcase_add_test(
		tc, programs_get_the_callers_environment_unless_he_has_fewer_rights);
	tcase_add_test(tc, wait_tells_exit_status_or_signal);
	tcase_add_test(tc, a_caller_that_ignores_its_children_gets_no_status);
	tcase_add_test(tc, nobody_elses_children_are_waited_for);
}

int main(void)
{
	Suite *suite = suite_create("process");
	TCase *tc = tcase_create("process");

	tcase_set_timeout(tc, 60);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
