/* Looking for a store's engine beside processes that hold locks on its databases. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sqlite_store.h"

enum { NOBODY = 65534 };

static struct sqlite_store store;

static void setup(void)
{
	sqlite_store_make(&store, "*.db");
	free(store.config.engine);
	store.config.engine = NULL;
}

static void teardown(void)
{
	sqlite_store_free(&store);
}

static void assert_childless(void)
{
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

static const struct engine *found(void)
{
	const struct engine *engine;
	status rc = engine_find(&store.config, &engine);

	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
	assert_childless();
	return engine;
}

/* Would another process get SQLite's lock for writing? Asked without SQLite, which keeps
 * in memory what its own process has locked, also across fork. */
static bool another_can_write(const char *path)
{
	struct flock reserved = {.l_type = F_WRLCK, .l_start = 0x40000001, .l_len = 1};
	int how;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int fd = open(path, O_RDWR | O_CLOEXEC);

		if (fd < 0 || fcntl(fd, F_GETLK, &reserved) < 0)
			_exit(2);
		_exit(reserved.l_type == F_UNLCK);
	}
	ck_assert_int_eq(waitpid(pid, &how, 0), pid);
	ck_assert(WIFEXITED(how) && WEXITSTATUS(how) < 2);
	return WEXITSTATUS(how) == 1;
}

START_TEST(the_callers_own_locks_survive_looking)
{
	char *path = sqlite_make(&store, "ca.db", "delete", 1);
	const struct engine *engine;
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert(another_can_write(path));
	ck_assert_int_eq(
		sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	ck_assert(!another_can_write(path));
	ck_assert_str_eq(found()->name, "sqlite");
	ck_assert(!another_can_write(path));
	ck_assert_int_eq(engine_for_file(NULL, path, &engine), STATUS_OK);
	ck_assert_str_eq(engine->name, "sqlite");
	ck_assert(!another_can_write(path));
	ck_assert_int_eq(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
	free(path);
}
END_TEST

START_TEST(a_relative_path_is_the_callers)
{
	char *path = sqlite_make(&store, "ca.db", "delete", 1), *here = getcwd(NULL, 0);
	const struct engine *engine;
	status rc;

	ck_assert_ptr_nonnull(here);
	ck_assert_int_eq(chdir(store.dir), 0);
	rc = engine_for_file("auto", "ca.db", &engine);
	ck_assert_int_eq(chdir(here), 0);
	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
	ck_assert_str_eq(engine->name, "sqlite");
	free(here);
	free(path);
}
END_TEST

/* More paths than one request holds: 1 MiB of them. */
START_TEST(thousands_of_files_are_looked_at)
{
	char name[256];
	char *last;

	for (int i = 0; i < 6000; i++) {
		(void)snprintf(name, sizeof(name), "%0200d.db", i);
		last = sqlite_store_path(&store, name);
		support_write(last, "flat");
		free(last);
	}
	ck_assert_str_eq(found()->name, "flat");
	last = sqlite_make(&store, "z.db", "delete", 1);
	{
		const struct engine *engine;

		ck_assert_int_eq(engine_find(&store.config, &engine),
			STATUS_WIN32(ERROR_BAD_CONFIGURATION));
		sqlite_assert_detail("z.db");
	}
	free(last);
}
END_TEST

/* A file with nothing but the second copy of an ESE header, whose checksum is CHECKSUM, and
 * HEAD in front. */
static void write_second_header(const char *head, unsigned char checksum)
{
	static const unsigned char magic[] = {0xef, 0xcd, 0xab, 0x89};
	unsigned char data[3 * 4096] = {0}, *copy = data + 4096;
	char *path = sqlite_store_path(&store, "a.db");
	FILE *f = fopen(path, "we");

	memcpy(data, head, strlen(head));
	copy[1] = checksum;
	memcpy(copy + 4, magic, sizeof(magic));
	copy[236 + 1] = 4096 / 256; /* the page size */
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(data, sizeof(data), 1, f), 1);
	ck_assert_int_eq(fclose(f), 0);
	free(path);
}

START_TEST(the_second_copy_of_an_ese_header_counts_where_nothing_else_does)
{
	write_second_header("", 4096 / 256);
	ck_assert_str_eq(found()->name, "ese");
	write_second_header("", 4096 / 256 + 1);
	ck_assert_str_eq(found()->name, "flat");
	write_second_header("SQLite format 3", 4096 / 256);
	ck_assert_str_eq(found()->name, "sqlite");
}
END_TEST

static void close_to_others(const char *path, uid_t owner)
{
	ck_assert_int_eq(chown(path, owner, owner), 0);
	ck_assert_int_eq(chmod(path, 0600), 0);
}

START_TEST(files_that_their_owner_cannot_reach_are_looked_at_by_root)
{
	char *path = sqlite_store_path(&store, "index.db");

	support_write(path, "flat");
	close_to_others(path, NOBODY);
	ck_assert_int_eq(chmod(store.dir, 0700), 0);
	ck_assert_str_eq(found()->name, "flat");
	free(path);
}
END_TEST

START_TEST(a_user_has_root_look_at_nothing_of_roots)
{
	char *secret = sqlite_store_path(&store, "secret");
	char *link = sqlite_store_path(&store, "a.db");
	const struct engine *engine;

	support_write(secret, "SQLite format 3");
	close_to_others(secret, 0);
	ck_assert_int_eq(symlink(secret, link), 0);
	ck_assert_int_eq(lchown(link, NOBODY, NOBODY), 0);
	ck_assert_int_eq(
		engine_find(&store.config, &engine), STATUS_WIN32(ERROR_ACCESS_DENIED));
	sqlite_assert_detail("a.db");
	assert_childless();
	free(secret);
	free(link);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("engine_probe");
	TCase *tc = tcase_create("engine_probe");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, the_callers_own_locks_survive_looking);
	tcase_add_test(tc, a_relative_path_is_the_callers);
	tcase_add_test(tc, thousands_of_files_are_looked_at);
	tcase_add_test(
		tc, the_second_copy_of_an_ese_header_counts_where_nothing_else_does);
	if (geteuid() == 0) {
		tcase_add_test(
			tc, files_that_their_owner_cannot_reach_are_looked_at_by_root);
		tcase_add_test(tc, a_user_has_root_look_at_nothing_of_roots);
	}
	suite_add_tcase(suite, tc);
	return support_run(suite);
}
