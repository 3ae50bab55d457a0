/* Passes over a volume; compiled as widths_flow.c is. */
#include "widths.h"

#include <sisbkup.h>

#include "sis_fixture.h"
#include "widths_text.h"

#define TELL(out, call)                                                                  \
	do {                                                                             \
		backupapi_set_last_error(0);                                             \
		say(out, #call, (call) ? 0 : (int32_t)backupapi_get_last_error());       \
	} while (0)

static void say_files(FILE *out, PWCHAR *files, ULONG count)
{
	for (ULONG i = 0; i < count; i++) {
		fprintf(out, "\t%s\n", utf8(files[i]));
		SisFreeAllocatedMemory(files[i]);
	}
	SisFreeAllocatedMemory(files);
}

static void say_store(FILE *out, PWCHAR store)
{
	fprintf(out, "\t%s\n", utf8(store));
	SisFreeAllocatedMemory(store);
}

static void backup(FILE *out, const char *volume, const void *reparse)
{
	WCHAR *root = wide(volume);
	void *data = keep(reparse, 72);
	PVOID pass = POISON, matching = POISON;
	PWCHAR store = POISON, *files = POISON;
	ULONG count = 99;

	TELL(out, SisCreateBackupStructure(root, &pass, &store, &count, &files));
	say_store(out, store);
	say_files(out, files, count);
	for (int i = 0; i < 2; i++) {
		TELL(out, SisCSFilesToBackupForLink(
				  pass, data, 72, root, &matching, &count, &files));
		fprintf(out, "\t%s\n", matching == root ? "the same" : "new");
		say_files(out, files, count);
	}
	TELL(out, SisFreeBackupStructure(pass));
}

static void restore(FILE *out, const char *volume, const char *link, const void *reparse,
	const void *content, size_t size)
{
	void *data = keep(reparse, 72);
	PVOID pass = POISON;
	PWCHAR store = POISON, *files = POISON;
	ULONG count = 99;
	WCHAR *name;

	TELL(out, SisCreateRestoreStructure(wide(volume), &pass, &store, &count, &files));
	say_store(out, store);
	say_files(out, files, count);
	sis_put_bare(link, reparse, size);
	TELL(out, SisRestoredLink(pass, wide(link), data, 72, &count, &files));
	ck_assert_uint_eq(count, 1);
	name = wide(utf8(files[0]));
	say_files(out, files, count);
	TELL(out, SisRestoredCommonStoreFile(pass, name));
	sis_put_store_file(volume, SIS_GUID_A, content, size);
	TELL(out, SisRestoredCommonStoreFile(pass, name));
	TELL(out, SisFreeRestoreStructure(pass));
}

static void invalid(FILE *out)
{
	for (size_t i = 0; i < INVALID_TEXTS; i++) {
		WCHAR *bad = invalid_text(i);
		char data[72] = {0};
		PVOID pass = POISON;
		PWCHAR store = POISON, *files = POISON;
		ULONG count = 99;

		TELL(out, SisCreateBackupStructure(bad, &pass, &store, &count, &files));
		TELL(out, SisCreateRestoreStructure(bad, &pass, &store, &count, &files));
		ck_assert(!pass && !store && !count && !files);
		TELL(out, SisRestoredLink(pass, bad, data, 72, &count, &files));
		TELL(out, SisRestoredCommonStoreFile(pass, bad));
	}
}

const struct widths_sis FLOWS = {NAME_OF(FLOWS), sizeof(WCHAR), backup, restore, invalid};
