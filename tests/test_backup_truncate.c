/* Truncation makes the backup the base before the first log goes: whatever happens then, the
 * next incremental backup needs none of those that are gone. */
#include "session/backup.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log_engine.h"
#include "session/current_log.h"
#include "store.h"
#include "support.h"

static struct store *store;

/* Incremental backups go on from the log 4 at first. */
static void setup(void)
{
	store = store_make(STORE_FLAT, NULL);
	log_engine = (struct log_engine){.in_use = true, .low = 3, .high = 5};
	store_put_history((struct history){
		.certsrv = {.full = {.taken = true, .time = 1}, .next_generation = 4}});
}

static void teardown(void)
{
	ck_assert_int_eq(log_engine.live, 0);
	store_free(store);
}

static void read_all(struct backup *b, const struct engine_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(store_stream(b, files->items[i].path, 64, NULL));
}

/* A session that delivered all of it. */
static struct backup *delivered(enum backup_type type)
{
	struct backup *b = store_prepare(type);
	const struct engine_files *files;

	if (type == BACKUP_FULL) {
		ck_assert_int_eq(backup_databases(b, &files), STATUS_OK);
		read_all(b, files);
	}
	ck_assert_int_eq(backup_logs(b, &files), STATUS_OK);
	read_all(b, files);
	return b;
}

/* The backup of TYPE is recorded, and the next one goes on without the logs before 5. */
static void expect_base_moved(enum backup_type type)
{
	struct history_chain h = store_history().certsrv;
	struct backup *b;

	ck_assert(h.full.taken);
	ck_assert(h.incremental.taken == (type == BACKUP_INCREMENTAL));
	ck_assert((h.full.time > 1) == (type == BACKUP_FULL));
	ck_assert_uint_eq((type == BACKUP_FULL ? h.full : h.incremental).log_low,
		type == BACKUP_FULL ? 3 : 4);
	ck_assert_uint_eq(h.next_generation, 5);
	log_engine.low = 5;
	b = delivered(BACKUP_INCREMENTAL);
	ck_assert_uint_eq(log_engine.how.first_generation, 5);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert_uint_eq(store_history().certsrv.next_generation, 5);
}

/* ---- death ---- */

static status die(struct engine_session *session, uint32_t keep_from)
{
	(void)session;
	(void)keep_from;
	(void)raise(SIGKILL);
	return STATUS_OK;
}

/* In a child: it dies when the first log would go, or when the last one went. */
static void truncate_and_die(enum backup_type type, bool amid)
{
	struct store_config none = {0};
	const struct engine *in_memory;
	struct engine mortal;
	static struct backup *b; /* static, so reachable: not a leak */

	ck_assert_int_eq(engine_find(&none, &in_memory), STATUS_OK);
	mortal = *in_memory;
	if (amid)
		mortal.truncate = die;
	log_engine.engine = &mortal;
	b = delivered(type);
	ck_assert_int_eq(backup_truncate(b), STATUS_OK);
	(void)raise(SIGKILL);
}

START_TEST(who_dies_truncating_or_after_it_leaves_a_base_without_the_logs_that_went)
{
	const enum backup_type type = _i % 2 ? BACKUP_INCREMENTAL : BACKUP_FULL;
	int wait_status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		truncate_and_die(type, _i / 2);
		_exit(1);
	}
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert(WIFSIGNALED(wait_status));
	ck_assert_int_eq(WTERMSIG(wait_status), SIGKILL);
	expect_base_moved(type);
}
END_TEST

/* ---- other ends ---- */

START_TEST(a_backup_abandoned_after_truncation_is_the_base_all_the_same)
{
	const enum backup_type type = _i ? BACKUP_INCREMENTAL : BACKUP_FULL;
	struct backup *b = delivered(type);

	ck_assert_int_eq(backup_truncate(b), STATUS_OK);
	ck_assert_uint_eq(log_engine.kept_from, 5);
	ck_assert_int_eq(backup_end(b, false), STATUS_OK);
	expect_base_moved(type);
}
END_TEST

/* Some logs may have gone. */
START_TEST(a_truncation_that_fails_leaves_the_base_moved)
{
	const enum backup_type type = _i % 2 ? BACKUP_INCREMENTAL : BACKUP_FULL;
	struct backup *b = delivered(type);

	log_engine.truncate_result = STATUS_WIN32(ERROR_ACCESS_DENIED);
	ck_assert_int_eq(backup_truncate(b), STATUS_WIN32(ERROR_ACCESS_DENIED));
	ck_assert_int_eq(backup_end(b, _i / 2), STATUS_OK);
	log_engine.truncate_result = STATUS_OK;
	expect_base_moved(type);
}
END_TEST

START_TEST(what_is_forbidden_after_truncation_stays_so)
{
	struct backup *b = delivered(BACKUP_FULL);
	struct server *server = store_server();

	ck_assert_int_eq(backup_truncate(b), STATUS_OK);
	ck_assert_int_eq(current_log_set(server, CURRENT_LOG_DISABLE), STATUS_OK);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert(store_history().certsrv.incremental_disabled);
	server_free(server);
}
END_TEST

/* ---- what cannot be recorded ---- */

static void limit_files(rlim_t size)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(no_log_goes_where_the_base_cannot_be_recorded)
{
	const enum backup_type type = _i ? BACKUP_INCREMENTAL : BACKUP_FULL;
	struct backup *b = delivered(type);
	status rc;

	ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	limit_files(8);
	rc = backup_truncate(b);
	limit_files(RLIM_INFINITY);
	ck_assert_int_eq(rc, status_from_errno(EFBIG));
	ck_assert_ptr_nonnull(strstr(status_pending(), "history"));
	ck_assert_uint_eq(log_engine.kept_from, 0);
	ck_assert_int_eq(store_history().certsrv.full.time, 1);
	ck_assert_uint_eq(store_history().certsrv.next_generation, 4);
	ck_assert_int_eq(backup_truncate(b), STATUS_OK); /* there is room again */
	ck_assert_uint_eq(log_engine.kept_from, 5);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	expect_base_moved(type);
}
END_TEST

START_TEST(a_damaged_history_truncates_nothing)
{
	struct backup *b = delivered(BACKUP_FULL);
	char *path = support_path(store->state, "history");

	support_write(path, "noise\n");
	ck_assert_int_eq(backup_truncate(b), STATUS_WIN32(ERROR_INVALID_DATA));
	ck_assert_uint_eq(log_engine.kept_from, 0);
	ck_assert_int_eq(backup_end(b, false), STATUS_OK);
	free(path);
}
END_TEST

/* ---- the other family ---- */

START_TEST(truncation_keeps_what_the_other_family_needs)
{
	const struct history_chain other = {
		.full = {.taken = true, .time = 1}, .next_generation = 3};
	const struct engine_files *files;
	struct backup *b;

	store_put_history((struct history){.certsrv = other});
	ck_assert_int_eq(
		backup_prepare(store_server(), FAMILY_DS, BACKUP_FULL, &b), STATUS_OK);
	ck_assert_int_eq(backup_databases(b, &files), STATUS_OK);
	read_all(b, files);
	ck_assert_int_eq(backup_logs(b, &files), STATUS_OK);
	read_all(b, files);
	ck_assert_int_eq(backup_truncate(b), STATUS_OK);
	ck_assert_uint_eq(log_engine.kept_from, 3);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert_uint_eq(store_history().ds.next_generation, 5);
	ck_assert_uint_eq(store_history().certsrv.next_generation, 3);
	ck_assert(!store_history().certsrv.incremental.taken);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backups that truncate");
	TCase *tests = tcase_create("base");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests,
		who_dies_truncating_or_after_it_leaves_a_base_without_the_logs_that_went,
		0, 4);
	tcase_add_loop_test(tests,
		a_backup_abandoned_after_truncation_is_the_base_all_the_same, 0, 2);
	tcase_add_loop_test(tests, a_truncation_that_fails_leaves_the_base_moved, 0, 4);
	tcase_add_test(tests, what_is_forbidden_after_truncation_stays_so);
	tcase_add_loop_test(tests, no_log_goes_where_the_base_cannot_be_recorded, 0, 2);
	tcase_add_test(tests, a_damaged_history_truncates_nothing);
	tcase_add_test(tests, truncation_keeps_what_the_other_family_needs);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
