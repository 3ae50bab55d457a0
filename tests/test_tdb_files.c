/* Which files of Samba's private directory are saved, and which must go at a restore. */
#include "engine/tdb_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/tdb_caller.h"
#include "forked.h"
#include "support.h"

static char *home;
static struct names files, leftovers, links;

static void setup(void)
{
	home = support_path(support_tmpdir(), "private");
	ck_assert_int_eq(mkdir(home, 0700), 0);
	files = leftovers = links = (struct names){0};
}

static void teardown(void)
{
	names_free(&files);
	names_free(&leftovers);
	names_free(&links);
	free(home);
}

static void make_dir(const char *name)
{
	char *path = support_path(home, name);

	ck_assert_int_eq(mkdir(path, 0700), 0);
	free(path);
}

static void make_file(const char *name)
{
	char *path = support_path(home, name);

	support_write(path, name);
	free(path);
}

static void make_link(const char *from, const char *to)
{
	char *a = support_path(home, from), *b = support_path(home, to);

	ck_assert_int_eq(link(a, b), 0);
	free(a);
	free(b);
}

static void make_symlink(const char *name, const char *target)
{
	char *path = support_path(home, name);

	ck_assert_int_eq(symlink(target, path), 0);
	free(path);
}

static void find(void)
{
	status rc = samba_find_files(home, &files, &leftovers, &links);

	ck_assert_msg(rc == STATUS_OK, "%s", status_pending());
}

/* LIST is exactly the COUNT names below home. */
static void assert_list(const struct names *list, const char *const *names, size_t count)
{
	ck_assert_uint_eq(list->count, count);
	for (size_t i = 0; i < count; i++) {
		char *path = support_path(home, names[i]);

		ck_assert_str_eq(list->items[i], path);
		free(path);
	}
}

#define ASSERT_LIST(list, ...)                                                           \
	do {                                                                             \
		const char *const names_[] = {__VA_ARGS__};                              \
		assert_list(list, names_, sizeof(names_) / sizeof(names_[0]));           \
	} while (0)

START_TEST(databases_and_all_that_goes_with_them_are_found)
{
	make_dir("tls");
	make_dir("sam.ldb.d");
	make_file("sam.ldb");
	make_file("sam.ldb.d/metadata.tdb");
	make_file("encrypted_secrets.key");
	make_file("tls/key.pem");
	make_file("krb5.conf");
	find();
	ASSERT_LIST(&files, "encrypted_secrets.key", "krb5.conf", "sam.ldb",
		"sam.ldb.d/metadata.tdb", "tls/key.pem");
	ck_assert_uint_eq(leftovers.count, 0);
}
END_TEST

START_TEST(what_samba_keeps_while_it_runs_is_left_out)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/ldapi", home);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	make_dir("msg.sock");
	make_dir("smbd.tmp");
	make_dir("ldap_priv");
	make_file("msg.sock/1234");
	make_file("smbd.tmp/x");
	make_file("samba.pid");
	make_file("netlogon_creds_cli.tdb");
	make_file("sam.ldb.bak-offline");
	make_file("sam.ldb.copy.tdb");
	make_file(".backupapi-restore-1");
	make_file(".sam.ldb.backupapi-new");
	make_file("secrets.tdb");
	find();
	ASSERT_LIST(&files, "secrets.tdb");
	ck_assert_uint_eq(leftovers.count, 0);
	(void)close(fd);
}
END_TEST

START_TEST(lock_files_of_lmdb_are_leftovers)
{
	make_dir("sam.ldb.d");
	make_file("sam.ldb.d/DC=A.ldb");
	make_file("sam.ldb.d/DC=A.ldb-lock");
	find();
	ASSERT_LIST(&files, "sam.ldb.d/DC=A.ldb");
	ASSERT_LIST(&leftovers, "sam.ldb.d/DC=A.ldb-lock");
}
END_TEST

/* BIND's links would go on showing the partitions that were replaced. */
START_TEST(second_names_of_a_file_are_leftovers)
{
	make_dir("sam.ldb.d");
	make_dir("dns");
	make_file("sam.ldb.d/metadata.tdb");
	make_link("sam.ldb.d/metadata.tdb", "dns/metadata.tdb");
	make_file("dns/sam.ldb");
	find();
	ASSERT_LIST(&files, "dns/sam.ldb", "sam.ldb.d/metadata.tdb");
	ASSERT_LIST(&leftovers, "dns/metadata.tdb");
}
END_TEST

START_TEST(symbolic_links_are_not_followed)
{
	make_file("secrets.tdb");
	make_symlink("secrets.ldb", "secrets.tdb");
	make_symlink("dir", "/etc");
	find();
	ASSERT_LIST(&files, "secrets.tdb");
	ck_assert_uint_eq(leftovers.count, 0);
	ck_assert_int_eq(samba_find_files(home, NULL, NULL, NULL), STATUS_OK);
}
END_TEST

START_TEST(links_that_stand_in_for_what_is_saved_are_found)
{
	make_dir("sam.ldb.d");
	make_dir("elsewhere");
	make_file("elsewhere/partition");
	make_symlink("sam.ldb.d/DC=A.ldb", "../elsewhere/partition");
	make_symlink("secrets.tdb", "not-mounted/secrets.tdb");
	make_symlink("secrets.ldb", "secrets.ldb");
	make_symlink("encrypted_secrets.key", "elsewhere/partition");
	make_symlink("tls", "elsewhere");
	find();
	ASSERT_LIST(&files, "elsewhere/partition");
	ASSERT_LIST(&links, "encrypted_secrets.key", "sam.ldb.d/DC=A.ldb", "secrets.ldb",
		"secrets.tdb", "tls");
}
END_TEST

START_TEST(other_links_are_nobodys_business)
{
	make_dir("tls");
	make_dir("elsewhere");
	make_file("elsewhere/x");
	make_symlink("tls/cert.pem", "../elsewhere/x");
	make_symlink("krb5.conf", "/etc/krb5.conf");
	make_symlink("gone", "not-mounted");
	make_symlink("netlogon_creds_cli.tdb", "elsewhere/x");
	make_symlink("sam.ldb.copy.tdb", "elsewhere/x");
	make_symlink("msg.sock", "elsewhere");
	make_symlink("null.ldb", "/dev/null");
	find();
	ASSERT_LIST(&files, "elsewhere/x");
	ck_assert_uint_eq(links.count, 0);
}
END_TEST

START_TEST(missing_directory_has_no_files)
{
	ck_assert_int_eq(rmdir(home), 0);
	find();
	ck_assert_uint_eq(files.count, 0);
}
END_TEST

START_TEST(directories_without_end_are_an_error)
{
	char path[600], *at = path;

	at += snprintf(path, sizeof(path), "d");
	for (int i = 0; i < 40; i++) {
		make_dir(path);
		at += snprintf(at, sizeof(path) - (size_t)(at - path), "/d");
	}
	ck_assert_int_eq(samba_find_files(home, &files, NULL, NULL),
		STATUS_WIN32(ERROR_BAD_CONFIGURATION));
	ck_assert_ptr_nonnull(strstr(status_pending(), "too deep"));
}
END_TEST

static int sees_lock(void *fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(*(int *)fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* A descriptor that is closed takes the locks of the whole process away. */
START_TEST(survey_leaves_locks_of_this_process_alone)
{
	char *path = support_path(home, "sam.ldb");
	struct store_config store = {0};
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd;

	make_file("sam.ldb");
	fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(fcntl(fd, F_SETLK, &lock), 0);
	ck_assert_int_eq(names_add(&store.databases, home), STATUS_OK);
	ck_assert_int_eq(tdb_survey(&store, &files, &leftovers), STATUS_OK);
	ck_assert_uint_eq(files.count, 1);
	ck_assert_msg(forked(fork, sees_lock, &fd) == 1, "the lock is gone");
	(void)close(fd);
	names_free(&store.databases);
	free(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tdb_files");
	TCase *tcase = tcase_create("tdb_files");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, databases_and_all_that_goes_with_them_are_found);
	tcase_add_test(tcase, what_samba_keeps_while_it_runs_is_left_out);
	tcase_add_test(tcase, lock_files_of_lmdb_are_leftovers);
	tcase_add_test(tcase, second_names_of_a_file_are_leftovers);
	tcase_add_test(tcase, symbolic_links_are_not_followed);
	tcase_add_test(tcase, links_that_stand_in_for_what_is_saved_are_found);
	tcase_add_test(tcase, other_links_are_nobodys_business);
	tcase_add_test(tcase, missing_directory_has_no_files);
	tcase_add_test(tcase, directories_without_end_are_an_error);
	tcase_add_test(tcase, survey_leaves_locks_of_this_process_alone);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
