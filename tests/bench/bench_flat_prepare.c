/* Freezing and listing a flat store is linear in the number of its files: one file among
 * 100,000 may cost little more than one among 10,000. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/flat.h"

enum { PASSES = 5, FILE_SIZE = 1500 };

/* What lists and caches of ten times the size cost is let pass; a loop in a loop is not.
 */
static const double LIMIT = 2.0;

struct store {
	uint64_t count;
	char pattern[4200];
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
	char dir[4100];

	store->count = count;
	(void)snprintf(
		dir, sizeof(dir), "%s/%llu", bench_dir(), (unsigned long long)count);
	(void)snprintf(store->pattern, sizeof(store->pattern), "%s/*.pem", dir);
	if (mkdir(dir, 0700) < 0)
		bench_fail(dir, strerror(errno));
	for (uint64_t i = 0; i < count; i++)
		make_file(dir, i);
}

static void check(status rc, const char *what)
{
	if (failed(rc))
		bench_fail(what, status_pending());
}

/* Opens every file as well: finding one must not depend on how many there are. */
static void open_all(struct engine_session *session, const struct engine_files *files)
{
	uint64_t size;

	for (size_t i = 0; i < files->count; i++) {
		check(engine_flat.open(session, &files->items[i], 0, &size), "open");
		if (size != FILE_SIZE)
			bench_fail(files->items[i].path, "wrong size");
		engine_flat.close(session);
	}
}

static double freeze(struct store *store, char *spool_dir)
{
	char *pattern = store->pattern;
	const struct store_config config = {
		.databases = {.items = &pattern, .count = 1, .capacity = 1},
		.spool_dir = spool_dir,
	};
	const struct engine_begin full = {0};
	struct engine_session *session;
	struct engine_files files = {0};
	double start = bench_now(), end;

	check(engine_flat.begin(&engine_flat, &config, &full, &session), "begin");
	check(engine_flat.databases(session, &files), "databases");
	if (files.count != store->count)
		bench_fail(pattern, "not all files are listed");
	open_all(session, &files);
	engine_flat.end(session);
	end = bench_now();
	engine_files_free(&files);
	return (end - start) / (double)store->count;
}

/* A file that was written a moment ago would be waited for. */
static void let_settle(void)
{
	const struct timespec pause = {.tv_nsec = 50 * 1000000};

	(void)nanosleep(&pause, NULL);
}

int main(void)
{
	static struct store few, many;
	char *spool_dir = strdup(bench_dir());
	double ratio;

	if (!spool_dir)
		bench_fail("spool", "out of memory");
	make_store(&few, bench_setting("BENCH_FILES", 10000));
	make_store(&many, few.count * 10);
	let_settle();
	for (int i = 0; i < PASSES; i++) {
		few.seconds[i] = freeze(&few, spool_dir);
		many.seconds[i] = freeze(&many, spool_dir);
	}
	free(spool_dir);
	ratio = bench_median(many.seconds, PASSES) / bench_median(few.seconds, PASSES);
	printf("%8llu files: %6.2f us a file\n%8llu files: %6.2f us a file\n",
		(unsigned long long)few.count, bench_median(few.seconds, PASSES) * 1e6,
		(unsigned long long)many.count, bench_median(many.seconds, PASSES) * 1e6);
	printf("ratio %.2f, at most %.2f\n", ratio, LIMIT);
	return ratio <= LIMIT ? EXIT_SUCCESS : EXIT_FAILURE;
}
