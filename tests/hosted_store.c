#include "hosted_store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool caller_gone(void *context)
{
	struct hosted_store *store = context;

	if (store->looks_left > 1)
		store->looks_left--;
	return store->looks_left == 1;
}

void hosted_make(
	struct hosted_store *store, const struct engine *engine, const char *name)
{
	char *base = support_tmpdir();
	char *database;

	*store = (struct hosted_store){.spool = {.fd = -1}};
	store->dir = support_path(base, "store");
	store->spool_dir = support_path(base, "spool");
	ck_assert_int_eq(mkdir(store->dir, 0755), 0);
	ck_assert_int_eq(mkdir(store->spool_dir, 0700), 0);
	database = *name ? support_path(store->dir, name) : strdup(store->dir);
	ck_assert_int_eq(names_take(&store->config.databases, database), STATUS_OK);
	store->config.spool_dir = strdup(store->spool_dir);
	ck_assert_ptr_nonnull(store->config.spool_dir);
	store->host.engine = *engine;
	store->host.caller_gone = caller_gone;
	store->host.context = store;
	store->host.spool = &store->spool;
}

void hosted_free(struct hosted_store *store)
{
	names_free(&store->config.databases);
	free(store->config.spool_dir);
	free(store->dir);
	free(store->spool_dir);
}

char *hosted_path(const struct hosted_store *store, const char *name)
{
	return support_path(store->dir, name);
}

static status try_begin(struct hosted_store *store, struct engine_session **session)
{
	const struct engine_begin how = {0};
	status rc;

	ck_assert_int_eq(spool_create(store->spool_dir, &store->spool), STATUS_OK);
	rc = store->host.engine.begin(&store->host.engine, &store->config, &how, session);
	if (failed(rc)) {
		ck_assert_ptr_null(*session);
		spool_free(&store->spool);
		return rc;
	}
	/* As the caller's side of the worker wants it. */
	for (size_t i = 1; i < store->spool.count; i++)
		ck_assert_str_lt(
			store->spool.entries[i - 1].path, store->spool.entries[i].path);
	spool_seal(&store->spool);
	return rc;
}

struct engine_session *hosted_begin(struct hosted_store *store)
{
	struct engine_session *session;
	status rc = try_begin(store, &session);

	ck_assert_msg(rc == STATUS_OK, "begin: %s", status_pending());
	ck_assert_ptr_nonnull(session);
	return session;
}

status hosted_begin_fails(struct hosted_store *store)
{
	struct engine_session *session;
	status rc = try_begin(store, &session);

	ck_assert(failed(rc));
	return rc;
}

void hosted_end(struct hosted_store *store, struct engine_session *session)
{
	store->host.engine.end(session);
	spool_free(&store->spool);
}

void hosted_read(struct hosted_store *store, const char *path, const char *copy)
{
	static char buffer[100000];
	uint64_t size, total = 0;
	size_t got;
	int fd = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	ck_assert_msg(fd >= 0, "%s: %s", copy, strerror(errno));
	ck_assert_msg(spool_open(&store->spool, path, &size) == STATUS_OK, "%s",
		status_pending());
	do {
		ck_assert_int_eq(spool_read(&store->spool, buffer, sizeof(buffer), &got),
			STATUS_OK);
		ck_assert_int_eq(write(fd, buffer, got), (ssize_t)got);
		total += got;
	} while (got);
	ck_assert_uint_eq(total, size);
	ck_assert_int_eq(close(fd), 0);
}

void hosted_save(struct hosted_store *store, const char *path, const char *copy)
{
	struct engine_session *session = hosted_begin(store);

	hosted_read(store, path, copy);
	hosted_end(store, session);
}

status hosted_verify(struct hosted_store *store, const char *path)
{
	return store->host.engine.verify(&store->host.engine, path);
}

void hosted_assert_detail(const char *text)
{
	ck_assert_msg(strstr(status_pending(), text) != NULL,
		"\"%s\" does not mention %s", status_pending(), text);
}

pid_t hosted_start(void (*work)(void *context), void *context)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
			_exit(1);
		work(context);
		_exit(0);
	}
	return pid;
}

void hosted_stop(pid_t pid)
{
	int how;

	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &how, 0), pid);
	ck_assert_msg(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL,
		"the other process had ended by itself");
}

void hosted_pause(long ms)
{
	const struct timespec pause = {
		.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	(void)nanosleep(&pause, NULL);
}
