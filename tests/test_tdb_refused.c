/* What the TDB engine refuses to copy, in this process: directories that are not whole, and
 * sessions that nobody wants. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/tdb.h"
#include "tdb_store.h"

static struct hosted_store store;

static void setup(void)
{
	hosted_make(&store, &tdb_hosted_engine, "");
}

static void teardown(void)
{
	hosted_free(&store);
}

START_TEST(directory_without_sam_ldb_is_refused)
{
	char *path = hosted_path(&store, "sam.ldb");

	ck_assert_int_eq(hosted_begin_fails(&store), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	hosted_assert_detail("store/sam.ldb");
	tdb_store_make(store.dir, false);
	ck_assert_int_eq(unlink(path), 0);
	free(path);
	path = hosted_path(&store, "sam.ldb.d/metadata.tdb");
	ck_assert_int_eq(hosted_begin_fails(&store), STATUS_WIN32(ERROR_FILE_NOT_FOUND));
	hosted_assert_detail("store/sam.ldb");
	free(path);
}
END_TEST

/* Moves what is at NAME out of the directory, and leaves a link to it. */
static void move_behind_link(const char *name)
{
	char *path = hosted_path(&store, name);
	char *moved = support_path(support_tmpdir(), "moved");

	ck_assert_int_eq(rename(path, moved), 0);
	ck_assert_int_eq(symlink(moved, path), 0);
	free(moved);
	free(path);
}

static const char *const linked[] = {TDB_PARTITION_A, "sam.ldb.d/metadata.tdb", "sam.ldb",
	"sam.ldb.d", "secrets.ldb", "secrets.tdb", "encrypted_secrets.key", "tls"};

START_TEST(what_is_behind_a_link_is_not_left_out_silently)
{
	char *path = hosted_path(&store, linked[_i]);

	tdb_store_make(store.dir, false);
	move_behind_link(linked[_i]);
	ck_assert_int_eq(
		hosted_begin_fails(&store), STATUS_WIN32(ERROR_BAD_CONFIGURATION));
	hosted_assert_detail(path);
	hosted_assert_detail("symbolic link");
	free(path);
}
END_TEST

START_TEST(link_to_a_certificate_does_no_harm)
{
	struct engine_session *session;

	tdb_store_make(store.dir, false);
	move_behind_link("tls/key.pem");
	session = hosted_begin(&store);
	hosted_end(&store, session);
}
END_TEST

START_TEST(directory_without_a_partition_is_refused)
{
	char *path = hosted_path(&store, _i % 2 ? TDB_PARTITION_A : TDB_PARTITION_B);

	tdb_store_make(store.dir, _i / 2);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(hosted_begin_fails(&store), hrDatabaseInconsistent);
	hosted_assert_detail(path);
	free(path);
}
END_TEST

START_TEST(sam_ldb_that_is_no_tdb_file_is_refused)
{
	char *partition = hosted_path(&store, TDB_PARTITION_B);
	char *sam = hosted_path(&store, "sam.ldb");

	tdb_store_make(store.dir, true);
	ck_assert_int_eq(rename(partition, sam), 0);
	ck_assert_int_eq(hosted_begin_fails(&store), hrDatabaseCorrupted);
	hosted_assert_detail(sam);
	free(sam);
	free(partition);
}
END_TEST

START_TEST(sam_ldb_without_a_list_of_partitions_is_refused)
{
	static char name[] = "DN=@PARTITION";
	const TDB_DATA key = {.dptr = (unsigned char *)name, .dsize = sizeof(name)};
	char *path = hosted_path(&store, "sam.ldb");
	struct tdb_context *tdb;

	tdb_store_make(store.dir, false);
	tdb = tdb_open(path, 0, TDB_DEFAULT, O_RDWR, 0);
	ck_assert_ptr_nonnull(tdb);
	ck_assert_int_eq(tdb_delete(tdb, key), 0);
	ck_assert_int_eq(tdb_close(tdb), 0);
	ck_assert_int_eq(hosted_begin_fails(&store), hrDatabaseInconsistent);
	hosted_assert_detail(path);
	hosted_assert_detail("names no partitions");
	free(path);
}
END_TEST

START_TEST(incremental_session_is_refused)
{
	const struct engine_begin how = {.incremental = true, .first_generation = 3};
	struct engine_session *session;

	tdb_store_make(store.dir, false);
	ck_assert_int_eq(store.host.engine.begin(
				 &store.host.engine, &store.config, &how, &session),
		hrCircularLogging);
	ck_assert_ptr_null(session);
}
END_TEST

static void spoil(const char *name, off_t offset, const void *bytes, size_t size)
{
	char *path = hosted_path(&store, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, bytes, size, offset), (ssize_t)size);
	ck_assert_int_eq(close(fd), 0);
	free(path);
}

static const struct {
	off_t offset;
	uint32_t value;
} heads[] = {{0, 0}, {32, 7}, {36, 0x7fffffff}, {36, 0}};

START_TEST(file_that_is_no_database_in_spite_of_its_name_is_named)
{
	char *path = hosted_path(&store, TDB_PARTITION_A);

	tdb_store_make(store.dir, false);
	spoil(TDB_PARTITION_A, heads[_i].offset, &heads[_i].value, sizeof(uint32_t));
	ck_assert_int_eq(hosted_begin_fails(&store), hrDatabaseCorrupted);
	hosted_assert_detail(path);
	ck_assert_int_eq(hosted_verify(&store, path), hrDatabaseCorrupted);
	hosted_assert_detail(path);
	free(path);
}
END_TEST

START_TEST(dead_caller_ends_the_copy)
{
	tdb_store_make(store.dir, true);
	store.looks_left = 3;
	ck_assert_int_eq(hosted_begin_fails(&store), STATUS_WIN32(ERROR_CANCELLED));
}
END_TEST

START_TEST(full_spool_names_its_directory)
{
	status rc;

	tdb_store_make(store.dir, false);
	if (mount("none", store.spool_dir, "tmpfs", 0, "size=16k") < 0) {
		(void)puts("full_spool_names_its_directory: skipped, cannot mount");
		return;
	}
	rc = hosted_begin_fails(&store);
	ck_assert_int_eq(umount(store.spool_dir), 0);
	ck_assert_int_eq(rc, STATUS_WIN32(ERROR_DISK_FULL));
	hosted_assert_detail(store.spool_dir);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tdb_refused");
	TCase *tcase = tcase_create("tdb_refused");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 100);
	tcase_add_test(tcase, directory_without_sam_ldb_is_refused);
	tcase_add_loop_test(tcase, what_is_behind_a_link_is_not_left_out_silently, 0,
		sizeof(linked) / sizeof(linked[0]));
	tcase_add_test(tcase, link_to_a_certificate_does_no_harm);
	tcase_add_loop_test(tcase, directory_without_a_partition_is_refused, 0, 4);
	tcase_add_test(tcase, sam_ldb_that_is_no_tdb_file_is_refused);
	tcase_add_test(tcase, sam_ldb_without_a_list_of_partitions_is_refused);
	tcase_add_test(tcase, incremental_session_is_refused);
	tcase_add_loop_test(
		tcase, file_that_is_no_database_in_spite_of_its_name_is_named, 0, 4);
	tcase_add_test(tcase, dead_caller_ends_the_copy);
	tcase_add_test(tcase, full_spool_names_its_directory);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
