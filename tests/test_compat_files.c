/* CreateFile and DeviceIoControl: a link is made and read as a restore tool on Windows
 * does it. */
#include "compat_calls.h"

#include <Sisbkup.h>

#include <backupapi/sis.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "forked.h"
#include "sis_fixture.h"

#define SIZE ((size_t)50000)

static char *root, *link_path;
static uint8_t reparse[72];

static WCHAR *wide(const char *text)
{
	size_t size = backupapi_text_to_wide(text, NULL, 0) + 1;
	WCHAR *out = sis_keep(malloc(size * sizeof(WCHAR)));

	ck_assert_ptr_nonnull(out);
	(void)backupapi_text_to_wide(text, out, size);
	return out;
}

static HANDLE open_file(const char *path, DWORD access, DWORD flags)
{
	HANDLE narrow = CreateFileA(
		path, access, FILE_SHARE_READ, NULL, OPEN_EXISTING, flags, NULL);
	HANDLE file = CreateFileW(
		wide(path), access, FILE_SHARE_READ, NULL, OPEN_EXISTING, flags, NULL);

	/* Both forms say the same. */
	ck_assert_int_eq(narrow == INVALID_HANDLE_VALUE, file == INVALID_HANDLE_VALUE);
	if (narrow != INVALID_HANDLE_VALUE)
		WORKS(CloseHandle(narrow));
	return file;
}

#define OPENS(handle, path, access, flags)                                               \
	WORKS(((handle) = open_file(path, access, flags)) != INVALID_HANDLE_VALUE)
#define CANNOT_OPEN(path, access, flags, error)                                          \
	FAILS(open_file(path, access, flags) != INVALID_HANDLE_VALUE, error)

/* A bare link, from what Windows' restore tools call. */
static void make_link(void)
{
	HANDLE file;
	PVOID pass;
	PWCHAR store, *files = NULL;
	ULONG count = 0;
	DWORD returned = 7;

	WORKS(SisCreateRestoreStructure(wide(root), &pass, &store, &count, &files));
	SisFreeAllocatedMemory(store);
	for (ULONG i = 0; i < count; i++)
		SisFreeAllocatedMemory(files[i]);
	SisFreeAllocatedMemory(files);
	ck_assert_int_eq(backupapi_sis_set_bare_links(pass, 1), 0);
	support_write(link_path, "");
	ck_assert_int_eq(truncate(link_path, SIZE), 0);
	OPENS(file, link_path, GENERIC_READ | GENERIC_WRITE,
		FILE_FLAG_OPEN_REPARSE_POINT);
	WORKS(DeviceIoControl(file, FSCTL_SET_SPARSE, NULL, 0, NULL, 0, &returned, NULL));
	WORKS(DeviceIoControl(file, FSCTL_SET_REPARSE_POINT, reparse, sizeof(reparse),
		NULL, 0, &returned, NULL));
	ck_assert_uint_eq(returned, 0);
	WORKS(CloseHandle(file));
	WORKS(SisRestoredLink(
		pass, wide(link_path), reparse, sizeof(reparse), &count, &files));
	ck_assert_uint_eq(count, 0);
	WORKS(SisFreeRestoreStructure(pass));
}

static void setup(void)
{
	char *content = sis_content(SIZE, 5);

	root = support_tmpdir();
	link_path = sis_path(root, "link");
	ck_assert_int_eq(setenv("BACKUPAPI_CONFIG_DIR", root, 1), 0); /* no servers */
	sis_reparse(SIS_GUID_A, 3, content, SIZE, reparse);
	sis_put_store_file(root, SIS_GUID_A, content, SIZE);
}

/* ---- reparse points ---- */

START_TEST(a_link_that_was_set_is_read_back)
{
	union {
		REPARSE_DATA_BUFFER point;
		BYTE bytes[MAXIMUM_REPARSE_DATA_BUFFER_SIZE];
	} out;
	DWORD returned;
	HANDLE file;

	make_link();
	OPENS(file, link_path, FILE_READ_ATTRIBUTES, FILE_FLAG_OPEN_REPARSE_POINT);
	WORKS(DeviceIoControl(file, FSCTL_GET_REPARSE_POINT, NULL, 0, &out, sizeof(out),
		&returned, NULL));
	ck_assert_uint_eq(returned, sizeof(reparse));
	ck_assert_mem_eq(out.bytes, reparse, sizeof(reparse));
	ck_assert_uint_eq(out.point.ReparseTag, IO_REPARSE_TAG_SIS);
	ck_assert_uint_eq(out.point.ReparseDataLength + REPARSE_DATA_BUFFER_HEADER_SIZE,
		sizeof(reparse));
	WORKS(DeviceIoControl(
		file, FSCTL_GET_REPARSE_POINT, NULL, 0, &out, sizeof(out), NULL, NULL));
	WORKS(CloseHandle(file));
}
END_TEST

START_TEST(what_does_not_fit_is_cut_off)
{
	BYTE out[72] = {0};
	DWORD returned;
	HANDLE file;

	make_link();
	OPENS(file, link_path, 0, FILE_FLAG_OPEN_REPARSE_POINT);
	FAILS(DeviceIoControl(
		      file, FSCTL_GET_REPARSE_POINT, NULL, 0, out, 20, &returned, NULL),
		ERROR_MORE_DATA);
	ck_assert_uint_eq(returned, 20);
	ck_assert_mem_eq(out, reparse, 20);
	ck_assert_uint_eq(out[20], 0);
	FAILS(DeviceIoControl(
		      file, FSCTL_GET_REPARSE_POINT, NULL, 0, out, 7, &returned, NULL),
		ERROR_INSUFFICIENT_BUFFER);
	ck_assert_uint_eq(returned, 0);
	FAILS(DeviceIoControl(
		      file, FSCTL_GET_REPARSE_POINT, NULL, 0, NULL, 100, &returned, NULL),
		ERROR_INSUFFICIENT_BUFFER);
	WORKS(CloseHandle(file));
}
END_TEST

START_TEST(a_plain_file_has_no_reparse_point)
{
	BYTE out[72];
	DWORD returned = 7;
	HANDLE file;

	support_write(link_path, "plain");
	OPENS(file, link_path, GENERIC_READ, FILE_FLAG_OPEN_REPARSE_POINT);
	FAILS(DeviceIoControl(
		      file, FSCTL_GET_REPARSE_POINT, NULL, 0, out, 72, &returned, NULL),
		ERROR_NOT_A_REPARSE_POINT);
	ck_assert_uint_eq(returned, 0);
	WORKS(CloseHandle(file));
}
END_TEST

START_TEST(bad_reparse_data_is_not_set)
{
	BYTE other[72];
	HANDLE file;

	support_write(link_path, "plain");
	OPENS(file, link_path, FILE_WRITE_ATTRIBUTES, 0);
	memcpy(other, reparse, sizeof(other));
	other[0] ^= 1;
	FAILS(DeviceIoControl(
		      file, FSCTL_SET_REPARSE_POINT, other, 72, NULL, 0, NULL, NULL),
		ERROR_REPARSE_TAG_MISMATCH);
	FAILS(DeviceIoControl(
		      file, FSCTL_SET_REPARSE_POINT, reparse, 71, NULL, 0, NULL, NULL),
		ERROR_INVALID_REPARSE_DATA);
	FAILS(DeviceIoControl(
		      file, FSCTL_SET_REPARSE_POINT, NULL, 72, NULL, 0, NULL, NULL),
		ERROR_INVALID_PARAMETER);
	WORKS(CloseHandle(file));
}
END_TEST

START_TEST(controls_need_the_access_that_they_need_on_windows)
{
	FILE_ALLOCATED_RANGE_BUFFER range = {.Length = {.QuadPart = 1}};
	FILE_SET_SPARSE_BUFFER dense = {FALSE};
	HANDLE file;

	support_write(link_path, "plain");
	OPENS(file, link_path, FILE_READ_ATTRIBUTES, 0);
	FAILS(DeviceIoControl(
		      file, FSCTL_SET_REPARSE_POINT, reparse, 72, NULL, 0, NULL, NULL),
		ERROR_ACCESS_DENIED);
	FAILS(DeviceIoControl(file, FSCTL_SET_SPARSE, NULL, 0, NULL, 0, NULL, NULL),
		ERROR_ACCESS_DENIED);
	FAILS(DeviceIoControl(file, FSCTL_QUERY_ALLOCATED_RANGES, &range, sizeof(range),
		      &range, sizeof(range), NULL, NULL),
		ERROR_ACCESS_DENIED);
	FAILS(DeviceIoControl(file, 0x12345678, NULL, 0, NULL, 0, NULL, NULL),
		ERROR_INVALID_FUNCTION);
	WORKS(CloseHandle(file));
	OPENS(file, link_path, GENERIC_WRITE, 0);
	FAILS(DeviceIoControl(
		      file, FSCTL_SET_SPARSE, &dense, sizeof(dense), NULL, 0, NULL, NULL),
		ERROR_NOT_SUPPORTED);
	dense.SetSparse = TRUE;
	WORKS(DeviceIoControl(
		file, FSCTL_SET_SPARSE, &dense, sizeof(dense), NULL, 0, NULL, NULL));
	WORKS(CloseHandle(file));
}
END_TEST

/* ---- ranges ---- */

#define MIB ((int64_t)1 << 20)

static void make_sparse(void)
{
	int fd = open(link_path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	char data[4096] = {1};

	ck_assert_int_ge(fd, 0);
	for (int i = 1; i <= 3; i++)
		ck_assert_int_eq(pwrite(fd, data, sizeof(data), i * MIB), sizeof(data));
	ck_assert_int_eq(ftruncate(fd, 5 * MIB), 0);
	(void)close(fd);
}

static BOOL ranges_of(HANDLE file, int64_t offset, int64_t length,
	FILE_ALLOCATED_RANGE_BUFFER *out, size_t room, DWORD *count)
{
	FILE_ALLOCATED_RANGE_BUFFER asked;
	DWORD returned = 7;
	BOOL done;

	asked.FileOffset.QuadPart = offset;
	asked.Length.QuadPart = length;
	done = DeviceIoControl(file, FSCTL_QUERY_ALLOCATED_RANGES, &asked, sizeof(asked),
		out, (DWORD)(room * sizeof(*out)), &returned, NULL);
	ck_assert_uint_eq(returned % sizeof(*out), 0);
	*count = (DWORD)(returned / sizeof(*out));
	return done;
}

START_TEST(data_ranges_are_told_as_far_as_they_were_asked_for)
{
	FILE_ALLOCATED_RANGE_BUFFER out[8];
	DWORD count;
	HANDLE file;

	make_sparse();
	OPENS(file, link_path, GENERIC_READ, 0);
	WORKS(ranges_of(file, 0, 5 * MIB, out, 8, &count));
	ck_assert_uint_eq(count, 3);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(out[i].FileOffset.QuadPart, (i + 1) * MIB);
		ck_assert_int_eq(out[i].Length.QuadPart, 4096);
	}
	WORKS(ranges_of(file, MIB + 100, MIB, out, 8, &count));
	ck_assert_uint_eq(count, 2);
	ck_assert_int_eq(out[0].FileOffset.QuadPart, MIB + 100);
	ck_assert_int_eq(out[0].Length.QuadPart, 3996);
	ck_assert_int_eq(out[1].FileOffset.QuadPart, 2 * MIB);
	ck_assert_int_eq(out[1].Length.QuadPart, 100);
	WORKS(ranges_of(file, 0, INT64_MAX, out, 8, &count));
	ck_assert_uint_eq(count, 3);
	WORKS(ranges_of(file, 4 * MIB, MIB, NULL, 0, &count));
	ck_assert_uint_eq(count, 0);
	FAILS(ranges_of(file, 0, 5 * MIB, out, 2, &count), ERROR_MORE_DATA);
	ck_assert_uint_eq(count, 2);
	FAILS(ranges_of(file, 0, 5 * MIB, NULL, 0, &count), ERROR_INSUFFICIENT_BUFFER);
	FAILS(ranges_of(file, -1, 5, out, 8, &count), ERROR_INVALID_PARAMETER);
	FAILS(ranges_of(file, 0, -5, out, 8, &count), ERROR_INVALID_PARAMETER);
	FAILS(DeviceIoControl(
		      file, FSCTL_QUERY_ALLOCATED_RANGES, out, 15, out, 16, &count, NULL),
		ERROR_INVALID_PARAMETER);
	WORKS(CloseHandle(file));
}
END_TEST

START_TEST(an_intact_link_has_no_data_of_its_own)
{
	FILE_ALLOCATED_RANGE_BUFFER out[1];
	DWORD count;
	HANDLE file;

	make_link();
	OPENS(file, link_path, FILE_READ_DATA, FILE_FLAG_OPEN_REPARSE_POINT);
	WORKS(ranges_of(file, 0, SIZE, out, 1, &count));
	ck_assert_uint_eq(count, 0);
	WORKS(CloseHandle(file));
}
END_TEST

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
	tcase_add_test(tcase, a_link_that_was_set_is_read_back);
	tcase_add_test(tcase, what_does_not_fit_is_cut_off);
	tcase_add_test(tcase, a_plain_file_has_no_reparse_point);
	tcase_add_test(tcase, bad_reparse_data_is_not_set);
	tcase_add_test(tcase, controls_need_the_access_that_they_need_on_windows);
	tcase_add_test(tcase, data_ranges_are_told_as_far_as_they_were_asked_for);
	tcase_add_test(tcase, an_intact_link_has_no_data_of_its_own);
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
