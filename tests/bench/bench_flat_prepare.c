/* CertSrvBackupPrepare, CertSrvBackupGetDatabaseNames and opening what they list are linear
 * in the number of files: one among 100,000 may cost little more than one among 10,000. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "bench_store.h"

enum { PASSES = 5, FILE_SIZE = 1500 };

/* What lists and caches of ten times the size cost is let pass; a loop in a loop is not.
 */
static const double LIMIT = 2.0;

struct store {
	const char *name;
	const WCHAR *server;
	uint64_t count;
	double seconds[PASSES]; /* a file */
};

static void make_file(const char *dir, uint64_t number)
{
	char path[4200], text[FILE_SIZE];
	int fd;

	(void)snprintf(
		path, sizeof(path), "%s/%08llX.pem", dir, (unsigned long long)number);
	memset(text, 'c', sizeof(text));
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, sizeof(text)) != (ssize_t)sizeof(text) ||
		close(fd) < 0)
		bench_fail(path, strerror(errno));
}

static void make_store(struct store *store, uint64_t count)
{
	char dir[4100], pattern[4200];

	store->count = count;
	(void)snprintf(
		dir, sizeof(dir), "%s/%llu", bench_dir(), (unsigned long long)count);
	(void)snprintf(pattern, sizeof(pattern), "%s/*.pem", dir);
	bench_server(store->name, "flat", pattern);
	if (mkdir(dir, 0700) < 0)
		bench_fail(dir, strerror(errno));
	for (uint64_t i = 0; i < count; i++)
		make_file(dir, i);
}

/* Opens every file as well: finding one must not depend on how many there are. */
static uint64_t open_all(HCSBC session, const WCHAR *names)
{
	LARGE_INTEGER size;
	uint64_t count = 0;

	for (const WCHAR *name = names; *name; name += wcslen(name) + 1, count++) {
		bench_check(CertSrvBackupOpenFileW(session, name, 0, &size), "open");
		if (size.QuadPart != FILE_SIZE)
			bench_fail("open", "wrong size");
		bench_check(CertSrvBackupClose(session), "close");
	}
	return count;
}

static double prepare(const struct store *store)
{
	double start = bench_now();
	HCSBC session;
	WCHAR *names;
	DWORD bytes;

	bench_check(CertSrvBackupPrepareW(store->server, 0, CSBACKUP_TYPE_FULL, &session),
		"prepare");
	bench_check(CertSrvBackupGetDatabaseNamesW(session, &names, &bytes), "names");
	if (open_all(session, names) != store->count)
		bench_fail(store->name, "not all files are listed");
	CertSrvBackupFree(names);
	bench_check(CertSrvBackupEnd(session), "end");
	return (bench_now() - start) / (double)store->count;
}

/* A file that was written a moment ago would be waited for. */
static void let_settle(void)
{
	const struct timespec pause = {.tv_nsec = 50 * 1000000};

	(void)nanosleep(&pause, NULL);
}

int main(void)
{
	static struct store few = {.name = "few", .server = L"few"};
	static struct store many = {.name = "many", .server = L"many"};
	double ratio;

	make_store(&few, bench_setting("BENCH_FILES", 10000));
	make_store(&many, few.count * 10);
	let_settle();
	for (int i = 0; i < PASSES; i++) {
		few.seconds[i] = prepare(&few);
		many.seconds[i] = prepare(&many);
	}
	ratio = bench_median(many.seconds, PASSES) / bench_median(few.seconds, PASSES);
	printf("%8llu files: %6.2f us a file\n%8llu files: %6.2f us a file\n",
		(unsigned long long)few.count, bench_median(few.seconds, PASSES) * 1e6,
		(unsigned long long)many.count, bench_median(many.seconds, PASSES) * 1e6);
	printf("ratio %.2f, at most %.2f\n", ratio, LIMIT);
	return ratio <= LIMIT ? EXIT_SUCCESS : EXIT_FAILURE;
}
