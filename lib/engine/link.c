/* The end of the socket is the one sign to end that both sides can rely on. So nobody
 * else may hold a copy of it: a forked child closes the sockets it inherits, and the list
 * of them is locked across fork. */
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

#include "base/process.h"
#include "base/trace.h"

#define PROGRAM_NAME "backupapi-worker"

enum { END_SECONDS = 10, MILLISECONDS = 1000 };

struct link {
	struct link *next, **where;
	char *program;
	int socket;
	int worker_socket; /* the other end, until the worker has it */
	pid_t pid;         /* 0: none, or reaped */
};

static pthread_mutex_t links_lock = PTHREAD_MUTEX_INITIALIZER;
static struct link *links;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static int fork_error;

static void close_end(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void before_fork(void)
{
	(void)pthread_mutex_lock(&links_lock);
}

static void after_fork_parent(void)
{
	(void)pthread_mutex_unlock(&links_lock);
}

static void after_fork_child(void)
{
	for (struct link *l = links; l; l = l->next) {
		close_end(&l->socket);
		close_end(&l->worker_socket);
		l->pid = 0;
	}
	(void)pthread_mutex_unlock(&links_lock);
}

static void watch_forks(void)
{
	fork_error = pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

static status connect_ends(struct link *link)
{
	int ends[2], err = 0;

	(void)pthread_once(&fork_once, watch_forks);
	if (fork_error)
		return status_errno(fork_error, "%s", link->program);
	(void)pthread_mutex_lock(&links_lock);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		err = errno;
	} else {
		link->socket = ends[0];
		link->worker_socket = ends[1];
		link->next = links;
		link->where = &links;
		if (links)
			links->where = &link->next;
		links = link;
	}
	(void)pthread_mutex_unlock(&links_lock);
	return err ? status_errno(err, "%s: socket", link->program) : STATUS_OK;
}

static void close_socket(int *fd)
{
	(void)pthread_mutex_lock(&links_lock);
	close_end(fd);
	(void)pthread_mutex_unlock(&links_lock);
}

static void link_free(struct link *link)
{
	(void)pthread_mutex_lock(&links_lock);
	if (link->where) {
		*link->where = link->next;
		if (link->next)
			link->next->where = link->where;
	}
	close_end(&link->socket);
	close_end(&link->worker_socket);
	(void)pthread_mutex_unlock(&links_lock);
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
	if (setsockopt(link->socket, SOL_SOCKET, SO_RCVTIMEO, &stall, sizeof(stall)) <
			0 ||
		setsockopt(link->socket, SOL_SOCKET, SO_SNDTIMEO, &stall, sizeof(stall)) <
			0)
		return status_errno(errno, "%s: socket", link->program);
	rc = process_start(argv, link->worker_socket, &link->pid);
	if (failed(rc))
		link->pid = 0;
	close_socket(&link->worker_socket);
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
	if (!ends_within(pid, END_SECONDS)) {
		trace(TRACE_ERROR, "%s: process %ld does not end, killing it",
			link->program, (long)pid);
		*killed = true;
		if (kill(pid, SIGKILL) < 0 || !ends_within(pid, END_SECONDS))
			return -1;
	}
	if (failed(process_wait(pid, &exit_status)))
		return -1;
	return exit_status;
}

static void hang_up(struct link *link)
{
	/* Also where a copy of the socket survives somewhere, this ends the stream. */
	if (link->socket >= 0)
		(void)shutdown(link->socket, SHUT_RDWR);
	close_socket(&link->socket);
}

/* The connection is of no use any more, REASON says why: ends the worker, and tells. */
static status give_up(struct link *link, const char *reason)
{
	pid_t pid = link->pid;
	bool killed;
	int exit_status;

	hang_up(link);
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
	for (char *c = result->detail; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
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
	rc = protocol_send(link->socket, MESSAGE_HELLO, &body, spool_fd);
	buffer_free(&body);
	if (!failed(rc))
		rc = protocol_receive(link->socket, PROTOCOL_STALL_SECONDS * MILLISECONDS,
			&message, &ended);
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
	l->socket = l->worker_socket = -1;
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
	status (*accept)(void *context, const struct spool_entry *entry), void *context,
	bool *done)
{
	struct message message;
	struct result result = {0};
	bool ended;
	status rc = protocol_receive(link->socket, -1, &message, &ended);

	if (failed(rc))
		goto out;
	if (message.type == MESSAGE_INDEX && accept) {
		rc = protocol_get_index(&message, accept, context);
	} else if (message.type == MESSAGE_RESULT) {
		rc = protocol_get_result(&message, &result);
		*done = !failed(rc);
		if (*done)
			rc = pass_on(&result);
		free(result.detail);
	} else {
		rc = status_fail(
			hrCommunicationError, "store worker: an unexpected message");
	}
out:
	message_free(&message);
	return rc;
}

status link_call(struct link *link, enum message_type type, const struct buffer *request,
	status (*accept)(void *context, const struct spool_entry *entry), void *context)
{
	bool done = false;
	status rc;

	if (link->socket < 0)
		return give_up(link, "gone");
	rc = protocol_send(link->socket, type, request, -1);
	if (rc == STATUS_WIN32(ERROR_INVALID_PARAMETER))
		return rc; /* nothing was sent */
	while (!failed(rc) && !done)
		rc = take_answer(link, accept, context, &done);
	return failed(rc) && !done ? broken(link, rc) : rc;
}

void link_end(struct link *link)
{
	struct pollfd poller;
	bool killed;

	if (!link)
		return;
	if (link->socket >= 0 && link->pid) {
		poller = (struct pollfd){.fd = link->socket};
		(void)shutdown(link->socket, SHUT_WR);
		/* POLLHUP, at the very moment in which the worker closes its end. */
		(void)poll(&poller, 1, END_SECONDS * MILLISECONDS);
	}
	hang_up(link);
	(void)reap(link, &killed);
	link_free(link);
}
