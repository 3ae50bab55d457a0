/*
 * A Berkeley DB environment of 1 GiB (BENCH_MIB) that is open, warm, backed up through the
 * Ds calls alone with the data thrown away, against DB_ENV->backup with callbacks that do
 * nothing, in this process. The passes alternate, the ratio is of the best of each. Then a
 * writer's commits, with nobody else there and during backups one after the other.
 *
 * Besides: the most memory that this program and the store worker had together, without what
 * they see of the environment's regions. Nobody looks while the time is taken that counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ntdsbcli.h>

#include "bench.h"
#include "bench_store.h"
#include "engine/bdb_db.h"

#define MIB (UINT64_C(1) << 20)

enum {
	PASSES = 7,
	BUFFER_SIZE = 1 << 20,
	RECORD_BYTES = 3700,
	PAGE_BYTES = 8192,
	LATENCIES = 4 << 20,
	PHASE_SECONDS = 5,
	LOOK_MIB = 16,
	MEMORY_LIMIT_KIB = 48 << 10,
};

static char buffer[BUFFER_SIZE];
static unsigned long program_kib, worker_kib; /* when they had the most together */

static void check(int code, const char *what)
{
	if (code)
		bench_fail(what, db_strerror(code));
}

/* ---- the environment ---- */

static DB_ENV *open_env(const char *home, u_int32_t create)
{
	DB_ENV *env;

	check(db_env_create(&env, 0), "db_env_create");
	if (create) {
		check(env->set_cachesize(env, 0, 64 << 20, 1), "set_cachesize");
		check(env->set_lg_max(env, 10 << 20), "set_lg_max");
		check(env->log_set_config(env, DB_LOG_AUTO_REMOVE, 1), "log_set_config");
	}
	check(env->open(env, home,
		      create ? create | DB_INIT_LOCK | DB_INIT_LOG | DB_INIT_MPOOL |
				       DB_INIT_TXN | DB_THREAD
			     : 0,
		      0600),
		home);
	return env;
}

static DB *open_db(DB_ENV *env, const char *name)
{
	DB *db;

	check(db_create(&db, env, 0), "db_create");
	check(db->set_pagesize(db, PAGE_BYTES), "set_pagesize");
	check(db->open(db, NULL, name, NULL, DB_BTREE, DB_CREATE | DB_AUTO_COMMIT, 0600),
		name);
	return db;
}

static void commit(DB_ENV *env, DB *db, uint64_t number)
{
	static char bytes[RECORD_BYTES];
	char key[24];
	DBT k = {.data = key}, v = {.data = bytes, .size = sizeof(bytes)};
	DB_TXN *txn;

	k.size = (u_int32_t)snprintf(key, sizeof(key), "%012" PRIu64, number);
	memset(bytes, (int)number, sizeof(bytes));
	check(env->txn_begin(env, NULL, &txn, 0), "begin");
	check(db->put(db, txn, &k, &v, 0), "put");
	check(txn->commit(txn, DB_TXN_NOSYNC), "commit");
}

static DB_ENV *make_env(const char *home, uint64_t size)
{
	DB_ENV *env;
	DB *db;

	if (mkdir(home, 0700) < 0)
		bench_fail(home, strerror(errno));
	env = open_env(home, DB_CREATE);
	db = open_db(env, "bench.db");
	for (uint64_t n = 0; n < size / (PAGE_BYTES / 2); n++)
		commit(env, db, n);
	check(db->close(db, 0), "close");
	check(env->txn_checkpoint(env, 0, 0, DB_FORCE), "checkpoint");
	check(env->log_archive(env, NULL, DB_ARCH_REMOVE), "log_archive");
	return env;
}

/* ---- the reference ---- */

static uint64_t thrown_away;

static int copy_begins(DB_ENV *env, const char *name, const char *target, void **cookie)
{
	(void)env;
	(void)name;
	(void)target;
	*cookie = NULL;
	return 0;
}

static int copy_goes_on(DB_ENV *env, u_int32_t gigabytes, u_int32_t offset,
	u_int32_t size, u_int8_t *data, void *cookie)
{
	(void)env;
	(void)gigabytes;
	(void)offset;
	(void)data;
	(void)cookie;
	thrown_away += size;
	return 0;
}

static int copy_ends(DB_ENV *env, const char *name, void *cookie)
{
	(void)env;
	(void)name;
	(void)cookie;
	return 0;
}

static double reference_pass(DB_ENV *env, uint64_t *size)
{
	double begin = bench_now();

	thrown_away = 0;
	check(env->backup(env, "nowhere", 0), "DB_ENV->backup");
	*size = thrown_away;
	return bench_now() - begin;
}

/* ---- the library ---- */

/* Resident pages of PID that are of no region file. */
static unsigned long resident_kib(long pid)
{
	char path[64], line[5000];
	unsigned long total = 0, kib;
	int counts = 1;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%ld/smaps", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (strchr("0123456789abcdef", line[0]))
			counts = !strstr(line, "/__db.");
		else if (counts && sscanf(line, "Rss: %lu", &kib) == 1)
			total += kib;
	}
	if (f)
		(void)fclose(f);
	return total;
}

/* The store worker and whatever else this program started. */
static unsigned long children_kib(void)
{
	char path[64], children[200] = "", *rest = NULL;
	unsigned long total = 0;
	FILE *f;

	(void)snprintf(
		path, sizeof(path), "/proc/self/task/%ld/children", (long)getpid());
	f = fopen(path, "re");
	if (!f || !fgets(children, sizeof(children), f))
		bench_fail(path, "no store worker");
	(void)fclose(f);
	for (char *pid = strtok_r(children, " ", &rest); pid;
		pid = strtok_r(NULL, " ", &rest))
		total += resident_kib(atol(pid));
	return total;
}

static void look_at_memory(void)
{
	const unsigned long program = resident_kib((long)getpid());
	const unsigned long worker = children_kib();

	if (!program || !worker)
		bench_fail("memory", "/proc does not tell");
	if (program + worker > program_kib + worker_kib) {
		program_kib = program;
		worker_kib = worker;
	}
}

static uint64_t read_file(HBC session, const WCHAR *name, int look)
{
	uint64_t total = 0, next_look = 0;
	LARGE_INTEGER size;
	DWORD got;

	bench_check(DsBackupOpenFileW(session, name, sizeof(buffer), &size), "open");
	do {
		bench_check(DsBackupRead(session, buffer, sizeof(buffer), &got), "read");
		total += got;
		if (look && total >= next_look) {
			look_at_memory();
			next_look += LOOK_MIB * MIB;
		}
	} while (got);
	bench_check(DsBackupClose(session), "close");
	return total;
}

static uint64_t read_files(HBC session, WCHAR *names, int look)
{
	uint64_t total = 0;

	for (const WCHAR *name = names; *name; name += wcslen(name) + 1)
		total += read_file(session, name, look);
	DsBackupFree(names);
	return total;
}

static double library_pass(int look, uint64_t *size)
{
	double begin = bench_now();
	DWORD bytes;
	WCHAR *names;
	void *token;
	HBC session;

	bench_check(
		DsBackupPrepareW(L"bench", 0, BACKUP_TYPE_FULL, &token, &bytes, &session),
		"prepare");
	DsBackupFree(token);
	bench_check(DsBackupGetDatabaseNamesW(session, &names, &bytes), "names");
	*size = read_files(session, names, look);
	bench_check(DsBackupGetBackupLogsW(session, &names, &bytes), "logs");
	*size += read_files(session, names, 0);
	bench_check(DsBackupEnd(session), "end");
	return bench_now() - begin;
}

/* ---- a writer ---- */

struct latencies {
	volatile int phase; /* 0: wait, 1 and 2: note, 3: end */
	volatile size_t count[3];
	double seconds[3][LATENCIES];
};

static void write_on(const char *home, struct latencies *latencies)
{
	DB_ENV *env = open_env(home, 0);
	DB *db = open_db(env, "writer.db");

	for (uint64_t n = 0; latencies->phase < 3; n++) {
		const int phase = latencies->phase;
		const double begin = bench_now();
		const size_t at = latencies->count[phase % 3];

		commit(env, db, n % 20000);
		if (phase < 3 && at < LATENCIES) {
			latencies->seconds[phase][at] = bench_now() - begin;
			latencies->count[phase] = at + 1;
		}
		(void)usleep(200);
	}
	check(db->close(db, 0), "close");
	check(env->close(env, 0), "close");
	_exit(0);
}

static void print_latency(const char *when, double *values, size_t count, double *median)
{
	if (!count)
		bench_fail("writer", "no commits");
	*median = bench_median(values, count);
	(void)printf(
		"commits %s: median %.1f us, 99th percentile %.1f us, longest %.1f ms\n",
		when, *median * 1e6, values[count * 99 / 100] * 1e6,
		values[count - 1] * 1e3);
}

static double writer_ratio(const char *home)
{
	struct latencies *latencies =
		mmap(NULL, sizeof(*latencies), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	double end, alone, beside;
	uint64_t size;
	pid_t pid;
	int how;

	if (latencies == MAP_FAILED)
		bench_fail("writer", strerror(errno));
	pid = fork();
	if (pid == 0)
		write_on(home, latencies);
	(void)sleep(1);
	latencies->phase = 1;
	(void)sleep(PHASE_SECONDS);
	latencies->phase = 2;
	for (end = bench_now() + PHASE_SECONDS; bench_now() < end;)
		(void)library_pass(0, &size);
	latencies->phase = 3;
	if (waitpid(pid, &how, 0) != pid || how)
		bench_fail("writer", "it ended with an error");
	print_latency("alone", latencies->seconds[1], latencies->count[1], &alone);
	print_latency(
		"during backups", latencies->seconds[2], latencies->count[2], &beside);
	return beside / alone;
}

int main(void)
{
	const uint64_t size = bench_setting("BENCH_MIB", 1024) * MIB;
	double reference[PASSES], library[PASSES], a, b, ratio;
	uint64_t reference_size, library_size;
	char home[4200];
	DB_ENV *env;

	(void)snprintf(home, sizeof(home), "%s/env", bench_dir());
	env = make_env(home, size / 2); /* half of each page is lost in splits */
	check(env->set_backup_callbacks(env, copy_begins, copy_goes_on, copy_ends),
		"set_backup_callbacks");
	bench_server("bench", "bdb", home);
	(void)library_pass(1, &library_size);
	for (int i = 0; i < PASSES; i++) {
		library[i] = library_pass(0, &library_size);
		reference[i] = reference_pass(env, &reference_size);
	}
	(void)bench_median(reference, PASSES); /* sorts */
	(void)bench_median(library, PASSES);
	a = reference[0];
	b = library[0];
	(void)printf("%" PRIu64 " MiB: DB_ENV->backup of %" PRIu64
		     " MiB %.3f s, DsBackupPrepare to DsBackupEnd %.3f s, ratio %.2f "
		     "(wanted: at most 1.3)\n",
		library_size / MIB, reference_size / MIB, a, b, b / a);
	(void)printf("memory without regions: program %.1f MiB, worker %.1f MiB (wanted: "
		     "together below %d)\n",
		(double)program_kib / 1024, (double)worker_kib / 1024,
		MEMORY_LIMIT_KIB >> 10);
	ratio = writer_ratio(home);
	(void)printf("commit latency ratio %.2f (wanted: at most 2)\n", ratio);
	check(env->close(env, 0), "close");
	return b <= a * 1.3 && program_kib + worker_kib < MEMORY_LIMIT_KIB && ratio <= 2
		       ? EXIT_SUCCESS
		       : EXIT_FAILURE;
}
