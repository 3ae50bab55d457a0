/* LMDB writes the compact copy itself, to a descriptor: a pipe, whose other end this
 * thread writes to the spool, with an eye on the caller. */
#include "engine/mdb_env.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/mdb_check.h"

enum { PORTION = 1 << 20, LOOK_MS = 100 };

struct copier {
	MDB_env *env;
	int pipe; /* its end, closed once all is written */
	int code;
};

static void *copy(void *context)
{
	struct copier *copier = context;

	copier->code = mdb_env_copyfd2(copier->env, copier->pipe, MDB_CP_COMPACT);
	(void)close(copier->pipe);
	return NULL;
}

/* More to read, or the end; ERROR_CANCELLED once the caller is gone. */
static status wait_for_data(
	const struct hosted_engine *host, const struct lmdb_frozen *frozen, int pipe)
{
	struct pollfd poller = {.fd = pipe, .events = POLLIN};
	int ready;

	do {
		if (host->caller_gone(host->context))
			return status_fail(STATUS_WIN32(ERROR_CANCELLED),
				"%s: the caller is gone", frozen->path);
		ready = poll(&poller, 1, LOOK_MS);
	} while (ready == 0 || (ready < 0 && errno == EINTR));
	return ready < 0 ? status_errno(errno, "%s: pipe", frozen->path) : STATUS_OK;
}

static status drain(const struct hosted_engine *host, const char *spool_dir,
	struct lmdb_frozen *frozen, int pipe)
{
	char *buffer = malloc(PORTION);
	status rc = buffer ? STATUS_OK : status_no_memory();

	while (!failed(rc)) {
		ssize_t got;

		rc = wait_for_data(host, frozen, pipe);
		if (failed(rc))
			break;
		got = read(pipe, buffer, PORTION);
		if (got == 0)
			break;
		if (got > 0) {
			rc = file_write_all(
				host->spool->fd, buffer, (size_t)got, spool_dir);
			frozen->size += (uint64_t)got;
		} else if (errno != EINTR) {
			rc = status_errno(errno, "%s: pipe", frozen->path);
		}
	}
	free(buffer);
	return rc;
}

static status start(
	struct copier *copier, pthread_t *thread, int ends[2], const char *path)
{
	int err;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return status_errno(errno, "%s: pipe", path);
	(void)fcntl(ends[1], F_SETPIPE_SZ, PORTION); /* only for speed */
	copier->pipe = ends[1];
	err = pthread_create(thread, NULL, copy, copier);
	if (!err)
		return STATUS_OK;
	(void)close(ends[0]);
	(void)close(ends[1]);
	return status_errno(err, "%s: copy", path);
}

static status copy_through_pipe(const struct hosted_engine *host, const char *spool_dir,
	struct lmdb_frozen *frozen)
{
	struct copier copier = {.env = frozen->env};
	pthread_t thread;
	int ends[2];
	status rc;

	if (lseek(host->spool->fd, (off_t)host->spool->end, SEEK_SET) < 0)
		return status_errno(errno, "%s: spool", spool_dir);
	rc = start(&copier, &thread, ends, frozen->path);
	if (failed(rc))
		return rc;
	rc = drain(host, spool_dir, frozen, ends[0]);
	(void)close(ends[0]); /* what ends a copy that is given up */
	(void)pthread_join(thread, NULL);
	if (!failed(rc) && copier.code)
		rc = lmdb_failure(copier.code, frozen->path);
	return rc;
}

/* LMDB follows page numbers without a look at them: what is damaged must be found first. */
status lmdb_compact(const struct hosted_engine *host, const char *spool_dir,
	struct lmdb_frozen *frozen)
{
	status rc = lmdb_check_state(host, frozen->path, frozen->fd, &frozen->meta);

	frozen->size = 0;
	return failed(rc) ? rc : copy_through_pipe(host, spool_dir, frozen);
}
