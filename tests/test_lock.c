#include "server/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "support.h"

#define NO_ACCESS  STATUS_WIN32(ERROR_ACCESS_DENIED)
#define BAD_DATA   STATUS_WIN32(ERROR_INVALID_DATA)
#define NOBODY     65534
#define STORE_LOCK ".backupapi-restore.lock"

static char name[] = "ca01", flat[] = "flat";
static char *state_dir, *store_dir, *database;
static struct server server;

/* ---- fixture and helpers ---- */

static void set_up(void)
{
	char *top = support_tmpdir();

	ck_assert_int_eq(chmod(top, 0755), 0);
	state_dir = support_path(top, "state");
	store_dir = support_path(top, "store");
	database = support_path(store_dir, "index.txt");
	ck_assert_int_eq(mkdir(store_dir, 0755), 0);
	server = (struct server){.name = name, .state_dir = state_dir};
	server.store.engine = flat;
	server.store.databases = (struct names){.items = &database, .count = 1};
}

static void tear_down(void)
{
	free(database);
	free(store_dir);
	free(state_dir);
}

static struct lock *take(enum lock_kind kind)
{
	struct lock *lock;

	ck_assert_int_eq(lock_take(&server, kind, &lock), STATUS_OK);
	ck_assert_ptr_nonnull(lock);
	return lock;
}

static void assert_refused(enum lock_kind kind, status expected)
{
	struct lock *lock = (struct lock *)-1;

	ck_assert_int_eq(lock_take(&server, kind, &lock), expected);
	ck_assert_ptr_null(lock);
}

static void assert_free(enum lock_kind kind)
{
	lock_release(take(kind));
}

static void make_state_dir(void)
{
	ck_assert_int_eq(mkdir(state_dir, 0700), 0);
}

static char *lock_path(const char *file)
{
	return support_path(state_dir, file);
}

/* A child that runs DEED, then tells with one byte that it is done, and sleeps until it
 * is killed. 0 is told for success. */
struct child {
	pid_t pid;
	int told;
};

static void start_child(struct child *child, int (*deed)(void))
{
	int ends[2];
	char result = 99;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	child->pid = fork();
	ck_assert_int_ge(child->pid, 0);
	if (child->pid == 0) {
		result = (char)deed();
		if (write(ends[1], &result, 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	ck_assert_int_eq(close(ends[1]), 0);
	ck_assert_int_eq(read(ends[0], &result, 1), 1);
	ck_assert_int_eq(close(ends[0]), 0);
	child->told = result;
}

static void kill_child(const struct child *child)
{
	int wait_status;

	ck_assert_int_eq(kill(child->pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child->pid, &wait_status, 0), child->pid);
	ck_assert(WIFSIGNALED(wait_status));
}

static int take_backup(void)
{
	struct lock *lock;

	return failed(lock_take(&server, LOCK_BACKUP, &lock)) ? 1 : 0;
}

static int do_nothing(void)
{
	return 0;
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

/* ---- fork ---- */

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

START_TEST(a_child_made_behind_the_c_librarys_back_keeps_nothing)
{
	struct lock *lock = take(LOCK_BACKUP);
	int wait_status;
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	ck_assert_int_ge(pid, 0);
	while (pid == 0)
		(void)syscall(SYS_pause);
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
	struct child child;
	struct lock *lock;

	give_store_to_nobody();
	start_child(&child, restore_as_nobody);
	kill_child(&child);
	lock = take(LOCK_RESTORE);
	start_child(&child, restore_as_nobody_refused);
	ck_assert_int_eq(child.told, 0);
	kill_child(&child);
	lock_release(lock);
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
	tcase_add_test(tc, a_forked_child_keeps_nothing);
	tcase_add_test(tc, a_forked_child_cannot_release_its_parents_lock);
	tcase_add_test(tc, a_child_made_behind_the_c_librarys_back_keeps_nothing);
	tcase_add_test(tc, a_started_program_keeps_nothing);
	tcase_add_test(tc, forking_while_others_lock_is_safe);
	tcase_add_test(tc, strange_lock_files_are_refused);
	tcase_add_test(tc, a_missing_store_is_no_hindrance);
	tcase_add_test(tc, no_lock_beside_the_store_is_made_by_who_needs_none);
	tcase_add_test(tc, a_lock_beside_the_store_is_honoured);
	tcase_add_test(tc, traps_beside_the_store_are_refused);
	tcase_add_test(tc, the_records_lock_waits_and_outlasts_signals);
	tcase_add_test(
		tc, the_records_lock_is_apart_from_the_others_and_dies_with_its_holder);
}

static void add_root_tests(TCase *tc)
{
	tcase_add_test(tc, a_user_without_rights_cannot_block);
	tcase_add_test(tc, who_may_write_the_store_locks_beside_it);
	tcase_add_test(tc, who_may_write_the_store_waits_for_roots_restore);
	tcase_add_test(tc, who_may_not_write_the_store_locks_nothing);
	tcase_add_test(tc, root_insists_on_the_state_directory);
}

int main(void)
{
	Suite *suite = suite_create("lock");
	TCase *tc = tcase_create("lock");

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
