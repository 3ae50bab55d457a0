/* Files that link leaves alone: where nothing can be shared, where somebody writes, where
 * the user may not, where the caller has enough. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "care_fixture.h"

#define SIZE 70001

static void patch(const char *name, off_t offset, const char *text)
{
	char *path = support_path(dir, name);
	int fd = open(path, O_WRONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, text, strlen(text), offset), (ssize_t)strlen(text));
	ck_assert_int_eq(close(fd), 0);
	free(path);
}

/* ---- refusals ---- */

START_TEST(without_shared_extents_it_refuses_and_makes_no_store)
{
	char *store;

	free(dir);
	dir = sis_volume(ON_TMPFS);
	care_write(dir, "a", SIZE, 1);
	care_write(dir, "b", SIZE, 1);
	ck_assert_int_eq(link_all(), STATUS_WIN32(ERROR_NOT_SUPPORTED));
	ck_assert_ptr_nonnull(strstr(status_pending(), "cannot share extents"));
	store = support_path(dir, "SIS Common Store");
	ck_assert(!support_exists(store));
	free(store);
}
END_TEST

START_TEST(a_file_that_is_open_for_writing_is_left_alone)
{
	char *path = support_path(dir, "b");
	int fd;

	care_write(dir, "a", SIZE, 1);
	care_write(dir, "b", SIZE, 1);
	care_write(dir, "c", SIZE, 1);
	ck_assert_int_ge(fd = open(path, O_RDWR), 0);
	ck_assert_int_eq(link_all(), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 2);
	ck_assert_uint_eq(done.summary.skipped, 1);
	ck_assert_ptr_nonnull(strstr(done.reasons, "open for writing"));
	ck_assert(!care_is_link(dir, "b"));
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(link_all(), STATUS_OK);
	ck_assert(care_is_link(dir, "b"));
	free(path);
}
END_TEST

/* When the store file is about to get its name, all were compared already. */
static void write_at_rename(const struct file_event *event)
{
	if (event->step == FILE_RENAME && !event->done && strstr(event->to, ".sis")) {
		file_step_hook = NULL;
		patch("b", 5, "new content");
	}
}

START_TEST(what_is_written_after_the_comparison_stays)
{
	care_write(dir, "a", SIZE, 1);
	care_write(dir, "b", SIZE, 1);
	care_write(dir, "c", SIZE, 1);
	file_step_hook = write_at_rename;
	ck_assert_int_eq(link_all(), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 2);
	ck_assert_uint_eq(done.summary.skipped, 1);
	ck_assert_ptr_nonnull(strstr(done.reasons, "changed meanwhile"));
	ck_assert(!care_is_link(dir, "b"));
	ck_assert(care_is_link(dir, "a") && care_has(dir, "a", SIZE, 1));
	ck_assert(!care_has(dir, "b", SIZE, 1));
}
END_TEST

static int open_error;

/* Ahead of the reparse point: the extents are shared, the record is not made. */
static void try_to_write(const struct file_event *event)
{
	char *path;
	int fd;

	if (event->step != FILE_ATTR || event->done || !event->name ||
		strcmp(event->name, "b") != 0)
		return;
	file_step_hook = NULL;
	path = support_path(dir, "b");
	fd = open(path, O_WRONLY | O_NONBLOCK);
	open_error = fd < 0 ? errno : 0;
	free(path);
}

START_TEST(a_writer_is_kept_away_and_then_let_in)
{
	care_write(dir, "a", SIZE, 1);
	care_write(dir, "b", SIZE, 1);
	care_write(dir, "c", SIZE, 1);
	file_step_hook = try_to_write;
	ck_assert_int_eq(link_all(), STATUS_OK);
	ck_assert_int_eq(open_error, EAGAIN);
	ck_assert_uint_eq(done.summary.changed, 2);
	ck_assert_ptr_nonnull(strstr(done.reasons, "wants to write"));
	ck_assert(!care_is_link(dir, "b"));
	patch("b", 0, "at once");
}
END_TEST

static int in_child(void (*deed)(void))
{
	int wait_status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		deed();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	return wait_status;
}

/* A lease on another user's file takes a capability. */
static void give_leases_up(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2];

	ck_assert_int_eq(syscall(SYS_capget, &head, sets), 0);
	sets[0].effective &= ~(1u << CAP_LEASE);
	ck_assert_int_eq(syscall(SYS_capset, &head, sets), 0);
}

static void write_at_reparse(const struct file_event *event)
{
	if (event->step != FILE_ATTR || !event->done || !event->name ||
		strcmp(event->name, "b") != 0)
		return;
	file_step_hook = NULL;
	patch("b", 50000, "new content");
}

static void without_leases(void)
{
	give_leases_up();
	file_step_hook = write_at_reparse;
	ck_assert_int_eq(link_all(), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 2);
	ck_assert_ptr_nonnull(strstr(done.reasons, "changed meanwhile"));
}

START_TEST(without_leases_all_is_compared_once_more)
{
	char *path = support_path(dir, "b"), list[200];

	care_write(dir, "a", SIZE, 1);
	care_write(dir, "b", SIZE, 1);
	care_write(dir, "c", SIZE, 1);
	ck_assert_int_eq(chown(path, 1234, 1234), 0);
	ck_assert_int_eq(in_child(without_leases), 0);
	ck_assert(!care_is_link(dir, "b") && !care_has(dir, "b", SIZE, 1));
	ck_assert_int_eq(listxattr(path, list, sizeof(list)), 0);
	free(path);
}
END_TEST

START_TEST(the_caller_can_end_it)
{
	care_write(dir, "a", SIZE, 1);
	care_write(dir, "b", SIZE, 1);
	care_write(dir, "c", SIZE, 2);
	care_write(dir, "d", SIZE, 2);
	care_log_begin(&done);
	done.end_at = BACKUPAPI_SIS_LINKED;
	ck_assert_int_eq(
		sis_link_duplicates(dir, 0, &done.care), STATUS_WIN32(ERROR_CANCELLED));
	ck_assert_uint_eq(done.summary.changed, 1);
	expect_sound();
	ck_assert_uint_eq(done.summary.links, 1);
}
END_TEST

/* ---- another user ---- */

static void as_nobody(void)
{
	ck_assert_int_eq(setgid(65534), 0);
	ck_assert_int_eq(setuid(65534), 0);
	care_write(dir, "a", SIZE, 1);
	care_write(dir, "b", SIZE, 1);
	care_write(dir, "c", SIZE, 1);
	for (int i = 0; i < 3; i++) {
		char name[2] = {(char)('a' + i)};
		char *path = support_path(dir, name);

		ck_assert_int_eq(chmod(path, i == 2 ? 0666 : 0644), 0);
		free(path);
	}
	ck_assert_int_eq(link_all(), STATUS_OK);
	ck_assert_uint_eq(done.summary.changed, 2);
	ck_assert_ptr_nonnull(strstr(done.reasons, "only root can"));
	ck_assert(care_is_link(dir, "a") && !care_is_link(dir, "c"));
}

/* The mount point is in a directory that is private to root. */
static void let_others_through(void)
{
	char *above = support_path(dir, "../..");

	ck_assert_int_eq(chmod(above, 0711), 0);
	free(above);
}

START_TEST(an_ordinary_user_links_his_own_files)
{
	let_others_through();
	ck_assert_int_eq(chown(dir, 65534, 65534), 0);
	ck_assert_int_eq(in_child(as_nobody), 0);
	ck_assert(care_is_link(dir, "a"));
	expect_sound();
}
END_TEST

START_TEST(root_puts_nobodys_secrets_into_another_users_store)
{
	let_others_through();
	ck_assert_int_eq(chown(dir, 65534, 65534), 0);
	ck_assert_int_eq(in_child(as_nobody), 0);
	care_write(dir, "secret", SIZE, 5);
	care_write(dir, "secret2", SIZE, 5);
	ck_assert_int_eq(link_all(), STATUS_OK);
	ck_assert_ptr_nonnull(strstr(done.reasons, "secret"));
	ck_assert(!care_is_link(dir, "secret") && !care_is_link(dir, "secret2"));
	ck_assert_uint_eq(done.summary.store_files, 1);
	expect_sound();
}
END_TEST

static void add_tests(Suite *suite, const char *name, void (*setup)(void))
{
	TCase *tests = tcase_create(name);

	tcase_add_unchecked_fixture(tests, care_volumes_make, NULL);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 200);
	tcase_add_test(tests, without_shared_extents_it_refuses_and_makes_no_store);
	tcase_add_test(tests, a_file_that_is_open_for_writing_is_left_alone);
	tcase_add_test(tests, what_is_written_after_the_comparison_stays);
	tcase_add_test(tests, a_writer_is_kept_away_and_then_let_in);
	tcase_add_test(tests, without_leases_all_is_compared_once_more);
	tcase_add_test(tests, the_caller_can_end_it);
	tcase_add_test(tests, an_ordinary_user_links_his_own_files);
	tcase_add_test(tests, root_puts_nobodys_secrets_into_another_users_store);
	suite_add_tcase(suite, tests);
}

int main(void)
{
	Suite *suite = suite_create("care_refuse");

	if (!care_can_mount("mkfs.xfs")) {
		printf("skipped: needs root, loop devices and mkfs.xfs\n");
		return 77;
	}
	add_tests(suite, "xfs", setup_xfs);
	if (care_can_mount("mkfs.btrfs"))
		add_tests(suite, "btrfs", setup_btrfs);
	return support_run(suite);
}
