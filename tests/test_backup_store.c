/* Sessions on real stores: who is refused one, and what names open which files. */
#include "session/backup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "store.h"
#include "support.h"

static struct store *store;

static void setup_flat(void)
{
	store = store_make(STORE_FLAT, NULL);
}

static void teardown(void)
{
	store_free(store);
}

static status try_to_prepare(unsigned family, enum backup_type type)
{
	struct backup *b;
	status rc = backup_prepare(store_server(), family, type, &b);

	ck_assert(failed(rc) == !b);
	if (b)
		ck_assert_int_eq(backup_end(b, false), STATUS_OK);
	return rc;
}

/* ---- prepare ---- */

START_TEST(a_stopped_service_is_not_there_to_be_backed_up)
{
	store_control(SERVICE_STOP);
	ck_assert_int_eq(try_to_prepare(FAMILY_CERTSRV, BACKUP_FULL), hrCouldNotConnect);
	ck_assert_ptr_nonnull(strstr(status_pending(), "stopped"));
	ck_assert_int_eq(try_to_prepare(FAMILY_DS, BACKUP_FULL), hrCouldNotConnect);
	store_control(SERVICE_START);
	ck_assert_int_eq(try_to_prepare(FAMILY_CERTSRV, BACKUP_FULL), STATUS_OK);
}
END_TEST

START_TEST(nor_is_a_suspended_one)
{
	store_control(SERVICE_SUSPEND);
	ck_assert_int_eq(try_to_prepare(FAMILY_CERTSRV, BACKUP_FULL), hrCouldNotConnect);
	ck_assert_ptr_nonnull(strstr(status_pending(), "suspended"));
	store_control(SERVICE_RESUME);
	ck_assert_int_eq(try_to_prepare(FAMILY_CERTSRV, BACKUP_FULL), STATUS_OK);
}
END_TEST

START_TEST(a_pending_restore_is_named_ahead_of_the_stopped_service)
{
	static const char *const names[] = {"serial", NULL};
	struct restore *restore;

	store_control(SERVICE_STOP);
	restore = store_restore(FAMILY_CERTSRV);
	ck_assert_int_eq(store_register(restore, store, names), STATUS_OK);
	ck_assert_int_eq(
		try_to_prepare(FAMILY_CERTSRV, BACKUP_FULL), hrRestoreInProgress);
	restore_end(restore);
	ck_assert_int_eq(try_to_prepare(FAMILY_DS, BACKUP_FULL), hrRestoreInProgress);
}
END_TEST

START_TEST(a_damaged_registration_is_a_pending_restore_too)
{
	char *path = support_path(store->state, "registration");

	support_write(path, "noise");
	ck_assert_int_eq(
		try_to_prepare(FAMILY_CERTSRV, BACKUP_FULL), hrRestoreInProgress);
	free(path);
}
END_TEST

static void register_meanwhile(const struct file_event *event)
{
	char *path = support_path(store->state, "registration");

	if (event->step == FILE_CREATE && strcmp(event->name, "backup.lock") == 0)
		support_write(path, "noise");
	free(path);
}

START_TEST(a_restore_registered_between_the_first_look_and_the_lock_is_seen)
{
	file_step_hook = register_meanwhile;
	ck_assert_int_eq(
		try_to_prepare(FAMILY_CERTSRV, BACKUP_FULL), hrRestoreInProgress);
	file_step_hook = NULL;
}
END_TEST

START_TEST(one_backup_at_a_time_in_one_process_and_for_both_families)
{
	struct backup *b = store_prepare(BACKUP_FULL);

	ck_assert_int_eq(try_to_prepare(FAMILY_CERTSRV, BACKUP_FULL), hrBackupInProgress);
	ck_assert_int_eq(try_to_prepare(FAMILY_DS, BACKUP_FULL), hrBackupInProgress);
	ck_assert_int_eq(backup_end(b, false), STATUS_OK);
	ck_assert_int_eq(try_to_prepare(FAMILY_DS, BACKUP_FULL), STATUS_OK);
}
END_TEST

/* What CALL returns in a child, as its exit status. */
static int in_child(int (*call)(void))
{
	int wait_status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(call());
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert(WIFEXITED(wait_status));
	return WEXITSTATUS(wait_status);
}

static int finds_it_busy(void)
{
	struct backup *b;

	return backup_prepare(store_server(), FAMILY_DS, BACKUP_FULL, &b) ==
			       hrBackupInProgress
		       ? 42
		       : 1;
}

/* Without ending it. */
static int prepares_and_dies(void)
{
	static struct backup *b; /* static, so reachable: not a leak */

	return backup_prepare(store_server(), FAMILY_DS, BACKUP_FULL, &b) == STATUS_OK
		       ? 42
		       : 1;
}

START_TEST(one_backup_at_a_time_across_processes_and_a_dead_one_does_not_count)
{
	struct backup *b = store_prepare(BACKUP_FULL);

	ck_assert_int_eq(in_child(finds_it_busy), 42);
	ck_assert_int_eq(backup_end(b, false), STATUS_OK);
	ck_assert_int_eq(in_child(prepares_and_dies), 42);
	ck_assert_int_eq(try_to_prepare(FAMILY_CERTSRV, BACKUP_FULL), STATUS_OK);
}
END_TEST

START_TEST(stores_without_logs_have_no_incremental_backups)
{
	ck_assert_int_eq(
		try_to_prepare(FAMILY_CERTSRV, BACKUP_INCREMENTAL), hrCircularLogging);
	store_back_up();
	ck_assert_int_eq(
		try_to_prepare(FAMILY_CERTSRV, BACKUP_INCREMENTAL), hrCircularLogging);
}
END_TEST

START_TEST(truncation_of_a_store_without_logs_does_nothing_and_succeeds)
{
	struct backup *b = store_prepare(BACKUP_FULL);
	const struct engine_files *files;

	ck_assert_int_eq(backup_databases(b, &files), STATUS_OK);
	for (size_t i = 0; i < files->count; i++)
		free(store_stream(b, files->items[i].path, 4096, NULL));
	ck_assert_int_eq(
		backup_truncate(b), hrInvalidBackupSequence); /* no logs listed yet */
	ck_assert_int_eq(backup_logs(b, &files), STATUS_OK);
	ck_assert_uint_eq(files->count, 0);
	ck_assert_int_eq(backup_truncate(b), STATUS_OK);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert(store_history().certsrv.full.taken);
	ck_assert(support_exists(store_path(store, "newcerts/01.pem")));
}
END_TEST

/* ---- names and content ---- */

START_TEST(each_listed_file_gives_what_it_held_and_the_size_that_was_announced)
{
	static const char *const names[] = {
		"index.txt", "newcerts/01.pem", "newcerts/02.pem", "serial"};
	struct backup *b = store_prepare(BACKUP_FULL);
	const struct engine_files *files;

	ck_assert_int_eq(backup_databases(b, &files), STATUS_OK);
	ck_assert_uint_eq(files->count, 4);
	for (size_t i = 0; i < 4; i++) {
		char *content = store_stream(b, files->items[i].path, 7, NULL);

		ck_assert_str_eq(files->items[i].path, store_path(store, names[i]));
		ck_assert_int_eq(files->items[i].kind, ENGINE_DATABASE);
		ck_assert_uint_eq(files->items[i].size, strlen(content));
		store_expect(store, names[i], content);
		free(content);
	}
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert(!store_history().certsrv.full.taken); /* the logs were not listed */
}
END_TEST

START_TEST(a_session_is_the_state_at_prepare)
{
	struct backup *b = store_prepare(BACKUP_FULL);
	const struct engine_files *files;
	char *content;

	support_write(store_path(store, "serial"), "changed meanwhile\n");
	ck_assert_int_eq(unlink(store_path(store, "newcerts/01.pem")), 0);
	ck_assert_int_eq(backup_databases(b, &files), STATUS_OK);
	ck_assert_uint_eq(files->count, 4);
	content = store_stream(b, store_path(store, "serial"), 4096, NULL);
	ck_assert_str_eq(content, "03\n");
	free(content);
	content = store_stream(b, store_path(store, "newcerts/01.pem"), 4096, NULL);
	ck_assert_str_eq(content, "certificate one\n");
	free(content);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
}
END_TEST

static status open_named(struct backup *b, const char *prefix, const char *rest)
{
	char *name;
	uint64_t size;
	status rc;

	ck_assert_int_ge(asprintf(&name, "%s%s", prefix, rest), 0);
	rc = backup_open(b, name, 0, &size);
	if (rc == STATUS_OK)
		ck_assert_int_eq(backup_close(b), STATUS_OK);
	free(name);
	return rc;
}

/* /a/b as \a\b */
static char *backslashes(const char *path)
{
	char *text = strdup(path);

	for (char *p = text; *p; p++)
		if (*p == '/')
			*p = '\\';
	return text;
}

START_TEST(a_listed_file_opens_by_every_form_of_its_name)
{
	struct backup *b = store_prepare(BACKUP_FULL);
	const char *path = store_path(store, "serial");
	char *windows = backslashes(path);
	const struct engine_files *files;

	ck_assert_int_eq(backup_databases(b, &files), STATUS_OK);
	ck_assert_int_eq(open_named(b, "", path), STATUS_OK);
	ck_assert_int_eq(open_named(b, "D", path), STATUS_OK);
	ck_assert_int_eq(open_named(b, "\\\\" STORE_NAME "\\posix$", windows), STATUS_OK);
	ck_assert_int_eq(
		open_named(b, "D\\\\" STORE_NAME "\\posix$", windows), STATUS_OK);
	ck_assert_int_eq(
		open_named(b, "", "\\\\" STORE_NAME "\\certs\\serial"), STATUS_OK);
	ck_assert_int_eq(open_named(b, "D", "\\\\CA01\\certs\\serial"), STATUS_OK);
	ck_assert_int_eq(backup_end(b, false), STATUS_OK);
	free(windows);
}
END_TEST

START_TEST(nothing_else_opens)
{
	static const char *const names[] = {"", "D", "serial", "Dserial", "certs\\serial",
		"\\\\other\\certs\\serial", "\\\\" STORE_NAME "\\nosuch\\serial",
		"\\\\" STORE_NAME "\\certs\\..\\data\\serial",
		"\\\\" STORE_NAME "\\certs\\absent", "\\\\" STORE_NAME "\\certs", "\\\\",
		"/etc/passwd", "D/etc/passwd", "/"};
	struct backup *b = store_prepare(BACKUP_FULL);
	const struct engine_files *files;

	ck_assert_int_eq(backup_databases(b, &files), STATUS_OK);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		status rc = open_named(b, "", names[i]);

		ck_assert_msg(rc == STATUS_WIN32(ERROR_FILE_NOT_FOUND), "\"%s\": %s",
			names[i], status_name(rc));
	}
	ck_assert_int_eq(open_named(b, store->data, "/../data/serial"),
		STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_int_eq(open_named(b, store->data, "/./serial"),
		STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_int_eq(backup_end(b, false), STATUS_OK);
}
END_TEST

START_TEST(a_file_opens_only_after_it_was_listed)
{
	struct backup *b = store_prepare(BACKUP_FULL);
	const struct engine_files *files;

	ck_assert_int_eq(open_named(b, "", store_path(store, "serial")),
		STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_int_eq(backup_databases(b, &files), STATUS_OK);
	ck_assert_int_eq(open_named(b, "", store_path(store, "serial")), STATUS_OK);
	ck_assert_int_eq(backup_end(b, false), STATUS_OK);
}
END_TEST

START_TEST(dynamic_files_are_listed_but_never_opened)
{
	struct backup *b;
	struct names list = {0};

	support_write(store_path(store, "crl/one.crl"), "crl\n");
	b = store_prepare(BACKUP_FULL);
	ck_assert_int_eq(backup_dynamic(b, &list), STATUS_OK);
	ck_assert_uint_eq(list.count, 1);
	ck_assert_str_eq(list.items[0], store_path(store, "crl/one.crl"));
	ck_assert_int_eq(
		open_named(b, "", list.items[0]), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	names_free(&list);
	ck_assert_int_eq(backup_end(b, false), STATUS_OK);
}
END_TEST

START_TEST(a_session_knows_its_server_and_its_time)
{
	struct backup *b = store_prepare(BACKUP_FULL);

	ck_assert_str_eq(backup_server(b)->name, STORE_NAME);
	ck_assert_int_gt(backup_time(b), 1700000000);
	ck_assert_int_eq(backup_end(b, false), STATUS_OK);
}
END_TEST

/* ---- SQLite ---- */

#ifdef HAVE_SQLITE
static void setup_sqlite(void)
{
	store = store_make(STORE_SQLITE, NULL);
}

static void save(const char *path, const char *data, size_t size)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(data, 1, size, f), size);
	ck_assert_int_eq(fclose(f), 0);
}

START_TEST(a_sqlite_session_gives_a_database_with_the_rows_at_prepare)
{
	struct backup *b = store_prepare(BACKUP_FULL);
	const struct engine_files *files;
	const char *copy = store_path(store, "copy");
	char *content;
	size_t length;

	store_sql(store_path(store, "ca.db"), "insert into t values(3, 'too late')");
	ck_assert_int_eq(backup_databases(b, &files), STATUS_OK);
	ck_assert_uint_eq(files->count, 1);
	content = store_stream(b, files->items[0].path, 1000, &length);
	ck_assert_uint_eq(length, files->items[0].size);
	save(copy, content, length);
	ck_assert_int_eq(store_sql_int(copy, "select count(*) from t"), 2);
	free(content);
	ck_assert_int_eq(backup_logs(b, &files), STATUS_OK);
	ck_assert_uint_eq(files->count, 0);
	ck_assert_int_eq(backup_end(b, true), STATUS_OK);
	ck_assert(store_history().certsrv.full.taken);
}
END_TEST
#endif

static TCase *on(Suite *suite, const char *name, void (*setup)(void))
{
	TCase *tests = tcase_create(name);

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	suite_add_tcase(suite, tests);
	return tests;
}

/* What must hold for any store. */
static void add_refusals(TCase *tests)
{
	tcase_add_test(tests, a_stopped_service_is_not_there_to_be_backed_up);
	tcase_add_test(tests, nor_is_a_suspended_one);
	tcase_add_test(tests, one_backup_at_a_time_in_one_process_and_for_both_families);
	tcase_add_test(tests,
		one_backup_at_a_time_across_processes_and_a_dead_one_does_not_count);
	tcase_add_test(tests, stores_without_logs_have_no_incremental_backups);
}

int main(void)
{
	Suite *suite = suite_create("backup of stores");
	TCase *flat = on(suite, "flat", setup_flat);

	add_refusals(flat);
	tcase_add_test(flat, a_pending_restore_is_named_ahead_of_the_stopped_service);
	tcase_add_test(flat, a_damaged_registration_is_a_pending_restore_too);
	tcase_add_test(
		flat, a_restore_registered_between_the_first_look_and_the_lock_is_seen);
	tcase_add_test(
		flat, truncation_of_a_store_without_logs_does_nothing_and_succeeds);
	tcase_add_test(flat,
		each_listed_file_gives_what_it_held_and_the_size_that_was_announced);
	tcase_add_test(flat, a_session_is_the_state_at_prepare);
	tcase_add_test(flat, a_listed_file_opens_by_every_form_of_its_name);
	tcase_add_test(flat, nothing_else_opens);
	tcase_add_test(flat, a_file_opens_only_after_it_was_listed);
	tcase_add_test(flat, dynamic_files_are_listed_but_never_opened);
	tcase_add_test(flat, a_session_knows_its_server_and_its_time);
#ifdef HAVE_SQLITE
	TCase *sqlite = on(suite, "sqlite", setup_sqlite);

	add_refusals(sqlite);
	tcase_add_test(
		sqlite, a_sqlite_session_gives_a_database_with_the_rows_at_prepare);
#endif
	return support_run(suite);
}
