/* Handles that are none, given to every Ds function; the other family's; and threads that
 * share one. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ds_form.h"
#include "race.h"

#define INVALID WIN32(ERROR_INVALID_PARAMETER)

static struct store *store;

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
}

static void teardown(void)
{
	store_free(store);
}

/* ---- every call ---- */

static HRESULT call_list(ds_list *get, HBC hbc)
{
	void *list = POISON;
	DWORD size = POISON_SIZE;
	HRESULT hr = get(hbc, &list, &size);

	ck_assert_ptr_null(list);
	ck_assert_uint_eq(size, 0);
	return hr;
}

static HRESULT call_open(const struct ds_form *form, HBC hbc)
{
	LARGE_INTEGER size = {.QuadPart = -1};
	HRESULT hr = form->open(hbc, "/x", DS_READ_SIZE, &size);

	ck_assert_int_eq(size.QuadPart, 0);
	return hr;
}

static HRESULT call_register(const struct ds_form *form, HBC hbc)
{
	char name[] = "/x";
	const EDB_RSTMAPA map = {name, name};

	return form->reg(hbc, name, name, &map, 1, name, 0, 0);
}

#define BOTH(function, expression)                                                       \
	static HRESULT function##_a(HBC hbc)                                             \
	{                                                                                \
		const struct ds_form *form = &ds_forms[0];                               \
                                                                                         \
		return expression;                                                       \
	}                                                                                \
	static HRESULT function##_w(HBC hbc)                                             \
	{                                                                                \
		const struct ds_form *form = &ds_forms[1];                               \
                                                                                         \
		return expression;                                                       \
	}

BOTH(names, call_list(form->names, hbc))
BOTH(logs, call_list(form->logs, hbc))
BOTH(locations, call_list(form->locations, hbc))
BOTH(open, call_open(form, hbc))
BOTH(reg, call_register(form, hbc))

static HRESULT call_read(HBC hbc)
{
	static char buffer[DS_READ_SIZE];
	DWORD got = POISON_SIZE;
	HRESULT hr = DsBackupRead(hbc, buffer, sizeof(buffer), &got);

	ck_assert_uint_eq(got, 0);
	return hr;
}

static HRESULT call_complete(HBC hbc)
{
	return DsRestoreRegisterComplete(hbc, S_OK);
}

struct call {
	const char *name;
	HRESULT (*call)(HBC);
	bool backup, restore; /* which handles of Ds it takes */
	bool certsrv_backup, certsrv_restore;
	HRESULT code;
};

#define DS(name, call, backup, restore)                                                  \
	{                                                                                \
		name, call, backup, restore, false, false, INVALID                       \
	}

static const struct call calls[] = {
	DS("DsBackupGetDatabaseNamesA", names_a, true, false),
	DS("DsBackupGetDatabaseNamesW", names_w, true, false),
	DS("DsBackupGetBackupLogsA", logs_a, true, false),
	DS("DsBackupGetBackupLogsW", logs_w, true, false),
	DS("DsBackupOpenFileA", open_a, true, false),
	DS("DsBackupOpenFileW", open_w, true, false),
	DS("DsBackupRead", call_read, true, false),
	DS("DsBackupClose", DsBackupClose, true, false),
	DS("DsBackupTruncateLogs", DsBackupTruncateLogs, true, false),
	DS("DsBackupEnd", DsBackupEnd, true, false),
	DS("DsRestoreGetDatabaseLocationsA", locations_a, false, true),
	DS("DsRestoreGetDatabaseLocationsW", locations_w, false, true),
	DS("DsRestoreRegisterA", reg_a, false, true),
	DS("DsRestoreRegisterW", reg_w, false, true),
	DS("DsRestoreRegisterComplete", call_complete, false, true),
	DS("DsRestoreEnd", DsRestoreEnd, false, true),
	/* native, for the backups of both families */
	{"backupapi_backup_abandon", backupapi_backup_abandon, true, false, true, false,
		WIN32(ERROR_INVALID_HANDLE)},
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

static void refused(const struct call *call, HBC hbc)
{
	backupapi_set_last_error(OTHER_ERROR);
	ck_assert_msg(call->call(hbc) == call->code, "%s", call->name);
	ck_assert_uint_eq(backupapi_get_last_error(), (uint32_t)call->code);
	ck_assert_msg(strstr(backupapi_error_detail(), "handle") != NULL, "%s: %s",
		call->name, backupapi_error_detail());
}

/* ---- handles ---- */

enum { TOP_BIT = 8 * sizeof(uintptr_t) - 1 };

START_TEST(made_up_handles_are_refused)
{
	HBC live = ds_begin(&ds_forms[0]);
	uintptr_t number = (uintptr_t)live;
	int on_stack = 0;
	void *on_heap = malloc(64);
	void *unmapped = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	HBC handles[] = {NULL, (HBC)UINTPTR_MAX, (HBC)(uintptr_t)2, &on_stack, on_heap,
		unmapped, (HBC)(number + 1), (HBC)(number + 2), (HBC)(number - 1),
		(HBC)(number ^ ((uintptr_t)1 << TOP_BIT)), POISON};

	for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++)
		refused(&calls[_i], handles[i]);
	free(on_heap);
	ck_assert_int_eq(munmap(unmapped, 4096), 0);
	ds_deliver(&ds_forms[0], live);
	WORKS(DsBackupEnd(live));
}
END_TEST

START_TEST(ended_handles_are_refused)
{
	HBC backup = ds_begin(&ds_forms[0]), restore, again;

	WORKS(DsBackupEnd(backup));
	refused(&calls[_i], backup);
	again = ds_begin(&ds_forms[0]);
	ck_assert_ptr_ne(again, backup);
	refused(&calls[_i], backup);
	WORKS(DsBackupEnd(again));
	restore = ds_begin_restore(&ds_forms[0]);
	WORKS(DsRestoreEnd(restore));
	refused(&calls[_i], restore);
}
END_TEST

START_TEST(handles_of_the_other_kind_are_refused)
{
	HBC hbc = POISON;

	if (!calls[_i].backup) {
		hbc = ds_begin(&ds_forms[0]);
		refused(&calls[_i], hbc);
		WORKS(DsBackupEnd(hbc));
	}
	if (!calls[_i].restore) {
		WORKS(DsRestorePrepareA(NULL, 0, NULL, 0, &hbc));
		refused(&calls[_i], hbc);
		WORKS(DsRestoreEnd(hbc));
		hbc = ds_begin_restore(&ds_forms[0]);
		refused(&calls[_i], hbc);
		WORKS(DsRestoreEnd(hbc));
	}
}
END_TEST

START_TEST(handles_of_certsrv_are_refused_and_live_on)
{
	HCSBC hbc;

	if (!calls[_i].certsrv_backup) {
		hbc = begin_backup();
		refused(&calls[_i], hbc);
		deliver_all(hbc);
		WORKS(CertSrvBackupEnd(hbc));
	}
	if (!calls[_i].certsrv_restore) {
		hbc = begin_restore();
		refused(&calls[_i], hbc);
		WORKS(CertSrvRestoreEnd(hbc));
	}
}
END_TEST

/* The reverse: what CertSrv says to a handle of Ds. */
static void certsrv_refuses(HBC hbc, bool backup)
{
	const HRESULT code = WIN32(ERROR_INVALID_HANDLE);
	LARGE_INTEGER length;
	WCHAR *list = POISON;
	char buffer[4];
	DWORD size = POISON_SIZE;

	FAILS(CertSrvBackupGetDatabaseNamesW(hbc, &list, &size), code);
	ck_assert_ptr_null(list);
	FAILS(CertSrvBackupGetBackupLogsW(hbc, &list, &size), code);
	FAILS(CertSrvBackupGetDynamicFileListW(hbc, &list, &size), code);
	FAILS(CertSrvBackupOpenFileW(hbc, L"/x", 0, &length), code);
	FAILS(CertSrvBackupRead(hbc, buffer, sizeof(buffer), &size), code);
	FAILS(CertSrvBackupClose(hbc), code);
	FAILS(CertSrvBackupTruncateLogs(hbc), code);
	FAILS(CertSrvBackupEnd(hbc), code);
	FAILS(CertSrvRestoreGetDatabaseLocationsW(hbc, &list, &size), code);
	FAILS(CertSrvRestoreRegisterW(hbc, NULL, NULL, NULL, 0, NULL, 0, 0), code);
	FAILS(CertSrvRestoreRegisterThroughFile(hbc, NULL, NULL, NULL, 0, NULL, 0, 0),
		code);
	FAILS(CertSrvRestoreRegisterComplete(hbc, S_OK), code);
	FAILS(CertSrvRestoreEnd(hbc), code);
	if (!backup)
		FAILS(backupapi_backup_abandon(hbc), code);
}

START_TEST(certsrv_refuses_handles_of_ds)
{
	HBC hbc = ds_begin(&ds_forms[0]);

	certsrv_refuses(hbc, true);
	ds_deliver(&ds_forms[0], hbc);
	WORKS(DsBackupEnd(hbc));
	hbc = ds_begin_restore(&ds_forms[0]);
	certsrv_refuses(hbc, false);
	WORKS(DsRestoreEnd(hbc));
}
END_TEST

/* As in test_certbcli_handles.c. */
START_TEST(a_forked_child_has_no_handle)
{
	HBC hbc = ds_begin(&ds_forms[0]), second = POISON;
	PVOID token = POISON;
	DWORD size;
	char answer = '?';
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_ge(pid = fork(), 0);
	if (pid == 0) {
		answer = calls[_i].call(hbc) == calls[_i].code ? 'y' : 'n';
		_exit(write(ends[1], &answer, 1) == 1 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(close(ends[1]), 0);
	ck_assert_int_eq(read(ends[0], &answer, 1), 1);
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_int_eq(answer, 'y');
	FAILS(DsBackupPrepareA(NULL, 0, BACKUP_TYPE_FULL, &token, &size, &second),
		hrBackupInProgress);
	ds_deliver(&ds_forms[0], hbc);
	WORKS(DsBackupEnd(hbc));
}
END_TEST

/* ---- threads ---- */

/* WON: 1 for the thread that was told of the end first. */
static void *read_to_the_end(void *argument)
{
	struct racer *racer = argument;
	struct race *race = racer->race;
	char *buffer = malloc(DS_READ_SIZE);
	HRESULT hr;
	DWORD got;

	(void)pthread_barrier_wait(&race->start);
	while ((hr = DsBackupRead(race->hbc, buffer, DS_READ_SIZE, &got)) == S_OK)
		race->bytes[racer->number] += got;
	race->won[racer->number] = hr == ERROR_HANDLE_EOF          ? 1
				   : hr == WIN32(ERROR_HANDLE_EOF) ? 0
								   : 100;
	free(buffer);
	return NULL;
}

START_TEST(threads_share_a_handle_and_one_end)
{
	struct race race = {0};
	const size_t length = 40 * DS_READ_SIZE + 5;
	char *text = calloc(1, length + 1), extra[5000];
	struct ds_names names;
	LARGE_INTEGER size;
	uint64_t total = 0;

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', length);
	support_write(store_path(store, "big"), text);
	free(text);
	(void)snprintf(extra, sizeof(extra), "database = %s\n", store_path(store, "big"));
	store_configure(store, extra);
	race.hbc = ds_begin(&ds_forms[0]);
	names = ds_databases(&ds_forms[0], race.hbc);
	ds_names_free(&names);
	WORKS(DsBackupOpenFileA(race.hbc, "\\\\ca01\\certs\\big", DS_READ_SIZE, &size));
	race_run(&race, read_to_the_end);
	for (size_t i = 0; i < THREADS; i++)
		total += race.bytes[i];
	ck_assert_uint_eq(total, length);
	ck_assert_uint_eq(winners(&race), 1);
	WORKS(DsBackupEnd(race.hbc));
}
END_TEST

static void *end_it(void *argument)
{
	struct racer *racer = argument;
	HRESULT hr;

	(void)pthread_barrier_wait(&racer->race->start);
	hr = DsBackupEnd(racer->race->hbc);
	racer->race->won[racer->number] = hr == S_OK ? 1 : hr == INVALID ? 0 : 100;
	return NULL;
}

START_TEST(of_threads_that_end_a_backup_one_wins)
{
	for (int i = 0; i < 20; i++) {
		struct race race = {.hbc = ds_begin(&ds_forms[0])};

		race_run(&race, end_it);
		ck_assert_uint_eq(winners(&race), 1);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ntdsbcli_handles");
	TCase *tc = tcase_create("handles");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, made_up_handles_are_refused, 0, (int)CALLS);
	tcase_add_loop_test(tc, ended_handles_are_refused, 0, (int)CALLS);
	tcase_add_loop_test(tc, handles_of_the_other_kind_are_refused, 0, (int)CALLS);
	tcase_add_loop_test(
		tc, handles_of_certsrv_are_refused_and_live_on, 0, (int)CALLS);
	tcase_add_test(tc, certsrv_refuses_handles_of_ds);
	tcase_add_loop_test(tc, a_forked_child_has_no_handle, 0, (int)CALLS);
	tcase_add_test(tc, threads_share_a_handle_and_one_end);
	tcase_add_test(tc, of_threads_that_end_a_backup_one_wins);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
