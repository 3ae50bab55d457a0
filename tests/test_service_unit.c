/*
 * What systemctl prints is read by a function of its own; a running systemd is not needed
 * for that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/service_backend.h"
#include "support.h"

struct sample {
	const char *text;
	enum service_state state;
};

static void assert_parses(const struct sample *samples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		enum service_state state = (enum service_state)99;

		ck_assert_int_eq(service_unit_parse("u.service", samples[i].text, &state),
			STATUS_OK);
		ck_assert_msg(state == samples[i].state, "%s", samples[i].text);
	}
}

#define LOADED "LoadState=loaded\n"

START_TEST(units_are_stopped_serving_or_suspended)
{
	static const struct sample samples[] = {
		{LOADED "ActiveState=active\nSubState=running\nFreezerState=running\n",
			SERVICE_SERVING},
		{LOADED "FreezerState=running\nSubState=running\nActiveState=active\n",
			SERVICE_SERVING},
		{LOADED "ActiveState=active\nSubState=exited", SERVICE_SERVING},
		{LOADED "ActiveState=reloading\n", SERVICE_SERVING},
		{LOADED "ActiveState=deactivating\nSubState=stop-sigterm\n",
			SERVICE_SERVING},
		{LOADED "ActiveState=inactive\nSubState=dead\nFreezerState=running\n",
			SERVICE_STOPPED},
		{LOADED "ActiveState=failed\nSubState=failed\n", SERVICE_STOPPED},
		{"LoadState=masked\nActiveState=inactive\n", SERVICE_STOPPED},
		{LOADED "ActiveState=active\nFreezerState=frozen\n", SERVICE_SUSPENDED},
		{LOADED "ActiveState=active\nFreezerState=thawing\n", SERVICE_SUSPENDED},
		{LOADED "ActiveState=active\nFreezerState=freezing\n", SERVICE_SERVING},
		{LOADED "ActiveState=active\r\nFreezerState=frozen\r\n",
			SERVICE_SUSPENDED},
	};

	assert_parses(samples, sizeof(samples) / sizeof(samples[0]));
}
END_TEST

START_TEST(an_activating_unit_is_stopped_until_its_own_program_runs)
{
	static const struct sample samples[] = {
		{LOADED "ActiveState=activating\nSubState=start-pre\n", SERVICE_STOPPED},
		{LOADED "ActiveState=activating\nSubState=condition\n", SERVICE_STOPPED},
		{LOADED "ActiveState=activating\nSubState=auto-restart\n",
			SERVICE_STOPPED},
		{LOADED "ActiveState=activating\n", SERVICE_STOPPED},
		{LOADED "ActiveState=activating\nSubState=start\n", SERVICE_SERVING},
		{LOADED "ActiveState=activating\nSubState=start-post\n", SERVICE_SERVING},
	};

	assert_parses(samples, sizeof(samples) / sizeof(samples[0]));
}
END_TEST

START_TEST(unknown_units_are_a_mistake_in_the_configuration)
{
	enum service_state state;

	ck_assert_int_eq(service_unit_parse("slapd.service",
				 "LoadState=not-found\nActiveState=inactive\n", &state),
		STATUS_WIN32(ERROR_BAD_CONFIGURATION));
	ck_assert_ptr_nonnull(strstr(status_pending(), "slapd.service"));
	ck_assert_int_eq(service_unit_parse("slapd.service",
				 "LoadState=bad-setting\nActiveState=inactive\n", &state),
		STATUS_WIN32(ERROR_BAD_CONFIGURATION));
}
END_TEST

START_TEST(other_words_are_an_error)
{
	static const char *const texts[] = {"", "\n", LOADED, LOADED "ActiveState=\n",
		LOADED "ActiveState=act\n", LOADED "ActiveState=active-ish\n",
		LOADED "XActiveState=active\n", "Failed to connect to bus\n"};
	enum service_state state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_int_eq(service_unit_parse("u.service", texts[i], &state),
			STATUS_WIN32(ERROR_INVALID_DATA));
}
END_TEST

/* Where no systemd runs, a unit's state cannot be had, and that is not "stopped". */
START_TEST(without_systemd_there_is_an_error)
{
	static char name[] = "ca01", unit[] = "backupapi-no-such-unit.service";
	struct server server = {.name = name, .has_service = true};
	enum service_state state;

	server.service.unit = unit;
	server.service.timeout_seconds = 10;
	ck_assert(failed(service_get_state(&server, &state)));
	ck_assert(failed(service_control(&server, SERVICE_STOP, NULL)));
	ck_assert_str_ne(status_pending(), "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("service_unit");
	TCase *tc = tcase_create("service_unit");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, units_are_stopped_serving_or_suspended);
	tcase_add_test(tc, an_activating_unit_is_stopped_until_its_own_program_runs);
	tcase_add_test(tc, unknown_units_are_a_mistake_in_the_configuration);
	tcase_add_test(tc, other_words_are_an_error);
	tcase_add_test(tc, without_systemd_there_is_an_error);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
