#include <string.h>

#include "certbcli_calls.h"

static struct store *store;

static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
}

static void teardown(void)
{
	store_free(store);
}

START_TEST(online_refuses_bad_arguments)
{
	static const WCHAR beyond_unicode[] = {0x110000, 0};
	BOOL online;

	FAILS(CertSrvIsServerOnlineW(NULL, NULL), WIN32(ERROR_INVALID_PARAMETER));
	online = 77;
	FAILS(CertSrvIsServerOnlineW(L"nobody", &online),
		WIN32(RPC_S_SERVER_UNAVAILABLE));
	ck_assert_int_eq(online, 0);
	online = 77;
	FAILS(CertSrvIsServerOnlineW(L"a/b", &online), WIN32(ERROR_INVALID_NAME));
	ck_assert_int_eq(online, 0);
	online = 77;
	FAILS(CertSrvIsServerOnlineW(beyond_unicode, &online),
		WIN32(ERROR_NO_UNICODE_TRANSLATION));
	ck_assert_int_eq(online, 0);
}
END_TEST

static void check_states(void)
{
	BOOL online = 77;

	WORKS(CertSrvIsServerOnlineW(L"ca01", &online));
	ck_assert_int_eq(online, 1);
	WORKS(CertSrvServerControlW(L"ca01", CSCONTROL_SUSPEND, NULL, NULL));
	online = 77;
	WORKS(CertSrvIsServerOnlineW(L"ca01", &online));
	ck_assert_int_eq(online, 0);
	WORKS(CertSrvServerControlW(L"ca01", CSCONTROL_RESTART, NULL, NULL));
	WORKS(CertSrvIsServerOnlineW(L"ca01", &online));
	ck_assert_int_eq(online, 1);
	WORKS(CertSrvServerControlW(L"ca01", CSCONTROL_SHUTDOWN, NULL, NULL));
	online = 77;
	FAILS(CertSrvIsServerOnlineW(L"ca01", &online), hrCouldNotConnect);
	ck_assert_int_eq(online, 0);
	WORKS(CertSrvServerControlW(L"ca01", CSCONTROL_RESTART, NULL, NULL));
	WORKS(CertSrvIsServerOnlineW(L"ca01", &online));
	ck_assert_int_eq(online, 1);
}

START_TEST(online_tells_the_three_states_apart)
{
	check_states();
}
END_TEST

START_TEST(online_tells_the_states_of_a_real_service)
{
	use_service(store);
	check_states();
}
END_TEST

START_TEST(control_refuses_bad_arguments)
{
	static const DWORD bad[] = {0, 4, 0x80000001, 0xffffffff};
	BYTE *output;
	DWORD size;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		output = POISON;
		size = POISON_SIZE;
		FAILS(CertSrvServerControlW(NULL, bad[i], &size, &output),
			WIN32(ERROR_INVALID_PARAMETER));
		ck_assert_ptr_null(output);
		ck_assert_uint_eq(size, 0);
	}
	output = POISON;
	size = POISON_SIZE;
	FAILS(CertSrvServerControlW(L"nobody", CSCONTROL_SHUTDOWN, &size, &output),
		WIN32(RPC_S_SERVER_UNAVAILABLE));
	ck_assert_ptr_null(output);
	ck_assert_uint_eq(size, 0);
}
END_TEST

static void control_says(DWORD control, const char *text)
{
	BYTE *output = POISON;
	DWORD size = POISON_SIZE;

	WORKS(CertSrvServerControlW(NULL, control, &size, &output));
	ck_assert_ptr_nonnull(output);
	ck_assert_str_eq((const char *)output, text);
	ck_assert_uint_eq(size, strlen(text));
	CertSrvBackupFree(output);
}

START_TEST(control_gives_back_what_the_service_manager_printed)
{
	use_service(store);
	control_says(CSCONTROL_SUSPEND, "said suspend\n");
	control_says(CSCONTROL_RESTART, "said resume\n");
	control_says(CSCONTROL_RESTART, "said stop\nsaid start\n");
	control_says(CSCONTROL_SHUTDOWN, "said stop\n");
	control_says(CSCONTROL_RESTART, "said start\n");
}
END_TEST

START_TEST(control_needs_no_out_pointers)
{
	BYTE *output = POISON;
	DWORD size = POISON_SIZE;

	use_service(store);
	WORKS(CertSrvServerControlW(NULL, CSCONTROL_SHUTDOWN, NULL, &output));
	ck_assert_str_eq((const char *)output, "said stop\n");
	CertSrvBackupFree(output);
	WORKS(CertSrvServerControlW(NULL, CSCONTROL_RESTART, &size, NULL));
	ck_assert_uint_eq(size, 0);
}
END_TEST

START_TEST(a_silent_service_gives_null_and_zero)
{
	BYTE *output = POISON;
	DWORD size = POISON_SIZE;

	WORKS(CertSrvServerControlW(NULL, CSCONTROL_SHUTDOWN, &size, &output));
	ck_assert_ptr_null(output);
	ck_assert_uint_eq(size, 0);
}
END_TEST

START_TEST(a_failing_command_gives_no_output_but_a_reason)
{
	BYTE *output = POISON;
	DWORD size = POISON_SIZE;
	HRESULT hr;

	store_configure(store,
		"[service]\nstart = /bin/true\nstop = /bin/sh -c 'echo cannot; exit 7'\n"
		"status = /bin/true\n");
	hr = CertSrvServerControlW(NULL, CSCONTROL_SHUTDOWN, &size, &output);
	ck_assert(FAILED(hr));
	ck_assert_uint_eq(backupapi_get_last_error(), (uint32_t)hr);
	ck_assert_ptr_nonnull(strstr(backupapi_error_detail(), "cannot"));
	ck_assert_ptr_null(output);
	ck_assert_uint_eq(size, 0);
}
END_TEST

START_TEST(what_cannot_be_suspended_says_so)
{
	store_configure(store,
		"[service]\nstart = /bin/true\nstop = /bin/true\nstatus = /bin/true\n");
	FAILS(CertSrvServerControlW(NULL, CSCONTROL_SUSPEND, NULL, NULL),
		WIN32(ERROR_INVALID_SERVICE_CONTROL));
}
END_TEST

START_TEST(restart_is_refused_while_a_restore_is_open)
{
	HCSBC hbc = begin_restore();
	WCHAR name[] = L"\\\\ca01\\certs\\serial";
	CSEDB_RSTMAPW map = {name, name};
	BYTE *output = POISON;
	DWORD size = POISON_SIZE;

	WORKS(CertSrvRestoreRegisterW(hbc, NULL, NULL, &map, 1, NULL, 0, 0));
	FAILS(CertSrvServerControlW(NULL, CSCONTROL_RESTART, &size, &output),
		hrRestoreInProgress);
	ck_assert_ptr_null(output);
	ck_assert_uint_eq(size, 0);
	WORKS(CertSrvRestoreEnd(hbc));
	FAILS(CertSrvServerControlW(NULL, CSCONTROL_RESTART, NULL, NULL),
		hrRestoreInProgress);
	WORKS(backupapi_cancel_restore(NULL));
	WORKS(CertSrvServerControlW(NULL, CSCONTROL_RESTART, NULL, NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("certbcli_server");
	TCase *tc = tcase_create("server");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, online_refuses_bad_arguments);
	tcase_add_test(tc, online_tells_the_three_states_apart);
	tcase_add_test(tc, online_tells_the_states_of_a_real_service);
	tcase_add_test(tc, control_refuses_bad_arguments);
	tcase_add_test(tc, control_gives_back_what_the_service_manager_printed);
	tcase_add_test(tc, control_needs_no_out_pointers);
	tcase_add_test(tc, a_silent_service_gives_null_and_zero);
	tcase_add_test(tc, a_failing_command_gives_no_output_but_a_reason);
	tcase_add_test(tc, what_cannot_be_suspended_says_so);
	tcase_add_test(tc, restart_is_refused_while_a_restore_is_open);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
