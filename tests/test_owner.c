/* Whose rights a worker has: the owner's of the store's files, not root's. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/owner.h"
#include "sqlite_store.h"

enum { NOBODY = 65534, OTHER_GROUP = 65533 };

static struct sqlite_store store;

static void setup(void)
{
	sqlite_store_make(&store, "*.db");
}

static void teardown(void)
{
	sqlite_store_free(&store);
}

static void give_to(const char *path, uid_t uid, gid_t gid)
{
	ck_assert_int_eq(lchown(path, uid, gid), 0);
}

/* Every file of the store belongs to NOBODY. */
static void assert_nothing_of_roots(void)
{
	DIR *dir = opendir(store.dir);
	const struct dirent *entry;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		struct stat st;

		if (strcmp(entry->d_name, "..") == 0)
			continue;
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
			/* SQLite's journals come and go while the writer works. */
			ck_assert_int_eq(errno, ENOENT);
			continue;
		}
		ck_assert_msg(st.st_uid == NOBODY, "%s belongs to %u", entry->d_name,
			st.st_uid);
	}
	ck_assert_int_eq(closedir(dir), 0);
}

/* The store belongs to NOBODY, who can reach it, but not the spool. */
static char *make_nobodys_database(const char *name, const char *mode)
{
	char *path = sqlite_make(&store, name, mode, 1000), *base = strdup(store.dir);

	ck_assert_ptr_nonnull(base);
	*strrchr(base, '/') = '\0';
	ck_assert_int_eq(chmod(base, 0711), 0);
	give_to(store.dir, NOBODY, NOBODY);
	ck_assert_int_eq(chmod(store.dir, 0700), 0);
	give_to(path, NOBODY, OTHER_GROUP);
	ck_assert_int_eq(chmod(path, 0600), 0);
	free(base);
	return path;
}

static void assert_status_line(pid_t pid, const char *line)
{
	char path[64], *text;

	(void)snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	text = support_read(path);
	ck_assert_msg(strstr(text, line) != NULL, "%s not in %s", line, text);
	free(text);
}

START_TEST(worker_of_root_is_the_owner_and_leaves_nothing_of_roots)
{
	char *path = make_nobodys_database("ca.db", _i ? "wal" : "delete"), *other;
	char *copy = support_path(store.spool, "copy.db");
	struct engine_session *session;

	other = _i == 2 ? make_nobodys_database("b.db", "wal") : NULL;
	session = sqlite_session(&store);
	assert_status_line(sqlite_worker(), "\nUid:\t65534\t65534\t65534\t65534\n");
	assert_status_line(sqlite_worker(), "\nGid:\t65533\t65533\t65533\t65533\n");
	assert_status_line(sqlite_worker(), "\nCapPrm:\t0000000000000000\n");
	assert_status_line(sqlite_worker(), "\nNoNewPrivs:\t1\n");
	assert_nothing_of_roots();
	sqlite_save(session, path, copy);
	worker_spool_end(session);
	assert_nothing_of_roots();
	ck_assert_int_eq(sqlite_number(copy, "SELECT count(*) FROM t"), 1000);
	ck_assert_int_eq(worker_verify(&sqlite_engine, path), STATUS_OK);
	assert_nothing_of_roots();
	free(other);
	free(copy);
	free(path);
}
END_TEST

/* What the owner may not read, his worker may not either. */
START_TEST(worker_has_no_rights_of_roots)
{
	char *path = make_nobodys_database("a.db", "delete");
	char *secret = sqlite_make(&store, "b.db", "delete", 1);
	struct engine_session *session;

	ck_assert_int_eq(chmod(secret, 0600), 0);
	ck_assert_int_eq(
		sqlite_try_session(&store, &session), STATUS_WIN32(ERROR_ACCESS_DENIED));
	ck_assert_ptr_nonnull(strstr(status_pending(), "b.db"));
	free(secret);
	free(path);
}
END_TEST

/* A user's symbolic link to a database of root's does not get him a copy of it. */
START_TEST(link_of_the_user_does_not_make_roots_file_his_store)
{
	char *path = make_nobodys_database("a.db", "delete"), *secret;
	struct engine_session *session;
	status rc;

	secret = support_path(store.spool, "secret.db");
	sqlite_run(secret, "CREATE TABLE t(n)");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink(secret, path), 0);
	give_to(path, NOBODY, NOBODY);
	rc = sqlite_try_session(&store, &session);
	ck_assert_msg(rc == STATUS_WIN32(ERROR_ACCESS_DENIED), "%s", status_pending());
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(
		symlink(secret, path), 0); /* root's own link is another matter */
	rc = sqlite_try_session(&store, &session);
	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
	worker_spool_end(session);
	free(secret);
	free(path);
}
END_TEST

static pid_t nobodys_writer(const char *path)
{
	const char *paths[] = {path};
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		pid_t writer;
		int how;

		/* In this order: a change of user takes the signal back. */
		if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
			setresuid(NOBODY, NOBODY, NOBODY) ||
			prctl(PR_SET_PDEATHSIG, SIGKILL))
			_exit(1);
		writer = sqlite_writer(paths, 1);
		(void)waitpid(writer, &how, 0);
		_exit(2);
	}
	return pid;
}

START_TEST(writer_of_the_owner_is_never_locked_out)
{
	char *path = make_nobodys_database("ca.db", _i ? "wal" : "delete");
	pid_t writer;

	give_to(path, NOBODY, NOBODY);
	writer = nobodys_writer(path);
	for (int i = 0; i < 10; i++) {
		worker_spool_end(sqlite_session(&store));
		assert_nothing_of_roots();
	}
	stop_process(writer);
	free(path);
}
END_TEST

static void assert_owner(uid_t uid, gid_t gid)
{
	struct owner owner = owner_of_store(&store.config.databases);

	ck_assert_uint_eq(owner.uid, uid);
	ck_assert_uint_eq(owner.gid, gid);
}

START_TEST(owner_is_that_of_the_first_database_or_of_its_directory)
{
	char *path;

	give_to(store.dir, 1234, 1235);
	assert_owner(1234, 1235);
	path = make_nobodys_database("b.db", "delete");
	assert_owner(NOBODY, OTHER_GROUP);
	free(path);
	path = sqlite_make(&store, "a.db", "delete", 1);
	assert_owner(0, 0);
	free(path);
	names_free(&store.config.databases);
	ck_assert_int_eq(
		names_take(&store.config.databases, sqlite_store_path(&store, "no/x*/y")),
		STATUS_OK);
	assert_owner(NOBODY, NOBODY);
}
END_TEST

START_TEST(ordinary_caller_is_served_as_himself)
{
	char *path = make_nobodys_database("ca.db", "wal");
	pid_t pid = fork();
	int how;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct engine_session *session;

		if (setgroups(0, NULL) || setresgid(4321, 4321, 4321) ||
			setresuid(4321, 4321, 4321))
			_exit(1);
		assert_owner(4321, 4321);
		free(store.config.spool_dir);
		store.config.spool_dir = strdup("/tmp");
		/* He may not enter the owner's directory. */
		if (sqlite_try_session(&store, &session) !=
			STATUS_WIN32(ERROR_ACCESS_DENIED))
			_exit(2);
		free(path); /* for valgrind, which looks at the child too */
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &how, 0), pid);
	ck_assert_int_eq(how, 0);
	free(path);
}
END_TEST

START_TEST(owner_of_a_directory_is_its_own)
{
	char *link = support_path(store.spool, "link");

	names_free(&store.config.databases);
	ck_assert_int_eq(names_add(&store.config.databases, store.dir), STATUS_OK);
	assert_owner(0, 0);
	give_to(store.dir, 1234, 1235);
	assert_owner(1234, 1235);
	names_free(&store.config.databases);
	ck_assert_int_eq(symlink(store.dir, link), 0);
	ck_assert_int_eq(names_add(&store.config.databases, link), STATUS_OK);
	assert_owner(1234, 1235);
	give_to(store.dir, 0, 0);
	give_to(link, NOBODY, NOBODY); /* his link does not make it his store */
	assert_owner(NOBODY, NOBODY);
	free(link);
}
END_TEST

int main(void)
{
	Suite *suite;
	TCase *tcase;

	if (geteuid() != 0) {
		(void)puts("not root: what root's worker may do is not tested");
		return 77; /* skipped */
	}
	suite = suite_create("owner");
	tcase = tcase_create("root");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, owner_is_that_of_the_first_database_or_of_its_directory);
	tcase_add_test(tcase, owner_of_a_directory_is_its_own);
	tcase_add_loop_test(
		tcase, worker_of_root_is_the_owner_and_leaves_nothing_of_roots, 0, 3);
	tcase_add_test(tcase, worker_has_no_rights_of_roots);
	tcase_add_test(tcase, link_of_the_user_does_not_make_roots_file_his_store);
	tcase_add_loop_test(tcase, writer_of_the_owner_is_never_locked_out, 0, 2);
	tcase_add_test(tcase, ordinary_caller_is_served_as_himself);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
