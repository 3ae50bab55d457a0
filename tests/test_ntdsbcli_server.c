/* Which server a name means to the Ds functions that take one, and what they say of it;
 * the settings that need no handle. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ds_form.h"

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

/* ---- names ---- */

static HRESULT ask_online(const struct ds_form *form, const char *server)
{
	BOOL online = 77;
	HRESULT hr = form->online(server, &online);

	ck_assert_int_eq(online, hr == S_OK);
	return hr;
}

static HRESULT ask_prepare(const struct ds_form *form, const char *server)
{
	PVOID token = POISON;
	DWORD size = POISON_SIZE;
	HBC hbc = POISON;
	HRESULT hr = form->prepare(server, 0, BACKUP_TYPE_FULL, &token, &size, &hbc);

	if (hr == S_OK) {
		DsBackupFree(token);
		return DsBackupEnd(hbc);
	}
	ck_assert_ptr_null(token);
	ck_assert_ptr_null(hbc);
	ck_assert_uint_eq(size, 0);
	return hr;
}

static HRESULT ask_restore(const struct ds_form *form, const char *server)
{
	HBC hbc = POISON;
	HRESULT hr = form->restore_prepare(server, 0, NULL, 0, &hbc);

	if (hr == S_OK)
		return DsRestoreEnd(hbc);
	ck_assert_ptr_null(hbc);
	return hr;
}

/* A store without logs is as far as it gets. */
static HRESULT ask_log(const struct ds_form *form, const char *server)
{
	HRESULT hr = form->set_current_log(server, 1);

	ck_assert_int_ne(hr, S_OK);
	if (hr == hrCircularLogging)
		backupapi_set_last_error(OTHER_ERROR);
	return hr == hrCircularLogging ? S_OK : hr;
}

static HRESULT (*const askers[])(const struct ds_form *form, const char *server) = {
	ask_online, ask_prepare, ask_restore, ask_log};

#define ASKERS ((int)(sizeof(askers) / sizeof(askers[0])))

/* In a test that is looped over askers and forms. */
#define ASK(server) askers[_i / DS_FORMS](&ds_forms[_i % DS_FORMS], server)
#define ASKS        (ASKERS * DS_FORMS)

START_TEST(every_name_of_the_server_is_taken)
{
	static const char *const names[] = {NULL, "", ".", "localhost", "LOCALHOST",
		"\\\\localhost", "ca01", "CA01", "\\\\ca01", "\\ca01", "\\\\"};
	char host[HOST_NAME_MAX + 1] = "";

	ck_assert_int_eq(gethostname(host, sizeof(host) - 1), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		WORKS(ASK(names[i]));
	WORKS(ASK(host));
}
END_TEST

START_TEST(what_is_no_server_cannot_be_connected)
{
	/* unknown ones, and such as cannot be names */
	static const char *const names[] = {"nobody", "\\\\nobody", "ca01x", "ca",
		"under_score", "ca_01", "a/b", "ca01\\", "ca01\\Test CA", "localhost\\x",
		"-ca01", "ca 01", "\xc3\xa4", "\xff", "ca01\n", "%s%n", "c\xed\xb2\x80"};
	char *endless = malloc(1000001);

	ck_assert_ptr_nonnull(endless);
	memset(endless, 'a', 1000000);
	endless[1000000] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		FAILS(ASK(names[i]), hrCouldNotConnect);
	FAILS(ASK(endless), hrCouldNotConnect);
	free(endless);
}
END_TEST

static void add_conf(const char *name, const char *family, const char *more)
{
	char file[256], text[4096], *path;

	(void)snprintf(file, sizeof(file), "%s.conf", name);
	(void)snprintf(text, sizeof(text),
		"[server]\nname = %s\nfamily = %s\nstate_dir = %s/state-%s\n%s\n"
		"[store]\nengine = flat\ndatabase = %s/other-%s\n",
		name, family, store->dir, name, more, store->dir, name);
	path = support_path(store->conf, file);
	support_write(path, text);
	free(path);
}

START_TEST(several_servers_are_ambiguous_only_for_this_host)
{
	add_conf("ds02", "ds", "");
	FAILS(ASK(NULL), INVALID);
	FAILS(ASK(""), INVALID);
	FAILS(ASK("."), INVALID);
	FAILS(ASK("localhost"), INVALID);
	ck_assert_ptr_nonnull(strstr(backupapi_error_detail(), "ds02"));
	WORKS(ASK("ca01"));
}
END_TEST

START_TEST(the_other_familys_servers_do_not_count)
{
	add_conf("ca02", "certsrv", "");
	WORKS(ASK(NULL));
	FAILS(ASK("ca02"), hrCouldNotConnect);
}
END_TEST

static void remove_conf(void)
{
	char *path = support_path(store->conf, STORE_NAME ".conf");

	ck_assert_int_eq(remove(path), 0);
	free(path);
}

START_TEST(none_at_all_is_told_apart_from_unknown_ones)
{
	remove_conf();
	add_conf("ca02", "certsrv", "");
	FAILS(ASK(NULL), INVALID);
	FAILS(ASK("localhost"), INVALID);
	FAILS(ASK("ca01"), hrCouldNotConnect);
	ck_assert_int_eq(setenv("BACKUPAPI_CONFIG_DIR", "/nowhere", 1), 0);
	FAILS(ASK(NULL), INVALID);
	FAILS(ASK("ca01"), hrCouldNotConnect);
	ck_assert_int_eq(setenv("BACKUPAPI_CONFIG_DIR", store->conf, 1), 0);
}
END_TEST

START_TEST(servers_on_other_machines_have_no_binding)
{
	add_conf("far", "ds", "host = far.example.test");
	FAILS(ASK("far"), WIN32(RPC_S_INVALID_BINDING));
	FAILS(ASK("\\\\FAR"), WIN32(RPC_S_INVALID_BINDING));
	WORKS(DsSetAuthIdentityA("someone", "somewhere", "secret"));
	FAILS(ASK("far"), WIN32(RPC_S_INVALID_BINDING));
	WORKS(ASK(NULL)); /* the only one of this host */
	WORKS(DsSetAuthIdentityA(NULL, NULL, NULL));
}
END_TEST

START_TEST(a_broken_file_is_named)
{
	add_conf("broken", "ds", "nonsense");
	FAILS(ASK("broken"), WIN32(ERROR_BAD_CONFIGURATION));
	ck_assert_ptr_nonnull(strstr(backupapi_error_detail(), "broken.conf"));
	WORKS(ASK("ca01"));
}
END_TEST

START_TEST(characters_beyond_unicode_are_refused)
{
	static const WCHAR bad[] = {L'c', 0x110000, 0};
	const HRESULT code = WIN32(ERROR_NO_UNICODE_TRANSLATION);
	PVOID token = POISON;
	DWORD size = POISON_SIZE;
	BOOL online = 77;
	HBC hbc = POISON;

	FAILS(DsIsNTDSOnlineW(bad, &online), code);
	ck_assert_int_eq(online, 0);
	FAILS(DsBackupPrepareW(bad, 0, BACKUP_TYPE_FULL, &token, &size, &hbc), code);
	ck_assert_ptr_null(hbc);
	ck_assert_ptr_null(token);
	FAILS(DsSetCurrentBackupLogW(bad, 1), code);
}
END_TEST

/* ---- online ---- */

START_TEST(online_needs_its_pointer)
{
	FAILS(ds_forms[_i].online(NULL, NULL), INVALID);
}
END_TEST

static void control(uint32_t what)
{
	WORKS(backupapi_server_control(NULL, what, NULL));
}

static void check_online(const struct ds_form *form, BOOL expected)
{
	BOOL online = 77;

	WORKS(form->online("ca01", &online));
	ck_assert_int_eq(online, expected);
}

START_TEST(online_says_whether_it_serves)
{
	const struct ds_form *form = &ds_forms[_i % DS_FORMS];

	if (_i >= DS_FORMS)
		use_service(store);
	check_online(form, 1);
	control(BACKUPAPI_CONTROL_SUSPEND);
	check_online(form, 0);
	control(BACKUPAPI_CONTROL_RESUME);
	check_online(form, 1);
	control(BACKUPAPI_CONTROL_STOP);
	check_online(form, 0);
	control(BACKUPAPI_CONTROL_START);
	check_online(form, 1);
}
END_TEST

START_TEST(a_service_that_does_not_tell_is_an_error)
{
	BOOL online = 77;

	store_configure(store, "[service]\nstart = /bin/true\nstop = /bin/true\n"
			       "status = /bin/sh -c 'exit 9'\n");
	ck_assert(FAILED(ds_forms[_i].online(NULL, &online)));
	ck_assert_int_eq(online, 0);
	ck_assert_str_ne(backupapi_error_detail(), "");
}
END_TEST

/* ---- the next incremental ---- */

START_TEST(a_store_without_logs_has_no_current_one)
{
	const struct ds_form *form = &ds_forms[_i];

	FAILS(form->set_current_log(NULL, 0), INVALID);
	FAILS(form->set_current_log(NULL, 1), hrCircularLogging);
	FAILS(form->set_current_log("CA01", BACKUP_DISABLE_INCREMENTAL),
		hrCircularLogging);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ntdsbcli_server");
	TCase *tc = tcase_create("server");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, every_name_of_the_server_is_taken, 0, ASKS);
	tcase_add_loop_test(tc, what_is_no_server_cannot_be_connected, 0, ASKS);
	tcase_add_loop_test(
		tc, several_servers_are_ambiguous_only_for_this_host, 0, ASKS);
	tcase_add_loop_test(tc, the_other_familys_servers_do_not_count, 0, ASKS);
	tcase_add_loop_test(tc, none_at_all_is_told_apart_from_unknown_ones, 0, ASKS);
	tcase_add_loop_test(tc, servers_on_other_machines_have_no_binding, 0, ASKS);
	tcase_add_loop_test(tc, a_broken_file_is_named, 0, ASKS);
	tcase_add_test(tc, characters_beyond_unicode_are_refused);
	tcase_add_loop_test(tc, online_needs_its_pointer, 0, DS_FORMS);
	tcase_add_loop_test(tc, online_says_whether_it_serves, 0, 2 * DS_FORMS);
	tcase_add_loop_test(tc, a_service_that_does_not_tell_is_an_error, 0, DS_FORMS);
	tcase_add_loop_test(tc, a_store_without_logs_has_no_current_one, 0, DS_FORMS);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
