/* CreateFile: which files it opens, by which names, and how long their handles are good. */
#include "compat_files.h"
#include "forked.h"

/* ---- opening ---- */

START_TEST(only_existing_files_are_opened)
{
	HANDLE file = NULL;

	CANNOT_OPEN(link_path, GENERIC_READ, 0, ERROR_FILE_NOT_FOUND);
	CANNOT_OPEN(sis_path(root, "none/link"), GENERIC_READ, 0, ERROR_PATH_NOT_FOUND);
	CANNOT_OPEN("", GENERIC_READ, 0, ERROR_FILE_NOT_FOUND);
	CANNOT_OPEN("\\\\nowhere", 0, 0, ERROR_INVALID_NAME);
	support_write(link_path, "plain");
	for (DWORD disposition = 0; disposition <= 6; disposition++)
		if (disposition != OPEN_EXISTING)
			FAILS((file = CreateFileA(link_path, 0, 0, NULL, disposition, 0,
				       NULL)) != INVALID_HANDLE_VALUE,
				ERROR_NOT_SUPPORTED);
	FAILS((file = CreateFileA(NULL, 0, 0, NULL, OPEN_EXISTING, 0, NULL)) !=
			INVALID_HANDLE_VALUE,
		ERROR_INVALID_PARAMETER);
	FAILS((file = CreateFileW(NULL, 0, 0, NULL, OPEN_EXISTING, 0, NULL)) !=
			INVALID_HANDLE_VALUE,
		ERROR_INVALID_PARAMETER);
}
END_TEST

START_TEST(names_of_every_kind_are_taken)
{
	static const char *const names[] = {
		"plain", "back\\slash", "\xf0\x9f\x94\x91 key", ".hidden", "latin \xe9"};
	char *host, unc[4096];
	HANDLE file;

	for (size_t i = 0; i < ARRAYSIZE(names); i++) {
		support_write(sis_path(root, names[i]), "x");
		OPENS(file, sis_path(root, names[i]), GENERIC_READ, 0);
		WORKS(CloseHandle(file));
	}
	WORKS(host = backupapi_computer_name());
	(void)snprintf(
		unc, sizeof(unc), "\\\\%s\\posix$%s/back\xef\x81\x9cslash", host, root);
	backupapi_free(host);
	for (char *p = unc; *p; p++)
		if (*p == '/')
			*p = '\\';
	OPENS(file, unc, GENERIC_READ, 0);
	WORKS(CloseHandle(file));
	ck_assert_int_eq(chdir(root), 0);
	OPENS(file, "./plain", GENERIC_READ, 0);
	WORKS(CloseHandle(file));
	ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

/* open_file() compares both forms. */
START_TEST(names_of_every_plane_are_taken_in_both_forms)
{
	for (uint32_t plane = 0; plane <= 16; plane++) {
		WCHAR name[3] = {0};
		char *text;
		HANDLE file;

		(void)wide_put(plane << 16 | 0x4e2d, name);
		WORKS(text = backupapi_text_from_wide(name));
		support_write(sis_path(root, text), "x");
		OPENS(file, sis_path(root, text), GENERIC_READ, 0);
		WORKS(CloseHandle(file));
		backupapi_free(text);
	}
}
END_TEST

START_TEST(directories_need_backup_semantics)
{
	BYTE out[72];
	HANDLE file;

	CANNOT_OPEN(root, 0, 0, ERROR_ACCESS_DENIED);
	OPENS(file, root, FILE_READ_ATTRIBUTES, FILE_FLAG_BACKUP_SEMANTICS);
	FAILS(DeviceIoControl(
		      file, FSCTL_GET_REPARSE_POINT, NULL, 0, out, 72, NULL, NULL),
		ERROR_NOT_A_REPARSE_POINT);
	WORKS(CloseHandle(file));
}
END_TEST

START_TEST(a_symbolic_link_is_followed_or_opened_itself)
{
	char *symbolic = sis_path(root, "symbolic");
	BYTE out[72];
	HANDLE file;

	make_link();
	ck_assert_int_eq(symlink("link", symbolic), 0);
	OPENS(file, symbolic, GENERIC_READ, 0);
	WORKS(DeviceIoControl(
		file, FSCTL_GET_REPARSE_POINT, NULL, 0, out, 72, NULL, NULL));
	WORKS(CloseHandle(file));
	OPENS(file, symbolic, GENERIC_READ, FILE_FLAG_OPEN_REPARSE_POINT);
	FAILS(DeviceIoControl(
		      file, FSCTL_GET_REPARSE_POINT, NULL, 0, out, 72, NULL, NULL),
		ERROR_NOT_A_REPARSE_POINT);
	WORKS(CloseHandle(file));
}
END_TEST

START_TEST(a_pipe_does_not_block)
{
	HANDLE file;

	ck_assert_int_eq(mkfifo(link_path, 0600), 0);
	OPENS(file, link_path, GENERIC_READ | GENERIC_WRITE, 0);
	FAILS(DeviceIoControl(file, FSCTL_SET_SPARSE, NULL, 0, NULL, 0, NULL, NULL),
		ERROR_INVALID_PARAMETER);
	WORKS(CloseHandle(file));
}
END_TEST

static int as_nobody(void *unused)
{
	(void)unused;
	if (setgid(65534) != 0 || setuid(65534) != 0)
		return -2;
	CANNOT_OPEN(link_path, GENERIC_WRITE, 0, ERROR_ACCESS_DENIED);
	CANNOT_OPEN(link_path, GENERIC_READ | GENERIC_WRITE, 0, ERROR_ACCESS_DENIED);
	ck_assert(open_file(link_path, GENERIC_READ, 0) != INVALID_HANDLE_VALUE);
	return 1;
}

START_TEST(permissions_count)
{
	support_write(link_path, "plain");
	ck_assert_int_eq(chmod(link_path, 0644), 0);
	ck_assert_int_eq(chmod(root, 0755), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(forked(fork, as_nobody, NULL), 1);
}
END_TEST

/* ---- handles ---- */

START_TEST(a_handle_follows_its_file)
{
	char *moved = sis_path(root, "moved");
	BYTE out[72];
	HANDLE file;

	make_link();
	OPENS(file, link_path, GENERIC_READ, 0);
	ck_assert_int_eq(rename(link_path, moved), 0);
	support_write(link_path, "another");
	WORKS(DeviceIoControl(
		file, FSCTL_GET_REPARSE_POINT, NULL, 0, out, 72, NULL, NULL));
	ck_assert_int_eq(link(moved, sis_path(root, "other name")), 0);
	ck_assert_int_eq(unlink(moved), 0);
	FAILS(DeviceIoControl(
		      file, FSCTL_GET_REPARSE_POINT, NULL, 0, out, 72, NULL, NULL),
		ERROR_FILE_NOT_FOUND);
	WORKS(CloseHandle(file));
}
END_TEST

static int in_child(void *file)
{
	return !DeviceIoControl(file, FSCTL_SET_SPARSE, NULL, 0, NULL, 0, NULL, NULL) &&
	       GetLastError() == ERROR_INVALID_HANDLE;
}

START_TEST(only_a_live_file_of_this_process_is_one)
{
	HANDLE file, token;

	support_write(link_path, "plain");
	OPENS(file, link_path, GENERIC_WRITE, 0);
	WORKS(OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token));
	FAILS(DeviceIoControl(token, FSCTL_SET_SPARSE, NULL, 0, NULL, 0, NULL, NULL),
		ERROR_INVALID_HANDLE);
	FAILS(DeviceIoControl(NULL, FSCTL_SET_SPARSE, NULL, 0, NULL, 0, NULL, NULL),
		ERROR_INVALID_HANDLE);
	FAILS(DeviceIoControl(INVALID_HANDLE_VALUE, FSCTL_SET_SPARSE, NULL, 0, NULL, 0,
		      NULL, NULL),
		ERROR_INVALID_HANDLE);
	ck_assert_int_eq(forked(fork, in_child, file), 1);
	WORKS(CloseHandle(file));
	FAILS(DeviceIoControl(file, FSCTL_SET_SPARSE, NULL, 0, NULL, 0, NULL, NULL),
		ERROR_INVALID_HANDLE);
	FAILS(CloseHandle(file), ERROR_INVALID_HANDLE);
	WORKS(CloseHandle(token));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("compat_files");
	TCase *tcase = tcase_create("compat_files");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, only_existing_files_are_opened);
	tcase_add_test(tcase, names_of_every_kind_are_taken);
	tcase_add_test(tcase, names_of_every_plane_are_taken_in_both_forms);
	tcase_add_test(tcase, directories_need_backup_semantics);
	tcase_add_test(tcase, a_symbolic_link_is_followed_or_opened_itself);
	tcase_add_test(tcase, a_pipe_does_not_block);
	tcase_add_test(tcase, permissions_count);
	tcase_add_test(tcase, a_handle_follows_its_file);
	tcase_add_test(tcase, only_a_live_file_of_this_process_is_one);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
