/* DsBackupFree on real blocks of every family, and on everything that is none; tokens are
 * wiped. Linked with --wrap=free. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "ds_form.h"
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

/* ---- what a block holds when its memory goes back ---- */

void __real_free(void *p);
void __wrap_free(void *p);

static struct {
	const void *block;
	size_t size;
	bool seen, wiped;
} watch;

void __wrap_free(void *p)
{
	if (p && p == watch.block && !watch.seen) {
		watch.seen = watch.wiped = true;
		for (size_t i = 0; i < watch.size; i++)
			if (((const unsigned char *)p)[i])
				watch.wiped = false;
	}
	__real_free(p);
}

static void watch_block(const void *block, size_t size)
{
	watch.block = block;
	watch.size = size;
	watch.seen = watch.wiped = false;
}

/* ---- blocks ---- */

#define REFUSED(release, block)                                                          \
	do {                                                                             \
		backupapi_set_last_error(OTHER_ERROR);                                   \
		release(block);                                                          \
		ck_assert_uint_eq(backupapi_get_last_error(), ERROR_INVALID_BLOCK);      \
	} while (0)

#define DONE(release, block)                                                             \
	do {                                                                             \
		backupapi_set_last_error(OTHER_ERROR);                                   \
		release(block);                                                          \
		ck_assert_uint_eq(backupapi_get_last_error(), OTHER_ERROR);              \
	} while (0)

static uint64_t live_blocks(uint32_t memory)
{
	struct backupapi_memory_stats stats;

	WORKS(backupapi_get_memory_stats(memory, &stats));
	return stats.live_blocks;
}

#define PER_FORM 4
#define BLOCKS   (PER_FORM * DS_FORMS)

/* One of each function that gives one, in both forms; FIRST: the token. */
static void make_blocks(void *blocks[BLOCKS])
{
	for (size_t i = 0; i < DS_FORMS; i++) {
		const struct ds_form *form = &ds_forms[i];
		void **b = &blocks[i * PER_FORM];
		HBC hbc, restore = POISON;
		DWORD size;

		hbc = ds_begin_token(form, &b[0], &size);
		WORKS(form->names(hbc, &b[1], &size));
		WORKS(form->logs(hbc, &b[2], &size));
		WORKS(form->restore_prepare(NULL, 0, NULL, 0, &restore));
		WORKS(form->locations(restore, &b[3], &size));
		WORKS(DsRestoreEnd(restore));
		WORKS(DsBackupEnd(hbc));
	}
}

START_TEST(real_blocks_are_freed_once_and_outlive_their_handle)
{
	uint64_t before = live_blocks(BACKUPAPI_MEMORY_DS);
	void *blocks[BLOCKS] = {NULL};

	make_blocks(blocks);
	ck_assert_uint_eq(live_blocks(BACKUPAPI_MEMORY_DS), before + BLOCKS);
	for (size_t i = 0; i < BLOCKS; i++) {
		DONE(DsBackupFree, blocks[i]);
		REFUSED(DsBackupFree, blocks[i]);
	}
	ck_assert_uint_eq(live_blocks(BACKUPAPI_MEMORY_DS), before);
}
END_TEST

START_TEST(null_is_freed_silently)
{
	DONE(DsBackupFree, NULL);
}
END_TEST

START_TEST(ds_blocks_are_refused_by_the_other_families)
{
	void *blocks[BLOCKS] = {NULL};

	make_blocks(blocks);
	for (size_t i = 0; i < BLOCKS; i++) {
		REFUSED(CertSrvBackupFree, blocks[i]);
		ck_assert(!alloc_free(ALLOC_SIS, blocks[i]));
		REFUSED(backupapi_free, blocks[i]);
		DONE(DsBackupFree, blocks[i]);
	}
}
END_TEST

START_TEST(certsrv_blocks_are_refused_and_stay)
{
	HCSBC hbc = begin_backup();
	WCHAR *lists[4];
	DWORD size;

	WORKS(CertSrvBackupGetDatabaseNamesW(hbc, &lists[0], &size));
	WORKS(CertSrvBackupGetDynamicFileListW(hbc, &lists[1], &size));
	WORKS(CertSrvRestoreGetDatabaseLocationsW(hbc, &lists[2], &size));
	WORKS(CertSrvBackupGetBackupLogsW(hbc, &lists[3], &size));
	WORKS(CertSrvBackupEnd(hbc));
	for (size_t i = 0; i < 4; i++)
		REFUSED(DsBackupFree, lists[i]);
	ck_assert(list_has(
		lists[0], CSBFT_CERTSERVER_DATABASE, L"\\\\ca01\\certs\\index.txt"));
	for (size_t i = 0; i < 4; i++)
		DONE(CertSrvBackupFree, lists[i]);
}
END_TEST

START_TEST(native_blocks_are_refused_and_stay)
{
	char *path = backupapi_path_from_name_a("D\\\\ca01\\posix$\\x");

	ck_assert_ptr_nonnull(path);
	REFUSED(DsBackupFree, path);
	ck_assert_str_eq(path, "/x");
	DONE(backupapi_free, path);
}
END_TEST

START_TEST(addresses_that_are_no_blocks_are_refused)
{
	void *blocks[BLOCKS] = {NULL};
	void *unmapped = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *on_heap = malloc(64);
	int on_stack = 0;

	make_blocks(blocks);
	ck_assert_int_eq(munmap(unmapped, 4096), 0);
	REFUSED(DsBackupFree, on_heap);
	REFUSED(DsBackupFree, &on_stack);
	REFUSED(DsBackupFree, unmapped);
	REFUSED(DsBackupFree, (void *)(uintptr_t)1);
	REFUSED(DsBackupFree, (void *)UINTPTR_MAX);
	for (size_t i = 0; i < BLOCKS; i++) {
		REFUSED(DsBackupFree, (char *)blocks[i] + 1);
		REFUSED(DsBackupFree, (char *)blocks[i] + 16);
		REFUSED(DsBackupFree, (char *)blocks[i] - 1);
		DONE(DsBackupFree, blocks[i]);
	}
	free(on_heap);
}
END_TEST

/* ---- tokens ---- */

START_TEST(tokens_are_wiped_before_release)
{
	void *token;
	DWORD size;
	HBC hbc = ds_begin_token(&ds_forms[_i], &token, &size);

	watch_block(token, size);
	DsBackupFree(token);
	ck_assert(watch.seen);
	ck_assert(watch.wiped);
	WORKS(DsBackupEnd(hbc));
}
END_TEST

/* So that the test above can fail. */
START_TEST(lists_are_released_as_they_are)
{
	HBC hbc = ds_begin(&ds_forms[_i]);
	void *list = NULL;
	DWORD size;

	WORKS(ds_forms[_i].names(hbc, &list, &size));
	watch_block(list, size);
	DsBackupFree(list);
	ck_assert(watch.seen);
	ck_assert(!watch.wiped);
	WORKS(DsBackupEnd(hbc));
}
END_TEST

/* ---- threads ---- */

static void *free_it(void *argument)
{
	struct racer *racer = argument;

	backupapi_set_last_error(OTHER_ERROR);
	(void)pthread_barrier_wait(&racer->race->start);
	DsBackupFree(racer->race->block);
	if (backupapi_get_last_error() == OTHER_ERROR)
		racer->race->won[racer->number] = 1;
	else if (backupapi_get_last_error() != ERROR_INVALID_BLOCK)
		racer->race->won[racer->number] = 100;
	return NULL;
}

START_TEST(of_threads_that_free_a_token_one_wins)
{
	for (int i = 0; i < 50; i++) {
		struct race race = {0};
		DWORD size;

		race.block = ds_token(&size);
		race_run(&race, free_it);
		ck_assert_uint_eq(winners(&race), 1);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ntdsbcli_free");
	TCase *tc = tcase_create("blocks");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, real_blocks_are_freed_once_and_outlive_their_handle);
	tcase_add_test(tc, null_is_freed_silently);
	tcase_add_test(tc, ds_blocks_are_refused_by_the_other_families);
	tcase_add_test(tc, certsrv_blocks_are_refused_and_stay);
	tcase_add_test(tc, native_blocks_are_refused_and_stay);
	tcase_add_test(tc, addresses_that_are_no_blocks_are_refused);
	tcase_add_loop_test(tc, tokens_are_wiped_before_release, 0, DS_FORMS);
	tcase_add_loop_test(tc, lists_are_released_as_they_are, 0, DS_FORMS);
	tcase_add_test(tc, of_threads_that_free_a_token_one_wins);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
