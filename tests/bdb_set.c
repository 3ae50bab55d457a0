/* Backups of such an environment, as the worker makes them, and their recovery. */
#include "bdb_store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/bdb_caller.h"
#include "engine/bdb_names.h"

/* ---- the engine ---- */

static bool never_gone(void *context)
{
	(void)context;
	return false;
}

struct hosted_engine bdb_host = {.streaming = &bdb_streaming, .caller_gone = never_gone};

status bdb_try_session(
	const struct bdb_store *store, uint32_t from, struct engine_session **session)
{
	const struct engine_begin how = {
		.incremental = from > 0, .first_generation = from};

	bdb_host.engine = bdb_hosted_engine;
	return bdb_host.engine.begin(&bdb_host.engine, &store->config, &how, session);
}

struct engine_session *bdb_session(const struct bdb_store *store, uint32_t from)
{
	struct engine_session *session;
	status rc = bdb_try_session(store, from, &session);

	ck_assert_msg(rc == STATUS_OK, "begin: %s", status_pending());
	return session;
}

/* ---- saving ---- */

static void make_parents(const char *path)
{
	char *copy = strdup(path);

	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		ck_assert_msg(mkdir(copy, 0700) == 0 || errno == EEXIST, "%s", copy);
		*slash = '/';
	}
	free(copy);
}

struct reader {
	int from, to;
	uint64_t size;
};

static void *read_on(void *argument)
{
	static char buffer[100001];
	struct reader *reader = argument;
	ssize_t n;

	while ((n = read(reader->from, buffer, sizeof(buffer))) > 0) {
		if (write(reader->to, buffer, (size_t)n) != n)
			break;
		reader->size += (uint64_t)n;
	}
	return NULL;
}

static status save_stream(struct engine_session *session, int to, uint64_t *size)
{
	struct reader reader = {.to = to};
	pthread_t thread;
	int ends[2];
	status rc;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	reader.from = ends[0];
	ck_assert_int_eq(pthread_create(&thread, NULL, read_on, &reader), 0);
	rc = bdb_streaming.stream(session, ends[1]);
	(void)close(ends[1]);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	(void)close(ends[0]);
	*size = reader.size;
	return rc;
}

static void save_descriptor(int from, int to, uint64_t size)
{
	static char buffer[65536];

	for (uint64_t at = 0; at < size;) {
		const uint64_t left = size - at;
		ssize_t n = pread(from, buffer,
			left < sizeof(buffer) ? (size_t)left : sizeof(buffer), (off_t)at);

		ck_assert_int_gt(n, 0);
		ck_assert_int_eq(write(to, buffer, (size_t)n), n);
		at += (uint64_t)n;
	}
}

status bdb_save_file(
	struct engine_session *session, const struct engine_file *file, const char *path)
{
	uint64_t size, got;
	int to, from;
	status rc = bdb_host.engine.open(session, file, 0, &size);

	if (failed(rc))
		return rc;
	to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_msg(to >= 0, "%s", path);
	got = size;
	from = bdb_streaming.descriptor(session);
	if (from >= 0)
		save_descriptor(from, to, size);
	else
		rc = save_stream(session, to, &got);
	if (!failed(rc))
		ck_assert_uint_eq(got, size);
	bdb_host.engine.close(session);
	ck_assert_int_eq(close(to), 0);
	return rc;
}

static void save_list(const struct bdb_store *store, struct engine_session *session,
	const struct engine_files *files, const char *target)
{
	for (size_t i = 0; i < files->count; i++) {
		const struct engine_file *file = &files->items[i];
		char path[8192];
		status rc;

		(void)snprintf(path, sizeof(path), "%s/%s", target,
			file->kind == ENGINE_LOG ? strrchr(file->path, '/') + 1
						 : file->path + strlen(store->data) + 1);
		make_parents(path);
		rc = bdb_save_file(session, file, path);
		ck_assert_msg(rc == STATUS_OK, "%s: %s", file->path, status_pending());
	}
}

void bdb_save(
	const struct bdb_store *store, struct engine_session *session, const char *target)
{
	struct engine_files files = {0}, logs = {0};
	char *dir = support_path(target, "logs");

	ck_assert_msg(bdb_host.engine.databases(session, &files) == STATUS_OK,
		"databases: %s", status_pending());
	save_list(store, session, &files, target);
	ck_assert_msg(bdb_host.engine.logs(session, &logs) == STATUS_OK, "logs: %s",
		status_pending());
	ck_assert_uint_gt(logs.count, 0);
	save_list(store, session, &logs, dir);
	engine_files_free(&files);
	engine_files_free(&logs);
	free(dir);
}

char *bdb_backup(const struct bdb_store *store, uint32_t from, const char *name)
{
	struct engine_session *session = bdb_session(store, from);
	char *target = bdb_make_dir(store->base, name);

	bdb_save(store, session, target);
	bdb_host.engine.end(session);
	return target;
}

/* ---- restoring ---- */

static void copy_tree(const char *from, const char *to)
{
	char command[9000];

	(void)snprintf(command, sizeof(command),
		"mkdir -p '%s' && cd '%s' && cp -R --parents $(find . -path ./logs "
		"-prune -o "
		"-type f -print) '%s' 2>/dev/null || [ -z \"$(find . -path ./logs -prune "
		"-o "
		"-type f -print)\" ]",
		to, from, to);
	ck_assert_int_eq(system(command), 0);
}

/* The longest copy of each log, under its name. */
static void place_logs(const struct engine_logs *logs, const char *home)
{
	for (size_t i = 0; i < logs->count; i++) {
		char *name = bdb_log_name(logs->items[i].generation);
		char *path = support_path(home, name), command[9000];

		(void)snprintf(command, sizeof(command), "cp '%s' '%s'",
			logs->items[i].path, path);
		ck_assert_int_eq(system(command), 0);
		free(name);
		free(path);
	}
}

status bdb_restore(const char *const *sets, size_t count, const char *home)
{
	struct engine_logs logs = {0};
	struct store_config store = {0};
	struct engine_recovery recovery = {.home = home, .log_dir = home};
	struct names databases = {0};
	status rc;

	for (size_t i = 0; i < count; i++) {
		char *dir = support_path(sets[i], "logs");

		copy_tree(sets[i], home);
		ck_assert_int_eq(bdb_find_logs(NULL, dir, &logs), STATUS_OK);
		free(dir);
	}
	engine_logs_sort(&logs);
	ck_assert_uint_gt(logs.count, 0);
	place_logs(&logs, home);
	recovery.low = logs.items[0].generation;
	recovery.high = logs.items[logs.count - 1].generation;
	recovery.databases = &databases;
	bdb_host.engine = bdb_hosted_engine;
	rc = bdb_host.engine.recover(&bdb_host.engine, &store, &recovery);
	engine_logs_free(&logs);
	return rc;
}

/* ---- looking ---- */

static uint32_t end_log(const char *dir, bool highest)
{
	struct engine_logs logs = {0};
	uint32_t generation = 0;

	ck_assert_int_eq(bdb_find_logs(NULL, dir, &logs), STATUS_OK);
	if (logs.count)
		generation = logs.items[highest ? logs.count - 1 : 0].generation;
	engine_logs_free(&logs);
	return generation;
}

uint32_t bdb_lowest_log(const char *dir)
{
	return end_log(dir, false);
}

uint32_t bdb_highest_log(const char *dir)
{
	return end_log(dir, true);
}
