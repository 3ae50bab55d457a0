/* One moment for several databases: the write locks of all of them are taken first, then
 * a read transaction begins on each, and only then are the locks released. Nobody can
 * have committed anywhere in between, and writers wait no longer than that. */
#include "engine/sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/clock.h"

enum {
	BUSY_MS = 15000,  /* a database that stays locked this long is given up */
	HOLDING_MS = 500, /* the longest wait while others are locked */
	PAUSE_MIN_US = 200,
	PAUSE_MAX_US = 2000,
};

struct waiting {
	const struct hosted_engine *host;
	int64_t deadline; /* of all */
	int64_t patience; /* of the lock that is waited for now */
	unsigned seed;
};

/* Random pauses: a writer that commits without pause leaves only small gaps, and a
 * steady rhythm might miss them all. */
static void pause_briefly(struct waiting *waiting)
{
	unsigned spread =
		(unsigned)rand_r(&waiting->seed) % (PAUSE_MAX_US - PAUSE_MIN_US);
	struct timespec pause = {.tv_nsec = (PAUSE_MIN_US + (long)spread) * 1000};

	(void)nanosleep(&pause, NULL);
}

static int wait_for_lock(void *context, int tries)
{
	struct waiting *waiting = context;

	(void)tries;
	if (clock_now_ms() >= waiting->patience ||
		waiting->host->caller_gone(waiting->host->context))
		return 0;
	pause_briefly(waiting);
	return 1;
}

status sqlite_failure(sqlite3 *db, int code, const char *path)
{
	const char *text = db ? sqlite3_errmsg(db) : sqlite3_errstr(code);
	int err = db ? sqlite3_system_errno(db) : 0;

	switch (code & 0xff) {
	case SQLITE_NOMEM:
		return status_no_memory();
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return status_fail(STATUS_WIN32(ERROR_BUSY), "%s: %s", path, text);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return status_fail(hrDatabaseCorrupted, "%s: %s", path, text);
	case SQLITE_READONLY:
		return status_fail(
			STATUS_WIN32(ERROR_WRITE_PROTECT), "%s: %s", path, text);
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return status_fail(
			STATUS_WIN32(ERROR_ACCESS_DENIED), "%s: %s", path, text);
	case SQLITE_FULL:
		return status_fail(STATUS_WIN32(ERROR_DISK_FULL), "%s: %s", path, text);
	case SQLITE_INTERRUPT:
	case SQLITE_ABORT:
		return status_fail(STATUS_WIN32(ERROR_CANCELLED), "%s: %s", path, text);
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
		if (err)
			return status_errno(err, "%s: %s", path, text);
		return status_fail(STATUS_WIN32(ERROR_IO_DEVICE), "%s: %s", path, text);
	default:
		return status_fail(STATUS_WIN32(ERROR_GEN_FAILURE), "%s: %s", path, text);
	}
}

/* ---- files at rest ---- */

/* "file://PATH?immutable=1", with what a URI would take for its own escaped. */
static char *resting_uri(const char *path)
{
	static const char tail[] = "?immutable=1", scheme[] = "file://";
	char *uri = malloc(sizeof(scheme) + 3 * strlen(path) + sizeof(tail));
	char *out = uri;

	if (!uri)
		return NULL;
	out = stpcpy(out, scheme);
	for (const char *c = path; *c; c++) {
		if (strchr("%?#", *c))
			out += sprintf(out, "%%%02X", (unsigned)*c);
		else
			*out++ = *c;
	}
	(void)strcpy(out, tail);
	return uri;
}

status sqlite_open_resting(const char *path, sqlite3 **db)
{
	char *uri = resting_uri(path);
	int rc;

	*db = NULL;
	if (!uri)
		return status_no_memory();
	rc = sqlite3_open_v2(uri, db,
		SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_FULLMUTEX |
			SQLITE_OPEN_EXRESCODE,
		NULL);
	free(uri);
	return rc == SQLITE_OK ? STATUS_OK : sqlite_failure(*db, rc, path);
}

static bool exists_beside(const char *path, const char *suffix)
{
	struct stat st;
	char *name;
	bool exists;

	if (asprintf(&name, "%s%s", path, suffix) < 0)
		return true;
	exists = stat(name, &st) == 0 || errno != ENOENT;
	free(name);
	return exists;
}

/* A database in WAL mode on a read-only file system cannot be opened the usual way
 * unless a writer elsewhere left its -shm; where none did, nobody has it open. */
static bool is_at_rest(const char *path)
{
	struct statvfs fs;

	return statvfs(path, &fs) == 0 && (fs.f_flag & ST_RDONLY) &&
	       !exists_beside(path, "-wal") && !exists_beside(path, "-shm") &&
	       !exists_beside(path, "-journal");
}

/* ---- connections ---- */

static status open_live(const char *path, struct waiting *waiting, sqlite3 **db)
{
	int rc = sqlite3_open_v2(path, db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
		NULL);

	if (rc != SQLITE_OK)
		return sqlite_failure(*db, rc, path);
	rc = sqlite3_busy_handler(*db, wait_for_lock, waiting);
	return rc == SQLITE_OK ? STATUS_OK : sqlite_failure(*db, rc, path);
}

/* Reading a number of the header makes the transaction begin; the schema stays unread,
 * for it may need functions or collations that only the application has. */
static int begin_reading(sqlite3 *db)
{
	return sqlite3_exec(db, "BEGIN; PRAGMA schema_version", NULL, NULL, NULL);
}

static status freeze_reader(struct sqlite_source *source, struct waiting *waiting)
{
	status rc = open_live(source->path, waiting, &source->reader);
	int code;

	if (failed(rc))
		return rc;
	code = begin_reading(source->reader);
	if ((code & 0xff) == SQLITE_CANTOPEN && is_at_rest(source->path)) {
		(void)sqlite3_close(source->reader);
		source->resting = true;
		rc = sqlite_open_resting(source->path, &source->reader);
		if (failed(rc))
			return rc;
		code = begin_reading(source->reader);
	}
	return code == SQLITE_OK ? STATUS_OK
				 : sqlite_failure(source->reader, code, source->path);
}

static int note_wal(void *context, int columns, char **values, char **names)
{
	(void)names;
	if (columns > 0 && values[0] && strcmp(values[0], "wal") == 0)
		*(bool *)context = true;
	return 0;
}

/* Without the right to write there is no write lock. In the rollback journal's mode a
 * reader holds commits up just as well; in WAL mode nothing does. */
static status guard_readonly(struct sqlite_source *source, struct waiting *waiting)
{
	bool wal = false;
	status rc = freeze_reader(source, waiting);
	int code;

	if (failed(rc) || source->resting)
		return rc;
	code = sqlite3_exec(source->reader, "PRAGMA journal_mode", note_wal, &wal, NULL);
	if (code != SQLITE_OK)
		return sqlite_failure(source->reader, code, source->path);
	if (wal)
		return status_fail(STATUS_WIN32(ERROR_ACCESS_DENIED),
			"%s: in WAL mode, to be frozen together with other databases, it "
			"must be writable",
			source->path);
	return STATUS_OK;
}

static status guard(struct sqlite_source *source, struct waiting *waiting)
{
	status rc = open_live(source->path, waiting, &source->guard);
	int code;

	if (failed(rc))
		return rc;
	if (sqlite3_db_readonly(source->guard, "main") == 1) {
		(void)sqlite3_close(source->guard);
		source->guard = NULL;
		return guard_readonly(source, waiting);
	}
	code = sqlite3_exec(source->guard, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	return code == SQLITE_OK ? STATUS_OK
				 : sqlite_failure(source->guard, code, source->path);
}

static void close_both(struct sqlite_source *source)
{
	(void)sqlite3_close(source->guard);
	(void)sqlite3_close(source->reader);
	source->guard = source->reader = NULL;
	source->resting = false;
}

void sqlite_thaw(struct sqlite_source *sources, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close_both(&sources[i]);
}

static status freeze_once(
	struct sqlite_source *sources, size_t count, struct waiting *waiting)
{
	status rc = STATUS_OK;

	for (size_t i = 0; i < count && !failed(rc) && count > 1; i++) {
		int64_t holding = clock_now_ms() + HOLDING_MS;

		waiting->patience = i > 0 && holding < waiting->deadline
					    ? holding
					    : waiting->deadline;
		rc = guard(&sources[i], waiting);
	}
	for (size_t i = 0; i < count && !failed(rc); i++)
		if (!sources[i].reader)
			rc = freeze_reader(&sources[i], waiting);
	for (size_t i = 0; i < count && !failed(rc); i++) {
		(void)sqlite3_close(sources[i].guard);
		sources[i].guard = NULL;
	}
	return rc;
}

/* Who locks several databases in another order than ours would wait for us while we wait
 * for him: so all locks are given back after a short wait, and taken anew. */
status sqlite_freeze(
	const struct hosted_engine *host, struct sqlite_source *sources, size_t count)
{
	struct waiting waiting = {.host = host, .deadline = clock_now_ms() + BUSY_MS};
	status rc;

	waiting.patience = waiting.deadline;
	waiting.seed = (unsigned)waiting.deadline;
	for (;;) {
		rc = freeze_once(sources, count, &waiting);
		if (rc != STATUS_WIN32(ERROR_BUSY) ||
			clock_now_ms() >= waiting.deadline ||
			host->caller_gone(host->context))
			return rc;
		sqlite_thaw(sources, count);
		pause_briefly(&waiting);
	}
}
