/* Restores with logs by a user who may write the store and nothing else, recovered by root;
 * and whose the files are that root makes. Needs root, to become that user. */
#include <errno.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "recover_logs.h"
#include "session/recover.h"

#define USER    65534
#define SKIPPED 77 /* as Meson understands it */

static void give(const char *path)
{
	ck_assert_int_eq(lchown(path, USER, USER), 0);
}

/* A service that the user may ask about; it is stopped. */
static void configure_service(void)
{
	store_configure(store, "[service]\nstart = /bin/true\nstop = /bin/true\n"
			       "status = /bin/sh -c \"exit 3\"\n");
}

static void setup(void)
{
	char *file;

	setup_logs();
	configure_service();
	ck_assert_int_eq(chmod(store->dir, 0755), 0);
	give(store->data);
	give(store_path(store, "sub"));
	give(store_path(store, "id.db"));
	give(store_path(store, "sub/entries.db"));
	give(store_path(store, "log.3"));
	give(full);
	file = support_path(full, "log.3");
	give(file);
	free(file);
	file = support_path(full, "log.4.part-13");
	give(file);
	free(file);
	store_let_age();
}

static void must(status rc, status expected, const char *what)
{
	if (rc == expected)
		return;
	fprintf(stderr, "%s: %s (%s)\n", what, status_name(rc), status_pending());
	_exit(1);
}

static void as_user(void (*call)(void))
{
	int wait_status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setresgid(USER, USER, USER) < 0 ||
			setresuid(USER, USER, USER) < 0)
			_exit(1);
		call();
		_exit(42);
	}
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert(WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 42);
}

/* What the user's calls take. */
static const char *user_log_path;
static status user_expects;

static void user_restores(void)
{
	const char *paths[] = {
		store_path(store, "id.db"), store_path(store, "sub/entries.db")};
	const struct restore_request q = {.map_given = true,
		.old_names = paths,
		.new_names = paths,
		.map_count = 2,
		.log_path = user_log_path,
		.backup_log_path = full,
		.low = 3,
		.high = 4,
		.through_file = true};
	struct restore *r;

	must(restore_prepare(store_server(), FAMILY_CERTSRV, true, &r), STATUS_OK,
		"prepare");
	must(restore_register(r, &q), user_expects, "register");
	if (!failed(user_expects)) {
		stage_databases();
		must(restore_complete(r, STATUS_OK), STATUS_OK, "complete");
	}
	restore_end(r);
}

static void restore_as_user(const char *log_path, status expected)
{
	user_log_path = log_path;
	user_expects = expected;
	as_user(user_restores);
}

static void expect_owner(const char *path, uid_t owner, mode_t mode)
{
	struct stat st;

	ck_assert_msg(lstat(path, &st) == 0, "%s", path);
	ck_assert_msg(st.st_uid == owner, "%s is %u's", path, (unsigned)st.st_uid);
	if (mode)
		ck_assert_uint_eq(st.st_mode & 07777, mode);
}

START_TEST(root_replays_a_users_logs_with_that_users_rights)
{
	restore_as_user(NULL, STATUS_OK);
	expect_replayed(FULL_CHANGES);
	expect_owner(store_path(store, "log.3"), USER, 0);
	ck_assert(store_was_replaced(store, "log.3", "log A 3\nold\n"));
}
END_TEST

START_TEST(a_log_of_roots_is_not_read_for_him)
{
	char *log = support_path(full, "log.3");

	ck_assert_int_eq(chown(log, 0, 0), 0);
	ck_assert_int_eq(chmod(log, 0600), 0);
	restore_as_user(NULL, STATUS_OK);
	ck_assert_int_eq(store_recover(), STATUS_WIN32(ERROR_ACCESS_DENIED));
	store_expect(store, "id.db", "old id\n");
	free(log);
}
END_TEST

START_TEST(nor_through_a_link_of_his)
{
	char *log = support_path(full, "log.3"),
	     *other = support_path(store->dir, "other");

	write_log(store->dir, "other", log_text('A', 3, 3, true));
	ck_assert_int_eq(chmod(other, 0644), 0);
	ck_assert_int_eq(unlink(log), 0);
	ck_assert_int_eq(symlink(other, log), 0);
	restore_as_user(NULL, STATUS_OK);
	ck_assert_int_eq(store_recover(), STATUS_WIN32(ERROR_ACCESS_DENIED));
	store_expect(store, "log.3", "log A 3\nold\n");
	free(other);
	free(log);
}
END_TEST

START_TEST(his_logs_stay_inside_the_configured_directories)
{
	char *outside = support_path(store->dir, "outside");

	restore_as_user(outside, STATUS_WIN32(ERROR_ACCESS_DENIED));
	ck_assert(!store_pending());
	restore_as_user(store->data, STATUS_OK);
	expect_replayed(FULL_CHANGES);
	free(outside);
}
END_TEST

/* Whoever wrote the registration into his store by hand. */
static void user_forges(void)
{
	struct server *server = store_server();
	struct registration *r = NULL;

	must(registration_load(server, &r), STATUS_OK, "load");
	free(r->log_path);
	r->log_path = support_path(store->dir, "outside");
	must(registration_save(server, r), STATUS_OK, "save");
	registration_free(r);
	server_free(server);
}

START_TEST(also_where_he_writes_the_registration_himself)
{
	char *outside = support_path(store->dir, "outside");

	ck_assert_int_eq(mkdir(outside, 0777), 0);
	ck_assert_int_eq(chmod(outside, 0777), 0);
	restore_as_user(NULL, STATUS_OK);
	as_user(user_forges);
	ck_assert_int_eq(store_recover(), STATUS_WIN32(ERROR_ACCESS_DENIED));
	store_expect(store, "id.db", "old id\n");
	ck_assert_int_eq(rmdir(outside), 0); /* nothing was made in it */
	free(outside);
}
END_TEST

START_TEST(what_root_copies_belongs_to_the_stores_owner)
{
	char *log = support_path(full, "log.3");
	struct restore *r = store_restore(FAMILY_CERTSRV);

	ck_assert_int_eq(chown(log, 0, 0), 0);
	ck_assert_int_eq(chmod(log, 0444), 0);
	ck_assert_int_eq(register_full_to(r, NULL, NULL, 3, 4), STATUS_OK);
	stage_databases();
	complete(r);
	expect_replayed(FULL_CHANGES);
	expect_owner(store_path(store, "log.3"), USER, 0644);
	free(log);
}
END_TEST

static int steps_left;

static void die_in_time(const struct file_event *event)
{
	if (!event->done && steps_left-- == 0)
		_exit(43);
}

static bool recovery_dies_at(int step)
{
	int wait_status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		steps_left = step;
		file_step_hook = die_in_time;
		_exit(failed(store_recover()) ? 1 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert(WIFEXITED(wait_status));
	return WEXITSTATUS(wait_status) == 43;
}

/* From the first step on until the directory is there: true. */
static bool died_ahead_of_logs(int step)
{
	char *logs = support_path(store->dir, "deep/logs");
	char *above = support_path(store->dir, "deep");
	struct restore *r = store_restore(FAMILY_CERTSRV);
	bool early;

	ck_assert_int_eq(register_full_to(r, NULL, logs, 3, 4), STATUS_OK);
	stage_databases();
	complete(r);
	ck_assert(recovery_dies_at(step));
	early = !support_exists(logs);
	expect_replayed(FULL_CHANGES);
	expect_owner(logs, USER, 0700);
	expect_owner(above, 0, 0755);
	free(above);
	free(logs);
	return early;
}

START_TEST(also_where_recovery_dies_while_it_makes_it)
{
	int step = 0;

	while (died_ahead_of_logs(step)) {
		step++;
		teardown_logs();
		setup();
	}
	ck_assert_int_gt(step, 5);
}
END_TEST

/* Its place, in that directory or beside it, would be another one once that is made. */
START_TEST(none_waits_in_a_store_that_may_become_a_directory)
{
	char text[4400], *file = support_path(store->conf, STORE_NAME ".conf");
	char *missing = support_path(store->data, "db");

	for (int i = 0; i < 2; i++) {
		(void)snprintf(text, sizeof(text),
			"[server]\nname = %s\nfamily = certsrv\nfamily = ds\n"
			"state_dir = %s\n[store]\ndatabase = %s\n"
			"[service]\nstart = /bin/true\nstop = /bin/true\n"
			"status = /bin/sh -c \"exit 3\"\n",
			STORE_NAME, store->state, i ? store->data : missing);
		support_write(file, text);
		restore_as_user(NULL, i ? STATUS_OK : STATUS_WIN32(ERROR_PATH_NOT_FOUND));
		ck_assert(store_pending() == (i == 1));
	}
	free(missing);
	free(file);
}
END_TEST

START_TEST(and_so_does_a_log_directory_that_was_missing)
{
	char *logs = support_path(store->dir, "logs"), *log = support_path(logs, "log.3");
	struct restore *r = store_restore(FAMILY_CERTSRV);

	ck_assert_int_eq(register_full_to(r, NULL, logs, 3, 4), STATUS_OK);
	stage_databases();
	complete(r);
	expect_replayed(FULL_CHANGES);
	expect_owner(logs, USER, 0700);
	expect_owner(log, USER, 0);
	free(log);
	free(logs);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("users' logs");
	TCase *t = tcase_create("users' logs");

	if (geteuid() != 0) {
		printf("skipped: needs root\n");
		return SKIPPED;
	}
	tcase_add_checked_fixture(t, setup, teardown_logs);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, root_replays_a_users_logs_with_that_users_rights);
	tcase_add_test(t, a_log_of_roots_is_not_read_for_him);
	tcase_add_test(t, nor_through_a_link_of_his);
	tcase_add_test(t, his_logs_stay_inside_the_configured_directories);
	tcase_add_test(t, also_where_he_writes_the_registration_himself);
	tcase_add_test(t, what_root_copies_belongs_to_the_stores_owner);
	tcase_add_test(t, and_so_does_a_log_directory_that_was_missing);
	tcase_add_test(t, also_where_recovery_dies_while_it_makes_it);
	tcase_add_test(t, none_waits_in_a_store_that_may_become_a_directory);
	suite_add_tcase(suite, t);
	return support_run(suite);
}
