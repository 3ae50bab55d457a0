/* The public Sis functions. */
#include <sisbkup.h>

#include <backupapi/backupapi.h>
#include <backupapi/sis.h>
#include <certbcli.h>

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sisbkup_pass.h"

static uint64_t live_blocks(void)
{
	struct alloc_stats stats;

	alloc_get_stats(ALLOC_SIS, &stats);
	return stats.blocks;
}

static void check_failed(BOOL result, uint32_t code)
{
	ck_assert_int_eq(result, 0);
	ck_assert_uint_eq(backupapi_get_last_error(), code);
	ck_assert_str_ne(backupapi_error_detail(), "");
}

START_TEST(a_whole_backup_pass)
{
	PVOID pass = begin_backup(), matching = GARBAGE;
	int first, second;
	ULONG count = 99;
	PWCHAR *files = GARBAGE;

	backupapi_set_last_error(4711);
	ck_assert_int_eq(SisCSFilesToBackupForLink(
				 pass, link_a, 72, &first, &matching, &count, &files),
		1);
	ck_assert_ptr_null(matching);
	ck_assert_uint_eq(count, 1);
	ck_assert(same_text(files[0], inside(SIS_GUID_A ".sis")));
	SisFreeAllocatedMemory(files[0]);
	SisFreeAllocatedMemory(files);
	ck_assert_int_eq(SisCSFilesToBackupForLink(
				 pass, link_a, 72, &second, &matching, &count, &files),
		1);
	ck_assert_ptr_eq(matching, &first);
	ck_assert_uint_eq(count, 0);
	ck_assert_ptr_null(files);
	ck_assert_int_eq(
		SisCSFilesToBackupForLink(pass, link_a, 72, NULL, NULL, &count, &files),
		1);
	ck_assert_int_eq(SisFreeBackupStructure(pass), 1);
	ck_assert_uint_eq(backupapi_get_last_error(), 4711);
	ck_assert_uint_eq(live_blocks(), 0);
}
END_TEST

START_TEST(a_whole_restore_pass)
{
	PVOID pass;
	ULONG count = 99;
	PWCHAR *files = GARBAGE;
	char *data;
	size_t size;

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(unlink(inside(SIS_GUID_A ".sis")), 0);
	pass = begin_restore();
	sis_put_bare(sis_path(root, "link"), link_a, SIZE);
	ck_assert_int_eq(
		SisRestoredLink(pass, wide_path("link"), link_a, 72, &count, &files), 1);
	ck_assert_uint_eq(count, 1);
	ck_assert(same_text(files[0], inside(SIS_GUID_A ".sis")));
	sis_put_store_file(root, SIS_GUID_A, content, SIZE - 1);
	check_failed(SisRestoredCommonStoreFile(pass, files[0]), ERROR_CRC);
	sis_put_store_file(root, SIS_GUID_A, content, SIZE);
	ck_assert_int_eq(SisRestoredCommonStoreFile(pass, files[0]), 1);
	SisFreeAllocatedMemory(files[0]);
	SisFreeAllocatedMemory(files);
	ck_assert_int_eq(
		SisRestoredLink(pass, wide_path("link"), link_a, 72, &count, &files), 1);
	ck_assert_uint_eq(count, 0);
	ck_assert_ptr_null(files);
	ck_assert_int_eq(SisFreeRestoreStructure(pass), 1);
	data = sis_get(sis_path(root, "link"), &size);
	ck_assert_uint_eq(size, SIZE);
	ck_assert(memcmp(data, content, SIZE) == 0);
	ck_assert_uint_eq(live_blocks(), 0);
}
END_TEST

static int32_t error(uint32_t code)
{
	return (int32_t)(0x80070000u | code);
}

START_TEST(links_are_told_by_descriptor)
{
	char name[BACKUPAPI_SIS_STORE_NAME_SIZE] = "garbage";
	char *path = sis_path(root, "link");
	PVOID pass;
	int fd;

	ck_assert_int_eq(unlink(inside(SIS_GUID_A ".sis")), 0);
	pass = begin_restore();
	sis_put_bare(path, link_a, SIZE);
	fd = open(path, O_PATH | O_CLOEXEC);
	ck_assert_int_eq(
		backupapi_sis_restored_link_fd(pass, fd, path, link_a, 72, name), 0);
	ck_assert_str_eq(name, SIS_GUID_A ".sis");
	ck_assert_int_eq(
		backupapi_sis_restored_link_fd(pass, fd, "link", link_a, 72, name), 0);
	ck_assert_str_eq(name, "");
	ck_assert_int_eq(
		backupapi_sis_restored_link_fd(pass, fd, "link", link_a, 71, name),
		error(ERROR_INVALID_REPARSE_DATA));
	ck_assert_int_eq(backupapi_sis_restored_link_fd(pass, -1, path, link_a, 72, name),
		error(ERROR_INVALID_HANDLE));
	ck_assert_int_eq(backupapi_sis_restored_link_fd(pass, fd, root, link_a, 72, name),
		error(ERROR_INVALID_NAME));
	ck_assert_int_eq(backupapi_sis_restored_link_fd(pass, fd, NULL, link_a, 72, name),
		error(ERROR_INVALID_PARAMETER));
	ck_assert_int_eq(backupapi_sis_restored_link_fd(pass, fd, path, NULL, 72, name),
		error(ERROR_INVALID_PARAMETER));
	ck_assert_int_eq(backupapi_sis_restored_link_fd(pass, fd, path, link_a, 72, NULL),
		error(ERROR_INVALID_PARAMETER));
	check_failed(SisFreeRestoreStructure(pass), ERROR_FILE_NOT_FOUND);
	ck_assert_int_eq(backupapi_sis_restored_link_fd(pass, fd, path, link_a, 72, name),
		error(ERROR_INVALID_HANDLE));
	(void)close(fd);
}
END_TEST

START_TEST(ending_a_restore_can_fail_and_ends_it)
{
	PVOID pass;
	ULONG count;
	PWCHAR *files;

	ck_assert_int_eq(unlink(inside(SIS_GUID_A ".sis")), 0);
	pass = begin_restore();
	sis_put_bare(sis_path(root, "link"), link_a, SIZE);
	ck_assert_int_eq(
		SisRestoredLink(pass, wide_path("link"), link_a, 72, &count, &files), 1);
	SisFreeAllocatedMemory(files[0]);
	SisFreeAllocatedMemory(files);
	check_failed(SisFreeRestoreStructure(pass), ERROR_FILE_NOT_FOUND);
	check_failed(SisFreeRestoreStructure(pass), ERROR_INVALID_HANDLE);
}
END_TEST

static void check_create(WCHAR *volume, uint32_t backup, uint32_t restore)
{
	PVOID structure = GARBAGE;
	PWCHAR store = GARBAGE;
	ULONG count = 99;
	PWCHAR *files = GARBAGE;

	check_failed(SisCreateBackupStructure(volume, &structure, &store, &count, &files),
		backup);
	ck_assert(!structure && !store && !count && !files);
	structure = store = (void *)(files = GARBAGE);
	count = 99;
	check_failed(
		SisCreateRestoreStructure(volume, &structure, &store, &count, &files),
		restore);
	ck_assert(!structure && !store && !count && !files);
}

START_TEST(volumes_that_are_none)
{
	static const WCHAR beyond[] = {'/', 0x110000, 0};
	char *link = sis_path(support_tmpdir(), "x");

	check_create(wide_path("missing"), ERROR_PATH_NOT_FOUND, ERROR_PATH_NOT_FOUND);
	check_create(wide("relative"), ERROR_INVALID_NAME, ERROR_INVALID_NAME);
	check_create(wide_path(".."), ERROR_INVALID_NAME, ERROR_INVALID_NAME);
	check_create((WCHAR *)(uintptr_t)beyond, ERROR_NO_UNICODE_TRANSLATION,
		ERROR_NO_UNICODE_TRANSLATION);
	check_create(NULL, ERROR_INVALID_PARAMETER, ERROR_INVALID_PARAMETER);
	ck_assert_int_eq(mkdir(link, 0755), 0);
	ck_assert_int_eq(symlink(root, sis_path(link, STORE_NAME)), 0);
	check_create(wide(link), ERROR_ACCESS_DENIED, ERROR_ACCESS_DENIED);
	ck_assert_uint_eq(live_blocks(), 0);
}
END_TEST

START_TEST(null_pointers_are_refused)
{
	PVOID structure, pass = begin_backup();
	PWCHAR store, *files;
	ULONG count;
	const uint32_t code = ERROR_INVALID_PARAMETER;

	check_failed(
		SisCreateBackupStructure(wide_root, NULL, &store, &count, &files), code);
	check_failed(
		SisCreateBackupStructure(wide_root, &structure, NULL, &count, &files),
		code);
	check_failed(
		SisCreateBackupStructure(wide_root, &structure, &store, NULL, &files),
		code);
	check_failed(
		SisCreateRestoreStructure(wide_root, &structure, &store, &count, NULL),
		code);
	check_failed(
		SisCSFilesToBackupForLink(pass, NULL, 72, NULL, NULL, &count, &files),
		code);
	check_failed(
		SisCSFilesToBackupForLink(pass, link_a, 72, NULL, NULL, NULL, &files),
		code);
	check_failed(
		SisCSFilesToBackupForLink(pass, link_a, 72, NULL, NULL, &count, NULL),
		code);
	check_failed(SisRestoredLink(pass, NULL, link_a, 72, &count, &files), code);
	check_failed(SisRestoredLink(pass, wide_root, NULL, 72, &count, &files), code);
	check_failed(SisRestoredLink(pass, wide_root, link_a, 72, NULL, &files), code);
	check_failed(SisRestoredLink(pass, wide_root, link_a, 72, &count, NULL), code);
	check_failed(SisRestoredCommonStoreFile(pass, NULL), code);
	ck_assert_int_eq(SisFreeBackupStructure(pass), 1);
}
END_TEST

static void check_dead(PVOID backup, PVOID restore)
{
	const uint32_t code = ERROR_INVALID_HANDLE;
	PVOID matching = GARBAGE;
	PWCHAR *files = GARBAGE;
	ULONG count = 99;

	check_failed(SisCSFilesToBackupForLink(
			     backup, link_a, 72, NULL, &matching, &count, &files),
		code);
	ck_assert(!matching && !count && !files);
	files = GARBAGE;
	check_failed(SisRestoredLink(restore, wide_path("x"), link_a, 72, &count, &files),
		code);
	ck_assert_ptr_null(files);
	check_failed(SisRestoredCommonStoreFile(restore, wide_path("x")), code);
	check_failed(SisFreeBackupStructure(backup), code);
	check_failed(SisFreeRestoreStructure(restore), code);
	ck_assert_int_eq(backupapi_sis_set_bare_links(restore, 1),
		(int32_t)(0x80070000u | ERROR_INVALID_HANDLE));
}

START_TEST(structures_of_another_kind_dead_or_garbage)
{
	PVOID backup = begin_backup(), restore = begin_restore();
	int local;

	check_dead(restore, backup);
	check_dead(NULL, NULL);
	check_dead(&local, &local);
	check_dead(GARBAGE, GARBAGE);
	ck_assert_int_eq(backupapi_sis_set_bare_links(restore, 1), 0);
	ck_assert_int_eq(SisFreeBackupStructure(backup), 1);
	ck_assert_int_eq(SisFreeRestoreStructure(restore), 1);
	check_dead(backup, restore);
}
END_TEST

START_TEST(a_forked_child_has_no_structures)
{
	PVOID pass = begin_backup();
	char answer = 0;
	int ends[2], result;
	pid_t child;

	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		answer = !SisFreeBackupStructure(pass) &&
			 backupapi_get_last_error() == ERROR_INVALID_HANDLE;
		_exit(write(ends[1], &answer, 1) != 1);
	}
	ck_assert_int_eq(waitpid(child, &result, 0), child);
	(void)close(ends[1]);
	ck_assert_int_eq(read(ends[0], &answer, 1), 1);
	ck_assert_int_eq(answer, 1);
	(void)close(ends[0]);
	ck_assert_int_eq(SisFreeBackupStructure(pass), 1);
}
END_TEST

START_TEST(each_failure_of_a_link_has_its_code)
{
	PVOID pass = begin_backup(), matching;
	uint8_t large[20000] = {0};
	PWCHAR *files = NULL;
	ULONG count;

	check_failed(SisCSFilesToBackupForLink(
			     pass, link_b, 72, NULL, &matching, &count, &files),
		ERROR_FILE_NOT_FOUND);
	for (ULONG size = 0; size < 72; size++)
		check_failed(SisCSFilesToBackupForLink(
				     pass, link_a, size, NULL, &matching, &count, &files),
			ERROR_INVALID_REPARSE_DATA);
	link_b[0] = 3;
	check_failed(SisCSFilesToBackupForLink(
			     pass, link_b, 72, NULL, &matching, &count, &files),
		ERROR_REPARSE_TAG_MISMATCH);
	memcpy(large, link_a, 72);
	ck_assert_int_eq(SisCSFilesToBackupForLink(pass, large, sizeof(large), NULL,
				 &matching, &count, &files),
		1);
	SisFreeAllocatedMemory(files[0]);
	SisFreeAllocatedMemory(files);
	ck_assert_int_eq(SisFreeBackupStructure(pass), 1);
}
END_TEST

START_TEST(only_sis_blocks_are_freed_and_only_here)
{
	PVOID structure;
	PWCHAR store, *files;
	ULONG count;
	void *foreign = alloc_block(ALLOC_CERTSRV, 10);

	ck_assert_int_eq(
		SisCreateBackupStructure(wide_root, &structure, &store, &count, &files),
		1);
	SisFreeAllocatedMemory(NULL);
	SisFreeAllocatedMemory(foreign);
	ck_assert_uint_eq(backupapi_get_last_error(), ERROR_INVALID_BLOCK);
	CertSrvBackupFree(store);
	ck_assert_uint_eq(backupapi_get_last_error(), ERROR_INVALID_BLOCK);
	ck_assert_uint_eq(live_blocks(), 1);
	SisFreeAllocatedMemory(store);
	ck_assert_uint_eq(live_blocks(), 0);
	CertSrvBackupFree(foreign);
	ck_assert_int_eq(SisFreeBackupStructure(structure), 1);
}
END_TEST

START_TEST(names_that_are_not_utf8_survive)
{
	PVOID structure;
	PWCHAR store, *files;
	ULONG count;
	char *odd = sis_path(root, "\xff\xc3\xa4");

	ck_assert_int_eq(mkdir(odd, 0755), 0);
	sis_put_store_file(odd, SIS_GUID_B, "", 0);
	ck_assert_int_eq(
		SisCreateBackupStructure(wide(odd), &structure, &store, &count, &files),
		1);
	ck_assert_ptr_nonnull(wcsstr(store, L"\xdcff\xe4/SIS"));
	SisFreeAllocatedMemory(store);
	ck_assert_int_eq(SisFreeBackupStructure(structure), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sisbkup");
	TCase *tcase = tcase_create("sisbkup");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, a_whole_backup_pass);
	tcase_add_test(tcase, a_whole_restore_pass);
	tcase_add_test(tcase, links_are_told_by_descriptor);
	tcase_add_test(tcase, ending_a_restore_can_fail_and_ends_it);
	tcase_add_test(tcase, volumes_that_are_none);
	tcase_add_test(tcase, null_pointers_are_refused);
	tcase_add_test(tcase, structures_of_another_kind_dead_or_garbage);
	tcase_add_test(tcase, a_forked_child_has_no_structures);
	tcase_add_test(tcase, each_failure_of_a_link_has_its_code);
	tcase_add_test(tcase, only_sis_blocks_are_freed_and_only_here);
	tcase_add_test(tcase, names_that_are_not_utf8_survive);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
