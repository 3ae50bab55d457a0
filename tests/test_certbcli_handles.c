/* Handles that are none, given to every CertSrv function; and threads that share one. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* ---- handles ---- */

typedef HRESULT (*list_function)(HCSBC, WCHAR **, DWORD *);

static HRESULT call_list(list_function function, HCSBC hbc)
{
	WCHAR *list = POISON;
	DWORD size = POISON_SIZE;
	HRESULT hr = function(hbc, &list, &size);

	ck_assert_ptr_null(list);
	ck_assert_uint_eq(size, 0);
	return hr;
}

static HRESULT call_names(HCSBC hbc)
{
	return call_list(CertSrvBackupGetDatabaseNamesW, hbc);
}

static HRESULT call_logs(HCSBC hbc)
{
	return call_list(CertSrvBackupGetBackupLogsW, hbc);
}

static HRESULT call_dynamic(HCSBC hbc)
{
	return call_list(CertSrvBackupGetDynamicFileListW, hbc);
}

static HRESULT call_locations(HCSBC hbc)
{
	return call_list(CertSrvRestoreGetDatabaseLocationsW, hbc);
}

static HRESULT call_open(HCSBC hbc)
{
	LARGE_INTEGER size = {.QuadPart = -1};
	HRESULT hr = CertSrvBackupOpenFileW(hbc, L"/x", 0, &size);

	ck_assert_int_eq(size.QuadPart, 0);
	return hr;
}

static HRESULT call_read(HCSBC hbc)
{
	char buffer[4];
	DWORD got = POISON_SIZE;
	HRESULT hr = CertSrvBackupRead(hbc, buffer, sizeof(buffer), &got);

	ck_assert_uint_eq(got, 0);
	return hr;
}

static HRESULT call_register(HCSBC hbc)
{
	WCHAR name[] = L"/x";
	CSEDB_RSTMAPW map = {name, name};

	return CertSrvRestoreRegisterW(hbc, NULL, NULL, &map, 1, NULL, 0, 0);
}

static HRESULT call_register_through_file(HCSBC hbc)
{
	return CertSrvRestoreRegisterThroughFile(hbc, NULL, NULL, NULL, 0, NULL, 0, 0);
}

static HRESULT call_complete(HCSBC hbc)
{
	return CertSrvRestoreRegisterComplete(hbc, S_OK);
}

struct call {
	const char *name;
	HRESULT (*call)(HCSBC);
	bool backup, restore; /* which handles it takes */
};

static const struct call calls[] = {
	{"CertSrvBackupGetDatabaseNamesW", call_names, true, false},
	{"CertSrvBackupGetBackupLogsW", call_logs, true, false},
	{"CertSrvBackupGetDynamicFileListW", call_dynamic, true, false},
	{"CertSrvBackupOpenFileW", call_open, true, false},
	{"CertSrvBackupRead", call_read, true, false},
	{"CertSrvBackupClose", CertSrvBackupClose, true, false},
	{"CertSrvBackupTruncateLogs", CertSrvBackupTruncateLogs, true, false},
	{"CertSrvBackupEnd", CertSrvBackupEnd, true, false},
	{"backupapi_backup_abandon", backupapi_backup_abandon, true, false},
	{"CertSrvRestoreGetDatabaseLocationsW", call_locations, true, true},
	{"CertSrvRestoreRegisterW", call_register, false, true},
	{"CertSrvRestoreRegisterThroughFile", call_register_through_file, false, true},
	{"CertSrvRestoreRegisterComplete", call_complete, false, true},
	{"CertSrvRestoreEnd", CertSrvRestoreEnd, false, true},
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

static void refused(const struct call *call, HCSBC hbc)
{
	backupapi_set_last_error(OTHER_ERROR);
	ck_assert_msg(call->call(hbc) == WIN32(ERROR_INVALID_HANDLE), "%s", call->name);
	ck_assert_uint_eq(
		backupapi_get_last_error(), (uint32_t)WIN32(ERROR_INVALID_HANDLE));
	ck_assert_msg(strstr(backupapi_error_detail(), "handle") != NULL, "%s: %s",
		call->name, backupapi_error_detail());
}

enum { TOP_BIT = 8 * sizeof(uintptr_t) - 1 };

START_TEST(made_up_handles_are_refused)
{
	HCSBC live = begin_backup();
	uintptr_t number = (uintptr_t)live;
	int on_stack = 0;
	void *on_heap = malloc(64);
	void *unmapped = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	HCSBC handles[] = {NULL, (HCSBC)UINTPTR_MAX, (HCSBC)(uintptr_t)2, &on_stack,
		on_heap, unmapped, (HCSBC)(number + 1), (HCSBC)(number + 2),
		(HCSBC)(number - 1), (HCSBC)(number ^ ((uintptr_t)1 << TOP_BIT)), POISON};

	for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++)
		refused(&calls[_i], handles[i]);
	free(on_heap);
	ck_assert_int_eq(munmap(unmapped, 4096), 0);
	WORKS(CertSrvBackupEnd(live));
}
END_TEST

START_TEST(ended_handles_are_refused)
{
	HCSBC backup = begin_backup(), restore, again;

	WORKS(CertSrvBackupEnd(backup));
	refused(&calls[_i], backup);
	again = begin_backup();
	ck_assert_ptr_ne(again, backup);
	refused(&calls[_i], backup);
	WORKS(CertSrvBackupEnd(again));
	restore = begin_restore();
	WORKS(CertSrvRestoreEnd(restore));
	refused(&calls[_i], restore);
}
END_TEST

START_TEST(handles_of_the_other_kind_are_refused)
{
	HCSBC hbc;

	if (!calls[_i].backup) {
		hbc = begin_backup();
		refused(&calls[_i], hbc);
		WORKS(CertSrvBackupEnd(hbc));
	}
	if (!calls[_i].restore) {
		hbc = begin_restore();
		refused(&calls[_i], hbc);
		WORKS(CertSrvRestoreEnd(hbc));
	}
}
END_TEST

/* The child's answer comes through a pipe: it cannot release its copies of the parent's
 * sessions, which a memory checker turns into an exit status of its own. */
START_TEST(a_forked_child_has_no_handle)
{
	HCSBC hbc = begin_backup(), second = POISON;
	char answer = '?';
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_ge(pid = fork(), 0);
	if (pid == 0) {
		answer = calls[_i].call(hbc) == WIN32(ERROR_INVALID_HANDLE) ? 'y' : 'n';
		_exit(write(ends[1], &answer, 1) == 1 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(close(ends[1]), 0);
	ck_assert_int_eq(read(ends[0], &answer, 1), 1);
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_int_eq(answer, 'y');
	/* the parent's is as alive as before, and so is its lock */
	FAILS(CertSrvBackupPrepareW(NULL, 0, CSBACKUP_TYPE_FULL, &second),
		hrBackupInProgress);
	deliver_all(hbc);
	WORKS(CertSrvBackupEnd(hbc));
}
END_TEST

/* ---- threads ---- */

static void *read_to_the_end(void *argument)
{
	struct racer *racer = argument;
	struct race *race = racer->race;
	char buffer[3];
	DWORD got;

	(void)pthread_barrier_wait(&race->start);
	do {
		if (CertSrvBackupRead(race->hbc, buffer, sizeof(buffer), &got) != S_OK)
			return NULL;
		race->bytes[racer->number] += got;
	} while (got > 0);
	race->won[racer->number] = 1;
	return NULL;
}

START_TEST(threads_share_a_handle_byte_by_byte)
{
	struct race race = {0};
	char text[20001] = "";
	LARGE_INTEGER length;
	uint64_t total = 0;
	WCHAR *list;
	DWORD size;

	memset(text, 'x', sizeof(text) - 1);
	support_write(store_path(store, "big"), text);
	(void)snprintf(text, sizeof(text), "database = %s\n", store_path(store, "big"));
	store_configure(store, text);
	race.hbc = begin_backup();
	WORKS(CertSrvBackupGetDatabaseNamesW(race.hbc, &list, &size));
	CertSrvBackupFree(list);
	WORKS(CertSrvBackupOpenFileW(race.hbc, L"\\\\ca01\\certs\\big", 0, &length));
	ck_assert_int_eq(length.QuadPart, 20000);
	race_run(&race, read_to_the_end);
	for (size_t i = 0; i < THREADS; i++) {
		ck_assert_uint_eq(race.won[i], 1);
		total += race.bytes[i];
	}
	ck_assert_uint_eq(total, 20000);
	WORKS(CertSrvBackupEnd(race.hbc));
}
END_TEST

static void *end_it(void *argument)
{
	struct racer *racer = argument;
	HRESULT hr;

	(void)pthread_barrier_wait(&racer->race->start);
	hr = CertSrvBackupEnd(racer->race->hbc);
	if (hr == S_OK)
		racer->race->won[racer->number] = 1;
	else if (hr != WIN32(ERROR_INVALID_HANDLE))
		racer->race->won[racer->number] = 100;
	return NULL;
}

START_TEST(of_threads_that_end_a_backup_one_wins)
{
	for (int i = 0; i < 20; i++) {
		struct race race = {.hbc = begin_backup()};

		race_run(&race, end_it);
		ck_assert_uint_eq(winners(&race), 1);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("certbcli_handles");
	TCase *tc = tcase_create("handles");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, made_up_handles_are_refused, 0, (int)CALLS);
	tcase_add_loop_test(tc, ended_handles_are_refused, 0, (int)CALLS);
	tcase_add_loop_test(tc, handles_of_the_other_kind_are_refused, 0, (int)CALLS);
	tcase_add_loop_test(tc, a_forked_child_has_no_handle, 0, (int)CALLS);
	tcase_add_test(tc, threads_share_a_handle_byte_by_byte);
	tcase_add_test(tc, of_threads_that_end_a_backup_one_wins);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
