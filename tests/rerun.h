/*
 * rerun.h - running the test program itself again, for what is read once a process
 *
 * main() of such a test does the deed and returns when it is given an argument.
 */
#ifndef TESTS_RERUN_H
#define TESTS_RERUN_H

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define RERUN_LINES     3
#define RERUN_LINE_SIZE 8192

struct rerun {
	int wait_status;
	size_t writes;                            /* how often stderr was written to */
	char lines[RERUN_LINES][RERUN_LINE_SIZE]; /* what each write wrote */
};

/* Where the kernel cannot run this program by itself, Meson says who can. */
static void rerun_exec(char *path, char *deed)
{
	char *wrapper = getenv("MESON_EXE_WRAPPER");
	char *const argv[] = {wrapper, path, deed, NULL};

	if (wrapper)
		execv(wrapper, argv);
	else
		execv(path, argv + 1);
}

/* Runs this program with DEED as its argument and VARIABLE=VALUE in its environment
 * (unset where VALUE is NULL). Its stderr is a socket that keeps writes apart. */
static void rerun(
	const char *deed, const char *variable, const char *value, struct rerun *r)
{
	/* Not /proc/self/exe itself, which under valgrind is valgrind. */
	char path[4096] = "", *copy = strdup(deed);
	int ends[2];
	ssize_t got;
	pid_t pid;

	memset(r, 0, sizeof(*r));
	ck_assert_int_gt(readlink("/proc/self/exe", path, sizeof(path) - 1), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	ck_assert_int_ge(pid = fork(), 0);
	if (pid == 0) {
		if (value ? setenv(variable, value, 1) : unsetenv(variable))
			_exit(99);
		if (dup2(ends[1], STDERR_FILENO) < 0 || close(ends[0]) || close(ends[1]))
			_exit(99);
		rerun_exec(path, copy);
		_exit(99);
	}
	free(copy);
	ck_assert_int_eq(close(ends[1]), 0);
	while ((got = recv(ends[0], r->lines[r->writes], RERUN_LINE_SIZE - 1, 0)) > 0) {
		r->lines[r->writes++][got] = '\0';
		ck_assert_uint_lt(r->writes, RERUN_LINES);
	}
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_int_eq(waitpid(pid, &r->wait_status, 0), pid);
}

#endif
