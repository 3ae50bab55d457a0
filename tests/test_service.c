/*
 * The front, the state file and the commands; units and pidfiles have tests of their own.
 */
#include "server/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

#define TIMEOUT        STATUS_WIN32(ERROR_SERVICE_REQUEST_TIMEOUT)
#define NOT_OFFERED    STATUS_WIN32(ERROR_INVALID_SERVICE_CONTROL)
#define NOT_ACTIVE     STATUS_WIN32(ERROR_SERVICE_NOT_ACTIVE)
#define BAD_DATA       STATUS_WIN32(ERROR_INVALID_DATA)
#define BAD_CONFIG     STATUS_WIN32(ERROR_BAD_CONFIGURATION)
#define COMMAND_FAILED STATUS_WIN32(ERROR_GEN_FAILURE)

static char name[] = "ca01";
static char *top, *state_dir, *state_file;
static struct server server;

/* ---- fixture and helpers ---- */

static void set_up(void)
{
	top = support_tmpdir();
	state_dir = support_path(top, "state");
	state_file = support_path(state_dir, "service-state");
	server = (struct server){.name = name, .state_dir = state_dir};
	server.service.timeout_seconds = 20;
}

static void tear_down(void)
{
	free(server.service.start);
	free(server.service.stop);
	free(server.service.suspend);
	free(server.service.resume);
	free(server.service.status);
	free(state_file);
	free(state_dir);
}

static void assert_state(enum service_state expected)
{
	enum service_state state = (enum service_state)99;

	ck_assert_int_eq(service_get_state(&server, &state), STATUS_OK);
	ck_assert_int_eq(state, expected);
}

static void assert_state_fails(status expected)
{
	enum service_state state;

	ck_assert_int_eq(service_get_state(&server, &state), expected);
}

static void control(enum service_control what, enum service_state expected)
{
	ck_assert_int_eq(service_control(&server, what, NULL), STATUS_OK);
	assert_state(expected);
}

static void assert_control_fails(enum service_control what, status expected)
{
	ck_assert_int_eq(service_control(&server, what, NULL), expected);
}

static void assert_message_has(const char *part)
{
	ck_assert_msg(strstr(status_pending(), part), "\"%s\" is not in \"%s\"", part,
		status_pending());
}

/* ---- without a [service] section ---- */

static void assert_state_text(const char *text)
{
	char *found = support_read(state_file);

	ck_assert_str_eq(found, text);
	free(found);
}

START_TEST(a_store_without_a_service_serves_until_it_is_stopped)
{
	assert_state(SERVICE_SERVING);
	control(SERVICE_START, SERVICE_SERVING);
	ck_assert(!support_exists(state_dir));
	control(SERVICE_STOP, SERVICE_STOPPED);
	assert_state_text("stopped\n");
	control(SERVICE_STOP, SERVICE_STOPPED);
	control(SERVICE_START, SERVICE_SERVING);
	assert_state_text("serving\n");
	control(SERVICE_SUSPEND, SERVICE_SUSPENDED);
	assert_state_text("suspended\n");
	control(SERVICE_RESUME, SERVICE_SERVING);
	control(SERVICE_SUSPEND, SERVICE_SUSPENDED);
	control(SERVICE_START, SERVICE_SERVING);
	control(SERVICE_SUSPEND, SERVICE_SUSPENDED);
	control(SERVICE_STOP, SERVICE_STOPPED);
}
END_TEST

START_TEST(what_is_stopped_can_be_neither_suspended_nor_resumed)
{
	control(SERVICE_STOP, SERVICE_STOPPED);
	assert_control_fails(SERVICE_SUSPEND, NOT_ACTIVE);
	assert_message_has("ca01: the service is stopped and cannot be suspended");
	assert_control_fails(SERVICE_RESUME, NOT_ACTIVE);
	assert_state(SERVICE_STOPPED);
}
END_TEST

START_TEST(the_state_file_is_private)
{
	struct stat st;

	control(SERVICE_STOP, SERVICE_STOPPED);
	ck_assert_int_eq(stat(state_file, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
}
END_TEST

START_TEST(a_damaged_state_file_is_an_error_that_names_it)
{
	static const char *const texts[] = {"", "\n", "stop", "stopped\n\n", "stoppedx",
		"Stopped", " stopped", "serving suspended"};
	char *noise = malloc(100000);

	ck_assert_int_eq(mkdir(state_dir, 0700), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		support_write(state_file, texts[i]);
		assert_state_fails(BAD_DATA);
		assert_message_has(state_file);
	}
	assert_control_fails(SERVICE_START, BAD_DATA);
	memset(noise, 'x', 99999);
	noise[99999] = '\0';
	support_write(state_file, noise);
	assert_state_fails(BAD_DATA);
	assert_message_has(state_file);
	support_write(state_file, "stopped");
	assert_state(SERVICE_STOPPED);
	free(noise);
}
END_TEST

START_TEST(a_state_file_that_is_a_link_is_refused)
{
	char *other = support_path(top, "other");

	support_write(other, "stopped\n");
	ck_assert_int_eq(mkdir(state_dir, 0700), 0);
	ck_assert_int_eq(symlink(other, state_file), 0);
	assert_state_fails(STATUS_WIN32(ERROR_ACCESS_DENIED));
	free(other);
}
END_TEST

/* ---- commands ---- */

/* A service that is a number in a file: its status command's exit status. */
static const char script[] = "cd \"${0%/*}\"\n"
			     "become() { echo $1 > new; mv new state; }\n"
			     "case \"$1\" in\n"
			     "status) echo status asked; exit $(cat state);;\n"
			     "set) echo \"became $2\"; become $2;;\n"
			     "later) (sleep 0.3; become $2) & ;;\n"
			     "badly) (become 9; sleep 0.2; become $2) &\n"
			     "\tsleep 0.1;;\n"
			     "fail) echo first; echo the reason >&2; echo; exit $2;;\n"
			     "hang) sleep 1000;;\n"
			     "nothing) ;;\n"
			     "esac\n";

static char *command(const char *what)
{
	char *line;

	ck_assert_int_gt(asprintf(&line, "/bin/sh '%s/ctl' %s", top, what), 0);
	return line;
}

static void set_command(char **slot, const char *what)
{
	free(*slot);
	*slot = command(what);
}

static void set_number(const char *number)
{
	char *path = support_path(top, "state");

	support_write(path, number);
	free(path);
}

static void use_commands(const char *number)
{
	char *path = support_path(top, "ctl");

	support_write(path, script);
	free(path);
	set_number(number);
	server.has_service = true;
	server.service.status = command("status");
	server.service.start = command("set 0");
	server.service.stop = command("set 3");
	server.service.suspend = command("set 4");
	server.service.resume = command("set 0");
}

START_TEST(the_status_command_tells_the_state)
{
	use_commands("0");
	assert_state(SERVICE_SERVING);
	set_number("3");
	assert_state(SERVICE_STOPPED);
	set_number("4");
	assert_state(SERVICE_SUSPENDED);
}
END_TEST

START_TEST(any_other_exit_status_is_an_error_that_names_it)
{
	use_commands("1");
	assert_state_fails(COMMAND_FAILED);
	assert_message_has("ca01: /bin/sh: exit status 1: status asked");
	set_number("77");
	assert_state_fails(COMMAND_FAILED);
	assert_message_has("exit status 77");
	set_command(&server.service.status, "\"");
	assert_state_fails(BAD_CONFIG);
	free(server.service.status);
	server.service.status = NULL;
	assert_state_fails(BAD_CONFIG);
}
END_TEST

START_TEST(commands_control_and_their_output_is_kept)
{
	struct buffer output = {0};

	use_commands("0");
	ck_assert_int_eq(service_control(&server, SERVICE_STOP, &output), STATUS_OK);
	ck_assert_str_eq(output.data, "became 3\n");
	assert_state(SERVICE_STOPPED);
	ck_assert_int_eq(service_control(&server, SERVICE_START, &output), STATUS_OK);
	ck_assert_str_eq(output.data, "became 3\nbecame 0\n");
	control(SERVICE_SUSPEND, SERVICE_SUSPENDED);
	control(SERVICE_RESUME, SERVICE_SERVING);
	buffer_free(&output);
}
END_TEST

START_TEST(what_is_reached_needs_no_command)
{
	use_commands("3");
	set_command(&server.service.stop, "fail 1");
	control(SERVICE_STOP, SERVICE_STOPPED);
	set_number("0");
	set_command(&server.service.start, "fail 1");
	set_command(&server.service.resume, "fail 1");
	control(SERVICE_START, SERVICE_SERVING);
	control(SERVICE_RESUME, SERVICE_SERVING);
}
END_TEST

START_TEST(a_suspended_service_is_started_by_resuming_it)
{
	use_commands("4");
	set_command(&server.service.start, "fail 1");
	control(SERVICE_START, SERVICE_SERVING);
}
END_TEST

START_TEST(a_failing_command_is_an_error_with_its_last_words)
{
	struct buffer output = {0};

	use_commands("0");
	set_command(&server.service.stop, "fail 5");
	ck_assert_int_eq(service_control(&server, SERVICE_STOP, &output), COMMAND_FAILED);
	assert_message_has("ca01: /bin/sh: exit status 5: the reason");
	ck_assert_str_eq(output.data, "first\nthe reason\n\n");
	assert_state(SERVICE_SERVING);
	buffer_free(&output);
}
END_TEST

START_TEST(control_returns_when_the_state_is_reached)
{
	use_commands("0");
	set_command(&server.service.stop, "later 3");
	control(SERVICE_STOP, SERVICE_STOPPED);
	set_command(&server.service.start, "badly 0");
	control(SERVICE_START, SERVICE_SERVING);
}
END_TEST

static double seconds_of(enum service_control what, status expected)
{
	struct timespec begin, end;

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &begin), 0);
	assert_control_fails(what, expected);
	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &end), 0);
	return (double)(end.tv_sec - begin.tv_sec) +
	       (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
}

START_TEST(a_state_that_does_not_come_is_a_timeout)
{
	double seconds;

	use_commands("0");
	server.service.timeout_seconds = 3;
	set_command(&server.service.stop, "nothing");
	seconds = seconds_of(SERVICE_STOP, TIMEOUT);
	ck_assert(seconds >= 3 && seconds < 30);
	assert_message_has("ca01: the service is not stopped after 3 seconds");
	set_command(&server.service.suspend, "hang");
	seconds = seconds_of(SERVICE_SUSPEND, TIMEOUT);
	ck_assert(seconds >= 3 && seconds < 30);
	assert_message_has("ca01: the service is not suspended after 3 seconds");
}
END_TEST

START_TEST(a_state_that_cannot_be_had_at_the_end_is_told_as_such)
{
	use_commands("0");
	server.service.timeout_seconds = 3;
	set_command(&server.service.stop, "set 9");
	assert_control_fails(SERVICE_STOP, COMMAND_FAILED);
	assert_message_has("exit status 9");
}
END_TEST

START_TEST(what_the_configuration_does_not_offer_is_refused)
{
	use_commands("0");
	free(server.service.suspend);
	server.service.suspend = NULL;
	assert_control_fails(SERVICE_SUSPEND, NOT_OFFERED);
	assert_message_has("ca01");
	set_number("3");
	assert_control_fails(SERVICE_SUSPEND, NOT_OFFERED);
	assert_control_fails(SERVICE_RESUME, NOT_ACTIVE);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, a_store_without_a_service_serves_until_it_is_stopped);
	tcase_add_test(tc, what_is_stopped_can_be_neither_suspended_nor_resumed);
	tcase_add_test(tc, the_state_file_is_private);
	tcase_add_test(tc, a_damaged_state_file_is_an_error_that_names_it);
	tcase_add_test(tc, a_state_file_that_is_a_link_is_refused);
	tcase_add_test(tc, the_status_command_tells_the_state);
	tcase_add_test(tc, any_other_exit_status_is_an_error_that_names_it);
	tcase_add_test(tc, commands_control_and_their_output_is_kept);
	tcase_add_test(tc, what_is_reached_needs_no_command);
	tcase_add_test(tc, a_suspended_service_is_started_by_resuming_it);
	tcase_add_test(tc, a_failing_command_is_an_error_with_its_last_words);
	tcase_add_test(tc, control_returns_when_the_state_is_reached);
	tcase_add_test(tc, a_state_that_does_not_come_is_a_timeout);
	tcase_add_test(tc, a_state_that_cannot_be_had_at_the_end_is_told_as_such);
	tcase_add_test(tc, what_the_configuration_does_not_offer_is_refused);
}

int main(void)
{
	Suite *suite = suite_create("service");
	TCase *tc = tcase_create("service");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
