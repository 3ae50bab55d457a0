/* integrity_check is one step of SQLite's machine that can take minutes; only
 * sqlite3_interrupt stops it, from another thread. */
#include "engine/sqlite.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

enum { LOOK_NS = 100 * 1000 * 1000 };

struct watch {
	const struct hosted_engine *host;
	sqlite3 *db;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool done;
};

static void *watch_caller(void *context)
{
	struct watch *watch = context;

	(void)pthread_mutex_lock(&watch->lock);
	while (!watch->done) {
		struct timespec until;

		if (watch->host->caller_gone(watch->host->context))
			sqlite3_interrupt(watch->db);
		(void)clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += LOOK_NS;
		if (until.tv_nsec >= 1000000000L) {
			until.tv_nsec -= 1000000000L;
			until.tv_sec++;
		}
		(void)pthread_cond_timedwait(&watch->wake, &watch->lock, &until);
	}
	(void)pthread_mutex_unlock(&watch->lock);
	return NULL;
}

static status watch_start(struct watch *watch, const char *path)
{
	int err;

	(void)pthread_mutex_init(&watch->lock, NULL);
	(void)pthread_cond_init(&watch->wake, NULL);
	err = pthread_create(&watch->thread, NULL, watch_caller, watch);
	return err ? status_errno(err, "%s: check", path) : STATUS_OK;
}

static void watch_stop(struct watch *watch)
{
	(void)pthread_mutex_lock(&watch->lock);
	watch->done = true;
	(void)pthread_cond_signal(&watch->wake);
	(void)pthread_mutex_unlock(&watch->lock);
	(void)pthread_join(watch->thread, NULL);
	(void)pthread_cond_destroy(&watch->wake);
	(void)pthread_mutex_destroy(&watch->lock);
}

/* The first row of the check: "ok" or what is wrong. */
static status run_check(sqlite3 *db, const char *check, const char *path, int *code)
{
	sqlite3_stmt *statement = NULL;
	const char *verdict;
	status rc = STATUS_OK;

	*code = sqlite3_prepare_v2(db, check, -1, &statement, NULL);
	if (*code == SQLITE_OK)
		*code = sqlite3_step(statement);
	if (*code != SQLITE_ROW) {
		rc = sqlite_failure(db, *code, path);
		goto out;
	}
	verdict = (const char *)sqlite3_column_text(statement, 0);
	if (!verdict)
		rc = status_no_memory();
	else if (strcmp(verdict, "ok") != 0)
		rc = status_fail(hrDatabaseCorrupted, "%s: %s", path, verdict);
out:
	(void)sqlite3_finalize(statement);
	return rc;
}

static int any_order(void *context, int a_size, const void *a, int b_size, const void *b)
{
	int order = memcmp(a, b, (size_t)(a_size < b_size ? a_size : b_size));

	(void)context;
	return order ? order : a_size - b_size;
}

static void stand_in(void *context, sqlite3 *db, int encoding, const char *name)
{
	(void)context;
	(void)sqlite3_create_collation(db, name, encoding, NULL, any_order);
}

/* A schema may use functions and collations that only its application has. Then what does
 * not depend on them is checked: all of the tables, but not the order of such indexes. */
static status check_connection(sqlite3 *db, const char *path)
{
	int code;
	status rc = run_check(db, "PRAGMA integrity_check(1)", path, &code);

	if ((code & 0xff) != SQLITE_ERROR)
		return rc;
	code = sqlite3_collation_needed(db, NULL, stand_in);
	if (code == SQLITE_OK)
		code = sqlite3_exec(
			db, "PRAGMA ignore_check_constraints = ON", NULL, NULL, NULL);
	if (code != SQLITE_OK)
		return sqlite_failure(db, code, path);
	return run_check(db, "PRAGMA quick_check(1)", path, &code);
}

status sqlite_check(const struct hosted_engine *host, const char *path)
{
	struct watch watch = {.host = host};
	status rc = sqlite_open_resting(path, &watch.db);

	if (!failed(rc))
		rc = watch_start(&watch, path);
	if (!failed(rc)) {
		rc = check_connection(watch.db, path);
		watch_stop(&watch);
	}
	(void)sqlite3_close(watch.db);
	return rc;
}
