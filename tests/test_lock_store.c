/*
 * The lock beside the store, of users without rights on state_dir.
 */
#include "server/lock.h"

#include "lock_store.h"

#define NOBODY     65534
#define STORE_LOCK ".backupapi-restore.lock"

/* ---- seen by who has rights on state_dir ---- */

START_TEST(a_missing_store_is_no_hindrance)
{
	ck_assert_int_eq(rmdir(store_dir), 0);
	assert_free(LOCK_RESTORE);
	assert_free(LOCK_BACKUP);
}
END_TEST

START_TEST(no_lock_beside_the_store_is_made_by_who_needs_none)
{
	char *path = support_path(store_dir, STORE_LOCK);

	assert_free(LOCK_RESTORE);
	ck_assert(!support_exists(path));
	free(path);
}
END_TEST

START_TEST(a_lock_beside_the_store_is_honoured)
{
	char *path = support_path(store_dir, STORE_LOCK);
	struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct lock *lock;
	int fd;

	support_write(path, "");
	fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &range), 0);
	assert_refused(LOCK_RESTORE, hrRestoreInProgress);
	ck_assert_ptr_nonnull(strstr(status_pending(), path));
	assert_free(LOCK_BACKUP);
	ck_assert_int_eq(close(fd), 0);
	lock = take(LOCK_RESTORE);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &range), -1);
	lock_release(lock);
	ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &range), 0);
	ck_assert_int_eq(close(fd), 0);
	free(path);
}
END_TEST

START_TEST(traps_beside_the_store_are_refused)
{
	char *path = support_path(store_dir, STORE_LOCK);

	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	assert_refused(LOCK_RESTORE, NO_ACCESS);
	ck_assert_int_eq(unlink(path), 0);
	support_write(database, "");
	ck_assert_int_eq(link(database, path), 0);
	assert_refused(LOCK_RESTORE, NO_ACCESS);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	assert_refused(LOCK_RESTORE, BAD_DATA);
	free(path);
}
END_TEST

/* ---- users without rights on state_dir ---- */

static bool become_nobody(void)
{
	return setgid(NOBODY) == 0 && setuid(NOBODY) == 0;
}

static int try_to_block(void)
{
	char *path = lock_path("backup.lock");
	struct lock *lock;

	if (!become_nobody())
		return 1;
	if (open(path, O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES)
		return 2;
	if (lock_take(&server, LOCK_BACKUP, &lock) != NO_ACCESS)
		return 3;
	return lock_records(&server, &lock) == NO_ACCESS ? 0 : 4;
}

START_TEST(a_user_without_rights_cannot_block)
{
	struct child child;

	assert_free(LOCK_BACKUP);
	start_child(&child, try_to_block);
	ck_assert_int_eq(child.told, 0);
	assert_free(LOCK_BACKUP);
	kill_child(&child);
}
END_TEST

static int restore_as_nobody(void)
{
	struct lock *lock, *second;

	if (!become_nobody())
		return 1;
	if (lock_take(&server, LOCK_RESTORE, &lock))
		return 2;
	return lock_take(&server, LOCK_RESTORE, &second) == hrRestoreInProgress ? 0 : 3;
}

static int restore_as_nobody_refused(void)
{
	struct lock *lock;

	if (!become_nobody())
		return 1;
	return lock_take(&server, LOCK_RESTORE, &lock) == hrRestoreInProgress ? 0 : 2;
}

static void give_store_to_nobody(void)
{
	make_state_dir();
	ck_assert_int_eq(chown(store_dir, NOBODY, NOBODY), 0);
}

START_TEST(who_may_write_the_store_locks_beside_it)
{
	char *path = support_path(store_dir, STORE_LOCK);
	struct child child;
	struct stat st;

	give_store_to_nobody();
	start_child(&child, restore_as_nobody);
	ck_assert_int_eq(child.told, 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_uint_eq(st.st_uid, NOBODY);
	assert_refused(LOCK_RESTORE, hrRestoreInProgress);
	kill_child(&child);
	assert_free(LOCK_RESTORE);
	free(path);
}
END_TEST

START_TEST(who_may_write_the_store_waits_for_roots_restore)
{
	char *path = support_path(store_dir, STORE_LOCK);
	struct child child;
	struct lock *lock;
	struct stat st;

	give_store_to_nobody();
	lock = take(LOCK_RESTORE);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_uid, NOBODY);
	free(path);
	start_child(&child, restore_as_nobody_refused);
	ck_assert_int_eq(child.told, 0);
	kill_child(&child);
	lock_release(lock);
	start_child(&child, restore_as_nobody);
	ck_assert_int_eq(child.told, 0);
	kill_child(&child);
}
END_TEST

START_TEST(root_makes_no_lock_where_the_owner_could_not)
{
	char *path = support_path(store_dir, STORE_LOCK);

	give_store_to_nobody();
	ck_assert_int_eq(chmod(store_dir, 0555), 0);
	assert_free(LOCK_RESTORE);
	ck_assert(!support_exists(path));
	free(path);
}
END_TEST

static int restore_as_nobody_denied(void)
{
	struct lock *lock;

	if (!become_nobody())
		return 1;
	return lock_take(&server, LOCK_RESTORE, &lock) == NO_ACCESS ? 0 : 2;
}

START_TEST(who_may_not_write_the_store_locks_nothing)
{
	struct child child;

	make_state_dir();
	start_child(&child, restore_as_nobody_denied);
	ck_assert_int_eq(child.told, 0);
	kill_child(&child);
}
END_TEST

/* Root does not lock elsewhere when its state_dir is not to be trusted. */
START_TEST(root_insists_on_the_state_directory)
{
	char *path = support_path(store_dir, STORE_LOCK);

	make_state_dir();
	ck_assert_int_eq(chown(state_dir, NOBODY, NOBODY), 0);
	assert_refused(LOCK_RESTORE, NO_ACCESS);
	ck_assert(!support_exists(path));
	free(path);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, a_missing_store_is_no_hindrance);
	tcase_add_test(tc, no_lock_beside_the_store_is_made_by_who_needs_none);
	tcase_add_test(tc, a_lock_beside_the_store_is_honoured);
	tcase_add_test(tc, traps_beside_the_store_are_refused);
}

static void add_root_tests(TCase *tc)
{
	tcase_add_test(tc, a_user_without_rights_cannot_block);
	tcase_add_test(tc, who_may_write_the_store_locks_beside_it);
	tcase_add_test(tc, who_may_write_the_store_waits_for_roots_restore);
	tcase_add_test(tc, root_makes_no_lock_where_the_owner_could_not);
	tcase_add_test(tc, who_may_not_write_the_store_locks_nothing);
	tcase_add_test(tc, root_insists_on_the_state_directory);
}

int main(void)
{
	Suite *suite = suite_create("lock_store");
	TCase *tc = tcase_create("lock_store");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	add_tests(tc);
	if (geteuid() == 0)
		add_root_tests(tc);
	else
		(void)fputs("skipped: testing with two users takes root\n", stderr);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
