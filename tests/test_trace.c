#include "base/trace.h"

#include <errno.h>
#include <stdio.h>

#include "rerun.h"
#include "support.h"

/* What the program does when it is run again. */
static int say(const char *what)
{
	static char text[3000];

	memset(text, 'x', sizeof(text) - 1);
	errno = ERANGE;
	if (strcmp(what, "levels") == 0) {
		trace(TRACE_DEBUG, "a detail");
		trace(TRACE_INFO, "backup of %s, %d files", "ca01", 3);
	} else if (strcmp(what, "hostile") == 0) {
		trace(TRACE_ERROR, "%s", "a\nb\x1b[2Jc\x7f");
	} else if (strcmp(what, "long") == 0) {
		trace(TRACE_ERROR, "%s", text);
	} else if (strcmp(what, "once") == 0) {
		bool before = trace_on(TRACE_ERROR);

		return setenv("BACKUPAPI_LOG", "debug", 1) || before ||
		       trace_on(TRACE_ERROR);
	}
	return errno == ERANGE ? 0 : 1;
}

static void run(const char *what, const char *level, struct rerun *r)
{
	rerun(what, "BACKUPAPI_LOG", level, r);
	ck_assert(WIFEXITED(r->wait_status));
	ck_assert_int_eq(WEXITSTATUS(r->wait_status), 0);
}

static struct rerun result;

START_TEST(nothing_is_said_unless_asked)
{
	run("levels", NULL, &result);
	ck_assert_uint_eq(result.writes, 0);
	run("levels", "", &result);
	ck_assert_uint_eq(result.writes, 0);
	run("levels", "nonsense", &result);
	ck_assert_uint_eq(result.writes, 0);
}
END_TEST

START_TEST(levels_include_those_before)
{
	run("levels", "error", &result);
	ck_assert_uint_eq(result.writes, 0);
	run("levels", "info", &result);
	ck_assert_uint_eq(result.writes, 1);
	ck_assert_str_eq(result.lines[0], "backupapi: info: backup of ca01, 3 files\n");
	run("levels", "debug", &result);
	ck_assert_uint_eq(result.writes, 2);
	ck_assert_str_eq(result.lines[0], "backupapi: debug: a detail\n");
	ck_assert_str_eq(result.lines[1], "backupapi: info: backup of ca01, 3 files\n");
}
END_TEST

START_TEST(names_cannot_forge_lines)
{
	run("hostile", "error", &result);
	ck_assert_uint_eq(result.writes, 1);
	ck_assert_str_eq(result.lines[0], "backupapi: error: a?b?[2Jc?\n");
}
END_TEST

START_TEST(long_texts_are_cut_and_stay_one_line)
{
	static const char prefix[] = "backupapi: error: ";
	const char *line = result.lines[0];

	run("long", "error", &result);
	ck_assert_uint_eq(result.writes, 1);
	ck_assert_uint_gt(strlen(line), 2000);
	ck_assert_uint_eq(
		strspn(line + strlen(prefix), "x"), strlen(line) - strlen(prefix) - 1);
	ck_assert_int_eq(line[strlen(line) - 1], '\n');
}
END_TEST

START_TEST(environment_is_read_once)
{
	run("once", NULL, &result);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("trace");
	TCase *tcase = tcase_create("trace");

	tcase_add_test(tcase, nothing_is_said_unless_asked);
	tcase_add_test(tcase, levels_include_those_before);
	tcase_add_test(tcase, names_cannot_forge_lines);
	tcase_add_test(tcase, long_texts_are_cut_and_stay_one_line);
	tcase_add_test(tcase, environment_is_read_once);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(int argc, char **argv)
{
	return argc == 2 ? say(argv[1]) : support_run(make_suite());
}
