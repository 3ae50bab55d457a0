/*
 * The way back from a restore with logs: all that was there returns, byte for byte, and what
 * replay made is put aside; also where recovery, or the way back, is cut off at any step.
 */
#include "session/rollback.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "recover_logs.h"

#define DIED 42

/* ---- what there is ---- */

static struct names seen;
static size_t root_length;

/* "PATH: CONTENT" of a file; directories do not count, and what the engine of these tests
 * had not finished writing when it died. */
static int see(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	char *content, *line;

	(void)st;
	(void)ftw;
	if (type != FTW_F || strstr(path, ".backupapi-new"))
		return 0;
	content = support_read(path);
	ck_assert_int_ge(asprintf(&line, "%s: %s", path + root_length, content), 0);
	free(content);
	ck_assert_int_eq(names_take(&seen, line), STATUS_OK);
	return 0;
}

static struct names look(void)
{
	struct names result;

	root_length = strlen(store->data);
	ck_assert_int_eq(nftw(store->data, see, 16, FTW_PHYS), 0);
	names_sort(&seen);
	result = seen;
	seen = (struct names){0};
	return result;
}

static void expect_unchanged(const struct names *before)
{
	struct names after = look();

	for (size_t i = 0; i < before->count && i < after.count; i++)
		ck_assert_str_eq(after.items[i], before->items[i]);
	ck_assert_uint_eq(after.count, before->count);
	names_free(&after);
}

/* ---- the scene ---- */

static struct names before;

/* In memory where that is possible: there are many syncs. */
static void setup(void)
{
	if (!getenv("TMPDIR") && access("/dev/shm", W_OK) == 0)
		ck_assert_int_eq(setenv("TMPDIR", "/dev/shm", 1), 0);
	setup_logs();
	support_write(store_path(store, "stray.db"), "not in the set\n");
	support_write(store_path(store, "__db.001"), "region\n");
	support_write(store_path(store, "guardian"), "clean\n");
	put_log(store->data, 'A', 4);
	put_log(store->data, 'A', 5);
	put_unfinished(store->data, 'A', 6, 1);
	write_log(store->data, "log.7", strdup("log B 7\n"));
	write_log(incr, "log.4", strdup("log A 4\nA4.1\nA4.2\nA4.3\nend\n"));
	write_log(full, "log.3", strdup("log A 3\ncreate made.db\nend\n"));
	before = look();
	log_replay.result = hrDatabaseCorrupted;
	log_replay.makes_log = true;
	restore_both_sets();
}

static void teardown(void)
{
	file_step_hook = NULL;
	names_free(&before);
	teardown_logs();
}

static status cancel(void)
{
	struct server *server = store_server();
	status rc = restore_cancel(server);

	server_free(server);
	return rc;
}

START_TEST(all_returns_and_what_replay_made_is_put_aside)
{
	struct names after;

	ck_assert_int_eq(store_recover(), hrDatabaseCorrupted);
	store_expect(store, "made.db", "made by replay\n");
	store_expect(store, "log.6", "log A 6\nA6.1\nrecovered\n");
	store_expect(store, "log.7", "log A 7\n");
	after = look();
	ck_assert_uint_ne(after.count, 0);
	names_free(&after);
	ck_assert_int_eq(cancel(), STATUS_OK);
	expect_unchanged(&before);
	ck_assert(!store_pending());
	ck_assert(store_was_replaced(store, "made.db", "made by replay\n"));
	ck_assert(store_was_replaced(store, "log.7", "log A 7\n"));
	ck_assert(store_was_replaced(store, "log.6", "log A 6\nA6.1\nrecovered\n"));
	ck_assert(store_was_replaced(store, "log.3", "log A 3\ncreate made.db\nend\n"));
	ck_assert(store_was_replaced(store, "id.db", "new id\n"));
	ck_assert(!support_exists(store_path(store, STAGING_DIR)));
}
END_TEST

START_TEST(before_recovery_nothing_but_what_is_staged_goes)
{
	ck_assert_int_eq(cancel(), STATUS_OK);
	expect_unchanged(&before);
	ck_assert(!store_was_replaced(store, "id.db", NULL));
}
END_TEST

START_TEST(and_a_new_restore_can_follow)
{
	ck_assert_int_eq(store_recover(), hrDatabaseCorrupted);
	ck_assert_int_eq(cancel(), STATUS_OK);
	log_replay.result = STATUS_OK;
	write_log(store->data, "log.7", strdup("log B 7\n"));
	restore_both_sets();
	ck_assert_int_eq(store_recover(), STATUS_OK);
	ck_assert_uint_eq(log_replay.high, 6);
}
END_TEST

/* Entries of the one set, and identities of the other: no state that ever was. */
START_TEST(a_smaller_set_cannot_follow_before_the_way_back)
{
	const char *const names[] = {"id.db", NULL};
	struct restore *r;

	ck_assert_int_eq(store_recover(), hrDatabaseCorrupted);
	r = store_restore(FAMILY_CERTSRV);
	ck_assert_int_eq(
		store_register(r, store, names), STATUS_WIN32(ERROR_INVALID_STATE));
	ck_assert_ptr_nonnull(strstr(status_pending(), "/sub/entries.db: "));
	restore_end(r);
	ck_assert_int_eq(cancel(), STATUS_OK);
	expect_unchanged(&before);
	r = store_restore(FAMILY_CERTSRV);
	ck_assert_int_eq(store_register(r, store, names), STATUS_OK);
	restore_end(r);
}
END_TEST

/* What was restored in place without a map is all that there is. */
START_TEST(nor_can_one_follow_a_restore_of_all)
{
	const char *const one[] = {"id.db", NULL};
	const char *const all[] = {"id.db", "sub/entries.db", NULL};
	struct restore_request q = {
		.map_given = true, .backup_log_path = full, .low = 3, .high = 4};
	struct restore *r;

	ck_assert_int_eq(cancel(), STATUS_OK);
	ck_assert_int_eq(unlink(store_path(store, "stray.db")), 0);
	r = store_restore(FAMILY_CERTSRV);
	ck_assert_int_eq(restore_register(r, &q), STATUS_OK);
	complete(r);
	ck_assert_int_eq(store_recover(), hrDatabaseCorrupted);
	ck_assert_int_eq(unlink(store_path(store, "made.db")), 0);
	r = store_restore(FAMILY_CERTSRV);
	ck_assert_int_eq(
		store_register(r, store, one), STATUS_WIN32(ERROR_INVALID_STATE));
	ck_assert_ptr_nonnull(strstr(status_pending(), "/sub/entries.db: "));
	ck_assert_msg(store_register(r, store, all) == STATUS_OK, "%s", status_pending());
	restore_end(r);
}
END_TEST

/* ---- cut off ---- */

static int steps_left;

static void die_in_time(const struct file_event *event)
{
	if (!event->done && steps_left-- == 0)
		_exit(DIED);
}

/* Does CALL, in a child, die at the step STEP? */
static bool dies_at(int step, status (*call)(void))
{
	int wait_status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		steps_left = step;
		file_step_hook = die_in_time;
		(void)call();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert(WIFEXITED(wait_status));
	return WEXITSTATUS(wait_status) == DIED;
}

static void begin_again(void)
{
	teardown();
	setup();
}

START_TEST(recovery_cut_off_at_any_step_can_be_taken_back)
{
	int step = 0;

	for (; dies_at(step, store_recover); step++) {
		status rc = cancel();

		ck_assert_msg(rc == STATUS_OK, "step %d: %s", step, status_pending());
		expect_unchanged(&before);
		ck_assert(!store_pending());
		begin_again();
	}
	ck_assert_int_gt(step, 40);
}
END_TEST

START_TEST(and_can_go_on)
{
	int step = 0;

	for (; dies_at(step, store_recover); step++) {
		log_replay.result = STATUS_OK;
		ck_assert_int_eq(store_recover(), STATUS_OK);
		ck_assert_uint_eq(log_replay.low, 3);
		ck_assert_uint_eq(log_replay.high, 6);
		ck_assert_str_eq(log_replay.changes,
			"create made.db A4.1 A4.2 A4.3 A5.1 A5.2 A5.3 A6.1 ");
		store_expect(store, "log.6", "log A 6\nA6.1\nrecovered\n");
		store_expect(store, "log.7", "log A 7\n");
		ck_assert(store_was_replaced(store, "log.7", "log B 7\n"));
		ck_assert(store_was_replaced(store, "log.6", "log A 6\nA6.1\n"));
		begin_again();
	}
	ck_assert_int_gt(step, 40);
}
END_TEST

START_TEST(the_way_back_cut_off_at_any_step_can_be_gone_again)
{
	int step = 0;

	ck_assert_int_eq(store_recover(), hrDatabaseCorrupted);
	for (; dies_at(step, cancel); step++) {
		status rc = cancel();

		ck_assert_msg(rc == STATUS_OK || rc == hrInvalidHandle, "step %d: %s",
			step, status_pending());
		expect_unchanged(&before);
		ck_assert(!store_pending());
		begin_again();
		ck_assert_int_eq(store_recover(), hrDatabaseCorrupted);
	}
	ck_assert_int_gt(step, 40);
}
END_TEST

/* Some files are staged then, and the old ones still in their places. */
START_TEST(also_from_a_recovery_that_was_cut_off)
{
	int half = 0;

	while (dies_at(half, store_recover) &&
		!store_was_replaced(store, "id.db", "old id\n")) {
		half++;
		begin_again();
	}
	ck_assert(support_exists(store_path(store, STAGING_DIR "/id.db")));
	for (int step = 0; dies_at(step, cancel); step++) {
		status rc = cancel();

		ck_assert_msg(rc == STATUS_OK || rc == hrInvalidHandle, "step %d: %s",
			step, status_pending());
		expect_unchanged(&before);
		ck_assert(!support_exists(store_path(store, STAGING_DIR)));
		begin_again();
		ck_assert(dies_at(half, store_recover));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rollback of logs");
	TCase *t = tcase_create("rollback of logs");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 300);
	tcase_add_test(t, all_returns_and_what_replay_made_is_put_aside);
	tcase_add_test(t, before_recovery_nothing_but_what_is_staged_goes);
	tcase_add_test(t, and_a_new_restore_can_follow);
	tcase_add_test(t, a_smaller_set_cannot_follow_before_the_way_back);
	tcase_add_test(t, nor_can_one_follow_a_restore_of_all);
	tcase_add_test(t, recovery_cut_off_at_any_step_can_be_taken_back);
	tcase_add_test(t, and_can_go_on);
	tcase_add_test(t, the_way_back_cut_off_at_any_step_can_be_gone_again);
	tcase_add_test(t, also_from_a_recovery_that_was_cut_off);
	suite_add_tcase(suite, t);
	return support_run(suite);
}
