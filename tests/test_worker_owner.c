/* As whom a recovery runs. Needs root, to become others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stream_session.h"

enum { SERVER = 65534, SKIPPED = 77 };

static void give(const char *path, uid_t owner)
{
	ck_assert_int_eq(chown(path, owner, owner), 0);
}

static void setup(void)
{
	char *above;

	session_setup();
	above = support_path(session_store.home, "..");
	ck_assert_int_eq(chmod(above, 0755), 0);
	free(above);
	ck_assert_int_eq(chmod(session_store.home, 0777), 0);
}

/* Recovers DATABASES in the home; the user who left a file there. */
static uid_t recover(const struct names *databases)
{
	const struct engine_recovery recovery = {.databases = databases,
		.home = session_store.home,
		.log_dir = session_store.home};
	status rc = streamer.recover(&streamer, &session_store.config, &recovery);
	char *left = support_path(session_store.home, "recovered");
	struct stat st;

	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
	ck_assert_int_eq(stat(left, &st), 0);
	free(left);
	return st.st_uid;
}

/* What a home is like, and who has to recover it. */
static const struct {
	uid_t home, plain, database, log, expected;
} homes[] = {
	/* An administrator's DB_CONFIG in the server's home. */
	{SERVER, 0, SERVER, SERVER, SERVER},
	{SERVER, 0, 0, 0, SERVER},
	/* A directory of root's into which the server is let. */
	{0, 0, SERVER, SERVER, SERVER},
	{0, 0, SERVER, 0, SERVER},
	{0, 0, 0, SERVER, SERVER},
	{0, 0, 0, 0, 0},
	{0, SERVER, 0, 0, 0},
};

START_TEST(recovery_runs_as_the_one_whose_databases_they_are)
{
	char *plain = stream_make(session_store.home, "DB_CONFIG", 10);
	char *database = stream_make(session_store.home, "db.a", 10);
	char *log = stream_make(session_store.home, "log.0000000001", 10);
	struct names databases = {0};

	ck_assert_int_eq(names_add(&databases, plain), STATUS_OK);
	ck_assert_int_eq(names_add(&databases, database), STATUS_OK);
	give(session_store.home, homes[_i].home);
	give(plain, homes[_i].plain);
	give(database, homes[_i].database);
	give(log, homes[_i].log);
	ck_assert_uint_eq(recover(&databases), homes[_i].expected);
	names_free(&databases);
	free(plain);
	free(database);
	free(log);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("worker_owner");
	TCase *tcase = tcase_create("owner");

	if (geteuid() != 0) {
		(void)puts("root alone can become others: skipped");
		return SKIPPED;
	}
	tcase_add_checked_fixture(tcase, setup, session_teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, recovery_runs_as_the_one_whose_databases_they_are, 0,
		sizeof(homes) / sizeof(homes[0]));
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
