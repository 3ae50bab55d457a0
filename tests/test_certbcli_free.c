/* CertSrvBackupFree on real blocks, and on everything that is none. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "certbcli_calls.h"
#include "race.h"

static struct store *store;

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
}

static void teardown(void)
{
	store_free(store);
}

#define FREE_REFUSED(block)                                                              \
	do {                                                                             \
		backupapi_set_last_error(OTHER_ERROR);                                   \
		CertSrvBackupFree(block);                                                \
		ck_assert_uint_eq(backupapi_get_last_error(), ERROR_INVALID_BLOCK);      \
	} while (0)

#define FREE_DONE(block)                                                                 \
	do {                                                                             \
		backupapi_set_last_error(OTHER_ERROR);                                   \
		CertSrvBackupFree(block);                                                \
		ck_assert_uint_eq(backupapi_get_last_error(), OTHER_ERROR);              \
	} while (0)

static uint64_t live_blocks(void)
{
	struct backupapi_memory_stats stats;

	WORKS(backupapi_get_memory_stats(BACKUPAPI_MEMORY_CERTSRV, &stats));
	return stats.live_blocks;
}

#define BLOCKS 5

/* A list of each function that gives one, and what a service printed. */
static size_t make_blocks(void *blocks[BLOCKS])
{
	HCSBC hbc = begin_backup();
	DWORD size;

	WORKS(CertSrvBackupGetDatabaseNamesW(hbc, (WCHAR **)&blocks[0], &size));
	WORKS(CertSrvBackupGetBackupLogsW(hbc, (WCHAR **)&blocks[1], &size));
	WORKS(CertSrvBackupGetDynamicFileListW(hbc, (WCHAR **)&blocks[2], &size));
	WORKS(CertSrvRestoreGetDatabaseLocationsW(hbc, (WCHAR **)&blocks[3], &size));
	WORKS(CertSrvBackupEnd(hbc));
	use_service(store);
	WORKS(CertSrvServerControlW(
		NULL, CSCONTROL_SHUTDOWN, &size, (BYTE **)&blocks[4]));
	return BLOCKS;
}

START_TEST(real_blocks_are_freed_once)
{
	uint64_t before = live_blocks();
	void *blocks[BLOCKS] = {NULL};
	size_t count = make_blocks(blocks);

	ck_assert_uint_eq(live_blocks(), before + count);
	for (size_t i = 0; i < count; i++) {
		FREE_DONE(blocks[i]);
		FREE_REFUSED(blocks[i]);
	}
	ck_assert_uint_eq(live_blocks(), before);
}
END_TEST

START_TEST(blocks_outlive_their_handle)
{
	void *blocks[BLOCKS] = {NULL};
	size_t count = make_blocks(blocks);

	ck_assert(list_has(blocks[0], CSBFT_CERTSERVER_DATABASE,
		L"\\\\ca01\\certs\\newcerts\\02.pem"));
	for (size_t i = 0; i < count; i++)
		FREE_DONE(blocks[i]);
}
END_TEST

START_TEST(null_is_freed_silently)
{
	FREE_DONE(NULL);
}
END_TEST

START_TEST(other_families_blocks_are_refused_and_stay)
{
	static const enum alloc_family families[] = {ALLOC_DS, ALLOC_SIS, ALLOC_NATIVE};

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		char *block = alloc_block(families[i], 16);

		ck_assert_ptr_nonnull(block);
		strcpy(block, "untouched");
		FREE_REFUSED(block);
		ck_assert_str_eq(block, "untouched");
		ck_assert(alloc_free(families[i], block));
	}
}
END_TEST

START_TEST(certsrv_blocks_are_refused_by_the_other_families)
{
	void *blocks[BLOCKS] = {NULL};
	size_t count = make_blocks(blocks);

	for (size_t i = 0; i < count; i++) {
		ck_assert(!alloc_free(ALLOC_DS, blocks[i]));
		ck_assert(!alloc_free(ALLOC_SIS, blocks[i]));
		backupapi_set_last_error(OTHER_ERROR);
		backupapi_free(blocks[i]);
		ck_assert_uint_eq(backupapi_get_last_error(), ERROR_INVALID_BLOCK);
		FREE_DONE(blocks[i]);
	}
}
END_TEST

START_TEST(addresses_that_are_no_blocks_are_refused)
{
	void *blocks[BLOCKS] = {NULL};
	size_t count = make_blocks(blocks);
	void *unmapped = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *on_heap = malloc(64);
	int on_stack = 0;

	ck_assert_int_eq(munmap(unmapped, 4096), 0);
	FREE_REFUSED(on_heap);
	FREE_REFUSED(&on_stack);
	FREE_REFUSED(unmapped);
	FREE_REFUSED((void *)(uintptr_t)1);
	FREE_REFUSED((void *)UINTPTR_MAX);
	FREE_REFUSED((void *)(uintptr_t)live_blocks);
	for (size_t i = 0; i < count; i++) {
		FREE_REFUSED((char *)blocks[i] + 1);
		FREE_REFUSED((char *)blocks[i] + sizeof(WCHAR));
		FREE_REFUSED((char *)blocks[i] - 1);
		FREE_DONE(blocks[i]);
	}
	free(on_heap);
}
END_TEST

static void *free_it(void *argument)
{
	struct racer *racer = argument;

	backupapi_set_last_error(OTHER_ERROR);
	(void)pthread_barrier_wait(&racer->race->start);
	CertSrvBackupFree(racer->race->block);
	if (backupapi_get_last_error() == OTHER_ERROR)
		racer->race->won[racer->number] = 1;
	else if (backupapi_get_last_error() != ERROR_INVALID_BLOCK)
		racer->race->won[racer->number] = 100;
	return NULL;
}

START_TEST(of_threads_that_free_a_block_one_wins)
{
	HCSBC hbc = begin_backup();

	for (int i = 0; i < 100; i++) {
		struct race race = {0};
		DWORD size;

		WORKS(CertSrvBackupGetDatabaseNamesW(hbc, (WCHAR **)&race.block, &size));
		race_run(&race, free_it);
		ck_assert_uint_eq(winners(&race), 1);
	}
	WORKS(CertSrvBackupEnd(hbc));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("certbcli_free");
	TCase *tc = tcase_create("blocks");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, real_blocks_are_freed_once);
	tcase_add_test(tc, blocks_outlive_their_handle);
	tcase_add_test(tc, null_is_freed_silently);
	tcase_add_test(tc, other_families_blocks_are_refused_and_stay);
	tcase_add_test(tc, certsrv_blocks_are_refused_by_the_other_families);
	tcase_add_test(tc, addresses_that_are_no_blocks_are_refused);
	tcase_add_test(tc, of_threads_that_free_a_block_one_wins);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
