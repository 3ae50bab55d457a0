#include "bench.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char dir[4096];
static pid_t dir_owner;

double bench_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

uint64_t bench_setting(const char *name, uint64_t fallback)
{
	const char *value = getenv(name);
	char *end;
	unsigned long long number;

	if (!value)
		return fallback;
	errno = 0;
	number = strtoull(value, &end, 10);
	if (errno || end == value || *end)
		bench_fail(name, "not a number");
	return number;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	(void)remove(path);
	return 0;
}

static void remove_dir(void)
{
	if (getpid() == dir_owner)
		(void)nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *bench_dir(void)
{
	const char *base = getenv("TMPDIR");

	if (dir[0])
		return dir;
	(void)snprintf(dir, sizeof(dir), "%s/backupapi-bench-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(dir))
		bench_fail(dir, strerror(errno));
	dir_owner = getpid();
	if (atexit(remove_dir))
		bench_fail("atexit", "refused");
	return dir;
}

void bench_fail(const char *what, const char *reason)
{
	(void)fprintf(stderr, "benchmark: %s: %s\n", what, reason);
	exit(EXIT_FAILURE);
}
