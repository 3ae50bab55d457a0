/* gc on a volume that is not still, not all to be seen, or not all to be believed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "care_fixture.h"
#include "sis/backup.h"

#define SIZE     5000
#define ORDINARY 1234

static char *outside;

static char *in_store(const char *name)
{
	char relative[100];

	(void)snprintf(relative, sizeof(relative), STORE_NAME "/%s", name);
	return sis_keep(support_path(dir, relative));
}

static char *path_of(const char *name)
{
	return sis_keep(support_path(dir, name));
}

static void setup(void)
{
	dir = sis_volume(ON_TMPFS);
	outside = sis_volume(ON_TMPFS);
	ck_assert(dir && outside);
	ck_assert_int_eq(mkdir(path_of("x"), 0755), 0);
	ck_assert_int_eq(mkdir(path_of("y"), 0755), 0);
}

static bool has_store_file(void)
{
	return support_exists(in_store(SIS_GUID_A ".sis"));
}

static bool has_set_aside(void)
{
	return support_exists(in_store(SIS_GUID_A ".gone"));
}

static void move(const char *from, const char *to)
{
	ck_assert_int_eq(rename(from, to), 0);
}

static char *outer(void)
{
	return sis_keep(support_path(outside, "bare"));
}

/* A store file, and "bare", the only link to it. */
static void make_scene(bool vouched)
{
	care_make_bare(dir, SIZE, vouched);
}

START_TEST(an_orphan_goes_on_every_file_system)
{
	dir = sis_volume((enum volume_type)_i);
	if (!dir)
		return;
	ck_assert_int_eq(mkdir(path_of("x"), 0755), 0);
	care_write(dir, "x/plain", SIZE, 1);
	sis_put_store_file(dir, SIS_GUID_A, "orphan", 6);
	support_write(in_store(SIS_GUID_A ".sum"), "its sum");
	ck_assert_int_eq(gc(true), STATUS_OK);
	ck_assert_uint_eq(done.summary.orphaned, 1);
	ck_assert(has_store_file());
	ck_assert_int_eq(gc(false), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 1);
	ck_assert_uint_eq(done.summary.files, 1);
	ck_assert_uint_eq(done.summary.store_files, 0);
	ck_assert(!has_store_file() && !has_set_aside());
	ck_assert(!support_exists(in_store(SIS_GUID_A ".sum")));
}
END_TEST

/* ---- what moves ---- */

static unsigned scanned;

static bool is_subdirectory(const char *path)
{
	const size_t length = strlen(path);

	return length > 2 && path[length - 2] == '/' && strchr("xy", path[length - 1]);
}

/* Away before anything is read, and back into a directory that was read by then. */
static int move_past_the_walk(void *context, const struct backupapi_sis_event *event)
{
	static char to[4200];

	(void)context;
	if (event->kind != BACKUPAPI_SIS_SCANNING)
		return 0;
	scanned++;
	if (scanned == 1)
		move(path_of("bare"), outer());
	if (scanned == 2) {
		ck_assert(is_subdirectory(event->path));
		(void)snprintf(to, sizeof(to), "%s/bare", event->path);
	}
	if (scanned == 3)
		move(outer(), to);
	return 0;
}

START_TEST(a_link_that_moves_past_the_first_walk_keeps_its_content)
{
	make_scene(_i != 0);
	scanned = 0;
	care_log_begin(&done);
	done.care.callback = move_past_the_walk;
	ck_assert_int_eq(sis_gc(dir, false, &done.care), STATUS_OK);
	ck_assert_uint_eq(scanned, 6);
	ck_assert_uint_eq(done.summary.changed, 0);
	ck_assert_uint_eq(done.summary.orphaned, 0);
	ck_assert_uint_eq(done.summary.store_files, 1);
	ck_assert(has_store_file() && !has_set_aside());
	if (_i)
		ck_assert_int_eq(check(), STATUS_OK);
}
END_TEST

/* Another process that looks for the file, which has no pin. */
static int look_meanwhile(void *context, const struct backupapi_sis_event *event)
{
	struct backupapi_sis_link_info info;

	(void)context;
	if (event->kind != BACKUPAPI_SIS_ORPHANED)
		return 0;
	ck_assert(has_set_aside() && !has_store_file());
	move(outer(), path_of("x/bare"));
	ck_assert_int_eq(sis_show(dir, "x/bare", &info), STATUS_OK);
	ck_assert(info.store_file && info.intact);
	return 0;
}

START_TEST(whoever_looks_for_a_file_that_is_aside_gets_it)
{
	make_scene(true);
	move(path_of("bare"), outer());
	care_log_begin(&done);
	done.care.callback = look_meanwhile;
	ck_assert_int_eq(sis_gc(dir, false, &done.care), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 0);
	ck_assert(has_store_file() && !has_set_aside());
	ck_assert_int_eq(check(), STATUS_OK);
}
END_TEST

START_TEST(a_walk_that_fails_or_is_ended_brings_all_back)
{
	make_scene(true);
	ck_assert_int_eq(unlink(path_of("bare")), 0);
	care_log_begin(&done);
	done.end_at = BACKUPAPI_SIS_ORPHANED;
	ck_assert_int_eq(sis_gc(dir, false, &done.care), STATUS_WIN32(ERROR_CANCELLED));
	ck_assert_ptr_nonnull(strstr(status_pending(), "ended by the caller"));
	ck_assert(has_store_file() && !has_set_aside());
	ck_assert_int_eq(gc(false), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 1);
	ck_assert(!has_store_file() && !has_set_aside());
}
END_TEST

/* ---- crashes ---- */

static int steps, die_ahead_of;

static void count_and_die(const struct file_event *event)
{
	if (!event->done && ++steps == die_ahead_of)
		(void)kill(getpid(), SIGKILL);
}

static int gc_and_die(void)
{
	int how;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		steps = 0;
		file_step_hook = count_and_die;
		_exit(failed(gc(false)));
	}
	ck_assert_int_eq(waitpid(pid, &how, 0), pid);
	return how;
}

static void back_up(void)
{
	struct sis_backup *backup;
	struct names files = {0};
	uint8_t reparse[72];
	void *matching;
	char *path;

	ck_assert_int_eq(
		getxattr(path_of("bare"), "user.ntfs_reparse_data", reparse, 72), 72);
	ck_assert_int_eq(sis_backup_begin(dir, &backup, &files), STATUS_OK);
	ck_assert_int_eq(
		sis_backup_link(backup, reparse, 72, NULL, &matching, &path), STATUS_OK);
	ck_assert_str_eq(path, in_store(SIS_GUID_A ".sis"));
	free(path);
	names_free(&files);
	sis_backup_end(backup);
}

static void repair(int way)
{
	struct backupapi_sis_link_info info;

	if (way == 0)
		ck_assert_int_eq(gc(false), STATUS_OK);
	else if (way == 1)
		ck_assert_msg(check() == STATUS_OK, "%s", done.reasons);
	else if (way == 2)
		ck_assert_int_eq(sis_show(dir, "bare", &info), STATUS_OK);
	else
		back_up();
}

/* The link comes back where the file is still there: then whoever opens the store has to
 * find it. */
START_TEST(death_at_every_step_is_repaired)
{
	int how = -1, aside = 0;

	for (die_ahead_of = 1; how != 0; die_ahead_of++) {
		dir = sis_volume(ON_TMPFS);
		make_scene(true);
		move(path_of("bare"), outer());
		how = gc_and_die();
		ck_assert(how == 0 || WIFSIGNALED(how));
		ck_assert_int_lt(die_ahead_of, 50);
		aside += has_set_aside();
		ck_assert(!has_set_aside() || !has_store_file());
		if (!has_set_aside() && !has_store_file())
			continue;
		move(outer(), path_of("bare"));
		repair(_i);
		ck_assert(has_store_file() && !has_set_aside());
		ck_assert_int_eq(sis_unlink(dir, "bare"), STATUS_OK);
		ck_assert(care_has(dir, "bare", SIZE, 1));
	}
	ck_assert_int_gt(aside, 1);
	ck_assert(!has_store_file() && !has_set_aside());
}
END_TEST

START_TEST(what_is_aside_keeps_its_sum_and_what_stands_twice_is_tidied)
{
	char *sum = in_store(SIS_GUID_A ".sum"), *twice = in_store(SIS_GUID_B ".gone");

	make_scene(true);
	support_write(sum, "would be tidied if it were alone");
	move(in_store(SIS_GUID_A ".sis"), in_store(SIS_GUID_A ".gone"));
	sis_put_store_file(dir, SIS_GUID_B, "orphan", 6);
	support_write(twice, "older");
	ck_assert_int_eq(gc(false), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 1);
	ck_assert(support_exists(sum) && has_store_file());
	ck_assert(!support_exists(twice));
	ck_assert(!support_exists(in_store(SIS_GUID_B ".sis")));
}
END_TEST

/* ---- what cannot be seen ---- */

static void mount_over(const char *path, bool bind)
{
	ck_assert_int_eq(bind ? mount(outside, path, "none", MS_BIND, "")
			      : mount("none", path, "tmpfs", 0, "size=1m"),
		0);
}

START_TEST(gc_fails_where_a_mount_may_hide_links)
{
	char *place = path_of("x");

	make_scene(true);
	move(path_of("bare"), path_of("x/bare"));
	mount_over(place, _i != 0);
	ck_assert_int_eq(gc(false), STATUS_WIN32(ERROR_NOT_SAME_DEVICE));
	ck_assert_ptr_nonnull(strstr(status_pending(), place));
	ck_assert_ptr_nonnull(strstr(status_pending(), "is a mount point"));
	ck_assert(has_store_file());
	ck_assert_int_eq(check(), STATUS_OK);
	ck_assert_uint_eq(done.summary.skipped, 1);
	ck_assert_ptr_nonnull(strstr(done.reasons, place));
	ck_assert_int_eq(umount(place), 0);
	ck_assert_int_eq(gc(false), STATUS_OK);
	ck_assert_uint_eq(done.summary.skipped, 0);
	ck_assert(has_store_file());
}
END_TEST

/* ---- what cannot be believed ---- */

START_TEST(check_names_what_was_never_restored_to_its_end)
{
	make_scene(false);
	ck_assert_int_eq(check(), STATUS_WIN32(ERROR_CRC));
	ck_assert_uint_eq(done.summary.damaged, 1);
	ck_assert_ptr_nonnull(strstr(done.paths, "/bare\n"));
	ck_assert_ptr_nonnull(
		strstr(done.reasons, "being restored, or was never finished"));
	ck_assert_int_eq(truncate(path_of("bare"), 0), 0);
	ck_assert_int_eq(check(), STATUS_OK);
}
END_TEST

/* Some content came, the rest did not: the rest is only in the store. */
START_TEST(gc_keeps_what_a_half_restored_link_names)
{
	char *data = sis_content(SIZE, 1);
	FILE *file;

	make_scene(false);
	ck_assert_ptr_nonnull(file = fopen(path_of("bare"), "r+"));
	ck_assert_uint_eq(fwrite(data, 1, 1000, file), 1000);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(gc(false), STATUS_OK);
	ck_assert(has_store_file());
}
END_TEST

/* The second walk sees it too, and to look at it brings the store file back. */
START_TEST(a_link_that_was_written_to_keeps_nothing)
{
	make_scene(true);
	care_write(dir, "bare", SIZE, 2);
	ck_assert_int_eq(gc(false), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 1);
	ck_assert(!has_store_file() && !has_set_aside());
	ck_assert(care_has(dir, "bare", SIZE, 2));
}
END_TEST

static void put_garbage(uid_t owner)
{
	char *path = path_of("bare");
	uint8_t reparse[72];

	ck_assert_int_eq(getxattr(path, "user.ntfs_reparse_data", reparse, 72), 72);
	reparse[20] ^= 4;
	ck_assert_int_eq(setxattr(path, "user.ntfs_reparse_data", reparse, 72, 0), 0);
	ck_assert_int_eq(chown(path, owner, owner), 0);
}

START_TEST(a_users_garbage_blocks_nothing)
{
	make_scene(false);
	put_garbage(ORDINARY);
	ck_assert_int_eq(check(), STATUS_OK);
	ck_assert_uint_eq(done.summary.skipped, 1);
	ck_assert_ptr_nonnull(strstr(done.reasons, "nobody vouches"));
	ck_assert_int_eq(gc(false), STATUS_OK);
	ck_assert_uint_eq(done.summary.skipped, 1);
	ck_assert_uint_eq(done.summary.changed, 1);
	ck_assert(!has_store_file());
}
END_TEST

START_TEST(damage_of_what_root_vouched_for_does)
{
	make_scene(true);
	put_garbage(ORDINARY);
	ck_assert_int_eq(check(), STATUS_WIN32(ERROR_CRC));
	ck_assert_int_eq(gc(false), STATUS_WIN32(ERROR_INVALID_REPARSE_DATA));
	ck_assert(has_store_file());
}
END_TEST

START_TEST(what_a_killed_restore_left_in_the_store_is_tidied)
{
	static const char *const names[] = {
		".sisbackup.partial", ".sisbackup.partial-0123456789abcdef"};
	char *other = in_store(".sisbackup"), *mine = in_store("my.partial");

	make_scene(true);
	for (int i = 0; i < 2; i++)
		support_write(in_store(names[i]), "half");
	support_write(other, "not ours");
	support_write(mine, "not ours");
	ck_assert_int_eq(gc(true), STATUS_OK);
	ck_assert(support_exists(in_store(names[0])));
	ck_assert_int_eq(gc(false), STATUS_OK);
	for (int i = 0; i < 2; i++)
		ck_assert(!support_exists(in_store(names[i])));
	ck_assert(support_exists(other) && support_exists(mine) && has_store_file());
}
END_TEST

START_TEST(what_a_restore_set_aside_as_damaged_is_named_and_stays)
{
	char *damaged = in_store(SIS_GUID_B ".damaged"), *other = in_store("x.damaged");

	make_scene(true);
	support_write(damaged, "not what any link says");
	support_write(other, "not ours");
	ck_assert_int_eq(gc(true), STATUS_OK);
	ck_assert_uint_eq(done.summary.orphaned, 1);
	ck_assert(support_exists(damaged));
	ck_assert_int_eq(gc(false), STATUS_OK);
	ck_assert_uint_eq(done.summary.orphaned, 1);
	ck_assert_ptr_nonnull(strstr(done.paths, damaged));
	ck_assert(support_exists(damaged));
	ck_assert(support_exists(other) && has_store_file());
	free(damaged);
	free(other);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("care_gc");
	TCase *tests = tcase_create("gc");

	if (!care_can_mount("mkfs.xfs")) {
		printf("skipped: needs root, loop devices and mkfs.xfs\n");
		return 77;
	}
	tcase_add_unchecked_fixture(tests, care_volumes_make, NULL);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(
		tests, an_orphan_goes_on_every_file_system, ON_TMP, VOLUME_TYPES);
	tcase_add_loop_test(
		tests, a_link_that_moves_past_the_first_walk_keeps_its_content, 0, 2);
	tcase_add_test(tests, whoever_looks_for_a_file_that_is_aside_gets_it);
	tcase_add_test(tests, a_walk_that_fails_or_is_ended_brings_all_back);
	tcase_add_loop_test(tests, death_at_every_step_is_repaired, 0, 4);
	tcase_add_test(
		tests, what_is_aside_keeps_its_sum_and_what_stands_twice_is_tidied);
	tcase_add_loop_test(tests, gc_fails_where_a_mount_may_hide_links, 0, 2);
	tcase_add_test(tests, check_names_what_was_never_restored_to_its_end);
	tcase_add_test(tests, gc_keeps_what_a_half_restored_link_names);
	tcase_add_test(tests, a_link_that_was_written_to_keeps_nothing);
	tcase_add_test(tests, a_users_garbage_blocks_nothing);
	tcase_add_test(tests, damage_of_what_root_vouched_for_does);
	tcase_add_test(tests, what_a_killed_restore_left_in_the_store_is_tidied);
	tcase_add_test(tests, what_a_restore_set_aside_as_damaged_is_named_and_stays);
	suite_add_tcase(suite, tests);
	return support_run(suite);
}
