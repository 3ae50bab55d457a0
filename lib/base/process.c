/*
 * Children are started with posix_spawn, which runs no fork handlers and copies no
 * memory; of a program that is run to its end, the end is what counts and not that of
 * its output: a daemon that it left behind may keep the pipe for ever.
 */
#include "base/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define OUTPUT_LIMIT     ((size_t)1 << 20)
#define MAX_PAUSE_MS     50
#define KILL_PATIENCE_MS 5000

extern char **environ;

/* ---- starting ---- */

/* The child's descriptors. -1 where a number is to be /dev/null. */
struct wiring {
	int output; /* becomes 1 and 2; -1: 2 is inherited */
	int fd3;    /* becomes 3; -1: none */
};

/* A closed 2 would go to the first file that the child opens. */
static bool stderr_is_open(void)
{
	return fcntl(STDERR_FILENO, F_GETFD) >= 0;
}

/* ---- the host program's descriptors: ours close on exec, its may not ---- */

#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 34)
#define HAVE_CLOSEFROM
#endif
#endif

#ifdef HAVE_CLOSEFROM

static int close_surplus(posix_spawn_file_actions_t *actions, int first)
{
	return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

#else

/* More than that many are not looked at where the kernel does not list them. */
#define MOST_DESCRIPTORS 65536

/* One that is closed before the child gets there is no failure: POSIX says so. */
static int close_inherited(posix_spawn_file_actions_t *actions, int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags < 0 || flags & FD_CLOEXEC
		       ? 0
		       : posix_spawn_file_actions_addclose(actions, fd);
}

static int close_listed(posix_spawn_file_actions_t *actions, int first, DIR *list)
{
	const struct dirent *entry;
	int err = 0;

	do {
		int fd;

		errno = 0;
		entry = readdir(list);
		if (!entry)
			return errno;
		fd = atoi(entry->d_name); /* "." and ".." are 0 */
		if (fd >= first)
			err = close_inherited(actions, fd);
	} while (!err);
	return err;
}

static int close_surplus(posix_spawn_file_actions_t *actions, int first)
{
	DIR *list = opendir("/proc/self/fd");
	long limit = sysconf(_SC_OPEN_MAX);
	int err = 0;

	if (list) {
		err = close_listed(actions, first, list);
		(void)closedir(list);
		return err;
	}
	if (limit < 0 || limit > MOST_DESCRIPTORS)
		limit = MOST_DESCRIPTORS;
	for (int fd = first; !err && fd < limit; fd++)
		err = close_inherited(actions, fd);
	return err;
}

#endif

/* ---- wiring ---- */

/* The given descriptors are placed before /dev/null may take their numbers. */
static int wire(posix_spawn_file_actions_t *actions, const struct wiring *w)
{
	int err = 0;

	if (w->fd3 >= 0)
		err = posix_spawn_file_actions_adddup2(actions, w->fd3, 3);
	if (!err && w->output >= 0)
		err = posix_spawn_file_actions_adddup2(actions, w->output, STDOUT_FILENO);
	if (!err && w->output >= 0)
		err = posix_spawn_file_actions_adddup2(
			actions, STDOUT_FILENO, STDERR_FILENO);
	if (!err)
		err = posix_spawn_file_actions_addopen(
			actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!err && w->output < 0)
		err = posix_spawn_file_actions_addopen(
			actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (!err && w->output < 0 && !stderr_is_open())
		err = posix_spawn_file_actions_addopen(
			actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (!err)
		err = close_surplus(actions, w->fd3 >= 0 ? 4 : 3);
	return err;
}

static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t all, none;
	int err;

	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	err = posix_spawnattr_setflags(attributes,
		POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	if (!err)
		err = posix_spawnattr_setpgroup(attributes, 0);
	if (!err)
		err = posix_spawnattr_setsigdefault(attributes, &all);
	if (!err)
		err = posix_spawnattr_setsigmask(attributes, &none);
	return err;
}

char *const *process_environment(bool secure)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
	static char *const fixed[] = {path, locale, NULL};

	return secure ? fixed : environ;
}

static int spawn_with(char *const argv[], const struct wiring *w,
	posix_spawnattr_t *attributes, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int err = posix_spawn_file_actions_init(&actions);

	if (err)
		return err;
	err = wire(&actions, w);
	if (!err)
		err = posix_spawn(pid, argv[0], &actions, attributes, argv,
			process_environment(getauxval(AT_SECURE) != 0));
	(void)posix_spawn_file_actions_destroy(&actions);
	return err;
}

/* Else the program is not there, or is none. */
static bool is_fault_of_its_own(int err)
{
	return err == EACCES || err == EPERM || err == ENOMEM || err == EAGAIN ||
	       err == EMFILE || err == ENFILE;
}

static status fail_to_start(int err, const char *program)
{
	if (is_fault_of_its_own(err))
		return status_errno(err, "%s: cannot be started", program);
	return status_fail(STATUS_WIN32(ERROR_FILE_NOT_FOUND),
		"%s: cannot be started: %s", program, strerrordesc_np(err));
}

static status spawn(char *const argv[], const struct wiring *w, pid_t *pid)
{
	posix_spawnattr_t attributes;
	int err = posix_spawnattr_init(&attributes);

	*pid = -1;
	if (!err) {
		err = set_attributes(&attributes);
		if (!err)
			err = spawn_with(argv, w, &attributes, pid);
		(void)posix_spawnattr_destroy(&attributes);
	}
	return err ? fail_to_start(err, argv[0]) : STATUS_OK;
}

status process_start(char *const argv[], int fd3, pid_t *pid)
{
	const struct wiring w = {.output = -1, .fd3 = fd3};

	return spawn(argv, &w, pid);
}

/* ---- waiting ---- */

static int decode(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status)
					: WEXITSTATUS(wait_status);
}

/* True once PID has ended. ECHILD: somebody else, or the kernel, took its status. */
static bool reap(pid_t pid, int options, int *exit_status)
{
	int wait_status = 0;
	pid_t got;

	do
		got = waitpid(pid, &wait_status, options);
	while (got < 0 && errno == EINTR);
	if (got == pid)
		*exit_status = decode(wait_status);
	else if (got < 0)
		*exit_status = -1;
	return got != 0;
}

status process_wait(pid_t pid, int *exit_status)
{
	(void)reap(pid, 0, exit_status);
	return STATUS_OK;
}

/* ---- running to the end ---- */

/* A program under way. */
struct run {
	pid_t pid;
	int output; /* the pipe's reading end, non-blocking; -1 after its end */
	struct buffer *kept;
	size_t room; /* what may still be kept */
	int exit_status;
};

static void keep(struct run *run, const char *data, size_t size)
{
	if (!run->kept)
		return;
	if (size > run->room)
		size = run->room;
	buffer_add(run->kept, data, size);
	run->room -= size;
}

/* Takes what the pipe holds now, at most OUTPUT_LIMIT: somebody may never stop writing.
 * False where there was nothing. */
static bool take_output(struct run *run)
{
	size_t taken = 0;
	char chunk[4096];

	while (run->output >= 0 && taken < OUTPUT_LIMIT) {
		ssize_t got = read(run->output, chunk, sizeof(chunk));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			break;
		if (got <= 0) {
			(void)close(run->output);
			run->output = -1;
			return true;
		}
		keep(run, chunk, (size_t)got);
		taken += (size_t)got;
	}
	return taken > 0;
}

/* Until there is output, or PAUSE is over: nothing tells that a child has ended. */
static void wait_for_output(const struct run *run, int64_t pause_ms)
{
	struct pollfd p = {.fd = run->output, .events = POLLIN};

	(void)poll(&p, run->output >= 0 ? 1 : 0, (int)pause_ms);
}

/* True when the program has ended, false at the deadline. */
static bool run_until(struct run *run, int64_t deadline)
{
	int64_t pause = 1;

	while (!reap(run->pid, WNOHANG, &run->exit_status)) {
		int64_t left = deadline - clock_now_ms();

		if (left <= 0)
			return false;
		wait_for_output(run, left < pause ? left : pause);
		if (take_output(run))
			pause = 1; /* the end of the output is often the program's */
		else
			pause = pause * 2 < MAX_PAUSE_MS ? pause * 2 : MAX_PAUSE_MS;
	}
	(void)take_output(run);
	return true;
}

/* A program stuck in the kernel is left to its fate after a while: we are not to hang
 * with it. */
static void end_group(struct run *run)
{
	(void)kill(-run->pid, SIGKILL);
	(void)run_until(run, clock_now_ms() + KILL_PATIENCE_MS);
}

static status run_started(struct run *run, unsigned timeout_seconds, const char *program)
{
	if (run_until(run, clock_now_ms() + (int64_t)timeout_seconds * 1000))
		return STATUS_OK;
	end_group(run);
	return status_fail(STATUS_WIN32(ERROR_SERVICE_REQUEST_TIMEOUT),
		"%s: did not end within %u seconds and was killed", program,
		timeout_seconds);
}

/* A pipe that closes on exec; only our end does not block. */
static int open_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC))
		return errno;
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK)) {
		int err = errno;

		(void)close(ends[0]);
		(void)close(ends[1]);
		return err;
	}
	return 0;
}

status process_run(char *const argv[], unsigned timeout_seconds, struct buffer *output,
	int *exit_status)
{
	struct run run = {.kept = output, .room = OUTPUT_LIMIT, .exit_status = -1};
	struct wiring w = {.fd3 = -1};
	int ends[2];
	status rc;
	int err = open_pipe(ends);

	*exit_status = -1;
	if (err)
		return status_errno(err, "%s: a pipe for its output", argv[0]);
	w.output = ends[1];
	run.output = ends[0];
	rc = spawn(argv, &w, &run.pid);
	(void)close(ends[1]);
	if (!failed(rc))
		rc = run_started(&run, timeout_seconds, argv[0]);
	if (run.output >= 0)
		(void)close(run.output);
	*exit_status = run.exit_status;
	if (!failed(rc) && output && buffer_failed(output))
		rc = status_no_memory();
	return rc;
}
