/*
 * Verifying ESE pages of 4, 8 and 32 KiB in memory, against a plain XOR over the same memory
 * and against copying it.  Passes take turns; what counts is the median of their ratios.
 * Exits 1 where verifying has less than half of the XOR's throughput.
 *
 *	ESE_BENCH_MIB	memory (64)
 *	ESE_BENCH_PASSES	passes (15)
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../ese_store.h"
#include "bench.h"
#include "engine/ese_page.h"

enum { MOST_PASSES = 1000, TEMPLATES = 64 };
enum side { VERIFY, XOR, COPY, SIDES };

typedef uint32_t words4 __attribute__((vector_size(16)));

static uint8_t *pages, *copy;
static size_t size;
static volatile uint32_t sink;

static void make_pages(uint32_t page_size)
{
	uint8_t *templates = malloc((size_t)TEMPLATES * page_size);

	if (!templates)
		bench_fail("memory", "there is not enough");
	for (uint32_t i = 0; i < TEMPLATES; i++)
		ese_store_page(templates + (size_t)i * page_size, page_size, 1, false, i);
	for (uint32_t number = 1; number <= size / page_size; number++) {
		uint8_t *page = pages + (size_t)(number - 1) * page_size;

		memcpy(page, templates + (size_t)(number % TEMPLATES) * page_size,
			page_size);
		ese_store_renumber(page, page_size, 1, number);
	}
	free(templates);
}

static void verify(uint32_t page_size)
{
	for (uint32_t number = 1; number <= size / page_size; number++) {
		const uint8_t *page = pages + (size_t)(number - 1) * page_size;

		if (ese_page_check(page, page_size, number).verdict != ESE_PAGE_GOOD)
			bench_fail("verify", "a good page was refused");
	}
}

static void xor_all(void)
{
	words4 a = {0}, b = {0}, c = {0}, d = {0}, v[4];

	for (size_t at = 0; at < size; at += sizeof(v)) {
		memcpy(v, pages + at, sizeof(v));
		a ^= v[0];
		b ^= v[1];
		c ^= v[2];
		d ^= v[3];
	}
	a ^= b ^ c ^ d;
	sink = a[0] ^ a[1] ^ a[2] ^ a[3];
}

static double one_pass(enum side side, uint32_t page_size)
{
	const double begin = bench_now();

	if (side == VERIFY)
		verify(page_size);
	else if (side == XOR)
		xor_all();
	else
		memcpy(copy, pages, size);
	sink = sink ^ copy[size / 2];
	return bench_now() - begin;
}

static bool compare(uint32_t page_size, size_t passes)
{
	double times[SIDES][MOST_PASSES], to_xor[MOST_PASSES], to_copy[MOST_PASSES],
		ratio;

	make_pages(page_size);
	for (size_t pass = 0; pass < passes; pass++) {
		for (size_t i = 0; i < SIDES; i++) {
			const enum side side = (enum side)((pass + i) % SIDES);

			times[side][pass] = one_pass(side, page_size);
		}
		to_xor[pass] = times[XOR][pass] / times[VERIFY][pass];
		to_copy[pass] = times[COPY][pass] / times[VERIFY][pass];
	}
	ratio = bench_median(to_xor, passes);
	printf("%5u-byte pages: %5.1f GB/s, %.2f of a plain XOR (%5.1f GB/s), %.2f of "
	       "memcpy "
	       "(%5.1f GB/s)\n",
		page_size, (double)size / 1e9 / bench_median(times[VERIFY], passes),
		ratio, (double)size / 1e9 / bench_median(times[XOR], passes),
		bench_median(to_copy, passes),
		(double)size / 1e9 / bench_median(times[COPY], passes));
	return ratio >= 0.5;
}

int main(void)
{
	size_t passes = (size_t)bench_setting("ESE_BENCH_PASSES", 15);
	bool good = true;

	size = (size_t)bench_setting("ESE_BENCH_MIB", 64) << 20;
	if (passes < 1 || passes > MOST_PASSES || size < 1 << 20)
		bench_fail("settings", "out of range");
	pages = aligned_alloc(64, size);
	copy = aligned_alloc(64, size);
	if (!pages || !copy)
		bench_fail("memory", "there is not enough");
	memset(copy, 0, size);
	good = compare(4096, passes) && good;
	good = compare(8192, passes) && good;
	good = compare(32768, passes) && good;
	free(pages);
	free(copy);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
