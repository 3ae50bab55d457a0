#include "server/lock.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "lock_store.h"

static int take_backup(void)
{
	struct lock *lock;

	return failed(lock_take(&server, LOCK_BACKUP, &lock)) ? 1 : 0;
}

/* ---- one holder ---- */

START_TEST(a_second_taker_in_the_same_process_is_refused)
{
	struct lock *lock = take(LOCK_BACKUP);

	assert_refused(LOCK_BACKUP, hrBackupInProgress);
	ck_assert_ptr_nonnull(strstr(status_pending(), "backup.lock"));
	lock_release(lock);
	assert_free(LOCK_BACKUP);
	lock = take(LOCK_RESTORE);
	assert_refused(LOCK_RESTORE, hrRestoreInProgress);
	lock_release(lock);
	lock_release(NULL);
}
END_TEST

START_TEST(backup_and_restore_are_two_locks)
{
	struct lock *backup = take(LOCK_BACKUP), *restore = take(LOCK_RESTORE);

	lock_release(backup);
	assert_refused(LOCK_RESTORE, hrRestoreInProgress);
	assert_free(LOCK_BACKUP);
	lock_release(restore);
}
END_TEST

START_TEST(another_store_has_its_own_lock)
{
	struct lock *lock = take(LOCK_BACKUP);
	struct server other = server;

	other.state_dir = support_path(support_tmpdir(), "state");
	server = other;
	assert_free(LOCK_BACKUP);
	free(other.state_dir);
	lock_release(lock);
}
END_TEST

static atomic_int holders, most_holders, successes;

static void *take_often(void *unused)
{
	(void)unused;
	for (int i = 0; i < 300; i++) {
		struct lock *lock;

		if (lock_take(&server, LOCK_BACKUP, &lock) != STATUS_OK)
			continue;
		if (atomic_fetch_add(&holders, 1) + 1 > 1)
			atomic_store(&most_holders, 2);
		(void)sched_yield();
		atomic_fetch_add(&successes, 1);
		atomic_fetch_sub(&holders, 1);
		lock_release(lock);
	}
	return NULL;
}

START_TEST(threads_exclude_each_other)
{
	pthread_t threads[4];

	holders = most_holders = successes = 0;
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, take_often, NULL), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_int_eq(most_holders, 0);
	ck_assert_int_gt(successes, 0);
	assert_free(LOCK_BACKUP);
}
END_TEST

START_TEST(a_killed_holder_frees_the_lock)
{
	struct child child;

	start_child(&child, take_backup);
	ck_assert_int_eq(child.told, 0);
	assert_refused(LOCK_BACKUP, hrBackupInProgress);
	kill_child(&child);
	assert_free(LOCK_BACKUP);
}
END_TEST

START_TEST(opening_and_closing_the_file_drops_nothing)
{
	struct lock *lock = take(LOCK_BACKUP);
	struct child child;
	char *path = lock_path("backup.lock");
	int fd = open(path, O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(close(fd), 0);
	start_child(&child, take_backup);
	ck_assert_int_eq(child.told, 1);
	kill_child(&child);
	lock_release(lock);
	free(path);
}
END_TEST

START_TEST(lock_files_are_private)
{
	char *path = lock_path("restore.lock");
	struct stat st;

	assert_free(LOCK_RESTORE);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(stat(state_dir, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	free(path);
}
END_TEST

/* ---- what may lie in the way ---- */

START_TEST(strange_lock_files_are_refused)
{
	char *path = lock_path("backup.lock"), *other = lock_path("other");

	make_state_dir();
	support_write(other, "");
	ck_assert_int_eq(symlink(other, path), 0);
	assert_refused(LOCK_BACKUP, NO_ACCESS);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(link(other, path), 0);
	assert_refused(LOCK_BACKUP, NO_ACCESS);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	assert_refused(LOCK_BACKUP, BAD_DATA);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	assert_refused(LOCK_BACKUP, status_from_errno(EISDIR));
	ck_assert_int_eq(rmdir(path), 0);
	assert_free(LOCK_BACKUP);
	free(path);
	free(other);
}
END_TEST

/* ---- the records' lock ---- */

static void interrupt(int signal)
{
	(void)signal;
}

/* Waits for the lock, and tells through OUT when it has it. */
static int wait_for_records(int out)
{
	const struct sigaction action = {.sa_handler = interrupt};
	struct lock *lock;

	if (sigaction(SIGUSR1, &action, NULL) || write(out, "w", 1) != 1)
		return 1;
	if (lock_records(&server, &lock) || write(out, "h", 1) != 1)
		return 2;
	lock_release(lock);
	return 0;
}

START_TEST(the_records_lock_waits_and_outlasts_signals)
{
	struct lock *lock;
	int ends[2], wait_status;
	char told;
	pid_t pid;

	ck_assert_int_eq(lock_records(&server, &lock), STATUS_OK);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(wait_for_records(ends[1]));
	ck_assert_int_eq(read(ends[0], &told, 1), 1);
	ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < 10; i++) {
		(void)usleep(10000);
		ck_assert_int_eq(kill(pid, SIGUSR1), 0);
		ck_assert_int_eq(read(ends[0], &told, 1), -1);
		ck_assert_int_eq(errno, EAGAIN);
	}
	lock_release(lock);
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert_int_eq(wait_status, 0);
	ck_assert_int_eq(read(ends[0], &told, 1), 1);
	ck_assert_int_eq(told, 'h');
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_int_eq(close(ends[1]), 0);
}
END_TEST

static int take_records(void)
{
	struct lock *lock;

	return failed(lock_records(&server, &lock)) ? 1 : 0;
}

START_TEST(the_records_lock_is_apart_from_the_others_and_dies_with_its_holder)
{
	struct lock *backup = take(LOCK_BACKUP), *restore = take(LOCK_RESTORE), *records;
	struct child child;

	start_child(&child, take_records);
	ck_assert_int_eq(child.told, 0);
	kill_child(&child);
	ck_assert_int_eq(lock_records(&server, &records), STATUS_OK);
	lock_release(records);
	lock_release(restore);
	lock_release(backup);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, a_second_taker_in_the_same_process_is_refused);
	tcase_add_test(tc, backup_and_restore_are_two_locks);
	tcase_add_test(tc, another_store_has_its_own_lock);
	tcase_add_test(tc, threads_exclude_each_other);
	tcase_add_test(tc, a_killed_holder_frees_the_lock);
	tcase_add_test(tc, opening_and_closing_the_file_drops_nothing);
	tcase_add_test(tc, lock_files_are_private);
	tcase_add_test(tc, strange_lock_files_are_refused);
	tcase_add_test(tc, the_records_lock_waits_and_outlasts_signals);
	tcase_add_test(
		tc, the_records_lock_is_apart_from_the_others_and_dies_with_its_holder);
}

int main(void)
{
	Suite *suite = suite_create("lock");
	TCase *tc = tcase_create("lock");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
