/* Each allocation of whole flows fails in turn: the call that needed it says so, nothing
 * leaks, nothing breaks, and the same flow works right afterwards. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support.h"
#include "base/file.h"
#include "scene.h"
#include "session/control.h"
#include "session/staging.h"
#include "sweep.h"

static struct scene *scene;

static void setup(void)
{
	if (!getenv("TMPDIR") && access("/dev/shm", W_OK) == 0)
		ck_assert_int_eq(setenv("TMPDIR", "/dev/shm", 1), 0);
}

/* A store whose files agree with each other, online. */
static void begin(enum store_kind kind)
{
	static const char *const stale[] = {
		"newcerts/stray.pem", "ca.db-wal", "ca.db-journal", "extra1.db-wal"};

	scene = scene_make(kind, support_tmpdir(), NULL);
	for (size_t i = 0; i < sizeof(stale) / sizeof(stale[0]); i++)
		(void)unlink(store_path(scene->store, stale[i]));
	store_control(SERVICE_START);
}

static void teardown(void)
{
	scene_free(scene);
}

/* ---- flows ---- */

static status read_file(struct backup *b, const char *path)
{
	char buffer[16];
	uint64_t size;
	size_t got = 1;
	status rc = backup_open(b, path, 0, &size);

	while (!failed(rc) && got > 0)
		rc = backup_read(b, buffer, sizeof(buffer), &got);
	return failed(rc) ? rc : backup_close(b);
}

static status read_all(struct backup *b)
{
	const struct engine_files *files;
	struct names dynamic = {0};
	status rc = backup_databases(b, &files);

	for (size_t i = 0; !failed(rc) && i < files->count; i++)
		rc = read_file(b, files->items[i].path);
	if (!failed(rc))
		rc = backup_logs(b, &files);
	if (!failed(rc))
		rc = backup_dynamic(b, &dynamic);
	names_free(&dynamic);
	return failed(rc) ? rc : backup_truncate(b);
}

static status back_up(void)
{
	struct server *server;
	struct backup *b;
	status rc = server_find(FAMILY_CERTSRV, "\\\\" STORE_NAME, &server), ended;

	if (!failed(rc))
		rc = backup_prepare(server, FAMILY_CERTSRV, BACKUP_FULL, &b);
	if (failed(rc))
		return rc;
	rc = read_all(b);
	ended = backup_end(b, true);
	return failed(rc) ? rc : ended;
}

static status control(enum service_control what)
{
	struct server *server;
	status rc = server_find(FAMILY_ANY, "localhost", &server);

	if (failed(rc))
		return rc;
	rc = control_service(server, what, NULL);
	server_free(server);
	return rc;
}

static status stage(const struct scene_file *file)
{
	char *staged = staging_path(store_path(scene->store, file->name));
	const char *name;
	int dirfd;
	status rc;

	if (!staged)
		return status_no_memory();
	*strrchr(staged, '/') = '\0';
	rc = file_make_dirs(staged, 0700);
	staged[strlen(staged)] = '/';
	if (!failed(rc))
		rc = file_open_parent(staged, FILE_TRUSTED, &dirfd, &name);
	if (!failed(rc)) {
		rc = file_replace_at(dirfd, name, file->new.data, file->new.size, 0600);
		(void)close(dirfd);
	}
	free(staged);
	return rc;
}

/* The first file is staged, another one restored in place. */
static status register_and_complete(struct restore *r)
{
	const char *old_names[] = {NULL, "D\\\\CA01\\certs\\newcerts\\01.pem"};
	const char *new_names[] = {store_path(scene->store, scene->files[0].name),
		store_path(scene->store, "newcerts/01.pem")};
	const bool logs = scene->store->kind == STORE_DIRECTORY;
	char set[4200];
	const struct restore_request full = {.map_given = true,
		.map_count = scene->store->kind == STORE_FLAT ? 2 : 1,
		.old_names = old_names,
		.new_names = new_names,
		.log_path = logs ? NULL : "/var/log",
		.backup_log_path = logs ? set : "/media",
		.checkpoint_path = "/var/lib",
		.low = logs ? 3 : 0,
		.high = logs ? 4 : 0};
	const struct restore_request incremental = {.map_given = false};
	status rc;

	(void)snprintf(set, sizeof(set), "%s/set", scene->store->dir);
	old_names[0] = new_names[0];
	rc = restore_register(r, &full);
	if (!failed(rc))
		rc = restore_register(r, &incremental);
	if (!failed(rc))
		rc = stage(&scene->files[0]);
	return failed(rc) ? rc : restore_complete(r, STATUS_OK);
}

static status restore(void)
{
	struct server *server;
	struct restore *r;
	status rc = control(SERVICE_STOP);

	if (!failed(rc))
		rc = server_find(FAMILY_DS, STORE_NAME, &server);
	if (!failed(rc))
		rc = restore_prepare(server, FAMILY_DS, true, &r);
	if (failed(rc))
		return rc;
	rc = register_and_complete(r);
	restore_end(r);
	return failed(rc) ? rc : control(SERVICE_START);
}

static status register_and_cancel(void)
{
	struct server *server;
	struct restore *r;
	status rc = control(SERVICE_STOP);

	if (!failed(rc))
		rc = server_find(FAMILY_DS, STORE_NAME, &server);
	if (!failed(rc))
		rc = restore_prepare(server, FAMILY_DS, true, &r);
	if (failed(rc))
		return rc;
	rc = register_and_complete(r);
	restore_end(r);
	if (!failed(rc))
		rc = server_find(FAMILY_DS, STORE_NAME, &server);
	if (failed(rc))
		return rc;
	rc = restore_cancel(server);
	server_free(server);
	return failed(rc) ? rc : control(SERVICE_START);
}

/* ---- the sweep ---- */

/* Out of what a failure left behind. */
static void settle(void)
{
	ck_assert_msg(!store_pending() || restore() == STATUS_OK, "%s", status_pending());
	ck_assert_msg(control(SERVICE_START) == STATUS_OK, "%s", status_pending());
}

static const enum store_kind kinds[] = {STORE_FLAT,
#ifdef HAVE_SQLITE
	STORE_SQLITE
#endif
};

#define KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))

START_TEST(a_backup_runs_out_of_memory_anywhere)
{
	begin(kinds[_i]);
	sweep(back_up, settle);
}
END_TEST

START_TEST(a_restore_runs_out_of_memory_anywhere)
{
	begin(kinds[_i]);
	sweep(restore, settle);
}
END_TEST

START_TEST(a_restore_with_logs_runs_out_of_memory_anywhere)
{
	begin(STORE_DIRECTORY);
	sweep(restore, settle);
}
END_TEST

START_TEST(a_cancelled_restore_runs_out_of_memory_anywhere)
{
	begin(_i ? STORE_DIRECTORY : STORE_FLAT);
	sweep(register_and_cancel, settle);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memory");
	TCase *tests = tcase_create("memory");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 600);
	tcase_add_loop_test(tests, a_backup_runs_out_of_memory_anywhere, 0, KINDS);
	tcase_add_loop_test(tests, a_restore_runs_out_of_memory_anywhere, 0, KINDS);
	tcase_add_test(tests, a_restore_with_logs_runs_out_of_memory_anywhere);
	tcase_add_loop_test(tests, a_cancelled_restore_runs_out_of_memory_anywhere, 0, 2);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
