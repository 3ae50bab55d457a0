/* The end of the socket is the one sign to end that both sides can rely on. So nobody
 * else may hold a copy of it, a forked child least of all (fork_close.h). */
#include "engine/link.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fork_close.h"
#include "base/process.h"
#include "base/text.h"
#include "base/trace.h"

#define PROGRAM_NAME "backupapi-worker"

/* How long a worker may take to end before it is killed. */
#ifndef LINK_END_SECONDS
#define LINK_END_SECONDS 10
#endif

enum { MILLISECONDS = 1000 };

struct link {
	char *program;
	struct fork_close socket;
	struct fork_close worker_socket; /* the other end, until the worker has it */
	pid_t pid;                       /* 0: none, or reaped */
	bool spared;                     /* see link_spare */
};

static status connect_ends(struct link *link)
{
	int err = fork_close_socketpair(&link->socket, &link->worker_socket);

	return err ? status_errno(err, "%s: socket", link->program) : STATUS_OK;
}

static void link_free(struct link *link)
{
	fork_close_end(&link->socket);
	fork_close_end(&link->worker_socket);
	free(link->program);
	free(link);
}

/* ---- the process ---- */

/* Where the program is: absolute, whatever the caller's directory is. */
static status find_program(char **program)
{
	const char *dir = secure_getenv("BACKUPAPI_LIBEXECDIR");

	*program = NULL;
	if (!dir || !*dir)
		dir = BACKUPAPI_LIBEXECDIR;
	if (*dir != '/')
		return status_fail(STATUS_WIN32(ERROR_BAD_CONFIGURATION),
			"%s: BACKUPAPI_LIBEXECDIR must be an absolute path", dir);
	if (asprintf(program, "%s/" PROGRAM_NAME, dir) < 0) {
		*program = NULL;
		return status_no_memory();
	}
	if (access(*program, X_OK) < 0)
		return status_errno(
			errno, "%s: the store worker cannot be started", *program);
	return STATUS_OK;
}

static status start_process(struct link *link)
{
	char *argv[] = {link->program, NULL};
	const struct timeval stall = {.tv_sec = PROTOCOL_STALL_SECONDS};
	status rc;

	/* Only within messages: waiting for one to begin is poll's. */
	if (setsockopt(link->socket.fd, SOL_SOCKET, SO_RCVTIMEO, &stall, sizeof(stall)) <
			0 ||
		setsockopt(link->socket.fd, SOL_SOCKET, SO_SNDTIMEO, &stall,
			sizeof(stall)) < 0)
		return status_errno(errno, "%s: socket", link->program);
	rc = process_start(argv, link->worker_socket.fd, &link->pid);
	if (failed(rc))
		link->pid = 0;
	fork_close_end(&link->worker_socket);
	return rc;
}

/* Has the process ended (or was it reaped by somebody else)? It is left to be reaped. */
static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0
		       ? errno != EINTR
		       : info.si_pid == pid;
}

static bool ends_within(pid_t pid, unsigned seconds)
{
	struct timespec pause = {.tv_nsec = 500000};
	unsigned long long left = seconds * 1000000000ull;

	while (!has_ended(pid)) {
		if (left < (unsigned long long)pause.tv_nsec)
			return false;
		left -= (unsigned long long)pause.tv_nsec;
		(void)nanosleep(&pause, NULL);
		if (pause.tv_nsec < 20000000)
			pause.tv_nsec *= 2;
	}
	return true;
}

/* Workers that were left to end by themselves; one that finds no place here is reaped by
 * whoever inherits it. Nobody waits for the lock: in a forked child it may be held for
 * ever. */
static pid_t left[64];
static pthread_mutex_t left_lock = PTHREAD_MUTEX_INITIALIZER;

static void leave_behind(pid_t pid)
{
	if (pthread_mutex_trylock(&left_lock) != 0)
		return;
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		if (left[i] == 0) {
			left[i] = pid;
			break;
		}
	}
	(void)pthread_mutex_unlock(&left_lock);
}

/* Only those of this process: a forked child's are ECHILD, and forgotten. */
static void reap_left(void)
{
	if (pthread_mutex_trylock(&left_lock) != 0)
		return;
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		if (left[i] != 0 && waitpid(left[i], NULL, WNOHANG) != 0)
			left[i] = 0;
	(void)pthread_mutex_unlock(&left_lock);
}

/* After the socket was closed: 0 or what process_wait tells, -1 where nothing is known.
 */
static int reap(struct link *link, bool *killed)
{
	int exit_status = -1;
	pid_t pid = link->pid;

	*killed = false;
	link->pid = 0;
	if (pid == 0)
		return -1;
	if (!ends_within(pid, LINK_END_SECONDS)) {
		if (link->spared) {
			trace(TRACE_ERROR,
				"%s: process %ld does not end; it is left to end by "
				"itself",
				link->program, (long)pid);
			leave_behind(pid);
			return -1;
		}
		trace(TRACE_ERROR, "%s: process %ld does not end, killing it",
			link->program, (long)pid);
		*killed = true;
		if (kill(pid, SIGKILL) < 0 || !ends_within(pid, LINK_END_SECONDS))
			return -1;
	}
	if (failed(process_wait(pid, &exit_status)))
		return -1;
	return exit_status;
}

/* Without a socket there is no worker either: it was ended before, or is the business of
 * the process that this one was forked from. */
static void hang_up(struct link *link)
{
	if (link->socket.fd < 0)
		link->pid = 0;
	else /* also where a copy of the socket survives somewhere, this ends the stream */
		(void)shutdown(link->socket.fd, SHUT_RDWR);
	fork_close_end(&link->socket);
}

/* The connection is of no use any more, REASON says why: ends the worker, and tells. */
static status give_up(struct link *link, const char *reason)
{
	bool killed;
	int exit_status;
	pid_t pid;

	hang_up(link);
	pid = link->pid;
	exit_status = reap(link, &killed);
	if (pid == 0)
		return status_fail(
			hrCommunicationError, "%s: not running any more", link->program);
	if (killed || exit_status < 0)
		return status_fail(hrCommunicationError, "%s (process %ld): %s",
			link->program, (long)pid, reason);
	if (exit_status > 128)
		return status_fail(hrCommunicationError,
			"%s (process %ld): %s; it was ended by signal %d (%s)",
			link->program, (long)pid, reason, exit_status - 128,
			sigdescr_np(exit_status - 128) ? sigdescr_np(exit_status - 128)
						       : "?");
	return status_fail(hrCommunicationError,
		"%s (process %ld): %s; its exit status was %d", link->program, (long)pid,
		reason, exit_status);
}

/* The reason that is pending, told together with the worker's end. Memory that ran short
 * on this side is not the worker's fault. */
static status broken(struct link *link, status rc)
{
	char *reason;

	if (rc == STATUS_WIN32(ERROR_NOT_ENOUGH_MEMORY)) {
		(void)give_up(link, "out of memory");
		return status_no_memory();
	}
	reason = strdup(status_pending());
	rc = give_up(link, reason ? reason : "the connection broke");
	free(reason);
	return rc;
}

/* ---- the talk ---- */

/* What the worker says goes to terminals and logs. */
static status pass_on(const struct result *result)
{
	if (!failed(result->code))
		return STATUS_OK;
	text_keep_to_one_line(result->detail);
	return status_fail(result->code, "%s", result->detail);
}

static status check_welcome(struct link *link, const struct message *message)
{
	struct welcome welcome = {0};
	status rc = STATUS_OK;

	if (message->type != MESSAGE_WELCOME)
		rc = status_fail(hrCommunicationError, "store worker: no welcome");
	else
		rc = protocol_get_welcome(message, &welcome);
	if (failed(rc))
		rc = broken(link, rc);
	else if (welcome.protocol != PROTOCOL_VERSION ||
		 strcmp(welcome.version, BACKUPAPI_VERSION) != 0)
		rc = status_fail(hrCommunicationError,
			"%s: is of version %.40s (protocol %u), this library of %s "
			"(protocol %u)",
			link->program, welcome.version, welcome.protocol,
			BACKUPAPI_VERSION, PROTOCOL_VERSION);
	else
		rc = pass_on(&welcome.result);
	welcome_free(&welcome);
	return rc;
}

static status greet(struct link *link, struct hello *hello, int spool_fd)
{
	struct message message = {.fd = -1};
	struct buffer body = {0};
	bool ended;
	status rc;

	protocol_put_hello(&body, hello);
	rc = protocol_send(link->socket.fd, MESSAGE_HELLO, &body, spool_fd);
	buffer_free(&body);
	if (!failed(rc))
		rc = protocol_receive(link->socket.fd,
			PROTOCOL_STALL_SECONDS * MILLISECONDS, &message, &ended);
	rc = failed(rc) ? broken(link, rc) : check_welcome(link, &message);
	message_free(&message);
	return rc;
}

status link_start(struct hello *hello, int spool_fd, struct link **link)
{
	char version[] = BACKUPAPI_VERSION;
	struct link *l = calloc(1, sizeof(*l));
	status rc;

	*link = NULL;
	if (!l)
		return status_no_memory();
	reap_left();
	l->socket = l->worker_socket = FORK_CLOSE_NONE;
	rc = find_program(&l->program);
	if (!failed(rc))
		rc = connect_ends(l);
	if (!failed(rc))
		rc = start_process(l);
	if (!failed(rc)) {
		hello->protocol = PROTOCOL_VERSION;
		hello->version = version;
		rc = greet(l, hello, spool_fd);
		hello->version = NULL;
	}
	if (failed(rc))
		link_end(l);
	else
		*link = l;
	return rc;
}

/* One answer. *DONE once it was the result, whose failure is returned as RC while the
 * connection stays good; else a failure means that it is broken. */
static status take_answer(struct link *link,
	status (*accept)(void *context, const struct message *message), void *context,
	bool *done)
{
	struct message message;
	struct result result = {0};
	bool ended;
	status rc = protocol_receive(link->socket.fd, -1, &message, &ended);

	if (failed(rc))
		goto out;
	if (message.type == MESSAGE_RESULT) {
		rc = protocol_get_result(&message, &result);
		*done = !failed(rc);
		if (*done)
			rc = pass_on(&result);
		free(result.detail);
	} else {
		rc = accept ? accept(context, &message) : protocol_unexpected();
	}
out:
	message_free(&message);
	return rc;
}

status link_call(struct link *link, enum message_type type, const struct buffer *request,
	status (*accept)(void *context, const struct message *message), void *context)
{
	bool done = false;
	status rc;

	if (link->socket.fd < 0)
		return give_up(link, "gone");
	rc = protocol_send(link->socket.fd, type, request, -1);
	if (rc == STATUS_WIN32(ERROR_INVALID_PARAMETER))
		return rc; /* nothing was sent */
	while (!failed(rc) && !done)
		rc = take_answer(link, accept, context, &done);
	return failed(rc) && !done ? broken(link, rc) : rc;
}

void link_spare(struct link *link)
{
	link->spared = true;
}

void link_end(struct link *link)
{
	struct pollfd poller;
	bool killed;

	if (!link)
		return;
	if (link->socket.fd >= 0 && link->pid) {
		poller = (struct pollfd){.fd = link->socket.fd};
		(void)shutdown(link->socket.fd, SHUT_WR);
		/* POLLHUP, at the very moment in which the worker closes its end. */
		(void)poll(&poller, 1, LINK_END_SECONDS * MILLISECONDS);
	}
	hang_up(link);
	(void)reap(link, &killed);
	link_free(link);
}
