/*
 * An SQLite database of 1 GiB (BENCH_MIB), backed up through the CertSrv calls with the
 * data thrown away, against the sqlite3 program's .backup and reading what that wrote.
 * Both begin with the database in the page cache; the passes alternate, the ratio is of
 * the medians.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "bench_store.h"

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

static void run_program(char *argv[])
{
	extern char **environ;
	int how;
	pid_t pid;
	int err = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);

	if (err)
		bench_fail(argv[0], strerror(err));
	if (waitpid(pid, &how, 0) != pid || how != 0)
		bench_fail(argv[0], "failed");
}

static double program_pass(uint64_t size)
{
	char program[] = SQLITE_PROGRAM, command[4300];
	char *argv[] = {program, database, command, NULL};
	double begin = bench_now();

	(void)snprintf(command, sizeof(command), ".backup %s", copy);
	run_program(argv);
	if (read_file(copy) != size)
		bench_fail(copy, "of another size than the database");
	begin = bench_now() - begin;
	(void)unlink(copy);
	return begin;
}

/* To its end: the last read gives nothing. */
static uint64_t read_database(HCSBC session, const WCHAR *name)
{
	LARGE_INTEGER size;
	uint64_t total = 0;
	DWORD got;

	bench_check(CertSrvBackupOpenFileW(session, name, sizeof(buffer), &size), "open");
	do {
		bench_check(
			CertSrvBackupRead(session, buffer, sizeof(buffer), &got), "read");
		total += got;
	} while (got);
	bench_check(CertSrvBackupClose(session), "close");
	return total;
}

static double library_pass(uint64_t size)
{
	double begin = bench_now();
	HCSBC session;
	WCHAR *names;
	DWORD bytes;

	bench_check(CertSrvBackupPrepareW(L"bench", 0, CSBACKUP_TYPE_FULL, &session),
		"prepare");
	bench_check(CertSrvBackupGetDatabaseNamesW(session, &names, &bytes), "names");
	if (read_database(session, names) != size)
		bench_fail("library", "copy of another size than the database");
	CertSrvBackupFree(names);
	bench_check(CertSrvBackupEnd(session), "end");
	return bench_now() - begin;
}

int main(void)
{
	uint64_t size = bench_setting("BENCH_MIB", 1024) * MIB;
	double program[PASSES], library[PASSES], a, b;

	make_database(size);
	bench_server("bench", "sqlite", database);
	size = read_file(database);
	for (int i = 0; i < PASSES; i++) {
		library[i] = library_pass(size);
		program[i] = program_pass(size);
	}
	a = bench_median(program, PASSES);
	b = bench_median(library, PASSES);
	(void)printf(
		"%" PRIu64
		" MiB: sqlite3 .backup and reading %.3f s, CertSrvBackupPrepare to "
		"CertSrvBackupEnd %.3f s, throughput ratio %.3f (wanted: at least 1)\n",
		size / MIB, a, b, a / b);
	return b <= a ? EXIT_SUCCESS : EXIT_FAILURE;
}
