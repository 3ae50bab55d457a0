/* backupapi-worker: joins a live database on behalf of a backup program, as the owner of
 * its files, so that neither that program's rights nor its death do the store any harm.
 * The library starts it; there is nothing to be gained by starting it by hand. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/protocol.h"
#include "serve.h"

enum { EXIT_USAGE = 2 };

static bool is_socket(int fd)
{
	int type;
	socklen_t size = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
	       type == SOCK_STREAM;
}

/* What passes through this process is the content of somebody's database. */
static int leave_no_core(void)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return -1;
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* A store may be hundreds of databases, all of them open at one moment. */
static int allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -1;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit);
}

/* A write that fails says so itself: a closed socket, a file-size limit. What ends the
 * caller, or all processes of a service at once, must not end this one amid a live
 * environment: the caller's end is seen on the socket, and all is given back in order. */
static int ignore_signals(void)
{
	static const int ignored[] = {SIGPIPE, SIGXFSZ, SIGTERM, SIGINT, SIGHUP, SIGQUIT};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		if (signal(ignored[i], SIG_IGN) == SIG_ERR)
			return -1;
	return 0;
}

int main(void)
{
	if (!is_socket(PROTOCOL_SOCKET)) {
		(void)fputs("backupapi-worker: started by libbackupapi, not by hand\n",
			stderr);
		return EXIT_USAGE;
	}
	if (ignore_signals() < 0 || leave_no_core() < 0 || allow_many_files() < 0 ||
		chdir("/") < 0) {
		perror("backupapi-worker");
		return EXIT_FAILURE;
	}
	/* Engines create files beside the store's own with those files' modes. */
	(void)umask(0);
	return failed(serve(PROTOCOL_SOCKET)) ? EXIT_FAILURE : EXIT_SUCCESS;
}
