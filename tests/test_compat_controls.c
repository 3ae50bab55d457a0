/* DeviceIoControl: a link is made and read as a restore tool on Windows does it, and the
 * ranges of sparse files are told. */
#include "compat_files.h"

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

/* On any machine: what programs of this library find there, and other machines do. */
START_TEST(a_link_that_was_set_is_little_endian_on_the_disk)
{
	static const uint8_t header[] = {7, 0, 0, 0x80, 64, 0, 0, 0};
	uint8_t native[80];
	uint32_t needed;

	make_link();
	WORKS(backupapi_get_reparse_point(link_path, native, sizeof(native), &needed) ==
		0);
	ck_assert_uint_eq(needed, sizeof(on_disk));
	ck_assert_mem_eq(native, on_disk, sizeof(on_disk));
	ck_assert_mem_eq(native, header, sizeof(header));
}
END_TEST

/* As a backup program on Windows passes it on. */
START_TEST(what_was_read_says_which_file_of_the_store_it_needs)
{
	BYTE out[MAXIMUM_REPARSE_DATA_BUFFER_SIZE];
	DWORD returned;
	HANDLE file;
	PVOID pass, same;
	PWCHAR store, *files;
	ULONG count;

	make_link();
	OPENS(file, link_path, 0, FILE_FLAG_OPEN_REPARSE_POINT);
	WORKS(DeviceIoControl(file, FSCTL_GET_REPARSE_POINT, NULL, 0, out, sizeof(out),
		&returned, NULL));
	WORKS(CloseHandle(file));
	WORKS(SisCreateBackupStructure(wide(root), &pass, &store, &count, &files));
	release_names(files, count);
	SisFreeAllocatedMemory(store);
	WORKS(SisCSFilesToBackupForLink(
		pass, out, returned, &same, &same, &count, &files));
	ck_assert_uint_eq(count, 1);
	release_names(files, count);
	WORKS(SisFreeBackupStructure(pass));
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

int main(void)
{
	Suite *suite = suite_create("compat_controls");
	TCase *tcase = tcase_create("compat_controls");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_link_that_was_set_is_read_back);
	tcase_add_test(tcase, a_link_that_was_set_is_little_endian_on_the_disk);
	tcase_add_test(tcase, what_was_read_says_which_file_of_the_store_it_needs);
	tcase_add_test(tcase, what_does_not_fit_is_cut_off);
	tcase_add_test(tcase, a_plain_file_has_no_reparse_point);
	tcase_add_test(tcase, bad_reparse_data_is_not_set);
	tcase_add_test(tcase, controls_need_the_access_that_they_need_on_windows);
	tcase_add_test(tcase, data_ranges_are_told_as_far_as_they_were_asked_for);
	tcase_add_test(tcase, an_intact_link_has_no_data_of_its_own);
	suite_add_tcase(suite, tcase);
	return support_run(suite);
}
