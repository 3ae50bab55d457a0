/*
 * Locks and children: whatever way one comes into being, it holds nothing.
 */
#include "server/lock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "base/process.h"
#include "lock_store.h"

static int do_nothing(void)
{
	return 0;
}

static struct lock *parents_lock;

START_TEST(a_forked_child_keeps_nothing)
{
	struct lock *lock = take(LOCK_BACKUP);
	struct child child;

	start_child(&child, do_nothing);
	lock_release(lock);
	assert_free(LOCK_BACKUP);
	kill_child(&child);
}
END_TEST

static int try_and_release_parents(void)
{
	struct lock *lock;

	if (lock_take(&server, LOCK_BACKUP, &lock) != hrBackupInProgress)
		return 1;
	lock_release(parents_lock);
	return lock_take(&server, LOCK_BACKUP, &lock) == hrBackupInProgress ? 0 : 2;
}

START_TEST(a_forked_child_cannot_release_its_parents_lock)
{
	struct child child;

	parents_lock = take(LOCK_BACKUP);
	start_child(&child, try_and_release_parents);
	ck_assert_int_eq(child.told, 0);
	assert_refused(LOCK_BACKUP, hrBackupInProgress);
	kill_child(&child);
	lock_release(parents_lock);
}
END_TEST

static long raw_fork(void)
{
#ifdef __s390__
	return syscall(SYS_clone, 0, SIGCHLD, 0, 0, 0); /* there the stack is first */
#else
	return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
#endif
}

START_TEST(a_child_made_behind_the_c_librarys_back_keeps_nothing)
{
	struct lock *lock = take(LOCK_BACKUP);
	int wait_status;
	long pid = raw_fork();

	ck_assert_int_ge(pid, 0);
	while (pid == 0)
		(void)pause();
	lock_release(lock);
	assert_free(LOCK_BACKUP);
	ck_assert_int_eq(kill((pid_t)pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid((pid_t)pid, &wait_status, 0), pid);
}
END_TEST

START_TEST(a_started_program_keeps_nothing)
{
	char sleep_path[] = "/bin/sleep", seconds[] = "1000";
	char *const argv[] = {sleep_path, seconds, NULL};
	struct lock *lock = take(LOCK_BACKUP);
	int exit_status;
	pid_t pid;

	ck_assert_int_eq(process_start(argv, -1, &pid), STATUS_OK);
	lock_release(lock);
	assert_free(LOCK_BACKUP);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(process_wait(pid, &exit_status), STATUS_OK);
}
END_TEST

static atomic_bool stop_forking;

static void *take_and_release(void *unused)
{
	(void)unused;
	while (!stop_forking) {
		struct lock *lock;

		if (lock_take(&server, LOCK_BACKUP, &lock) == STATUS_OK)
			lock_release(lock);
	}
	return NULL;
}

static int take_and_release_restore(void)
{
	struct lock *lock;

	if (lock_take(&server, LOCK_RESTORE, &lock))
		return 1;
	lock_release(lock);
	return 0;
}

/* Whenever the fork happens, the child can take and release locks. */
START_TEST(forking_while_others_lock_is_safe)
{
	pthread_t thread;

	stop_forking = false;
	assert_free(LOCK_RESTORE);
	ck_assert_int_eq(pthread_create(&thread, NULL, take_and_release, NULL), 0);
	for (int i = 0; i < 100; i++) {
		struct child child;

		start_child(&child, take_and_release_restore);
		ck_assert_int_eq(child.told, 0);
		kill_child(&child);
	}
	stop_forking = true;
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	assert_free(LOCK_BACKUP);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, a_forked_child_keeps_nothing);
	tcase_add_test(tc, a_forked_child_cannot_release_its_parents_lock);
	tcase_add_test(tc, a_child_made_behind_the_c_librarys_back_keeps_nothing);
	tcase_add_test(tc, a_started_program_keeps_nothing);
	tcase_add_test(tc, forking_while_others_lock_is_safe);
}

int main(void)
{
	Suite *suite = suite_create("lock_fork");
	TCase *tc = tcase_create("lock_fork");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
