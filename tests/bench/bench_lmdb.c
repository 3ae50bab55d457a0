/*
 * An LMDB environment of 1 GiB (BENCH_MIB), backed up through the CertSrv calls with the
 * data thrown away, against mdb_copy to a file and reading what that wrote. Both begin with
 * the environment in the page cache; the passes alternate, the ratio is of the medians.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lmdb.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "bench_store.h"

#define MIB (UINT64_C(1) << 20)

enum { PASSES = 5, BUFFER_SIZE = 1 << 20, VALUE_SIZE = 1900, BATCH = 10000 };

static char environment[4200], data_file[4300], copy[4200], copied_file[4300];
static char buffer[BUFFER_SIZE];

static void check(int code, const char *what)
{
	if (code)
		bench_fail(what, mdb_strerror(code));
}

static void make_environment(uint64_t size)
{
	MDB_env *env;
	uint64_t entries = size / (VALUE_SIZE + 140);

	(void)snprintf(environment, sizeof(environment), "%s/ldap", bench_dir());
	(void)snprintf(copy, sizeof(copy), "%s/copy", bench_dir());
	(void)snprintf(data_file, sizeof(data_file), "%s/data.mdb", environment);
	(void)snprintf(copied_file, sizeof(copied_file), "%s/data.mdb", copy);
	if (mkdir(environment, 0700) < 0 || mkdir(copy, 0700) < 0)
		bench_fail(environment, strerror(errno));
	check(mdb_env_create(&env), "mdb_env_create");
	check(mdb_env_set_mapsize(env, (size_t)(4 * size)), "mdb_env_set_mapsize");
	check(mdb_env_open(env, environment, MDB_NOSYNC, 0600), "mdb_env_open");
	for (uint64_t n = 0; n < entries;) {
		MDB_txn *txn;
		MDB_dbi dbi;

		check(mdb_txn_begin(env, NULL, 0, &txn), "mdb_txn_begin");
		check(mdb_dbi_open(txn, NULL, MDB_INTEGERKEY, &dbi), "mdb_dbi_open");
		for (int i = 0; i < BATCH && n < entries; i++, n++) {
			MDB_val key = {.mv_size = sizeof(n), .mv_data = &n};
			MDB_val data = {.mv_size = VALUE_SIZE, .mv_data = buffer};

			memset(buffer, (int)n, VALUE_SIZE);
			check(mdb_put(txn, dbi, &key, &data, MDB_APPEND), "mdb_put");
		}
		check(mdb_txn_commit(txn), "mdb_txn_commit");
	}
	check(mdb_env_sync(env, 1), "mdb_env_sync");
	mdb_env_close(env);
}

/* Also what brings the environment into the page cache. */
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
	extern char **environ;
	char program[] = MDB_COPY;
	char *argv[] = {program, environment, copy, NULL};
	double begin = bench_now();
	pid_t pid;
	int how, err = posix_spawn(&pid, program, NULL, NULL, argv, environ);

	if (err)
		bench_fail(program, strerror(err));
	if (waitpid(pid, &how, 0) != pid || how != 0)
		bench_fail(program, "failed");
	if (read_file(copied_file) != size)
		bench_fail(copied_file, "of another size than the environment");
	begin = bench_now() - begin;
	if (unlink(copied_file) < 0)
		bench_fail(copied_file, strerror(errno));
	return begin;
}

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
		bench_fail("library", "copy of another size than the environment");
	CertSrvBackupFree(names);
	bench_check(CertSrvBackupEnd(session), "end");
	return bench_now() - begin;
}

int main(void)
{
	double program[PASSES], library[PASSES], a, b;
	uint64_t size = bench_setting("BENCH_MIB", 1024) * MIB;

	make_environment(size);
	bench_server("bench", "lmdb", environment);
	size = read_file(data_file);
	for (int i = 0; i < PASSES; i++) {
		library[i] = library_pass(size);
		program[i] = program_pass(size);
	}
	a = bench_median(program, PASSES);
	b = bench_median(library, PASSES);
	(void)printf(
		"%" PRIu64 " MiB: mdb_copy and reading %.3f s, CertSrvBackupPrepare to "
		"CertSrvBackupEnd %.3f s, ratio of times %.3f (wanted: at most 1.2)\n",
		size / MIB, a, b, b / a);
	return b <= 1.2 * a ? EXIT_SUCCESS : EXIT_FAILURE;
}
