/*
 * test_server_dirs.c - a server's own directories
 */
#include "servers.h"

#include <fcntl.h>

static struct server server_with_state(char *state)
{
	return (struct server){.name = dir, .state_dir = state};
}

START_TEST(state_dir_is_created_private)
{
	char *parent = support_path(dir, "p"), *state = support_path(parent, "state");
	struct server server = server_with_state(state);
	struct stat st;
	int fd = 7;

	ck_assert_int_eq(server_open_state_dir(&server, false, &fd),
		STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	ck_assert_int_eq(fd, -1);
	ck_assert(!support_exists(parent));
	ck_assert_int_eq(server_open_state_dir(&server, true, &fd), STATUS_OK);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert(S_ISDIR(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	(void)close(fd);
	ck_assert_int_eq(server_open_state_dir(&server, false, &fd), STATUS_OK);
	(void)close(fd);
	free(parent);
	free(state);
}
END_TEST

START_TEST(a_state_dir_open_to_others_is_refused)
{
	static const mode_t modes[] = {0750, 0701, 0770, 0707, 0704};
	char *state = support_path(dir, "state");
	struct server server = server_with_state(state);
	int fd;

	ck_assert_int_eq(mkdir(state, 0700), 0);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		char mode[8];

		ck_assert_int_eq(chmod(state, modes[i]), 0);
		ck_assert_int_eq(server_open_state_dir(&server, true, &fd), DENIED);
		ck_assert_int_eq(fd, -1);
		(void)snprintf(mode, sizeof(mode), "%04o", (unsigned)modes[i]);
		assert_detail_has(mode);
		assert_detail_has(state);
	}
	ck_assert_int_eq(chmod(state, 0700), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(state, 12345, 0), 0);
		ck_assert_int_eq(server_open_state_dir(&server, true, &fd), DENIED);
		assert_detail_has("12345");
	}
	free(state);
}
END_TEST

START_TEST(a_state_dir_that_is_no_directory_is_refused)
{
	char *state = support_path(dir, "state"), *real = support_path(dir, "real");
	struct server server = server_with_state(state);
	int fd;

	ck_assert_int_eq(mkdir(real, 0700), 0);
	ck_assert_int_eq(symlink(real, state), 0);
	ck_assert_int_eq(server_open_state_dir(&server, false, &fd), DENIED);
	assert_detail_has("symbolic link");
	ck_assert_int_eq(unlink(state), 0);
	support_write(state, "");
	ck_assert_int_eq(server_open_state_dir(&server, false, &fd), DENIED);
	assert_detail_has("not a directory");
	free(state);
	free(real);
}
END_TEST

static void assert_store_dir(
	const char *engine, const char *database, const char *expected)
{
	struct server server = {0};
	char *found;

	server.store.engine = strdup(engine);
	ck_assert_ptr_nonnull(server.store.engine);
	ck_assert_int_eq(names_add(&server.store.databases, database), STATUS_OK);
	ck_assert_int_eq(names_add(&server.store.databases, "/zzz/second"), STATUS_OK);
	found = server_store_dir(&server);
	ck_assert_str_eq(found, expected);
	free(found);
	free(server.store.engine);
	names_free(&server.store.databases);
}

START_TEST(the_store_is_where_its_first_database_is)
{
	char *home = support_path(dir, "home");

	assert_store_dir("flat", "/srv/ca/index.txt", "/srv/ca");
	assert_store_dir("flat", "/srv/ca/*.db", "/srv/ca");
	assert_store_dir("auto", "/srv/ca/ind*", "/srv/ca");
	assert_store_dir("auto", "/srv/*/x.db", "/srv");
	assert_store_dir("auto", "/srv//?x/y", "/srv");
	assert_store_dir("auto", "/srv/a[bc]/y", "/srv");
	assert_store_dir("sqlite", "/x.db", "/");
	assert_store_dir("flat", "/*", "/");
	assert_store_dir("bdb", "/srv/ds", "/srv/ds");
	assert_store_dir("lmdb", "/srv/ds", "/srv/ds");
	assert_store_dir("tdb", "/srv/ds", "/srv/ds");
	assert_store_dir("auto", home, dir);
	ck_assert_int_eq(mkdir(home, 0700), 0);
	assert_store_dir("auto", home, home);
	free(home);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("server_dirs");
	TCase *t = tcase_create("server_dirs");

	tcase_add_checked_fixture(t, set_up, NULL);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, state_dir_is_created_private);
	tcase_add_test(t, a_state_dir_open_to_others_is_refused);
	tcase_add_test(t, a_state_dir_that_is_no_directory_is_refused);
	tcase_add_test(t, the_store_is_where_its_first_database_is);
	suite_add_tcase(suite, t);
	return support_run(suite);
}
