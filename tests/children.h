/*
 * children.h - programs that tell what they see: /bin/sh and /proc
 */
#ifndef TESTS_CHILDREN_H
#define TESTS_CHILDREN_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/process.h"
#include "support.h"

#define TIMEOUT   STATUS_WIN32(ERROR_SERVICE_REQUEST_TIMEOUT)
#define NOT_FOUND STATUS_WIN32(ERROR_FILE_NOT_FOUND)

static char shell[] = "/bin/sh", dash_c[] = "-c";

static inline int64_t now_ms(void)
{
	struct timespec t;

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline status run_shell(
	const char *script, unsigned seconds, struct buffer *output, int *exit_status)
{
	char *copy = strdup(script);
	char *const argv[] = {shell, dash_c, copy, NULL};
	status rc = process_run(argv, seconds, output, exit_status);

	free(copy);
	return rc;
}

/* Runs SCRIPT and returns what it printed (free()). */
static inline char *output_of(const char *script)
{
	struct buffer output = {0};
	int exit_status;

	ck_assert_int_eq(run_shell(script, 30, &output, &exit_status), STATUS_OK);
	ck_assert_int_eq(exit_status, 0);
	buffer_text(&output, "");
	return output.data;
}

static inline void assert_prints(const char *script, const char *expected)
{
	char *printed = output_of(script);

	ck_assert_str_eq(printed, expected);
	free(printed);
}

/* Gives the pipe's writing end the number TO; the reading end gets out of its way. */
static inline bool place(int ends[2], int to)
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
static inline bool start_and_catch(const char *script, int to, char *text, size_t size)
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

static inline int free_number(int from)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, from);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(close(fd), 0);
	return fd;
}

static inline void start_and_read(const char *script, char *text, size_t size)
{
	ck_assert(start_and_catch(script, free_number(15), text, size));
}

/* Is there a process PID that has not ended? */
static inline bool lives(pid_t pid)
{
	char path[64], text[512] = "";
	FILE *f;
	bool alive = false;

	(void)snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fgets(text, sizeof(text), f))
		alive = !strstr(text, ") Z") && !strstr(text, ") X");
	(void)fclose(f);
	return alive;
}

static inline void assert_dies(pid_t pid)
{
	for (int64_t end = now_ms() + 10000; lives(pid) && now_ms() < end;)
		(void)usleep(5000);
	ck_assert(!lives(pid));
}

/* Runs DEED in a child of the test, for what changes the process; its number names the
 * failing check. */
static inline void in_child(int (*deed)(void))
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

static inline int wait_for(const char *script)
{
	char *copy = strdup(script);
	char *const argv[] = {shell, dash_c, copy, NULL};
	int exit_status = 99;
	pid_t pid;

	ck_assert_int_eq(process_start(argv, -1, &pid), STATUS_OK);
	ck_assert_int_eq(process_wait(pid, &exit_status), STATUS_OK);
	assert_dies(pid); /* where children are ignored, a moment after the call */
	free(copy);
	return exit_status;
}

#endif
