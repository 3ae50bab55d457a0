/*
 * What only root can do is tested as root; run by another user, the rest.
 */
#include "base/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#define STRANGER    ((uid_t)54321)
#define STRANGERS   ((gid_t)54322)
#define GROUP_COUNT 40
#define FIRST_GROUP ((gid_t)70000)
#define LONG_ENTRY  5000 /* bytes that a user's entry needs */
#define SECRET_NAME "secret"

static char *secret;
static bool user_is_known;
static int lookup_error;

/* The user database: nobody, or a user in many groups whose entry is long. */
int getpwuid_r(uid_t uid, struct passwd *entry, char *memory, size_t size,
	struct passwd **result)
{
	*result = NULL;
	if (lookup_error || !user_is_known)
		return lookup_error;
	if (size < LONG_ENTRY)
		return ERANGE;
	*entry = (struct passwd){.pw_name = memory, .pw_uid = uid, .pw_gid = STRANGERS};
	(void)snprintf(memory, size, "stranger");
	*result = entry;
	return 0;
}

int getgrouplist(const char *user, gid_t group, gid_t *groups, int *count)
{
	const int room = *count;

	ck_assert_str_eq(user, "stranger");
	*count = GROUP_COUNT;
	for (int i = 0; i < GROUP_COUNT && i < room; i++)
		groups[i] = i ? FIRST_GROUP + (gid_t)i : group;
	return room < GROUP_COUNT ? -1 : GROUP_COUNT;
}

/* ---- fixture and helpers ---- */

static void set_up(void)
{
	char *dir = support_tmpdir();

	ck_assert_int_eq(chmod(dir, 0755), 0);
	secret = support_path(dir, SECRET_NAME);
	support_write(secret, "root's");
	ck_assert_int_eq(chmod(secret, 0600), 0);
	user_is_known = false;
	lookup_error = 0;
}

static void tear_down(void)
{
	free(secret);
}

static bool can_read_secret(void)
{
	int fd = open(secret, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		ck_assert_int_eq(errno, EACCES);
	else
		ck_assert_int_eq(close(fd), 0);
	return fd >= 0;
}

static int group_list(gid_t *groups, int room)
{
	int count = getgroups(room, groups);

	ck_assert_int_ge(count, 0);
	return count;
}

static void assume_stranger(struct identity *former)
{
	ck_assert_int_eq(identity_assume(STRANGER, STRANGERS, former), STATUS_OK);
	ck_assert(former->assumed);
}

/* ---- as root ---- */

START_TEST(an_assumed_identity_loses_roots_rights_and_gets_them_back)
{
	struct identity former;

	ck_assert(can_read_secret());
	assume_stranger(&former);
	ck_assert(!can_read_secret());
	identity_restore(&former);
	ck_assert(can_read_secret());
	ck_assert(!former.assumed);
}
END_TEST

/* Another thread, between two barriers of the first one. */
static pthread_barrier_t barrier;
static bool other_could_read;
static int other_groups;

static void *read_meanwhile(void *unused)
{
	gid_t groups[1024];

	(void)unused;
	(void)pthread_barrier_wait(&barrier);
	other_could_read = can_read_secret();
	other_groups = getgroups(1024, groups);
	(void)pthread_barrier_wait(&barrier);
	return NULL;
}

START_TEST(other_threads_keep_their_rights_meanwhile)
{
	struct identity former;
	pthread_t thread;
	gid_t groups[1024];
	const int own_groups = group_list(groups, 1024);

	user_is_known = true;
	ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, read_meanwhile, NULL), 0);
	assume_stranger(&former);
	(void)pthread_barrier_wait(&barrier);
	ck_assert(!can_read_secret());
	(void)pthread_barrier_wait(&barrier);
	ck_assert(!can_read_secret());
	identity_restore(&former);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(pthread_barrier_destroy(&barrier), 0);
	ck_assert(other_could_read);
	ck_assert_int_eq(other_groups, own_groups);
}
END_TEST

START_TEST(new_files_belong_to_the_assumed_user)
{
	char *dir = support_tmpdir(), *path = support_path(dir, "new");
	struct identity former;
	struct stat st;

	ck_assert_int_eq(chmod(dir, 0777), 0);
	assume_stranger(&former);
	support_write(path, "x");
	identity_restore(&former);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_uid, STRANGER);
	ck_assert_uint_eq(st.st_gid, STRANGERS);
	free(path);
}
END_TEST

START_TEST(groups_are_those_of_the_user_database)
{
	struct identity former;
	gid_t before[1024], now[1024], after[1024];
	const int count = group_list(before, 1024);

	user_is_known = true;
	assume_stranger(&former);
	ck_assert_int_eq(group_list(now, 1024), GROUP_COUNT);
	identity_restore(&former);
	for (int i = 0; i < GROUP_COUNT; i++)
		ck_assert_uint_eq(now[i], i ? FIRST_GROUP + (gid_t)i : STRANGERS);
	ck_assert_int_eq(group_list(after, 1024), count);
	ck_assert(memcmp(before, after, (size_t)count * sizeof(gid_t)) == 0);
}
END_TEST

START_TEST(an_unknown_user_has_one_group)
{
	static const int errors[] = {0, ENOENT, ESRCH, EBADF, EPERM};
	struct identity former;
	gid_t groups[1024];

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		lookup_error = errors[i];
		assume_stranger(&former);
		ck_assert_int_eq(group_list(groups, 1024), 1);
		identity_restore(&former);
		ck_assert_uint_eq(groups[0], STRANGERS);
	}
}
END_TEST

START_TEST(a_group_opens_what_is_meant_for_it_and_no_more)
{
	struct identity former;

	user_is_known = true;
	ck_assert_int_eq(chown(secret, 0, FIRST_GROUP + 5), 0);
	ck_assert_int_eq(chmod(secret, 0640), 0);
	assume_stranger(&former);
	ck_assert(can_read_secret());
	identity_restore(&former);
	ck_assert_int_eq(chown(secret, 0, FIRST_GROUP + GROUP_COUNT), 0);
	assume_stranger(&former);
	ck_assert(!can_read_secret());
	identity_restore(&former);
}
END_TEST

START_TEST(a_failing_user_database_assumes_nothing)
{
	struct identity former;

	lookup_error = EIO;
	ck_assert_int_eq(
		identity_assume(STRANGER, STRANGERS, &former), status_from_errno(EIO));
	ck_assert(!former.assumed);
	ck_assert_ptr_null(former.groups);
	ck_assert(can_read_secret());
}
END_TEST

START_TEST(identities_do_not_nest)
{
	struct identity former, second;

	assume_stranger(&former);
	ck_assert_int_eq(identity_assume(STRANGER + 1, STRANGERS, &second),
		STATUS_WIN32(ERROR_INVALID_STATE));
	identity_restore(&second);
	ck_assert(!can_read_secret());
	identity_restore(&former);
	ck_assert(can_read_secret());
}
END_TEST

START_TEST(roots_own_identity_is_nothing_to_assume)
{
	struct identity former;

	ck_assert_int_eq(identity_assume(0, 0, &former), STATUS_OK);
	ck_assert(!former.assumed);
	identity_restore(&former);
	ck_assert(can_read_secret());
}
END_TEST

static int in_child(int (*deed)(void))
{
	int wait_status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(deed());
	ck_assert_int_eq(waitpid(pid, &wait_status, 0), pid);
	ck_assert(WIFEXITED(wait_status));
	return WEXITSTATUS(wait_status);
}

/* With this securebit the kernel leaves a changed user all capabilities. */
static int assume_with_capabilities_fixed(void)
{
	struct identity former;
	int fd;

	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP))
		return 1;
	if (identity_assume(STRANGER, STRANGERS, &former) !=
		STATUS_WIN32(ERROR_ACCESS_DENIED))
		return 2;
	fd = open(secret, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && !former.assumed ? 0 : 3;
}

START_TEST(an_identity_that_keeps_roots_capabilities_is_refused)
{
	ck_assert_int_eq(in_child(assume_with_capabilities_fixed), 0);
}
END_TEST

static int assume_as_stranger(void)
{
	struct identity former;

	if (setgid(STRANGERS) || setuid(STRANGER))
		return 1;
	if (identity_assume(STRANGER + 1, STRANGERS + 1, &former) != STATUS_OK ||
		former.assumed)
		return 2;
	identity_restore(&former);
	return open(secret, O_RDONLY | O_CLOEXEC) < 0 && geteuid() == STRANGER ? 0 : 3;
}

START_TEST(who_is_not_root_stays_who_he_is)
{
	ck_assert_int_eq(in_child(assume_as_stranger), 0);
}
END_TEST

/* ---- as anybody ---- */

START_TEST(restoring_nothing_does_nothing)
{
	struct identity former = {0};

	identity_restore(&former);
	identity_restore(&former);
	ck_assert_int_eq(identity_assume(geteuid(), getegid(), &former), STATUS_OK);
	ck_assert(!former.assumed);
	identity_restore(&former);
	ck_assert(can_read_secret());
}
END_TEST

static void add_root_tests(TCase *tc)
{
	tcase_add_test(tc, an_assumed_identity_loses_roots_rights_and_gets_them_back);
	tcase_add_test(tc, other_threads_keep_their_rights_meanwhile);
	tcase_add_test(tc, new_files_belong_to_the_assumed_user);
	tcase_add_test(tc, groups_are_those_of_the_user_database);
	tcase_add_test(tc, an_unknown_user_has_one_group);
	tcase_add_test(tc, a_group_opens_what_is_meant_for_it_and_no_more);
	tcase_add_test(tc, a_failing_user_database_assumes_nothing);
	tcase_add_test(tc, identities_do_not_nest);
	tcase_add_test(tc, roots_own_identity_is_nothing_to_assume);
	tcase_add_test(tc, an_identity_that_keeps_roots_capabilities_is_refused);
	tcase_add_test(tc, who_is_not_root_stays_who_he_is);
}

int main(void)
{
	Suite *suite = suite_create("identity");
	TCase *tc = tcase_create("identity");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	if (geteuid() == 0)
		add_root_tests(tc);
	else
		(void)fputs("skipped: acting as another user takes root\n", stderr);
	tcase_add_test(tc, restoring_nothing_does_nothing);
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
