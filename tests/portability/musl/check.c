/*
 * A test is a child process in a group of its own: what it leaves running ends with it.
 */
#include "include/check.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOM 128

struct TCase {
	const char *name;
	struct entry {
		const TTest *test;
		int start, end;
	} entries[ROOM];
	int count;
	struct fixture {
		SFun setup, teardown;
	} checked[8], unchecked[8];
	int checked_count, unchecked_count;
	unsigned timeout;
};

struct Suite {
	const char *name;
	TCase *cases[ROOM];
	int count;
};

struct SRunner {
	Suite *suite;
	int run, failed;
};

static void *allocate(size_t size)
{
	void *block = calloc(1, size);

	if (!block)
		abort();
	return block;
}

static void make_room(int count, int room)
{
	if (count < room)
		return;
	fprintf(stderr, "check.c: more than %d\n", room);
	abort();
}

/* ---- building ---- */

Suite *suite_create(const char *name)
{
	Suite *suite = allocate(sizeof(*suite));

	suite->name = name;
	return suite;
}

TCase *tcase_create(const char *name)
{
	TCase *tcase = allocate(sizeof(*tcase));

	tcase->name = name;
	tcase->timeout = 4;
	return tcase;
}

void suite_add_tcase(Suite *suite, TCase *tcase)
{
	make_room(suite->count, ROOM);
	suite->cases[suite->count++] = tcase;
}

void tcase_add_checked_fixture(TCase *tcase, SFun setup, SFun teardown)
{
	make_room(tcase->checked_count, 8);
	tcase->checked[tcase->checked_count++] = (struct fixture){setup, teardown};
}

void tcase_add_unchecked_fixture(TCase *tcase, SFun setup, SFun teardown)
{
	make_room(tcase->unchecked_count, 8);
	tcase->unchecked[tcase->unchecked_count++] = (struct fixture){setup, teardown};
}

void tcase_set_timeout(TCase *tcase, double seconds)
{
	tcase->timeout = (unsigned)seconds + 1;
}

void standin_add(TCase *tcase, const TTest *test, int start, int end)
{
	make_room(tcase->count, ROOM);
	tcase->entries[tcase->count++] = (struct entry){test, start, end};
}

/* ---- assertions ---- */

void standin_fail(const char *file, int line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	printf("%s:%d: ", file, line);
	vprintf(format, arguments);
	putchar('\n');
	va_end(arguments);
	fflush(stdout);
	_exit(1);
}

void standin_integers(
	const char *file, int line, const char *what, int holds, intmax_t x, intmax_t y)
{
	if (!holds)
		standin_fail(file, line, "%s: %jd, %jd", what, x, y);
}

void standin_texts(const char *file, int line, const char *what, int holds, const char *x,
	const char *y)
{
	if (!holds)
		standin_fail(file, line, "%s: \"%s\", \"%s\"", what, x ? x : "(null)",
			y ? y : "(null)");
}

/* ---- running ---- */

static void set_up(const struct fixture *fixtures, int count)
{
	for (int i = 0; i < count; i++)
		if (fixtures[i].setup)
			fixtures[i].setup();
}

static void tear_down(const struct fixture *fixtures, int count)
{
	while (count-- > 0)
		if (fixtures[count].teardown)
			fixtures[count].teardown();
}

static _Noreturn void run_in_child(const TCase *tcase, const TTest *test, int i)
{
	setpgid(0, 0);
	alarm(tcase->timeout * 10);
	set_up(tcase->checked, tcase->checked_count);
	test->fn(i);
	tear_down(tcase->checked, tcase->checked_count);
	exit(0);
}

static void run_one(SRunner *runner, const TCase *tcase, const TTest *test, int i)
{
	int how = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0)
		run_in_child(tcase, test, i);
	setpgid(pid, pid);
	while (waitpid(pid, &how, 0) < 0)
		continue;
	kill(-pid, SIGKILL);
	runner->run++;
	if (how == 0)
		return;
	runner->failed++;
	printf("%s:%s:%d: failed, wait status 0x%x\n", tcase->name, test->name, i,
		(unsigned)how);
}

static void run_case(SRunner *runner, const TCase *tcase)
{
	set_up(tcase->unchecked, tcase->unchecked_count);
	for (int n = 0; n < tcase->count; n++) {
		const struct entry *entry = &tcase->entries[n];

		for (int i = entry->start; i < entry->end; i++)
			run_one(runner, tcase, entry->test, i);
	}
	tear_down(tcase->unchecked, tcase->unchecked_count);
}

SRunner *srunner_create(Suite *suite)
{
	SRunner *runner = allocate(sizeof(*runner));

	runner->suite = suite;
	return runner;
}

void srunner_run_all(SRunner *runner, enum print_output how)
{
	(void)how;
	for (int i = 0; i < runner->suite->count; i++)
		run_case(runner, runner->suite->cases[i]);
	printf("%s: %d tests, %d failed\n", runner->suite->name, runner->run,
		runner->failed);
}

int srunner_ntests_failed(SRunner *runner)
{
	/* A suite that ran nothing promises nothing. */
	return runner->run ? runner->failed : 1;
}

void srunner_free(SRunner *runner)
{
	for (int i = 0; i < runner->suite->count; i++)
		free(runner->suite->cases[i]);
	free(runner->suite);
	free(runner);
}
