/*
 * 1 GiB in the page cache through CertSrvBackupRead against a plain read(2) loop with the
 * same buffer, in alternating passes; the ratio is the median of neighbouring passes'.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "bench_store.h"

enum { PASSES = 21 };

#define MIB (UINT64_C(1) << 20)

static char database[4200];

static void make_store(uint64_t size)
{
	static char block[MIB];
	int fd;

	(void)snprintf(database, sizeof(database), "%s/database", bench_dir());
	bench_server("bench", "flat", database);
	memset(block, 0x5a, sizeof(block));
	fd = open(database, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		bench_fail(database, strerror(errno));
	for (uint64_t done = 0; done < size; done += sizeof(block))
		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			bench_fail(database, strerror(errno));
	if (close(fd))
		bench_fail(database, strerror(errno));
}

static double plain_pass(void *buffer, size_t size)
{
	int fd = open(database, O_RDONLY | O_CLOEXEC);
	double begin = bench_now();
	ssize_t got;

	do {
		got = read(fd, buffer, size);
	} while (got > 0);
	if (got < 0)
		bench_fail(database, strerror(errno));
	begin = bench_now() - begin;
	(void)close(fd);
	return begin;
}

static double library_pass(HCSBC session, const WCHAR *name, void *buffer, DWORD size)
{
	LARGE_INTEGER file_size;
	DWORD got;
	double begin;

	bench_check(CertSrvBackupOpenFileW(session, name, size, &file_size), "open");
	begin = bench_now();
	do {
		bench_check(CertSrvBackupRead(session, buffer, size, &got), "read");
	} while (got > 0);
	begin = bench_now() - begin;
	bench_check(CertSrvBackupClose(session), "close");
	return begin;
}

static void compare(HCSBC session, const WCHAR *name, DWORD size)
{
	double plain[PASSES], library[PASSES], ratio[PASSES];
	void *buffer = malloc(size);

	if (!buffer)
		bench_fail("malloc", "no memory");
	for (int i = 0; i < PASSES; i++) {
		plain[i] = plain_pass(buffer, size);
		library[i] = library_pass(session, name, buffer, size);
		ratio[i] = plain[i] / library[i];
	}
	free(buffer);
	(void)printf(
		"%5u KiB buffer: read(2) %.3f s, CertSrvBackupRead %.3f s, throughput "
		"ratio %.3f (wanted: at least 0.97)\n",
		size / 1024, bench_median(plain, PASSES), bench_median(library, PASSES),
		bench_median(ratio, PASSES));
}

int main(void)
{
	static const DWORD sizes[] = {64 * 1024, 512 * 1024, 1024 * 1024};
	uint64_t size = bench_setting("BENCH_MIB", 1024) * MIB;
	HCSBC session;
	WCHAR *names;
	DWORD bytes;
	struct rusage usage;

	make_store(size);
	bench_check(CertSrvBackupPrepareW(L"bench", 0, CSBACKUP_TYPE_FULL, &session),
		"prepare");
	bench_check(CertSrvBackupGetDatabaseNamesW(session, &names, &bytes), "names");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		compare(session, names, sizes[i]);
	CertSrvBackupFree(names);
	bench_check(CertSrvBackupEnd(session), "end");
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		(void)printf("peak memory %.1f MiB for %" PRIu64
			     " MiB of data (wanted: under 16)\n",
			(double)usage.ru_maxrss / 1024, size / MIB);
	return EXIT_SUCCESS;
}
