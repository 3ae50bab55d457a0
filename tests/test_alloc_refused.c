#include "base/alloc_refused.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/status.h"
#include "rerun.h"
#include "support.h"

static struct alloc_stats stats(enum alloc_family family)
{
	struct alloc_stats now;

	alloc_get_stats(family, &now);
	return now;
}

START_TEST(refused_frees_are_counted_by_family)
{
	uint64_t before[ALLOC_FAMILIES];
	int local = 0;

	for (int f = 0; f < ALLOC_FAMILIES; f++)
		before[f] = stats((enum alloc_family)f).refused;
	for (int f = 0; f < ALLOC_FAMILIES; f++)
		for (int i = 0; i <= f; i++)
			ck_assert(!alloc_free((enum alloc_family)f, &local));
	for (int f = 0; f < ALLOC_FAMILIES; f++)
		ck_assert_uint_eq(
			stats((enum alloc_family)f).refused, before[f] + (uint64_t)f + 1);
}
END_TEST

START_TEST(a_refused_free_sets_the_last_error_and_keeps_errno)
{
	int local = 0;

	(void)status_fail(hrError, "/x: something else");
	(void)status_publish(hrError);
	errno = ERANGE;
	alloc_refused(ALLOC_DS, &local);
	ck_assert_int_eq(errno, ERANGE);
	ck_assert_uint_eq(status_last_error(), ERROR_INVALID_BLOCK);
	ck_assert_str_eq(status_detail(), "");
}
END_TEST

/* ---- the handler ---- */

struct refusal {
	unsigned calls;
	enum alloc_family family;
	void *pointer;
};

static void allocating_handler(void *context, uint32_t family, void *pointer)
{
	struct refusal *seen = context;
	void *blocks[1000];

	seen->calls++;
	seen->family = family;
	seen->pointer = pointer;
	for (size_t i = 0; i < 1000; i++)
		ck_assert_ptr_nonnull(blocks[i] = alloc_block(ALLOC_DS, 1));
	for (size_t i = 0; i < 1000; i++)
		ck_assert(alloc_free(ALLOC_DS, blocks[i]));
	(void)stats(ALLOC_CERTSRV);
	alloc_set_refused_handler(allocating_handler, context);
}

START_TEST(handler_may_use_the_allocator)
{
	struct refusal seen = {0};
	int local = 0;

	alloc_set_refused_handler(allocating_handler, &seen);
	ck_assert(!alloc_free(ALLOC_SIS, &local));
	ck_assert_uint_eq(status_last_error(), ERROR_INVALID_BLOCK);
	ck_assert_uint_eq(seen.calls, 1);
	ck_assert_int_eq(seen.family, ALLOC_SIS);
	ck_assert_ptr_eq(seen.pointer, &local);
	alloc_set_refused_handler(NULL, NULL);
	ck_assert(!alloc_free(ALLOC_SIS, &local));
	ck_assert_uint_eq(seen.calls, 1);
}
END_TEST

/* ---- BACKUPAPI_INVALID_FREE ---- */

static int free_twice(void)
{
	void *block = alloc_block(ALLOC_CERTSRV, 64);

	if (!block || !alloc_free(ALLOC_CERTSRV, block))
		return 2;
	return alloc_free(ALLOC_CERTSRV, block) ? 3 : 42;
}

static void check_report(const struct rerun *r)
{
	static const char begin[] = "backupapi: CertSrvBackupFree: 0x";
	static const char end[] = " is not a live block of this family\n";
	const char *line = r->lines[0];

	if (!WIFSIGNALED(r->wait_status) || !support_lacks("silent-aborts"))
		ck_assert_uint_eq(r->writes, 1);
	ck_assert_int_eq(strncmp(line, begin, sizeof(begin) - 1), 0);
	ck_assert_uint_gt(strlen(line), sizeof(end));
	ck_assert_str_eq(line + strlen(line) - (sizeof(end) - 1), end);
}

START_TEST(invalid_free_is_ignored_unless_asked)
{
	static const char *const values[] = {NULL, "ignore", "", "nonsense"};
	static struct rerun r;

	for (size_t i = 0; i < 4; i++) {
		rerun("free-twice", "BACKUPAPI_INVALID_FREE", values[i], &r);
		ck_assert(WIFEXITED(r.wait_status));
		ck_assert_int_eq(WEXITSTATUS(r.wait_status), 42);
		ck_assert_uint_eq(r.writes, 0);
	}
}
END_TEST

START_TEST(invalid_free_is_reported_on_one_line)
{
	static struct rerun r;

	rerun("free-twice", "BACKUPAPI_INVALID_FREE", "report", &r);
	ck_assert(WIFEXITED(r.wait_status));
	ck_assert_int_eq(WEXITSTATUS(r.wait_status), 42);
	check_report(&r);
}
END_TEST

START_TEST(invalid_free_aborts_if_asked)
{
	static struct rerun r;

	rerun("free-twice", "BACKUPAPI_INVALID_FREE", "abort", &r);
	ck_assert(WIFSIGNALED(r.wait_status));
	ck_assert_int_eq(WTERMSIG(r.wait_status), SIGABRT);
	check_report(&r);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("alloc_refused");
	TCase *tcase = tcase_create("alloc_refused");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, refused_frees_are_counted_by_family);
	tcase_add_test(tcase, a_refused_free_sets_the_last_error_and_keeps_errno);
	tcase_add_test(tcase, handler_may_use_the_allocator);
	tcase_add_test(tcase, invalid_free_is_ignored_unless_asked);
	tcase_add_test(tcase, invalid_free_is_reported_on_one_line);
	tcase_add_test(tcase, invalid_free_aborts_if_asked);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "free-twice") == 0)
		return free_twice();
	return support_run(make_suite());
}
