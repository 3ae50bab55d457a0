/*
 * sisbkup_pass.h - passes through the public Sis functions, over a volume of their own
 */
#ifndef TESTS_SISBKUP_PASS_H
#define TESTS_SISBKUP_PASS_H

#include <backupapi/backupapi.h>
#include <sisbkup.h>

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/text.h"
#include "sis_fixture.h"
#include "support.h"

#define SIZE ((size_t)50000)

/* For out parameters, which must not be read and, on failure, be cleared. */
#define GARBAGE ((void *)(uintptr_t)0x5a5a5a50)

static char *root, *content;
static WCHAR wide_root[5000];
static uint8_t link_a[72], link_b[72];

static inline WCHAR *wide(const char *text)
{
	WCHAR *block = sis_keep(malloc((strlen(text) + 1) * sizeof(*block)));

	ck_assert_ptr_nonnull(block);
	(void)text_to_wide(text, block);
	return block;
}

static inline WCHAR *wide_path(const char *name)
{
	return wide(sis_path(root, name));
}

static inline bool same_text(const WCHAR *w, const char *text)
{
	return wcscmp(w, wide(text)) == 0;
}

static inline char *inside(const char *name)
{
	return sis_path(sis_path(root, STORE_NAME), name);
}

static inline void setup(void)
{
	root = support_tmpdir();
	(void)text_to_wide(root, wide_root);
	content = sis_content(SIZE, 9);
	sis_reparse(SIS_GUID_A, 3, content, SIZE, link_a);
	sis_reparse(SIS_GUID_B, 4, content, SIZE, link_b);
	sis_put_store_file(root, SIS_GUID_A, content, SIZE);
	backupapi_set_last_error(0);
}

static inline PVOID begin_backup(void)
{
	PVOID structure = GARBAGE;
	PWCHAR store = GARBAGE;
	ULONG count = 99;
	PWCHAR *files = GARBAGE;

	ck_assert_int_eq(
		SisCreateBackupStructure(wide_root, &structure, &store, &count, &files),
		1);
	ck_assert(same_text(store, sis_path(root, STORE_NAME)));
	SisFreeAllocatedMemory(store);
	for (ULONG i = 0; i < count; i++)
		SisFreeAllocatedMemory(files[i]);
	SisFreeAllocatedMemory(files);
	return structure;
}

static inline PVOID begin_restore(void)
{
	PVOID structure = GARBAGE;
	PWCHAR store = GARBAGE;
	ULONG count = 99;
	PWCHAR *files = GARBAGE;

	ck_assert_int_eq(
		SisCreateRestoreStructure(wide_root, &structure, &store, &count, &files),
		1);
	ck_assert(same_text(store, sis_path(root, STORE_NAME)));
	ck_assert_uint_eq(count, 1);
	ck_assert(same_text(files[0], inside(STORE_MAX_INDEX)));
	SisFreeAllocatedMemory(store);
	SisFreeAllocatedMemory(files[0]);
	SisFreeAllocatedMemory(files);
	return structure;
}

#endif
