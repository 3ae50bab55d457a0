#include "sqlite_store.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BUSY_MS = 60000 };

const struct engine sqlite_engine = {.name = "sqlite", WORKER_SPOOL_OPERATIONS};

void sqlite_store_make(struct sqlite_store *store, const char *pattern)
{
	char *base = support_tmpdir();
	char *all;

	*store = (struct sqlite_store){0};
	store->dir = support_path(base, "store");
	store->spool = support_path(base, "spool");
	ck_assert_int_eq(mkdir(store->dir, 0755), 0);
	ck_assert_int_eq(mkdir(store->spool, 0700), 0);
	all = support_path(store->dir, pattern);
	ck_assert_int_eq(names_add(&store->config.databases, all), STATUS_OK);
	free(all);
	store->config.engine = strdup("sqlite");
	store->config.spool_dir = strdup(store->spool);
	ck_assert_ptr_nonnull(store->config.engine);
	ck_assert_ptr_nonnull(store->config.spool_dir);
}

void sqlite_store_free(struct sqlite_store *store)
{
	names_free(&store->config.databases);
	free(store->config.engine);
	free(store->config.spool_dir);
	free(store->dir);
	free(store->spool);
}

char *sqlite_store_path(const struct sqlite_store *store, const char *name)
{
	return support_path(store->dir, name);
}

static void make_rows(const char *path, const char *journal_mode, long rows)
{
	char sql[400];

	(void)snprintf(sql, sizeof(sql),
		"PRAGMA journal_mode = %s; CREATE TABLE t(n INTEGER PRIMARY KEY, text);"
		"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT "
		"%ld) "
		"INSERT INTO t SELECT n, hex(zeroblob(500)) FROM c",
		journal_mode, rows);
	sqlite_run(path, sql);
}

char *sqlite_make(const struct sqlite_store *store, const char *name,
	const char *journal_mode, long rows)
{
	char *path = sqlite_store_path(store, name);

	make_rows(path, journal_mode, rows);
	return path;
}

void sqlite_make_table(const char *path, const char *journal_mode)
{
	make_rows(path, journal_mode, 0);
}

static sqlite3 *open_database(const char *path)
{
	sqlite3 *db;

	ck_assert_msg(sqlite3_open(path, &db) == SQLITE_OK, "cannot open %s", path);
	ck_assert_int_eq(sqlite3_busy_timeout(db, BUSY_MS), SQLITE_OK);
	return db;
}

void sqlite_run(const char *path, const char *sql)
{
	sqlite3 *db = open_database(path);
	int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

	ck_assert_msg(rc == SQLITE_OK, "%s: %s: %s", path, sql, sqlite3_errmsg(db));
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

long sqlite_number(const char *path, const char *sql)
{
	sqlite3 *db = open_database(path);
	sqlite3_stmt *statement;
	long number;

	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK,
		"%s: %s: %s", path, sql, sqlite3_errmsg(db));
	ck_assert_msg(sqlite3_step(statement) == SQLITE_ROW, "%s: %s: %s", path, sql,
		sqlite3_errmsg(db));
	number = (long)sqlite3_column_int64(statement, 0);
	ck_assert_int_eq(sqlite3_finalize(statement), SQLITE_OK);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
	return number;
}

status sqlite_try_session(
	const struct sqlite_store *store, struct engine_session **session)
{
	const struct engine_begin how = {0};

	return sqlite_engine.begin(&sqlite_engine, &store->config, &how, session);
}

struct engine_session *sqlite_session(const struct sqlite_store *store)
{
	struct engine_session *session;
	status rc = sqlite_try_session(store, &session);

	ck_assert_msg(rc == STATUS_OK, "begin: %s", status_pending());
	ck_assert_ptr_nonnull(session);
	return session;
}

pid_t sqlite_worker(void)
{
	char path[64], *list;
	pid_t child;

	(void)snprintf(
		path, sizeof(path), "/proc/self/task/%ld/children", (long)getpid());
	list = support_read(path);
	child = (pid_t)atol(list);
	free(list);
	ck_assert_int_gt(child, 0);
	return child;
}

void sqlite_save(struct engine_session *session, const char *path, const char *copy)
{
	static char buffer[70001];
	char name[4096];
	const struct engine_file file = {.path = name};
	int fd = open(copy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint64_t size, total = 0;
	size_t got = 1;

	ck_assert_int_ge(fd, 0);
	(void)snprintf(name, sizeof(name), "%s", path);
	ck_assert_msg(sqlite_engine.open(session, &file, 0, &size) == STATUS_OK,
		"open: %s", status_pending());
	while (got) {
		ck_assert_int_eq(
			sqlite_engine.read(session, buffer, sizeof(buffer), &got),
			STATUS_OK);
		ck_assert_int_eq(write(fd, buffer, got), (ssize_t)got);
		total += got;
	}
	ck_assert_uint_eq(total, size);
	sqlite_engine.close(session);
	ck_assert_int_eq(close(fd), 0);
}

char *sqlite_copy(const struct sqlite_store *store, struct engine_session *session,
	const char *path, const char *name)
{
	char *copy = support_path(store->spool, name);

	sqlite_save(session, path, copy);
	return copy;
}

void sqlite_assert_sound(const char *path)
{
	long ok = sqlite_number(
		path, "SELECT integrity_check = 'ok' FROM pragma_integrity_check");

	ck_assert_msg(ok == 1, "%s: damaged", path);
}

void sqlite_assert_detail(const char *text)
{
	ck_assert_msg(strstr(status_pending(), text) != NULL, "%s does not mention %s",
		status_pending(), text);
}

bool sqlite_mount(const char *dir, const char *size)
{
	char options[64];

	(void)snprintf(options, sizeof(options), "size=%s", size);
	return geteuid() == 0 && mount("backupapi-test", dir, "tmpfs", 0, options) == 0;
}

void sqlite_pause(long ms)
{
	const struct timespec time = {
		.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	(void)nanosleep(&time, NULL);
}

static void write_rows(const char *const *paths, size_t count)
{
	sqlite3 *db[8];

	for (size_t i = 0; i < count; i++)
		if (sqlite3_open(paths[i], &db[i]) != SQLITE_OK ||
			sqlite3_busy_timeout(db[i], BUSY_MS) != SQLITE_OK ||
			sqlite3_exec(db[i], "PRAGMA synchronous = OFF", NULL, NULL, NULL))
			_exit(2);
	for (long n = 1;; n++) {
		char sql[200];

		(void)snprintf(sql, sizeof(sql),
			"INSERT INTO t(n, text) VALUES((SELECT ifnull(max(n), 0) + 1 "
			"FROM t), "
			"hex(randomblob(%ld)))",
			n % 300);
		for (size_t i = 0; i < count; i++)
			if (sqlite3_exec(db[i], sql, NULL, NULL, NULL) != SQLITE_OK)
				_exit(3);
	}
}

pid_t sqlite_writer(const char *const *paths, size_t count)
{
	pid_t pid;

	ck_assert_uint_le(count, 8);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		write_rows(paths, count);
	}
	return pid;
}

void stop_process(pid_t pid)
{
	int how;

	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &how, 0), pid);
	/* Not before: then it had ended by an error of its own. */
	ck_assert_msg(WIFSIGNALED(how), "process ended with status %d", WEXITSTATUS(how));
}
