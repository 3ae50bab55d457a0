/*
 * process.h - starting other programs without disturbing the caller's process
 *
 * Children get their own process group (the terminal's Ctrl-C is not for them),
 * default signal dispositions and an empty mask, no descriptor but those named, and
 * "/" as directory is not imposed. Nobody else's children are waited for.
 */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/status.h"

/* The environment that children get: the caller's; or, where this program has rights that
 * its caller lacks (SECURE: the kernel's AT_SECURE), a fixed one, so that he cannot choose
 * what they run. */
char *const *process_environment(bool secure);

/* Starts ARGV[0] (an absolute path) with FD3 (or -1) as its descriptor 3 and with standard
 * input and output on /dev/null; stderr is inherited. */
status process_start(char *const argv[], int fd3, pid_t *pid);

/* Waits for PID; *EXIT_STATUS is its exit status, or 128 + signal. A SIGCHLD that the
 * process ignores leaves no status to read: then -1. */
status process_wait(pid_t pid, int *exit_status);

/* Runs ARGV to its end, or to TIMEOUT_SECONDS (then its process group is killed:
 * ERROR_SERVICE_REQUEST_TIMEOUT); stdout and stderr together go to OUTPUT (may be NULL;
 * at most 1 MiB is kept). A program that cannot be started is ERROR_FILE_NOT_FOUND,
 * one that may not be ERROR_ACCESS_DENIED. */
status process_run(char *const argv[], unsigned timeout_seconds, struct buffer *output,
	int *exit_status);

#endif
