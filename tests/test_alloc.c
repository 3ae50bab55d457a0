#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/status.h"
#include "forked.h"
#include "rerun.h"
#include "sanitized.h"
#include "support.h"

static struct alloc_stats stats(enum alloc_family family)
{
	struct alloc_stats now;

	alloc_get_stats(family, &now);
	return now;
}

/* P is refused: said so, counted, last error set, nothing else changed. */
static void check_refused(enum alloc_family family, void *p)
{
	struct alloc_stats before = stats(family), after;

	status_set_last_error(0);
	errno = ERANGE;
	ck_assert(!alloc_free(family, p));
	ck_assert_int_eq(errno, ERANGE);
	ck_assert_uint_eq(status_last_error(), ERROR_INVALID_BLOCK);
	after = stats(family);
	ck_assert_uint_eq(after.refused, before.refused + 1);
	ck_assert_uint_eq(after.blocks, before.blocks);
	ck_assert_uint_eq(after.bytes, before.bytes);
}

START_TEST(own_block_is_released_and_counted)
{
	struct alloc_stats before = stats(ALLOC_DS), during, after;
	char *block = alloc_block(ALLOC_DS, 100);

	ck_assert_ptr_nonnull(block);
	ck_assert_uint_eq((uintptr_t)block % alignof(max_align_t), 0);
	memset(block, 'x', 100);
	during = stats(ALLOC_DS);
	ck_assert_uint_eq(during.blocks, before.blocks + 1);
	ck_assert_uint_eq(during.bytes, before.bytes + 100);
	status_set_last_error(1234);
	ck_assert(alloc_free(ALLOC_DS, block));
	ck_assert_uint_eq(status_last_error(), 1234);
	after = stats(ALLOC_DS);
	ck_assert_uint_eq(after.blocks, before.blocks);
	ck_assert_uint_eq(after.bytes, before.bytes);
	ck_assert_uint_eq(after.refused, before.refused);
}
END_TEST

START_TEST(null_is_no_operation)
{
	struct alloc_stats before = stats(ALLOC_SIS);

	status_set_last_error(1234);
	ck_assert(alloc_free(ALLOC_SIS, NULL));
	ck_assert_uint_eq(status_last_error(), 1234);
	ck_assert_uint_eq(stats(ALLOC_SIS).refused, before.refused);
}
END_TEST

START_TEST(size_zero_gives_a_block_of_its_own)
{
	void *a = alloc_block(ALLOC_CERTSRV, 0), *b = alloc_block(ALLOC_CERTSRV, 0);

	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_nonnull(b);
	ck_assert_ptr_ne(a, b);
	ck_assert(alloc_free(ALLOC_CERTSRV, a));
	ck_assert(alloc_free(ALLOC_CERTSRV, b));
}
END_TEST

START_TEST(other_familys_block_stays_live)
{
	for (int owner = 0; owner < ALLOC_FAMILIES; owner++) {
		char *block = alloc_block((enum alloc_family)owner, 8);

		ck_assert_ptr_nonnull(block);
		memcpy(block, "content", 8);
		for (int other = 0; other < ALLOC_FAMILIES; other++)
			if (other != owner)
				check_refused((enum alloc_family)other, block);
		ck_assert_str_eq(block, "content");
		ck_assert(alloc_free((enum alloc_family)owner, block));
	}
}
END_TEST

START_TEST(interior_pointers_are_refused)
{
	char *block = alloc_block(ALLOC_CERTSRV, 4096);

	ck_assert_ptr_nonnull(block);
	memset(block, 'x', 4096);
	for (size_t i = 1; i <= 4096; i++)
		check_refused(ALLOC_CERTSRV, block + i);
	check_refused(ALLOC_CERTSRV, block - 1);
	for (size_t i = 0; i < 4096; i++)
		ck_assert_int_eq(block[i], 'x');
	ck_assert(alloc_free(ALLOC_CERTSRV, block));
}
END_TEST

START_TEST(second_free_is_refused)
{
	void *block = alloc_block(ALLOC_NATIVE, 32);

	ck_assert(alloc_free(ALLOC_NATIVE, block));
	check_refused(ALLOC_NATIVE, block);
	check_refused(ALLOC_DS, block);
}
END_TEST

START_TEST(memory_of_malloc_and_of_the_stack_is_left_alone)
{
	char *foreign = malloc(16);
	char local[16] = "local";

	ck_assert_ptr_nonnull(foreign);
	memcpy(foreign, "foreign", 8);
	check_refused(ALLOC_DS, foreign);
	check_refused(ALLOC_DS, local);
	ck_assert_str_eq(foreign, "foreign");
	ck_assert_str_eq(local, "local");
	free(foreign);
}
END_TEST

START_TEST(unmapped_addresses_are_never_read)
{
	const size_t page = 4096;
	char *gone = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(gone, MAP_FAILED);
	check_refused(ALLOC_CERTSRV, gone);
	ck_assert_int_eq(munmap(gone, page), 0);
	check_refused(ALLOC_CERTSRV, gone);
	for (uintptr_t wild = 1; wild; wild *= 2) {
		check_refused(ALLOC_CERTSRV, (void *)wild);
		check_refused(ALLOC_CERTSRV, (void *)(0 - wild));
	}
}
END_TEST

#define MANY 30000

START_TEST(very_many_blocks_are_told_apart)
{
	static void *blocks[MANY];
	struct alloc_stats before = stats(ALLOC_SIS);
	uint32_t random = 12345;

	for (size_t i = 0; i < MANY; i++)
		ck_assert_ptr_nonnull(blocks[i] = alloc_block(ALLOC_SIS, i % 50));
	ck_assert_uint_eq(stats(ALLOC_SIS).blocks, before.blocks + MANY);
	for (size_t i = MANY; i-- > 1;) {
		size_t j = (random = random * 1664525 + 1013904223) % (i + 1);
		void *swap = blocks[i];

		blocks[i] = blocks[j];
		blocks[j] = swap;
	}
	for (size_t i = 0; i < MANY; i++) {
		if (i % 1000 == 0)
			check_refused(ALLOC_DS, blocks[i]);
		ck_assert(alloc_free(ALLOC_SIS, blocks[i]));
		if (i % 1000 == 0)
			check_refused(ALLOC_SIS, blocks[i]);
	}
	ck_assert_uint_eq(stats(ALLOC_SIS).blocks, before.blocks);
	ck_assert_uint_eq(stats(ALLOC_SIS).bytes, before.bytes);
}
END_TEST

/* ---- threads ---- */

#define RACERS 4

static pthread_barrier_t barrier;
static void *contested;
static _Atomic unsigned winners;

#define ROUNDS 300

static void *race(void *unused)
{
	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		(void)pthread_barrier_wait(&barrier);
		if (alloc_free(ALLOC_CERTSRV, contested))
			atomic_fetch_add(&winners, 1);
		(void)pthread_barrier_wait(&barrier);
	}
	return NULL;
}

START_TEST(of_four_threads_freeing_one_pointer_one_wins)
{
	struct alloc_stats before = stats(ALLOC_CERTSRV);
	pthread_t threads[RACERS];

	ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, RACERS + 1), 0);
	for (size_t i = 0; i < RACERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, race, NULL), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		contested = alloc_block(ALLOC_CERTSRV, 64);
		ck_assert_ptr_nonnull(contested);
		(void)pthread_barrier_wait(&barrier);
		(void)pthread_barrier_wait(&barrier);
		ck_assert_uint_eq(winners, i + 1);
	}
	for (size_t i = 0; i < RACERS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_int_eq(pthread_barrier_destroy(&barrier), 0);
	ck_assert_uint_eq(stats(ALLOC_CERTSRV).refused, before.refused + 3 * ROUNDS);
	ck_assert_uint_eq(stats(ALLOC_CERTSRV).blocks, before.blocks);
}
END_TEST

/* ---- secrets ---- */

/* The kernel is asked for the bytes: a program may not read what it has freed. */
static int look_at_freed_secret(void)
{
	enum { SIZE = 2000 };
	static char left[SIZE];
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	char *secret = alloc_secret(ALLOC_DS, SIZE);
	off_t address = (off_t)(uintptr_t)secret;
	ssize_t got;

	if (fd < 0 || !secret)
		return 2;
	memset(secret, 0xa7, SIZE);
	if (pread(fd, left, SIZE, address) != SIZE || !memchr(left, 0xa7, SIZE))
		return 3;
	if (!alloc_free(ALLOC_DS, secret))
		return 4;
	got = pread(fd, left, SIZE, address);
	(void)close(fd);
	return got > 0 && memchr(left, 0xa7, (size_t)got) ? 5 : 42;
}

/* In a process whose malloc does not overwrite freed memory itself. */
START_TEST(secrets_are_wiped_before_release)
{
	static struct rerun r;

	rerun("secret", "MALLOC_PERTURB_", NULL, &r);
	ck_assert(WIFEXITED(r.wait_status));
	ck_assert_int_eq(WEXITSTATUS(r.wait_status), 42);
}
END_TEST

/* ---- lack of memory ---- */

/* The blocks are chained, so that nothing else is allocated. */
static int allocate_until_memory_is_short(void)
{
	const struct rlimit limit = {64 << 20, 64 << 20};
	void **last = NULL, **block;
	uint64_t count = 0;

	if (setrlimit(RLIMIT_AS, &limit))
		return 2;
	while ((block = alloc_block(ALLOC_SIS, 1000)) != NULL) {
		*block = last;
		last = block;
		count++;
	}
	if (count < 1000 || stats(ALLOC_SIS).blocks != count)
		return 3;
	while ((block = last) != NULL) {
		last = *block;
		if (!alloc_free(ALLOC_SIS, block))
			return 4;
	}
	return stats(ALLOC_SIS).blocks == 0 ? 42 : 5;
}

START_TEST(lack_of_memory_is_survived)
{
	static struct rerun r;

	if (SANITIZED || support_lacks("memory-limits"))
		return;
	rerun("exhaust", "BACKUPAPI_INVALID_FREE", "abort", &r);
	ck_assert(WIFEXITED(r.wait_status));
	ck_assert_int_eq(WEXITSTATUS(r.wait_status), 42);
	ck_assert_uint_eq(r.writes, 0);
}
END_TEST

/* ---- fork ---- */

static atomic_bool stop;
static atomic_uint busy;

/* Check's assertions are for the test's own thread: these return whether all went well. */
static void *allocate_without_pause(void *unused)
{
	bool good = true;

	(void)unused;
	while (!atomic_load(&stop)) {
		void *blocks[64];

		for (size_t i = 0; i < 64; i++)
			good = (blocks[i] = alloc_block(ALLOC_DS, 40)) != NULL && good;
		for (size_t i = 0; i < 64; i++)
			good = alloc_free(ALLOC_DS, blocks[i]) && good;
		atomic_fetch_or(&busy, 1);
	}
	return good ? &stop : NULL;
}

static void *be_refused_without_pause(void *unused)
{
	bool good = true;

	(void)unused;
	while (!atomic_load(&stop)) {
		good = !alloc_free(ALLOC_DS, &stop) && good;
		atomic_fetch_or(&busy, 2);
	}
	return good ? &stop : NULL;
}

static int use_in_child(void *parents)
{
	if (strcmp(parents, "parent's") != 0 || !alloc_free(ALLOC_CERTSRV, parents))
		return 1;
	if (alloc_free(ALLOC_CERTSRV, parents))
		return 2;
	for (size_t i = 0; i < 1000; i++) {
		void *block = alloc_block(ALLOC_SIS, i);

		if (!block || alloc_free(ALLOC_NATIVE, block) ||
			!alloc_free(ALLOC_SIS, block))
			return 3;
	}
	return 0;
}

static void fork_often(void)
{
	time_t begin = time(NULL);

	for (int i = 0; !forked_often_enough(i, begin); i++) {
		char *block = alloc_block(ALLOC_CERTSRV, 16);

		ck_assert_ptr_nonnull(block);
		memcpy(block, "parent's", 9);
		ck_assert_int_eq(forked(fork, use_in_child, block), 0);
		ck_assert_str_eq(block, "parent's");
		ck_assert(alloc_free(ALLOC_CERTSRV, block));
	}
}

START_TEST(forked_child_can_allocate_and_free)
{
	void *(*const work[])(void *) = {
		be_refused_without_pause, allocate_without_pause};
	const size_t count = SANITIZED ? 1 : 2;
	pthread_t threads[2];
	void *good;

	atomic_store(&stop, false);
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, work[i], NULL), 0);
	while (atomic_load(&busy) != (SANITIZED ? 2 : 3))
		(void)sched_yield();
	fork_often();
	atomic_store(&stop, true);
	for (size_t i = 0; i < count; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &good), 0);
		ck_assert_ptr_nonnull(good);
	}
}
END_TEST

static int run_again(const char *deed)
{
	if (strcmp(deed, "secret") == 0)
		return look_at_freed_secret();
	return allocate_until_memory_is_short();
}

static Suite *make_suite(void)
{
	Suite *suite = suite_create("alloc");
	TCase *tcase = tcase_create("alloc");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, own_block_is_released_and_counted);
	tcase_add_test(tcase, null_is_no_operation);
	tcase_add_test(tcase, size_zero_gives_a_block_of_its_own);
	tcase_add_test(tcase, other_familys_block_stays_live);
	tcase_add_test(tcase, interior_pointers_are_refused);
	tcase_add_test(tcase, second_free_is_refused);
	tcase_add_test(tcase, memory_of_malloc_and_of_the_stack_is_left_alone);
	tcase_add_test(tcase, unmapped_addresses_are_never_read);
	tcase_add_test(tcase, very_many_blocks_are_told_apart);
	tcase_add_test(tcase, secrets_are_wiped_before_release);
	tcase_add_test(tcase, of_four_threads_freeing_one_pointer_one_wins);
	tcase_add_test(tcase, lack_of_memory_is_survived);
	tcase_add_test(tcase, forked_child_can_allocate_and_free);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(int argc, char **argv)
{
	return argc == 2 ? run_again(argv[1]) : support_run(make_suite());
}
