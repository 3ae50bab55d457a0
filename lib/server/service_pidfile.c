/*
 * A daemon known by its pidfile.  A pid is taken only while /proc shows the configured
 * program behind it, for pids are given out again; signals go through a descriptor of the
 * process opened before that check, so that they reach the very process that was checked.
 * What /proc hides counts as an error, never as "stopped".
 */
#include "server/service_backend.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"

#define PIDFILE_LIMIT 4096
#define STAT_LIMIT    4096
#define DELETED       " (deleted)"

/* The daemon, when it lives. */
struct daemon {
	pid_t pid;  /* 0: there is none */
	int handle; /* -1: no daemon, or the system has no such handles */
	char state; /* of /proc/PID/stat */
};

/* ---- parsing ---- */

bool service_pidfile_parse(const char *text, pid_t *pid)
{
	char *end;
	long value;

	text += strspn(text, " \t");
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtol(text, &end, 10);
	end += strspn(end, " \t\r");
	if (errno || value <= 0 || value > INT_MAX || (*end != '\0' && *end != '\n'))
		return false;
	*pid = (pid_t)value;
	return true;
}

/* The program's name stands in parentheses ahead of it and may contain some itself. */
char service_pidfile_parse_stat(const char *text)
{
	const char *end = strrchr(text, ')');

	return end && end[1] == ' ' ? end[2] : '\0';
}

static status read_pid(const char *path, pid_t *pid)
{
	const char *name;
	char *text;
	size_t size;
	int dirfd;
	status rc = file_open_parent(path, FILE_TRUSTED, &dirfd, &name);

	*pid = 0;
	if (failed(rc))
		return rc;
	rc = file_read_at(dirfd, name, PIDFILE_LIMIT, &text, &size, NULL);
	(void)close(dirfd);
	if (failed(rc))
		return rc;
	if (!service_pidfile_parse(text, pid))
		rc = status_fail(STATUS_WIN32(ERROR_INVALID_DATA),
			"%s: does not begin with a process id", path);
	free(text);
	return rc;
}

/* ---- the process ---- */

/* -1 with errno ENOSYS where the system has no process handles. */
static int open_handle(pid_t pid)
{
#ifdef SYS_pidfd_open
	return (int)syscall(SYS_pidfd_open, pid, 0);
#else
	(void)pid;
	errno = ENOSYS;
	return -1;
#endif
}

static int send_signal(const struct daemon *d, int signal)
{
#ifdef SYS_pidfd_send_signal
	if (d->handle >= 0)
		return (int)syscall(SYS_pidfd_send_signal, d->handle, signal, NULL, 0);
#endif
	return kill(d->pid, signal);
}

static bool process_exists(pid_t pid)
{
	return kill(pid, 0) == 0 || errno == EPERM;
}

/* '\0' where there is no such process. */
static status read_state(pid_t pid, char *state)
{
	char path[64];
	char *text;
	size_t size;
	status rc;

	*state = '\0';
	(void)snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	rc = file_read_at(AT_FDCWD, path, STAT_LIMIT, &text, &size, NULL);
	if (failed(rc)) {
		if (!process_exists(pid))
			return STATUS_OK;
		return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"%s: the process is there, but hidden from this user", path);
	}
	*state = service_pidfile_parse_stat(text);
	free(text);
	return STATUS_OK;
}

static bool same_file(const char *link, const char *program)
{
	struct stat a, b;

	return stat(link, &a) == 0 && stat(program, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* A daemon whose program was replaced by an upgrade runs on from the deleted file. */
static bool same_path(char *target, const char *program)
{
	char resolved[PATH_MAX];
	size_t length = strlen(target), tail = strlen(DELETED);

	if (length > tail && strcmp(target + length - tail, DELETED) == 0)
		target[length - tail] = '\0';
	return strcmp(target, program) == 0 ||
	       (realpath(program, resolved) && strcmp(target, resolved) == 0);
}

/* Does PID run PROGRAM? A process that is gone, or a zombie, runs none. */
static status runs_program(pid_t pid, const char *program, bool *runs)
{
	char link[64], target[PATH_MAX];
	ssize_t length;

	*runs = false;
	(void)snprintf(link, sizeof(link), "/proc/%ld/exe", (long)pid);
	length = readlink(link, target, sizeof(target) - 1);
	if (length < 0)
		return errno == ENOENT || errno == ESRCH
			       ? STATUS_OK
			       : status_errno(errno, "%s", link);
	target[length] = '\0';
	*runs = same_file(link, program) || same_path(target, program);
	return STATUS_OK;
}

static status inspect(const struct server *server, pid_t pid, struct daemon *d)
{
	bool runs = false;
	status rc = read_state(pid, &d->state);

	if (!failed(rc) && d->state != '\0' && !strchr("ZXx", d->state))
		rc = runs_program(pid, server->service.program, &runs);
	if (!failed(rc) && runs)
		d->pid = pid;
	return rc;
}

static void close_daemon(struct daemon *d)
{
	if (d->handle >= 0)
		(void)close(d->handle);
	*d = (struct daemon){.handle = -1};
}

/* No pidfile, or none of PROGRAM's processes behind it: no daemon. */
static status find_daemon(const struct server *server, struct daemon *d)
{
	pid_t pid;
	status rc;

	*d = (struct daemon){.handle = -1};
	if (!server->service.program)
		return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
			"%s: [service] has a pidfile but no program", server->name);
	rc = read_pid(server->service.pidfile, &pid);
	if (status_is_missing(rc))
		return STATUS_OK;
	if (failed(rc))
		return rc;
	d->handle = open_handle(pid);
	if (d->handle < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return status_errno(errno, "process %ld", (long)pid);
	rc = inspect(server, pid, d);
	if (failed(rc) || d->pid == 0)
		close_daemon(d);
	return rc;
}

/* ---- the backend ---- */

static status pidfile_state(const struct server *server, enum service_state *state)
{
	struct daemon d;
	status rc = find_daemon(server, &d);

	if (failed(rc))
		return rc;
	if (d.pid == 0)
		*state = SERVICE_STOPPED;
	else
		*state = d.state == 'T' ? SERVICE_SUSPENDED : SERVICE_SERVING;
	close_daemon(&d);
	return STATUS_OK;
}

static bool pidfile_offers(const struct server *server, enum service_control control)
{
	return control != SERVICE_START || server->service.start;
}

/* A stopped process sees the SIGTERM only once it goes on. */
static int signal_daemon(const struct daemon *d, enum service_control control)
{
	switch (control) {
	case SERVICE_STOP:
		return send_signal(d, SIGTERM) || send_signal(d, SIGCONT) ? -1 : 0;
	case SERVICE_SUSPEND:
		return send_signal(d, SIGSTOP);
	case SERVICE_RESUME:
		return send_signal(d, SIGCONT);
	case SERVICE_START:
		break;
	}
	errno = EINVAL;
	return -1;
}

/* A daemon that ended meanwhile: the wait for the state decides. */
static status control_by_signal(const struct server *server, enum service_control control)
{
	struct daemon d;
	status rc = find_daemon(server, &d);

	if (failed(rc) || d.pid == 0)
		return rc;
	if (signal_daemon(&d, control) && errno != ESRCH)
		rc = status_errno(
			errno, "%s: process %ld", server->service.pidfile, (long)d.pid);
	close_daemon(&d);
	return rc;
}

static status pidfile_control(const struct server *server, enum service_control control,
	enum service_state state, struct buffer *output)
{
	const char *line = service_command_for(server, control);

	(void)state;
	return line ? service_run_line(server, line, output)
		    : control_by_signal(server, control);
}

const struct service_backend service_pidfile = {
	.state = pidfile_state,
	.offers = pidfile_offers,
	.control = pidfile_control,
};
