/* A restore through the Ds functions, in both forms; ntdsbcli_token has the tokens that
 * are refused. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ds_form.h"

#define SERIAL  "\\\\ca01\\certs\\serial"
#define INVALID WIN32(ERROR_INVALID_PARAMETER)

/* What Ds wants of every registration. */
#define SYSTEM "/system"
#define LOGS   "/logs"
#define SAVED  "/saved"

static struct store *store;
static char serial[] = SERIAL;
static const EDB_RSTMAPA serial_stays = {serial, serial};

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
}

static void teardown(void)
{
	store_free(store);
}

static void stop(void)
{
	WORKS(backupapi_server_control(NULL, BACKUPAPI_CONTROL_STOP, NULL));
}

static uint32_t pending(void)
{
	struct backupapi_server_info *info = POISON;
	uint32_t state;

	WORKS(backupapi_server_status(NULL, &info));
	state = info->restore;
	backupapi_free(info);
	return state;
}

/* ---- prepare ---- */

START_TEST(prepare_refuses_bad_arguments)
{
	static const ULONG bad[] = {RESTORE_TYPE_AUTHORATATIVE, RESTORE_TYPE_ONLINE, 3, 5,
		6, 7, 8, 0x80000004, 0xffffffff};
	const struct ds_form *form = &ds_forms[_i];
	DWORD size;
	void *token = ds_token(&size);
	HBC hbc;

	stop();
	FAILS(form->restore_prepare(NULL, 0, token, size, NULL), INVALID);
	FAILS(form->restore_prepare(NULL, 0, NULL, 0, NULL), INVALID);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		hbc = POISON;
		FAILS(form->restore_prepare(NULL, bad[i], token, size, &hbc), INVALID);
		ck_assert_ptr_null(hbc);
		hbc = POISON;
		FAILS(form->restore_prepare(NULL, bad[i], NULL, 0, &hbc), INVALID);
		ck_assert_ptr_null(hbc);
	}
	DsBackupFree(token);
}
END_TEST

START_TEST(prepare_takes_two_kinds_of_flags)
{
	const struct ds_form *form = &ds_forms[_i];
	DWORD size;
	void *token = ds_token(&size);
	HBC hbc = POISON;

	stop();
	WORKS(form->restore_prepare("\\\\ca01", 0, token, size, &hbc));
	WORKS(DsRestoreEnd(hbc));
	WORKS(form->restore_prepare("CA01", RESTORE_TYPE_CATCHUP, token, size, &hbc));
	WORKS(DsRestoreEnd(hbc));
	DsBackupFree(token);
}
END_TEST

START_TEST(a_running_service_bars_a_restore)
{
	const struct ds_form *form = &ds_forms[_i];
	DWORD size;
	void *token = ds_token(&size);
	HBC hbc = POISON;

	FAILS(form->restore_prepare(NULL, 0, token, size, &hbc),
		WIN32(ERROR_SERVICE_ALREADY_RUNNING));
	ck_assert_ptr_null(hbc);
	DsBackupFree(token);
}
END_TEST

START_TEST(one_restore_handle_at_a_time_across_families)
{
	const struct ds_form *form = &ds_forms[_i];
	HBC first = ds_begin_restore(form), second = POISON;
	HCSBC other = POISON;
	DWORD size;
	void *token;

	WORKS(DsRestoreEnd(first));
	WORKS(backupapi_server_control(NULL, BACKUPAPI_CONTROL_START, NULL));
	token = ds_token(&size);
	stop();
	WORKS(form->restore_prepare(NULL, 0, token, size, &first));
	FAILS(form->restore_prepare(NULL, 0, token, size, &second), hrRestoreInProgress);
	ck_assert_ptr_null(second);
	FAILS(CertSrvRestorePrepareW(NULL, 0, &other), hrRestoreInProgress);
	ck_assert_ptr_null(other);
	WORKS(DsRestoreEnd(first));
	WORKS(CertSrvRestorePrepareW(NULL, 0, &other));
	second = POISON;
	FAILS(form->restore_prepare(NULL, 0, token, size, &second), hrRestoreInProgress);
	ck_assert_ptr_null(second);
	WORKS(CertSrvRestoreEnd(other));
	DsBackupFree(token);
}
END_TEST

/* ---- without a token ---- */

static void lists_locations(const struct ds_form *form, HBC hbc)
{
	struct ds_names names = ds_locations(form, hbc);
	int directories = 0;

	ck_assert_uint_eq(names.count, 6);
	ck_assert(ds_has(&names, 'D', SERIAL));
	for (size_t i = 0; i < names.count; i++)
		directories += names.items[i].tag == 0x82   ? 1
			       : names.items[i].tag == 0x83 ? 10
							    : 0;
	ck_assert_int_eq(directories, 11);
	ds_names_free(&names);
}

START_TEST(without_a_token_locations_are_listed_at_any_time)
{
	const struct ds_form *form = &ds_forms[_i];
	HBC backup = ds_begin(form), first = POISON, second = POISON, restore;

	WORKS(form->restore_prepare(NULL, 0, NULL, 0, &first)); /* during a backup */
	lists_locations(form, first);
	WORKS(form->restore_prepare(NULL, RESTORE_TYPE_CATCHUP, NULL, 99, &second));
	lists_locations(form, second);
	WORKS(DsBackupEnd(backup));
	restore = ds_begin_restore(form); /* and during a restore */
	lists_locations(form, first);
	lists_locations(form, restore);
	WORKS(DsRestoreEnd(first));
	WORKS(DsRestoreEnd(second));
	WORKS(DsRestoreEnd(restore));
}
END_TEST

START_TEST(without_a_token_nothing_is_registered)
{
	const struct ds_form *form = &ds_forms[_i];
	HBC hbc = POISON;

	stop();
	WORKS(form->restore_prepare(NULL, 0, NULL, 0, &hbc));
	FAILS(form->reg(hbc, SYSTEM, LOGS, &serial_stays, 1, SAVED, 0, 0),
		hrMissingExpiryToken);
	FAILS(form->reg(hbc, SYSTEM, LOGS, NULL, 0, SAVED, 1, 2), hrMissingExpiryToken);
	FAILS(DsRestoreRegisterComplete(hbc, S_OK), hrMissingExpiryToken);
	ck_assert_uint_eq(pending(), BACKUPAPI_RESTORE_NONE);
	WORKS(DsRestoreEnd(hbc));
}
END_TEST

START_TEST(locations_are_listed_when_everything_is_lost)
{
	const struct ds_form *form = &ds_forms[_i];
	HBC hbc = ds_begin_restore(form);

	ck_assert_int_eq(remove(store_path(store, "serial")), 0);
	ck_assert_int_eq(remove(store_path(store, "index.txt")), 0);
	lists_locations(form, hbc);
	WORKS(DsRestoreEnd(hbc));
}
END_TEST

/* ---- register ---- */

START_TEST(register_refuses_bad_arguments)
{
	const struct ds_form *form = &ds_forms[_i];
	const EDB_RSTMAPA no_old = {NULL, serial}, no_new = {serial, NULL};
	const EDB_RSTMAPA *map = &serial_stays;
	HBC hbc = ds_begin_restore(form);

	FAILS(form->reg(hbc, NULL, LOGS, map, 1, SAVED, 0, 0), INVALID);
	FAILS(form->reg(hbc, SYSTEM, NULL, map, 1, SAVED, 0, 0), INVALID);
	FAILS(form->reg(hbc, SYSTEM, LOGS, map, 1, NULL, 0, 0), INVALID);
	FAILS(form->reg(hbc, SYSTEM, LOGS, map, -1, SAVED, 0, 0), INVALID);
	FAILS(form->reg(hbc, SYSTEM, LOGS, map, INT32_MIN, SAVED, 0, 0), INVALID);
	FAILS(form->reg(hbc, SYSTEM, LOGS, NULL, 1, SAVED, 0, 0), INVALID);
	FAILS(form->reg(hbc, SYSTEM, LOGS, NULL, -1, SAVED, 0, 0), INVALID);
	FAILS(form->reg(hbc, SYSTEM, LOGS, NULL, INT32_MAX, SAVED, 0, 0), INVALID);
	FAILS(form->reg(hbc, SYSTEM, LOGS, &no_old, 1, SAVED, 0, 0), INVALID);
	FAILS(form->reg(hbc, SYSTEM, LOGS, &no_new, 1, SAVED, 0, 0), INVALID);
	FAILS(form->reg(hbc, SYSTEM, LOGS, map, 1, SAVED, 5, 4), INVALID);
	FAILS(form->reg(hbc, SYSTEM, LOGS, map, 1, SAVED, 0xffffffff, 0), INVALID);
	FAILS(form->reg(hbc, SYSTEM, LOGS, map, 1, SAVED, 0, 7), INVALID);
	ck_assert_uint_eq(pending(), BACKUPAPI_RESTORE_NONE);
	WORKS(DsRestoreEnd(hbc));
}
END_TEST

START_TEST(characters_beyond_unicode_are_refused)
{
	WCHAR bad[] = {L'/', 0x110000, 0}, good[] = L"/x";
	EDB_RSTMAPW bad_old = {bad, good}, bad_new = {good, bad}, map = {good, good};
	const HRESULT code = WIN32(ERROR_NO_UNICODE_TRANSLATION);
	HBC hbc = ds_begin_restore(&ds_forms[1]), other = POISON;

	FAILS(DsRestoreRegisterW(hbc, bad, good, &map, 1, good, 0, 0), code);
	FAILS(DsRestoreRegisterW(hbc, good, bad, &map, 1, good, 0, 0), code);
	FAILS(DsRestoreRegisterW(hbc, good, good, &map, 1, bad, 0, 0), code);
	FAILS(DsRestoreRegisterW(hbc, good, good, &bad_old, 1, good, 0, 0), code);
	FAILS(DsRestoreRegisterW(hbc, good, good, &bad_new, 1, good, 0, 0), code);
	FAILS(DsRestorePrepareW(bad, 0, NULL, 0, &other), code);
	ck_assert_ptr_null(other);
	ck_assert_uint_eq(pending(), BACKUPAPI_RESTORE_NONE);
	WORKS(DsRestoreEnd(hbc));
}
END_TEST

START_TEST(register_refuses_names_that_are_none)
{
	static const char *const names[] = {"", "relative", "..", "/..", "/a/../b",
		"\\\\other\\certs\\serial", "\\\\ca01\\nothing\\serial",
		"\\\\ca01\\certs\\..\\serial", "\\\\ca01"};
	const struct ds_form *form = &ds_forms[_i];
	const HRESULT invalid = WIN32(ERROR_INVALID_NAME);
	const EDB_RSTMAPA *good = &serial_stays;
	HBC hbc = ds_begin_restore(form);
	char name[64];
	const EDB_RSTMAPA old = {name, serial}, new = {serial, name};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		strcpy(name, names[i]);
		FAILS(form->reg(hbc, SYSTEM, LOGS, &old, 1, SAVED, 0, 0), invalid);
		FAILS(form->reg(hbc, SYSTEM, LOGS, &new, 1, SAVED, 0, 0), invalid);
		FAILS(form->reg(hbc, name, LOGS, good, 1, SAVED, 0, 0), invalid);
		FAILS(form->reg(hbc, SYSTEM, name, good, 1, SAVED, 0, 0), invalid);
		FAILS(form->reg(hbc, SYSTEM, LOGS, good, 1, name, 0, 0), invalid);
	}
	ck_assert_uint_eq(pending(), BACKUPAPI_RESTORE_NONE);
	WORKS(DsRestoreEnd(hbc));
}
END_TEST

START_TEST(the_order_of_registrations_is_kept)
{
	const struct ds_form *form = &ds_forms[_i];
	const EDB_RSTMAPA *map = &serial_stays;
	HBC hbc = ds_begin_restore(form);

	FAILS(DsRestoreRegisterComplete(hbc, S_OK), hrInvalidHandle);
	FAILS(form->reg(hbc, SYSTEM, LOGS, NULL, 0, SAVED, 1, 2), hrNoFullRestore);
	WORKS(form->reg(hbc, SYSTEM, LOGS, map, 1, SAVED, 0, 0));
	ck_assert_uint_eq(pending(), BACKUPAPI_RESTORE_OPEN);
	FAILS(form->reg(hbc, SYSTEM, LOGS, map, 1, SAVED, 0, 0), hrRestoreMapExists);
	WORKS(DsRestoreRegisterComplete(hbc, S_OK));
	ck_assert_uint_eq(pending(), BACKUPAPI_RESTORE_COMPLETE);
	WORKS(DsRestoreRegisterComplete(hbc, hrContentsExpired));
	ck_assert_uint_eq(pending(), BACKUPAPI_RESTORE_FAILED);
	FAILS(DsRestoreRegisterComplete(hbc, S_OK), WIN32(ERROR_INVALID_STATE));
	WORKS(DsRestoreEnd(hbc));
	ck_assert_uint_eq(pending(), BACKUPAPI_RESTORE_FAILED);
}
END_TEST

/* ---- the whole way ---- */

static void stage(const char *name, const char *text)
{
	store_stage(store, name, text);
}

START_TEST(a_registered_restore_is_recovered)
{
	const struct ds_form *form = &ds_forms[_i];
	char tagged[] = "D" SERIAL, index[] = "\\\\CA01\\certs\\index.txt";
	const EDB_RSTMAPA map[] = {{tagged, tagged}, {index, index}};
	char *index_text = support_read(store_path(store, "index.txt"));
	BOOL online = 77;
	HBC hbc = ds_begin_restore(form);

	support_write(store_path(store, "serial"), "destroyed");
	ck_assert_int_eq(remove(store_path(store, "index.txt")), 0);
	WORKS(form->reg(hbc, SYSTEM, LOGS, map, 2, SAVED, 0, 0));
	FAILS(backupapi_recover(NULL), hrRestoreInProgress);
	stage("serial", "03\n");
	stage("index.txt", index_text);
	WORKS(DsRestoreRegisterComplete(hbc, S_OK));
	WORKS(DsRestoreEnd(hbc));
	WORKS(form->online(NULL, &online));
	ck_assert_int_eq(online, 0);
	WORKS(backupapi_recover(NULL));
	ck_assert_uint_eq(pending(), BACKUPAPI_RESTORE_NONE);
	store_expect(store, "serial", "03\n");
	store_expect(store, "index.txt", index_text);
	WORKS(form->online(NULL, &online));
	ck_assert_int_eq(online, 1);
	hbc = ds_begin(form);
	ds_deliver(form, hbc);
	WORKS(DsBackupEnd(hbc));
	free(index_text);
}
END_TEST

/* No UTF-8, a backslash, and what stands for one. */
#define ODD "odd/\xff\\\xef\x81\x9c"

/* A file whose name is no UTF-8 is registered by the name that the form lists. */
START_TEST(odd_names_are_registered_as_listed)
{
	const struct ds_form *form = &ds_forms[_i];
	char extra[5000], name[64] = "";
	struct ds_names names;
	EDB_RSTMAPA map = {name, name};
	HBC hbc;

	ck_assert_int_eq(mkdir(store_path(store, "odd"), 0755), 0);
	support_write(store_path(store, ODD), "odd");
	(void)snprintf(
		extra, sizeof(extra), "database = %s\n", store_path(store, "odd/*"));
	store_configure(store, extra);
	hbc = ds_begin_restore(form);
	names = ds_locations(form, hbc);
	for (size_t i = 0; i < names.count; i++)
		if (strstr(names.items[i].name, "\\odd\\"))
			(void)snprintf(name, sizeof(name), "%s", names.items[i].name);
	ck_assert_str_ne(name, "");
	ds_names_free(&names);
	WORKS(form->reg(hbc, SYSTEM, LOGS, &map, 1, SAVED, 0, 0));
	stage(ODD, "restored");
	WORKS(DsRestoreRegisterComplete(hbc, S_OK));
	WORKS(DsRestoreEnd(hbc));
	WORKS(backupapi_recover(NULL));
	store_expect(store, ODD, "restored");
}
END_TEST

START_TEST(a_failed_restore_keeps_the_service_down)
{
	const struct ds_form *form = &ds_forms[_i];
	HBC hbc = ds_begin_restore(form);

	WORKS(form->reg(hbc, SYSTEM, LOGS, &serial_stays, 1, SAVED, 0, 0));
	WORKS(DsRestoreRegisterComplete(hbc, WIN32(ERROR_CRC)));
	WORKS(DsRestoreEnd(hbc));
	FAILS(backupapi_server_control(NULL, BACKUPAPI_CONTROL_START, NULL),
		hrRestoreInProgress);
	FAILS(backupapi_recover(NULL), hrRestoreInProgress);
	WORKS(backupapi_cancel_restore(NULL));
	WORKS(backupapi_server_control(NULL, BACKUPAPI_CONTROL_START, NULL));
	store_expect(store, "serial", "03\n");
}
END_TEST

/* One store, one registration: either family completes what the other one left. */
START_TEST(either_family_completes_an_orphaned_registration)
{
	const struct ds_form *form = &ds_forms[_i];
	HBC hbc = ds_begin_restore(form);
	HCSBC other = POISON;

	WORKS(form->reg(hbc, SYSTEM, LOGS, &serial_stays, 1, SAVED, 0, 0));
	WORKS(DsRestoreEnd(hbc));
	WORKS(CertSrvRestorePrepareW(NULL, 0, &other));
	WORKS(CertSrvRestoreRegisterComplete(other, S_OK));
	WORKS(CertSrvRestoreEnd(other));
	ck_assert_uint_eq(pending(), BACKUPAPI_RESTORE_COMPLETE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ntdsbcli_restore");
	TCase *tc = tcase_create("restore");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, prepare_refuses_bad_arguments, 0, DS_FORMS);
	tcase_add_loop_test(tc, prepare_takes_two_kinds_of_flags, 0, DS_FORMS);
	tcase_add_loop_test(tc, a_running_service_bars_a_restore, 0, DS_FORMS);
	tcase_add_loop_test(
		tc, one_restore_handle_at_a_time_across_families, 0, DS_FORMS);
	tcase_add_loop_test(
		tc, without_a_token_locations_are_listed_at_any_time, 0, DS_FORMS);
	tcase_add_loop_test(tc, without_a_token_nothing_is_registered, 0, DS_FORMS);
	tcase_add_loop_test(
		tc, locations_are_listed_when_everything_is_lost, 0, DS_FORMS);
	tcase_add_loop_test(tc, register_refuses_bad_arguments, 0, DS_FORMS);
	tcase_add_test(tc, characters_beyond_unicode_are_refused);
	tcase_add_loop_test(tc, register_refuses_names_that_are_none, 0, DS_FORMS);
	tcase_add_loop_test(tc, the_order_of_registrations_is_kept, 0, DS_FORMS);
	tcase_add_loop_test(tc, a_registered_restore_is_recovered, 0, DS_FORMS);
	tcase_add_loop_test(tc, odd_names_are_registered_as_listed, 0, DS_FORMS);
	tcase_add_loop_test(tc, a_failed_restore_keeps_the_service_down, 0, DS_FORMS);
	tcase_add_loop_test(
		tc, either_family_completes_an_orphaned_registration, 0, DS_FORMS);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
