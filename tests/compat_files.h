/*
 * compat_files.h - a link, and files that are opened by either form of CreateFile
 */
#ifndef TESTS_COMPAT_FILES_H
#define TESTS_COMPAT_FILES_H

#include "compat_calls.h"

#include <Sisbkup.h>

#include <backupapi/sis.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sis_fixture.h"

#define SIZE ((size_t)50000)

static char *root, *link_path;
static uint8_t on_disk[72]; /* the link's reparse data */
static uint8_t reparse[72]; /* the same, as a program has it: the header is a structure */

static inline WCHAR *wide(const char *text)
{
	size_t size = backupapi_text_to_wide(text, NULL, 0) + 1;
	WCHAR *out = sis_keep(malloc(size * sizeof(WCHAR)));

	ck_assert_ptr_nonnull(out);
	(void)backupapi_text_to_wide(text, out, size);
	return out;
}

static inline HANDLE open_file(const char *path, DWORD access, DWORD flags)
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

static inline void release_names(PWCHAR *names, ULONG count)
{
	for (ULONG i = 0; i < count; i++)
		SisFreeAllocatedMemory(names[i]);
	SisFreeAllocatedMemory(names);
}

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
	release_names(files, count);
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
	const REPARSE_DATA_BUFFER header = {
		.ReparseTag = IO_REPARSE_TAG_SIS, .ReparseDataLength = 64};
	char *content = sis_content(SIZE, 5);

	root = support_tmpdir();
	link_path = sis_path(root, "link");
	ck_assert_int_eq(setenv("BACKUPAPI_CONFIG_DIR", root, 1), 0); /* no servers */
	sis_reparse(SIS_GUID_A, 3, content, SIZE, on_disk);
	memcpy(reparse, on_disk, sizeof(reparse));
	memcpy(reparse, &header, REPARSE_DATA_BUFFER_HEADER_SIZE);
	sis_put_store_file(root, SIS_GUID_A, content, SIZE);
}

#endif
