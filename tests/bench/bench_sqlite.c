/*
 * An SQLite database of 1 GiB (BENCH_MIB), frozen and read to its end with the data
 * thrown away, against the sqlite3 program's .backup and reading what that wrote. Both
 * begin with the database in the page cache; the passes alternate, the ratio is of the
 * medians.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/process.h"
#include "bench.h"
#include "engine/engine.h"

#define MIB (UINT64_C(1) << 20)

enum { PASSES = 5, BUFFER_SIZE = 1 << 20, ROW_BYTES = 20000 };

static char database[4200], copy[4200];
static char buffer[BUFFER_SIZE];

static void run_sql(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		bench_fail(database, sqlite3_errmsg(db));
}

static void make_database(uint64_t size)
{
	char sql[400];
	sqlite3 *db;

	(void)snprintf(database, sizeof(database), "%s/bench.db", bench_dir());
	(void)snprintf(copy, sizeof(copy), "%s/copy.db", bench_dir());
	if (sqlite3_open(database, &db) != SQLITE_OK)
		bench_fail(database, "cannot be created");
	run_sql(db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
		    "CREATE TABLE t(n INTEGER PRIMARY KEY, data BLOB)");
	(void)snprintf(sql, sizeof(sql),
		"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT "
		"%" PRIu64 ") "
		"INSERT INTO t SELECT n, randomblob(%d) FROM c",
		size / (ROW_BYTES + 480), ROW_BYTES);
	run_sql(db, sql);
	if (sqlite3_close(db) != SQLITE_OK)
		bench_fail(database, "cannot be closed");
}

/* Also what brings the database into the page cache. */
static uint64_t read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t total = 0;
	ssize_t got;

	if (fd < 0)
		bench_fail(path, strerror(errno));
	while ((got = read(fd, buffer, sizeof(buffer))) > 0)
		total += (uint64_t)got;
	if (got < 0)
		bench_fail(path, strerror(errno));
	(void)close(fd);
	return total;
}

static double program_pass(uint64_t size)
{
	char program[] = SQLITE_PROGRAM, command[4300];
	char *argv[] = {program, database, command, NULL};
	double begin = bench_now();
	int exit_status;

	(void)snprintf(command, sizeof(command), ".backup %s", copy);
	if (failed(process_run(argv, 600, NULL, &exit_status)) || exit_status != 0)
		bench_fail(program, "failed");
	if (read_file(copy) != size)
		bench_fail(copy, "of another size than the database");
	begin = bench_now() - begin;
	(void)unlink(copy);
	return begin;
}

static void check(status rc)
{
	if (failed(rc))
		bench_fail("engine", status_pending());
}

static uint64_t read_session(const struct engine *engine, struct engine_session *session)
{
	struct engine_files files = {0};
	uint64_t size, total = 0;
	size_t got;

	check(engine->databases(session, &files));
	for (size_t i = 0; i < files.count; i++) {
		check(engine->open(session, &files.items[i], sizeof(buffer), &size));
		do {
			check(engine->read(session, buffer, sizeof(buffer), &got));
			total += got;
		} while (got);
		engine->close(session);
	}
	engine_files_free(&files);
	return total;
}

static double engine_pass(
	const struct engine *engine, const struct store_config *store, uint64_t size)
{
	const struct engine_begin how = {0};
	struct engine_session *session;
	double begin = bench_now();

	check(engine->begin(engine, store, &how, &session));
	if (read_session(engine, session) != size)
		bench_fail("engine", "copy of another size than the database");
	engine->end(session);
	return bench_now() - begin;
}

int main(void)
{
	uint64_t size = bench_setting("BENCH_MIB", 1024) * MIB;
	double program[PASSES], engine_times[PASSES], a, b;
	char engine_name[] = "sqlite", dir[4096], *files[] = {database};
	struct store_config store = {.engine = engine_name,
		.databases = {.items = files, .count = 1},
		.spool_dir = dir};
	const struct engine *engine;

	(void)snprintf(dir, sizeof(dir), "%s", bench_dir());
	make_database(size);
	check(engine_find(&store, &engine));
	size = read_file(database);
	for (int i = 0; i < PASSES; i++) {
		engine_times[i] = engine_pass(engine, &store, size);
		program[i] = program_pass(size);
	}
	a = bench_median(program, PASSES);
	b = bench_median(engine_times, PASSES);
	(void)printf("%" PRIu64
		     " MiB: sqlite3 .backup and reading %.3f s, begin to end of the "
		     "session %.3f s, throughput ratio %.3f (wanted: at least 1)\n",
		size / MIB, a, b, a / b);
	return b <= a ? EXIT_SUCCESS : EXIT_FAILURE;
}
