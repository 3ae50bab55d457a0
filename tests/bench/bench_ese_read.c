/*
 * A database of valid pages through DsBackupRead, which verifies each: against a database of
 * the same pages that are not verified, since its header calls it temporary, and against that
 * with a plain XOR over what was read. Passes take turns; what counts is the median of their
 * ratios. Exits 1 where verifying leaves less than 0.7 of the throughput, at 4, 8 or 32 KiB
 * pages.
 *
 *	BENCH_MIB		size of each database (1024)
 *	BENCH_PASSES		passes (9)
 *	BENCH_BUFFER_KIB	of each read (512)
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ntdsbcli.h>

#include "../ese_store.h"
#include "bench.h"
#include "bench_store.h"

enum { MOST_PASSES = 100 };
enum side { VERIFIED, PLAIN, WITH_XOR, SIDES };

typedef uint32_t words4 __attribute__((vector_size(16)));

/* One server, its session, and the name of its database. */
struct reader {
	HBC session;
	char *names; /* as listed */
};

static size_t size, buffer_size;
static uint8_t *buffer;
static volatile uint32_t sink;

static void make_database(const char *server, uint32_t page_size, bool checked)
{
	const struct ese_store_database database = {
		.page_size = page_size,
		.pages = (uint32_t)(size / page_size) - 2,
		.state = checked ? 3 : 1,
		.signature = 1,
		.seed = 1,
	};
	char path[4200];

	(void)snprintf(path, sizeof(path), "%s/%s/a.edb", bench_dir(), server);
	if (unlink(path) != 0 && errno != ENOENT)
		bench_fail(path, strerror(errno));
	ese_store_write_database(path, &database);
}

static struct reader begin(const char *server)
{
	struct reader reader;
	DWORD bytes;
	void *token;

	bench_check(DsBackupPrepareA(
			    server, 0, BACKUP_TYPE_FULL, &token, &bytes, &reader.session),
		"prepare");
	DsBackupFree(token);
	bench_check(DsBackupGetDatabaseNamesA(reader.session, &reader.names, &bytes),
		"names");
	return reader;
}

static void end(const struct reader *reader)
{
	DsBackupFree(reader->names);
	bench_check(DsBackupEnd(reader->session), "end");
}

static void xor_all(const uint8_t *data, size_t length)
{
	words4 a = {0}, b = {0}, c = {0}, d = {0}, v[4];

	for (size_t at = 0; at + sizeof(v) <= length; at += sizeof(v)) {
		memcpy(v, data + at, sizeof(v));
		a ^= v[0];
		b ^= v[1];
		c ^= v[2];
		d ^= v[3];
	}
	a ^= b ^ c ^ d;
	sink = sink ^ a[0] ^ a[1] ^ a[2] ^ a[3];
}

static double one_pass(const struct reader *reader, enum side side)
{
	LARGE_INTEGER length;
	uint64_t all = 0;
	double time;
	DWORD got;
	HRESULT hr;

	bench_check(DsBackupOpenFileA(reader->session, reader->names + 1,
			    (DWORD)buffer_size, &length),
		"open");
	time = bench_now();
	while ((hr = DsBackupRead(reader->session, buffer, (DWORD)buffer_size, &got)) ==
		S_OK) {
		if (side == WITH_XOR)
			xor_all(buffer, got);
		all += got;
	}
	time = bench_now() - time;
	if (hr != ERROR_HANDLE_EOF)
		bench_check(hr, "read");
	if (all != size)
		bench_fail("read", "not all bytes came");
	bench_check(DsBackupClose(reader->session), "close");
	return time;
}

static bool compare(uint32_t page_size, const struct reader readers[2], size_t passes)
{
	double times[SIDES][MOST_PASSES], to_plain[MOST_PASSES], to_xor[MOST_PASSES];
	double ratio;

	for (size_t pass = 0; pass < passes; pass++) {
		for (size_t i = 0; i < SIDES; i++) {
			const enum side side = (enum side)((pass + i) % SIDES);

			times[side][pass] = one_pass(&readers[side != VERIFIED], side);
		}
		to_plain[pass] = times[PLAIN][pass] / times[VERIFIED][pass];
		to_xor[pass] = times[WITH_XOR][pass] / times[VERIFIED][pass];
	}
	ratio = bench_median(to_plain, passes);
	printf("%5u-byte pages: %5.2f GB/s, %.2f of reading alone (%5.2f GB/s; wanted: "
	       "at "
	       "least 0.70), %.2f of reading and a plain XOR (%5.2f GB/s)\n",
		page_size, (double)size / 1e9 / bench_median(times[VERIFIED], passes),
		ratio, (double)size / 1e9 / bench_median(times[PLAIN], passes),
		bench_median(to_xor, passes),
		(double)size / 1e9 / bench_median(times[WITH_XOR], passes));
	return ratio >= 0.7;
}

static bool run(uint32_t page_size, size_t passes)
{
	struct reader readers[2];
	bool good;

	make_database("verified", page_size, true);
	make_database("plain", page_size, false);
	readers[0] = begin("verified");
	readers[1] = begin("plain");
	(void)one_pass(&readers[0], VERIFIED);
	(void)one_pass(&readers[1], PLAIN);
	good = compare(page_size, readers, passes);
	end(&readers[0]);
	end(&readers[1]);
	return good;
}

static void make_server(const char *name)
{
	char path[4200];

	(void)snprintf(path, sizeof(path), "%s/%s", bench_dir(), name);
	if (mkdir(path, 0700) != 0)
		bench_fail(path, strerror(errno));
	(void)snprintf(path, sizeof(path), "%s/%s/a.edb", bench_dir(), name);
	bench_server(name, "ese", path);
}

int main(void)
{
	const size_t passes = (size_t)bench_setting("BENCH_PASSES", 9);
	bool good = true;

	size = (size_t)bench_setting("BENCH_MIB", 1024) << 20;
	buffer_size = (size_t)bench_setting("BENCH_BUFFER_KIB", 512) << 10;
	if (passes < 1 || passes > MOST_PASSES || size < 1 << 20 || buffer_size < 24576)
		bench_fail("settings", "out of range");
	buffer = aligned_alloc(4096, buffer_size);
	if (!buffer)
		bench_fail("memory", "there is not enough");
	make_server("verified");
	make_server("plain");
	good = run(4096, passes) && good;
	good = run(8192, passes) && good;
	good = run(32768, passes) && good;
	free(buffer);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
