/*
 * Allocating and freeing: the tagged allocator against malloc and against talloc, which
 * keeps its tags in front of each block.  Two patterns: every block is freed at once, and
 * a batch of blocks is allocated, then freed.  Each pass runs all three sides in the same
 * threads, one after the other, in changing order; what counts is the median of the
 * passes' ratios.  What runs on one thread comes first, while the process has never had
 * another. Exits 1 where talloc is faster, with an allowance of 5 % for a busy machine.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <talloc.h>

#include "base/alloc.h"
#include "bench.h"

enum { BATCH = 64, MOST_THREADS = 8, MOST_PASSES = 1000 };

enum side { OURS, MALLOC, TALLOC, SIDES };

struct work {
	size_t size;
	size_t batch; /* blocks that are live at once */
	size_t rounds;
	size_t passes;
	pthread_barrier_t *together; /* NULL: on the only thread */
	struct {
		double begin, end;
	} times[SIDES][MOST_PASSES];
};

static struct work works[MOST_THREADS];

static void *get(enum side side, size_t size)
{
	switch (side) {
	case OURS:
		return alloc_block(ALLOC_CERTSRV, size);
	case MALLOC:
		return malloc(size);
	default:
		return talloc_size(NULL, size);
	}
}

static bool put_back(enum side side, void *block)
{
	switch (side) {
	case OURS:
		return alloc_free(ALLOC_CERTSRV, block);
	case MALLOC:
		free(block);
		return true;
	default:
		return talloc_free(block) == 0;
	}
}

/* The first byte is written to, so that the compiler cannot do without the block. */
static void one_round(const struct work *work, enum side side)
{
	volatile char *blocks[BATCH];

	for (size_t i = 0; i < work->batch; i++) {
		blocks[i] = get(side, work->size);
		if (!blocks[i])
			bench_fail("allocation", "out of memory");
		*blocks[i] = 1;
	}
	for (size_t i = 0; i < work->batch; i++)
		if (!put_back(side, (void *)(uintptr_t)blocks[i]))
			bench_fail("free", "refused");
}

static void one_pass(struct work *work, enum side side, size_t pass)
{
	one_round(work, side); /* memory and caches are as this side leaves them */
	if (work->together)
		(void)pthread_barrier_wait(work->together);
	work->times[side][pass].begin = bench_now();
	for (size_t i = 0; i < work->rounds; i++)
		one_round(work, side);
	work->times[side][pass].end = bench_now();
}

static void *run(void *argument)
{
	struct work *work = argument;

	for (size_t pass = 0; pass < work->passes; pass++)
		for (size_t i = 0; i < SIDES; i++)
			one_pass(work, (enum side)((pass + i) % SIDES), pass);
	return NULL;
}

static void run_threads(unsigned threads)
{
	pthread_t ids[MOST_THREADS];
	pthread_barrier_t together;

	if (pthread_barrier_init(&together, NULL, threads))
		bench_fail("barrier", "refused");
	for (unsigned i = 0; i < threads; i++) {
		works[i].together = &together;
		if (pthread_create(&ids[i], NULL, run, &works[i]))
			bench_fail("thread", "refused");
	}
	for (unsigned i = 0; i < threads; i++)
		(void)pthread_join(ids[i], NULL);
	(void)pthread_barrier_destroy(&together);
}

/* Nanoseconds for one block, allocated and freed, from the beginning of the first thread
 * to the end of the last. */
static double time_of(enum side side, size_t pass, unsigned threads)
{
	double begin = works[0].times[side][pass].begin;
	double end = works[0].times[side][pass].end;

	for (unsigned i = 1; i < threads; i++) {
		double others = works[i].times[side][pass].begin;

		begin = others < begin ? others : begin;
		others = works[i].times[side][pass].end;
		end = others > end ? others : end;
	}
	return (end - begin) * 1e9 / (double)(works[0].rounds * works[0].batch);
}

/* Of our time, or with another side of the ratio to its time in the same pass. */
static double median_of(enum side other, unsigned threads)
{
	static double values[MOST_PASSES];

	for (size_t pass = 0; pass < works[0].passes; pass++) {
		values[pass] = time_of(OURS, pass, threads);
		if (other != OURS)
			values[pass] /= time_of(other, pass, threads);
	}
	return bench_median(values, works[0].passes);
}

/* Our time, of talloc's. */
static double compare(struct work pattern, unsigned threads)
{
	double to_talloc;

	for (unsigned i = 0; i < threads; i++)
		works[i] = pattern;
	if (threads == 1)
		(void)run(&works[0]);
	else
		run_threads(threads);
	to_talloc = median_of(TALLOC, threads);
	(void)printf("%5zu B, %2zu at a time, %u thread%s: %6.1f ns, %4.2f of malloc's, "
		     "%4.2f of talloc's\n",
		pattern.size, pattern.batch, threads, threads == 1 ? " " : "s",
		median_of(OURS, threads), median_of(MALLOC, threads), to_talloc);
	return to_talloc;
}

static bool compare_all(unsigned threads, size_t blocks, size_t passes)
{
	static const size_t sizes[] = {64, 4096, 65536}, batches[] = {1, BATCH};
	double product = 1;

	for (size_t b = 0; b < 2; b++)
		for (size_t s = 0; s < 3; s++) {
			struct work pattern = {.size = sizes[s],
				.batch = batches[b],
				.rounds = blocks / batches[b],
				.passes = passes};

			product *= compare(pattern, threads);
		}
	(void)printf("%u thread%s: %s than talloc on the average\n", threads,
		threads == 1 ? "" : "s", product <= 1 ? "not slower" : "SLOWER");
	return product <= 1;
}

int main(void)
{
	const size_t blocks = (size_t)bench_setting("BENCH_ALLOC_BLOCKS", 8192);
	const size_t passes = (size_t)bench_setting("BENCH_ALLOC_PASSES", 101);
	const unsigned most = (unsigned)bench_setting("BENCH_ALLOC_THREADS", 2);
	bool good = true;

	if (most < 1 || most > MOST_THREADS || blocks < BATCH || !passes ||
		passes > MOST_PASSES)
		bench_fail("BENCH_ALLOC_...", "out of range");
	/* Freed memory stays with the process: what the kernel does is not the question.
	 */
	if (!mallopt(M_TRIM_THRESHOLD, 256 << 20) ||
		!mallopt(M_MMAP_THRESHOLD, 1 << 20) || !mallopt(M_TOP_PAD, 64 << 20))
		bench_fail("mallopt", "refused");
	for (unsigned threads = 1; threads <= most; threads++)
		good = compare_all(threads, blocks, passes) && good;
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
